//! Receipts that a client kept: the `comity-leaf` headers of its answers. Each must be found in the log under its number, and none may be missing.
//!
//! That is completeness seen from outside: whoever runs the gateway cannot leave out a call whose receipt somebody holds.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Context as _;
use comity_ledger::{Leaf, commitment};
use comity_vocab::Digest;

use super::given::read;
use crate::exit::{Exit, Failure};

/// Receipts of one API key, and what came of comparing them.
pub(crate) struct Receipts {
    /// Those that were not compared yet, by the index of their leaf.
    left: BTreeMap<u64, Receipt>,
    checked: Checked,
    /// The first that the log does not bear out.
    wrong: Option<String>,
}

/// What the header says beside the index.
#[derive(PartialEq, Eq)]
struct Receipt {
    sequence: u64,
    salt: [u8; 32],
}

/// What was found.
pub(crate) struct Checked {
    /// Receipts that the log bears out.
    pub(crate) found: u64,
    /// Receipts of leaves that the checkpoint does not cover yet.
    pub(crate) later: u64,
    /// Numbers between the first and the last for which no receipt was given.
    pub(crate) without_receipt: u64,
}

// === impl Receipts ===

impl Receipts {
    /// Reads a file with one header's value in a line: `17; sequence=3; salt=0f…`. Empty lines and lines with `#` do not count.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let text = String::from_utf8(read(path)?).with_context(|| format!("`{}` is not text", path.display()))?;
        let lines = text.lines().enumerate().map(|(at, line)| (at.saturating_add(1), line.trim()));
        let mut left = BTreeMap::new();
        for (number, line) in lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
            let (leaf, receipt) = parse(line).ok_or_else(|| {
                Failure::new(Exit::Usage, format!("`{}`, line {number}: not a receipt", path.display()))
                    .hint("put the value of the header `comity-leaf` into a line: `17; sequence=3; salt=0f…`")
            })?;
            if left.get(&leaf).is_some_and(|other| *other != receipt) {
                let message = format!("`{}`, line {number}: another receipt of leaf {leaf} stands above", path.display());
                return Err(Failure::new(Exit::VerificationFailed, message).hint("a leaf has one receipt: one of the two is false").into());
            }
            left.insert(leaf, receipt);
        }
        let checked = Checked { found: 0, later: 0, without_receipt: gaps(&left) };
        Ok(Self { left, checked, wrong: None })
    }

    /// Compares one entry of the log with its receipt, if there is one.
    pub(crate) fn compare(&mut self, index: u64, entry: &[u8]) {
        let Some(receipt) = self.left.remove(&index) else { return };
        match receipt.borne_out(entry) {
            Ok(()) => self.checked.found = self.checked.found.saturating_add(1),
            Err(what) => self.wrong = self.wrong.take().or_else(|| Some(format!("leaf {index}: {what}"))),
        }
    }

    /// What came of it in a log of `size` leaves that were all compared: what is left must lie beyond it.
    pub(crate) fn finish(mut self, size: u64) -> Result<Checked, String> {
        if let Some(wrong) = self.wrong {
            return Err(wrong);
        }
        if let Some((index, _)) = self.left.first_key_value().filter(|(index, _)| **index < size) {
            return Err(format!("leaf {index} was pruned, and cannot be compared with its receipt"));
        }
        self.checked.later = u64::try_from(self.left.len()).unwrap_or(u64::MAX);
        Ok(self.checked)
    }
}

// === impl Receipt ===

impl Receipt {
    fn borne_out(&self, entry: &[u8]) -> Result<(), String> {
        let Ok(Leaf::Decision(leaf)) = Leaf::from_bytes(entry) else { return Err("a receipt names it, and it is no decision".to_owned()) };
        let expected = commitment("sequence", &self.salt, &self.sequence.to_be_bytes());
        if leaf.commitments.sequence == expected {
            return Ok(());
        }
        Err(format!("a receipt says that it is call {} of its key, and it is not", self.sequence))
    }
}

/// Numbers between the first and the last that no receipt names: calls whose receipts the client itself did not keep.
fn gaps(receipts: &BTreeMap<u64, Receipt>) -> u64 {
    let numbers: BTreeSet<u64> = receipts.values().map(|receipt| receipt.sequence).collect();
    match (numbers.first(), numbers.last()) {
        (Some(first), Some(last)) => (last - first).saturating_add(1).saturating_sub(u64::try_from(numbers.len()).unwrap_or(u64::MAX)),
        _ => 0,
    }
}

fn parse(line: &str) -> Option<(u64, Receipt)> {
    let mut parts = line.strip_prefix("comity-leaf:").unwrap_or(line).split(';').map(str::trim);
    let leaf = parts.next()?.parse().ok()?;
    let sequence = parts.next()?.strip_prefix("sequence=")?.parse().ok()?;
    let salt: Digest = parts.next()?.strip_prefix("salt=")?.parse().ok()?;
    parts.next().is_none().then_some((leaf, Receipt { sequence, salt: *salt.as_bytes() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_is_the_headers_value() {
        let salt = "0f".repeat(32);
        for line in [format!("17; sequence=3; salt={salt}"), format!("comity-leaf: 17;sequence=3;salt={salt}")] {
            let (leaf, receipt) = parse(&line).unwrap();
            assert_eq!((leaf, receipt.sequence, receipt.salt), (17, 3, [0x0f; 32]), "{line}");
        }
        for bad in ["17", "17; sequence=x; salt=00", &format!("17; sequence=3; salt={salt}; more=1"), &format!("sequence=3; salt={salt}")] {
            assert!(parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn numbers_without_receipt_are_counted() {
        let receipts = |numbers: &[u64]| {
            gaps(&(0..).zip(numbers).map(|(leaf, number)| (leaf, Receipt { sequence: *number, salt: [0; 32] })).collect())
        };
        assert_eq!(
            [receipts(&[]), receipts(&[5]), receipts(&[1, 2, 3]), receipts(&[1, 4, 6]), receipts(&[0, u64::MAX])],
            [0, 0, 0, 3, u64::MAX - 2]
        );
    }
}
