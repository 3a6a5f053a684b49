//! Reads the content of a message: text, or a list of texts, pictures, documents and sounds.

use serde_json::Value;

use super::read_ask::needed_object;
use crate::ask::{Media, MediaSource, Part, Said};
use crate::cache;
use crate::data_url;
use crate::error::CannotHonour;
use crate::wire::{Fields, items};

/// Reads `content`; only parts that fit the role of the message may stand in it.
pub(super) fn content(said: Said<Value>, fits: fn(&Part) -> bool) -> Result<Vec<Said<Part>>, CannotHonour> {
    if let Value::String(text) = said.value {
        return Ok(vec![Said::new(said.field, Part::text(text))]);
    }
    items(said)?.into_iter().map(|item| part(item, fits)).collect()
}

fn part(said: Said<Value>, fits: fn(&Part) -> bool) -> Result<Said<Part>, CannotHonour> {
    let field = said.field.clone();
    let mut fields = Fields::of(said)?;
    let part = match fields.needed_text("type")?.as_str() {
        "text" => Part::Text { text: fields.needed_text("text")?, cache: cache::control(&mut fields)? },
        "image_url" => Part::Image { media: image(&mut fields)?, cache: cache::control(&mut fields)? },
        "input_audio" => Part::Audio(audio(&mut fields)?),
        "file" => file(&mut fields)?,
        "refusal" => Part::Refusal { text: fields.needed_text("refusal")? },
        _ => return Err(fields.cannot("type", "must be `text`, `image_url`, `input_audio`, `file` or `refusal`: say it in one of them")),
    };
    fields.done()?;
    if fits(&part) { Ok(Said::new(field, part)) } else { Err(CannotHonour::invalid(field, "does not belong in a message of this role")) }
}

fn image(fields: &mut Fields) -> Result<Media, CannotHonour> {
    let mut image = needed_object(fields, "image_url")?;
    let field = image.field("url");
    let url = image.needed_text("url")?;
    let detail = image.text("detail")?.map(|said| said.value);
    image.done()?;
    if let Some((kind, data)) = data_url::read(&url) {
        return Ok(Media { kind: Some(kind), source: MediaSource::Base64(data), detail });
    }
    let on_the_web = starts_with(&url, "https://") || starts_with(&url, "http://");
    if !on_the_web {
        return Err(CannotHonour::invalid(field, "is neither an http(s) address nor a data: URL of base64 with its kind"));
    }
    Ok(Media { kind: None, source: MediaSource::Url(url), detail })
}

fn audio(fields: &mut Fields) -> Result<Media, CannotHonour> {
    let mut audio = needed_object(fields, "input_audio")?;
    let data = audio.needed_text("data")?;
    let kind = match audio.needed_text("format")?.as_str() {
        "wav" => "audio/wav",
        "mp3" => "audio/mpeg",
        _ => return Err(CannotHonour::invalid(audio.field("format"), "is not `wav` or `mp3`")),
    };
    audio.done()?;
    Ok(Media { kind: Some(kind.to_owned()), source: MediaSource::Base64(data), detail: None })
}

fn file(fields: &mut Fields) -> Result<Part, CannotHonour> {
    let mut file = needed_object(fields, "file")?;
    let name = file.text("filename")?.map(|said| said.value);
    let media = match (file.text("file_data")?, file.text("file_id")?) {
        (Some(data), None) => {
            let (kind, data) = data_url::read(&data.value)
                .ok_or_else(|| CannotHonour::invalid(data.field, "is not a data: URL of base64 with its kind"))?;
            Media { kind: Some(kind), source: MediaSource::Base64(data), detail: None }
        }
        (None, Some(id)) => Media { kind: None, source: MediaSource::FileId(id.value), detail: None },
        (Some(_), Some(id)) => return Err(CannotHonour::invalid(id.field, "stands beside `file_data`: say one of them")),
        (None, None) => return Err(CannotHonour::invalid(file.field("file_data"), "is missing, and so is `file_id`")),
    };
    file.done()?;
    Ok(Part::File { media, name, cache: cache::control(fields)? })
}

fn starts_with(text: &str, start: &str) -> bool {
    text.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::ask::CacheMark;

    fn read(part: Value) -> Result<Part, CannotHonour> {
        super::part(Said::new("p", part), |_| true).map(|said| said.value)
    }

    #[track_caller]
    fn check(part: Value, expected: &Part) {
        assert_eq!(read(part).as_ref(), Ok(expected));
    }

    #[track_caller]
    fn check_error(part: Value, field: &str, invalid: bool) {
        let error = read(part).unwrap_err();
        assert_eq!((error.field(), error.is_invalid()), (field, invalid), "{error}");
    }

    fn base64(kind: &str) -> Media {
        Media { kind: Some(kind.to_owned()), source: MediaSource::Base64("AA==".to_owned()), detail: None }
    }

    #[test]
    fn pictures() {
        check(
            json!({"type": "image_url", "image_url": {"url": "DATA:image/JPG;charset=x;base64,AA=="}}),
            &Part::Image { media: base64("image/jpeg"), cache: None },
        );
        check(
            json!({"type": "image_url", "image_url": {"url": "https://e.com/a,b", "detail": "low"}, "cache_control": {"type": "ephemeral", "ttl": "1h"}}),
            &Part::Image {
                media: Media { kind: None, source: MediaSource::Url("https://e.com/a,b".into()), detail: Some("low".into()) },
                cache: Some(CacheMark::Hour),
            },
        );
    }

    #[test]
    fn documents_and_sounds() {
        check(
            json!({"type": "file", "file": {"file_data": "data:application/pdf;base64,AA==", "filename": "a.pdf"}}),
            &Part::File { media: base64("application/pdf"), name: Some("a.pdf".into()), cache: None },
        );
        check(json!({"type": "input_audio", "input_audio": {"data": "AA==", "format": "mp3"}}), &Part::Audio(base64("audio/mpeg")));
    }

    #[test]
    fn wrong_parts_are_named() {
        check_error(json!({"type": "image_url", "image_url": {"url": "gs://bucket/a.png"}}), "p.image_url.url", true);
        check_error(json!({"type": "image_url", "image_url": {"url": "data:,plain"}}), "p.image_url.url", true);
        check_error(json!({"type": "image_url", "image_url": {"url": "https://e.com/a", "new": 1}}), "p.image_url.new", false);
        check_error(json!({"type": "input_audio", "input_audio": {"data": "AA==", "format": "flac"}}), "p.input_audio.format", true);
        check_error(json!({"type": "file", "file": {"file_data": "AA=="}}), "p.file.file_data", true);
        check_error(json!({"type": "file", "file": {}}), "p.file.file_data", true);
        check_error(json!({"type": "video_url", "video_url": {}}), "p.type", false);
        check_error(
            json!({"type": "text", "text": "a", "prompt_cache_breakpoint": {"mode": "explicit"}}),
            "p.prompt_cache_breakpoint",
            false,
        );
        check_error(json!({"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "ttl": "1d"}}), "p.cache_control.ttl", true);
        check_error(json!("text"), "p", true);
    }
}
