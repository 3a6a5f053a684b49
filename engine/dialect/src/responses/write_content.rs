//! Writes pictures, documents and text as parts of a message or of a function's result. A file that another operator keeps is an error.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::ask::{Media, MediaSource, Part, Said};
use crate::cache::refuse_hour;
use crate::error::CannotHonour;

/// A part of what a user says or a function gives.
pub(super) fn input_part(said: &Said<Part>) -> Result<Value, CannotHonour> {
    refuse_hour(&said.field, said.value.cache())?;
    match &said.value {
        Part::Text { text, .. } => Ok(json!({"type": "input_text", "text": text})),
        Part::Image { media, .. } => image(said, media),
        Part::File { media, name, .. } => file(said, media, name.as_deref()),
        Part::Audio(_) => Err(said.cannot("is sound, which OpenAI's Responses dialect does not take: send it as text")),
        Part::Thinking { .. } | Part::RedactedThinking { .. } | Part::Refusal { .. } | Part::ToolCall { .. } | Part::ToolResult { .. } => {
            Err(CannotHonour::invalid(&said.field, "is not text, a picture or a document"))
        }
    }
}

/// What a function gave: as one text where it is one, which every server of this dialect takes.
pub(super) fn result_output(content: &[Said<Part>]) -> Result<Value, CannotHonour> {
    match content {
        [] => Ok("".into()),
        [said] if matches!(said.value, Part::Text { .. }) => Ok(input_part(said)?.get("text").cloned().unwrap_or_default()),
        _ => content.iter().map(input_part).collect(),
    }
}

fn image(said: &Said<Part>, media: &Media) -> Result<Value, CannotHonour> {
    let detail = media.detail.as_deref().unwrap_or("auto");
    if !["auto", "low", "high", "original"].contains(&detail) {
        return Err(said.cannot("has a `detail` that OpenAI does not know: say `low`, `high` or `auto`"));
    }
    let address = match &media.source {
        MediaSource::Base64(data) => data_url(said, media, data)?,
        MediaSource::Url(url) => url.clone(),
        MediaSource::Text(_) => return Err(said.cannot("is a picture in plain text: send it as base64")),
        MediaSource::FileId(_) => return Err(kept_elsewhere(said)),
    };
    Ok(json!({"type": "input_image", "image_url": address, "detail": detail}))
}

fn file(said: &Said<Part>, media: &Media, name: Option<&str>) -> Result<Value, CannotHonour> {
    if media.detail.as_deref().is_some_and(|detail| detail != "auto") {
        return Err(said.cannot("is a document with a `detail`: leave the `detail` out"));
    }
    let mut part = Map::from_iter([("type".to_owned(), "input_file".into())]);
    match &media.source {
        MediaSource::Base64(data) => part.extend(bytes(data_url(said, media, data)?, media, name)),
        MediaSource::Text(text) => {
            let kind = media.kind.as_deref().unwrap_or("text/plain");
            let media = Media { kind: Some(kind.to_owned()), ..media.clone() };
            part.extend(bytes(format!("data:{kind};base64,{}", STANDARD.encode(text)), &media, name));
        }
        MediaSource::Url(url) => {
            part.extend(name.map(|name| ("filename".to_owned(), name.into())));
            part.insert("file_url".to_owned(), url.as_str().into());
        }
        MediaSource::FileId(_) => return Err(kept_elsewhere(said)),
    }
    Ok(Value::Object(part))
}

/// Bytes need a file name at OpenAI; a document without one gets the plainest that fits its kind.
fn bytes(data: String, media: &Media, name: Option<&str>) -> [(String, Value); 2] {
    [("filename".to_owned(), name.unwrap_or(media.plain_name()).into()), ("file_data".to_owned(), data.into())]
}

fn data_url(said: &Said<Part>, media: &Media, data: &str) -> Result<String, CannotHonour> {
    let kind = media.kind.as_deref().ok_or_else(|| said.cannot("does not say its media type: say it"))?;
    Ok(format!("data:{kind};base64,{data}"))
}

fn kept_elsewhere(said: &Said<Part>) -> CannotHonour {
    said.cannot("refers to a file that another operator keeps: send the file itself")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn media(kind: Option<&str>, source: MediaSource) -> Media {
        Media { kind: kind.map(str::to_owned), source, detail: None }
    }

    fn check(part: Part, expected: Value) {
        assert_eq!(input_part(&Said::new("p", part)).unwrap(), expected);
    }

    #[test]
    fn bytes_are_data_urls() {
        let png = media(Some("image/png"), MediaSource::Base64("AAA=".into()));
        let written = json!({"type": "input_image", "image_url": "data:image/png;base64,AAA=", "detail": "auto"});
        check(Part::Image { media: png, cache: None }, written);
        let text = media(Some("text/plain"), MediaSource::Text("hi".into()));
        let written = json!({"type": "input_file", "filename": "document.txt", "file_data": "data:text/plain;base64,aGk="});
        check(Part::File { media: text, name: None, cache: None }, written);
        let url = media(None, MediaSource::Url("https://example.com/a".into()));
        check(Part::File { media: url, name: None, cache: None }, json!({"type": "input_file", "file_url": "https://example.com/a"}));
    }

    #[test]
    fn what_is_kept_elsewhere_is_named() {
        let kept = || media(None, MediaSource::FileId("file_1".into()));
        let sound = Part::Audio(media(Some("audio/wav"), MediaSource::Base64("AAA=".into())));
        for part in [Part::Image { media: kept(), cache: None }, Part::File { media: kept(), name: None, cache: None }, sound] {
            assert_eq!(input_part(&Said::new("p", part)).unwrap_err().field(), "p");
        }
    }

    #[test]
    fn one_text_is_text() {
        assert_eq!(result_output(&[]).unwrap(), "");
        assert_eq!(result_output(&[Said::new("r", Part::text("4"))]).unwrap(), "4");
        assert!(result_output(&[Said::new("r", Part::text("4")), Said::new("r", Part::text("5"))]).unwrap().is_array());
    }
}
