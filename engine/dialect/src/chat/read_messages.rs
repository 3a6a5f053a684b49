//! Reads the messages of a caller: instructions at the beginning become the system, results of functions become turns of the user.
//!
//! An assistant's message is often an earlier answer handed back as it was: members that only answers have pass where they are empty.

use serde_json::Value;

use super::read_ask::{agreeing, needed_object, only_functions};
use super::read_content::content;
use crate::ask::{Part, Role, Said, Turn};
use crate::error::CannotHonour;
use crate::wire::Fields;

/// Takes `messages`: the instructions that stand first, and the conversation after them.
pub(super) fn messages(fields: &mut Fields) -> Result<(Vec<Said<Part>>, Vec<Turn>), CannotHonour> {
    let mut system = Vec::new();
    let mut turns = Vec::new();
    for message in fields.list("messages")? {
        let turn = turn(message)?;
        if turn.role == Role::System && turns.is_empty() { system.extend(turn.parts) } else { turns.push(turn) }
    }
    if system.is_empty() && turns.is_empty() {
        return Err(CannotHonour::invalid(fields.field("messages"), "is missing or empty"));
    }
    Ok((system, turns))
}

fn turn(message: Said<Value>) -> Result<Turn, CannotHonour> {
    let field = message.field.clone();
    let mut fields = Fields::of(message)?;
    let role = fields.needed_text("role")?;
    let turn = match role.as_str() {
        "system" | "developer" => Turn { role: Role::System, parts: needed_content(&mut fields, is_text)? },
        "user" => Turn { role: Role::User, parts: needed_content(&mut fields, is_of_user)? },
        "assistant" => Turn { role: Role::Assistant, parts: assistant(&mut fields)? },
        "tool" => Turn { role: Role::User, parts: vec![Said::new(field, tool_result(&mut fields)?)] },
        "function" => return Err(fields.cannot("role", "is deprecated and cannot be said elsewhere: use `tool`")),
        _ => return Err(CannotHonour::invalid(fields.field("role"), "is not `developer`, `system`, `user`, `assistant` or `tool`")),
    };
    fields.done()?;
    Ok(turn)
}

fn needed_content(fields: &mut Fields, fits: fn(&Part) -> bool) -> Result<Vec<Said<Part>>, CannotHonour> {
    let said = fields.take("content").ok_or_else(|| CannotHonour::invalid(fields.field("content"), "is missing"))?;
    content(said, fits)
}

/// The thoughts, then the words, then the calls: the order in which a model makes them, which this dialect does not write down.
fn assistant(fields: &mut Fields) -> Result<Vec<Said<Part>>, CannotHonour> {
    let mut parts = thoughts(fields)?;
    let content = fields.take("content").map(|said| content(said, is_of_assistant)).transpose()?.unwrap_or_default();
    let refusal = fields.text("refusal")?.map(|said| Said::new(said.field, Part::Refusal { text: said.value }));
    let calls = fields.list("tool_calls")?.into_iter().map(tool_call).collect::<Result<Vec<_>, _>>()?;
    parts.extend(refusal);
    parts.extend(calls);
    // An empty text beside something else is how servers write that there is none.
    let (mut words, alone) = (content, parts.is_empty());
    words.retain(|said| alone || !matches!(&said.value, Part::Text { text, cache: None } if text.is_empty()));
    let before = parts.iter().take_while(|said| is_thought(&said.value)).count();
    parts.splice(before..before, words);
    what_only_answers_have(fields)?;
    if parts.is_empty() {
        return Err(CannotHonour::invalid(fields.field("content"), "is missing, and so are `tool_calls` and `refusal`"));
    }
    Ok(parts)
}

/// `reasoning_content` (DeepSeek and most gateways) or `reasoning` (vLLM, OpenRouter), with its signature, and OpenRouter's shape of
/// thoughts that only their operator can read.
fn thoughts(fields: &mut Fields) -> Result<Vec<Said<Part>>, CannotHonour> {
    let text = agreeing(fields.text("reasoning_content")?, fields.text("reasoning")?)?;
    let signature = fields.text("reasoning_signature")?;
    let field = text.as_ref().or(signature.as_ref()).map(|said| said.field.clone());
    let (text, signature) = (text.map(|said| said.value).unwrap_or_default(), signature.map(|said| said.value));
    let says_something = !text.is_empty() || signature.is_some();
    let thinking = field.filter(|_| says_something).map(|field| Ok(Said::new(field, Part::Thinking { text, signature })));
    thinking.into_iter().chain(fields.list("reasoning_details")?.into_iter().map(redacted)).collect()
}

fn redacted(said: Said<Value>) -> Result<Said<Part>, CannotHonour> {
    let field = said.field.clone();
    let mut fields = Fields::of(said)?;
    if fields.needed_text("type")? != "reasoning.encrypted" {
        return Err(fields.cannot("type", "must be `reasoning.encrypted`: hand other thoughts back in `reasoning_content`"));
    }
    let data = fields.needed_text("data")?;
    fields.done()?;
    Ok(Said::new(field, Part::RedactedThinking { data }))
}

fn tool_call(said: Said<Value>) -> Result<Said<Part>, CannotHonour> {
    let field = said.field.clone();
    let mut fields = Fields::of(said)?;
    only_functions(&mut fields)?;
    let id = fields.needed_text("id")?;
    // Left behind by clients that put streamed calls together; says no more than the place in the list.
    fields.count("index")?;
    let mut function = needed_object(&mut fields, "function")?;
    let call = Part::ToolCall { id, name: function.needed_text("name")?, arguments: function.needed_text("arguments")?, cache: None };
    function.done()?;
    fields.done()?;
    Ok(Said::new(field, call))
}

