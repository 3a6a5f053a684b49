//! How good a detector is on annotated documents: what leaks, what is found, what is found in vain.
//!
//! The figure that matters is the leak rate: the share of entities of which any character stays in clear, whatever kind was
//! found. A report holds numbers, names of kinds and labels; it never holds anything of the texts.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::dataset::{Document, Labels, Span};
use crate::{Detector, Finding, Kind, ScanError};

/// What was measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Documents looked at.
    pub documents: u32,
    /// Characters in them.
    pub characters: u64,
    /// All entities together.
    pub total: Measure,
    /// By kind and language.
    pub kinds: Vec<Measure>,
    /// By label of the data set and language. Findings are counted by kind only.
    pub labels: Vec<Measure>,
    /// Labels that mean no kind, with the number of their entities. They count in the leak rate, and nothing can find them by kind.
    pub unknown_labels: BTreeMap<String, u32>,
    /// Findings of kinds that the data set does not mark at all, by kind. They count nowhere else.
    pub unmarked: BTreeMap<String, u32>,
}

/// Numbers of one kind. Shares are 0 where there is nothing to divide.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Measure {
    /// The kind or the label; `all` for all.
    pub name: String,
    /// The language, or empty where documents have none.
    pub language: String,
    /// Entities marked in the data set.
    pub entities: u32,
    /// Of them: any character other than space stays in clear.
    pub leaked: u32,
    /// Of them: a finding of the same kind touches them.
    pub touched: u32,
    /// Of them: a finding of the same kind has the same place.
    pub exact: u32,
    /// Findings of this kind.
    pub findings: u32,
    /// Of them: touches an entity of this kind.
    pub right: u32,
    /// Of them: touches an entity of any kind.
    pub useful: u32,
    /// `leaked / entities`.
    pub leak_rate: f64,
    /// `right / findings`.
    pub precision: f64,
    /// `touched / entities`.
    pub recall: f64,
    /// Of the two.
    pub f1: f64,
    /// `exact / findings`.
    pub strict_precision: f64,
    /// `exact / entities`.
    pub strict_recall: f64,
    /// Of the two.
    pub strict_f1: f64,
}

/// Looks at all documents with `detector` and compares.
///
/// # Errors
/// If the detector fails on a document.
pub fn evaluate(detector: &Detector, labels: &Labels, documents: &[Document]) -> Result<Report, ScanError> {
    let marked: BTreeSet<Kind> =
        documents.iter().flat_map(|document| &document.spans).filter_map(|span| labels.kind(&span.label)).collect();
    let mut counting = Counting { marked, ..Counting::new(detector, labels) };
    let mut characters = 0_u64;
    for document in documents {
        let findings = detector.scan(&document.text)?;
        characters = characters.saturating_add(u64::try_from(document.text.chars().count()).unwrap_or(u64::MAX));
        document.spans.iter().for_each(|span| counting.entity(document, span, &findings));
        findings.iter().for_each(|finding| counting.finding(document, *finding));
    }
    Ok(Report {
        documents: u32::try_from(documents.len()).unwrap_or(u32::MAX),
        characters,
        total: Measure { name: "all".to_owned(), ..counting.total }.with_shares(),
        kinds: counting.kinds.into_iter().map(named).collect(),
        labels: counting.by_label.into_iter().map(named).collect(),
        unknown_labels: counting.unknown_labels,
        unmarked: counting.unmarked,
    })
}

fn named(((name, language), measure): ((String, String), Measure)) -> Measure {
    Measure { name, language, ..measure }.with_shares()
}

/// What is counted so far.
struct Counting<'a> {
    detector: &'a Detector,
    labels: &'a Labels,
    /// The kinds that the data set marks.
    marked: BTreeSet<Kind>,
    total: Measure,
    kinds: BTreeMap<(String, String), Measure>,
    by_label: BTreeMap<(String, String), Measure>,
    unknown_labels: BTreeMap<String, u32>,
    unmarked: BTreeMap<String, u32>,
}

// === impl Counting ===

impl<'a> Counting<'a> {
    fn new(detector: &'a Detector, labels: &'a Labels) -> Self {
        Self {
            detector,
            labels,
            marked: BTreeSet::new(),
            total: Measure::default(),
            kinds: BTreeMap::new(),
            by_label: BTreeMap::new(),
            unknown_labels: BTreeMap::new(),
            unmarked: BTreeMap::new(),
        }
    }

    fn name(&self, kind: Kind) -> String {
        self.detector.kinds().get(kind).map(|info| info.name.clone()).unwrap_or_default()
    }

