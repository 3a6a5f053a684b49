//! The facts that can be said of an offering, and the values that they can have.
//!
//! The names are those that terms use, so that a line of a catalogue file and a condition of a term meet by eye. `"unknown"` is a value of
//! every fact: it says that somebody looked and nobody knows.

use std::collections::BTreeSet;
use std::fmt;

use comity_vocab::{Jurisdiction, Price, Scale};
use toml::de::DeValue;

use crate::lists::Lists;
use crate::price;
use crate::reader::{Complaint, Node, Reader, get, nearest};

/// The name of a fact.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum FactName {
    /// Where the operating company is established.
    Operator,
    /// Where its ultimate parent is established.
    Control,
    /// Where the developer of the model is established.
    Developer,
    /// Where the developer's ultimate parent is established.
    DeveloperControl,
    /// The law of the contract.
    GoverningLaw,
    /// Where calls are processed.
    ProcessedIn,
    /// Where anything of a call is stored.
    StoredIn,
    /// Whose authorities can compel access, where a source says so.
    CompellableBy,
    /// Where the hardware was designed or made.
    Hardware,
    /// A level on a scale.
    Level(Scale),
    /// Legal transfer mechanisms in the contract.
    Transfer,
    /// Whether anyone may run the weights.
    OpenWeights,
    /// The licence of the model: an SPDX identifier, else the licence's own title.
    Licence,
    /// Who else gets to see a call, as the operator publishes it.
    Subprocessors,
    /// Whether nothing of a call is kept when the gateway asks for it.
    UnretainedOnRequest,
    /// The list price.
    Price,
    /// A certificate, and the nation whose accredited body gave it.
    Certificate(String),
}

/// The value of a fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    /// Nobody knows.
    Unknown,
    /// One jurisdiction.
    Jurisdiction(Jurisdiction),
    /// Several.
    Places(BTreeSet<Jurisdiction>),
    /// The country of the region that the offering's id names, as a list of regions has it.
    Region,
    /// A level on the scale of the fact's name.
    Level(u8),
    /// Words of a list.
    Words(BTreeSet<String>),
    /// Free text.
    Text(String),
    /// Lines of free text; none means that there are none.
    Lines(Vec<String>),
    /// Yes or no.
    Flag(bool),
    /// A list price.
    Price(Price),
    /// A certificate, and the nation whose accredited body gave it, where that is known.
    Certificate(Option<Jurisdiction>),
}

const PLAIN: [FactName; 15] = [
    FactName::Operator,
    FactName::Control,
    FactName::Developer,
    FactName::DeveloperControl,
    FactName::GoverningLaw,
    FactName::ProcessedIn,
    FactName::StoredIn,
    FactName::CompellableBy,
    FactName::Hardware,
    FactName::Transfer,
    FactName::Subprocessors,
    FactName::OpenWeights,
    FactName::Licence,
    FactName::UnretainedOnRequest,
    FactName::Price,
];

/// The key under which certificates stand.
pub(crate) const CERTIFICATE: &str = "certificate";
/// The value of every fact that nobody knows.
pub(crate) const UNKNOWN: &str = "unknown";
/// The key of the value in a fact's own table.
pub(crate) const VALUE: &str = "value";
/// The value of places that a list of regions knows.
const REGION: &str = "region";

// === impl FactName ===

