//! What proofs are tested with: the shipped catalogue, a day, and the solver that `CVC5` names.

use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use comity_catalogue::{Catalogue, shipped};
use comity_prove::{Property, Prover, Report, Solver, Subject};
use comity_terms::{LayerSource, Terms, shipped_pack};
use comity_vocab::Instant;

pub(crate) static CATALOGUE: LazyLock<Arc<Catalogue>> = LazyLock::new(|| Arc::new(Catalogue::parse(shipped()).unwrap()));
/// 22 November 2026.
pub(crate) const DAY: Instant = Instant::from_seconds(1_795_305_600);

/// The solver; there must be one.
pub(crate) fn solver() -> Solver {
    let program = std::env::var_os("CVC5").map_or_else(|| PathBuf::from("cvc5"), PathBuf::from);
    Solver::at(program).expect("tests of proofs need cvc5: put it on PATH, or let CVC5 name it")
}

/// A shipped pack with its defaults.
pub(crate) fn pack(name: &str) -> Arc<Terms> {
    Arc::new(Terms::load(vec![shipped_pack(name).unwrap().default_layer()]).unwrap())
}

/// Terms of one layer.
pub(crate) fn terms(text: &str) -> Arc<Terms> {
    Arc::new(Terms::load(vec![layer("planted", text)]).unwrap())
}

fn layer(name: &str, text: &str) -> LayerSource {
    LayerSource { name: name.to_owned(), path: format!("{name}.cedar"), text: text.to_owned() }
}

pub(crate) fn prover(terms: Vec<Arc<Terms>>, solver: Option<Solver>) -> Prover {
    let subject = Subject { terms, catalogue: Arc::clone(&CATALOGUE), instant: DAY, at: "2026-11-22".to_owned() };
    Prover::new(subject, solver).unwrap()
}

/// With the solver.
pub(crate) fn prove(terms: Vec<Arc<Terms>>, property: &Property) -> Report {
    prover(terms, Some(solver())).prove(property).unwrap()
}
