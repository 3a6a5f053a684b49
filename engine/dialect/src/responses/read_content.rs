//! Reads the content of messages and of functions' results: text, pictures and documents. Bytes come as data URLs, which are taken apart here.

use serde_json::Value;

use crate::ask::{CacheMark, Media, MediaSource, Part, Said};
use crate::data_url;
use crate::error::CannotHonour;
use crate::wire::{Fields, items, text};

/// Content as one text, or as a list whose items `part` reads.
pub(super) fn content(
    said: Said<Value>,
    part: fn(&str, &mut Fields) -> Result<Part, CannotHonour>,
) -> Result<Vec<Said<Part>>, CannotHonour> {
    if said.value.is_string() {
        let said = text(said)?;
        return Ok(vec![Said::new(said.field, Part::text(said.value))]);
    }
    let read = |said: Said<Value>| {
        let field = said.field.clone();
        let mut fields = Fields::of(said)?;
        let read = part(&field, &mut fields)?;
        fields.done()?;
        Ok(Said::new(field, read))
    };
    items(said)?.into_iter().map(read).collect()
}

/// A part of what a user says or a function gives.
pub(super) fn input_part(field: &str, fields: &mut Fields) -> Result<Part, CannotHonour> {
    match fields.needed_text("type")?.as_str() {
        "input_text" => input_text(fields),
        "input_image" => image(field, fields),
        "input_file" => file(field, fields),
        kind => Err(CannotHonour::invalid(field, format!("is `{kind}`, not `input_text`, `input_image` or `input_file`"))),
    }
}

/// A part of what the model said, handed back.
pub(super) fn assistant_part(field: &str, fields: &mut Fields) -> Result<Part, CannotHonour> {
    match fields.needed_text("type")?.as_str() {
        "input_text" => input_text(fields),
        "output_text" => {
            // They describe the text to whoever reads it; the model wrote them and does not need them back.
            fields.list("annotations")?;
            fields.list("logprobs")?;
            Ok(Part::text(fields.needed_text("text")?))
        }
        "refusal" => Ok(Part::Refusal { text: fields.needed_text("refusal")? }),
        kind => Err(CannotHonour::invalid(field, format!("is `{kind}`, not `output_text` or `refusal`"))),
    }
}

/// A part of instructions.
pub(super) fn system_part(field: &str, fields: &mut Fields) -> Result<Part, CannotHonour> {
    match fields.needed_text("type")?.as_str() {
        "input_text" => input_text(fields),
        kind => {
            Err(CannotHonour::new(field, format!("is `{kind}`, and instructions are text elsewhere: put it into a message of the user")))
        }
    }
}

fn input_text(fields: &mut Fields) -> Result<Part, CannotHonour> {
    Ok(Part::Text { cache: cache(fields)?, text: fields.needed_text("text")? })
}

fn image(field: &str, fields: &mut Fields) -> Result<Part, CannotHonour> {
    let detail = detail(fields, &["low", "high", "original"])?;
    let address = fields.text("image_url")?.map(address).transpose()?;
    let media = only_one(field, [address, file_id(fields)?, None], "`image_url` or `file_id`")?;
    Ok(Part::Image { media: Media { detail, ..media }, cache: cache(fields)? })
}

fn file(field: &str, fields: &mut Fields) -> Result<Part, CannotHonour> {
    let detail = detail(fields, &["low", "high"])?;
    if detail.is_some() {
        return Err(fields.cannot("detail", "can only be said of documents to OpenAI: leave it out or say `auto`"));
    }
    let data = fields.text("file_data")?.map(file_data).transpose()?;
    let url = fields.text("file_url")?.map(|said| media(None, MediaSource::Url(said.value)));
    let media = only_one(field, [data, url, file_id(fields)?], "`file_data`, `file_url` or `file_id`")?;
    Ok(Part::File { media, name: fields.text("filename")?.map(|said| said.value), cache: cache(fields)? })
}

/// How closely to look; `auto` says the same as leaving it out.
fn detail(fields: &mut Fields, words: &[&str]) -> Result<Option<String>, CannotHonour> {
    match fields.text("detail")?.filter(|said| said.value != "auto") {
        Some(said) if !words.contains(&said.value.as_str()) => Err(CannotHonour::invalid(said.field, "is not a known word")),
        said => Ok(said.map(|said| said.value)),
    }
}

