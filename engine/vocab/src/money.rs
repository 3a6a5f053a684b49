//! Money is whole micro-units of a currency, never a float.
//!
//! Cost is computed here and nowhere else. What is not known of a price costs the most that it reasonably can, never nothing.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::usage::Usage;

/// Millionths of a currency unit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Micros(pub u64);

/// ISO 4217, three capitals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency([u8; 3]);

/// Text that is not three capital letters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a currency: write three capital letters as in ISO 4217")]
pub struct InvalidCurrency(String);

impl FromStr for Currency {
    type Err = InvalidCurrency;

    fn from_str(text: &str) -> Result<Self, InvalidCurrency> {
        match text.as_bytes() {
            [a @ b'A'..=b'Z', b @ b'A'..=b'Z', c @ b'A'..=b'Z'] => Ok(Self([*a, *b, *c])),
            _ => Err(InvalidCurrency(text.to_owned())),
        }
    }
}

impl TryFrom<String> for Currency {
    type Error = InvalidCurrency;

    fn try_from(text: String) -> Result<Self, InvalidCurrency> {
        text.parse()
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.to_string()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.0).unwrap_or("XXX"))
    }
}

/// What an offering costs, per million tokens.
///
/// Each tier but the first two may be unknown, and then costs the most that it reasonably can (see [`Price::cost`]): an unknown price must
/// never make an offering look cheaper than a known one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Price {
    /// The currency of all numbers.
    pub currency: Currency,
    /// For a million input tokens.
    pub input_micros_per_mtok: Micros,
    /// For a million output tokens.
    pub output_micros_per_mtok: Micros,
    /// For a million input tokens read from a cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_read_micros_per_mtok: Option<Micros>,
    /// For a million input tokens written to a cache for minutes: the whole price, not what comes on top.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write_micros_per_mtok: Option<Micros>,
    /// For a million input tokens written to a cache for an hour: the whole price, not what comes on top.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write_hour_micros_per_mtok: Option<Micros>,
    /// For a million output tokens of thinking; some operators charge more for these than for what is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning_micros_per_mtok: Option<Micros>,
    /// For a million input tokens of a batch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch_input_micros_per_mtok: Option<Micros>,
    /// For a million output tokens of a batch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch_output_micros_per_mtok: Option<Micros>,
}

/// In what manner a call is sent, as far as it changes the price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tier {
    /// Answered at once.
    Standard,
    /// Answered within hours.
    Batch,
}

/// Millionths of a currency unit per million tokens of each kind, nothing unknown left.
struct Rates {
    input: Micros,
    cache_read: Micros,
    cache_write: Micros,
    cache_write_hour: Micros,
    output: Micros,
    reasoning: Micros,
}

/// What an unknown write to a cache costs, in input prices: the dearest that is usual is an hour at Anthropic, twice the input price.
const UNKNOWN_CACHE_WRITE_IN_INPUTS: u64 = 2;

// === impl Price ===

impl Price {
    /// A price without tiers.
    #[must_use]
    pub const fn new(currency: Currency, input_micros_per_mtok: Micros, output_micros_per_mtok: Micros) -> Self {
        Self {
            currency,
            input_micros_per_mtok,
            output_micros_per_mtok,
            cache_read_micros_per_mtok: None,
            cache_write_micros_per_mtok: None,
            cache_write_hour_micros_per_mtok: None,
            reasoning_micros_per_mtok: None,
            batch_input_micros_per_mtok: None,
            batch_output_micros_per_mtok: None,
        }
    }

