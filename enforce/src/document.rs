//! A JSON body, parsed once and borrowed from its bytes: every string is reachable, and the few fields that an edit may touch keep their place.
//!
//! Never drops or reorders anything: what leaves is made from the original bytes, not from this.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::ops::Range;

use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Number;
use serde_json::value::RawValue;

use crate::limits::MEMBERS_MAX;
use crate::strings::digits;

/// One JSON object.
pub(crate) struct Document<'a> {
    fields: Vec<(Cow<'a, str>, Field<'a>)>,
}

/// A field at the top.
pub(crate) struct Field<'a> {
    pub(crate) node: Node<'a>,
    /// Where its value stands in the body; only of fields in [`PLACED`].
    pub(crate) place: Option<Range<usize>>,
}

/// One value. Short numbers, booleans and null hold nothing that a detector could read; long numbers are texts here.
pub(crate) enum Node<'a> {
    Text(Cow<'a, str>),
    List(Vec<Node<'a>>),
    Object(Vec<(Cow<'a, str>, Node<'a>)>),
    Bool(bool),
    Number,
    Null,
}

/// Why a body is no document.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NotADocument {
    /// The byte at which it stops being UTF-8.
    Utf8(usize),
    /// What the parser said, with line and column.
    Json(String),
    /// A field that stands there twice, be it in capitals: which of them counts is anybody's guess.
    Twice(String),
}

/// Fields whose values the gateway may replace.
const PLACED: [&str; 3] = ["model", "stream_options", "store"];

// === impl Document ===

impl<'a> Document<'a> {
    /// Parses `body`, which must be one JSON object.
    pub(crate) fn parse(body: &'a [u8]) -> Result<Self, NotADocument> {
        let text = std::str::from_utf8(body).map_err(|error| NotADocument::Utf8(error.valid_up_to()))?;
        let top: Top<'a> = serde_json::from_str(text).map_err(|error| NotADocument::Json(plain(&error)))?;
        let mut fields: Vec<(Cow<'a, str>, Field<'a>)> = Vec::with_capacity(top.0.len());
        let mut known = HashSet::with_capacity(top.0.len());
        for (name, value) in top.0 {
            if !known.insert(folded(&name)) {
                return Err(NotADocument::Twice(name.into_owned()));
            }
            let field = value.field(text).map_err(|error| NotADocument::Json(plain(&error)))?;
            fields.push((name, field));
        }
        Ok(Self { fields })
    }

    /// The field of that name.
    pub(crate) fn get(&self, name: &str) -> Option<&Field<'a>> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, field)| field)
    }

    /// A field that is governed by its name in small letters, and stands there in others: some servers read `Model` as `model`.
    pub(crate) fn disguised(&self, governed: impl Fn(&str) -> bool) -> Option<&str> {
        let plain = |name: &str| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        let mut names = self.fields.iter().map(|(name, _)| name.as_ref());
        names.find(|name| !plain(name) && Some(folded(name)).is_some_and(|small| small != *name && governed(&small)))
    }

    /// All fields in order.
    pub(crate) fn fields(&self) -> impl Iterator<Item = (&str, &Node<'a>)> {
        self.fields.iter().map(|(name, field)| (name.as_ref(), &field.node))
    }

    /// Calls `each` for every string at any depth, keys too, unescaped.
    pub(crate) fn strings(&self, each: &mut impl FnMut(&str)) {
        for (name, field) in &self.fields {
            each(name);
            field.node.strings(each);
        }
    }
}

// === impl Node ===

impl<'a> Node<'a> {
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::List(_) | Self::Object(_) | Self::Bool(_) | Self::Number | Self::Null => None,
        }
    }

    /// The items of a list; none of anything else.
    pub(crate) fn items(&self) -> &[Node<'a>] {
        match self {
            Self::List(items) => items,
            Self::Text(_) | Self::Object(_) | Self::Bool(_) | Self::Number | Self::Null => &[],
        }
    }

    /// The members of an object; none of anything else.
    pub(crate) fn members(&self) -> &[(Cow<'a, str>, Node<'a>)] {
        match self {
            Self::Object(members) => members,
            Self::Text(_) | Self::List(_) | Self::Bool(_) | Self::Number | Self::Null => &[],
        }
    }

    /// All values of that name, in whatever letters: a name that stands there twice must not hide one.
    pub(crate) fn all<'n>(&'n self, name: &'n str) -> impl Iterator<Item = &'n Node<'a>> {
        self.members().iter().filter(move |(known, _)| is_name(known, name)).map(|(_, node)| node)
    }

    /// The value in a text that is itself JSON; none where it is no list or object.
    pub(crate) fn within(text: &'a str) -> Option<Self> {
        let begins = text.trim_ascii_start().starts_with(['{', '[']);
        serde_json::from_str(text).ok().filter(|_| begins)
    }

    /// Whether it holds nothing that anybody could read or fetch.
    pub(crate) fn is_plain(&self) -> bool {
        matches!(self, Self::Bool(_) | Self::Number | Self::Null)
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    pub(crate) fn strings(&self, each: &mut impl FnMut(&str)) {
        match self {
            Self::Text(text) => each(text),
            Self::List(items) => items.iter().for_each(|item| item.strings(each)),
            Self::Object(members) => {
                for (name, node) in members {
                    each(name);
                    node.strings(each);
                }
            }
            Self::Bool(_) | Self::Number | Self::Null => {}
        }
    }
}

