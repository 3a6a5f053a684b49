//! Reads JSON objects so that nothing can be overlooked: every member must be taken, and what is left over is an error that names it.

use serde_json::{Map, Number, Value};

use crate::ask::Said;
use crate::error::CannotHonour;

/// One frame of a streamed answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The name in `event:` (server-sent events) or `:event-type` (AWS event stream); nothing where the dialect has none.
    pub event: Option<&'a str>,
    /// The JSON in `data:`, or the payload.
    pub data: &'a [u8],
}

/// An object in a caller's body, of which every member must be taken.
pub(crate) struct Fields {
    path: String,
    members: Map<String, Value>,
}

// === impl Fields ===

impl Fields {
    /// A whole body.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, CannotHonour> {
        match serde_json::from_slice(body) {
            Ok(Value::Object(members)) => Ok(Self { path: String::new(), members }),
            Ok(_) => Err(CannotHonour::invalid("body", "is not a JSON object")),
            Err(_) => Err(CannotHonour::invalid("body", "is not valid JSON")),
        }
    }

    /// The object that stands in a field.
    pub(crate) fn of(said: Said<Value>) -> Result<Self, CannotHonour> {
        match said.value {
            Value::Object(members) => Ok(Self { path: said.field, members }),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                Err(CannotHonour::invalid(said.field, "is not an object"))
            }
        }
    }

    /// The path of a member.
    pub(crate) fn field(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// Takes a member; null counts as absent.
    pub(crate) fn take(&mut self, name: &str) -> Option<Said<Value>> {
        let value = self.members.shift_remove(name).filter(|value| !value.is_null())?;
        Some(Said::new(self.field(name), value))
    }

    /// Takes a text.
    pub(crate) fn text(&mut self, name: &str) -> Result<Option<Said<String>>, CannotHonour> {
        self.take(name).map(text).transpose()
    }

    /// Takes a text that must be there.
    pub(crate) fn needed_text(&mut self, name: &str) -> Result<String, CannotHonour> {
        self.text(name)?.map(|said| said.value).ok_or_else(|| CannotHonour::invalid(self.field(name), "is missing"))
    }

    /// Takes true or false.
    pub(crate) fn bool(&mut self, name: &str) -> Result<Option<Said<bool>>, CannotHonour> {
        let Some(said) = self.take(name) else { return Ok(None) };
        let value = said.value.as_bool().ok_or_else(|| CannotHonour::invalid(&said.field, "is not true or false"))?;
        Ok(Some(Said::new(said.field, value)))
    }

    /// Takes a number as it was written.
    pub(crate) fn number(&mut self, name: &str) -> Result<Option<Said<Number>>, CannotHonour> {
        let Some(said) = self.take(name) else { return Ok(None) };
        match said.value {
            Value::Number(number) => Ok(Some(Said::new(said.field, number))),
            Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
                Err(CannotHonour::invalid(said.field, "is not a number"))
            }
        }
    }

    /// Takes a whole number, 0 or more.
    pub(crate) fn count(&mut self, name: &str) -> Result<Option<Said<u64>>, CannotHonour> {
        let Some(said) = self.take(name) else { return Ok(None) };
        let value = said.value.as_u64().ok_or_else(|| CannotHonour::invalid(&said.field, "is not a whole number of 0 or more"))?;
        Ok(Some(Said::new(said.field, value)))
    }

    /// Takes a list, each item with its path; none where it is absent.
    pub(crate) fn list(&mut self, name: &str) -> Result<Vec<Said<Value>>, CannotHonour> {
        self.take(name).map_or_else(|| Ok(Vec::new()), items)
    }

    /// Takes an object.
    pub(crate) fn object(&mut self, name: &str) -> Result<Option<Fields>, CannotHonour> {
        self.take(name).map(Fields::of).transpose()
    }

    /// The error for a member that was taken and cannot be said elsewhere.
    pub(crate) fn cannot(&self, name: &str, why: &str) -> CannotHonour {
        CannotHonour::new(self.field(name), why)
    }

    /// Everything must have been taken: what is left over is something that nobody here can translate.
    pub(crate) fn done(self) -> Result<(), CannotHonour> {
        match self.members.iter().find(|(_, value)| !value.is_null()) {
            Some((name, _)) => Err(self.cannot(
                name,
                "cannot be said in the dialect of the offering that answers: leave it out, or ask for an offering that speaks this dialect",
            )),
            None => Ok(()),
        }
    }
}

