//! Recall on text that nobody here wrote: 1,500 synthetic sentences of presidio-research (MIT), beside the project where present.
//!
//! The floors are what was measured, so that a change that finds less is seen. Recall counts a value as found only if every byte
//! of it is covered; a value found in part has leaked.
#![expect(clippy::disallowed_macros, clippy::disallowed_methods, reason = "a test reads its fixture and says what it measured")]

use std::collections::BTreeMap;
use std::path::Path;

use comity_redact::{Detector, Kind};
use serde::Deserialize;

#[derive(Deserialize)]
struct Sentence {
    full_text: String,
    spans: Vec<Span>,
}

#[derive(Deserialize)]
struct Span {
    entity_type: String,
    entity_value: String,
    start_position: usize,
    end_position: usize,
}

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

#[test]
fn recall_on_synthetic_sentences() {
    let Some(sentences) = sentences() else {
        eprintln!("skipped: ../shared/fixtures/personal-data/presidio-synth-v2.json is not there");
        return;
    };
    let detector = Detector::new().unwrap();
    let mut tallies: BTreeMap<&str, Tally> = BTreeMap::new();
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

fn tally<'s>(
    detector: &Detector,
    sentence: &'s Sentence,
    tallies: &mut BTreeMap<&'s str, Tally>,
    strangers: &mut BTreeMap<String, Vec<String>>,
) {
    let found = detector.scan(&sentence.full_text).unwrap();
    let mut expected = Vec::new();
    for span in &sentence.spans {
        let Some((_, kind, _)) = FLOORS.iter().find(|(name, _, _)| *name == span.entity_type) else { continue };
        let (start, end) = (byte_offset(&sentence.full_text, span.start_position), byte_offset(&sentence.full_text, span.end_position));
        expected.push((start, end));
        let tally = tallies.entry(&span.entity_type).or_default();
        tally.all += 1;
        if found.iter().any(|finding| finding.kind == *kind && finding.start <= start && finding.end >= end) {
            tally.found += 1;
        } else {
            tally.missed.push(span.entity_value.clone());
        }
    }
    for finding in found.iter().filter(|finding| !expected.iter().any(|(start, end)| finding.start < *end && *start < finding.end)) {
        strangers
            .entry(detector.kinds().get(finding.kind).map_or("", |kind| &kind.name).to_owned())
            .or_default()
            .push(sentence.full_text[finding.start..finding.end].to_owned());
    }
}

/// The fixture counts characters.
fn byte_offset(text: &str, characters: usize) -> usize {
    text.char_indices().nth(characters).map_or(text.len(), |(offset, _)| offset)
}

fn sentences() -> Option<Vec<Sentence>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures/personal-data/presidio-synth-v2.json");
    let text = std::fs::read_to_string(path).ok()?;
    Some(serde_json::from_str(&text).expect("the fixture is readable"))
}
