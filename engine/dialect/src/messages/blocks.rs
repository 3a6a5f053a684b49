//! The blocks of a message, both ways. A block of a type that is not named here is an error that says its type.

use serde_json::{Map, Value, json};

use super::media;
use crate::ask::{CacheMark, Part, Said};
use crate::cache;
use crate::conversation::needed_seal;
use crate::error::CannotHonour;
use crate::wire::{self, Fields};

const HOSTED: &str = "which only Anthropic runs or reads: leave it out, or ask for an offering that speaks this dialect";

/// Reads content: a text, or a list of blocks.
pub(super) fn read_content(said: Said<Value>) -> Result<Vec<Said<Part>>, CannotHonour> {
    if let Value::String(text) = said.value {
        return Ok(vec![Said::new(said.field, Part::text(text))]);
    }
    wire::items(said)?.into_iter().map(read).collect()
}

fn read(said: Said<Value>) -> Result<Said<Part>, CannotHonour> {
    let field = said.field.clone();
    let mut block = Fields::of(said)?;
    let part = match block.needed_text("type")?.as_str() {
        "text" => read_text(&mut block)?,
        "image" => media::read_image(&mut block)?,
        "document" => media::read_document(&mut block)?,
        "thinking" => read_thinking(&mut block)?,
        "redacted_thinking" => Part::RedactedThinking { data: block.needed_text("data")? },
        "tool_use" => read_tool_use(&mut block)?,
        "tool_result" => read_tool_result(&mut block)?,
        other => return Err(CannotHonour::new(field, format!("is of type `{other}`, {HOSTED}"))),
    };
    block.done()?;
    Ok(Said::new(field, part))
}

fn read_text(block: &mut Fields) -> Result<Part, CannotHonour> {
    let citations = block.list("citations")?;
    if !citations.is_empty() {
        return Err(block.cannot("citations", "cannot be said to an upstream of another dialect: hand the text back without them"));
    }
    Ok(Part::Text { text: block.needed_text("text")?, cache: cache::control(block)? })
}

fn read_thinking(block: &mut Fields) -> Result<Part, CannotHonour> {
    let signature = block.text("signature")?.map(|said| said.value).filter(|signature| !signature.is_empty());
    Ok(Part::Thinking { text: block.needed_text("thinking")?, signature })
}

fn read_tool_use(block: &mut Fields) -> Result<Part, CannotHonour> {
    let Some(input) = block.take("input") else {
        return Err(CannotHonour::invalid(block.field("input"), "is missing"));
    };
    if !input.value.is_object() {
        return Err(CannotHonour::invalid(input.field, "is not an object"));
    }
    direct_caller(block)?;
    let (id, name) = (block.needed_text("id")?, block.needed_text("name")?);
    Ok(Part::ToolCall { id, name, arguments: input.value.to_string(), cache: cache::control(block)? })
}

/// The model itself calls a function unless a hosted tool did.
fn direct_caller(block: &mut Fields) -> Result<(), CannotHonour> {
    let Some(mut caller) = block.object("caller")? else { return Ok(()) };
    if caller.needed_text("type")? != "direct" {
        return Err(block.cannot("caller", &format!("is a hosted tool, {HOSTED}")));
    }
    caller.done()
}

fn read_tool_result(block: &mut Fields) -> Result<Part, CannotHonour> {
    let content = block.take("content").map_or_else(|| Ok(Vec::new()), read_content)?;
    if let Some(part) = content.iter().find(|part| !fits_result(&part.value)) {
        return Err(CannotHonour::invalid(&part.field, "is of a type that cannot stand in a result"));
    }
    let is_error = block.bool("is_error")?.is_some_and(|said| said.value);
    Ok(Part::ToolResult { id: block.needed_text("tool_use_id")?, content, is_error, cache: cache::control(block)? })
}

const fn fits_result(part: &Part) -> bool {
    match part {
        Part::Text { .. } | Part::Image { .. } | Part::File { .. } => true,
        Part::Audio(_)
        | Part::Thinking { .. }
        | Part::RedactedThinking { .. }
        | Part::Refusal { .. }
        | Part::ToolCall { .. }
        | Part::ToolResult { .. } => false,
    }
}

/// Whether a part is more than an empty text, or thoughts without any.
pub(super) const fn says_something(part: &Part) -> bool {
    match part {
        Part::Text { text, cache: None } | Part::Refusal { text } => !text.is_empty(),
        Part::Thinking { .. } => !part.is_nothing(),
        Part::Text { cache: Some(_), .. }
        | Part::Image { .. }
        | Part::File { .. }
        | Part::Audio(_)
        | Part::RedactedThinking { .. }
        | Part::ToolCall { .. }
        | Part::ToolResult { .. } => true,
    }
}

/// Writes a block.
pub(super) fn write(said: &Said<Part>) -> Result<Value, CannotHonour> {
    let block = match &said.value {
        Part::Text { text, .. } | Part::Refusal { text } => json!({ "type": "text", "text": text }),
        Part::Image { media, .. } => json!({ "type": "image", "source": media::write_image(said, media)? }),
        Part::File { media, name, .. } => write_document(media::write_document(said, media)?, name.as_deref()),
        Part::Audio(_) => {
            return Err(said.cannot("is sound, which Anthropic upstreams do not take: send its text, or ask for another offering"));
        }
        // Anthropic answers `signature: Field required`, and nobody but its models can make one.
        Part::Thinking { text, .. } => {
            json!({ "type": "thinking", "thinking": text, "signature": needed_seal(said, "an Anthropic upstream")? })
        }
        Part::RedactedThinking { data } => json!({ "type": "redacted_thinking", "data": data }),
        Part::ToolCall { id, name, arguments, .. } => {
            json!({ "type": "tool_use", "id": tool_id(id), "name": name, "input": wire::arguments_object(&said.field, arguments)? })
        }
        Part::ToolResult { id, content, is_error, .. } => write_tool_result(id, content, *is_error)?,
    };
    Ok(with_cache(block, said.value.cache()))
}