/// Whether a name is `known` to a server that does not look at the case of letters (Go's `encoding/json`).
fn is_name(name: &str, known: &str) -> bool {
    name == known || name.eq_ignore_ascii_case(known) || (!name.is_ascii() && folded(name) == known)
}

/// In small letters, with the two characters beyond ASCII that fold into it.
fn folded(name: &str) -> String {
    name.chars().flat_map(char::to_lowercase).map(|letter| if letter == 'ſ' { 's' } else { letter }).collect()
}

/// The settings of an API that may be of any length. All others are shorter than what detectors look at.
pub(crate) fn is_seed(name: &str) -> bool {
    ["seed", "random_seed"].contains(&name)
}

/// Numbers from here on have seven digits: they may be those of a person. Tokens of a text have fewer.
const LONG: u64 = 1_000_000;

/// serde_json says where; that is enough, and nothing of the body is repeated.
fn plain(error: &serde_json::Error) -> String {
    let what = match error.classify() {
        serde_json::error::Category::Eof => "it ends too early",
        serde_json::error::Category::Syntax | serde_json::error::Category::Io => "it is malformed",
        serde_json::error::Category::Data => "it is not an object, or has too many members",
    };
    format!("{what} at line {}, column {}", error.line(), error.column())
}

struct Top<'a>(Vec<(Cow<'a, str>, TopValue<'a>)>);

enum TopValue<'a> {
    Placed(&'a RawValue),
    Parsed(Node<'a>),
}

impl<'a> TopValue<'a> {
    fn field(self, text: &'a str) -> Result<Field<'a>, serde_json::Error> {
        match self {
            Self::Parsed(node) => Ok(Field { node, place: None }),
            Self::Placed(raw) => {
                let start = raw.get().as_ptr().addr().saturating_sub(text.as_ptr().addr());
                let place = start..start.saturating_add(raw.get().len());
                Ok(Field { node: serde_json::from_str(raw.get())?, place: Some(place) })
            }
        }
    }
}

impl<'de> Deserialize<'de> for Top<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(TopVisitor)
    }
}

struct TopVisitor;

impl<'de> Visitor<'de> for TopVisitor {
    type Value = Top<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Top<'de>, A::Error> {
        let mut fields = Vec::new();
        while let Some(Name(name)) = map.next_key()? {
            let value = if PLACED.contains(&name.as_ref()) {
                TopValue::Placed(map.next_value()?)
            } else {
                TopValue::Parsed(map.next_value_seed(NodeVisitor { seed: is_seed(&name) })?)
            };
            bounded(&mut fields, (name, value))?;
        }
        Ok(Top(fields))
    }
}

impl<'de> Deserialize<'de> for Node<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor { seed: false })
    }
}

struct NodeVisitor {
    /// Its number is drawn by chance, and of no person.
    seed: bool,
}

impl NodeVisitor {
    /// A long number may be a card or a telephone: detectors read it as text. None of these has twenty digits.
    fn number<'de>(&self, number: &Number) -> Node<'de> {
        let is_long = match number.as_u64() {
            Some(whole) => whole >= LONG,
            None => (1e6..1e19).contains(&number.as_f64().unwrap_or_default().abs()),
        };
        if self.seed || !is_long { Node::Number } else { Node::Text(Cow::Owned(digits(number))) }
    }
}

impl<'de> DeserializeSeed<'de> for NodeVisitor {
    type Value = Node<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node<'de>, E> {
        Ok(Node::Bool(value))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Node<'de>, E> {
        Ok(self.number(&Number::from(number)))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Node<'de>, E> {
        Ok(self.number(&Number::from(number)))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Node<'de>, E> {
        Ok(Number::from_f64(number).map_or(Node::Number, |number| self.number(&number)))
    }

    fn visit_unit<E>(self) -> Result<Node<'de>, E> {
        Ok(Node::Null)
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Node<'de>, E> {
        Ok(Node::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Node<'de>, E> {
        Ok(Node::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node<'de>, A::Error> {
        let mut items = Vec::new();
        // Embeddings may be given as lists of token numbers: those are read, not kept.
        while let Some(item) = seq.next_element()? {
            if !matches!((&item, items.last()), (Node::Number, Some(Node::Number))) {
                bounded(&mut items, item)?;
            }
        }
        Ok(Node::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node<'de>, A::Error> {
        let mut members = Vec::new();
        while let Some(Name(name)) = map.next_key()? {
            bounded(&mut members, (name, map.next_value()?))?;
        }
        Ok(Node::Object(members))
    }
}

fn bounded<T, E: de::Error>(members: &mut Vec<T>, one: T) -> Result<(), E> {
    if members.len() >= MEMBERS_MAX {
        return Err(E::custom("too many members"));
    }
    members.push(one);
    Ok(())
}

/// A key, borrowed where it has no escapes.
struct Name<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(NameVisitor)
    }
}

