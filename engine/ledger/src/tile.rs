//! Tiles and entry bundles (C2SP tlog-tiles): which of them a tree has, what they are called, what is in them.
//!
//! One tile has one path; any other spelling is refused. Nothing here believes a tile: its hashes are bytes until an audit or a proof has led
//! them to a root.

use std::fmt;
use std::str::FromStr;

use comity_vocab::Digest;

use crate::limits::{LEAF_BYTES_MAX, TILE_LEVEL_MAX, TREE_SIZE_MAX};
use crate::line;
use crate::tree::{Hashes, StoredAt, TreeError};

/// Hashes in a full tile, entries in a full bundle.
pub const TILE_WIDTH: u16 = 256;

/// The place of a tile: `width` hashes of level `level`, from number `256 × number` on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileAt {
    level: u8,
    number: u64,
    width: u16,
}

/// The place of a bundle: `width` entries from number `256 × number` on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BundleAt {
    number: u64,
    width: u16,
}

/// Bytes or a path that are not those of a tile or bundle.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TileError {
    /// Not the one spelling of a path.
    #[error("`{0}` is not the path of a tile or bundle")]
    Path(String),
    /// A tile of the wrong length.
    #[error("{found} bytes instead of {expected}")]
    Length {
        /// The length in bytes.
        found: usize,
        /// 32 bytes per hash.
        expected: usize,
    },
    /// A bundle that ends in the middle of an entry.
    #[error("it ends within entry {0}")]
    Truncated(u64),
    /// A bundle with more in it than its entries.
    #[error("{0} bytes follow the last entry")]
    Trailing(usize),
    /// Too few or too many entries for the place.
    #[error("{found} entries instead of {expected}")]
    Entries {
        /// How many there are.
        found: usize,
        /// How many belong there.
        expected: u16,
    },
    /// An entry longer than [`LEAF_BYTES_MAX`].
    #[error("entry {index} has {length} bytes, at most {LEAF_BYTES_MAX} fit a bundle")]
    EntryTooLong {
        /// Its index in the log.
        index: u64,
        /// Its length in bytes.
        length: usize,
    },
}

/// Every tile of a tree of `size` leaves, partial ones too: level by level, from left to right.
pub fn tiles(size: u64) -> impl Iterator<Item = TileAt> {
    new_tiles(0, size)
}

/// The tiles that a tree of `size` leaves has and its beginning of `old` leaves had not, or only in part.
pub fn new_tiles(old: u64, size: u64) -> impl Iterator<Item = TileAt> {
    let size = size.min(TREE_SIZE_MAX);
    (0..=TILE_LEVEL_MAX).flat_map(move |level| {
        let [from, to] = [old, size].map(|leaves| leaves >> (8 * level));
        changed(from, to).filter_map(move |number| TileAt::in_tree(level, number, size))
    })
}

/// Every bundle of a log of `size` entries, the partial one too.
pub fn bundles(size: u64) -> impl Iterator<Item = BundleAt> {
    new_bundles(0, size)
}

/// The bundles that a log of `size` entries has and its beginning of `old` entries had not, or only in part.
pub fn new_bundles(old: u64, size: u64) -> impl Iterator<Item = BundleAt> {
    let size = size.min(TREE_SIZE_MAX);
    changed(old, size).filter_map(move |number| BundleAt::in_log(number, size))
}

/// Numbers of the groups of 256 that change when `from` things become `to`.
fn changed(from: u64, to: u64) -> std::ops::Range<u64> {
    if from < to { from / 256..to.div_ceil(256) } else { 0..0 }
}

/// How much of group `number` is there when there are `count` things.
fn width(number: u64, count: u64) -> Option<u16> {
    let left = count.checked_sub(number.checked_mul(256)?)?;
    u16::try_from(left.min(256)).ok().filter(|width| *width > 0)
}

// === impl TileAt ===

impl TileAt {
    /// The tile `number` of `level` (0 holds the hashes of leaves) as far as a tree of `size` leaves has it; none if it has nothing of it.
    #[must_use]
    pub fn in_tree(level: u8, number: u64, size: u64) -> Option<Self> {
        let possible = level <= TILE_LEVEL_MAX && size <= TREE_SIZE_MAX;
        let width = possible.then(|| width(number, size >> (8 * level))).flatten()?;
        Some(Self { level, number, width })
    }

    /// The level: each hash covers 256^level leaves.
    #[must_use]
    pub const fn level(self) -> u8 {
        self.level
    }

