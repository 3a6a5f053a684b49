//! Answers of Anthropic's messages: one text for each block and kind of delta. What a block begins with is part of its text.
//!
//! A signature vouches for the thoughts before it and is never touched.

use comity_redact::Form;
use serde_json::json;

use super::channels::{Closes, Id};
use super::facts::Facts;
use super::rule::{self, Way};
use crate::strings::{Place, Step, What};

/// Texts in pieces: the type of the block, the type of the delta, and the member that has the text in both.
const TEXTS: [(&str, &str, &str); 2] = [("text", "text_delta", "text"), ("thinking", "thinking_delta", "thinking")];

/// What happens to a string.
pub(super) fn way(facts: &Facts<'_>, place: &Place<'_, '_>, text: Form) -> Way {
    let kind = place.opens.last().and_then(|object| facts.get(*object, "type")).unwrap_or_default();
    let event = facts.top("type").unwrap_or_default();
    match (event, place.path) {
        _ if place.what != What::Text => rule::whole(facts, place, None),
        ("content_block_delta", [Step::Name(delta), Step::Name(member)]) if delta == "delta" => match member.as_ref() {
            "type" => Way::Leave,
            name if rule::is_sealed(name, facts, place) => Way::Leave,
            "partial_json" => piece(facts, (kind, member), Form::Json),
            "text" => piece(facts, (kind, member), text),
            _ => piece(facts, (kind, member), Form::Text),
        },
        ("content_block_start", [Step::Name(block), Step::Name(member)]) if block == "content_block" => {
            match TEXTS.into_iter().find(|(block, _, text)| *block == kind && text == member) {
                Some((_, delta, "text")) => piece(facts, (delta, member), text),
                Some((_, delta, _)) => piece(facts, (delta, member), Form::Text),
                None => rule::whole(facts, place, None),
            }
        }
        (_, [Step::Name(content), Step::Index(_), Step::Name(member)]) if content == "content" && member == "text" => {
            rule::whole(facts, place, Some(text))
        }
        _ => rule::whole(facts, place, None),
    }
}

fn piece(facts: &Facts<'_>, (delta, member): (&str, &str), form: Form) -> Way {
    let group = facts.top_number("index").unwrap_or_default();
    Way::Piece(Id { group, name: format!("{delta}.{member}") }, form)
}

/// A block ends with its stop; an answer with what says why it stopped.
pub(super) fn closes(facts: &Facts<'_>) -> Closes {
    match facts.top("type") {
        Some("content_block_stop") => Closes::Groups(vec![facts.top_number("index").unwrap_or_default()]),
        Some("message_delta" | "message_stop" | "error") => Closes::All,
        // It comes after all thoughts of its block.
        Some("content_block_delta") if facts.all("type").any(|kind| kind.text == "signature_delta") => {
            Closes::One(Id { group: facts.top_number("index").unwrap_or_default(), name: "thinking_delta.thinking".to_owned() })
        }
        _ => Closes::Nothing,
    }
}

/// A delta of the channel.
pub(super) fn end_of_channel(id: &Id, end: &str) -> String {
    let (kind, member) = id.name.split_once('.').unwrap_or((&id.name, "text"));
    json!({"type": "content_block_delta", "index": id.group, "delta": {"type": kind, member: end}}).to_string()
}
