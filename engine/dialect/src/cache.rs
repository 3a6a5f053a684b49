//! Wishes to cache, in what dialects share: `cache_control`, and the refusal of an hour by operators that cache by themselves.

use crate::ask::CacheMark;
use crate::error::CannotHonour;
use crate::wire::Fields;

/// Takes `cache_control`, as Anthropic and OpenRouter write it in a part, a tool or the call itself.
pub(crate) fn control(fields: &mut Fields) -> Result<Option<CacheMark>, CannotHonour> {
    let Some(mut control) = fields.object("cache_control")? else { return Ok(None) };
    if control.needed_text("type")? != "ephemeral" {
        return Err(CannotHonour::invalid(control.field("type"), "is not `ephemeral`"));
    }
    let mark = match control.text("ttl")?.as_ref().map(|ttl| ttl.value.as_str()) {
        None | Some("5m") => CacheMark::Short,
        Some("1h") => CacheMark::Hour,
        Some(_) => return Err(CannotHonour::invalid(control.field("ttl"), "is not `5m` or `1h`")),
    };
    control.done()?;
    Ok(Some(mark))
}

/// Minutes need no word where an operator caches by itself, and an hour cannot be promised there.
pub(crate) fn refuse_hour(field: &str, mark: Option<CacheMark>) -> Result<(), CannotHonour> {
    match mark {
        None | Some(CacheMark::Short) => Ok(()),
        Some(CacheMark::Hour) => Err(CannotHonour::new(
            field,
            "asks to be cached for an hour, which an offering that caches by itself cannot promise: ask for the default time",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(control: &str, expected: Result<Option<CacheMark>, &str>) {
        let read = super::control(&mut Fields::parse(format!(r#"{{"cache_control":{control}}}"#).as_bytes()).unwrap());
        assert_eq!(read.as_ref().map_err(CannotHonour::field), expected.as_ref().map_err(|field| *field), "{control}");
    }

    #[test]
    fn marks_are_short_or_of_an_hour() {
        check("null", Ok(None));
        check(r#"{"type":"ephemeral"}"#, Ok(Some(CacheMark::Short)));
        check(r#"{"type":"ephemeral","ttl":"5m"}"#, Ok(Some(CacheMark::Short)));
        check(r#"{"type":"ephemeral","ttl":"1h"}"#, Ok(Some(CacheMark::Hour)));
        check(r#"{"type":"ephemeral","ttl":"1d"}"#, Err("cache_control.ttl"));
        check(r#"{"type":"ephemeral","scope":"x"}"#, Err("cache_control.scope"));
        check(r#"{"type":"forever"}"#, Err("cache_control.type"));
    }

    #[test]
    fn only_an_hour_is_refused() {
        assert!(refuse_hour("f", Some(CacheMark::Short)).is_ok());
        assert_eq!(refuse_hour("f", Some(CacheMark::Hour)).unwrap_err().field(), "f");
    }
}
