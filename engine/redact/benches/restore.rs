//! What it costs to restore an answer of 4 kB that comes in pieces of 4 bytes, beside copying it in the same pieces; and what it
//! costs to make the pseudonyms of a call.
#![allow(missing_docs, clippy::expect_used, reason = "a benchmark")]

use std::sync::Arc;

use comity_redact::{Form, Label, PseudonymKey, Pseudonyms, Shape};
use divan::counter::CharsCount;
use divan::{Bencher, black_box};

fn main() {
    divan::main();
}

const PROSE: &str = "The patient was admitted on Tuesday with progressive dyspnoea; please keep the appointment, and write to the practice if anything \
changes. Previous reports are in the file. Prescription: paracetamol 500 mg, up to 4 times a day. ";

fn values(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("user{number:04}@example.org")).collect()
}

fn pseudonyms(count: usize, shape: Shape) -> Pseudonyms {
    let label = Label::parse("EML").expect("a label");
    let values = values(count).into_iter().map(|value| if shape == Shape::Digits { value.replace("@example.org", "00") } else { value });
    let values: Vec<String> = values.collect();
    let wanted = values.iter().map(|value| (label, value.as_str(), shape));
    Pseudonyms::for_call(&PseudonymKey::new([7; 32]), wanted, &[]).expect("few values")
}

/// 4,000 characters, with up to four pseudonyms in them.
fn answer(pseudonyms: &Pseudonyms, count: usize) -> String {
    let named = values(count.min(4)).into_iter().map(|value| pseudonyms.pseudonymise(&value).into_owned() + " ");
    let parts: Vec<String> = named.collect();
    let text: String = (0..24).map(|index| format!("{PROSE}{}", parts.get(index % 5).map_or("", String::as_str))).collect();
    text.chars().take(4_000).collect()
}

fn pieces(text: &str) -> Vec<String> {
    text.as_bytes().chunks(4).map(|piece| String::from_utf8_lossy(piece).into_owned()).collect()
}

fn restore(bencher: Bencher<'_, '_>, count: usize, shape: Shape) {
    let pseudonyms = Arc::new(pseudonyms(count, shape));
    let pieces = pieces(&answer(&pseudonyms, count));
    bencher.counter(CharsCount::new(4_000_usize)).bench(|| {
        let mut restorer = pseudonyms.restorer(Form::Text);
        for piece in &pieces {
            black_box(restorer.push(black_box(piece)).expect("all is known"));
        }
        black_box(restorer.finish().expect("all is known"));
    });
}

#[divan::bench(args = [0, 4, 40])]
fn restored(bencher: Bencher<'_, '_>, values: usize) {
    restore(bencher, values, Shape::Opaque);
}

#[divan::bench(args = [4, 40])]
fn restored_with_numbers_in_shape(bencher: Bencher<'_, '_>, values: usize) {
    restore(bencher, values, Shape::Digits);
}

#[divan::bench]
fn copied(bencher: Bencher<'_, '_>) {
    let pieces = pieces(&answer(&pseudonyms(4, Shape::Opaque), 4));
    bencher.counter(CharsCount::new(4_000_usize)).bench(|| {
        for piece in &pieces {
            black_box(black_box(piece).clone());
        }
    });
}

#[divan::bench(args = [4, 40, 10_000])]
fn made(bencher: Bencher<'_, '_>, count: usize) {
    bencher.bench(|| pseudonyms(black_box(count), Shape::Opaque));
}

#[divan::bench(args = [4, 40])]
fn replaced_in_4_kb(bencher: Bencher<'_, '_>, count: usize) {
    let pseudonyms = pseudonyms(count, Shape::Opaque);
    let text: String = PROSE.repeat(24).chars().take(4_000).chain(values(count).concat().chars()).collect();
    bencher.counter(CharsCount::of_str(&text)).bench(|| pseudonyms.pseudonymise(black_box(&text)).len());
}
