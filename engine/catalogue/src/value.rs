//! The facts that can be said of an offering, and the values that they can have.
//!
//! The names are those that terms use, so that a line of a catalogue file and a condition of a term meet by eye. `"unknown"` is a value of
//! every fact: it says that somebody looked and nobody knows.

use std::collections::BTreeSet;
use std::fmt;

use comity_vocab::{Currency, Jurisdiction, Micros, Price, Scale};
use toml::de::{DeTable, DeValue};

use crate::lists::Lists;
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
    /// A level on the scale of the fact's name.
    Level(u8),
    /// Words of a list.
    Words(BTreeSet<String>),
    /// Yes or no.
    Flag(bool),
    /// A list price.
    Price(Price),
    /// A certificate, and the nation whose accredited body gave it, where that is known.
    Certificate(Option<Jurisdiction>),
}

const PLAIN: [FactName; 12] = [
    FactName::Operator,
    FactName::Control,
    FactName::Developer,
    FactName::GoverningLaw,
    FactName::ProcessedIn,
    FactName::StoredIn,
    FactName::CompellableBy,
    FactName::Hardware,
    FactName::Transfer,
    FactName::OpenWeights,
    FactName::UnretainedOnRequest,
    FactName::Price,
];

/// The key under which certificates stand.
pub(crate) const CERTIFICATE: &str = "certificate";
/// The value of every fact that nobody knows.
const UNKNOWN: &str = "unknown";
/// The key of the value in a fact's own table.
pub(crate) const VALUE: &str = "value";

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
            Self::GoverningLaw => "governing_law",
            Self::ProcessedIn => "processed_in",
            Self::StoredIn => "stored_in",
            Self::CompellableBy => "compellable_by",
            Self::Hardware => "hardware",
            Self::Level(scale) => scale.name(),
            Self::Transfer => "transfer",
            Self::OpenWeights => "open_weights",
            Self::UnretainedOnRequest => "unretained_on_request",
            Self::Price => "price",
            Self::Certificate(_) => CERTIFICATE,
        }
    }

    /// The keys of the fact's own table, beside those of its provenance.
    pub(crate) const fn table_keys(&self) -> &'static [&'static str] {
        match self {
            Self::Price => &["currency", "input_micros_per_mtok", "output_micros_per_mtok"],
            Self::Certificate(_) => &["by"],
            Self::Operator
            | Self::Control
            | Self::Developer
            | Self::GoverningLaw
            | Self::ProcessedIn
            | Self::StoredIn
            | Self::CompellableBy
            | Self::Hardware
            | Self::Level(_)
            | Self::Transfer
            | Self::OpenWeights
            | Self::UnretainedOnRequest => &[VALUE],
        }
    }

    /// Reads a value of this fact; a list may be empty only where that means something.
    pub(crate) fn value(&self, lists: &Lists, reader: &mut Reader<'_, '_>, node: &Node<'_>) -> Option<Value> {
        if node.get_ref().as_str() == Some(UNKNOWN) {
            return Some(Value::Unknown);
        }
        match self {
            Self::Operator | Self::Control | Self::Developer | Self::GoverningLaw => jurisdiction(lists, reader, node, self.key()),
            Self::Certificate(_) => certificate(lists, reader, node),
            Self::ProcessedIn | Self::StoredIn | Self::CompellableBy | Self::Hardware => places(lists, reader, node, self.key()),
            Self::Level(scale) => level(*scale, reader, node),
            Self::Transfer => transfers(lists, reader, node),
            Self::OpenWeights | Self::UnretainedOnRequest => reader.flag(node, self.key()).map(Value::Flag),
            Self::Price => reader.table(node, "price").and_then(|table| price(reader, node, table)),
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
            Self::Level(level) => write!(f, "{level}"),
            Self::Words(words) => f.write_str(&words.iter().map(String::as_str).collect::<Vec<_>>().join(", ")),
            Self::Flag(true) => f.write_str("yes"),
            Self::Flag(false) => f.write_str("no"),
            Self::Price(price) => write!(f, "{}", PriceText(price)),
            Self::Certificate(Some(by)) => write!(f, "certified in {by}"),
            Self::Certificate(None) => f.write_str("certified, unknown where"),
        }
    }
}

