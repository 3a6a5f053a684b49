//! How long a decision takes: from the table, cold, over many offerings, and with many policies behind the index.
//!
//! Goals (ARCHITECTURE, speed): 1 µs from the table; cold 50 µs for one offering and 50 candidate policies, 2 ms for 100 offerings × 5 policies;
//! 10,000 policies through the index 100 µs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, reason = "a benchmark")]

use std::fmt::Write as _;
use std::sync::Arc;

use comity_catalogue::{Catalogue, SourceFile, shipped};
use comity_decide::{Candidates, Engine, Query};
use comity_terms::{LayerSource, Terms, shipped_pack};
use comity_vocab::{Action, Call, Classification, Data, Instant, MeansSet, Places, Workload};
use divan::{Bencher, black_box};

const NOW: Instant = Instant::from_seconds(1_795_305_600);

fn main() {
    divan::main();
}

fn catalogue(offerings: usize) -> Arc<Catalogue> {
    let mut files: Vec<SourceFile> =
        shipped().into_iter().filter(|file| !file.path.contains("operators/") && !file.path.contains("imported/")).collect();
    let mut text =
        "[operator]\nid = \"t\"\nname = \"Bench\"\nsource = \"bench\"\nread = \"bench\"\nas_of = 2026-01-01\nstrength = \"contract\"\n"
            .to_owned();
    for index in 0..offerings {
        writeln!(
            text,
            "[[offering]]\nid = \"t/m@{index}\"\nupstream_model = \"m\"\nsurfaces = [\"chat\"]\nprocessed_in = [\"US\"]\ntraining = 2"
        )
        .unwrap();
    }
    files.push(SourceFile { path: "bench.toml".to_owned(), text });
    Arc::new(Catalogue::parse(files).unwrap())
}

fn policies(count: usize, head: impl Fn(usize) -> String) -> String {
    let mut text = String::new();
    for index in 0..count {
        let effect = if index % 5 == 0 { "permit" } else { "forbid" };
        let test = if index % 5 == 0 {
            "when { context.data.classification <= 1 }"
        } else {
            "when { context.data.secrets && context.data.personal }"
        };
        let head = head(index);
        writeln!(
            text,
            "@id(\"t{index}\")@goal(\"privacy\")@reason(\"r\")\n{effect} ({head}, action == Action::\"infer\", resource) {test};"
        )
        .unwrap();
    }
    text
}

fn engine(text: String, offerings: usize) -> (Engine, Candidates) {
    let layer = LayerSource { name: "bench".to_owned(), path: "bench.cedar".to_owned(), text };
    let terms = Terms::load(vec![layer]).unwrap_or_else(|problems| panic!("{}", problems.first().unwrap()));
    let candidates = (0..offerings).map(|index| format!("t/m@{index}").parse().unwrap()).collect();
    (Engine::new(Arc::new(terms), catalogue(offerings)), candidates)
}

fn call() -> Call {
    let workload = Workload {
        id: "app".parse().unwrap(),
        unit: "ministry/health/lab".parse().unwrap(),
        sector: "public".to_owned(),
        clearance: Classification::Confidential,
        critical: false,
    };
    let data = Data {
        classification: Classification::Public,
        personal: false,
        special_category: false,
        secrets: false,
        opaque: false,
        remote: Default::default(),
        detector: 1,
        kinds: Default::default(),
        subjects: Places::UNKNOWN,
    };
    Call { workload, action: Action::Infer, data, purpose: String::new() }
}

fn uk_public() -> String {
    shipped_pack("uk-public").unwrap().text().to_owned()
}

fn query<'a>(call: &'a Call, candidates: &'a Candidates) -> Query<'a> {
    Query { call, performable: MeansSet::NONE, candidates, instant: NOW }
}

#[divan::bench(args = [1, 15, 100])]
fn from_the_table(bencher: Bencher<'_, '_>, offerings: usize) {
    let ((engine, candidates), call) = (engine(uk_public(), offerings), call());
    bencher.bench(|| engine.admit(black_box(&query(&call, &candidates))).verdicts().len());
}

#[divan::bench(args = [1, 15, 100])]
fn from_the_table_and_sealed(bencher: Bencher<'_, '_>, offerings: usize) {
    let ((engine, candidates), call) = (engine(uk_public(), offerings), call());
    bencher.bench(|| engine.admit(black_box(&query(&call, &candidates))).decide([7; 16]));
}

#[divan::bench]
fn cold_one_offering_50_policies(bencher: Bencher<'_, '_>) {
    let ((engine, candidates), call) = (engine(policies(50, |_| "principal".to_owned()), 1), call());
    bencher.bench(|| engine.admit_fresh(black_box(&query(&call, &candidates))).verdicts().len());
}

#[divan::bench]
fn cold_100_offerings_5_policies(bencher: Bencher<'_, '_>) {
    let ((engine, candidates), call) = (engine(policies(5, |_| "principal".to_owned()), 100), call());
    bencher.bench(|| engine.admit_fresh(black_box(&query(&call, &candidates))).verdicts().len());
}

#[divan::bench(sample_count = 20)]
fn cold_10000_policies_through_the_index(bencher: Bencher<'_, '_>) {
    let head = |index: usize| format!("principal in Unit::\"ministry/unit-{}\"", index / 10);
    let mut text = policies(10_000, head);
    text.push_str("@id(\"mine\")@goal(\"privacy\")@reason(\"r\")\npermit (principal in Unit::\"ministry/health\", action == Action::\"infer\", resource);");
    let ((engine, candidates), call) = (engine(text, 1), call());
    bencher.bench(|| engine.admit_fresh(black_box(&query(&call, &candidates))).verdicts().len());
}

#[divan::bench(sample_count = 20)]
fn explain_a_denial(bencher: Bencher<'_, '_>) {
    let ((engine, candidates), mut call) = (engine(uk_public(), 1), call());
    call.data.classification = Classification::Confidential;
    let offering = candidates.ids().first().unwrap().clone();
    bencher.bench(|| engine.explain(black_box(&query(&call, &candidates)), &offering));
}
