//! The one scorer for both sides. An entity has leaked if any character of it, spaces aside, stays in clear, whatever a finding is called;
//! precision and recall ask for a finding of the right kind that overlaps. Knows nothing of who found what, but for its names.

use super::dataset::{Gold, Text};
use super::labels::{Group, Row, SetSpec, Side};

/// What one side says stands in a text. Offsets in characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) name: String,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// Of one side on one data set.
pub(super) struct Score {
    pub(super) rows: Vec<RowScore>,
    /// Characters that stand in no entity, spaces aside, and how many of them a finding covers.
    pub(super) ordinary: usize,
    pub(super) taken: usize,
}

pub(super) struct RowScore {
    pub(super) title: String,
    pub(super) group: Group,
    pub(super) tally: Tally,
}

/// Counts that can be added up.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) entities: usize,
    pub(super) leaked: usize,
    /// Entities that a finding of the right kind overlaps.
    pub(super) found: usize,
    /// Findings of the row's kinds, those that overlap taken as one.
    pub(super) findings: usize,
    /// Findings that overlap an entity of the row.
    pub(super) right: usize,
}

pub(super) fn score(spec: &SetSpec, side: Side, texts: &[Text], findings: &[Vec<Finding>]) -> Score {
    let mut score = Score {
        rows: spec.row.iter().map(|row| RowScore { title: row.title.clone(), group: row.group, tally: Tally::default() }).collect(),
        ordinary: 0,
        taken: 0,
    };
    for (text, found) in texts.iter().zip(findings) {
        let hidden = covered(text, found.iter().map(|finding| (finding.start, finding.end)));
        let personal = covered(text, text.gold.iter().map(|gold| (gold.start, gold.end)));
        for ((c, hidden), personal) in text.text.chars().zip(&hidden).zip(&personal) {
            let ordinary = !personal && !c.is_whitespace();
            score.ordinary = score.ordinary.saturating_add(usize::from(ordinary));
            score.taken = score.taken.saturating_add(usize::from(ordinary && *hidden));
        }
        for (row, scored) in spec.row.iter().zip(&mut score.rows) {
            scored.tally.add(tally(row, side, &Read { text, found, hidden: &hidden }));
        }
    }
    score
}

/// One text and what was found in it.
struct Read<'a> {
    text: &'a Text,
    found: &'a [Finding],
    /// For each character whether some finding covers it.
    hidden: &'a [bool],
}

fn tally(row: &Row, side: Side, read: &Read<'_>) -> Tally {
    let gold: Vec<&Gold> = read.text.gold.iter().filter(|gold| row.labels.contains(&gold.label)).collect();
    let named = read.found.iter().filter(|finding| row.means(side, &finding.name)).map(|finding| (finding.start, finding.end));
    let findings = merged(named.collect());
    let overlaps = |start: usize, end: usize, gold: &Gold| start < gold.end && gold.start < end;
    let leaks = |gold: &&&Gold| {
        let span = read.text.text.chars().zip(read.hidden).skip(gold.start).take(gold.end.saturating_sub(gold.start));
        span.into_iter().any(|(c, hidden)| !c.is_whitespace() && !hidden)
    };
    Tally {
        entities: gold.len(),
        leaked: gold.iter().filter(leaks).count(),
        found: gold.iter().filter(|gold| findings.iter().any(|(start, end)| overlaps(*start, *end, gold))).count(),
        findings: findings.len(),
        right: findings.iter().filter(|(start, end)| gold.iter().any(|gold| overlaps(*start, *end, gold))).count(),
    }
}

/// For each character of the text, whether one of the spans covers it.
fn covered(text: &Text, spans: impl Iterator<Item = (usize, usize)>) -> Vec<bool> {
    let mut covered = vec![false; text.text.chars().count()];
    for (start, end) in spans {
        covered.iter_mut().skip(start).take(end.saturating_sub(start)).for_each(|covered| *covered = true);
    }
    covered
}

/// Spans that overlap as one.
fn merged(mut spans: Vec<(usize, usize)>) -> Vec<(usize, usize)> {
    spans.sort_unstable();
    let mut merged: Vec<(usize, usize)> = Vec::new();
    for (start, end) in spans {
        match merged.last_mut() {
            Some(last) if start < last.1 => last.1 = last.1.max(end),
            _ => merged.push((start, end)),
        }
    }
    merged
}

// === impl Score ===