impl FactName {
    /// Every fact but the certificates.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        PLAIN.into_iter().chain(Scale::ALL.into_iter().map(Self::Level))
    }

    /// The name before any dot, as files write it.
    pub(crate) const fn key(&self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Control => "control",
            Self::Developer => "developer",
            Self::DeveloperControl => "developer_control",
            Self::GoverningLaw => "governing_law",
            Self::ProcessedIn => "processed_in",
            Self::StoredIn => "stored_in",
            Self::CompellableBy => "compellable_by",
            Self::Hardware => "hardware",
            Self::Level(scale) => scale.name(),
            Self::Transfer => "transfer",
            Self::OpenWeights => "open_weights",
            Self::Licence => "licence",
            Self::Subprocessors => "subprocessors",
            Self::UnretainedOnRequest => "unretained_on_request",
            Self::Price => "price",
            Self::Certificate(_) => CERTIFICATE,
        }
    }

    /// The keys of the fact's own table, beside those of its provenance.
    pub(crate) const fn table_keys(&self) -> &'static [&'static str] {
        match self {
            Self::Price => &price::KEYS,
            Self::Certificate(_) => &["by"],
            Self::Operator
            | Self::Control
            | Self::Developer
            | Self::DeveloperControl
            | Self::GoverningLaw
            | Self::ProcessedIn
            | Self::StoredIn
            | Self::CompellableBy
            | Self::Hardware
            | Self::Level(_)
            | Self::Transfer
            | Self::OpenWeights
            | Self::Licence
            | Self::Subprocessors
            | Self::UnretainedOnRequest => &[VALUE],
        }
    }

    /// Reads a value of this fact; a list may be empty only where that means something.
    pub(crate) fn value(&self, lists: &Lists, reader: &mut Reader<'_, '_>, node: &Node<'_>) -> Option<Value> {
        if node.get_ref().as_str() == Some(UNKNOWN) {
            return Some(Value::Unknown);
        }
        match self {
            Self::Operator | Self::Control | Self::Developer | Self::DeveloperControl | Self::GoverningLaw => {
                jurisdiction(lists, reader, node, self.key())
            }
            Self::Certificate(_) => certificate(lists, reader, node),
            Self::ProcessedIn | Self::StoredIn if node.get_ref().as_str() == Some(REGION) => Some(Value::Region),
            Self::ProcessedIn | Self::StoredIn | Self::CompellableBy | Self::Hardware => places(lists, reader, node, self.key()),
            Self::Level(scale) => level(*scale, reader, node),
            Self::Transfer => transfers(lists, reader, node),
            Self::OpenWeights | Self::UnretainedOnRequest => reader.flag(node, self.key()).map(Value::Flag),
            Self::Licence => reader.text(node, self.key()).map(|text| Value::Text(text.to_owned())),
            Self::Subprocessors => lines(reader, node, self.key()).map(Value::Lines),
            Self::Price => reader.table(node, "price").and_then(|table| price::read(reader, node, table)).map(Value::Price),
        }
    }
}

impl fmt::Display for FactName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())?;
        if let Self::Certificate(name) = self {
            write!(f, ".{name}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str(UNKNOWN),
            Self::Jurisdiction(code) => write!(f, "{code}"),
            Self::Places(places) => f.write_str(&places.iter().map(Jurisdiction::as_str).collect::<Vec<_>>().join(", ")),
            Self::Region => f.write_str(REGION),
            Self::Level(level) => write!(f, "{level}"),
            Self::Words(words) => f.write_str(&words.iter().map(String::as_str).collect::<Vec<_>>().join(", ")),
            Self::Text(text) => f.write_str(text),
            Self::Lines(lines) if lines.is_empty() => f.write_str("none"),
            Self::Lines(lines) => f.write_str(&lines.join("; ")),
            Self::Flag(true) => f.write_str("yes"),
            Self::Flag(false) => f.write_str("no"),
            Self::Price(price) => write!(f, "{}", price::Text(price)),
            Self::Certificate(Some(by)) => write!(f, "certified in {by}"),
            Self::Certificate(None) => f.write_str("certified, unknown where"),
        }
    }
}

fn jurisdiction(lists: &Lists, reader: &mut Reader<'_, '_>, node: &Node<'_>, what: &str) -> Option<Value> {
    let given = reader.text(node, what)?;
    let code = lists.jurisdiction(reader, given, node.span())?;
    Some(if code.is_unknown() { Value::Unknown } else { Value::Jurisdiction(code) })
}

