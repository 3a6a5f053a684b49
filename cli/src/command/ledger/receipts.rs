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

/// Receipts by the index of their leaf.
pub(crate) struct Receipts(BTreeMap<u64, Receipt>);

/// What the header says beside the index.
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
        let mut receipts = BTreeMap::new();
        for (number, line) in lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
            let (leaf, receipt) = parse(line).ok_or_else(|| {
                Failure::new(Exit::Usage, format!("`{}`, line {number}: not a receipt", path.display()))
                    .hint("put the value of the header `comity-leaf` into a line: `17; sequence=3; salt=0f…`")
            })?;
            receipts.insert(leaf, receipt);
        }
        Ok(Self(receipts))
    }

    /// Compares one entry of the log with its receipt, if there is one; the receipt is used up.
    pub(crate) fn compare(&mut self, index: u64, entry: &[u8], checked: &mut Checked) -> Result<(), String> {
        let Some(receipt) = self.0.remove(&index) else { return Ok(()) };
        let Ok(Leaf::Decision(leaf)) = Leaf::from_bytes(entry) else { return Err("a receipt names it, and it is no decision".to_owned()) };
        let expected = commitment("sequence", &receipt.salt, &receipt.sequence.to_be_bytes());
        if leaf.commitments.sequence != expected {
            return Err(format!("a receipt says that it is call {} of its key, and it is not", receipt.sequence));
        }
        checked.found = checked.found.saturating_add(1);
        Ok(())
    }

    /// Of a log of `size` leaves that were all compared: what is left, which must lie beyond it.
    pub(crate) fn finish(self, size: u64, checked: &mut Checked) -> Result<(), String> {
        if let Some((index, _)) = self.0.iter().find(|(index, _)| **index < size) {
            return Err(format!("leaf {index} was not compared with its receipt: it was pruned"));
        }
        checked.later = u64::try_from(self.0.len()).unwrap_or(u64::MAX);
        Ok(())
    }

    /// Numbers between the first and the last that no receipt names: calls whose receipts the client itself did not keep.
    pub(crate) fn gaps(&self) -> u64 {
        let numbers: BTreeSet<u64> = self.0.values().map(|receipt| receipt.sequence).collect();
        match (numbers.first(), numbers.last()) {
            (Some(first), Some(last)) => (last - first + 1).saturating_sub(u64::try_from(numbers.len()).unwrap_or(u64::MAX)),
            _ => 0,
        }
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
            Receipts(numbers.iter().map(|number| (number * 2, Receipt { sequence: *number, salt: [0; 32] })).collect()).gaps()
        };
        assert_eq!([receipts(&[]), receipts(&[5]), receipts(&[1, 2, 3]), receipts(&[1, 4, 6])], [0, 0, 0, 3]);
    }
}
