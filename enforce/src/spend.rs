//! What a call cost. The upstream's count decides; where it gives none, texts are counted here, and the outcome says that it is an estimate.

use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use comity_dialect::estimate::{estimate_by_size, estimate_input};
use comity_ledger::Cost;
use comity_upstream::{Transcript, Usage};
use comity_vocab::{Price, Tier};

use crate::document::Document;
use crate::pipeline::has_blob;

/// Tokens of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spent {
    pub(crate) usage: Usage,
    /// Nobody upstream counted.
    pub(crate) estimated: bool,
}

/// What is known of the tokens of a call when it ends.
pub(crate) enum Count {
    /// Nothing was answered, or nothing is billed.
    Nothing,
    /// The upstream counted.
    Reported(Usage),
    /// It answered and did not count.
    Missing(Transcript),
    /// It counted what was known so far, and the answer broke off: its last count of the output never came.
    BrokenOff(Usage, Transcript),
}

/// How much work an estimate may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effort {
    /// Texts are counted: milliseconds.
    ByText,
    /// Only sizes are looked at: nothing.
    BySize,
}

// === impl Count ===

impl Count {
    /// `usage` where the upstream gave one, else what the answer said.
    pub(crate) fn of(usage: Option<Usage>, transcript: impl FnOnce() -> Transcript) -> Self {
        usage.map_or_else(|| Self::Missing(transcript()), Self::Reported)
    }

    /// Of an answer that broke off.
    pub(crate) fn of_broken(usage: Option<Usage>, transcript: Transcript) -> Self {
        match usage {
            Some(usage) => Self::BrokenOff(usage, transcript),
            None => Self::Missing(transcript),
        }
    }

    /// Whether something must be estimated.
    pub(crate) fn takes_time(&self) -> bool {
        match self {
            Self::Nothing | Self::Reported(_) => false,
            Self::Missing(_) | Self::BrokenOff(..) => true,
        }
    }

    /// The tokens of a call with this body.
    pub(crate) fn spent(self, body: &Bytes, effort: Effort) -> Option<Spent> {
        let usage = match self {
            Self::Nothing => return None,
            Self::Reported(usage) => return Some(Spent { usage, estimated: false }),
            Self::Missing(transcript) => {
                let (input_tokens, output_tokens) = (effort.of(|| input(body), length(body)).max(1), answered(&transcript, effort));
                Usage { input_tokens, output_tokens, ..Usage::default() }
            }
            Self::BrokenOff(usage, transcript) => Usage { output_tokens: usage.output_tokens.max(answered(&transcript, effort)), ..usage },
        };
        Some(Spent { usage, estimated: true })
    }
}

fn answered(transcript: &Transcript, effort: Effort) -> u64 {
    effort.of(|| transcript.estimated_tokens(), transcript.bytes())
}

// === impl Effort ===

impl Effort {
    /// Tokens as they are counted, or by their bytes. A panic of the counting library must not cost the outcome.
    fn of(self, counted: impl FnOnce() -> u64, bytes: u64) -> u64 {
        let by_size = estimate_by_size(bytes);
        match self {
            Self::ByText => catch_unwind(AssertUnwindSafe(counted)).unwrap_or(by_size),
            Self::BySize => by_size,
        }
    }
}

/// Texts by what they say, media by their size.
fn input(body: &[u8]) -> u64 {
    let Ok(document) = Document::parse(body) else {
        let text = String::from_utf8_lossy(body);
        return estimate_input(std::iter::once(text.as_ref()), 0);
    };
    let (mut texts, mut media) = (Vec::new(), 0_u64);
    document.strings(&mut |string| {
        if has_blob(string) {
            media = media.saturating_add(length(string.as_bytes()));
        } else {
            texts.push(string.to_owned());
        }
    });
    estimate_input(texts.iter().map(String::as_str), media)
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

// === impl Spent ===

impl Spent {
    /// In money, where the catalogue has a price.
    pub(crate) fn cost(&self, price: Option<Price>) -> Option<Cost> {
        price.map(|price| Cost { currency: price.currency, micros: price.cost(&self.usage, Tier::Standard) })
    }
}

#[cfg(test)]
mod tests {
    use comity_vocab::Micros;

    use super::*;

    #[test]
    fn what_nobody_counted_is_estimated_and_never_free() {
        let body = Bytes::from_static(br#"{"model":"m","messages":[{"role":"user","content":"How are you?"}]}"#);
        let answer = Bytes::from_static(br#"{"choices":[{"message":{"content":"Fine."}}]}"#);
        let spent = Count::of(None, || Transcript::of_whole(&answer)).spent(&body, Effort::ByText).unwrap();
        assert!(spent.estimated && spent.usage.input_tokens >= 4 && spent.usage.output_tokens == 2, "{spent:?}");
        let price = Price::new("EUR".parse().unwrap(), Micros(1_000_000), Micros(2_000_000));
        assert_eq!(spent.cost(Some(price)).unwrap().micros, Micros(spent.usage.input_tokens + 4));
        let quick = Count::of(None, || Transcript::of_whole(&answer)).spent(&body, Effort::BySize).unwrap();
        assert!(quick.estimated && quick.usage.input_tokens == 17 && quick.usage.output_tokens > 0, "{quick:?}");
        let silent = Count::of(None, || Transcript::of_whole(&Bytes::new())).spent(&Bytes::from_static(b"{}"), Effort::ByText).unwrap();
        assert!(silent.usage.input_tokens > 0);
    }

    #[test]
    fn a_reported_count_stands() {
        let usage = Usage { input_tokens: 3, output_tokens: 2, ..Usage::default() };
        let count = Count::of(Some(usage), || Transcript::of_whole(&Bytes::new()));
        assert_eq!(count.spent(&Bytes::new(), Effort::ByText), Some(Spent { usage, estimated: false }));
        assert_eq!(Count::Nothing.spent(&Bytes::new(), Effort::ByText), None);
    }
}
