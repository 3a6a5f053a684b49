//! Reads TOML with places: every value knows its line, and every problem is kept, so that a person mends a file in one go.
//!
//! Nothing here knows what a fact is.

use std::ops::Range;

use jiff::civil::Date;
use toml::Spanned;
use toml::de::{DeArray, DeString, DeTable, DeValue};

use crate::catalogue::SourceFile;
use crate::problem::{Problem, Severity};

/// A value and where it stands.
pub(crate) type Node<'t> = Spanned<DeValue<'t>>;
/// A key and where it stands.
pub(crate) type Key<'t> = Spanned<DeString<'t>>;
/// A part of the file, in bytes.
pub(crate) type Span = Range<usize>;

/// One file being read, and everything found wrong with any file so far.
pub(crate) struct Reader<'f, 'p> {
    /// The place of the file in the order of files: later ones override.
    pub(crate) file: usize,
    source: &'f SourceFile,
    /// The byte at which each line starts.
    lines: Vec<usize>,
    problems: &'p mut Vec<Problem>,
}

/// A message and what to do about it.
pub(crate) struct Complaint {
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

impl Complaint {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

// === impl Reader ===

impl<'f, 'p> Reader<'f, 'p> {
    pub(crate) fn new(file: usize, source: &'f SourceFile, problems: &'p mut Vec<Problem>) -> Self {
        Self { file, source, lines: line_starts(&source.text), problems }
    }

    /// The file's tables; what does not parse becomes a problem and is left out.
    pub(crate) fn tables(&mut self) -> DeTable<'f> {
        let (tables, errors) = DeTable::parse_recoverable(&self.source.text);
        for error in errors {
            self.error(error.span().unwrap_or(0..0), Complaint::new(format!("not TOML: {}", error.message())));
        }
        tables.into_inner()
    }

    pub(crate) fn error(&mut self, span: Span, complaint: Complaint) {
        self.push(span, complaint, Severity::Error);
    }

    pub(crate) fn warn(&mut self, span: Span, complaint: Complaint) {
        self.push(span, complaint, Severity::Warning);
    }

    fn push(&mut self, span: Span, complaint: Complaint, severity: Severity) {
        let (line, column) = self.place(span.start);
        let path = self.source.path.clone();
        let Complaint { message, hint } = complaint;
        self.problems.push(Problem { path, line: Some(line), column: Some(column), message, hint, severity });
    }

    /// The path of the file.
    pub(crate) fn path(&self) -> &str {
        &self.source.path
    }

    /// The line of a span, counted from 1.
    pub(crate) fn line(&self, span: &Span) -> usize {
        self.place(span.start).0
    }

    /// Complains of every key that is not among `allowed`.
    pub(crate) fn only(&mut self, table: &DeTable<'_>, what: &str, allowed: &[&str]) {
        for (key, _) in table.iter() {
            if !allowed.contains(&key.get_ref().as_ref()) {
                self.unknown_key(key, what, allowed);
            }
        }
    }

    pub(crate) fn unknown_key(&mut self, key: &Key<'_>, what: &str, allowed: &[&str]) {
        let name = key.get_ref();
        let hint = nearest(name, allowed.iter().copied())
            .map_or_else(|| format!("the keys of {what} are: {}", allowed.join(", ")), |near| format!("did you mean `{near}`?"));
        self.error(key.span(), Complaint::new(format!("unknown key `{name}` in {what}")).hint(hint));
    }

    pub(crate) fn text<'n>(&mut self, node: &'n Node<'_>, what: &str) -> Option<&'n str> {
        match node.get_ref() {
            // Text is shown in terminals and spreadsheets.
            DeValue::String(text) if text.chars().any(char::is_control) => {
                self.mismatch(node, Complaint::new(format!("`{what}` has a line break or another control character in it")))
            }
            DeValue::String(text) if !text.trim().is_empty() => Some(text.as_ref()),
            DeValue::String(_) => self.mismatch(node, Complaint::new(format!("`{what}` is empty"))),
            DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Array(_)
            | DeValue::Table(_) => self.mismatch(node, Complaint::new(format!("`{what}` must be text in quotes"))),
        }
    }

