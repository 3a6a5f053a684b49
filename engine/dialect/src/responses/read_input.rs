//! Reads `input`: the items of a conversation, in order. What the model gave at once (thoughts, messages, calls) becomes one turn, and so do
//! the results of functions. An item that only refers to what a server keeps is an error by name, never left out.

use serde_json::Value;

use super::mark;
use super::read_content::{assistant_part, content, input_part, system_part};
use crate::ask::{Ask, Part, Role, Said, Turn};
use crate::error::CannotHonour;
use crate::wire::Fields;

/// Puts leading instructions into `system` and everything else into `turns`.
pub(super) fn read(input: Said<Value>, ask: &mut Ask) -> Result<(), CannotHonour> {
    let mut conversation = Conversation { ask, last: Kind::Message };
    if input.value.is_string() {
        let parts = content(input, input_part)?;
        conversation.add(Kind::Message, Role::User, parts);
        return Ok(());
    }
    for said in crate::wire::items(input)? {
        conversation.item(said)?;
    }
    Ok(())
}

struct Conversation<'a> {
    ask: &'a mut Ask,
    last: Kind,
}

/// Which items become one turn.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A message of the user or the application: its own turn.
    Message,
    /// What the model gave.
    Given,
    /// Results of functions.
    Results,
}

// === impl Conversation ===

impl Conversation<'_> {
    fn item(&mut self, said: Said<Value>) -> Result<(), CannotHonour> {
        let field = said.field.clone();
        let mut fields = Fields::of(said)?;
        let kind = fields.text("type")?.map(|said| said.value);
        match kind.as_deref() {
            Some("message") => self.message(fields),
            Some("function_call") => self.add_one(Kind::Given, Role::Assistant, Said::new(field, function_call(fields)?)),
            Some("function_call_output") => self.add_one(Kind::Results, Role::User, Said::new(field, function_call_output(fields)?)),
            Some("reasoning") => self.add_one(Kind::Given, Role::Assistant, Said::new(field.clone(), thoughts(field, fields)?)),
            Some("item_reference") => Err(reference(field)),
            Some(other) => Err(CannotHonour::new(
                field,
                format!("is a `{other}` item, which only OpenAI understands: leave it out, or say in a message what it says"),
            )),
            None => match fields.take("role") {
                Some(role) => self.message_of(crate::wire::text(role)?, fields),
                None => Err(reference(field)),
            },
        }
    }

    fn message(&mut self, mut fields: Fields) -> Result<(), CannotHonour> {
        let role = Said::new(fields.field("role"), fields.needed_text("role")?);
        self.message_of(role, fields)
    }

    fn message_of(&mut self, role: Said<String>, mut fields: Fields) -> Result<(), CannotHonour> {
        accept_identity(&mut fields)?;
        let said = fields.take("content").ok_or_else(|| CannotHonour::invalid(fields.field("content"), "is missing"))?;
        fields.done()?;
        match role.value.as_str() {
            "user" => self.add(Kind::Message, Role::User, content(said, input_part)?),
            "assistant" => self.add(Kind::Given, Role::Assistant, content(said, assistant_part)?),
            "system" | "developer" => self.instructions(content(said, system_part)?),
            _ => return Err(CannotHonour::invalid(role.field, "is not `user`, `assistant`, `system` or `developer`")),
        }
        Ok(())
    }

    fn instructions(&mut self, parts: Vec<Said<Part>>) {
        if self.ask.turns.is_empty() {
            self.ask.system.extend(parts);
        } else {
            self.add(Kind::Message, Role::System, parts);
        }
    }

    fn add_one(&mut self, kind: Kind, role: Role, part: Said<Part>) -> Result<(), CannotHonour> {
        self.add(kind, role, vec![part]);
        Ok(())
    }

    fn add(&mut self, kind: Kind, role: Role, parts: Vec<Said<Part>>) {
        let joins = kind != Kind::Message && kind == self.last;
        self.last = kind;
        match self.ask.turns.last_mut() {
            Some(turn) if joins => turn.parts.extend(parts),
            Some(_) | None => self.ask.turns.push(Turn { role, parts }),
        }
    }
}

