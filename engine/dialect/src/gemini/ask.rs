//! Writes a call as the body of `generateContent`: instructions, conversation, tools, settings.
//!
//! Whether the answer streams is said in the address. Gemini caches by itself, so short cache marks need no word.

use serde_json::{Map, Value, json};

use super::part::{self, CallNames};
use super::{config, tool};
use crate::ask::{Ask, Part, Role, Said, Turn};
use crate::cache::refuse_hour;
use crate::conversation;
use crate::error::CannotHonour;
use crate::order::{Ordered, results_after_calls};

/// Gemini 3 refuses a conversation in which the first call of a step has no signature of the thought behind it. Callers of other dialects
/// cannot hand a signature back, so the call bears the text that Google documents for calls "from a different model", which is not checked
/// (<https://ai.google.dev/gemini-api/docs/thought-signatures>, FAQs).
const UNCHECKED_SIGNATURE: &str = "skip_thought_signature_validator";

/// The body of a call.
///
/// # Errors
/// The first field that Gemini cannot say.
pub fn write_ask(ask: &Ask) -> Result<Vec<u8>, CannotHonour> {
    let ask = &*conversation::with_a_turn(ask);
    if let Some(end_user) = &ask.end_user {
        return Err(end_user.cannot("is an id for the operator's abuse checks, and Gemini has no place for one: leave it out"));
    }
    let mut body = Map::new();
    let system = instructions(&ask.system)?;
    if !system.is_empty() {
        body.insert("systemInstruction".to_owned(), json!({ "parts": system }));
    }
    body.insert("contents".to_owned(), Value::Array(contents(&ask.turns)?));
    tool::write(ask, &mut body)?;
    let config = config::write(ask)?;
    if !config.is_empty() {
        body.insert("generationConfig".to_owned(), Value::Object(config));
    }
    Ok(Value::Object(body).to_string().into_bytes())
}

fn instructions(system: &[Said<Part>]) -> Result<Vec<Value>, CannotHonour> {
    let mut parts = Vec::new();
    for said in system {
        let Part::Text { text, cache } = &said.value else {
            return Err(said.cannot("is not text, and Gemini takes instructions as text only: say it in a message of the user"));
        };
        refuse_hour(&said.field, *cache)?;
        if !text.is_empty() {
            parts.push(json!({ "text": text }));
        }
    }
    Ok(parts)
}

fn contents(turns: &[Turn]) -> Result<Vec<Value>, CannotHonour> {
    let mut names = CallNames::default();
    let mut joined: Vec<(&'static str, Vec<Value>)> = Vec::new();
    for turn in results_after_calls(turns) {
        let Some(role) = role(&turn)? else { continue };
        let mut parts = Vec::new();
        for said in turn.parts {
            parts.extend(part::write(said, &mut names)?);
        }
        match joined.last_mut() {
            Some((last, before)) if *last == role => before.append(&mut parts),
            Some(_) | None if parts.is_empty() => {}
            Some(_) | None => joined.push((role, parts)),
        }
    }
    Ok(joined.into_iter().map(|(role, parts)| json!({ "role": role, "parts": signed(parts) })).collect())
}

/// Gemini's word for who speaks; nothing for a turn that says nothing.
fn role(turn: &Ordered<'_>) -> Result<Option<&'static str>, CannotHonour> {
    match (turn.role, turn.parts.first()) {
        (_, None) => Ok(None),
        (Role::User, Some(_)) => Ok(Some("user")),
        (Role::Assistant, Some(_)) => Ok(Some("model")),
        (Role::System, Some(first)) => {
            Err(first.cannot("is an instruction in mid-conversation, which Gemini does not take: move it to the beginning"))
        }
    }
}

/// The first call of a step bears a signature.
fn signed(mut parts: Vec<Value>) -> Vec<Value> {
    let call = parts.iter_mut().filter_map(Value::as_object_mut).find(|part| part.contains_key("functionCall"));
    if let Some(call) = call {
        call.entry("thoughtSignature").or_insert_with(|| UNCHECKED_SIGNATURE.into());
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask::CacheMark;

    fn turn(role: Role, parts: Vec<Part>) -> Turn {
        Turn { role, parts: parts.into_iter().enumerate().map(|(at, part)| Said::new(format!("parts[{at}]"), part)).collect() }
    }

    fn call(id: &str) -> Part {
        Part::ToolCall { id: id.into(), name: "weather".into(), arguments: String::new(), cache: None }
    }

    #[track_caller]
    fn check(turns: Vec<Turn>, expected: &str) {
        let written = write_ask(&Ask { turns, ..Ask::default() }).map(|body| String::from_utf8(body).unwrap());
        let text = written.unwrap_or_else(|error| error.to_string());
        assert_eq!(text, expected);
    }

    #[test]
    fn neighbours_of_one_role_are_joined() {
        check(
            vec![
                turn(Role::User, vec![Part::text("a")]),
                turn(Role::User, vec![Part::text(""), Part::text("b")]),
                turn(Role::Assistant, vec![]),
            ],
            r#"{"contents":[{"role":"user","parts":[{"text":"a"},{"text":"b"}]}]}"#,
        );
    }

    #[test]
    fn instructions_alone_are_what_the_user_says() {
        let ask = Ask { system: vec![Said::new("s", Part::text("s"))], ..Ask::default() };
        let body = String::from_utf8(write_ask(&ask).unwrap()).unwrap();
        assert_eq!(body, r#"{"contents":[{"role":"user","parts":[{"text":"s"}]}]}"#);
    }

    #[test]
    fn results_follow_their_calls() {
        let result = Part::ToolResult { id: "1".into(), content: Vec::new(), is_error: false, cache: None };
        check(
            vec![turn(Role::Assistant, vec![call("1")]), turn(Role::User, vec![Part::text("a")]), turn(Role::User, vec![result])],
            r#"{"contents":[{"role":"model","parts":[{"functionCall":{"id":"1","name":"weather","args":{}},"thoughtSignature":"skip_thought_signature_validator"}]},{"role":"user","parts":[{"functionResponse":{"id":"1","name":"weather","response":{"output":""}}},{"text":"a"}]}]}"#,
        );
    }

    #[test]
    fn only_the_first_call_of_a_step_is_signed() {
        check(
            vec![turn(Role::Assistant, vec![call("1"), call("2")])],
            r#"{"contents":[{"role":"model","parts":[{"functionCall":{"id":"1","name":"weather","args":{}},"thoughtSignature":"skip_thought_signature_validator"},{"functionCall":{"id":"2","name":"weather","args":{}}}]}]}"#,
        );
    }

    #[test]
    fn what_gemini_cannot_say_is_named() {
        check(
            vec![turn(Role::System, vec![Part::text("a")])],
            "`parts[0]` is an instruction in mid-conversation, which Gemini does not take: move it to the beginning",
        );
        let hour = Part::Text { text: "a".into(), cache: Some(CacheMark::Hour) };
        check(
            vec![turn(Role::User, vec![hour])],
            "`parts[0]` asks to be cached for an hour, which an offering that caches by itself cannot promise: ask for the default time",
        );
        let ask = Ask { end_user: Some(Said::new("user", "x".into())), ..Ask::default() };
        assert_eq!(write_ask(&ask).unwrap_err().field(), "user");
    }
}