/// A nation, `true` where the source does not say which, or a table with `by`. A bare `"XX"` says that nobody knows of a certificate.
fn certificate(lists: &Lists, reader: &mut Reader<'_, '_>, node: &Node<'_>) -> Option<Value> {
    if node.get_ref().as_str() == Some(Jurisdiction::UNKNOWN.as_str()) {
        return Some(Value::Unknown);
    }
    let by = match node.get_ref() {
        DeValue::Boolean(true) => return Some(Value::Certificate(None)),
        DeValue::Table(table) => get(table, "by"),
        DeValue::Boolean(false)
        | DeValue::String(_)
        | DeValue::Integer(_)
        | DeValue::Float(_)
        | DeValue::Datetime(_)
        | DeValue::Array(_) => Some(node),
    };
    let Some(by) = by.filter(|by| by.get_ref().as_str() != Some(UNKNOWN)) else { return Some(Value::Certificate(None)) };
    let given = reader.text(by, "by")?;
    let code = lists.jurisdiction(reader, given, by.span())?;
    Some(Value::Certificate(Some(code).filter(|code| !code.is_unknown())))
}

fn places(lists: &Lists, reader: &mut Reader<'_, '_>, node: &Node<'_>, what: &str) -> Option<Value> {
    let places = lists.jurisdictions(reader, node, what)?;
    if places.is_empty() {
        let complaint = Complaint::new(format!("`{what}` names no place"));
        reader.error(node.span(), complaint.hint(format!("nowhere is not an answer; if nobody knows, write `{what} = \"unknown\"`")));
        return None;
    }
    Some(if places.contains(&Jurisdiction::UNKNOWN) { Value::Unknown } else { Value::Places(places) })
}

fn level(scale: Scale, reader: &mut Reader<'_, '_>, node: &Node<'_>) -> Option<Value> {
    /// What a file can say of attestation: that somebody claims it. More is found by verifying evidence.
    const ATTESTATION_CLAIM: u8 = 1;
    let given = reader.number(node, scale.name())?;
    let level = u8::try_from(given).ok().filter(|level| *level <= scale.top());
    let Some(level) = level else {
        let complaint = Complaint::new(format!("`{}` is {given}, but its scale ends at {}", scale.name(), scale.top()));
        reader.error(node.span(), complaint.hint(format!("write a level from 0 (unknown or worst) to {}", scale.top())));
        return None;
    };
    if scale == Scale::Attestation && level > ATTESTATION_CLAIM {
        let complaint = Complaint::new(format!("`attestation` is {level} in a file"));
        reader.warn(node.span(), complaint.hint("from 2 up it is for what a gateway verified itself; a claim by others is 1"));
    }
    Some(Value::Level(level))
}

fn lines(reader: &mut Reader<'_, '_>, node: &Node<'_>, what: &str) -> Option<Vec<String>> {
    let items = reader.array(node, what)?;
    Some(items.iter().filter_map(|item| reader.text(item, what).map(str::to_owned)).collect())
}

fn transfers(lists: &Lists, reader: &mut Reader<'_, '_>, node: &Node<'_>) -> Option<Value> {
    let mut words = BTreeSet::new();
    for item in reader.array(node, "transfer")?.iter() {
        let Some(word) = reader.text(item, "transfer") else { continue };
        listed(&lists.transfers.keys().map(String::as_str).collect::<Vec<_>>(), reader, item, ("transfer mechanism", word));
        words.insert(word.to_owned());
    }
    Some(Value::Words(words))
}

/// Complains if a word is not on its list.
fn listed(list: &[&str], reader: &mut Reader<'_, '_>, node: &Node<'_>, (what, word): (&str, &str)) {
    if !list.contains(&word) {
        reader.error(node.span(), unlisted(list, what, word));
    }
}

/// What to say of a word that is not on its list.
pub(crate) fn unlisted(list: &[&str], what: &str, word: &str) -> Complaint {
    let hint = nearest(word, list.iter().copied())
        .map_or_else(|| format!("add it to the list first: the {what}s are {}", list.join(", ")), |near| format!("did you mean `{near}`?"));
    Complaint::new(format!("unknown {what} `{word}`")).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fact_has_its_own_key() {
        let keys: BTreeSet<_> = FactName::all().map(|name| name.key()).collect();
        assert_eq!(keys.len(), FactName::all().count());
    }
}