/// The text in a field.
pub(crate) fn text(said: Said<Value>) -> Result<Said<String>, CannotHonour> {
    match said.value {
        Value::String(text) => Ok(Said::new(said.field, text)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            Err(CannotHonour::invalid(said.field, "is not text"))
        }
    }
}

/// The items of the list in a field, each with its path.
pub(crate) fn items(said: Said<Value>) -> Result<Vec<Said<Value>>, CannotHonour> {
    let Said { field, value } = said;
    match value {
        Value::Array(items) => Ok(items.into_iter().enumerate().map(|(at, item)| Said::new(format!("{field}[{at}]"), item)).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
            Err(CannotHonour::invalid(field, "is not a list"))
        }
    }
}

/// The arguments of a function's call as the object that some dialects want; no text at all is an empty object, and so is `null`, which
/// some models write for a function that takes nothing.
pub(crate) fn arguments_object(field: &str, arguments: &str) -> Result<Map<String, Value>, CannotHonour> {
    if matches!(arguments.trim(), "" | "null") {
        return Ok(Map::new());
    }
    serde_json::from_str(arguments).map_err(|_| CannotHonour::invalid(field, "calls a function with arguments that are not a JSON object"))
}

/// The arguments of a function's call as text: an empty object where there is none, because some servers and clients refuse empty text.
pub(crate) fn arguments_text(arguments: &str) -> &str {
    if arguments.trim().is_empty() { "{}" } else { arguments }
}

/// A count of an upstream, however its number is written (some servers say `7.0`); nothing where there is none.
pub(crate) fn count(value: Option<&Value>) -> Option<u64> {
    let number = value?.as_number()?;
    number.as_u64().or_else(|| whole(number.as_f64()?))
}

#[expect(clippy::as_conversions, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the bounds are checked first")]
fn whole(number: f64) -> Option<u64> {
    const MAX: f64 = 9_007_199_254_740_992.0;
    (0.0..=MAX).contains(&number).then_some(number as u64)
}

/// One server-sent event: `event: name`, where the dialect has names, and `data`.
pub(crate) fn sse(out: &mut Vec<u8>, event: Option<&str>, data: &Value) {
    if let Some(event) = event {
        out.extend_from_slice(b"event: ");
        out.extend_from_slice(event.as_bytes());
        out.push(b'\n');
    }
    out.extend_from_slice(b"data: ");
    out.extend_from_slice(data.to_string().as_bytes());
    out.extend_from_slice(b"\n\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_over_is_named() {
        let mut fields = Fields::parse(br#"{"a":{"b":[1],"new":2},"gone":null}"#).unwrap();
        let mut inner = fields.object("a").unwrap().unwrap();
        assert_eq!(inner.list("b").unwrap(), [Said::new("a.b[0]", Value::from(1))]);
        assert_eq!(inner.done().unwrap_err().field(), "a.new");
        assert!(fields.done().is_ok());
    }

    #[test]
    fn no_arguments_are_an_empty_object() {
        for text in ["", " ", "null", "{}"] {
            assert_eq!(arguments_object("f", text), Ok(Map::new()), "{text}");
        }
        assert!(arguments_object("f", "[]").unwrap_err().is_invalid());
    }

    #[test]
    fn a_body_is_a_json_object() {
        let error = |body: &[u8]| Fields::parse(body).err().map(|error| error.to_string()).unwrap();
        assert_eq!((error(b"[]"), error(b"{")), ("`body` is not a JSON object".to_owned(), "`body` is not valid JSON".to_owned()));
    }

    #[test]
    fn counts_are_read_however_they_are_written() {
        let read = |json: &str| count(serde_json::from_str::<Value>(json).ok().as_ref());
        assert_eq!(
            [read("7"), read("7.0"), read("1e1"), read("-1"), read("\"7\""), read("null")],
            [Some(7), Some(7), Some(10), None, None, None]
        );
    }

    #[test]
    fn wrong_types_are_invalid_by_name() {
        let mut fields = Fields::parse(br#"{"a":1,"b":"x","c":[],"d":-1}"#).unwrap();
        for error in [fields.text("a").unwrap_err(), fields.bool("b").unwrap_err(), fields.count("d").unwrap_err()] {
            assert!(error.is_invalid(), "{error}");
        }
        assert_eq!(fields.needed_text("e").unwrap_err().to_string(), "`e` is missing");
    }
}
