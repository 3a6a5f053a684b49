//! Every bound of this room, with its reason.

/// Bytes of one leaf: an entry in a tile bundle has a 16-bit length (C2SP tlog-tiles).
pub const LEAF_BYTES_MAX: usize = 65_535;

/// Leaves in one tree: positions of stored hashes run to twice this and must fit a signed 64-bit column.
pub const TREE_SIZE_MAX: u64 = 1 << 61;

/// Hashes in one proof: a path through a tree of [`TREE_SIZE_MAX`] leaves, and the one hash that a consistency proof may start with.
pub const PROOF_HASHES_MAX: usize = 62;

/// Offerings that a decision leaf names of those it considered: more than people list by hand; the fact record names all.
pub const CANDIDATES_NAMED_MAX: usize = 32;
/// Bytes of one signed note: [`NOTE_SIGNATURES_MAX`] post-quantum signatures of 5 kB in base64, and a text.
pub const NOTE_BYTES_MAX: usize = 1_000_000;

/// Signatures on one note (the specification asks for at least 16): every witness of a policy with an old, a new and a post-quantum key.
pub const NOTE_SIGNATURES_MAX: usize = 144;

/// The highest level of tiles: hashes of level 8 would cover 2^64 leaves.
pub const TILE_LEVEL_MAX: u8 = 7;

/// Tiles kept while proofs are made from them: those of four paths through the deepest tree.
pub const TILES_KEPT_MAX: usize = 32;

/// Bytes of one policy: every line of [`POLICY_LINES_MAX`] with a key and a URL.
pub const POLICY_BYTES_MAX: usize = 256 * 1024;

/// Logs, witnesses and groups of one policy, each (the specification asks for at least 32).
pub const POLICY_LINES_MAX: usize = 64;

/// Bytes of extra data in a proof file: a whole leaf fits.
pub const PROOF_EXTRA_BYTES_MAX: usize = 65_536;

/// Bytes of one proof file: extra data in base64, hashes and a checkpoint.
pub const PROOF_FILE_BYTES_MAX: usize = NOTE_BYTES_MAX + 96 * 1024;

/// Lines of proof in a request to a witness, as its specification bounds them.
pub const WITNESS_HASHES_MAX: usize = 63;
