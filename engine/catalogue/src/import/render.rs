//! Writes the file of imported prices, always the same for the same prices.

use std::fmt::Write as _;

use comity_vocab::{Micros, OfferingId, Price};

use super::plan::{Import, ImportSource};
use crate::price::KEYS;

/// One price to write.
pub(super) struct Line<'a> {
    pub(super) offering: &'a OfferingId,
    pub(super) key: &'a str,
    pub(super) price: Price,
    /// The page that the list names as its own source.
    pub(super) page: Option<&'a str>,
}

const HEAD: &str = "\
# Written by `comity catalogue import`; the next import writes it anew. To correct a price, give the offering one in its operator's file, with the
# source: that one counts, and no import touches it.
";
/// Where the list names no page.
const NO_PAGE: &str = "litellm's list of model prices, which names no page for this one";

pub(super) fn file(lines: &[Line<'_>], source: &ImportSource) -> String {
    let mut text = String::from(HEAD);
    for line in lines {
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "\n[[offering]]\nid = {}\nsource = {}\nread = {}\nas_of = {}\n",
            quoted(line.offering.as_str()),
            quoted(line.page.unwrap_or(NO_PAGE)),
            quoted(&format!("{}, {}, key {}", source.read, Import::MEMBER, line.key)),
            source.as_of,
        );
        let _ = writeln!(text, "price.currency = \"{}\"", line.price.currency);
        for (key, micros) in amounts(&line.price) {
            let _ = writeln!(text, "price.{key} = {}", grouped(micros));
        }
    }
    text
}

/// The known amounts, under the names that files give them.
fn amounts(price: &Price) -> impl Iterator<Item = (&'static str, Micros)> {
    let amounts = [
        Some(price.input_micros_per_mtok),
        Some(price.output_micros_per_mtok),
        price.cache_read_micros_per_mtok,
        price.cache_write_micros_per_mtok,
        price.cache_write_hour_micros_per_mtok,
        price.reasoning_micros_per_mtok,
        price.batch_input_micros_per_mtok,
        price.batch_output_micros_per_mtok,
    ];
    KEYS.into_iter().skip(1).zip(amounts).filter_map(|(key, micros)| Some((key, micros?)))
}

/// A TOML string.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// `1_500_000`
fn grouped(micros: Micros) -> String {
    let digits = micros.0.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push('_');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        let seen = [0, 12, 150_000, 1_000_000].map(|micros| grouped(Micros(micros)));
        assert_eq!(seen, ["0", "12", "150_000", "1_000_000"]);
    }

    #[test]
    fn text_cannot_leave_its_quotes() {
        let read: toml::Table = toml::from_str(&format!("a = {}", quoted("say \"x\"\n[b]\\"))).unwrap();
        assert_eq!(read["a"].as_str(), Some("say \"x\"\n[b]\\"));
    }
}