    pub(crate) fn table<'n, 't>(&mut self, node: &'n Node<'t>, what: &str) -> Option<&'n DeTable<'t>> {
        let table = node.get_ref().as_table();
        table.or_else(|| self.mismatch(node, Complaint::new(format!("`{what}` must be a table"))))
    }

    pub(crate) fn array<'n, 't>(&mut self, node: &'n Node<'t>, what: &str) -> Option<&'n DeArray<'t>> {
        let array = node.get_ref().as_array();
        array.or_else(|| self.mismatch(node, Complaint::new(format!("`{what}` must be a list in `[…]`"))))
    }

    pub(crate) fn flag(&mut self, node: &Node<'_>, what: &str) -> Option<bool> {
        let flag = node.get_ref().as_bool();
        flag.or_else(|| self.mismatch(node, Complaint::new(format!("`{what}` must be true or false"))))
    }

    /// A whole number from 0.
    pub(crate) fn number(&mut self, node: &Node<'_>, what: &str) -> Option<u64> {
        let number = node.get_ref().as_integer().and_then(|number| u64::from_str_radix(number.as_str(), number.radix()).ok());
        number.or_else(|| self.mismatch(node, Complaint::new(format!("`{what}` must be a whole number from 0"))))
    }

    pub(crate) fn date(&mut self, node: &Node<'_>, what: &str) -> Option<Date> {
        let given = node.get_ref().as_datetime().filter(|given| given.time.is_none() && given.offset.is_none());
        let date = given.and_then(|given| given.date).and_then(|date| {
            let year = i16::try_from(date.year).ok()?;
            Date::new(year, i8::try_from(date.month).ok()?, i8::try_from(date.day).ok()?).ok()
        });
        date.or_else(|| {
            let complaint = Complaint::new(format!("`{what}` must be a date"));
            self.mismatch(node, complaint.hint(format!("write it without quotes: `{what} = 2026-01-31`")))
        })
    }

    /// Line and column of a byte, both counted from 1, the column in characters.
    fn place(&self, at: usize) -> (usize, usize) {
        let line = self.lines.partition_point(|start| *start <= at).max(1);
        let start = self.lines.get(line - 1).copied().unwrap_or_default();
        let before = self.source.text.get(start..at).unwrap_or_default();
        (line, before.chars().count() + 1)
    }

    fn mismatch<T>(&mut self, node: &Node<'_>, complaint: Complaint) -> Option<T> {
        self.error(node.span(), complaint);
        None
    }
}

/// The value of `key`.
pub(crate) fn get<'n, 't>(table: &'n DeTable<'t>, key: &str) -> Option<&'n Node<'t>> {
    table.iter().find(|(name, _)| name.get_ref() == key).map(|(_, node)| node)
}

/// The one of `words` that someone who wrote `given` most likely meant.
pub(crate) fn nearest<'w>(given: &str, words: impl IntoIterator<Item = &'w str>) -> Option<&'w str> {
    const EDITS_MAX: usize = 3;
    let edits = |word: &str| strsim::damerau_levenshtein(given, word);
    let near = words.into_iter().map(|word| (edits(word), word)).min()?;
    let allowed = EDITS_MAX.min(given.chars().count().div_ceil(3));
    (near.0 <= allowed).then_some(near.1)
}

fn line_starts(text: &str) -> Vec<usize> {
    let after_breaks = text.match_indices('\n').map(|(at, _)| at + 1);
    std::iter::once(0).chain(after_breaks).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_characters_from_one() {
        let source = SourceFile { path: "a.toml".to_owned(), text: "ab\nçd".to_owned() };
        let mut problems = Vec::new();
        let reader = Reader::new(0, &source, &mut problems);
        assert_eq!(reader.place(0), (1, 1));
        assert_eq!(reader.place("ab\nç".len()), (2, 2));
        assert_eq!(reader.place(99), (2, 1));
    }

    #[test]
    fn only_near_words_are_suggested() {
        assert_eq!(nearest("retenton", ["retention", "training"]), Some("retention"));
        assert_eq!(nearest("weather", ["retention", "training"]), None);
        assert_eq!(nearest("eeu", ["eea", "eu"]), Some("eea"));
    }
}
