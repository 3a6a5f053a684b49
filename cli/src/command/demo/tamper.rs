//! Shows that a changed byte is found: on a copy of the store, never on the store itself.

use std::path::Path;

use anyhow::Context as _;
use comity_ledger::{Leaf, Verdict};
use comity_store::{Reader, StoreError, StoredLeaf};
use comity_vocab::Digest;

use crate::place;

/// What was changed and what verifying said.
pub(super) struct Found {
    pub(super) leaf: u64,
    pub(super) said: String,
}

/// What is done to the copy, in words.
pub(super) const WHAT: &str = "one digit of the time of a denial was changed";
/// The time of a denial, as it stands in the leaf's bytes.
const FIELD: &[u8] = b"\"minute\":";

/// Copies the store, changes one digit of the time of a denial, and verifies the copy.
pub(super) fn tamper(reader: &Reader, folder: &Path) -> anyhow::Result<Found> {
    let copy = folder.join("changed-copy.db");
    reader.copy_to(&copy).map_err(place::failure)?;
    let leaf = a_denial(reader)?;
    change(&copy, &leaf)?;
    match Reader::open(&copy).and_then(|reader| reader.verify()) {
        Err(StoreError::Tampered { index, what }) => Ok(Found { leaf: index, said: what.to_string() }),
        Err(error) => Err(place::failure(error).into()),
        Ok(_) => anyhow::bail!("a changed byte in leaf {} was not found", leaf.index),
    }
}

/// A permit and a denial of the demo, for those who want to know why.
pub(super) fn examples(reader: &Reader) -> anyhow::Result<Vec<(&'static str, Digest)>> {
    let named = [("permit", Verdict::Permit), ("denial", Verdict::Denial)];
    named.into_iter().map(|(name, verdict)| Ok((name, first(reader, verdict)?.1))).collect()
}

fn a_denial(reader: &Reader) -> anyhow::Result<StoredLeaf> {
    Ok(first(reader, Verdict::Denial)?.0)
}

/// The first decision with that verdict.
fn first(reader: &Reader, verdict: Verdict) -> anyhow::Result<(StoredLeaf, Digest)> {
    let size = reader.size().map_err(place::failure)?;
    let leaves = reader.leaves(0, usize::try_from(size)?).map_err(place::failure)?;
    let decision = |leaf: &Leaf| match leaf {
        Leaf::Decision(leaf) if leaf.verdict == verdict => Some(leaf.decision),
        Leaf::Decision(_) | Leaf::Outcome(_) | Leaf::Event(_) => None,
    };
    let mut found = leaves.into_iter().filter_map(|stored| decision(&stored.leaf).map(|digest| (stored, digest)));
    found.next().context("the demo lacks a permit or a denial")
}

fn change(copy: &Path, leaf: &StoredLeaf) -> anyhow::Result<()> {
    let mut file = std::fs::read(copy)?;
    let at = position(&file, &leaf.bytes).context("the leaf is not in the copy")?;
    let digit = at + position(&leaf.bytes, FIELD).context("the leaf has no time")? + FIELD.len();
    let byte = file.get_mut(digit).context("the leaf has no time")?;
    *byte = if *byte == b'9' { b'8' } else { *byte + 1 };
    Ok(std::fs::write(copy, file)?)
}

fn position(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}