/// The `name` of the function, which some clients add, stands in the call already.
fn tool_result(fields: &mut Fields) -> Result<Part, CannotHonour> {
    fields.text("name")?;
    let id = fields.needed_text("tool_call_id")?;
    Ok(Part::ToolResult { id, content: needed_content(fields, is_text)?, is_error: false, cache: None })
}

fn what_only_answers_have(fields: &mut Fields) -> Result<(), CannotHonour> {
    match fields.list("annotations")?.into_iter().next() {
        Some(said) => Err(said.cannot("cannot be said in the dialect of the offering that answers: leave annotations out")),
        None => Ok(()),
    }
}

const fn is_text(part: &Part) -> bool {
    matches!(part, Part::Text { .. })
}

const fn is_of_user(part: &Part) -> bool {
    matches!(part, Part::Text { .. } | Part::Image { .. } | Part::File { .. } | Part::Audio(_))
}

const fn is_of_assistant(part: &Part) -> bool {
    matches!(part, Part::Text { .. } | Part::Refusal { .. })
}

const fn is_thought(part: &Part) -> bool {
    matches!(part, Part::Thinking { .. } | Part::RedactedThinking { .. })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(messages: &str) -> Result<(Vec<Said<Part>>, Vec<Turn>), CannotHonour> {
        super::messages(&mut Fields::parse(format!(r#"{{"messages":{messages}}}"#).as_bytes()).unwrap())
    }

    #[track_caller]
    fn check(message: &str, field: &str, invalid: bool) {
        let error = read(&format!("[{message}]")).unwrap_err();
        assert_eq!((error.field(), error.is_invalid()), (field, invalid), "{error}");
    }

    #[test]
    fn what_cannot_be_said_is_named() {
        check(r#"{"role":"user","content":"a","name":"x"}"#, "messages[0].name", false);
        check(r#"{"role":"system","content":"a","name":"x"}"#, "messages[0].name", false);
        check(r#"{"role":"assistant","content":"a","audio":{"id":"x"}}"#, "messages[0].audio", false);
        check(r#"{"role":"assistant","function_call":{"name":"x","arguments":"{}"},"content":"a"}"#, "messages[0].function_call", false);
        check(r#"{"role":"assistant","content":"a","annotations":[{"type":"url_citation"}]}"#, "messages[0].annotations[0]", false);
        check(r#"{"role":"assistant","tool_calls":[{"id":"a","type":"custom","custom":{}}]}"#, "messages[0].tool_calls[0].type", false);
        check(r#"{"role":"assistant","reasoning_details":[{"type":"reasoning.text"}]}"#, "messages[0].reasoning_details[0].type", false);
        check(r#"{"role":"function","name":"f","content":"a"}"#, "messages[0].role", false);
        check(r#"{"role":"narrator","content":"a"}"#, "messages[0].role", true);
        check(r#"{"role":"user"}"#, "messages[0].content", true);
        check(r#"{"role":"user","content":[{"type":"refusal","refusal":"no"}]}"#, "messages[0].content[0]", true);
        check(
            r#"{"role":"system","content":[{"type":"image_url","image_url":{"url":"https://e.com/a"}}]}"#,
            "messages[0].content[0]",
            true,
        );
        check(r#"{"role":"tool","content":"x"}"#, "messages[0].tool_call_id", true);
        check(r#"{"role":"assistant"}"#, "messages[0].content", true);
    }

    #[test]
    fn instructions_are_the_system_only_at_the_beginning() {
        let (system, turns) = read(
            r#"[{"role":"system","content":"a"},{"role":"developer","content":[{"type":"text","text":"b"}]},
                {"role":"user","content":"c"},{"role":"system","content":"d"}]"#,
        )
        .unwrap();
        assert_eq!(system, [Said::new("messages[0].content", Part::text("a")), Said::new("messages[1].content[0]", Part::text("b"))]);
        assert_eq!(turns.iter().map(|turn| turn.role).collect::<Vec<_>>(), [Role::User, Role::System]);
    }

    #[test]
    fn an_answer_can_be_handed_back_as_it_was() {
        let (_, turns) = read(
            r#"[{"role":"assistant","content":"","refusal":null,"annotations":[],"audio":null,"function_call":null,"reasoning_content":"t",
                "reasoning_signature":"s","reasoning_details":[{"type":"reasoning.encrypted","data":"e"}],
                "tool_calls":[{"index":0,"id":"i","type":"function","function":{"name":"f","arguments":""}}]}]"#,
        )
        .unwrap();
        let parts: Vec<_> = turns[0].parts.iter().map(|said| said.value.clone()).collect();
        assert_eq!(
            parts,
            [
                Part::Thinking { text: "t".into(), signature: Some("s".into()) },
                Part::RedactedThinking { data: "e".into() },
                Part::ToolCall { id: "i".into(), name: "f".into(), arguments: String::new(), cache: None },
            ]
        );
    }

    #[test]
    fn words_stand_between_thoughts_and_calls() {
        let (_, turns) = read(
            r#"[{"role":"assistant","tool_calls":[{"id":"i","type":"function","function":{"name":"f","arguments":"{}"}}],"content":"w",
                "reasoning":"t"}]"#,
        )
        .unwrap();
        let fields: Vec<_> = turns[0].parts.iter().map(|said| said.field.as_str()).collect();
        assert_eq!(fields, ["messages[0].reasoning", "messages[0].content", "messages[0].tool_calls[0]"]);
    }
}