    fn entity(&mut self, document: &Document, span: &Span, findings: &[Finding]) {
        let kind = self.labels.kind(&span.label);
        let same = |finding: &&Finding| Some(finding.kind) == kind;
        let (leaked, touched, exact) =
            (leaks(&document.text, span, findings), findings.iter().filter(same).any(|finding| touches(span, *finding)), {
                let (start, end) = trimmed(&document.text, span);
                findings.iter().filter(same).any(|finding| (finding.start, finding.end) == (start, end))
            });
        let count = |measure: &mut Measure| {
            measure.entities = measure.entities.saturating_add(1);
            measure.leaked = measure.leaked.saturating_add(leaked.into());
            measure.touched = measure.touched.saturating_add(touched.into());
            measure.exact = measure.exact.saturating_add(exact.into());
        };
        count(&mut self.total);
        count(self.by_label.entry((span.label.clone(), document.language.clone())).or_default());
        match kind {
            Some(kind) => count(self.kinds.entry((self.name(kind), document.language.clone())).or_default()),
            None => more(self.unknown_labels.entry(span.label.clone()).or_default()),
        }
    }

    fn finding(&mut self, document: &Document, finding: Finding) {
        let name = self.name(finding.kind);
        if !self.marked.contains(&finding.kind) {
            return more(self.unmarked.entry(name).or_default());
        }
        let mut touched = document.spans.iter().filter(|span| touches(span, finding)).peekable();
        let useful = touched.peek().is_some();
        let right = touched.any(|span| self.labels.kind(&span.label) == Some(finding.kind));
        let count = |measure: &mut Measure| {
            measure.findings = measure.findings.saturating_add(1);
            measure.right = measure.right.saturating_add(right.into());
            measure.useful = measure.useful.saturating_add(useful.into());
        };
        count(&mut self.total);
        count(self.kinds.entry((name, document.language.clone())).or_default());
    }
}

// === impl Measure ===

impl Measure {
    fn with_shares(mut self) -> Self {
        self.leak_rate = share(self.leaked, self.entities);
        (self.precision, self.recall) = (share(self.right, self.findings), share(self.touched, self.entities));
        self.f1 = mean(self.precision, self.recall);
        (self.strict_precision, self.strict_recall) = (share(self.exact, self.findings), share(self.exact, self.entities));
        self.strict_f1 = mean(self.strict_precision, self.strict_recall);
        self
    }
}

fn more(count: &mut u32) {
    *count = count.saturating_add(1);
}

fn share(part: u32, whole: u32) -> f64 {
    if whole == 0 { 0.0 } else { f64::from(part) / f64::from(whole) }
}

/// The harmonic mean.
fn mean(precision: f64, recall: f64) -> f64 {
    if precision + recall > 0.0 { 2.0 * precision * recall / (precision + recall) } else { 0.0 }
}

fn touches(span: &Span, finding: Finding) -> bool {
    span.parts.iter().any(|part| part.start < finding.end && finding.start < part.end)
}

/// Whether any character other than space is in no finding.
fn leaks(text: &str, span: &Span, findings: &[Finding]) -> bool {
    let covered = |at: usize| findings.iter().any(|finding| finding.start <= at && at < finding.end);
    span.parts.iter().any(|part| {
        let value = text.get(part.clone()).unwrap_or_default();
        value.char_indices().any(|(at, character)| !character.is_whitespace() && !covered(part.start.saturating_add(at)))
    })
}

/// Where a span begins and ends, without the space at its ends.
fn trimmed(text: &str, span: &Span) -> (usize, usize) {
    let start = span.parts.first().map_or(0, |part| part.start);
    let end = span.parts.last().map_or(0, |part| part.end);
    let value = text.get(start..end).unwrap_or_default();
    let before = value.len().saturating_sub(value.trim_start().len());
    let after = value.len().saturating_sub(value.trim_end().len());
    (start.saturating_add(before), end.saturating_sub(after))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::read_brat;

    #[test]
    fn leaks_touches_and_places_are_told_apart() {
        let text = "ada@example.org and bob@example.org or 4111 1111 1111 1111, Ada, ip";
        let annotations =
            "T1\temail 0 15\tada@example.org\nT2\temail 16 35\tand bob@example.org\nT3\tPER 60 63\tAda\nT4\tTHING 65 67\tip\n";
        let document = read_brat("a", text, annotations).unwrap();
        let detector = Detector::new().unwrap();
        let report = evaluate(&detector, &Labels::known(detector.kinds()).unwrap(), &[document]).unwrap();
        let email = &report.kinds[0];
        // The second marks `and `, too: its place is not exact, and a part of it stays in clear.
        assert_eq!((email.name.as_str(), email.entities, email.leaked, email.touched, email.exact), ("email", 2, 1, 2, 1));
        assert_eq!((email.findings, email.right, email.precision, email.strict_f1), (2, 2, 1.0, 0.5));
        let person = &report.kinds[1];
        assert_eq!((person.entities, person.leaked, person.findings, person.f1), (1, 1, 0, 0.0));
        assert_eq!((report.total.entities, report.total.leaked, report.total.leak_rate), (4, 3, 0.75));
        assert_eq!(report.unknown_labels, BTreeMap::from([("THING".to_owned(), 1)]));
        assert_eq!(report.unmarked, BTreeMap::from([("payment_card".to_owned(), 1)]));
        assert!(!serde_json::to_string(&report).unwrap().contains("example.org"));
    }
}
