//! A fact as a person wants to see it: what it says, who says so, how that was read, and whether it counts.

use comity_vocab::Strength;

/// One fact of one offering, as some file gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FactView {
    /// As in the files: `processed_in`, `certificate.iso27001`.
    pub name: String,
    /// For people: `FR, DE`, `2`, `0.40 in, 1.60 out USD per million tokens`, `unknown`.
    pub value: String,
    /// The document; empty for an unknown that nobody looked up.
    pub source: String,
    /// How it was read; nothing if nobody read it.
    pub read: Option<String>,
    /// The day that the fact is of, as `2026-01-31`.
    pub as_of: Option<String>,
    /// What it counts for.
    pub strength: Strength,
    /// What the file says that it counts for, where that is more.
    pub stated_strength: Option<Strength>,
    /// The first day on which it is unknown again, as `2026-01-31`.
    pub expires: Option<String>,
    /// The file that says so.
    pub file: String,
    /// The line in that file.
    pub line: usize,
    /// Whether a later fact counts instead.
    pub overridden: bool,
}
