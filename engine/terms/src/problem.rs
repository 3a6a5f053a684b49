//! What is wrong with terms, where, and how to mend it.

use std::fmt;

/// One problem in one layer, with its place in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TermsProblem {
    /// The file or pack that the layer came from.
    pub path: String,
    /// Counted from 1.
    pub line: usize,
    /// Counted from 1, in characters.
    pub column: usize,
    /// The whole line of text at that place.
    pub snippet: String,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
}

impl TermsProblem {
    /// A problem at the byte `offset` of `text`.
    pub(crate) fn at(place: Place<'_>, message: String, hint: Option<String>) -> Self {
        let before = place.text.get(..place.offset).unwrap_or(place.text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let snippet = place.text.get(line_start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
        Self {
            path: place.path.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before.get(line_start..).map_or(0, |part| part.chars().count()) + 1,
            snippet: snippet.to_owned(),
            message,
            hint,
        }
    }
}

/// A byte offset in the text of a file.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) path: &'a str,
    pub(crate) text: &'a str,
    pub(crate) offset: usize,
}

impl fmt::Display for TermsProblem {
    /// `path:line:column: message`, the line with a caret, and the hint.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}:{}:{}: {}", self.path, self.line, self.column, self.message)?;
        let number = self.line.to_string();
        let margin = " ".repeat(number.len());
        writeln!(f, "{margin} |")?;
        writeln!(f, "{number} | {}", self.snippet)?;
        write!(f, "{margin} | {}^", " ".repeat(self.column.saturating_sub(1)))?;
        if let Some(hint) = &self.hint {
            write!(f, "\n{margin} = hint: {hint}")?;
        }
        Ok(())
    }
}
