//! What happens to a string of an answer, where no dialect has its own rule: it is restored in one piece, unless nobody may touch it.
//!
//! Left alone are what others read byte for byte (ids, signatures, sealed thoughts, sounds and pictures) and `logprobs`: their tokens
//! are cut anywhere, so no pseudonym stands there in one string. What a model or the caller composed freely has no names of ours.

use comity_redact::Form;

use super::channels::Id;
use super::facts::Facts;
use crate::strings::{Place, Step};

/// What happens to a string.
pub(super) enum Way {
    /// Nothing.
    Leave,
    /// It is restored for itself.
    Whole(Form),
    /// It is a piece of a longer text.
    Piece(Id, Form),
}

/// Members whose value the model or the caller composed: names within them mean nothing here.
const FREE: [&str; 8] = ["arguments", "attributes", "input", "input_schema", "metadata", "parameters", "schema", "variables"];

/// The way of a string in one piece; `said` is the form of the texts for which `is_said`.
pub(super) fn whole(facts: &Facts<'_>, place: &Place<'_, '_>, said: Option<Form>) -> Way {
    let names = place.path.iter().enumerate().filter_map(|(at, step)| Some((at + 1 == place.path.len(), step.name()?)));
    for (is_last, name) in names {
        if !is_last && FREE.contains(&name) {
            return Way::Whole(Form::Text);
        }
        if name == "logprobs" || (is_last && !place.is_key() && is_sealed(name, facts, place)) {
            return Way::Leave;
        }
    }
    if place.is_number() {
        return Way::Leave;
    }
    if place.is_key() {
        return Way::Whole(Form::Text);
    }
    match place.name() {
        Some("arguments" | "partial_json") => Way::Whole(Form::Json),
        _ => Way::Whole(said.unwrap_or(Form::Text)),
    }
}

/// Whether the value of a member must stay byte for byte.
pub(super) fn is_sealed(name: &str, facts: &Facts<'_>, place: &Place<'_, '_>) -> bool {
    match name {
        "id" | "model" | "encrypted_content" | "encrypted_index" | "obfuscation" | "b64_json" => true,
        // A document that is text has its text there.
        "data" => place.opens.last().and_then(|object| facts.get(*object, "type")) != Some("text"),
        _ => name.ends_with("_id") || name.ends_with("signature"),
    }
}

/// The names and items on the way from step `from` on. Items go by their own `index`, where they have one.
pub(super) fn name_of(facts: &Facts<'_>, place: &Place<'_, '_>, from: usize) -> String {
    let mut name = String::new();
    for (at, step) in place.path.iter().enumerate().skip(from) {
        if !name.is_empty() {
            name.push('.');
        }
        match step {
            Step::Name(member) => name.push_str(member),
            Step::Index(position) => {
                let index = place.opens.get(at + 1).and_then(|object| facts.get(*object, "index"));
                match index {
                    Some(index) => name.push_str(index),
                    None => name.push_str(&position.to_string()),
                }
            }
        }
    }
    name
}
