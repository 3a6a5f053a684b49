//! Recall on text that nobody here wrote: 1,500 synthetic sentences of presidio-research (MIT).
//!
//! The floors are what was measured, so that a change that finds less is seen. Recall counts a value as found only if every byte
//! of it is covered; a value found in part has leaked.
#![expect(clippy::disallowed_macros, clippy::disallowed_methods, reason = "a test reads its fixture and says what it measured")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use comity_redact::{Detector, Document, Kind, read_presidio};

#[derive(Default)]
struct Tally {
    found: usize,
    all: usize,
    missed: Vec<String>,
}

/// Kind in the fixture, our kind, and the least that must be found, in percent.
const FLOORS: [(&str, Kind, usize); 4] = [
    ("EMAIL_ADDRESS", Kind::EMAIL, 100),
    ("IBAN_CODE", Kind::IBAN, 100),
    ("CREDIT_CARD", Kind::PAYMENT_CARD, 99),
    ("PHONE_NUMBER", Kind::PHONE, 95),
];

/// Texts of others, which may not be copied here. Where `COMITY_FIXTURES` names their folder, they must be there; else they are read beside the
/// project where present. The names of tests that use this end in `of_others`: `cargo xtask test` leaves them out where there is neither.
pub(crate) fn of_others(name: &str) -> Option<PathBuf> {
    let named = std::env::var_os("COMITY_FIXTURES").filter(|folder| !folder.is_empty());
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures");
    let path = named.as_ref().map_or_else(beside, PathBuf::from).join("personal-data").join(name);
    let there = path.exists();
    assert!(there || named.is_none(), "COMITY_FIXTURES: there is no `{}`", path.display());
    if !there {
        eprintln!("skipped: there is no `{}`", path.display());
    }
    there.then_some(path)
}

#[test]
fn recall_on_synthetic_sentences_of_others() {
    let Some(path) = of_others("presidio-synth-v2.json") else { return };
    let sentences = read_presidio("presidio-synth-v2", &std::fs::read_to_string(path).unwrap()).unwrap();
    let detector = Detector::new().unwrap();
    let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
    let mut strangers: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for sentence in &sentences {
        tally(&detector, sentence, &mut tallies, &mut strangers);
    }
    for (name, tally) in &tallies {
        eprintln!("{name}: {} of {}; missed {:?}", tally.found, tally.all, tally.missed);
    }
    for (name, values) in &strangers {
        eprintln!("{name} without a span of its kind: {} {values:?}", values.len());
    }
    for (name, _, floor) in FLOORS {
        let tally = &tallies[name];
        assert!(tally.found * 100 >= floor * tally.all, "{name}: {} of {} found, floor {floor} %", tally.found, tally.all);
    }
}

fn tally(detector: &Detector, sentence: &Document, tallies: &mut BTreeMap<String, Tally>, strangers: &mut BTreeMap<String, Vec<String>>) {
    let found = detector.scan(&sentence.text).unwrap();
    let mut expected = Vec::new();
    for span in &sentence.spans {
        let Some((_, kind, _)) = FLOORS.iter().find(|(name, _, _)| *name == span.label) else { continue };
        let place = span.parts[0].clone();
        let tally = tallies.entry(span.label.clone()).or_default();
        tally.all += 1;
        if found.iter().any(|finding| finding.kind == *kind && finding.start <= place.start && finding.end >= place.end) {
            tally.found += 1;
        } else {
            tally.missed.push(sentence.text[place.clone()].to_owned());
        }
        expected.push(place);
    }
    for finding in found.iter().filter(|finding| !expected.iter().any(|place| finding.start < place.end && place.start < finding.end)) {
        strangers
            .entry(detector.kinds().get(finding.kind).map_or("", |kind| &kind.name).to_owned())
            .or_default()
            .push(sentence.text[finding.start..finding.end].to_owned());
    }
}
