//! Pictures and documents, both ways. Anthropic takes pictures of four kinds, PDF and plain text; a file that it keeps is nobody else's.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::ask::{Media, MediaSource, Part, Said};
use crate::cache;
use crate::data_url::registered;
use crate::error::CannotHonour;
use crate::wire::Fields;

const PDF: &str = "application/pdf";
const PLAIN: &str = "text/plain";
const PICTURES: [&str; 4] = ["image/jpeg", "image/png", "image/gif", "image/webp"];

/// Reads an image block.
pub(super) fn read_image(block: &mut Fields) -> Result<Part, CannotHonour> {
    if let Some(mut transformations) = block.object("transformations")? {
        let oversized = transformations.text("oversized_image")?;
        if let Some(said) = oversized.filter(|said| said.value != "downsize") {
            return Err(said.cannot("cannot be said to an upstream of another dialect: leave it out"));
        }
        transformations.done()?;
    }
    Ok(Part::Image { media: read_source(block, Source::Image)?, cache: cache::control(block)? })
}

/// Reads a document block.
pub(super) fn read_document(block: &mut Fields) -> Result<Part, CannotHonour> {
    if let Some(mut citations) = block.object("citations")? {
        if let Some(said) = citations.bool("enabled")?.filter(|said| said.value) {
            return Err(said
                .cannot("asks for citations, which no other dialect has: leave it out, or ask for an offering that speaks this dialect"));
        }
        citations.done()?;
    }
    if let Some(said) = block.text("context")?.filter(|said| !said.value.is_empty()) {
        return Err(said.cannot("cannot be said to an upstream of another dialect: put it into a text block before the document"));
    }
    let name = block.text("title")?.map(|title| title.value);
    Ok(Part::File { media: read_source(block, Source::Document)?, name, cache: cache::control(block)? })
}

#[derive(Clone, Copy, PartialEq)]
enum Source {
    Image,
    Document,
}

fn read_source(block: &mut Fields, of: Source) -> Result<Media, CannotHonour> {
    let Some(mut source) = block.object("source")? else {
        return Err(CannotHonour::invalid(block.field("source"), "is missing"));
    };
    let (kind, bytes) = match source.needed_text("type")?.as_str() {
        "base64" => (Some(registered(&source.needed_text("media_type")?).to_owned()), MediaSource::Base64(source.needed_text("data")?)),
        // Anthropic fetches documents of one kind only.
        "url" => ((of == Source::Document).then(|| PDF.to_owned()), MediaSource::Url(source.needed_text("url")?)),
        "file" => (None, MediaSource::FileId(source.needed_text("file_id")?)),
        "text" if of == Source::Document => (Some(source.needed_text("media_type")?), MediaSource::Text(source.needed_text("data")?)),
        other => {
            let why = format!("is `{other}`, which no other dialect has: give the content as text blocks, base64 or an address");
            return Err(source.cannot("type", &why));
        }
    };
    source.done()?;
    Ok(Media { kind, source: bytes, detail: None })
}

/// Writes the source of a picture.
pub(super) fn write_image(said: &Said<Part>, media: &Media) -> Result<Value, CannotHonour> {
    check_detail(said, media)?;
    match &media.source {
        MediaSource::Base64(data) => match media.kind.as_deref() {
            Some(kind) if PICTURES.contains(&kind) => Ok(json!({ "type": "base64", "media_type": kind, "data": data })),
            Some(_) | None => Err(said.cannot("is a picture of a kind that Anthropic upstreams do not take: send JPEG, PNG, GIF or WebP")),
        },
        MediaSource::Url(url) => Ok(json!({ "type": "url", "url": url })),
        MediaSource::Text(_) => Err(said.cannot("is text where a picture should be: send it as a document")),
        MediaSource::FileId(_) => Err(kept_elsewhere(said)),
    }
}

