//! How long proofs take as terms grow: every property over 10, 50 and 300 terms, in seconds on the clock with the solver's, and as a ratio
//! to the same property over 10 terms in the same run.
//!
//! The terms are fair and each makes a difference, which is the dear case: nothing is found early, and the solver confirms the proof.
#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::disallowed_macros,
    reason = "a benchmark reads the clock and prints"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use comity_catalogue::{Catalogue, shipped};
use comity_prove::{Given, Property, Prover, Solver, Subject, Wish};
use comity_terms::{LayerSource, Terms};

const SIZES: [usize; 3] = [10, 50, 300];
/// 22 November 2026.
const DAY: comity_vocab::Instant = comity_vocab::Instant::from_seconds(1_795_305_600);

fn main() {
    let catalogue = Arc::new(Catalogue::parse(shipped()).expect("the shipped catalogue"));
    let solver = Solver::at(std::env::var_os("CVC5").map_or_else(|| "cvc5".into(), Into::into)).ok();
    println!("solver: {}", solver.as_ref().map_or_else(|| "none".to_owned(), Solver::name));
    println!("| property | {} |", SIZES.map(|size| format!("{size} terms, s")).join(" | "));
    println!("|---|{}", "---|".repeat(SIZES.len()));
    let mut totals = [Duration::ZERO; SIZES.len()];
    for property in properties() {
        let times = SIZES.map(|size| time(&property, size, (&catalogue, solver.clone())));
        let first = times.first().copied().unwrap_or_default().as_secs_f64();
        let cells: Vec<String> =
            times.iter().map(|time| format!("{:.2} ({:.1}×)", time.as_secs_f64(), time.as_secs_f64() / first)).collect();
        println!("| {} | {} |", property.name(), cells.join(" | "));
        totals.iter_mut().zip(times).for_each(|(total, time)| *total += time);
    }
    println!("| all | {} |", totals.map(|total| format!("{:.1}", total.as_secs_f64())).join(" | "));
}

fn properties() -> Vec<Property> {
    let wish = Wish::parse("context.data.special_category && resource.assurance.level.attestation < 1 && !context.means.pseudonymised");
    vec![
        Property::Errors,
        Property::Vacuous,
        Property::Redundant,
        Property::Shadowed,
        Property::Complete,
        Property::Implies,
        Property::Equivalent,
        Property::Never(wish.expect("a condition")),
        Property::EqualTreatment(Given::default()),
        Property::EqualPreference(Given::default()),
        Property::Monotone,
        Property::OtherMeans,
        Property::Survives(["US".parse().expect("a code")].into()),
    ]
}

fn time(property: &Property, size: usize, (catalogue, solver): (&Arc<Catalogue>, Option<Solver>)) -> Duration {
    let terms = Arc::new(Terms::load(vec![planted(size)]).expect("the terms of this file"));
    let both = if matches!(property, Property::Implies | Property::Equivalent) { 2 } else { 1 };
    let subject = Subject { terms: vec![terms; both], catalogue: Arc::clone(catalogue), instant: DAY, at: "2026-11-22".to_owned() };
    let start = Instant::now();
    let mut prover = Prover::new(subject, solver).expect("a prover");
    prover.prove(property).expect("an answer");
    start.elapsed()
}

/// For each purpose a permit with conditions of its own and a forbid that narrows it.
fn planted(size: usize) -> LayerSource {
    let mut text = String::new();
    for at in 0..size / 2 {
        let (attestation, retention, class) = (at % 4, at / 4 % 3, at / 12 % 4);
        text.push_str(&format!(
            "@id(\"p{at}\") @goal(\"privacy\") @reason(\"planted\")\n\
             permit (principal, action in [Action::\"infer\", Action::\"embed\"], resource)\n\
             when {{ context.purpose == \"p{at}\" && context.data.classification <= {class} && resource.assurance.level.retention >= {retention} }};\n\
             @id(\"f{at}\") @goal(\"privacy\") @reason(\"planted\")\n\
             forbid (principal, action in [Action::\"infer\", Action::\"embed\"], resource)\n\
             when {{ context.purpose == \"p{at}\" && context.data.special_category }}\n\
             unless {{ context.means.pseudonymised || resource.assurance.level.attestation > {attestation} || \
             resource.assurance.certifications.contains(\"iso27001\") }};\n"
        ));
    }
    LayerSource { name: format!("planted-{size}"), path: "planted.cedar".to_owned(), text }
}