    /// The how many'th tile of its level.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.number
    }

    /// How many hashes: 256, or fewer in a partial tile.
    #[must_use]
    pub const fn width(self) -> u16 {
        self.width
    }

    /// Whether it is full, and so will never change.
    #[must_use]
    pub const fn is_full(self) -> bool {
        self.width == TILE_WIDTH
    }

    /// The same tile when it is full.
    #[must_use]
    pub const fn full(self) -> Self {
        Self { width: TILE_WIDTH, ..self }
    }

    /// Whether a log with this minimum index need not serve it any more: full, and all that it covers lies below.
    #[must_use]
    pub fn is_pruned_below(self, minimum: u64) -> bool {
        let end = (u128::from(self.number) + 1) << (8 * (u32::from(self.level) + 1));
        self.is_full() && end <= u128::from(minimum)
    }

    /// The places of its hashes, in their order.
    pub fn hashes(self) -> impl Iterator<Item = StoredAt> {
        let first = self.number * 256;
        (first..first + u64::from(self.width)).map(move |number| StoredAt { level: 8 * self.level, number })
    }

    /// Its bytes, from stored hashes.
    ///
    /// # Errors
    /// [`TreeError`] when a hash is missing.
    pub fn bytes(self, hashes: &impl Hashes) -> Result<Vec<u8>, TreeError> {
        let mut bytes = Vec::with_capacity(32 * usize::from(self.width));
        for at in self.hashes() {
            bytes.extend_from_slice(hashes.hash(at)?.as_bytes());
        }
        Ok(bytes)
    }

    /// The hashes in `bytes`: exactly as many as belong here.
    ///
    /// # Errors
    /// [`TileError::Length`].
    pub fn decode(self, bytes: &[u8]) -> Result<Vec<Digest>, TileError> {
        let expected = 32 * usize::from(self.width);
        if bytes.len() != expected {
            return Err(TileError::Length { found: bytes.len(), expected });
        }
        let (hashes, _) = bytes.as_chunks::<32>();
        Ok(hashes.iter().copied().map(Digest::from_bytes).collect())
    }
}

/// `tile/<level>/<number>`, with `.p/<width>` if partial.
impl fmt::Display for TileAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tile/{}/{}", self.level, Suffix(self.number, self.width))
    }
}

impl FromStr for TileAt {
    type Err = TileError;

    fn from_str(path: &str) -> Result<Self, TileError> {
        let tile = || {
            let (level, rest) = path.strip_prefix("tile/")?.split_once('/')?;
            let level = u8::try_from(line::decimal(level)?).ok().filter(|level| *level <= TILE_LEVEL_MAX)?;
            let Suffix(number, width) = Suffix::parse(rest)?;
            Some(Self { level, number, width })
        };
        let exists = |tile: &Self| within_a_tree((tile.number, tile.width), 8 * u32::from(tile.level));
        tile().filter(exists).filter(|tile| tile.to_string() == path).ok_or_else(|| bad_path(path))
    }
}

// === impl BundleAt ===

impl BundleAt {
    /// Bundle `number` as far as a log of `size` entries has it; none if it has nothing of it.
    #[must_use]
    pub fn in_log(number: u64, size: u64) -> Option<Self> {
        let width = (size <= TREE_SIZE_MAX).then(|| width(number, size)).flatten()?;
        Some(Self { number, width })
    }

    /// The how many'th bundle.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.number
    }

    /// How many entries: 256, or fewer in the partial bundle at the end.
    #[must_use]
    pub const fn width(self) -> u16 {
        self.width
    }

    /// The index of its first entry.
    #[must_use]
    pub const fn first(self) -> u64 {
        self.number * 256
    }

    /// Whether it is full, and so will never change.
    #[must_use]
    pub const fn is_full(self) -> bool {
        self.width == TILE_WIDTH
    }

    /// The same place when it is full.
    #[must_use]
    pub const fn full(self) -> Self {
        Self { width: TILE_WIDTH, ..self }
    }

    /// Whether a log with this minimum index need not serve it any more.
    #[must_use]
    pub const fn is_pruned_below(self, minimum: u64) -> bool {
        self.is_full() && (self.number + 1) * 256 <= minimum
    }

    /// The level-0 tile over the same entries.
    #[must_use]
    pub const fn tile(self) -> TileAt {
        TileAt { level: 0, number: self.number, width: self.width }
    }

    /// The bytes of the bundle of `entries`: each with its length (u16, big endian) before it.
    ///
    /// # Errors
    /// [`TileError::Entries`] or [`TileError::EntryTooLong`].
    pub fn encode<'a>(self, entries: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<u8>, TileError> {
        let mut bytes = Vec::new();
        let mut found = 0;
        for (index, entry) in (self.first()..).zip(entries) {
            let length = u16::try_from(entry.len()).map_err(|_| TileError::EntryTooLong { index, length: entry.len() })?;
            bytes.extend_from_slice(&length.to_be_bytes());
            bytes.extend_from_slice(entry);
            found += 1;
        }
        if found == usize::from(self.width) { Ok(bytes) } else { Err(TileError::Entries { found, expected: self.width }) }
    }

    /// The entries in `bytes`: exactly as many as belong here, and nothing after them.
    ///
    /// # Errors
    /// [`TileError::Truncated`] or [`TileError::Trailing`].
    pub fn decode(self, bytes: &[u8]) -> Result<Vec<&[u8]>, TileError> {
        let mut rest = bytes;
        let mut entries = Vec::with_capacity(usize::from(self.width));
        for index in self.first()..self.first() + u64::from(self.width) {
            let (length, tail) = rest.split_first_chunk::<2>().ok_or(TileError::Truncated(index))?;
            let length = usize::from(u16::from_be_bytes(*length));
            let (entry, tail) = tail.split_at_checked(length).ok_or(TileError::Truncated(index))?;
            entries.push(entry);
            rest = tail;
        }
        if rest.is_empty() { Ok(entries) } else { Err(TileError::Trailing(rest.len())) }
    }
}

