//! Writes the conversation: neighbouring turns of the assistant become one message, because a call of a function must stand in the same
//! message as the words before it; each result becomes a `tool` message right after its call. Turns of the user stay apart: together they
//! would be a list, which servers like DeepSeek refuse.

use serde_json::{Map, Value, json};

use super::write_ask::Thoughts;
use super::write_content::{content, texts};
use crate::ask::{Ask, Part, Role, Said};
use crate::error::CannotHonour;
use crate::failure;
use crate::order::results_after_calls;
use crate::wire::arguments_text;

/// The messages of a call.
pub(super) fn messages(ask: &Ask, thoughts: Thoughts) -> Result<Vec<Value>, CannotHonour> {
    let mut out = Vec::new();
    if !ask.system.is_empty() {
        out.push(system(&ask.system.iter().collect::<Vec<_>>())?);
    }
    for turns in results_after_calls(&ask.turns).chunk_by(|one, next| one.role == next.role) {
        let parts: Vec<_> = turns.iter().flat_map(|turn| &turn.parts).copied().collect();
        match turns.first().map(|turn| turn.role) {
            Some(Role::User) => turns.iter().try_for_each(|turn| user(&turn.parts, &mut out))?,
            Some(Role::Assistant) => out.extend(handed_back(parts, thoughts)?.map(|parts| assistant(&parts)).transpose()?),
            Some(Role::System) => out.push(system(&parts)?),
            None => {}
        }
    }
    Ok(out)
}

/// Every server of the dialect knows `system`; `developer` only OpenAI, which takes both.
fn system(parts: &[&Said<Part>]) -> Result<Value, CannotHonour> {
    Ok(json!({"role": "system", "content": texts(parts)?}))
}

fn user(parts: &[&Said<Part>], out: &mut Vec<Value>) -> Result<(), CannotHonour> {
    for group in parts.chunk_by(|one, next| !is_result(one) && !is_result(next)) {
        match group {
            [Said { value: Part::ToolResult { id, content, is_error, .. }, field }] => {
                let said = texts(&failure::in_words(content, (field, *is_error)).iter().collect::<Vec<_>>())?;
                out.push(json!({"role": "tool", "tool_call_id": id, "content": said}));
            }
            words => out.push(json!({"role": "user", "content": content(words)?})),
        }
    }
    Ok(())
}

const fn is_result(said: &Said<Part>) -> bool {
    matches!(said.value, Part::ToolResult { .. })
}

/// What of an assistant's turn goes to this upstream; nothing where that was thoughts alone.
fn handed_back(parts: Vec<&Said<Part>>, thoughts: Thoughts) -> Result<Option<Vec<&Said<Part>>>, CannotHonour> {
    let mut told = parts.iter().filter(|said| is_thought(&said.value) && !said.value.is_nothing());
    if let (Thoughts::Refuse, Some(said)) = (thoughts, told.next()) {
        return Err(said.cannot("holds thoughts, which this offering does not take back: leave them out"));
    }
    let goes = |said: &&Said<Part>| !is_thought(&said.value) || (thoughts == Thoughts::Send && !said.value.is_nothing());
    let was_empty = parts.is_empty();
    let kept: Vec<_> = parts.into_iter().filter(goes).collect();
    Ok((was_empty || !kept.is_empty()).then_some(kept))
}

const fn is_thought(part: &Part) -> bool {
    matches!(part, Part::Thinking { .. } | Part::RedactedThinking { .. })
}