/// OpenAI's cache keeps for half an hour unless told otherwise.
fn cache(fields: &mut Fields) -> Result<Option<CacheMark>, CannotHonour> {
    let Some(mut mark) = fields.object("prompt_cache_breakpoint")? else { return Ok(None) };
    if mark.needed_text("mode")? != "explicit" {
        return Err(CannotHonour::invalid(mark.field("mode"), "is not `explicit`"));
    }
    if let Some(said) = mark.text("ttl")?.filter(|said| said.value != "30m") {
        return Err(said.cannot("can only be said to OpenAI: leave it out or say `30m`"));
    }
    mark.done()?;
    Ok(Some(CacheMark::Short))
}

fn file_id(fields: &mut Fields) -> Result<Option<Media>, CannotHonour> {
    Ok(fields.text("file_id")?.map(|said| media(None, MediaSource::FileId(said.value))))
}

fn media(kind: Option<String>, source: MediaSource) -> Media {
    Media { kind, source, detail: None }
}

fn only_one(field: &str, given: [Option<Media>; 3], names: &str) -> Result<Media, CannotHonour> {
    let mut given = given.into_iter().flatten();
    match (given.next(), given.next()) {
        (Some(media), None) => Ok(media),
        (None, _) => Err(CannotHonour::invalid(field, format!("needs {names}"))),
        (Some(_), Some(_)) => Err(CannotHonour::invalid(field, format!("has more than one of {names}"))),
    }
}

/// An address to fetch, or a data URL.
fn address(said: Said<String>) -> Result<Media, CannotHonour> {
    if data_url::is_one(&said.value) { file_data(said) } else { Ok(media(None, MediaSource::Url(said.value))) }
}

/// `data:image/png;base64,iVBOR…`
fn file_data(said: Said<String>) -> Result<Media, CannotHonour> {
    let read = data_url::read(&said.value).map(|(kind, data)| media(Some(kind), MediaSource::Base64(data)));
    read.ok_or_else(|| CannotHonour::invalid(said.field, "is not a data URL in base64, like `data:application/pdf;base64,…`"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(part: Value) -> Result<Part, CannotHonour> {
        Ok(content(Said::new("c", json!([part])), input_part)?.remove(0).value)
    }

    fn check(part: Value, field: &str) {
        let error = read(part).unwrap_err();
        assert_eq!(error.field(), field, "{error}");
    }

    #[test]
    fn data_urls_are_taken_apart() {
        let part = read(json!({"type": "input_image", "image_url": "data:image/png;charset=x;base64,AAA=", "detail": "auto"})).unwrap();
        let png = Media { kind: Some("image/png".into()), source: MediaSource::Base64("AAA=".into()), detail: None };
        assert_eq!(part, Part::Image { media: png, cache: None });
        let part = read(json!({"type": "input_image", "image_url": "Data:image/jpg;base64,AAA="})).unwrap();
        let jpeg = media(Some("image/jpeg".into()), MediaSource::Base64("AAA=".into()));
        assert_eq!(part, Part::Image { media: jpeg, cache: None });
        let part = read(json!({"type": "input_file", "file_url": "https://example.com/a.pdf", "filename": "a.pdf"})).unwrap();
        let url = media(None, MediaSource::Url("https://example.com/a.pdf".into()));
        assert_eq!(part, Part::File { media: url, name: Some("a.pdf".into()), cache: None });
    }

    #[test]
    fn cache_marks_are_read() {
        let mark = |mark: Value| json!({"type": "input_text", "text": "x", "prompt_cache_breakpoint": mark});
        assert_eq!(read(mark(json!({"mode": "explicit"}))).unwrap().cache(), Some(CacheMark::Short));
        check(mark(json!({"mode": "explicit", "ttl": "12h"})), "c[0].prompt_cache_breakpoint.ttl");
    }

    #[test]
    fn wrong_parts_are_named() {
        check(json!({"type": "input_image", "image_url": "data:image/png,AAA"}), "c[0].image_url");
        check(json!({"type": "input_image"}), "c[0]");
        check(json!({"type": "input_image", "image_url": "https://e.org/a", "file_id": "f"}), "c[0]");
        check(json!({"type": "input_image", "image_url": "https://e.org/a", "detail": "huge"}), "c[0].detail");
        check(json!({"type": "input_file", "file_data": "AAAA"}), "c[0].file_data");
        check(json!({"type": "input_file", "file_url": "https://e.org/a", "detail": "low"}), "c[0].detail");
        check(json!({"type": "input_text", "text": "x", "new": true}), "c[0].new");
        check(json!({"type": "text", "text": "x"}), "c[0]");
        check(json!("x"), "c[0]");
    }
}