impl Score {
    pub(super) fn sum(&self, of: impl Fn(&RowScore) -> bool) -> Tally {
        let mut sum = Tally::default();
        self.rows.iter().filter(|row| of(row)).for_each(|row| sum.add(row.tally));
        sum
    }

    pub(super) fn group(&self, group: Group) -> Tally {
        self.sum(|row| row.group == group)
    }

    pub(super) fn all(&self) -> Tally {
        self.sum(|_| true)
    }

    /// Share of ordinary text that is covered.
    pub(super) fn taken(&self) -> Option<f64> {
        share(self.taken, self.ordinary)
    }
}

// === impl Tally ===

impl Tally {
    pub(super) fn add(&mut self, other: Tally) {
        self.entities = self.entities.saturating_add(other.entities);
        self.leaked = self.leaked.saturating_add(other.leaked);
        self.found = self.found.saturating_add(other.found);
        self.findings = self.findings.saturating_add(other.findings);
        self.right = self.right.saturating_add(other.right);
    }

    pub(super) fn leak_rate(&self) -> Option<f64> {
        share(self.leaked, self.entities)
    }

    pub(super) fn recall(&self) -> Option<f64> {
        share(self.found, self.entities)
    }

    /// Nothing where nothing was found, for then nothing was wrong either.
    pub(super) fn precision(&self) -> Option<f64> {
        share(self.right, self.findings)
    }

    pub(super) fn f1(&self) -> Option<f64> {
        let (precision, recall) = (self.precision().unwrap_or(0.0), self.recall()?);
        let sum = precision + recall;
        Some(if sum > 0.0 { 2.0 * precision * recall / sum } else { 0.0 })
    }
}

pub(super) fn share(part: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| real(part) / real(whole))
}

/// Counts here fit into 32 bits.
pub(super) fn real(value: usize) -> f64 {
    u32::try_from(value).map_or(f64::INFINITY, f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::detectors::labels::Labels;

    const TABLE: &str = "presidio_threshold = 0.3\n[[set]]\nname = \"s\"\npath = \"s\"\nformat = \"brat\"\nlanguage = \"en\"\n\
        [[set.row]]\ntitle = \"persons\"\ngroup = \"names\"\nlabels = [\"PER\"]\ncomity = [\"person\"]\npresidio = [\"PERSON\"]\n\
        [[set.row]]\ntitle = \"mail\"\ngroup = \"structured\"\nlabels = [\"MAIL\"]\ncomity = [\"email\"]\npresidio = []\n";

    fn check(text: &str, gold: &[(&str, usize, usize)], found: &[(&str, usize, usize)]) -> Score {
        let labels: Labels = toml::from_str(TABLE).unwrap();
        let gold = gold.iter().map(|(label, start, end)| Gold { label: (*label).to_owned(), start: *start, end: *end }).collect();
        let found = found.iter().map(|(name, start, end)| Finding { name: (*name).to_owned(), start: *start, end: *end }).collect();
        score(&labels.set[0], Side::Comity, &[Text { text: text.to_owned(), gold }], &[found])
    }

    #[test]
    fn an_entity_leaks_unless_every_character_is_covered_by_something() {
        let gold = [("PER", 0, 7), ("MAIL", 11, 14)];
        // A space between two findings is no leak, and another name of the kind is none either.
        let score = check("Ané Lee at a@b.", &gold, &[("person", 0, 3), ("phone", 4, 7), ("email", 11, 13)]);
        assert_eq!((score.rows[0].tally.leaked, score.rows[1].tally.leaked), (0, 1));
        assert_eq!(check("Ané Lee at a@b.", &gold, &[("person", 0, 6)]).all().leaked, 2);
    }

    #[test]
    fn recall_and_precision_want_the_right_kind_and_any_overlap() {
        let found = [("person", 2, 5), ("person", 4, 9), ("person", 12, 14), ("email", 0, 3)];
        let score = check("Ann Lee and more", &[("PER", 0, 7)], &found);
        let persons = score.rows[0].tally;
        assert_eq!(persons, Tally { entities: 1, leaked: 0, found: 1, findings: 2, right: 1 });
        assert_eq!((persons.recall(), persons.precision()), (Some(1.0), Some(0.5)));
        assert_eq!(score.rows[1].tally.precision(), Some(0.0));
        assert_eq!(score.rows[1].tally.recall(), None);
    }

    #[test]
    fn what_is_taken_of_ordinary_text_is_counted_without_spaces() {
        let score = check("Ann is here", &[("PER", 0, 3)], &[("person", 0, 6)]);
        assert_eq!((score.ordinary, score.taken), (6, 2));
    }
}