/// Thoughts, words and calls have a member each, so their order among each other is the one that the dialect has.
fn assistant(parts: &[&Said<Part>]) -> Result<Value, CannotHonour> {
    let mut words = Vec::new();
    let mut refusals = Vec::new();
    let mut calls = Vec::new();
    let mut thoughts = Vec::new();
    let mut details = Vec::new();
    for said in parts {
        match &said.value {
            Part::Text { .. } => words.push(*said),
            Part::Refusal { text } => refusals.push(text.as_str()),
            Part::ToolCall { id, name, arguments, .. } => calls.push(tool_call(id, name, arguments)),
            Part::Thinking { .. } => thoughts.push(*said),
            // OpenRouter's shape, in which they came.
            Part::RedactedThinking { data } => details.push(json!({"type": "reasoning.encrypted", "data": data})),
            Part::Image { .. } | Part::File { .. } | Part::Audio(_) | Part::ToolResult { .. } => {
                return Err(said.cannot("cannot be said by the assistant to a chat completions upstream: say it as the user"));
            }
        }
    }
    let nothing_else = refusals.is_empty() && calls.is_empty();
    let content = if words.is_empty() && !nothing_else { Value::Null } else { texts(&words)? };
    let mut message = Map::from_iter([("role".to_owned(), "assistant".into()), ("content".to_owned(), content)]);
    message.extend(thinking(&thoughts)?);
    if !details.is_empty() {
        message.insert("reasoning_details".to_owned(), details.into());
    }
    if !refusals.is_empty() {
        message.insert("refusal".to_owned(), refusals.concat().into());
    }
    if !calls.is_empty() {
        message.insert("tool_calls".to_owned(), calls.into());
    }
    Ok(message.into())
}

/// Calls without arguments are an empty object for every server; some refuse empty text.
fn tool_call(id: &str, name: &str, arguments: &str) -> Value {
    json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments_text(arguments)}})
}

