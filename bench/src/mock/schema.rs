//! Fills a JSON schema with values: numbers and quoted words of the text first, then fixed ones. Knows the part of JSON Schema that
//! tools and structured answers use; never fails, an unknown schema gets a string.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// References followed into each other, at most: a schema may refer to itself.
const DEPTH_MAX: usize = 8;

/// Values that the text suggests, each used once, in order.
#[derive(Debug, Default)]
pub(crate) struct Hints {
    numbers: Vec<i64>,
    quoted: Vec<String>,
}

pub(crate) fn fill(schema: &Value, hints: &mut Hints) -> Value {
    let mut filler = Filler { root: schema, hints };
    filler.value(schema, "value", 0)
}

// === impl Hints ===

impl Hints {
    pub(crate) fn of(text: &str) -> Hints {
        let digits = text.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse().ok());
        Hints { numbers: digits.collect(), quoted: quoted(text) }
    }

    fn number(&mut self) -> i64 {
        if self.numbers.is_empty() { 1 } else { self.numbers.remove(0) }
    }

    fn text(&mut self, name: &str) -> String {
        if self.quoted.is_empty() { format!("mock {name}") } else { self.quoted.remove(0) }
    }
}

/// What stands between quotation marks: `'…'`, `"…"`, `` `…` ``, `“…”`. An apostrophe within a word is none.
pub(crate) fn quoted(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = text;
    let mut before = ' ';
    while let Some(first) = rest.chars().next() {
        let after = rest.get(first.len_utf8()..).unwrap_or_default();
        let close = match first {
            '\'' | '"' | '`' => Some(first),
            '“' => Some('”'),
            _ => None,
        };
        let opens = close.filter(|_| !before.is_alphanumeric()).and_then(|close| after.split_once(close));
        before = first;
        rest = after;
        if let Some((inside, behind)) = opens.filter(|(inside, _)| !inside.is_empty() && !inside.contains('\n')) {
            found.push(inside.to_owned());
            rest = behind;
        }
    }
    found
}

struct Filler<'a, 'h> {
    root: &'a Value,
    hints: &'h mut Hints,
}

// === impl Filler ===

impl<'a> Filler<'a, '_> {
    fn value(&mut self, schema: &'a Value, name: &str, depth: usize) -> Value {
        if depth > DEPTH_MAX {
            return Value::Null;
        }
        let deeper = depth.saturating_add(1);
        if let Some(fixed) = fixed(schema) {
            return fixed;
        }
        if let Some(target) = self.reference(schema) {
            return self.value(target, name, deeper);
        }
        let options = ["anyOf", "oneOf", "allOf"].into_iter().filter_map(|key| schema.get(key)?.as_array()).next();
        if let Some(option) = options.and_then(|all| all.iter().find(|option| kind(option) != "null")) {
            return self.value(option, name, deeper);
        }
        match kind(schema) {
            "object" => self.object(schema, deeper),
            "array" => schema.get("items").map_or_else(|| json!([]), |items| json!([self.value(items, name, deeper)])),
            "integer" => json!(self.hints.number()),
            "number" => json!(self.hints.number()),
            "boolean" => json!(true),
            "null" => Value::Null,
            _ => json!(self.hints.text(name)),
        }
    }

    fn object(&mut self, schema: &'a Value, depth: usize) -> Value {
        let properties = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
        // By name: the order of a JSON object is not kept by everything on the way.
        let properties: BTreeMap<&String, &'a Value> = properties.collect();
        let mut object = Map::new();
        for (name, property) in properties {
            object.insert(name.clone(), self.value(property, name, depth));
        }
        Value::Object(object)
    }

    /// `#/$defs/Name` → the schema there.
    fn reference(&self, schema: &Value) -> Option<&'a Value> {
        self.root.pointer(schema.get("$ref")?.as_str()?.strip_prefix('#')?)
    }
}

fn fixed(schema: &Value) -> Option<Value> {
    let first = schema.get("enum").and_then(Value::as_array).and_then(|all| all.first());
    schema.get("const").or(first).cloned()
}

/// The type's name in lower case (Gemini writes `OBJECT`); of several the first that is not null; an object if it has properties.
fn kind(schema: &Value) -> &'static str {
    let names: Vec<String> = super::fields::texts(schema, "type");
    let name = names.iter().map(|name| name.to_ascii_lowercase()).find(|name| name != "null" || names.len() == 1);
    match name.as_deref() {
        Some("object") => "object",
        Some("array") => "array",
        Some("integer") => "integer",
        Some("number") => "number",
        Some("boolean") => "boolean",
        Some("null") => "null",
        None if schema.get("properties").is_some() => "object",
        Some(_) | None => "string",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(schema: Value, text: &str, expected: Value) {
        assert_eq!(fill(&schema, &mut Hints::of(text)), expected);
    }

    #[test]
    fn numbers_and_quoted_words_come_from_the_text() {
        let schema =
            json!({ "type": "object", "properties": { "a": { "type": "integer" }, "b": { "type": "string" }, "c": { "type": "string" } } });
        check(schema, "What's magic(3) of 'Paris'?", json!({ "a": 3, "b": "Paris", "c": "mock c" }));
    }

    #[test]
    fn references_choices_and_lists_are_followed() {
        let schema = json!({
            "$defs": { "P": { "properties": { "kind": { "enum": ["x", "y"] } } } },
            "type": "object",
            "properties": {
                "p": { "$ref": "#/$defs/P" },
                "q": { "anyOf": [{ "type": "null" }, { "type": "boolean" }] },
                "r": { "type": ["null", "string"] },
                "s": { "type": "ARRAY", "items": { "type": "NUMBER" } },
            }
        });
        check(schema, "", json!({ "p": { "kind": "x" }, "q": true, "r": "mock r", "s": [1] }));
    }

    #[test]
    fn a_schema_that_refers_to_itself_ends() {
        let schema = json!({ "type": "object", "properties": { "next": { "$ref": "#" } } });
        assert!(fill(&schema, &mut Hints::default()).is_object());
    }
}