struct NameVisitor;

impl<'de> Visitor<'de> for NameVisitor {
    type Value = Name<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Name<'de>, E> {
        Ok(Name(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Name<'de>, E> {
        Ok(Name(Cow::Owned(text.to_owned())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strings::Place;

    fn strings(body: &str) -> Vec<String> {
        let mut found = Vec::new();
        Document::parse(body.as_bytes()).unwrap().strings(&mut |text| found.push(text.to_owned()));
        found
    }

    #[test]
    fn every_string_is_reached_unescaped() {
        let body = r#"{"model":"m","a":[{"kéy":"x\u0040y","n":1.5e3}],"b\n":null,"c":[[1,2,3],true,"end"]}"#;
        assert_eq!(strings(body), ["model", "m", "a", "kéy", "x@y", "n", "b\n", "c", "end"]);
    }

    #[test]
    fn long_numbers_are_texts_but_for_seeds() {
        let body = r#"{"seed":4111111111111111,"account":4111111111111111,"max_tokens":50,"x":{"seed":4111111111111112},"f":4.111111111111111e15}"#;
        let numbers: Vec<_> = strings(body).into_iter().filter(|text| text.starts_with('4')).collect();
        assert_eq!(numbers, ["4111111111111111", "4111111111111112", "4111111111111111"]);
    }

    /// What a walk over the text reads at its only number, and what detectors read there, if anything.
    fn both(number: &str) -> (String, Option<String>) {
        let body = format!("{{\"a\":{number}}}");
        let mut walked = String::new();
        let read = &mut |place: &Place<'_, '_>| walked = place.read().into_owned();
        crate::strings::strings(&body, read).unwrap();
        (walked, strings(&body).into_iter().nth(1))
    }

    proptest::proptest! {
        #[test]
        fn a_number_has_the_same_digits_wherever_it_is_read(number in "-?[1-9][0-9]{0,21}(\\.[0-9]{1,18})?([eE][+-]?[0-9]{1,2})?") {
            let (walked, found) = both(&number);
            proptest::prop_assert!(found.is_none_or(|found| found == walked), "{}", number);
        }
    }

    #[test]
    fn a_number_in_another_form_has_the_same_digits() {
        for number in ["-4.111111111111111e15", "-9300000000000000001", "4111111111111111.4", "18446744073709551615"] {
            let (walked, found) = both(number);
            assert_eq!(found, Some(walked), "{number}");
        }
    }

    #[test]
    fn a_name_in_other_letters_is_the_same_name() {
        let document = Document::parse("{\"Model\":1,\"x\":{\"Type\":\"a\",\"type\":\"b\"}}".as_bytes()).unwrap();
        assert_eq!(document.disguised(|name| ["model", "x"].contains(&name)), Some("Model"));
        assert_eq!(document.disguised(|name| name == "y"), None);
        assert_eq!(document.get("x").unwrap().node.all("type").filter_map(Node::text).collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn long_numbers_are_read_as_texts() {
        assert_eq!(
            strings("{\"a\":[4111111111111111,-491511234567,12,4e15]}"),
            ["a", "4111111111111111", "491511234567", "4000000000000000"]
        );
    }

    #[test]
    fn placed_fields_know_where_they_stand() {
        let body = "{ \"x\": 1,\n \"model\" :  \"gpt\\u0041\" , \"stream_options\":{\"a\":[ ]} }";
        let document = Document::parse(body.as_bytes()).unwrap();
        let place = |name: &str| body.get(document.get(name).unwrap().place.clone().unwrap()).unwrap();
        assert_eq!((place("model"), place("stream_options")), ("\"gpt\\u0041\"", "{\"a\":[ ]}"));
        assert_eq!(document.get("model").unwrap().node.text(), Some("gptA"));
    }

    #[test]
    fn what_is_no_object_is_refused() {
        let error = |body: &[u8]| Document::parse(body).err().unwrap();
        assert_eq!(error(b"{\"a\":\"\xff\"}"), NotADocument::Utf8(6));
        assert_eq!(error(b"{\"model\":1,\"model\":2}"), NotADocument::Twice("model".to_owned()));
        assert_eq!(error(b"{\"a\":1,\"\\u0061\":2}"), NotADocument::Twice("a".to_owned()));
        assert_eq!(error("{\"store\":1,\"ſtore\":2}".as_bytes()), NotADocument::Twice("ſtore".to_owned()));
        for bad in
            ["", "[]", "3", "{", "{\"a\":}", "{}{}", "{\"a\":1,}", "{'a':1}", &format!("{{\"a\":{}1{}}}", "[".repeat(200), "]".repeat(200))]
        {
            assert!(matches!(error(bad.as_bytes()), NotADocument::Json(_)), "{bad}");
        }
    }
}
