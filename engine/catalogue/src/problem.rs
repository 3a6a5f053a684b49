//! What is wrong with a catalogue file, where, and what to write instead.
//!
//! A problem speaks to the person who wrote the line, in the words of the file; it never shows the insides of the program.

use std::fmt;

/// One thing to mend in a catalogue file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The file, as it was named to [`crate::Catalogue::parse`].
    pub path: String,
    /// The line, counted from 1; nothing where the whole set of files is meant.
    pub line: Option<usize>,
    /// The column in characters, counted from 1.
    pub column: Option<usize>,
    /// What is wrong; lower case, no full stop.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
    /// Whether the catalogue can be used in spite of it.
    pub severity: Severity,
}

/// Whether a problem keeps the catalogue from loading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The catalogue does not load.
    Error,
    /// It loads; a person should look.
    Warning,
}

impl Severity {
    /// `error` or `warning`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// `path:line:column: message`, without severity and hint.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)?;
        for number in [self.line, self.column].into_iter().flatten() {
            write!(f, ":{number}")?;
        }
        write!(f, ": {}", self.message)
    }
}

impl std::error::Error for Problem {}
