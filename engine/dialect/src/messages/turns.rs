//! The conversation: reads messages, and writes them as Anthropic wants them: sides alternate, results of functions come right after
//! their calls.

use serde_json::{Value, json};

use super::blocks;
use crate::ask::{Part, Role, Said, Turn};
use crate::error::CannotHonour;
use crate::order::results_after_calls;
use crate::wire::{self, Fields};

/// Reads `messages`.
pub(super) fn read(fields: &mut Fields) -> Result<Vec<Turn>, CannotHonour> {
    let Some(said) = fields.take("messages") else {
        return Err(CannotHonour::invalid("messages", "is missing"));
    };
    let messages = wire::items(said)?;
    if messages.is_empty() {
        return Err(CannotHonour::invalid("messages", "is empty"));
    }
    messages.into_iter().map(read_message).collect()
}

fn read_message(said: Said<Value>) -> Result<Turn, CannotHonour> {
    let mut message = Fields::of(said)?;
    let role = read_role(&mut message)?;
    let Some(content) = message.take("content") else {
        return Err(CannotHonour::invalid(message.field("content"), "is missing"));
    };
    let parts = blocks::read_content(content)?;
    message.done()?;
    match parts.iter().find(|part| !may_say(role, &part.value)) {
        Some(part) => Err(CannotHonour::invalid(&part.field, "is of a type that this role cannot say")),
        None => Ok(Turn { role, parts }),
    }
}

fn read_role(message: &mut Fields) -> Result<Role, CannotHonour> {
    match message.needed_text("role")?.as_str() {
        "user" => Ok(Role::User),
        "assistant" => Ok(Role::Assistant),
        "system" => Ok(Role::System),
        _ => Err(CannotHonour::invalid(message.field("role"), "is not `user`, `assistant` or `system`")),
    }
}

const fn may_say(role: Role, part: &Part) -> bool {
    match part {
        Part::Text { .. } => true,
        Part::Image { .. } | Part::File { .. } | Part::Audio(_) | Part::ToolResult { .. } => matches!(role, Role::User),
        Part::Thinking { .. } | Part::RedactedThinking { .. } | Part::Refusal { .. } | Part::ToolCall { .. } => {
            matches!(role, Role::Assistant)
        }
    }
}

/// Writes `messages`.
pub(super) fn write(turns: &[Turn]) -> Result<Vec<Value>, CannotHonour> {
    let joined = join(turns);
    check_instructions(&joined)?;
    joined.into_iter().map(write_turn).collect()
}

fn write_turn((role, parts): (Role, Vec<&Said<Part>>)) -> Result<Value, CannotHonour> {
    let role = match role {
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::System => "system",
    };
    let content = parts.into_iter().map(blocks::write).collect::<Result<Vec<_>, _>>()?;
    Ok(json!({ "role": role, "content": content }))
}

/// Joins neighbours of one role, and leaves out what says nothing: Anthropic refuses empty text.
fn join(turns: &[Turn]) -> Vec<(Role, Vec<&Said<Part>>)> {
    let mut joined: Vec<(Role, Vec<&Said<Part>>)> = Vec::new();
    for turn in results_after_calls(turns) {
        let parts: Vec<_> = turn.parts.into_iter().filter(|part| blocks::says_something(&part.value)).collect();
        match joined.last_mut() {
            Some((role, open)) if *role == turn.role => open.extend(parts),
            Some(_) | None if parts.is_empty() => {}
            Some(_) | None => joined.push((turn.role, parts)),
        }
    }
    joined
}

/// Instructions in mid-conversation are allowed (by Claude Opus 4.8 and later; earlier models refuse them by name) right after a user turn,
/// if the model speaks next. See "Mid-conversation system messages" in Anthropic's documentation.
fn check_instructions(joined: &[(Role, Vec<&Said<Part>>)]) -> Result<(), CannotHonour> {
    let mut before = None;
    let mut turns = joined.iter().peekable();
    while let Some((role, parts)) = turns.next() {
        let after = turns.peek().map(|(role, _)| *role);
        let fits = before == Some(Role::User) && after.is_none_or(|after| after == Role::Assistant);
        if *role == Role::System
            && !fits
            && let Some(part) = parts.first()
        {
            return Err(part.cannot(
                "is an instruction where Anthropic upstreams take none: put it first, or right before an answer of the assistant",
            ));
        }
        before = Some(*role);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(role: Role, text: &str) -> Turn {
        Turn { role, parts: vec![Said::new(text, Part::text(text))] }
    }

    /// `u`, `a`, `s` are turns with a text; `f` is the call of a function, `r` its result, `-` an empty text of the assistant, `t` a thought without
    /// text or signature.
    fn check(turns: &str, expected: &str) {
        let turns: Vec<_> = turns.chars().map(one).collect();
        let written = write(&turns).map_or_else(|error| error.to_string(), |messages| Value::from(messages).to_string());
        assert!(written.contains(expected), "{written}");
    }

    fn one(sign: char) -> Turn {
        let call = Part::ToolCall { id: "t".to_owned(), name: "f".to_owned(), arguments: String::new(), cache: None };
        let result = Part::ToolResult { id: "t".to_owned(), content: Vec::new(), is_error: false, cache: None };
        let thought = Part::Thinking { text: String::new(), signature: None };
        match sign {
            't' => Turn { role: Role::Assistant, parts: vec![Said::new("t", thought)] },
            'a' => turn(Role::Assistant, "a"),
            's' => turn(Role::System, "s"),
            '-' => turn(Role::Assistant, ""),
            'f' => Turn { role: Role::Assistant, parts: vec![Said::new("f", call)] },
            'r' => Turn { role: Role::User, parts: vec![Said::new("r", result)] },
            _ => turn(Role::User, "u"),
        }
    }

    #[test]
    fn sides_alternate_and_results_come_first() {
        check("uu", r#"[{"role":"user","content":[{"type":"text","text":"u"},{"type":"text","text":"u"}]}]"#);
        check("uta", r#"{"role":"assistant","content":[{"type":"text","text":"a"}]}]"#);
        check("u-u", r#"[{"role":"user","content":[{"type":"text","text":"u"},{"type":"text","text":"u"}]}]"#);
        check("fsra", r#"{"role":"user","content":[{"type":"tool_result","tool_use_id":"t"}]},{"role":"system""#);
        check("aur", r#"{"role":"user","content":[{"type":"tool_result","tool_use_id":"t"},{"type":"text","text":"u"}]}"#);
    }

    #[test]
    fn instructions_stand_only_where_the_model_speaks_next() {
        check("us", r#"{"role":"system","content":[{"type":"text","text":"s"}]}]"#);
        check("ussa", r#"{"role":"system","content":[{"type":"text","text":"s"},{"type":"text","text":"s"}]},{"role":"assistant""#);
        for wrong in ["s", "su", "usu", "uas", "uasu"] {
            check(wrong, "`s` is an instruction where");
        }
    }
}