fn reference(field: String) -> CannotHonour {
    CannotHonour::new(
        field,
        "refers to an item that another operator keeps: set `store: false`, so that the client sends the items themselves",
    )
}

/// What identifies an item that is handed back; nothing is kept under it here.
fn accept_identity(fields: &mut Fields) -> Result<(), CannotHonour> {
    fields.text("id")?;
    fields.text("status")?;
    Ok(())
}

/// Who called the function: the model itself, as always elsewhere.
fn accept_direct(fields: &mut Fields) -> Result<(), CannotHonour> {
    if let Some(said) = fields.bool("async")?.filter(|said| said.value) {
        return Err(said.cannot("can only be said to OpenAI: leave it out or say false"));
    }
    let Some(mut caller) = fields.object("caller")? else { return Ok(()) };
    if caller.needed_text("type")? != "direct" {
        return Err(caller.cannot("type", "names a program, which only OpenAI runs: leave the item out"));
    }
    caller.done()
}

fn function_call(mut fields: Fields) -> Result<Part, CannotHonour> {
    accept_identity(&mut fields)?;
    accept_direct(&mut fields)?;
    let call = Part::ToolCall {
        id: fields.needed_text("call_id")?,
        name: fields.needed_text("name")?,
        arguments: fields.needed_text("arguments")?,
        cache: None,
    };
    fields.done()?;
    Ok(call)
}

fn function_call_output(mut fields: Fields) -> Result<Part, CannotHonour> {
    accept_identity(&mut fields)?;
    accept_direct(&mut fields)?;
    let id = fields.needed_text("call_id")?;
    // The id says it already.
    fields.text("name")?;
    let output = fields.take("output").ok_or_else(|| CannotHonour::invalid(fields.field("output"), "is missing"))?;
    fields.done()?;
    Ok(Part::ToolResult { id, content: content(output, input_part)?, is_error: false, cache: None })
}

fn thoughts(field: String, mut fields: Fields) -> Result<Part, CannotHonour> {
    accept_identity(&mut fields)?;
    let mut texts = texts(&mut fields, "summary", "summary_text")?;
    texts.extend(self::texts(&mut fields, "content", "reasoning_text")?);
    let signature = fields.text("encrypted_content")?.map(|said| said.value).filter(|encrypted| !encrypted.is_empty());
    let signature = signature.filter(|encrypted| encrypted != mark::UNSIGNED);
    fields.done()?;
    if texts.is_empty() {
        if let Some(data) = signature.as_deref().and_then(mark::redacted_data) {
            return Ok(Part::RedactedThinking { data: data.to_owned() });
        }
        if signature.is_none() {
            let why = "has no `encrypted_content` and refers to thoughts that another operator keeps: \
                       ask with `include: [\"reasoning.encrypted_content\"]`, or leave the item out";
            return Err(CannotHonour::new(field, why));
        }
    }
    Ok(Part::Thinking { text: texts.join("\n\n"), signature })
}