/// `0.40 in, 1.60 out USD per million tokens`, without losing a micro-unit.
struct PriceText<'p>(&'p Price);

impl fmt::Display for PriceText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Price { currency, input_micros_per_mtok, output_micros_per_mtok } = self.0;
        write!(f, "{} in, {} out {currency} per million tokens", amount(*input_micros_per_mtok), amount(*output_micros_per_mtok))
    }
}

/// Whole units and as many of the six decimals as are needed, two at least.
fn amount(micros: Micros) -> String {
    const DECIMALS_MIN: usize = 2;
    let fraction = format!("{:06}", micros.0 % 1_000_000);
    let kept = fraction.trim_end_matches('0').len().max(DECIMALS_MIN);
    format!("{}.{}", micros.0 / 1_000_000, fraction.chars().take(kept).collect::<String>())
}

fn jurisdiction(lists: &Lists, reader: &mut Reader<'_, '_>, node: &Node<'_>, what: &str) -> Option<Value> {
    let given = reader.text(node, what)?;
    let code = lists.jurisdiction(reader, given, node.span())?;
    Some(if code.is_unknown() { Value::Unknown } else { Value::Jurisdiction(code) })
}

/// A nation, `true` where the source does not say which, or a table with `by`.
fn certificate(lists: &Lists, reader: &mut Reader<'_, '_>, node: &Node<'_>) -> Option<Value> {
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

fn price(reader: &mut Reader<'_, '_>, node: &Node<'_>, table: &DeTable<'_>) -> Option<Value> {
    let currency = match get(table, "currency") {
        None => {
            reader.error(node.span(), Complaint::new("price without a currency").hint("add `currency = \"USD\"`"));
            None
        }
        Some(node) => currency(reader, node),
    };
    let input = micros(reader, (node, table), "input_micros_per_mtok");
    let output = micros(reader, (node, table), "output_micros_per_mtok");
    Some(Value::Price(Price { currency: currency?, input_micros_per_mtok: input?, output_micros_per_mtok: output? }))
}

fn currency(reader: &mut Reader<'_, '_>, node: &Node<'_>) -> Option<Currency> {
    let given = reader.text(node, "currency")?;
    given.parse().map_err(|error: comity_vocab::InvalidCurrency| reader.error(node.span(), Complaint::new(error.to_string()))).ok()
}

fn micros(reader: &mut Reader<'_, '_>, (price, table): (&Node<'_>, &DeTable<'_>), key: &str) -> Option<Micros> {
    let Some(node) = get(table, key) else {
        reader.error(
            price.span(),
            Complaint::new(format!("price without `{key}`")).hint(format!("add `{key}`; write 0 where nothing is charged")),
        );
        return None;
    };
    if let DeValue::Float(float) = node.get_ref() {
        let complaint = Complaint::new(format!("`{key}` is {float}: prices are whole millionths of the currency, never fractions"));
        reader.error(node.span(), complaint.hint("0.15 for a million tokens is `150_000`"));
        return None;
    }
    reader.number(node, key).map(Micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_keep_every_micro_unit() {
        assert_eq!(amount(Micros(150_000)), "0.15");
        assert_eq!(amount(Micros(2_000_000)), "2.00");
        assert_eq!(amount(Micros(1)), "0.000001");
        assert_eq!(amount(Micros(37_500)), "0.0375");
    }

    #[test]
    fn every_fact_has_its_own_key() {
        let keys: BTreeSet<_> = FactName::all().map(|name| name.key()).collect();
        assert_eq!(keys.len(), FactName::all().count());
    }
}