/// `tile/entries/<number>`, with `.p/<width>` if partial.
impl fmt::Display for BundleAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tile/entries/{}", Suffix(self.number, self.width))
    }
}

impl FromStr for BundleAt {
    type Err = TileError;

    fn from_str(path: &str) -> Result<Self, TileError> {
        let bundle = path.strip_prefix("tile/entries/").and_then(Suffix::parse).map(|Suffix(number, width)| Self { number, width });
        let exists = |bundle: &Self| within_a_tree((bundle.number, bundle.width), 0);
        bundle.filter(exists).filter(|bundle| bundle.to_string() == path).ok_or_else(|| bad_path(path))
    }
}

/// Number and width as paths write them: `x001/x234/067`, then `.p/<width>` if partial.
struct Suffix(u64, u16);

impl Suffix {
    /// Reads number and width in any spelling; the caller compares with the one spelling.
    fn parse(text: &str) -> Option<Self> {
        let (number, width) = match text.split_once(".p/") {
            Some((number, width)) => (number, u16::try_from(line::decimal(width)?).ok().filter(|width| (1..TILE_WIDTH).contains(width))?),
            None => (text, TILE_WIDTH),
        };
        let digits: String = number.chars().filter(char::is_ascii_digit).take(24).collect();
        Some(Self(digits.parse().ok()?, width))
    }
}

impl fmt::Display for Suffix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut groups = vec![self.0 % 1_000];
        let mut rest = self.0 / 1_000;
        while rest > 0 {
            groups.push(rest % 1_000);
            rest /= 1_000;
        }
        for (left, group) in groups.iter().enumerate().rev() {
            if left > 0 {
                write!(f, "x{group:03}/")?;
            } else {
                write!(f, "{group:03}")?;
            }
        }
        if self.1 == TILE_WIDTH { Ok(()) } else { write!(f, ".p/{}", self.1) }
    }
}

/// Whether a tree can have hashes of 2^`height` leaves up to the end of this group.
fn within_a_tree((number, width): (u64, u16), height: u32) -> bool {
    (u128::from(number) * 256 + u128::from(width)) << height <= u128::from(TREE_SIZE_MAX)
}