fn write_document(source: Value, name: Option<&str>) -> Value {
    match name {
        Some(name) => json!({ "type": "document", "source": source, "title": name }),
        None => json!({ "type": "document", "source": source }),
    }
}

fn write_tool_result(id: &str, content: &[Said<Part>], is_error: bool) -> Result<Value, CannotHonour> {
    let mut block = Map::from_iter([("type".to_owned(), "tool_result".into()), ("tool_use_id".to_owned(), tool_id(id).into())]);
    if let Some(part) = content.iter().find(|part| !fits_result(&part.value)) {
        return Err(part.cannot("cannot stand in a result for an Anthropic upstream: give it as text, a picture or a document"));
    }
    let content = content.iter().filter(|part| says_something(&part.value)).map(write).collect::<Result<Vec<_>, _>>()?;
    if !content.is_empty() {
        block.insert("content".to_owned(), content.into());
    }
    if is_error {
        block.insert("is_error".to_owned(), true.into());
    }
    Ok(block.into())
}

/// Adds the wish to cache, if there is one, to a block or a tool.
pub(super) fn with_cache(mut block: Value, cache: Option<CacheMark>) -> Value {
    let mark = match cache {
        None => return block,
        Some(CacheMark::Short) => json!({ "type": "ephemeral" }),
        Some(CacheMark::Hour) => json!({ "type": "ephemeral", "ttl": "1h" }),
    };
    if let Some(members) = block.as_object_mut() {
        members.insert("cache_control".to_owned(), mark);
    }
    block
}

/// Anthropic takes ids of `[a-zA-Z0-9_-]` only; other operators are freer. Another sign becomes its number, in calls and results alike, so
/// that the two stay linked.
fn tool_id(id: &str) -> String {
    let sign = |sign: char| {
        if sign.is_ascii_alphanumeric() || sign == '_' || sign == '-' { sign.to_string() } else { format!("_{:x}_", u32::from(sign)) }
    };
    id.chars().map(sign).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a block, and writes it again.
    fn check(block: &str, expected: &str) {
        let read = read(Said::new("b", serde_json::from_str(block).unwrap()));
        let written = read.and_then(|part| write(&part)).map_or_else(|error| error.to_string(), |block| block.to_string());
        assert!(written.starts_with(expected), "{block}: {written}");
    }

    fn same(block: &str) {
        check(block, block);
    }

    #[test]
    fn blocks_are_written_as_they_were_read() {
        same(r#"{"type":"text","text":"hi","cache_control":{"type":"ephemeral","ttl":"1h"}}"#);
        same(r#"{"type":"thinking","thinking":"","signature":"s"}"#);
        same(r#"{"type":"redacted_thinking","data":"ZGF0YQ=="}"#);
        same(r#"{"type":"tool_use","id":"toolu_1","name":"f","input":{"b":1,"a":[2.0]},"cache_control":{"type":"ephemeral"}}"#);
        same(r#"{"type":"tool_result","tool_use_id":"toolu_1","content":[{"type":"text","text":"4"}],"is_error":true}"#);
        check(r#"{"type":"tool_result","tool_use_id":"t","content":""}"#, r#"{"type":"tool_result","tool_use_id":"t"}"#);
        check(r#"{"type":"text","text":"hi","citations":[]}"#, r#"{"type":"text","text":"hi"}"#);
        check(r#"{"type":"tool_use","id":"a","name":"f","input":{},"caller":{"type":"direct"}}"#, r#"{"type":"tool_use","id":"a""#);
    }

    #[test]
    fn what_cannot_be_said_is_named() {
        check(r#"{"type":"text","text":"hi","citations":[{}]}"#, "`b.citations` cannot");
        check(r#"{"type":"text","text":"hi","new":1}"#, "`b.new` cannot");
        check(r#"{"type":"server_tool_use","id":"x"}"#, "`b` is of type `server_tool_use`, which only");
        check(r#"{"type":"thinking","thinking":"hm","signature":""}"#, "`b` is thinking without a signature");
        check(r#"{"type":"tool_use","id":"a","name":"f","input":"{}"}"#, "`b.input` is not an object");
        check(
            r#"{"type":"tool_use","id":"a","name":"f","input":{},"caller":{"type":"code_execution_20260120"}}"#,
            "`b.caller` is a hosted tool",
        );
        check(r#"{"type":"tool_result","tool_use_id":"t","content":[{"type":"thinking","thinking":""}]}"#, "`b.content[0]` is of a type");
    }

    #[test]
    fn arguments_must_be_an_object() {
        let call = |arguments: &str| {
            Said::new("c", Part::ToolCall { id: "a:1".to_owned(), name: "f".to_owned(), arguments: arguments.to_owned(), cache: None })
        };
        for wrong in ["[1]", "{", "\"x\"", "1"] {
            assert!(write(&call(wrong)).unwrap_err().is_invalid(), "{wrong}");
        }
        for nothing in [" ", "null"] {
            assert_eq!(write(&call(nothing)).unwrap().to_string(), r#"{"type":"tool_use","id":"a_3a_1","name":"f","input":{}}"#);
        }
    }
}