/// The texts of a list whose items are all of one type; empty ones say nothing.
fn texts(fields: &mut Fields, name: &str, kind: &str) -> Result<Vec<String>, CannotHonour> {
    let mut texts = Vec::new();
    for said in fields.list(name)? {
        let mut item = Fields::of(said)?;
        if item.needed_text("type")? != kind {
            return Err(CannotHonour::invalid(item.field("type"), format!("is not `{kind}`")));
        }
        texts.push(item.needed_text("text")?);
        item.done()?;
    }
    texts.retain(|text| !text.is_empty());
    Ok(texts)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read_items(input: Value) -> Result<Ask, CannotHonour> {
        let mut ask = Ask::default();
        read(Said::new("input", input), &mut ask)?;
        Ok(ask)
    }

    /// This item, after a message, is an error that names `field`.
    fn check(item: Value, field: &str) {
        let error = read_items(json!([{"role": "user", "content": "hi"}, item])).unwrap_err();
        assert_eq!(error.field(), field, "{error}");
    }

    #[test]
    fn what_belongs_together_is_one_turn() {
        let ask = read_items(json!([
            {"role": "developer", "content": "be brief"},
            {"type": "message", "role": "user", "content": "a"},
            {"role": "user", "content": [{"type": "input_text", "text": "b"}]},
            {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm"}], "encrypted_content": "sig"},
            {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "f", "arguments": "{}", "status": "completed"},
            {"type": "function_call", "call_id": "c2", "name": "f", "arguments": ""},
            {"type": "function_call_output", "call_id": "c1", "output": "1"},
            {"type": "function_call_output", "call_id": "c2", "output": [{"type": "input_text", "text": "2"}]},
            {"role": "user", "content": "c"},
            {"role": "system", "content": "late"},
        ]))
        .unwrap();
        assert_eq!(ask.system, [Said::new("input[0].content", Part::text("be brief"))]);
        let turns: Vec<_> = ask.turns.iter().map(|turn| (turn.role, turn.parts.len())).collect();
        let expected = [(Role::User, 1), (Role::User, 1), (Role::Assistant, 3), (Role::User, 2), (Role::User, 1), (Role::System, 1)];
        assert_eq!(turns, expected);
        assert_eq!(ask.turns[2].parts[1].field, "input[4]");
    }

    #[test]
    fn items_handed_back_as_the_sdk_dumps_them_are_read() {
        let ask = read_items(json!([{"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "phase": null, "content": [
            {"type": "output_text", "text": "x", "annotations": [{"type": "url_citation"}], "logprobs": []}, {"type": "refusal", "refusal": "no"}]}]))
        .unwrap();
        let parts: Vec<_> = ask.turns[0].parts.iter().map(|said| said.value.clone()).collect();
        assert_eq!(parts, [Part::text("x"), Part::Refusal { text: "no".into() }]);
    }

    #[test]
    fn thoughts_keep_their_kind() {
        let thought = |item: Value| read_items(json!([item])).unwrap().turns[0].parts[0].value.clone();
        let unsigned = json!({"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm"}], "encrypted_content": "unsigned:"});
        assert_eq!(thought(unsigned), Part::Thinking { text: "hm".into(), signature: None });
        let redacted = thought(json!({"type": "reasoning", "summary": [], "encrypted_content": "redacted:AAA="}));
        assert_eq!(redacted, Part::RedactedThinking { data: "AAA=".into() });
        let both =
            thought(json!({"type": "reasoning", "summary": [{"type": "summary_text", "text": "a"}, {"type": "summary_text", "text": "b"}],
            "content": [{"type": "reasoning_text", "text": "c"}]}));
        assert_eq!(both, Part::Thinking { text: "a\n\nb\n\nc".into(), signature: None });
    }

    #[test]
    fn what_another_operator_keeps_is_named() {
        check(json!({"type": "item_reference", "id": "msg_1"}), "input[1]");
        check(json!({"id": "msg_1"}), "input[1]");
        let error = read_items(json!([{"type": "item_reference", "id": "msg_1"}])).unwrap_err();
        assert!(error.to_string().ends_with("set `store: false`, so that the client sends the items themselves"), "{error}");
        check(json!({"type": "reasoning", "id": "rs_1", "summary": []}), "input[1]");
        check(json!({"type": "web_search_call", "id": "ws_1", "status": "completed"}), "input[1]");
        check(json!({"type": "custom_tool_call", "call_id": "c", "name": "f", "input": "x"}), "input[1]");
        check(json!({"type": "mcp_call", "id": "m"}), "input[1]");
        check(json!({"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}", "namespace": "n"}), "input[1].namespace");
        check(json!({"type": "function_call", "call_id": "c", "name": "f", "arguments": {}}), "input[1].arguments");
        check(json!({"type": "function_call_output", "call_id": "c"}), "input[1].output");
        check(json!({"role": "tool", "content": "x"}), "input[1].role");
        check(json!({"role": "user", "content": "x", "new": 1}), "input[1].new");
        check(
            json!({"role": "system", "content": [{"type": "input_image", "image_url": "https://example.com/a.png"}]}),
            "input[1].content[0]",
        );
    }
}
