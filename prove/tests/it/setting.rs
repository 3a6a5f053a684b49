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

/// Terms as a short text, one a line: `permit open`, `forbid abroad: resource.origin.control == Jurisdiction::"US"`; `--` begins another layer.
/// Effects: `permit`, `forbid` (both actions), `infer-permit`, `embed-permit`, `infer-forbid`, `embed-forbid`, `prefer`, `avoid`.
pub(crate) fn layers(text: &str) -> Vec<LayerSource> {
    let written = text.split("\n--\n").enumerate();
    written.map(|(at, terms)| layer(&format!("layer-{at}"), &terms.trim().lines().map(term).collect::<String>())).collect()
}

/// A short text as terms, past the lints: some of what is planted here is what they refuse.
pub(crate) fn unlinted(text: &str) -> Arc<Terms> {
    Arc::new(Terms::load_unlinted(layers(text)).unwrap_or_else(|problems| panic!("{text}: {problems:?}")))
}

/// One line of a short text as one line of Cedar.
fn term(line: &str) -> String {
    let (head, condition) = line.trim().split_once(": ").unwrap_or((line.trim(), ""));
    let (effect, id) = head.split_once(' ').expect("an effect and an id");
    let (effect, actions) = match effect {
        "permit" | "forbid" => (effect, "in [Action::\"infer\", Action::\"embed\"]"),
        "prefer" => ("permit", "== Action::\"prefer\""),
        "avoid" => ("forbid", "== Action::\"prefer\""),
        "infer-permit" | "infer-forbid" => (effect.trim_start_matches("infer-"), "== Action::\"infer\""),
        "embed-permit" | "embed-forbid" => (effect.trim_start_matches("embed-"), "== Action::\"embed\""),
        other => panic!("unknown effect `{other}`"),
    };
    let when = if condition.is_empty() { String::new() } else { format!("when {{ {condition} }}") };
    format!("@id(\"{id}\") @goal(\"security\") @reason(\"planted\") {effect} (principal, action {actions}, resource) {when};\n")
}