    /// The cost of one call, rounded up once to a whole micro-unit; [`u64::MAX`] micro-units if it is more.
    ///
    /// Unknown is worst. An unknown tier costs:
    /// - cache read: the input price; reasoning: the output price; batch: the standard price;
    /// - cache write for minutes: that for an hour, else twice the input price; for an hour: twice the input price, or that for minutes if
    ///   it is more.
    ///
    /// How a batch and a cache go together is not in the price, so in a batch a cache read costs the batch's input price (some operators
    /// give only one of the two discounts), a write what it costs outside a batch, and thinking the batch's output price, or its own if
    /// that is above the output price. Where an upstream counts more cached tokens than input, the cached ones are charged.
    ///
    /// ```
    /// # use comity_vocab::{Micros, Price, Tier, Usage};
    /// let price = Price::new("USD".parse()?, Micros(400_000), Micros(1_600_000));
    /// let usage = Usage { input_tokens: 1_000, cache_read_tokens: 800, output_tokens: 10, ..Usage::default() };
    /// assert_eq!(price.cost(&usage, Tier::Standard), Micros(416));
    /// let price = Price { cache_read_micros_per_mtok: Some(Micros(100_000)), ..price };
    /// assert_eq!(price.cost(&usage, Tier::Standard), Micros(80 + 80 + 16));
    /// # Ok::<(), comity_vocab::InvalidCurrency>(())
    /// ```
    #[must_use]
    pub fn cost(&self, usage: &Usage, tier: Tier) -> Micros {
        let rates = self.rates(tier);
        let parts = [
            (rates.input, usage.uncached_input_tokens()),
            (rates.cache_read, usage.cache_read_tokens),
            (rates.cache_write, usage.cache_write_tokens),
            (rates.cache_write_hour, usage.cache_write_hour_tokens),
            (rates.output, usage.said_output_tokens()),
            (rates.reasoning, usage.reasoning_tokens),
        ];
        let part = |(rate, tokens): (Micros, u64)| u128::from(rate.0) * u128::from(tokens);
        let sum = parts.into_iter().map(part).fold(0, u128::saturating_add);
        Micros(u64::try_from(sum.div_ceil(1_000_000)).unwrap_or(u64::MAX))
    }

