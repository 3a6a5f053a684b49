//! How long it takes until the first decision can be made: read the shipped catalogue, blown up to 1,000 offerings, load terms, build the world.
//!
//! Goal (issue of the catalogue): everything loads within 50 ms.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, reason = "a benchmark")]

use std::sync::Arc;

use comity_catalogue::{Catalogue, SourceFile, shipped};
use comity_decide::Engine;
use comity_terms::{Terms, shipped_pack};
use comity_vocab::Instant;
use divan::Bencher;

/// 2026-11-23.
const NOW: Instant = Instant::from_seconds(1_795_392_000);
const OFFERINGS: usize = 1_000;

fn main() {
    divan::main();
}

/// The shipped files, and copies of the operators' under other names until there are enough offerings.
fn files() -> Vec<SourceFile> {
    let mut files = shipped();
    let operators: Vec<SourceFile> = files.iter().filter(|file| file.path.contains("operators/")).cloned().collect();
    let count = |files: &[SourceFile]| files.iter().map(|file| file.text.matches("[[offering]]").count()).sum::<usize>();
    let mut copy = 0;
    while count(&files) < OFFERINGS {
        copy += 1;
        for file in &operators {
            let id = file.path.rsplit('/').next().unwrap().trim_end_matches(".toml");
            let text =
                file.text.replace(&format!("id = \"{id}"), &format!("id = \"copy{copy}-{id}")).replace("= \"region\"", "= \"unknown\"");
            files.push(SourceFile { path: file.path.replace(id, &format!("copy{copy}-{id}")), text });
        }
    }
    files
}

fn parsed() -> Arc<Catalogue> {
    Arc::new(Catalogue::parse(files()).unwrap_or_else(|problems| panic!("{:?}", problems.first())))
}

#[divan::bench]
fn parse_the_catalogue(bencher: Bencher<'_, '_>) {
    let files = files();
    bencher.with_inputs(|| files.clone()).bench_values(|files| Catalogue::parse(files).unwrap().offering_ids().count());
}

#[divan::bench]
fn build_the_world(bencher: Bencher<'_, '_>) {
    let catalogue = parsed();
    bencher.bench(|| catalogue.at(NOW).offerings.len());
}

#[divan::bench]
fn load_terms(bencher: Bencher<'_, '_>) {
    bencher.bench(|| Terms::load(vec![shipped_pack("uk-public").unwrap().default_layer()]).unwrap().layers().len());
}

/// All of it, as a start does.
#[divan::bench]
fn everything(bencher: Bencher<'_, '_>) {
    let files = files();
    bencher.with_inputs(|| files.clone()).bench_values(|files| {
        let catalogue = Arc::new(Catalogue::parse(files).unwrap());
        let terms = Arc::new(Terms::load(vec![shipped_pack("uk-public").unwrap().default_layer()]).unwrap());
        Engine::new(terms, catalogue).world(NOW).offerings.len()
    });
}
