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

/// Numbers without a receipt that are named.
const GAPS_NAMED_MAX: usize = 5;

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
    /// Leaf and number of receipts that could not be compared: the leaf was pruned, or the checkpoint does not cover it.
    pub(crate) not_covered: Vec<(u64, u64)>,
    /// Numbers between the first and the last for which no receipt was given.
    pub(crate) without_receipt: u64,
    /// The first few of them.
    pub(crate) first_without: Vec<u64>,
}

// === impl Receipts ===

impl Receipts {
    /// Reads a file with one header's value in a line: `17; sequence=3; salt=0f…`. Empty lines and lines with `#` do not count.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let text = String::from_utf8(read(path)?).with_context(|| format!("`{}` is not text", path.display()))?;
        let lines = text.lines().enumerate().map(|(at, line)| (at.saturating_add(1), line.trim()));
        let (mut left, mut numbers) = (BTreeMap::new(), BTreeSet::new());
        for (number, line) in lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
            let (leaf, receipt) = parse(line).ok_or_else(|| {
                Failure::new(Exit::Usage, format!("`{}`, line {number}: not a receipt", path.display()))
                    .hint("put the value of the header `comity-leaf` into a line: `17; sequence=3; salt=0f…`")
            })?;
            if left.contains_key(&leaf) || !numbers.insert(receipt.sequence) {
                let what = format!("line {number}: another answer came with leaf {leaf} or number {}", receipt.sequence);
                return Err(Failure::new(Exit::VerificationFailed, format!("`{}`, {what}: a call was hidden", path.display()))
                    .hint("each answer has a leaf and a number of its own; give the receipts of one API key, each once")
                    .into());
            }
            left.insert(leaf, receipt);
        }
        if left.is_empty() {
            return Err(Failure::new(Exit::Usage, format!("there is no receipt in `{}`", path.display()))
                .hint("put the value of the header `comity-leaf` of each answer into a line")
                .into());
        }
        let (without_receipt, first_without) = gaps(&numbers);
        let checked = Checked { found: 0, not_covered: Vec::new(), without_receipt, first_without };
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

    /// What came of it, once all leaves that there are were compared.
    pub(crate) fn finish(mut self) -> Result<Checked, String> {
        if let Some(wrong) = self.wrong {
            return Err(wrong);
        }
        self.checked.not_covered = self.left.iter().map(|(leaf, receipt)| (*leaf, receipt.sequence)).collect();
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

/// How many numbers between the first and the last no receipt names, calls whose receipts the client itself did not keep; and the first of them.
fn gaps(numbers: &BTreeSet<u64>) -> (u64, Vec<u64>) {
    let (Some(first), Some(last)) = (numbers.first(), numbers.last()) else { return (0, Vec::new()) };
    let given = u64::try_from(numbers.len()).unwrap_or(u64::MAX);
    let count = (last - first).saturating_add(1).saturating_sub(given);
    let wanted = usize::try_from(count).unwrap_or(usize::MAX).min(GAPS_NAMED_MAX);
    (count, (*first..=*last).filter(|number| !numbers.contains(number)).take(wanted).collect())
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
    fn numbers_without_receipt_are_counted_and_the_first_named() {
        let gaps = |numbers: &[u64]| gaps(&numbers.iter().copied().collect());
        assert_eq!([gaps(&[]), gaps(&[5]), gaps(&[3, 1, 2])], [(0, vec![]), (0, vec![]), (0, vec![])]);
        assert_eq!(gaps(&[1, 4, 6]), (3, vec![2, 3, 5]));
        assert_eq!(gaps(&[0, u64::MAX]), (u64::MAX - 2, vec![1, 2, 3, 4, 5]));
    }
}
