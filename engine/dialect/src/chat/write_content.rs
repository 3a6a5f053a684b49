//! Writes what stands in a message: texts alone as one text, because many servers take no list, and anything else as a list of parts.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::ask::{Media, MediaSource, Part, Said};
use crate::error::CannotHonour;

/// The content of a user's message.
pub(super) fn content(parts: &[&Said<Part>]) -> Result<Value, CannotHonour> {
    let texts: Option<Vec<&str>> = parts.iter().map(|said| words(&said.value)).collect();
    match texts {
        Some(texts) => Ok(texts.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n\n").into()),
        None => parts.iter().map(|said| part(said)).collect::<Result<Vec<_>, _>>().map(Value::from),
    }
}

const fn words(part: &Part) -> Option<&str> {
    match part {
        Part::Text { text, .. } => Some(text.as_str()),
        Part::Image { .. }
        | Part::File { .. }
        | Part::Audio(_)
        | Part::Thinking { .. }
        | Part::RedactedThinking { .. }
        | Part::Refusal { .. }
        | Part::ToolCall { .. }
        | Part::ToolResult { .. } => None,
    }
}

/// The content of a message that takes nothing but text.
pub(super) fn texts(parts: &[&Said<Part>]) -> Result<Value, CannotHonour> {
    match parts.iter().find(|said| !matches!(said.value, Part::Text { .. })) {
        Some(said) => {
            Err(said.cannot("cannot be said here to a chat completions upstream, which takes only text: say it in a message of the user"))
        }
        None => content(parts),
    }
}

fn part(said: &Said<Part>) -> Result<Value, CannotHonour> {
    match &said.value {
        Part::Text { text, .. } => Ok(json!({"type": "text", "text": text})),
        Part::Image { media, .. } => image(said, media),
        Part::File { media, name, .. } => file(said, media, name.as_deref()),
        Part::Audio(media) => audio(said, media),
        Part::Thinking { .. } | Part::RedactedThinking { .. } | Part::Refusal { .. } | Part::ToolCall { .. } | Part::ToolResult { .. } => {
            Err(said.cannot("cannot be said by the user to a chat completions upstream: say it as the assistant"))
        }
    }
}

fn image(said: &Said<Part>, media: &Media) -> Result<Value, CannotHonour> {
    let url = match (&media.source, &media.kind) {
        (MediaSource::Base64(data), Some(kind)) => format!("data:{kind};base64,{data}"),
        (MediaSource::Url(url), _) => url.clone(),
        (MediaSource::Base64(_), None) => return Err(said.cannot("needs its kind, for example `image/png`")),
        (MediaSource::Text(_) | MediaSource::FileId(_), _) => {
            return Err(said.cannot("cannot be given to a chat completions upstream as it is: give the picture as base64 or as an address"));
        }
    };
    let mut image = Map::from_iter([("url".to_owned(), Value::from(url))]);
    if let Some(detail) = &media.detail {
        image.insert("detail".to_owned(), detail.clone().into());
    }
    Ok(json!({"type": "image_url", "image_url": image}))
}

fn audio(said: &Said<Part>, media: &Media) -> Result<Value, CannotHonour> {
    let format = match media.kind.as_deref() {
        Some("audio/wav" | "audio/x-wav" | "audio/wave" | "audio/vnd.wave") => "wav",
        Some("audio/mpeg" | "audio/mp3") => "mp3",
        Some(_) | None => return Err(said.cannot("must be WAV or MP3 for a chat completions upstream")),
    };
    match &media.source {
        MediaSource::Base64(data) => Ok(json!({"type": "input_audio", "input_audio": {"data": data, "format": format}})),
        MediaSource::Text(_) | MediaSource::Url(_) | MediaSource::FileId(_) => {
            Err(said.cannot("cannot be given to a chat completions upstream as it is: give the sound as base64"))
        }
    }
}

/// The dialect wants a name for every document that comes in the call.
fn file(said: &Said<Part>, media: &Media, name: Option<&str>) -> Result<Value, CannotHonour> {
    let (kind, data) = match (&media.source, media.kind.as_deref()) {
        (MediaSource::FileId(_), _) => return Err(said.cannot("refers to a file that another operator keeps: send the file itself")),
        (MediaSource::Text(text), kind) => (kind.unwrap_or("text/plain"), STANDARD.encode(text)),
        (MediaSource::Base64(data), Some(kind)) => (kind, data.clone()),
        (MediaSource::Base64(_), None) => return Err(said.cannot("needs its kind, for example `application/pdf`")),
        (MediaSource::Url(_), _) => {
            return Err(said.cannot("cannot be given to a chat completions upstream by its address: give the document as base64"));
        }
    };
    let name = name.unwrap_or(media.plain_name());
    Ok(json!({"type": "file", "file": {"filename": name, "file_data": format!("data:{kind};base64,{data}")}}))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn media(kind: Option<&str>, source: MediaSource) -> Media {
        Media { kind: kind.map(str::to_owned), source, detail: None }
    }

    fn base64(kind: Option<&str>) -> Media {
        media(kind, MediaSource::Base64("AA==".into()))
    }

    #[track_caller]
    fn check(part: Part, expected: Option<Value>) {
        let said = Said::new("p", part);
        match super::part(&said) {
            Ok(value) => assert_eq!(Some(value), expected),
            Err(error) => assert!(expected.is_none() && error.field() == "p" && !error.is_invalid(), "{error}"),
        }
    }

    #[test]
    fn pictures() {
        let image = |media| Part::Image { media, cache: None };
        check(image(base64(Some("image/png"))), Some(json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}})));
        let far = Media { detail: Some("low".into()), ..media(None, MediaSource::Url("https://e.com/a".into())) };
        check(image(far), Some(json!({"type": "image_url", "image_url": {"url": "https://e.com/a", "detail": "low"}})));
        check(image(base64(None)), None);
        check(image(media(None, MediaSource::FileId("f".into()))), None);
    }

    #[test]
    fn documents() {
        let file = |media, name: Option<&str>| Part::File { media, name: name.map(str::to_owned), cache: None };
        let written = |name, data| Some(json!({"type": "file", "file": {"filename": name, "file_data": data}}));
        check(file(base64(Some("application/pdf")), None), written("document.pdf", "data:application/pdf;base64,AA=="));
        check(file(media(None, MediaSource::Text("hi".into())), Some("a.txt")), written("a.txt", "data:text/plain;base64,aGk="));
        check(file(media(None, MediaSource::FileId("f".into())), None), None);
        check(file(media(None, MediaSource::Url("https://e.com/a".into())), None), None);
    }

    #[test]
    fn sounds() {
        check(
            Part::Audio(base64(Some("audio/wav"))),
            Some(json!({"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}})),
        );
        check(Part::Audio(base64(Some("audio/flac"))), None);
        check(Part::Audio(media(Some("audio/wav"), MediaSource::Url("https://e.com/a".into()))), None);
    }

    #[test]
    fn texts_alone_are_one_text() {
        let (a, b, nothing) = (Said::new("a", Part::text("a")), Said::new("b", Part::text("b")), Said::new("n", Part::text("")));
        assert_eq!((content(&[&a, &nothing, &b]).unwrap(), content(&[]).unwrap()), (json!("a\n\nb"), json!("")));
        let picture = Said::new("p", Part::Image { media: base64(Some("image/png")), cache: None });
        assert_eq!(content(&[&a, &picture]).unwrap()[0], json!({"type": "text", "text": "a"}));
    }

    #[test]
    fn only_text_where_only_text_may_stand() {
        let said = Said::new("p", Part::Image { media: base64(Some("image/png")), cache: None });
        assert_eq!(texts(&[&said]).unwrap_err().field(), "p");
    }
}
