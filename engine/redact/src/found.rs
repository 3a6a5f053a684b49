//! How sure a finding is, and what becomes of findings that overlap.
//!
//! INVARIANT: merging only ever widens: nothing that any detector saw stays in clear, but for web addresses around what is found in them.

use crate::haystack::Hit;
use crate::{Finding, Kind};

/// A finding and what speaks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) finding: Finding,
    pub(crate) strength: Strength,
    /// Whether its kind is one of a country.
    pub(crate) national: bool,
}

/// What speaks for a finding, from the weakest to the strongest. It decides only the name where findings overlap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Strength {
    /// A web address.
    Url,
    /// The shape of a kind that is data.
    Shape,
    /// The form of a national phone number.
    PhoneForm,
    /// A shape, and a word somewhere near.
    Word,
    /// A check that holds.
    Check,
    /// A phone number that is international or that words announce: stronger than a run of digits whose word stands elsewhere.
    Phone,
    Email,
    /// A shape, and its word right before it.
    WordBeside,
    /// Issuer, length and checksum.
    Card,
    /// A check that holds, and a word near.
    CheckAndWord,
    Iban,
    /// A credential: found by a prefix or a structure that nothing else has.
    Secret,
}

// === impl Found ===

impl Found {
    /// A finding of a kind whose finder is code.
    pub(crate) fn built_in(finding: Finding) -> Self {
        let strength = match finding.kind {
            Kind::IBAN => Strength::Iban,
            Kind::PAYMENT_CARD => Strength::Card,
            Kind::EMAIL => Strength::Email,
            Kind::PHONE => Strength::PhoneForm,
            Kind::URL => Strength::Url,
            _ => Strength::Secret,
        };
        Self { finding, strength, national: false }
    }

    /// The same at another place: that of the text from which a plain form was made.
    pub(crate) fn moved(self, place: Hit) -> Self {
        Self { finding: self.finding.moved(place), ..self }
    }

    /// Takes in the backslashes before it: `\nada@…` may be a line's end, of which half must not stay.
    pub(crate) fn widen_over_escape(&mut self, text: &str) {
        let before = text.get(..self.finding.start).unwrap_or_default();
        self.finding.start = before.trim_end_matches('\\').len();
    }

    /// The stronger first, then the longer.
    fn rank(&self) -> (Strength, usize) {
        (self.strength, self.finding.end - self.finding.start)
    }
}

/// Findings that overlap become one: their union, named for the strongest. A web address gives way to whatever it holds: by itself it
/// concerns nobody.
pub(crate) fn merge(found: Vec<Found>) -> Vec<Finding> {
    let (addresses, found): (Vec<_>, Vec<_>) = found.into_iter().partition(|found| found.strength == Strength::Url);
    let mut merged = unions(found);
    let mut free: Vec<Finding> = unions(addresses);
    free.retain(|address| {
        let next = merged.partition_point(|finding| finding.end <= address.start);
        merged.get(next).is_none_or(|finding| finding.start >= address.end)
    });
    if !free.is_empty() {
        merged.extend(free);
        merged.sort_by_key(|finding| finding.start);
    }
    merged
}

fn unions(mut found: Vec<Found>) -> Vec<Finding> {
    found.sort_by_key(|found| (found.finding.start, found.finding.end, found.finding.kind));
    let mut merged: Vec<Finding> = Vec::with_capacity(found.len());
    // The strongest of the last union, one of each kind; more than one if nothing tells them apart.
    let mut strongest: Vec<Found> = Vec::new();
    for next in found {
        match merged.last_mut() {
            Some(last) if next.finding.start < last.end => {
                last.end = last.end.max(next.finding.end);
                match strongest.first().map(Found::rank) {
                    Some(rank) if next.rank() < rank => {}
                    Some(rank) if next.rank() == rank => {
                        if !strongest.iter().any(|other| other.finding.kind == next.finding.kind) {
                            strongest.push(next);
                        }
                    }
                    Some(_) | None => strongest = vec![next],
                }
                last.kind = name(&strongest).unwrap_or(last.kind);
            }
            _ => {
                merged.push(next.finding);
                strongest.clear();
                strongest.push(next);
            }
        }
    }
    merged
}

/// The name for what nothing else tells apart: the kind of the one country that knows it. Where several do, it may be of any of them, so
/// a kind of no country is the honest name, if there is one; else the earliest kind.
fn name(found: &[Found]) -> Option<Kind> {
    let kinds = |national: bool| found.iter().filter(move |found| found.national == national).map(|found| found.finding.kind);
    let countries = kinds(true).min().filter(|first| kinds(true).all(|kind| kind == *first));
    countries.or_else(|| kinds(false).min()).or_else(|| kinds(true).min())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built_in(kind: Kind, start: usize, end: usize) -> Found {
        Found::built_in(Finding::by_pattern(kind, start, end))
    }

    #[test]
    fn overlaps_become_their_union_under_the_stronger_kind() {
        let found =
            vec![built_in(Kind::PHONE, 8, 14), built_in(Kind::EMAIL, 4, 10), built_in(Kind::JWT, 20, 30), built_in(Kind::EMAIL, 14, 16)];
        let by = Finding::by_pattern;
        assert_eq!(merge(found), [by(Kind::EMAIL, 4, 14), by(Kind::EMAIL, 14, 16), by(Kind::JWT, 20, 30)]);
    }

    #[test]
    fn the_longer_of_two_equally_strong_names_the_union() {
        let check = |place, start, end| Found {
            finding: Finding::by_pattern(Kind::at(place).unwrap(), start, end),
            strength: Strength::Check,
            national: true,
        };
        assert_eq!(merge(vec![check(20, 0, 6), check(30, 4, 20)]), [Finding::by_pattern(Kind::at(30).unwrap(), 0, 20)]);
    }

    #[test]
    fn a_value_that_may_be_of_several_countries_has_the_name_of_none() {
        let kind = |place| Kind::at(place).unwrap();
        let of = |place, national| Found { finding: Finding::by_pattern(kind(place), 0, 9), strength: Strength::Word, national };
        let named = |found: Vec<Found>| merge(found).first().map(|finding| finding.kind);
        assert_eq!(named(vec![of(20, false), of(30, true)]), Some(kind(30)), "one country");
        assert_eq!(named(vec![of(20, false), of(30, true), of(40, true)]), Some(kind(20)), "two countries");
        assert_eq!(named(vec![of(30, true), of(40, true)]), Some(kind(30)), "two countries and no other kind");
    }
}
