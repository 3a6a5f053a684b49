//! Writes the pieces of a turn as Gemini's parts.
//!
//! The result of a function needs the function's name there, which is found by the id of its call in earlier turns.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::ask::{Media, MediaSource, Part, Said};
use crate::cache::refuse_hour;
use crate::error::CannotHonour;
use crate::wire::arguments_object;

/// The names of the functions called so far, by the ids of the calls.
#[derive(Default)]
pub(super) struct CallNames<'a>(HashMap<&'a str, &'a str>);

/// A part; nothing for an empty text, which says nothing and which Gemini refuses.
pub(super) fn write<'a>(said: &'a Said<Part>, names: &mut CallNames<'a>) -> Result<Option<Value>, CannotHonour> {
    refuse_hour(&said.field, said.value.cache())?;
    match &said.value {
        Part::Text { text, .. } | Part::Refusal { text } => Ok((!text.is_empty()).then(|| json!({ "text": text }))),
        Part::Image { media, .. } | Part::Audio(media) => bytes(&said.field, media, None).map(Some),
        Part::File { media, name, .. } => bytes(&said.field, media, name.as_deref()).map(Some),
        // Gemini takes its own thoughts back without a seal.
        Part::Thinking { text, .. } => Ok((!said.value.is_nothing()).then(|| match said.value.seal() {
            Some(signature) => json!({ "text": text, "thought": true, "thoughtSignature": signature }),
            None => json!({ "text": text, "thought": true }),
        })),
        Part::RedactedThinking { .. } => Err(said.cannot("holds thoughts that only the operator that wrote them can read: leave it out")),
        Part::ToolCall { id, name, arguments, .. } => {
            names.0.insert(id, name);
            let args = arguments_object(&said.field, arguments)?;
            Ok(Some(json!({ "functionCall": { "id": id, "name": name, "args": args } })))
        }
        Part::ToolResult { id, content, is_error, .. } => {
            let Some(name) = names.0.get(id.as_str()) else {
                return Err(CannotHonour::invalid(&said.field, format!("is the result of call `{id}`, which is not in the turns before")));
            };
            let (response, media) = result(content, *is_error)?;
            let mut written = json!({ "id": id, "name": name, "response": response });
            if let (Some(members), false) = (written.as_object_mut(), media.is_empty()) {
                members.insert("parts".to_owned(), Value::Array(media));
            }
            Ok(Some(json!({ "functionResponse": written })))
        }
    }
}

/// What a function gave, under Gemini's names `output` and `error`, and what of it is not text.
fn result(content: &[Said<Part>], is_error: bool) -> Result<(Value, Vec<Value>), CannotHonour> {
    let (mut texts, mut media) = (Vec::new(), Vec::new());
    for said in content {
        refuse_hour(&said.field, said.value.cache())?;
        match &said.value {
            Part::Text { text, .. } => texts.push(Value::String(text.clone())),
            Part::Image { media: picture, .. } => media.push(bytes(&said.field, picture, None)?),
            Part::File { media: file, name, .. } => media.push(bytes(&said.field, file, name.as_deref())?),
            Part::Audio(_)
            | Part::Thinking { .. }
            | Part::RedactedThinking { .. }
            | Part::Refusal { .. }
            | Part::ToolCall { .. }
            | Part::ToolResult { .. } => {
                return Err(said.cannot("cannot be the result of a function at Gemini: say it as text, picture or document"));
            }
        }
    }
    let output = match (texts.pop(), texts.is_empty()) {
        (None, _) => Value::String(String::new()),
        (Some(only), true) => only,
        (Some(last), false) => {
            texts.push(last);
            Value::Array(texts)
        }
    };
    let response = Map::from_iter([(if is_error { "error" } else { "output" }.to_owned(), output)]);
    Ok((Value::Object(response), media))
}

/// Bytes in the call, or at an address that Gemini fetches.
fn bytes(field: &str, media: &Media, name: Option<&str>) -> Result<Value, CannotHonour> {
    if let Some(detail) = media.detail.as_deref().filter(|detail| *detail != "auto") {
        let why = format!("asks for the detail `{detail}`, which cannot be said of one picture to every Gemini model: leave it out");
        return Err(CannotHonour::new(field, why));
    }
    let kind = media.kind.as_deref();
    let (member, mut written) = match &media.source {
        MediaSource::Base64(data) => ("inlineData", json!({ "mimeType": known(field, kind)?, "data": data })),
        MediaSource::Text(text) => ("inlineData", json!({ "mimeType": kind.unwrap_or("text/plain"), "data": STANDARD.encode(text) })),
        MediaSource::Url(url) if is_web(url) => ("fileData", json!({ "mimeType": known(field, kind)?, "fileUri": url })),
        MediaSource::Url(_) => {
            return Err(CannotHonour::new(
                field,
                "is at an address that is not http or https, which Gemini does not fetch: send the bytes",
            ));
        }
        MediaSource::FileId(_) => {
            return Err(CannotHonour::new(field, "is a file that only its own operator has: send the bytes"));
        }
    };
    if let (Some(name), Some(members)) = (name, written.as_object_mut()) {
        members.insert("displayName".to_owned(), name.into());
    }
    Ok(Value::Object(Map::from_iter([(member.to_owned(), written)])))
}

