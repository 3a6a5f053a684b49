//! The sentences of a kinds file, tried: what is marked must be found whole and as its kind, and what must not be found is not.
//!
//! In a sentence `«…»` marks what must be found; `¦` is taken out first, so that no whole secret stands in a file. The sentences are made
//! up by whoever wrote the file, so what became of them may be shown. Texts of people never come here.

use std::fmt;
use std::ops::Range;

use super::{Entry, read, short};
use crate::{BuildError, Detector, KindError, Kinds, ScanError};

/// Sentences of each list that a kind should have at least: fewer say little of what it finds in vain.
const SENTENCES_MIN: usize = 3;

/// The sentences of one kinds file.
pub struct Examples {
    name: String,
    text: String,
    entries: Vec<Entry>,
}

/// One sentence, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// The kind whose sentence it is.
    pub kind: String,
    /// Where it stands.
    pub list: ExampleList,
    /// Its place in its list, counted from 1.
    pub number: usize,
    /// The sentence without its marks.
    pub text: String,
    /// The values that are marked in it.
    pub expected: Vec<String>,
    /// What was found, as the name of the kind and the value.
    pub found: Vec<(String, String)>,
    /// Whether that is right.
    pub outcome: ExampleOutcome,
}

/// The two lists of sentences of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExampleList {
    /// What is marked must be found.
    Finds,
    /// Nothing must be found.
    Passes,
}

/// What became of a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExampleOutcome {
    /// All that is marked was found as this kind, and nothing else was.
    Holds,
    /// All that is marked was found, but under the name of another kind. That is right only among kinds of others.
    OtherName,
    /// Something that is marked stays in clear, or something else was found as this kind.
    Fails,
    /// A sentence to find marks nothing, or one to pass marks something.
    WronglyMarked,
}

/// The sentences could not be tried.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub enum ExamplesError {
    /// The file cannot be used.
    Kinds(#[from] KindError),
    /// No detector can be made of it.
    Build(#[from] BuildError),
    /// The detector failed on a sentence.
    Scan(#[from] ScanError),
}

// === impl Examples ===

impl Examples {
    /// The sentences of a kinds file, given with its name for messages.
    ///
    /// # Errors
    /// If it is not such a file.
    pub fn read(name: &str, text: &str) -> Result<Self, KindError> {
        Ok(Self { name: name.to_owned(), text: text.to_owned(), entries: read(name, text)?.kind })
    }

    /// The kinds with patterns and fewer than three sentences to find, or to pass.
    pub fn with_few(&self) -> impl Iterator<Item = &str> {
        let few = |entry: &&Entry| !entry.pattern.is_empty() && entry.finds.len().min(entry.passes.len()) < SENTENCES_MIN;
        self.entries.iter().filter(few).map(|entry| entry.name.as_str())
    }

    /// Tries them with this file alone: who ships no other must find its values under their own names.
    ///
    /// # Errors
    /// If the file cannot be used, or the detector fails.
    pub fn alone(&self) -> Result<Vec<Example>, ExamplesError> {
        let mut tried = self.among(&Detector::with_kinds(Kinds::load(&[(&self.name, &self.text)])?)?)?;
        for sentence in tried.iter_mut().filter(|sentence| sentence.outcome == ExampleOutcome::OtherName) {
            sentence.outcome = ExampleOutcome::Fails;
        }
        Ok(tried)
    }

    /// Tries them with a detector that knows more kinds than those of the file. A value may then bear the name of another kind, because
    /// countries use the same shapes and words; but none stays in clear.
    ///
    /// # Errors
    /// If the detector fails.
    pub fn among(&self, detector: &Detector) -> Result<Vec<Example>, ExamplesError> {
        let lists = |entry| [(entry, ExampleList::Finds), (entry, ExampleList::Passes)];
        let sentences = self.entries.iter().flat_map(lists).flat_map(|(entry, list)| {
            (1_usize..).zip(list.of(entry)).map(move |(number, sentence)| Ok(try_sentence(detector, entry, (list, number, sentence))?))
        });
        sentences.collect()
    }
}

fn try_sentence(detector: &Detector, entry: &Entry, (list, number, sentence): (ExampleList, usize, &str)) -> Result<Example, ScanError> {
    let (text, marks) = marked(sentence);
    let kind = detector.kinds().find(&entry.name);
    let findings = detector.scan(&text)?;
    let own: Vec<Range<usize>> =
        findings.iter().filter(|finding| Some(finding.kind) == kind).map(|finding| finding.start..finding.end).collect();
    let covered = |mark: &Range<usize>| findings.iter().any(|finding| finding.start <= mark.start && mark.end <= finding.end);
    let outcome = if marks.is_empty() == (list == ExampleList::Finds) {
        ExampleOutcome::WronglyMarked
    } else if own == marks {
        ExampleOutcome::Holds
    } else if list == ExampleList::Finds && marks.iter().all(covered) {
        ExampleOutcome::OtherName
    } else {
        ExampleOutcome::Fails
    };
    let value = |range: Range<usize>| text.get(range).unwrap_or_default().to_owned();
    let name = |kind| detector.kinds().get(kind).map(|info| info.name.clone()).unwrap_or_default();
    let found = findings.iter().map(|finding| (name(finding.kind), value(finding.start..finding.end))).collect();
    let expected = marks.into_iter().map(value).collect();
    Ok(Example { kind: entry.name.clone(), list, number, expected, found, outcome, text })
}

/// A sentence without its marks, and the places of what they marked.
fn marked(sentence: &str) -> (String, Vec<Range<usize>>) {
    let (mut text, mut places) = (String::new(), Vec::new());
    let mut start = 0;
    for character in sentence.chars().filter(|character| *character != '¦') {
        match character {
            '«' => start = text.len(),
            '»' => places.push(start..text.len()),
            other => text.push(other),
        }
    }
    (text, places)
}

// === impl ExampleList ===

impl ExampleList {
    /// As it is called in the file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Finds => "finds",
            Self::Passes => "passes",
        }
    }

    fn of(self, entry: &Entry) -> impl Iterator<Item = &str> {
        match self {
            Self::Finds => entry.finds.iter().map(String::as_str),
            Self::Passes => entry.passes.iter().map(String::as_str),
        }
    }
}

// === impl Example ===

impl fmt::Display for Example {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "kind `{}`, sentence {} of `{}`: ", self.kind, self.number, self.list.name())?;
        let found: Vec<String> = self.found.iter().map(|(kind, value)| format!("`{value}` as `{kind}`")).collect();
        let found = if found.is_empty() { "nothing".to_owned() } else { found.join(" and ") };
        match (self.outcome, self.list) {
            (ExampleOutcome::WronglyMarked, ExampleList::Finds) => {
                write!(f, "nothing is marked; put `«` and `»` around what must be found")?
            }
            (ExampleOutcome::WronglyMarked, ExampleList::Passes) => write!(f, "something is marked, and nothing must be found")?,
            (ExampleOutcome::Holds | ExampleOutcome::OtherName | ExampleOutcome::Fails, _) => {
                write!(f, "must find {}, found {}", self.wanted(), short(&found))?
            }
        }
        write!(f, "; it says `{}`", short(&self.text))
    }
}

impl Example {
    fn wanted(&self) -> String {
        let values: Vec<String> = self.expected.iter().map(|value| format!("`{value}`")).collect();
        if values.is_empty() { format!("no `{}`", self.kind) } else { short(&values.join(" and ")) }
    }
}
