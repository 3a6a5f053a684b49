//! Writes a conversation as `instructions` and `input`. A message of one text is written as that text: the form that every server of this
//! dialect takes.

use serde_json::{Map, Value, json};

use super::mark;
use super::write_content::{input_part, result_output};
use crate::ask::{Ask, Part, Role, Said, Turn};
use crate::cache::refuse_hour;
use crate::conversation::needed_seal;
use crate::error::CannotHonour;
use crate::failure;
use crate::wire::arguments_text;

/// Adds `instructions` and `input` to a body.
pub(super) fn write(ask: &Ask, body: &mut Map<String, Value>) -> Result<(), CannotHonour> {
    let mut items = Vec::new();
    let mut system = ask.system.iter().map(instruction_part).collect::<Result<Vec<_>, _>>()?;
    if let ([said], Some(Part::Text { text, .. })) = (ask.system.as_slice(), ask.system.first().map(|said| &said.value)) {
        refuse_hour(&said.field, said.value.cache())?;
        body.insert("instructions".to_owned(), text.as_str().into());
    } else {
        // `instructions` is one text: several stay apart in a message.
        flush("system", &mut system, &mut items);
    }
    for turn in &ask.turns {
        write_turn(turn, &mut items)?;
    }
    body.insert("input".to_owned(), items.into());
    Ok(())
}

fn write_turn(turn: &Turn, items: &mut Vec<Value>) -> Result<(), CannotHonour> {
    let mut content = Vec::new();
    let role = turn.role.name();
    for said in turn.parts.iter().filter(|said| !said.value.is_nothing()) {
        match written(turn.role, said)? {
            Written::Content(part) => content.push(part),
            Written::Item(item) => {
                flush(role, &mut content, items);
                items.push(item);
            }
        }
    }
    flush(role, &mut content, items);
    Ok(())
}

/// A part of a message, or an item of its own.
enum Written {
    Content(Value),
    Item(Value),
}

fn written(role: Role, said: &Said<Part>) -> Result<Written, CannotHonour> {
    refuse_hour(&said.field, said.value.cache())?;
    match role {
        Role::User => user_part(said),
        Role::Assistant => assistant_part(said),
        Role::System => instruction_part(said).map(Written::Content),
    }
}

fn user_part(said: &Said<Part>) -> Result<Written, CannotHonour> {
    match &said.value {
        Part::Text { .. } | Part::Image { .. } | Part::File { .. } | Part::Audio(_) => input_part(said).map(Written::Content),
        Part::ToolResult { id, content, is_error, .. } => {
            let output = result_output(&failure::in_words(content, (&said.field, *is_error)))?;
            Ok(Written::Item(json!({"type": "function_call_output", "call_id": id, "output": output})))
        }
        Part::Thinking { .. } | Part::RedactedThinking { .. } | Part::Refusal { .. } | Part::ToolCall { .. } => {
            Err(CannotHonour::invalid(&said.field, "is something that only the model says: put it into a message of the assistant"))
        }
    }
}

fn assistant_part(said: &Said<Part>) -> Result<Written, CannotHonour> {
    match &said.value {
        Part::Text { text, .. } => Ok(Written::Content(json!({"type": "output_text", "text": text, "annotations": []}))),
        Part::Refusal { text } => Ok(Written::Content(json!({"type": "refusal", "refusal": text}))),
        Part::ToolCall { id, name, arguments, .. } => {
            Ok(Written::Item(json!({"type": "function_call", "call_id": id, "name": name, "arguments": arguments_text(arguments)})))
        }
        Part::Thinking { text, .. } => {
            Ok(Written::Item(thoughts(text, needed_seal(said, "OpenAI's Responses dialect")?.unwrap_or_default())))
        }
        Part::RedactedThinking { .. } => Err(said.cannot("can only be read by the operator that wrote it: leave it out")),
        Part::Image { .. } | Part::File { .. } | Part::Audio(_) | Part::ToolResult { .. } => {
            Err(said.cannot("stands in a message of the assistant, where OpenAI takes text only: put it into a message of the user"))
        }
    }
}

/// Thoughts that go back to where they came from, under the id that they were signed with.
fn thoughts(text: &str, signature: &str) -> Value {
    let (id, encrypted) = mark::id_and_encrypted(signature);
    let summary = if text.is_empty() { json!([]) } else { json!([{"type": "summary_text", "text": text}]) };
    let mut item = Map::from_iter([("type".to_owned(), "reasoning".into())]);
    item.extend(id.map(|id| ("id".to_owned(), id.into())));
    item.insert("summary".to_owned(), summary);
    item.insert("encrypted_content".to_owned(), encrypted.into());
    Value::Object(item)
}

