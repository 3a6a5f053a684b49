//! Writes a call as the body of `Converse`: instructions, conversation, tools, settings.
//!
//! Whether the answer streams is said in the address. A wish to cache becomes a block of its own after the part that bears it.

use serde_json::{Map, Value, json};

use super::media::DocumentNames;
use super::{config, part, tool};
use crate::ask::{Ask, CacheMark, Part, Role, Said, Turn};
use crate::conversation;
use crate::error::CannotHonour;
use crate::order::results_after_calls;

/// The most characters of a value in `requestMetadata`.
const METADATA_CHARS_MAX: usize = 256;

/// The body of a call to `model`: an id, an inference profile, or the ARN of either.
///
/// # Errors
/// The first field that Bedrock cannot say.
pub fn write_ask(ask: &Ask, model: &str) -> Result<Vec<u8>, CannotHonour> {
    let ask = &*conversation::without_blank(ask);
    let ask = &*conversation::with_a_turn(ask);
    let mut body = Map::new();
    let system = instructions(&ask.system)?;
    if !system.is_empty() {
        body.insert("system".to_owned(), Value::Array(system));
    }
    body.insert("messages".to_owned(), Value::Array(messages(&ask.turns)?));
    config::write(ask, model, &mut body)?;
    tool::write(ask, &mut body)?;
    if let Some(end_user) = &ask.end_user {
        body.insert("requestMetadata".to_owned(), metadata(end_user)?);
    }
    Ok(Value::Object(body).to_string().into_bytes())
}

/// Bedrock has no place of its own for the end user, but takes pairs by which calls are told apart in its logs.
fn metadata(end_user: &Said<String>) -> Result<Value, CannotHonour> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c.is_ascii_whitespace() || ":_@$#=/+,-.".contains(c);
    if end_user.value.len() > METADATA_CHARS_MAX || !end_user.value.chars().all(allowed) {
        return Err(end_user.cannot(
            "names the end user, and Bedrock takes up to 256 letters, digits, spaces and `:_@$#=/+,-.` for that: give such an id, or leave it out",
        ));
    }
    Ok(json!({ "user_id": end_user.value }))
}

/// The block that asks for everything before it to be cached.
pub(super) fn cache_point(cache: Option<CacheMark>) -> Option<Value> {
    match cache? {
        CacheMark::Short => Some(json!({ "cachePoint": { "type": "default" } })),
        CacheMark::Hour => Some(json!({ "cachePoint": { "type": "default", "ttl": "1h" } })),
    }
}

fn instructions(system: &[Said<Part>]) -> Result<Vec<Value>, CannotHonour> {
    let mut blocks = Vec::new();
    for said in system {
        let Part::Text { text, cache } = &said.value else {
            return Err(said.cannot("is not text, and Bedrock takes instructions as text only: say it in a message of the user"));
        };
        if !text.is_empty() {
            blocks.push(json!({ "text": text }));
        }
        blocks.extend(cache_point(*cache));
    }
    Ok(blocks)
}

