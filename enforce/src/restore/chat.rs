//! Answers of OpenAI's chat completions: one text for each choice and member of its `delta`, and for each tool call.
//!
//! Servers add members of their own to a `delta`; every string that is none of the known labels is taken for a text in pieces.

use std::collections::BTreeMap;

use comity_redact::Form;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value, json};

use super::channels::{Closes, Id};
use super::facts::Facts;
use super::rule::{self, Way};
use crate::strings::{Malformed, Place, Step, What, strings};

/// Strings of a `delta` that always come whole.
const LABELS: [&str; 9] = ["format", "language", "name", "object", "role", "status", "title", "type", "url"];

/// Members of a `delta` whose strings always come whole.
const LISTS: [&str; 3] = ["annotations", "citations", "images"];

/// What happens to a string.
pub(super) fn way(facts: &Facts<'_>, place: &Place<'_, '_>, text: Form) -> Way {
    let names = |at: usize| place.path.get(at).and_then(Step::name);
    if place.path.len() < 4 || names(0) != Some("choices") {
        return rule::whole(facts, place, None);
    }
    let said = is_said(facts, place).then_some(text);
    let label = |name: &str| LABELS.contains(&name) || rule::is_sealed(name, facts, place);
    let is_label = place.name().is_some_and(label) || names(3).is_some_and(|name| LISTS.contains(&name));
    if place.what != What::Text || names(2) != Some("delta") || is_label {
        return rule::whole(facts, place, said);
    }
    let form = if place.name() == Some("arguments") { Form::Json } else { said.unwrap_or(Form::Text) };
    let group = place.opens.get(2).and_then(|choice| facts.number(*choice, "index")).unwrap_or_default();
    Way::Piece(Id { group, name: rule::name_of(facts, place, 3) }, form)
}

/// `choices[i].message.content`, or that of a `delta`, or a text in it.
fn is_said(facts: &Facts<'_>, place: &Place<'_, '_>) -> bool {
    match place.path {
        [_, _, _, Step::Name(content)] => content == "content",
        [_, _, _, Step::Name(content), Step::Index(_), Step::Name(text)] => {
            let kind = place.opens.last().and_then(|part| facts.get(*part, "type"));
            content == "content" && text == "text" && kind == Some("text")
        }
        _ => false,
    }
}

/// A choice ends with its reason; some servers always send an empty one. An error ends all.
pub(super) fn closes(facts: &Facts<'_>) -> Closes {
    let ended = facts.all("finish_reason").filter(|reason| !reason.text.is_empty());
    let groups: Vec<u64> = ended.map(|reason| facts.number(reason.object, "index").unwrap_or_default()).collect();
    match groups.is_empty() {
        _ if facts.has_error => Closes::All,
        true => Closes::Nothing,
        false => Closes::Groups(groups),
    }
}

/// Members of a chunk that name the answer. Any other is of its own frame: sources that were found, counted tokens, what a server adds.
const OF_ANSWER: [&str; 6] = ["id", "object", "created", "model", "system_fingerprint", "service_tier"];

/// A chunk of the same answer as the last one of the channel, with nothing but its text in it: clients join whatever is repeated.
pub(super) fn end_of_channel(id: &Id, last: &str, end: &str) -> Result<String, Malformed> {
    let delta = delta(id, last, end)?.ok_or(Malformed)?;
    let choices = json!([{"index": id.group, "delta": delta, "finish_reason": null}]);
    let mut chunk: BTreeMap<String, Box<RawValue>> = serde_json::from_str(last).map_err(|_| Malformed)?;
    chunk.retain(|name, _| OF_ANSWER.contains(&name.as_str()));
    chunk.insert("choices".to_owned(), to_raw_value(&choices).map_err(|_| Malformed)?);
    serde_json::to_string(&chunk).map_err(|_| Malformed)
}

/// A `delta` with the text of one channel at its place, found in the last chunk that had it.
fn delta(id: &Id, last: &str, end: &str) -> Result<Option<Value>, Malformed> {
    let facts = Facts::read(last)?;
    let mut delta = None;
    strings(last, &mut |place| match way(&facts, place, Form::Text) {
        Way::Piece(found, _) if found == *id => delta = Some(around(&facts, place, end)),
        Way::Piece(..) | Way::Whole(_) | Way::Leave => {}
    })?;
    Ok(delta)
}

/// The text within all that stands around its place in a `delta`, which is the third step.
fn around(facts: &Facts<'_>, place: &Place<'_, '_>, text: &str) -> Value {
    let steps = place.path.iter().enumerate().skip(3).rev();
    steps.fold(Value::from(text), |inner, (at, step)| match step {
        Step::Name(name) => Value::Object(Map::from_iter([(name.to_string(), inner)])),
        Step::Index(_) => Value::from(vec![with_labels(facts, place.opens.get(at + 1).copied(), inner)]),
    })
}

/// An item of a list with its index and type.
fn with_labels(facts: &Facts<'_>, object: Option<usize>, mut item: Value) -> Value {
    if let (Some(members), Some(object)) = (item.as_object_mut(), object) {
        if let Some(index) = facts.number(object, "index") {
            members.insert("index".to_owned(), Value::from(index));
        }
        if let Some(kind) = facts.get(object, "type") {
            members.insert("type".to_owned(), Value::from(kind));
        }
    }
    item
}
