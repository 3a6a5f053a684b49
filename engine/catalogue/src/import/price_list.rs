//! Reads the list. Its prices are floats; each becomes the shortest decimal that stands for it, and is reckoned with as that.

use std::collections::BTreeMap;

use comity_vocab::{Currency, Micros, Price};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;
use serde_json::{Map, Value};

use crate::reader::nearest;

/// A price list, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceList {
    entries: BTreeMap<String, Listed>,
}

/// What the list says of one model at one provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listed {
    /// Nothing if it names no price for tokens, or 0 for all of them, which in this list means that nobody filled it in.
    pub(super) price: Option<Price>,
    /// The page that the list names as its own source.
    pub(super) source: Option<String>,
    /// Whether long prompts cost more, which the catalogue does not hold.
    pub(super) dearer_when_long: bool,
}

/// A text that is no such list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a price list: {0}")]
pub struct InvalidPriceList(String);

/// Micro-units per million tokens in one unit per token.
const MICROS_PER_MTOK: Decimal = Decimal::from_parts(3_567_587_328, 232, 0, false, 0);
/// The entry that describes the others.
const SPECIMEN: &str = "sample_spec";

// === impl PriceList ===

impl PriceList {
    /// Reads the JSON of the list.
    ///
    /// # Errors
    /// If it is no JSON object of objects, or a price is no number that a micro-unit can hold.
    pub fn parse(json: &str, currency: Currency) -> Result<Self, InvalidPriceList> {
        let list: Map<String, Value> = serde_json::from_str(json).map_err(|error| InvalidPriceList(error.to_string()))?;
        let mut entries = BTreeMap::new();
        for (key, entry) in list.into_iter().filter(|(key, _)| key != SPECIMEN) {
            let Value::Object(entry) = entry else { return Err(InvalidPriceList(format!("`{key}` is no object"))) };
            let listed = Listed::read(&entry, currency).map_err(|(field, why)| InvalidPriceList(format!("`{key}`, `{field}`: {why}")))?;
            entries.insert(key, listed);
        }
        Ok(Self { entries })
    }

    /// How many models the list has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether the list is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// A key of the list that is near to one that it does not have.
    #[must_use]
    pub fn nearest(&self, key: &str) -> Option<&str> {
        nearest(key, self.keys())
    }

    pub(super) fn get(&self, key: &str) -> Option<&Listed> {
        self.entries.get(key)
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }
}

// === impl Listed ===

impl Listed {
    fn read(entry: &Map<String, Value>, currency: Currency) -> Result<Self, (&'static str, String)> {
        let field = |name: &'static str| micros(entry.get(name)).map_err(|why| (name, why));
        let input = field("input_cost_per_token")?;
        let output = field("output_cost_per_token")?;
        let embeds = entry.get("mode").and_then(Value::as_str) == Some("embedding");
        // An embedding has no output; the list leaves it out or says 0.
        let output = output.or(embeds.then_some(Micros(0)));
        let named = input.zip(output).filter(|(input, output)| input.0 > 0 || output.0 > 0);
        let price = named.map(|(input, output)| Price::new(currency, input, output));
        let hit = "input_cost_per_token_cache_hit";
        let price = match price {
            None => None,
            Some(price) => Some(Price {
                cache_read_micros_per_mtok: field("cache_read_input_token_cost")?.or(field(hit)?),
                cache_write_micros_per_mtok: field("cache_creation_input_token_cost")?,
                cache_write_hour_micros_per_mtok: field("cache_creation_input_token_cost_above_1hr")?,
                reasoning_micros_per_mtok: field("output_cost_per_reasoning_token")?,
                batch_input_micros_per_mtok: field("input_cost_per_token_batches")?,
                batch_output_micros_per_mtok: field("output_cost_per_token_batches")?,
                ..price
            }),
        };
        let long = |name: &String| name.starts_with("input_cost_per_token_above_") || name.starts_with("output_cost_per_token_above_");
        Ok(Self { price, source: entry.get("source").and_then(Value::as_str).map(str::to_owned), dearer_when_long: entry.keys().any(long) })
    }
}

/// Units per token → micro-units per million tokens, rounded to the nearest.
fn micros(value: Option<&Value>) -> Result<Option<Micros>, String> {
    let number = match value {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => return Err(format!("`{other}` is no number")),
    };
    let decimal = Decimal::from_scientific(&number).or_else(|_| number.parse::<Decimal>());
    let decimal = decimal.map_err(|error| format!("`{number}` is no number: {error}"))?;
    let micros = decimal.checked_mul(MICROS_PER_MTOK).and_then(|micros| micros.round().to_u64());
    micros.map(|micros| Some(Micros(micros))).ok_or_else(|| format!("`{number}` is below nothing, or more than any price"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(number: &str, expected: Result<u64, ()>) {
        let value: Value = serde_json::from_str(number).unwrap();
        assert_eq!(micros(Some(&value)).map(|micros| micros.unwrap().0).map_err(drop), expected, "{number}");
    }

    #[test]
    fn prices_for_a_token_become_whole_micro_units_for_a_million() {
        assert_eq!(MICROS_PER_MTOK, Decimal::from(1_000_000_000_000_u64));
        check("4e-07", Ok(400_000));
        check("1.65e-05", Ok(16_500_000));
        check("0.0000006", Ok(600_000));
        check("1.43e-7", Ok(143_000));
        check("2e-12", Ok(2));
        check("2.5e-13", Ok(0));
        check("0", Ok(0));
        check("3", Ok(3_000_000_000_000));
        check("\"1e-6\"", Ok(1_000_000));
        check("-1e-6", Err(()));
        check("1e30", Err(()));
        check("\"free\"", Err(()));
        check("[1]", Err(()));
    }
}