fn messages(turns: &[Turn]) -> Result<Vec<Value>, CannotHonour> {
    let mut names = DocumentNames::default();
    let mut joined: Vec<(Role, Vec<Value>)> = Vec::new();
    for turn in results_after_calls(turns) {
        let mut blocks = Vec::new();
        for said in turn.parts {
            blocks.extend(part::write(said, &mut names)?);
            blocks.extend(cache_point(part::cache(&said.value)));
        }
        match joined.last_mut() {
            Some((last, before)) if *last == turn.role => before.append(&mut blocks),
            Some(_) | None if blocks.is_empty() => {}
            Some(_) | None => joined.push((turn.role, blocks)),
        }
    }
    // Instructions in mid-conversation have a role of their own; a model that does not know it says so.
    Ok(joined.into_iter().map(|(role, content)| json!({ "role": role.name(), "content": content })).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(role: Role, parts: Vec<Part>) -> Turn {
        Turn { role, parts: parts.into_iter().map(|part| Said::new("p", part)).collect() }
    }

    #[track_caller]
    fn check(ask: &Ask, expected: &str) {
        let written = write_ask(ask, "amazon.nova-lite-v1:0").map(|body| String::from_utf8(body).unwrap());
        assert_eq!(written.unwrap_or_else(|error| error.to_string()), expected);
    }

    #[test]
    fn neighbours_of_one_role_are_joined() {
        let turns = vec![
            turn(Role::User, vec![Part::text("a")]),
            turn(Role::User, vec![Part::text(""), Part::text("b")]),
            turn(Role::Assistant, vec![Part::text("")]),
            turn(Role::System, vec![Part::text("c")]),
        ];
        check(
            &Ask { turns, ..Ask::default() },
            r#"{"messages":[{"role":"user","content":[{"text":"a"},{"text":"b"}]},{"role":"system","content":[{"text":"c"}]}]}"#,
        );
    }

    #[test]
    fn results_follow_their_calls() {
        let call = Part::ToolCall { id: "1".into(), name: "f".into(), arguments: String::new(), cache: None };
        let content = vec![Said::new("c", Part::text("18"))];
        let result = Part::ToolResult { id: "1".into(), content, is_error: false, cache: None };
        let turns = vec![turn(Role::Assistant, vec![call]), turn(Role::User, vec![Part::text("a")]), turn(Role::User, vec![result])];
        check(
            &Ask { turns, ..Ask::default() },
            r#"{"messages":[{"role":"assistant","content":[{"toolUse":{"toolUseId":"1","name":"f","input":{}}}]},{"role":"user","content":[{"toolResult":{"toolUseId":"1","content":[{"text":"18"}]}},{"text":"a"}]}]}"#,
        );
    }

    #[test]
    fn cache_marks_stand_after_what_they_mark() {
        let marked = |text: &str, cache| Part::Text { text: text.into(), cache: Some(cache) };
        let ask = Ask {
            system: vec![Said::new("s", marked("be brief", CacheMark::Hour)), Said::new("s", Part::text(" "))],
            turns: vec![turn(Role::User, vec![marked("a", CacheMark::Short), Part::text("b")])],
            ..Ask::default()
        };
        check(
            &ask,
            r#"{"system":[{"text":"be brief"},{"cachePoint":{"type":"default","ttl":"1h"}}],"messages":[{"role":"user","content":[{"text":"a"},{"cachePoint":{"type":"default"}},{"text":"b"}]}]}"#,
        );
    }

    #[test]
    fn nobody_speaks_alone_or_says_nothing() {
        let said = |text: &str| Said::new("p", Part::text(text));
        check(&Ask { system: vec![said("s")], ..Ask::default() }, r#"{"messages":[{"role":"user","content":[{"text":"s"}]}]}"#);
        let result = Part::ToolResult { id: "1".into(), content: vec![said("\n")], is_error: false, cache: None };
        check(
            &Ask { turns: vec![turn(Role::User, vec![result, Part::text(" "), Part::text("b")])], ..Ask::default() },
            r#"{"messages":[{"role":"user","content":[{"toolResult":{"toolUseId":"1","content":[]}},{"text":"b"}]}]}"#,
        );
    }

    #[test]
    fn an_end_user_is_said_where_the_id_fits() {
        let ask = |id: &str| Ask { end_user: Some(Said::new("metadata.user_id", id.into())), ..Ask::default() };
        check(&ask("u-1@b.org"), r#"{"messages":[],"requestMetadata":{"user_id":"u-1@b.org"}}"#);
        assert!(write_ask(&ask(&"x".repeat(256)), "m").is_ok());
        for id in [r#"{"device":1}"#, "é", &"x".repeat(257)] {
            assert_eq!(write_ask(&ask(id), "m").unwrap_err().field(), "metadata.user_id");
        }
    }
}
