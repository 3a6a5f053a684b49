//! The facts that terms can read, and of which sort each is. The schema says the same in its own words; a test holds the two together.
//!
//! Paths are relative to what they are of: `data.personal` of a call, `origin.control` of an offering.

use comity_vocab::{Means, Scale};

/// What values a fact can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sort {
    /// True or false.
    Flag,
    /// 0 up to this.
    Number(u8),
    /// One jurisdiction.
    Code,
    /// A set of jurisdictions that is never empty; unknown is all of them.
    Places,
    /// Any set of jurisdictions.
    Codes,
    /// A set of blocs, derived.
    Blocs,
    /// A set of words from the catalogue's list of certifications.
    Certifications,
    /// A set of words from the catalogue's list of transfer mechanisms.
    Transfers,
    /// A set of any words.
    Words,
    /// Any text.
    Text,
    /// The name of an offering.
    Offering,
}

/// Facts of an offering beside its levels. `compellable_stated` is not in the schema of terms: whether a source says `compellable_by` itself.
const OF_OFFERING: [(&str, Sort); 18] = [
    ("id", Sort::Offering),
    ("open_weights", Sort::Flag),
    ("compellable_stated", Sort::Flag),
    ("origin.operator", Sort::Code),
    ("origin.control", Sort::Code),
    ("origin.developer", Sort::Code),
    ("origin.governing_law", Sort::Code),
    ("origin.processed_in", Sort::Places),
    ("origin.stored_in", Sort::Places),
    ("origin.compellable_by", Sort::Places),
    ("origin.hardware", Sort::Places),
    ("origin.processed_within", Sort::Blocs),
    ("origin.stored_within", Sort::Blocs),
    ("origin.compellable_within", Sort::Blocs),
    ("assurance.certifications", Sort::Certifications),
    ("assurance.transfer", Sort::Transfers),
    ("assurance.certified_by", Sort::Codes),
    ("assurance.certified_in", Sort::Blocs),
];

/// Facts of a call beside its means.
const OF_CALL: [(&str, Sort); 10] = [
    ("data.classification", Sort::Number(3)),
    ("data.personal", Sort::Flag),
    ("data.special_category", Sort::Flag),
    ("data.secrets", Sort::Flag),
    ("data.opaque", Sort::Flag),
    ("data.remote", Sort::Words),
    ("data.detector", Sort::Number(3)),
    ("data.kinds", Sort::Words),
    ("data.subjects", Sort::Places),
    ("purpose", Sort::Text),
];

/// Facts of the workload that asks.
pub(crate) const OF_WORKLOAD: [(&str, Sort); 2] = [("clearance", Sort::Number(3)), ("critical", Sort::Flag)];

/// Every fact of an offering.
pub(crate) fn of_offering() -> impl Iterator<Item = (String, Sort)> {
    let named = OF_OFFERING.into_iter().map(|(path, sort)| (path.to_owned(), sort));
    let levels = Scale::ALL.into_iter().map(|scale| (level(scale), Sort::Number(scale.top())));
    let strengths = Scale::ALL.into_iter().map(|scale| (strength(scale), Sort::Number(4)));
    named.chain(levels).chain(strengths)
}

/// Whether terms can name the fact of an offering: its id is the offering itself, and what a source states is not in the schema.
pub(crate) fn is_in_schema(fact: &str) -> bool {
    fact != "id" && fact != "compellable_stated"
}

/// Every fact of a call.
pub(crate) fn of_call() -> impl Iterator<Item = (String, Sort)> {
    let named = OF_CALL.into_iter().map(|(path, sort)| (path.to_owned(), sort));
    named.chain(Means::ALL.into_iter().map(|what| (means(what), Sort::Flag)))
}

pub(crate) fn level(scale: Scale) -> String {
    format!("assurance.level.{}", scale.name())
}

pub(crate) fn strength(scale: Scale) -> String {
    format!("assurance.strength.{}", scale.name())
}

pub(crate) fn means(means: Means) -> String {
    format!("means.{}", means.name())
}

/// The facts that a fact is derived from, or whose values bound it.
pub(crate) fn roots(path: &str) -> Vec<String> {
    let owned = |paths: &[&str]| paths.iter().map(|path| (*path).to_owned()).collect();
    match path {
        "origin.processed_within" => owned(&["origin.processed_in", "assurance.certifications", "assurance.transfer"]),
        "origin.stored_within" => owned(&["origin.stored_in", "assurance.certifications", "assurance.transfer"]),
        "origin.compellable_within" => owned(&["origin.compellable_by"]),
        "origin.compellable_by" => {
            owned(&["origin.operator", "origin.control", "origin.processed_in", "origin.stored_in", "compellable_stated"])
        }
        "assurance.certified_in" => owned(&["assurance.certified_by"]),
        "assurance.certified_by" => owned(&["assurance.certifications"]),
        "means.pseudonymised" => owned(&["data.opaque"]),
        "data.opaque" => owned(&["data.personal", "data.special_category"]),
        "data.special_category" => owned(&["data.personal"]),
        _ => {
            let scale = path.strip_prefix("assurance.level.").and_then(Scale::named);
            scale.map(|scale| vec![strength(scale)]).unwrap_or_default()
        }
    }
}

#[cfg(test)]
mod tests;
