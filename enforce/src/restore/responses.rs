//! Answers of OpenAI's responses: one text for each kind of `delta` event and place in the answer, and each text once more in whole.
//!
//! An item goes by its place, not by its id: there are servers that give an item another id in every event.

use std::collections::BTreeMap;

use comity_redact::Form;
use serde_json::value::{RawValue, to_raw_value};

use super::channels::{Closes, Id};
use super::facts::Facts;
use super::rule::{self, Way};
use crate::strings::{Malformed, Place, Step, What};

/// What happens to a string.
pub(super) fn way(facts: &Facts<'_>, place: &Place<'_, '_>, text: Form) -> Way {
    let event = facts.top("type").unwrap_or_default();
    let is_delta = place.what == What::Text && matches!(place.path, [Step::Name(delta)] if delta == "delta");
    match event.strip_suffix(".delta") {
        // Sound.
        Some(stem) if is_delta && stem.ends_with("audio") => Way::Leave,
        Some(stem) if is_delta => {
            let form = match stem {
                "response.output_text" => text,
                _ if stem.ends_with("arguments") => Form::Json,
                _ => Form::Text,
            };
            Way::Piece(id(facts, stem), form)
        }
        _ => rule::whole(facts, place, is_said(facts, place, event).then_some(text)),
    }
}

/// A text of the model, not one that it thought or refused with.
fn is_said(facts: &Facts<'_>, place: &Place<'_, '_>, event: &str) -> bool {
    let kind = || place.opens.last().and_then(|part| facts.get(*part, "type"));
    let in_event = place.path.len() == 1 && event == "response.output_text.done";
    place.name() == Some("text") && (in_event || kind() == Some("output_text"))
}

/// A text ends with its `done`, an item with all its texts, and a response with everything.
pub(super) fn closes(facts: &Facts<'_>) -> Closes {
    match facts.top("type").unwrap_or_default() {
        "response.completed" | "response.incomplete" | "response.failed" | "response.cancelled" | "error" => Closes::All,
        "response.output_item.done" => Closes::Groups(facts.top_number("output_index").into_iter().collect()),
        event => event.strip_suffix(".done").map_or(Closes::Nothing, |stem| Closes::One(id(facts, stem))),
    }
}

fn id(facts: &Facts<'_>, stem: &str) -> Id {
    let output = facts.top_number("output_index");
    let item = if output.is_none() { facts.top("item_id") } else { None };
    let mut name = stem.to_owned();
    for part in [item, facts.top("content_index"), facts.top("summary_index")] {
        name.push('/');
        name.push_str(part.unwrap_or_default());
    }
    Id { group: output.unwrap_or(u64::MAX), name }
}

/// Members of an event that say which text it belongs to.
const OF_TEXT: [&str; 6] = ["type", "item_id", "output_index", "content_index", "summary_index", "sequence_number"];

/// An event for the same text as the last one of the channel. It has the same number in the sequence: there is none between two others.
pub(super) fn end_of_channel(last: &str, end: &str) -> Result<String, Malformed> {
    let mut event: BTreeMap<String, Box<RawValue>> = serde_json::from_str(last).map_err(|_| Malformed)?;
    // Libraries expect a list where there was one.
    let logprobs = event.contains_key("logprobs").then(|| to_raw_value::<[(); 0]>(&[])).transpose().map_err(|_| Malformed)?;
    event.retain(|name, _| OF_TEXT.contains(&name.as_str()));
    event.insert("delta".to_owned(), to_raw_value(end).map_err(|_| Malformed)?);
    event.extend(logprobs.map(|none| ("logprobs".to_owned(), none)));
    serde_json::to_string(&event).map_err(|_| Malformed)
}