/// Writes the source of a document.
pub(super) fn write_document(said: &Said<Part>, media: &Media) -> Result<Value, CannotHonour> {
    check_detail(said, media)?;
    let kind = media.kind.as_deref();
    match &media.source {
        MediaSource::Base64(data) if kind == Some(PDF) => Ok(json!({ "type": "base64", "media_type": PDF, "data": data })),
        MediaSource::Base64(data) => match kind.filter(|kind| is_text(kind)).and_then(|_| decode(data)) {
            Some(text) => Ok(plain(&text)),
            None => Err(said.cannot("is a document of a kind that Anthropic upstreams do not take: send PDF or plain text")),
        },
        MediaSource::Text(text) => Ok(plain(text)),
        MediaSource::Url(url) if kind.is_none_or(|kind| kind == PDF) => Ok(json!({ "type": "url", "url": url })),
        MediaSource::Url(_) => {
            Err(said.cannot("is an address of something that is no PDF, which Anthropic upstreams do not fetch: send the content"))
        }
        MediaSource::FileId(_) => Err(kept_elsewhere(said)),
    }
}

fn plain(text: &str) -> Value {
    json!({ "type": "text", "media_type": PLAIN, "data": text })
}

/// Text of any kind is plain text to Anthropic.
fn is_text(kind: &str) -> bool {
    kind.starts_with("text/") || kind == "application/json"
}

fn decode(data: &str) -> Option<String> {
    STANDARD.decode(data).ok().and_then(|bytes| String::from_utf8(bytes).ok())
}

fn check_detail(said: &Said<Part>, media: &Media) -> Result<(), CannotHonour> {
    match media.detail.as_deref() {
        None | Some("auto") => Ok(()),
        Some(_) => Err(said.cannot("has a `detail` that Anthropic upstreams do not know: leave it out, or scale the picture yourself")),
    }
}

fn kept_elsewhere(said: &Said<Part>) -> CannotHonour {
    said.cannot("names a file that another operator keeps: send the content itself")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(kind: Option<&str>, source: MediaSource) -> Said<Part> {
        let media = Media { kind: kind.map(str::to_owned), source, detail: None };
        Said::new("d", Part::File { media, name: None, cache: None })
    }

    fn check(said: &Said<Part>, expected: &str) {
        let written = super::super::blocks::write(said).map_or_else(|error| error.to_string(), |block| block["source"].to_string());
        assert!(written.starts_with(expected), "{written}");
    }

    #[test]
    fn documents_are_pdf_or_text() {
        check(
            &document(Some("text/csv"), MediaSource::Base64("YSxi".to_owned())),
            r#"{"type":"text","media_type":"text/plain","data":"a,b"}"#,
        );
        check(&document(Some(PDF), MediaSource::Base64("JVBERg==".to_owned())), r#"{"type":"base64","media_type":"application/pdf""#);
        check(&document(None, MediaSource::Url("https://a/b.pdf".to_owned())), r#"{"type":"url","url":"https://a/b.pdf"}"#);
        check(&document(Some("text/html"), MediaSource::Url("https://a/b".to_owned())), "`d` is an address of something that is no PDF");
        check(&document(Some("text/plain"), MediaSource::Base64("/w==".to_owned())), "`d` is a document of a kind");
        check(&document(Some("application/zip"), MediaSource::Base64("YQ==".to_owned())), "`d` is a document of a kind");
        check(&document(None, MediaSource::FileId("file-1".to_owned())), "`d` names a file that another operator keeps");
    }

    #[test]
    fn pictures_are_of_four_kinds_and_have_no_detail() {
        let picture = |kind: &str, detail: Option<&str>| {
            let media =
                Media { kind: Some(kind.to_owned()), source: MediaSource::Base64("YQ==".to_owned()), detail: detail.map(str::to_owned) };
            Said::new("p", Part::Image { media, cache: None })
        };
        check(&picture("image/png", Some("auto")), r#"{"type":"base64","media_type":"image/png","data":"YQ=="}"#);
        check(&picture("image/tiff", None), "`p` is a picture of a kind");
        check(&picture("image/png", Some("low")), "`p` has a `detail`");
    }
}
