//! Reads checks from a kinds file: a name, a table, or a list of both. It refuses what it does not understand, because a check that is
//! silently ignored finds the wrong numbers.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Value;

use super::date::Date;
use super::named::Named;
use super::sum::{Digit, Expect, Products, Sum, Terms};
use super::{Check, Rule};
use crate::kind_file::short;

const ALPHABET: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// All checks of a pattern, or what is wrong with them.
pub(crate) fn read(value: &Value) -> Result<Vec<Check>, String> {
    let items = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
    items.iter().map(read_one).collect()
}

fn read_one(value: &Value) -> Result<Check, String> {
    if let Value::String(name) = value {
        let named = Named::find(name).ok_or_else(|| format!("no check is named `{}`; there are {}", short(name), Named::names()))?;
        return Ok(Check { replace: Vec::new(), replace_at: 0, rule: Rule::Named(named) });
    }
    let table: Table = value.clone().try_into().map_err(|error: toml::de::Error| format!("in `check`: {}", short(error.message())))?;
    let replace = table.replace.iter().map(|(old, new)| (old.clone().into_bytes(), new.clone().into_bytes())).collect();
    Ok(Check { replace, replace_at: table.replace_at, rule: table.rule()? })
}

/// A check as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    weights: Option<Vec<i64>>,
    number: Option<[usize; 2]>,
    date: Option<String>,
    between: Option<[u64; 2]>,
    not: Option<Vec<String>>,
    #[serde(default)]
    from: usize,
    length: Option<usize>,
    alphabet: Option<String>,
    products: Option<ProductsName>,
    #[serde(default)]
    plus: i64,
    modulus: Option<i64>,
    equals: Option<i64>,
    at: Option<usize>,
    digit: Option<DigitName>,
    table: Option<String>,
    width: Option<usize>,
    #[serde(default)]
    replace: BTreeMap<String, String>,
    #[serde(default)]
    replace_at: usize,
    month_plus: Option<Vec<u8>>,
    day_plus: Option<Vec<u8>>,
}

#[derive(Clone, Copy, Deserialize)]
enum ProductsName {
    #[serde(rename = "digits")]
    Digits,
}

#[derive(Clone, Copy, Deserialize)]
enum DigitName {
    #[serde(rename = "r")]
    Remainder,
    #[serde(rename = "m-r")]
    Rest,
    #[serde(rename = "-r")]
    Negative,
}

// === impl Table ===

impl Table {
    fn rule(self) -> Result<Rule, String> {
        let summed = self.weights.is_some() || self.number.is_some();
        let rules =
            [summed, self.date.is_some(), self.between.is_some(), self.not.is_some()].into_iter().filter(|present| *present).count();
        if rules != 1 || (self.weights.is_some() && self.number.is_some()) {
            return Err("a check has exactly one of `weights`, `number`, `date`, `between` and `not`; write two checks".to_owned());
        }
        if let Some(format) = &self.date {
            return self.date(format);
        }
        if let Some([low, high]) = self.between {
            let length = self.length.ok_or("`between` needs `length`, the count of its characters")?;
            return Ok(Rule::Between { from: self.from, length, low: low.into(), high: high.into() });
        }
        if let Some(values) = self.not {
            return Ok(Rule::Not { from: self.from, values: values.into_iter().map(String::into_bytes).collect() });
        }
        self.sum()
    }

    fn date(&self, format: &str) -> Result<Rule, String> {
        let mut date = Date::parse(format, self.from)
            .ok_or_else(|| format!("the date `{}` is not made of `yy` or `yyyy`, `mm` and `dd`; a month there must be", short(format)))?;
        let wide = |plus: &Option<Vec<u8>>| plus.as_ref().map(|plus| plus.iter().map(|plus| u128::from(*plus)).collect::<Vec<_>>());
        date.month_plus = wide(&self.month_plus).unwrap_or(date.month_plus);
        date.day_plus = wide(&self.day_plus).unwrap_or(date.day_plus);
        Ok(Rule::Date(date))
    }

    fn sum(self) -> Result<Rule, String> {
        let modulus = self.modulus.filter(|modulus| *modulus >= 2).ok_or("a sum needs `modulus`, at least 2")?;
        let digit = match self.digit {
            None | Some(DigitName::Remainder) => Digit::Remainder,
            Some(DigitName::Rest) => Digit::Rest,
            Some(DigitName::Negative) => Digit::Negative,
        };
        let expect = match (self.at, self.width) {
            (None, _) => Expect::Remainder(self.equals.unwrap_or(0)),
            (Some(at), Some(width)) => Expect::Decimal { at, digit, width },
            (Some(at), None) => Expect::Character { at, digit, table: self.table.unwrap_or_else(|| "0123456789".to_owned()).into_bytes() },
        };
        let terms = match (self.weights, self.number) {
            (_, Some([from, to])) => Terms::Number { from, to },
            (weights, None) => {
                let alphabet = self.alphabet.unwrap_or_else(|| ALPHABET.to_owned()).into_bytes();
                let products = if self.products.is_some() { Products::Digits } else { Products::Whole };
                Terms::Weighted { weights: weights.unwrap_or_default(), from: self.from, alphabet, products }
            }
        };
        Ok(Rule::Sum(Sum { terms, plus: self.plus, modulus, expect }))
    }
}