fn bad_path(path: &str) -> TileError {
    TileError::Path(path.chars().take(100).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(at: impl Iterator<Item = impl ToString>) -> Vec<String> {
        at.map(|at| at.to_string()).collect()
    }

    #[test]
    fn paths_are_those_of_the_specification() {
        assert_eq!(Suffix(1_234_067, 256).to_string(), "x001/x234/067");
        for path in ["tile/0/x001/x234/067", "tile/7/000.p/32", "tile/2/000.p/1", "tile/0/x009/x007/x199/x254/x740/991"] {
            assert_eq!(path.parse::<TileAt>().unwrap().to_string(), path);
        }
        for path in ["tile/entries/000", "tile/entries/x001/000.p/255"] {
            assert_eq!(path.parse::<BundleAt>().unwrap().to_string(), path);
        }
    }

    #[test]
    fn any_other_spelling_is_refused() {
        for path in [
            "",
            "tile/0",
            "tile/0/",
            "tile/0/1",
            "tile/0/01",
            "tile/0/0001",
            "tile/0/x000/001",
            "tile/0/x001",
            "tile/0/001/002",
            "tile/00/001",
            "tile/8/000.p/1",
            "tile/63/000",
            "tile/64/000",
            "tile/-1/000",
            "tile/0/000.p/0",
            "tile/0/000.p/256",
            "tile/0/000.p/01",
            "tile/0/000.p/",
            "tile/0/000.p",
            "tile/0/000.p/1/",
            "/tile/0/000",
            "tile//000",
            "tile/0/00a",
            "tile/0/x001/x234/67",
            "tile/0/999999999999999999999999",
            "tile/7/000",
            "tile/7/000.p/33",
            "tile/0/x999/x999/x999/x999/x999/x999/999",
            "tile/data/000",
            "tile/entries/000",
        ] {
            assert_eq!(path.parse::<TileAt>(), Err(TileError::Path(path.to_owned())));
        }
        for path in ["tile/entries/0", "tile/entries/", "tile/entries/x000/000", "tile/0/000", "entries/000", "tile/entries/000.p/256"] {
            assert_eq!(path.parse::<BundleAt>(), Err(TileError::Path(path.to_owned())));
        }
    }

    #[test]
    fn a_tree_of_70_000_leaves_has_the_tiles_of_the_specification() {
        let all: Vec<TileAt> = tiles(70_000).collect();
        let count = |level: u8, full: bool| all.iter().filter(|tile| tile.level == level && tile.is_full() == full).count();
        assert_eq!([count(0, true), count(1, true), count(2, true)], [273, 1, 0]);
        let partial: Vec<String> = paths(all.iter().filter(|tile| !tile.is_full()));
        assert_eq!(partial, ["tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"]);
        assert_eq!(bundles(70_000).count(), 274);
        assert_eq!(paths(tiles(256)), ["tile/0/000", "tile/1/000.p/1"]);
        assert_eq!(tiles(0).count() + bundles(0).count(), 0);
        assert_eq!(TileAt::in_tree(7, 0, TREE_SIZE_MAX).map(TileAt::width), Some(32));
    }

    #[test]
    fn growing_changes_the_right_edge_only() {
        assert_eq!(paths(new_tiles(255, 257)), ["tile/0/000", "tile/0/001.p/1", "tile/1/000.p/1"]);
        assert_eq!(paths(new_tiles(257, 258)), ["tile/0/001.p/2"]);
        assert_eq!(paths(new_bundles(256, 257)), ["tile/entries/001.p/1"]);
        assert_eq!(new_tiles(258, 258).count() + new_bundles(300, 200).count(), 0);
    }

    #[test]
    fn only_full_tiles_wholly_below_the_minimum_are_pruned() {
        let pruned = |path: &str, minimum| path.parse::<TileAt>().unwrap().is_pruned_below(minimum);
        assert_eq!([pruned("tile/0/001", 511), pruned("tile/0/001", 512), pruned("tile/1/000", 65_535)], [false, true, false]);
        assert_eq!([pruned("tile/1/000", 65_536), pruned("tile/0/001.p/2", 512), pruned("tile/7/000.p/1", u64::MAX)], [true, false, false]);
        let bundle: BundleAt = "tile/entries/001".parse().unwrap();
        assert_eq!([bundle.is_pruned_below(511), bundle.is_pruned_below(512)], [false, true]);
    }

    #[test]
    fn a_tile_says_which_hashes_it_holds() {
        let at: Vec<StoredAt> = TileAt::in_tree(1, 1, 70_000).unwrap().hashes().collect();
        assert_eq!((at.len(), at[0], at[16]), (17, StoredAt { level: 8, number: 256 }, StoredAt { level: 8, number: 272 }));
    }

    #[test]
    fn a_bundle_is_read_back_and_nothing_else_is() {
        let at = BundleAt::in_log(1, 259).unwrap();
        let longest = vec![7; LEAF_BYTES_MAX];
        let entries: [&[u8]; 3] = [b"one", b"", &longest];
        let bytes = at.encode(entries).unwrap();
        assert_eq!(bytes[..7], [0, 3, b'o', b'n', b'e', 0, 0]);
        assert_eq!(at.decode(&bytes).unwrap(), entries);
        assert_eq!(at.decode(&bytes[..6]), Err(TileError::Truncated(257)));
        assert_eq!(at.decode(&bytes[..20]), Err(TileError::Truncated(258)));
        assert_eq!(at.decode(&[&bytes[..], b"x"].concat()), Err(TileError::Trailing(1)));
        assert_eq!(at.encode([b"one".as_slice()]), Err(TileError::Entries { found: 1, expected: 3 }));
        let too_long = vec![0; LEAF_BYTES_MAX + 1];
        assert_eq!(at.encode([too_long.as_slice()]), Err(TileError::EntryTooLong { index: 256, length: 65_536 }));
    }

    #[test]
    fn a_tile_has_exactly_its_hashes() {
        let at = TileAt::in_tree(0, 0, 2).unwrap();
        assert_eq!(at.decode(&[1; 64]), Ok(vec![Digest::from_bytes([1; 32]); 2]));
        assert_eq!(at.decode(&[1; 63]).unwrap_err().to_string(), "63 bytes instead of 64");
    }
}
