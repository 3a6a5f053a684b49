//! The price of an offering as files write it: two plain prices, and the tiers that a source names.
//!
//! A tier that nobody knows stays unknown: nothing here guesses one from another (`comity_vocab::Price::cost` says what it then costs).

use std::fmt;

use comity_vocab::{Currency, Micros, Price};
use toml::de::{DeTable, DeValue};

use crate::reader::{Complaint, Node, Reader, get};
use crate::value::UNKNOWN;

const CURRENCY: &str = "currency";
const INPUT: &str = "input_micros_per_mtok";
const OUTPUT: &str = "output_micros_per_mtok";
const CACHE_READ: &str = "cache_read_micros_per_mtok";
const CACHE_WRITE: &str = "cache_write_micros_per_mtok";
const CACHE_WRITE_HOUR: &str = "cache_write_hour_micros_per_mtok";
const REASONING: &str = "reasoning_micros_per_mtok";
const BATCH_INPUT: &str = "batch_input_micros_per_mtok";
const BATCH_OUTPUT: &str = "batch_output_micros_per_mtok";

/// The keys of a price, beside those of its provenance. All but the first three may be left out.
pub(crate) const KEYS: [&str; 9] =
    [CURRENCY, INPUT, OUTPUT, CACHE_READ, CACHE_WRITE, CACHE_WRITE_HOUR, REASONING, BATCH_INPUT, BATCH_OUTPUT];

/// Reads a price and warns of tiers that cannot be.
pub(crate) fn read(reader: &mut Reader<'_, '_>, node: &Node<'_>, table: &DeTable<'_>) -> Option<Price> {
    let currency = match get(table, CURRENCY) {
        None => {
            reader.error(node.span(), Complaint::new("price without a currency").hint("add `currency = \"USD\"`"));
            None
        }
        Some(node) => currency(reader, node, CURRENCY),
    };
    let input = required(reader, (node, table), INPUT);
    let output = required(reader, (node, table), OUTPUT);
    let mut tier = |key| get(table, key).filter(|node| node.get_ref().as_str() != Some(UNKNOWN)).and_then(|node| micros(reader, node, key));
    let price = Price {
        cache_read_micros_per_mtok: tier(CACHE_READ),
        cache_write_micros_per_mtok: tier(CACHE_WRITE),
        cache_write_hour_micros_per_mtok: tier(CACHE_WRITE_HOUR),
        reasoning_micros_per_mtok: tier(REASONING),
        batch_input_micros_per_mtok: tier(BATCH_INPUT),
        batch_output_micros_per_mtok: tier(BATCH_OUTPUT),
        ..Price::new(currency?, input?, output?)
    };
    doubt(reader, table, &price);
    Some(price)
}

/// Warns of tiers that cost more than what they are a discount of. Reasoning is none: some operators charge more for it.
fn doubt(reader: &mut Reader<'_, '_>, table: &DeTable<'_>, price: &Price) {
    let (input, output) = (Some(price.input_micros_per_mtok), Some(price.output_micros_per_mtok));
    let (minutes, hour) = (price.cache_write_micros_per_mtok, price.cache_write_hour_micros_per_mtok);
    let pairs = [
        ((CACHE_READ, price.cache_read_micros_per_mtok), (INPUT, input)),
        ((BATCH_INPUT, price.batch_input_micros_per_mtok), (INPUT, input)),
        ((BATCH_OUTPUT, price.batch_output_micros_per_mtok), (OUTPUT, output)),
        ((CACHE_WRITE, minutes), (CACHE_WRITE_HOUR, hour)),
    ];
    for ((key, less), (over, more)) in pairs {
        let (Some(less), Some(more), Some(node)) = (less, more, get(table, key)) else { continue };
        if less > more {
            let complaint = Complaint::new(format!("`{key}` is {}, above `{over}`, which is {}", less.0, more.0));
            reader.warn(node.span(), complaint.hint("look at the source again; were two prices swapped, or a digit too many?"));
        }
    }
}

/// The code of a currency.
pub(crate) fn currency(reader: &mut Reader<'_, '_>, node: &Node<'_>, what: &str) -> Option<Currency> {
    let given = reader.text(node, what)?;
    given.parse().map_err(|error: comity_vocab::InvalidCurrency| reader.error(node.span(), Complaint::new(error.to_string()))).ok()
}

fn required(reader: &mut Reader<'_, '_>, (price, table): (&Node<'_>, &DeTable<'_>), key: &str) -> Option<Micros> {
    let Some(node) = get(table, key) else {
        reader.error(
            price.span(),
            Complaint::new(format!("price without `{key}`")).hint(format!("add `{key}`; write 0 where nothing is charged")),
        );
        return None;
    };
    micros(reader, node, key)
}

fn micros(reader: &mut Reader<'_, '_>, node: &Node<'_>, key: &str) -> Option<Micros> {
    if let DeValue::Float(float) = node.get_ref() {
        let complaint = Complaint::new(format!("`{key}` is {float}: prices are whole millionths of the currency, never fractions"));
        reader.error(node.span(), complaint.hint("0.15 for a million tokens is `150_000`"));
        return None;
    }
    reader.number(node, key).map(Micros)
}

/// `0.40 in, 1.60 out, 0.10 cache read USD per million tokens`, without losing a micro-unit; unknown tiers are left out.
pub(crate) struct Text<'p>(pub(crate) &'p Price);

// === impl Text ===

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let price = self.0;
        write!(f, "{} in, {} out", amount(price.input_micros_per_mtok), amount(price.output_micros_per_mtok))?;
        let tiers = [
            ("cache read", price.cache_read_micros_per_mtok),
            ("cache write", price.cache_write_micros_per_mtok),
            ("cache write for an hour", price.cache_write_hour_micros_per_mtok),
            ("reasoning", price.reasoning_micros_per_mtok),
            ("batch in", price.batch_input_micros_per_mtok),
            ("batch out", price.batch_output_micros_per_mtok),
        ];
        for (name, tier) in tiers {
            if let Some(tier) = tier {
                write!(f, ", {} {name}", amount(tier))?;
            }
        }
        write!(f, " {} per million tokens", price.currency)
    }
}

/// Whole units and as many of the six decimals as are needed, two at least.
fn amount(micros: Micros) -> String {
    const DECIMALS_MIN: usize = 2;
    let fraction = format!("{:06}", micros.0 % 1_000_000);
    let kept = fraction.trim_end_matches('0').len().max(DECIMALS_MIN);
    format!("{}.{}", micros.0 / 1_000_000, fraction.chars().take(kept).collect::<String>())
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
    fn only_known_tiers_are_shown() {
        let plain = Price::new("USD".parse().unwrap(), Micros(400_000), Micros(1_600_000));
        assert_eq!(Text(&plain).to_string(), "0.40 in, 1.60 out USD per million tokens");
        let cached = Price { cache_read_micros_per_mtok: Some(Micros(100_000)), batch_input_micros_per_mtok: Some(Micros(0)), ..plain };
        assert_eq!(Text(&cached).to_string(), "0.40 in, 1.60 out, 0.10 cache read, 0.00 batch in USD per million tokens");
    }
}