fn known<'a>(field: &str, kind: Option<&'a str>) -> Result<&'a str, CannotHonour> {
    kind.ok_or_else(|| CannotHonour::new(field, "does not say its media type, which Gemini needs: send the bytes with their media type"))
}

fn is_web(url: &str) -> bool {
    let scheme = url.split_once("://").map_or("", |(scheme, _)| scheme);
    scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn media(kind: Option<&str>, source: MediaSource) -> Media {
        Media { kind: kind.map(str::to_owned), source, detail: None }
    }

    #[track_caller]
    fn check(part: Part, expected: &str) {
        let said = Said::new("p", part);
        let mut names = CallNames(HashMap::from([("1", "weather")]));
        let text = match write(&said, &mut names) {
            Ok(Some(value)) => value.to_string(),
            Ok(None) => String::new(),
            Err(error) => error.to_string(),
        };
        assert_eq!(text, expected);
    }

    #[test]
    fn bytes_say_where_they_are() {
        let png = || media(Some("image/png"), MediaSource::Base64("AA==".into()));
        check(Part::Image { media: png(), cache: None }, r#"{"inlineData":{"mimeType":"image/png","data":"AA=="}}"#);
        check(
            Part::Image { media: Media { detail: Some("high".into()), ..png() }, cache: None },
            "`p` asks for the detail `high`, which cannot be said of one picture to every Gemini model: leave it out",
        );
        let at = |url: &str| media(Some("image/png"), MediaSource::Url(url.into()));
        check(
            Part::Image { media: at("https://x/a.png"), cache: None },
            r#"{"fileData":{"mimeType":"image/png","fileUri":"https://x/a.png"}}"#,
        );
        check(
            Part::Image { media: at("gs://x/a.png"), cache: None },
            "`p` is at an address that is not http or https, which Gemini does not fetch: send the bytes",
        );
        check(
            Part::Image { media: media(None, MediaSource::Url("https://x".into())), cache: None },
            "`p` does not say its media type, which Gemini needs: send the bytes with their media type",
        );
        check(
            Part::File { media: media(None, MediaSource::Text("hi".into())), name: Some("a.txt".into()), cache: None },
            r#"{"inlineData":{"mimeType":"text/plain","data":"aGk=","displayName":"a.txt"}}"#,
        );
    }

    #[test]
    fn thoughts_go_back_with_their_signature() {
        let thinking = |text: &str, signature: Option<&str>| Part::Thinking { text: text.into(), signature: signature.map(str::to_owned) };
        check(thinking("hm", Some("c2ln")), r#"{"text":"hm","thought":true,"thoughtSignature":"c2ln"}"#);
        check(thinking("hm", Some("")), r#"{"text":"hm","thought":true}"#);
        check(thinking("", None), "");
        check(
            Part::RedactedThinking { data: "AA==".into() },
            "`p` holds thoughts that only the operator that wrote them can read: leave it out",
        );
    }

    #[test]
    fn a_result_finds_the_name_of_its_function() {
        let result = |id: &str, content: Vec<Part>, is_error| Part::ToolResult {
            id: id.into(),
            content: content.into_iter().map(|part| Said::new("c", part)).collect(),
            is_error,
            cache: None,
        };
        check(result("1", vec![Part::text("18")], false), r#"{"functionResponse":{"id":"1","name":"weather","response":{"output":"18"}}}"#);
        check(
            result("1", vec![Part::text("a"), Part::text("b")], true),
            r#"{"functionResponse":{"id":"1","name":"weather","response":{"error":["a","b"]}}}"#,
        );
        let picture = Part::Image { media: media(Some("image/png"), MediaSource::Base64("AA==".into())), cache: None };
        check(
            result("1", vec![picture], false),
            r#"{"functionResponse":{"id":"1","name":"weather","response":{"output":""},"parts":[{"inlineData":{"mimeType":"image/png","data":"AA=="}}]}}"#,
        );
        check(result("2", vec![], false), "`p` is the result of call `2`, which is not in the turns before");
    }

    #[test]
    fn arguments_must_be_an_object() {
        let call = Part::ToolCall { id: "2".into(), name: "f".into(), arguments: "[1]".into(), cache: None };
        let said = Said::new("p", call);
        assert!(write(&said, &mut CallNames::default()).unwrap_err().is_invalid());
    }
}