/// One member for all thoughts, so only a single one can keep its signature.
fn thinking(thoughts: &[&Said<Part>]) -> Result<Map<String, Value>, CannotHonour> {
    let mut texts = Vec::new();
    let mut members = Map::new();
    for said in thoughts {
        let Part::Thinking { text, signature } = &said.value else { continue };
        texts.push(text.as_str());
        if let Some(signature) = signature {
            if thoughts.len() > 1 {
                return Err(said.cannot(
                    "is one of several signed thoughts in a turn, and a chat completions upstream takes one: leave all but one out",
                ));
            }
            members.insert("reasoning_signature".to_owned(), signature.clone().into());
        }
    }
    if !texts.is_empty() {
        members.shift_insert(0, "reasoning_content".to_owned(), texts.join("\n").into());
    }
    Ok(members)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask::Turn;

    fn write(turns: Vec<(Role, Vec<Part>)>) -> Result<Value, CannotHonour> {
        write_to(Thoughts::Send, turns)
    }

    fn write_to(thoughts: Thoughts, turns: Vec<(Role, Vec<Part>)>) -> Result<Value, CannotHonour> {
        let said = |parts: Vec<Part>| parts.into_iter().enumerate().map(|(at, part)| Said::new(format!("p{at}"), part)).collect();
        let turns = turns.into_iter().map(|(role, parts)| Turn { role, parts: said(parts) }).collect();
        messages(&Ask { turns, ..Ask::default() }, thoughts).map(Value::from)
    }

    #[track_caller]
    fn check(turns: Vec<(Role, Vec<Part>)>, expected: Value) {
        assert_eq!(write(turns).unwrap(), expected);
    }

    fn call(id: &str) -> Part {
        Part::ToolCall { id: id.into(), name: "f".into(), arguments: String::new(), cache: None }
    }

    fn result_of(id: &str, content: Vec<Part>, is_error: bool) -> Part {
        let content = content.into_iter().map(|part| Said::new("c", part)).collect();
        Part::ToolResult { id: id.into(), content, is_error, cache: None }
    }

    fn thought(text: &str, signature: Option<&str>) -> Part {
        Part::Thinking { text: text.into(), signature: signature.map(str::to_owned) }
    }

    #[test]
    fn neighbours_are_one_message_and_results_stand_alone() {
        check(
            vec![
                (Role::Assistant, vec![thought("t", Some("s"))]),
                (Role::Assistant, vec![Part::text("w")]),
                (Role::Assistant, vec![call("a")]),
                (Role::Assistant, vec![call("b")]),
                (Role::User, vec![result_of("a", vec![Part::text("1")], false)]),
                (Role::User, vec![result_of("b", vec![], false), Part::text("and"), Part::text("now")]),
                (Role::User, vec![Part::text("please")]),
                (Role::System, vec![Part::text("be brief")]),
            ],
            json!([
                {"role": "assistant", "content": "w", "reasoning_content": "t", "reasoning_signature": "s", "tool_calls": [
                    {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}},
                    {"id": "b", "type": "function", "function": {"name": "f", "arguments": "{}"}},
                ]},
                {"role": "tool", "tool_call_id": "a", "content": "1"},
                {"role": "tool", "tool_call_id": "b", "content": ""},
                {"role": "user", "content": "and\n\nnow"},
                {"role": "user", "content": "please"},
                {"role": "system", "content": "be brief"},
            ]),
        );
    }

    #[test]
    fn results_follow_their_calls() {
        let calls = json!([{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}]);
        check(
            vec![
                (Role::Assistant, vec![call("a")]),
                (Role::User, vec![Part::text("wait")]),
                (Role::System, vec![Part::text("be brief")]),
                (Role::User, vec![result_of("a", vec![Part::text("1")], false)]),
            ],
            json!([
                {"role": "assistant", "content": null, "tool_calls": calls},
                {"role": "tool", "tool_call_id": "a", "content": "1"},
                {"role": "user", "content": "wait"},
                {"role": "system", "content": "be brief"},
            ]),
        );
    }

    #[test]
    fn a_failed_function_is_said_in_words() {
        let check = |content: Vec<Part>, expected: Value| {
            check(
                vec![(Role::User, vec![result_of("a", content, true)])],
                json!([{"role": "tool", "tool_call_id": "a", "content": expected}]),
            );
        };
        check(vec![Part::text("no such city")], json!("Error: no such city"));
        check(vec![Part::text("ERROR 404")], json!("ERROR 404"));
        check(vec![], json!("Error"));
        check(vec![Part::text("a"), Part::text("b")], json!("Error: a\n\nb"));
    }

    #[test]
    fn thoughts_go_where_they_are_taken() {
        let turns = || {
            vec![
                (Role::User, vec![Part::text("q")]),
                (Role::Assistant, vec![thought("t", Some("s")), Part::RedactedThinking { data: "x".into() }]),
                (Role::User, vec![Part::text("r")]),
                (Role::Assistant, vec![thought("t", None), Part::text("w")]),
            ]
        };
        let without = json!([
            {"role": "user", "content": "q"}, {"role": "user", "content": "r"}, {"role": "assistant", "content": "w"},
        ]);
        assert_eq!(write_to(Thoughts::LeaveOut, turns()).unwrap(), without);
        assert_eq!(write_to(Thoughts::Refuse, turns()).unwrap_err().field(), "p0");
        let nothing = vec![(Role::Assistant, vec![thought("", None), Part::text("w")])];
        for thoughts in [Thoughts::Send, Thoughts::LeaveOut, Thoughts::Refuse] {
            assert_eq!(write_to(thoughts, nothing.clone()).unwrap(), json!([{"role": "assistant", "content": "w"}]));
        }
        let sent = write_to(Thoughts::Send, vec![(Role::Assistant, vec![thought("t", None)])]).unwrap();
        assert_eq!(sent[0]["reasoning_content"], "t");
        let sent = write_to(Thoughts::Send, vec![(Role::Assistant, vec![Part::RedactedThinking { data: "x".into() }])]).unwrap();
        assert_eq!(sent[0]["reasoning_details"], json!([{"type": "reasoning.encrypted", "data": "x"}]));
    }

    #[test]
    fn an_assistant_without_words() {
        check(
            vec![(Role::Assistant, vec![call("a")])],
            json!([{"role": "assistant", "content": null, "tool_calls":
            [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}]),
        );
        check(
            vec![(Role::Assistant, vec![Part::Refusal { text: "no".into() }])],
            json!([{"role": "assistant", "content": null, "refusal": "no"}]),
        );
        check(
            vec![(Role::Assistant, vec![thought("a", None), thought("b", None)])],
            json!([{"role": "assistant", "content": "", "reasoning_content": "a\nb"}]),
        );
    }

    #[test]
    fn what_cannot_be_said_is_named() {
        assert_eq!(write(vec![(Role::Assistant, vec![thought("a", None), thought("b", Some("s"))])]).unwrap_err().field(), "p1");
        assert_eq!(write(vec![(Role::User, vec![call("a")])]).unwrap_err().field(), "p0");
        let picture = Part::Audio(crate::ask::Media { kind: None, source: crate::ask::MediaSource::Text(String::new()), detail: None });
        assert_eq!(write(vec![(Role::User, vec![result_of("a", vec![picture], false)])]).unwrap_err().field(), "c");
    }
}