fn instruction_part(said: &Said<Part>) -> Result<Value, CannotHonour> {
    refuse_hour(&said.field, said.value.cache())?;
    match &said.value {
        Part::Text { text, .. } => Ok(json!({"type": "input_text", "text": text})),
        Part::Image { .. }
        | Part::File { .. }
        | Part::Audio(_)
        | Part::Thinking { .. }
        | Part::RedactedThinking { .. }
        | Part::Refusal { .. }
        | Part::ToolCall { .. }
        | Part::ToolResult { .. } => Err(said.cannot("is not text, and instructions are text only: put it into a message of the user")),
    }
}

/// Makes one message of the content so far.
fn flush(role: &str, content: &mut Vec<Value>, items: &mut Vec<Value>) {
    let content = std::mem::take(content);
    let written = match content.as_slice() {
        [] => return,
        [only] if only.get("text").is_some() => only.get("text").cloned().unwrap_or_default(),
        _ => Value::Array(content),
    };
    items.push(json!({"type": "message", "role": role, "content": written}));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask::CacheMark;

    fn turn(role: Role, parts: Vec<Part>) -> Ask {
        let parts = parts.into_iter().enumerate().map(|(at, part)| Said::new(format!("p[{at}]"), part)).collect();
        Ask { turns: vec![Turn { role, parts }], ..Ask::default() }
    }

    fn check(ask: Ask, expected: Value) {
        let mut body = Map::new();
        write(&ask, &mut body).unwrap();
        assert_eq!(body["input"], expected);
    }

    fn check_error(role: Role, part: Part) {
        let error = write(&turn(role, vec![Part::text("x"), part]), &mut Map::new()).unwrap_err();
        assert_eq!(error.field(), "p[1]", "{error}");
    }

    #[test]
    fn order_is_kept_around_items() {
        let call = |id: &str| Part::ToolCall { id: id.into(), name: "f".into(), arguments: "{}".into(), cache: None };
        let signed = Part::Thinking { text: "hm".into(), signature: Some("rs_1:enc".into()) };
        let item = json!({"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"});
        check(
            turn(Role::Assistant, vec![signed, Part::text("a"), call("c1"), Part::text("b"), Part::Refusal { text: "no".into() }]),
            json!([
                {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm"}], "encrypted_content": "enc"},
                {"type": "message", "role": "assistant", "content": "a"},
                item,
                {"type": "message", "role": "assistant", "content": [
                    {"type": "output_text", "text": "b", "annotations": []}, {"type": "refusal", "refusal": "no"}]},
            ]),
        );
    }

    #[test]
    fn thoughts_of_nothing_say_nothing() {
        let thought = Part::Thinking { text: String::new(), signature: None };
        check(turn(Role::Assistant, vec![thought, Part::text("a")]), json!([{"type": "message", "role": "assistant", "content": "a"}]));
    }

    #[test]
    fn a_failed_function_is_said_in_words() {
        let content = vec![Said::new("c", Part::text("no such city"))];
        let failed = Part::ToolResult { id: "c1".into(), content, is_error: true, cache: None };
        check(turn(Role::User, vec![failed]), json!([{"type": "function_call_output", "call_id": "c1", "output": "Error: no such city"}]));
    }

    #[test]
    fn several_instructions_stay_apart() {
        let ask = Ask { system: vec![Said::new("s[0]", Part::text("a")), Said::new("s[1]", Part::text("b"))], ..Ask::default() };
        let parts = json!([{"type": "input_text", "text": "a"}, {"type": "input_text", "text": "b"}]);
        check(ask, json!([{"type": "message", "role": "system", "content": parts}]));
    }

    #[test]
    fn nothing_is_left_out_silently() {
        check_error(Role::Assistant, Part::Thinking { text: "hm".into(), signature: None });
        check_error(Role::Assistant, Part::Thinking { text: "hm".into(), signature: Some(String::new()) });
        check_error(Role::Assistant, Part::RedactedThinking { data: "AAA".into() });
        check_error(Role::User, Part::Refusal { text: "no".into() });
        check_error(Role::System, Part::RedactedThinking { data: "AAA".into() });
        check_error(Role::User, Part::Text { text: "x".into(), cache: Some(CacheMark::Hour) });
    }
}
