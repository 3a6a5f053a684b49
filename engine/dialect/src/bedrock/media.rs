//! Writes pictures, documents and sound. Bedrock takes bytes only: addresses would have to be fetched, which the gateway never does.

use std::collections::{HashMap, HashSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::ask::{Media, MediaSource};
use crate::error::CannotHonour;

/// The names of a call's documents so far: Bedrock wants each only once.
#[derive(Default)]
pub(super) struct DocumentNames {
    taken: HashSet<String>,
    /// The last number that a name got, so that many documents of one name are not counted from the start each time.
    numbers: HashMap<String, u64>,
}

const PICTURES: &[(&str, &str)] =
    &[("image/png", "png"), ("image/jpeg", "jpeg"), ("image/jpg", "jpeg"), ("image/gif", "gif"), ("image/webp", "webp")];

const DOCUMENTS: &[(&str, &str)] = &[
    ("application/pdf", "pdf"),
    ("text/plain", "txt"),
    ("text/markdown", "md"),
    ("text/html", "html"),
    ("text/csv", "csv"),
    ("application/msword", "doc"),
    ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx"),
    ("application/vnd.ms-excel", "xls"),
    ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"),
];

const SOUNDS: &[(&str, &str)] = &[
    ("audio/wav", "wav"),
    ("audio/x-wav", "wav"),
    ("audio/mpeg", "mp3"),
    ("audio/mp3", "mp3"),
    ("audio/flac", "flac"),
    ("audio/ogg", "ogg"),
    ("audio/opus", "opus"),
    ("audio/aac", "aac"),
    ("audio/mp4", "mp4"),
    ("audio/m4a", "m4a"),
    ("audio/webm", "webm"),
    ("audio/pcm", "pcm"),
];

/// The most characters of a document's name, less some for the number that makes it unique.
const NAME_CHARS_MAX: usize = 190;

/// A picture.
pub(super) fn picture(field: &str, media: &Media) -> Result<Value, CannotHonour> {
    if let Some(detail) = media.detail.as_deref().filter(|detail| *detail != "auto") {
        return Err(CannotHonour::new(field, format!("asks for the detail `{detail}`, which Bedrock does not know: leave it out")));
    }
    let bytes = bytes(field, media)?;
    Ok(json!({ "image": { "format": format(field, media, PICTURES)?, "source": { "bytes": bytes } } }))
}

/// Sound.
pub(super) fn sound(field: &str, media: &Media) -> Result<Value, CannotHonour> {
    let bytes = bytes(field, media)?;
    Ok(json!({ "audio": { "format": format(field, media, SOUNDS)?, "source": { "bytes": bytes } } }))
}

/// A document, which must have a name there.
pub(super) fn document(field: &str, media: &Media, name: &str, names: &mut DocumentNames) -> Result<Value, CannotHonour> {
    let bytes = bytes(field, media)?;
    let format = format(field, media, DOCUMENTS)?;
    Ok(json!({ "document": { "format": format, "name": names.unique(name), "source": { "bytes": bytes } } }))
}

fn bytes(field: &str, media: &Media) -> Result<String, CannotHonour> {
    match &media.source {
        MediaSource::Base64(data) => Ok(data.clone()),
        MediaSource::Text(text) => Ok(STANDARD.encode(text)),
        MediaSource::Url(_) => Err(CannotHonour::new(field, "is at an address, and Bedrock fetches none: send the bytes")),
        MediaSource::FileId(_) => Err(CannotHonour::new(field, "is a file that only its own operator has: send the bytes")),
    }
}

fn format(field: &str, media: &Media, known: &[(&str, &'static str)]) -> Result<&'static str, CannotHonour> {
    let kind = match (&media.kind, &media.source) {
        (Some(kind), _) => kind.as_str(),
        (None, MediaSource::Text(_)) => "text/plain",
        (None, MediaSource::Base64(_) | MediaSource::Url(_) | MediaSource::FileId(_)) => "",
    };
    let essence = kind.split(';').next().unwrap_or_default().trim();
    let found = known.iter().find(|(name, _)| essence.eq_ignore_ascii_case(name));
    found.map(|(_, format)| *format).ok_or_else(|| {
        let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
        CannotHonour::new(
            field,
            format!("is of the media type `{kind}`, which Bedrock does not take here: send one of {}", names.join(", ")),
        )
    })
}

// === impl DocumentNames ===

impl DocumentNames {
    /// The name in the characters that Bedrock allows, with a number where it was there before.
    fn unique(&mut self, name: &str) -> String {
        let plain = allowed(name);
        if self.taken.insert(plain.clone()) {
            return plain;
        }
        let number = self.numbers.entry(plain.clone()).or_insert(1);
        loop {
            *number = number.saturating_add(1);
            let unique = format!("{plain} {number}");
            if self.taken.insert(unique.clone()) {
                return unique;
            }
        }
    }
}

/// Letters, digits, single spaces, hyphens, parentheses and square brackets; a hyphen stands for everything else.
fn allowed(name: &str) -> String {
    let kept = |c: char| c.is_ascii_alphanumeric() || c.is_whitespace() || "-()[]".contains(c);
    let plain: String = name.chars().take(NAME_CHARS_MAX).map(|c| if kept(c) { c } else { '-' }).collect();
    let words: Vec<&str> = plain.split_whitespace().collect();
    if words.is_empty() { "document".to_owned() } else { words.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn media(kind: Option<&str>, source: MediaSource) -> Media {
        Media { kind: kind.map(str::to_owned), source, detail: None }
    }

    #[track_caller]
    fn check(written: Result<Value, CannotHonour>, expected: &str) {
        assert_eq!(written.map(|value| value.to_string()).unwrap_or_else(|error| error.to_string()), expected);
    }

    #[test]
    fn kinds_become_formats() {
        let base64 = || MediaSource::Base64("AA==".into());
        check(picture("p", &media(Some("image/jpeg"), base64())), r#"{"image":{"format":"jpeg","source":{"bytes":"AA=="}}}"#);
        check(sound("p", &media(Some("audio/mpeg"), base64())), r#"{"audio":{"format":"mp3","source":{"bytes":"AA=="}}}"#);
        check(
            picture("p", &media(Some("image/bmp"), base64())),
            "`p` is of the media type `image/bmp`, which Bedrock does not take here: send one of image/png, image/jpeg, image/jpg, image/gif, image/webp",
        );
        check(
            picture("p", &media(None, MediaSource::Url("https://x".into()))),
            "`p` is at an address, and Bedrock fetches none: send the bytes",
        );
        check(
            picture("p", &Media { detail: Some("low".into()), ..media(Some("image/png"), base64()) }),
            "`p` asks for the detail `low`, which Bedrock does not know: leave it out",
        );
    }

    #[test]
    fn documents_have_names_of_their_own() {
        let mut names = DocumentNames::default();
        let text = |kind| media(kind, MediaSource::Text("hi".into()));
        check(
            document("p", &text(None), "a  b.txt", &mut names),
            r#"{"document":{"format":"txt","name":"a b-txt","source":{"bytes":"aGk="}}}"#,
        );
        check(
            document("p", &text(Some("text/plain; charset=utf-8")), "a b.txt", &mut names),
            r#"{"document":{"format":"txt","name":"a b-txt 2","source":{"bytes":"aGk="}}}"#,
        );
        assert_eq!((names.unique(" "), names.unique("é[1]")), ("document".to_owned(), "-[1]".to_owned()));
        assert!(names.unique(&"x".repeat(999)).len() < 200);
    }

    #[test]
    fn a_number_is_never_given_twice() {
        let mut names = DocumentNames::default();
        assert_eq!(["a", "a 3", "a", "a", "a 3"].map(|name| names.unique(name)), ["a", "a 3", "a 2", "a 4", "a 3 2"]);
    }

    /// If each were compared with all before it, this test would not end.
    #[test]
    fn many_documents_without_names_are_not_slow() {
        let mut names = DocumentNames::default();
        let last = (0..100_000).map(|_| names.unique("")).last();
        assert_eq!(last.as_deref(), Some("document 100000"));
    }
}