    fn rates(&self, tier: Tier) -> Rates {
        let (input, output) = (self.input_micros_per_mtok, self.output_micros_per_mtok);
        let dearest_write = Micros(input.0.saturating_mul(UNKNOWN_CACHE_WRITE_IN_INPUTS));
        let (minutes, hour) = (self.cache_write_micros_per_mtok, self.cache_write_hour_micros_per_mtok);
        let standard = Rates {
            input,
            cache_read: self.cache_read_micros_per_mtok.unwrap_or(input),
            cache_write: minutes.or(hour).unwrap_or(dearest_write),
            cache_write_hour: hour.unwrap_or_else(|| dearest_write.max(minutes.unwrap_or_default())),
            output,
            reasoning: self.reasoning_micros_per_mtok.unwrap_or(output),
        };
        match tier {
            Tier::Standard => standard,
            Tier::Batch => {
                let batch_input = self.batch_input_micros_per_mtok.unwrap_or(input);
                let batch_output = self.batch_output_micros_per_mtok.unwrap_or(output);
                let reasoning = if standard.reasoning > output { standard.reasoning } else { batch_output };
                Rates { input: batch_input, cache_read: batch_input, output: batch_output, reasoning, ..standard }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Claude Sonnet 4.6, 2026-11-23.
    fn all_tiers() -> Price {
        Price {
            cache_read_micros_per_mtok: Some(Micros(300_000)),
            cache_write_micros_per_mtok: Some(Micros(3_750_000)),
            cache_write_hour_micros_per_mtok: Some(Micros(6_000_000)),
            reasoning_micros_per_mtok: None,
            batch_input_micros_per_mtok: Some(Micros(1_500_000)),
            batch_output_micros_per_mtok: Some(Micros(7_500_000)),
            ..Price::new("USD".parse().unwrap(), Micros(3_000_000), Micros(15_000_000))
        }
    }

    fn check(price: Price, usage: Usage, (standard, batch): (u64, u64)) {
        assert_eq!((price.cost(&usage, Tier::Standard), price.cost(&usage, Tier::Batch)), (Micros(standard), Micros(batch)));
    }

    /// A million tokens of each kind: the usage, and the count that holds it.
    fn million(set: impl FnOnce(&mut Usage)) -> Usage {
        let mut usage = Usage::default();
        set(&mut usage);
        usage
    }

    const MTOK: u64 = 1_000_000;

    #[test]
    fn each_kind_of_token_has_its_price() {
        check(all_tiers(), million(|u| u.input_tokens = MTOK), (3_000_000, 1_500_000));
        check(all_tiers(), million(|u| (u.input_tokens, u.cache_read_tokens) = (MTOK, MTOK)), (300_000, 1_500_000));
        check(all_tiers(), million(|u| (u.input_tokens, u.cache_write_tokens) = (MTOK, MTOK)), (3_750_000, 3_750_000));
        check(all_tiers(), million(|u| (u.input_tokens, u.cache_write_hour_tokens) = (MTOK, MTOK)), (6_000_000, 6_000_000));
        check(all_tiers(), million(|u| u.output_tokens = MTOK), (15_000_000, 7_500_000));
        check(all_tiers(), million(|u| (u.output_tokens, u.reasoning_tokens) = (MTOK, MTOK)), (15_000_000, 7_500_000));
    }

    #[test]
    fn an_unknown_tier_costs_the_most_that_it_reasonably_can() {
        let plain = Price::new("USD".parse().unwrap(), Micros(3_000_000), Micros(15_000_000));
        check(plain, million(|u| (u.input_tokens, u.cache_read_tokens) = (MTOK, MTOK)), (3_000_000, 3_000_000));
        check(plain, million(|u| (u.input_tokens, u.cache_write_tokens) = (MTOK, MTOK)), (6_000_000, 6_000_000));
        check(plain, million(|u| (u.input_tokens, u.cache_write_hour_tokens) = (MTOK, MTOK)), (6_000_000, 6_000_000));
        check(plain, million(|u| (u.output_tokens, u.reasoning_tokens) = (MTOK, MTOK)), (15_000_000, 15_000_000));
        let minutes = Price { cache_write_micros_per_mtok: Some(Micros(9_000_000)), ..plain };
        check(minutes, million(|u| (u.input_tokens, u.cache_write_hour_tokens) = (MTOK, MTOK)), (9_000_000, 9_000_000));
        let hour = Price { cache_write_hour_micros_per_mtok: Some(Micros(4_000_000)), ..plain };
        check(hour, million(|u| (u.input_tokens, u.cache_write_tokens) = (MTOK, MTOK)), (4_000_000, 4_000_000));
    }

    #[test]
    fn thinking_may_cost_more_than_what_is_said() {
        let price = Price { reasoning_micros_per_mtok: Some(Micros(40_000_000)), ..all_tiers() };
        check(price, million(|u| (u.output_tokens, u.reasoning_tokens) = (MTOK, MTOK)), (40_000_000, 40_000_000));
    }

    #[test]
    fn more_cached_than_input_is_charged_as_cached() {
        check(all_tiers(), million(|u| (u.input_tokens, u.cache_read_tokens) = (5, MTOK)), (300_000, 1_500_000));
    }

    #[test]
    fn cost_rounds_up_and_never_overflows() {
        let price = Price::new("USD".parse().unwrap(), Micros(150_000), Micros(600_000));
        let both = |input_tokens, output_tokens| Usage { input_tokens, output_tokens, ..Usage::default() };
        check(price, both(0, 0), (0, 0));
        check(price, both(1, 0), (1, 1));
        check(price, both(MTOK, MTOK), (750_000, 750_000));
        check(price, both(u64::MAX, u64::MAX), (13_835_058_055_282_163_712, 13_835_058_055_282_163_712));
        let dear = Price::new(price.currency, Micros(u64::MAX), Micros(u64::MAX));
        let most = Usage {
            input_tokens: u64::MAX,
            cache_read_tokens: u64::MAX,
            cache_write_tokens: u64::MAX,
            cache_write_hour_tokens: u64::MAX,
            output_tokens: u64::MAX,
            reasoning_tokens: u64::MAX,
        };
        check(dear, most, (u64::MAX, u64::MAX));
    }

    fn a_number() -> impl Strategy<Value = u64> {
        prop_oneof![0_u64..100, 0_u64..100_000_000, any::<u64>()]
    }

    fn a_usage() -> impl Strategy<Value = Usage> {
        let parts = [a_number(), a_number(), a_number(), a_number(), a_number(), a_number()];
        parts.prop_map(|[input, read, write, hour, output, reasoning]| Usage {
            input_tokens: input,
            cache_read_tokens: read,
            cache_write_tokens: write,
            cache_write_hour_tokens: hour,
            output_tokens: output,
            reasoning_tokens: reasoning,
        })
    }

    /// A token of one kind more: a cached one is also an input token, a thought one also an output token.
    type OneMore = fn(&Usage, u64) -> Usage;

    const KINDS: [OneMore; 6] = [
        |usage, n| Usage { input_tokens: usage.input_tokens.saturating_add(n), ..*usage },
        |usage, n| Usage { cache_read_tokens: usage.cache_read_tokens.saturating_add(n), ..input(usage, n) },
        |usage, n| Usage { cache_write_tokens: usage.cache_write_tokens.saturating_add(n), ..input(usage, n) },
        |usage, n| Usage { cache_write_hour_tokens: usage.cache_write_hour_tokens.saturating_add(n), ..input(usage, n) },
        |usage, n| Usage { output_tokens: usage.output_tokens.saturating_add(n), ..*usage },
        |usage, n| Usage {
            reasoning_tokens: usage.reasoning_tokens.saturating_add(n),
            output_tokens: usage.output_tokens.saturating_add(n),
            ..*usage
        },
    ];

    fn input(usage: &Usage, n: u64) -> Usage {
        Usage { input_tokens: usage.input_tokens.saturating_add(n), ..*usage }
    }

    /// Prices as operators make them: no discount above the plain price, no write above twice the input price, thinking as given.
    fn a_price() -> impl Strategy<Value = Price> {
        let percents = (0..=100_u64, 0..=200_u64, 0..=200_u64, 0..=100_u64, 0..=100_u64, 0..=100_u64);
        (0..100_000_000_u64, 0..100_000_000_u64, percents).prop_map(|(input, output, percents)| {
            let (read, minutes, hour, reasoning, batch_input, batch_output) = percents;
            let of = |plain: u64, percent: u64| Some(Micros(plain * percent / 100));
            Price {
                cache_read_micros_per_mtok: of(input, read),
                cache_write_micros_per_mtok: of(input, minutes.min(hour)),
                cache_write_hour_micros_per_mtok: of(input, hour),
                reasoning_micros_per_mtok: of(output, reasoning),
                batch_input_micros_per_mtok: of(input, batch_input),
                batch_output_micros_per_mtok: of(output, batch_output),
                ..Price::new("USD".parse().unwrap(), Micros(input), Micros(output))
            }
        })
    }

    const FORGET: [fn(&mut Price); 6] = [
        |price| price.cache_read_micros_per_mtok = None,
        |price| price.cache_write_micros_per_mtok = None,
        |price| price.cache_write_hour_micros_per_mtok = None,
        |price| price.reasoning_micros_per_mtok = None,
        |price| price.batch_input_micros_per_mtok = None,
        |price| price.batch_output_micros_per_mtok = None,
    ];

    /// A price with some tiers unknown.
    fn a_partly_known_price() -> impl Strategy<Value = Price> {
        (a_price(), proptest::sample::subsequence(FORGET.to_vec(), 0..=6)).prop_map(|(mut price, forgotten)| {
            forgotten.into_iter().for_each(|forget| forget(&mut price));
            price
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn more_tokens_of_any_kind_never_cost_less(
            price in a_partly_known_price(), usage in a_usage(), n in a_number(), kind in 0..6_usize,
        ) {
            // INVARIANT: cached is a part of input. Where an upstream contradicts that, the parts still count.
            let more = KINDS[kind](&usage, n);
            for tier in [Tier::Standard, Tier::Batch] {
                prop_assert!(price.cost(&more, tier) >= price.cost(&usage, tier), "{usage:?} {more:?}");
            }
        }

        #[test]
        fn never_below_the_sum_of_the_floors_and_at_most_one_above(price in a_partly_known_price(), usage in a_usage()) {
            for tier in [Tier::Standard, Tier::Batch] {
                let rates = price.rates(tier);
                let exact = [
                    (rates.input, usage.uncached_input_tokens()),
                    (rates.cache_read, usage.cache_read_tokens),
                    (rates.cache_write, usage.cache_write_tokens),
                    (rates.cache_write_hour, usage.cache_write_hour_tokens),
                    (rates.output, usage.said_output_tokens()),
                    (rates.reasoning, usage.reasoning_tokens),
                ];
                let floors: u128 = exact.iter().map(|(rate, n)| u128::from(rate.0) * u128::from(*n) / 1_000_000).sum();
                let cost = u128::from(price.cost(&usage, tier).0);
                let capped = |sum: u128| sum.min(u128::from(u64::MAX));
                prop_assert!(cost >= capped(floors) && cost <= capped(floors + 6), "{cost} {floors}");
            }
        }

        #[test]
        fn forgetting_a_tier_never_lowers_the_cost(price in a_price(), usage in a_usage(), order in Just(FORGET.to_vec()).prop_shuffle()) {
            let mut known = price;
            for forget in order {
                let before = known;
                forget(&mut known);
                for tier in [Tier::Standard, Tier::Batch] {
                    prop_assert!(known.cost(&usage, tier) >= before.cost(&usage, tier), "{before:?} {known:?}");
                }
            }
        }
    }
}
