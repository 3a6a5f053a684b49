//! Writes the pieces of a turn as Bedrock's content blocks.

use serde_json::{Map, Value, json};

use super::media::{self, DocumentNames};
use crate::ask::{CacheMark, Part, Said};
use crate::error::CannotHonour;
use crate::wire::arguments_object;

/// The most characters of the id of a call.
const ID_CHARS_MAX: usize = 64;

/// A block; nothing for an empty text, which says nothing and which Bedrock refuses.
pub(super) fn write(said: &Said<Part>, names: &mut DocumentNames) -> Result<Option<Value>, CannotHonour> {
    let field = said.field.as_str();
    match &said.value {
        Part::Text { text, .. } | Part::Refusal { text } => Ok((!text.is_empty()).then(|| json!({ "text": text }))),
        Part::Image { media, .. } => media::picture(field, media).map(Some),
        Part::File { media, name, .. } => media::document(field, media, name.as_deref().unwrap_or_default(), names).map(Some),
        Part::Audio(media) => media::sound(field, media).map(Some),
        // Only some developers' models seal their thoughts; those that do refuse them without.
        Part::Thinking { text, .. } => Ok((!said.value.is_nothing()).then(|| match said.value.seal() {
            Some(signature) => json!({ "reasoningContent": { "reasoningText": { "text": text, "signature": signature } } }),
            None => json!({ "reasoningContent": { "reasoningText": { "text": text } } }),
        })),
        Part::RedactedThinking { data } => Ok(Some(json!({ "reasoningContent": { "redactedContent": data } }))),
        Part::ToolCall { id, name, arguments, .. } => {
            check_id(field, id)?;
            let input = arguments_object(field, arguments)?;
            Ok(Some(json!({ "toolUse": { "toolUseId": id, "name": name, "input": input } })))
        }
        Part::ToolResult { id, content, is_error, .. } => {
            check_id(field, id)?;
            check_marks(content)?;
            let content = content.iter().map(|part| result(part, names)).collect::<Result<Vec<_>, _>>()?;
            let mut block = Map::from_iter([("toolUseId".to_owned(), Value::from(id.as_str())), ("content".to_owned(), content.into())]);
            if *is_error {
                block.insert("status".to_owned(), "error".into());
            }
            Ok(Some(json!({ "toolResult": block })))
        }
    }
}

/// How far a part is to be cached: a mark on the last piece of a function's result means the whole result.
pub(super) fn cache(part: &Part) -> Option<CacheMark> {
    let Part::ToolResult { content, cache, .. } = part else { return part.cache() };
    let last = content.last().and_then(|last| last.value.cache());
    if last == Some(CacheMark::Hour) { last } else { cache.or(last) }
}

/// Bedrock caches a function's result whole.
fn check_marks(content: &[Said<Part>]) -> Result<(), CannotHonour> {
    let before_last = content.iter().rev().skip(1);
    before_last.map(|said| (said, said.value.cache())).try_for_each(|(said, mark)| match mark {
        None => Ok(()),
        Some(CacheMark::Short | CacheMark::Hour) => {
            Err(said.cannot("is marked to be cached within the result of a function, and Bedrock caches whole results: mark the result"))
        }
    })
}

/// A piece of what a function gave.
fn result(said: &Said<Part>, names: &mut DocumentNames) -> Result<Value, CannotHonour> {
    let field = said.field.as_str();
    match &said.value {
        Part::Text { text, .. } => Ok(json!({ "text": text })),
        Part::Image { media, .. } => media::picture(field, media),
        Part::File { media, name, .. } => media::document(field, media, name.as_deref().unwrap_or_default(), names),
        Part::Audio(_)
        | Part::Thinking { .. }
        | Part::RedactedThinking { .. }
        | Part::Refusal { .. }
        | Part::ToolCall { .. }
        | Part::ToolResult { .. } => Err(said.cannot("cannot be the result of a function at Bedrock: say it as text, picture or document")),
    }
}

fn check_id(field: &str, id: &str) -> Result<(), CannotHonour> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_.:-".contains(c);
    if id.is_empty() || id.len() > ID_CHARS_MAX || !id.chars().all(allowed) {
        let why =
            format!("has the id `{id}`, and Bedrock takes 1 to 64 letters, digits and `_.:-`: give the call and its result another id");
        return Err(CannotHonour::new(field, why));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(part: Part, expected: &str) {
        let text = match write(&Said::new("p", part), &mut DocumentNames::default()) {
            Ok(Some(value)) => value.to_string(),
            Ok(None) => String::new(),
            Err(error) => error.to_string(),
        };
        assert_eq!(text, expected);
    }

    fn call(id: &str, arguments: &str) -> Part {
        Part::ToolCall { id: id.into(), name: "f".into(), arguments: arguments.into(), cache: None }
    }

    #[test]
    fn calls_are_objects_with_good_ids() {
        check(call("call_1", r#"{"b":1,"a":2}"#), r#"{"toolUse":{"toolUseId":"call_1","name":"f","input":{"b":1,"a":2}}}"#);
        check(call("call_1", ""), r#"{"toolUse":{"toolUseId":"call_1","name":"f","input":{}}}"#);
        check(call("call_1", "[]"), "`p` calls a function with arguments that are not a JSON object");
        check(
            call("a b", "{}"),
            "`p` has the id `a b`, and Bedrock takes 1 to 64 letters, digits and `_.:-`: give the call and its result another id",
        );
    }

    #[test]
    fn results_keep_all_they_hold() {
        let result = |parts: Vec<Part>, is_error| Part::ToolResult {
            id: "1".into(),
            content: parts.into_iter().map(|part| Said::new("c", part)).collect(),
            is_error,
            cache: None,
        };
        check(result(vec![], false), r#"{"toolResult":{"toolUseId":"1","content":[]}}"#);
        check(
            result(vec![Part::text("a"), Part::text("")], true),
            r#"{"toolResult":{"toolUseId":"1","content":[{"text":"a"},{"text":""}],"status":"error"}}"#,
        );
        let marked = || Part::Text { text: "a".into(), cache: Some(CacheMark::Short) };
        assert_eq!(cache(&result(vec![Part::text(""), marked()], false)), Some(CacheMark::Short));
        check(
            result(vec![marked(), Part::text("")], false),
            "`c` is marked to be cached within the result of a function, and Bedrock caches whole results: mark the result",
        );
        check(
            result(vec![Part::Refusal { text: "a".into() }], false),
            "`c` cannot be the result of a function at Bedrock: say it as text, picture or document",
        );
    }

    #[test]
    fn thoughts_go_back_with_their_signature() {
        check(
            Part::Thinking { text: "hm".into(), signature: Some("s".into()) },
            r#"{"reasoningContent":{"reasoningText":{"text":"hm","signature":"s"}}}"#,
        );
        check(
            Part::Thinking { text: "hm".into(), signature: Some(String::new()) },
            r#"{"reasoningContent":{"reasoningText":{"text":"hm"}}}"#,
        );
        check(Part::Thinking { text: String::new(), signature: None }, "");
        check(Part::RedactedThinking { data: "AA==".into() }, r#"{"reasoningContent":{"redactedContent":"AA=="}}"#);
    }
}
