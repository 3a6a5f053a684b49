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
use comity_prove::{Given, Property, Prover, Solver, Subject, Verdict, Wish};
use comity_terms::{LayerSource, Terms};

const SIZES: [usize; 3] = [10, 50, 300];
/// 22 November 2026.
const DAY: comity_vocab::Instant = comity_vocab::Instant::from_seconds(1_795_305_600);

fn main() {
    // `cargo bench` passes flags of its own; a word picks properties by name.
    let only = std::env::args().skip(1).find(|word| !word.starts_with('-')).unwrap_or_default();
    let catalogue = Arc::new(Catalogue::parse(shipped()).expect("the shipped catalogue"));
    let solver = Solver::at(std::env::var_os("CVC5").map_or_else(|| "cvc5".into(), Into::into)).ok();
    println!("solver: {}", solver.as_ref().map_or_else(|| "none".to_owned(), Solver::name));
    let kinds: [(&str, Planted); 2] = [("alike", alike), ("of many kinds", of_many_kinds)];
    for (name, planted) in kinds {
        println!("| terms {name}: property | {} |", SIZES.map(|size| format!("{size} terms, s")).join(" | "));
        println!("|---|{}", "---|".repeat(SIZES.len()));
        let mut totals = [Duration::ZERO; SIZES.len()];
        for property in properties().into_iter().filter(|property| property.name().contains(&only)) {
            let times = SIZES.map(|size| time(&property, planted(size), (&catalogue, solver.clone())));
            let first = times.first().map(|(time, _)| time.as_secs_f64()).unwrap_or_default();
            let cells: Vec<String> = times
                .iter()
                .map(|(time, verdict)| format!("{:.2} ({:.1}×) {verdict:?}", time.as_secs_f64(), time.as_secs_f64() / first))
                .collect();
            println!("| {} | {} |", property.name(), cells.join(" | "));
            totals.iter_mut().zip(times).for_each(|(total, (time, _))| *total += time);
        }
        println!("| all | {} |", totals.map(|total| format!("{:.1}", total.as_secs_f64())).join(" | "));
    }
}

/// Terms of a size.
type Planted = fn(usize) -> LayerSource;

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

fn time(property: &Property, planted: LayerSource, (catalogue, solver): (&Arc<Catalogue>, Option<Solver>)) -> (Duration, Verdict) {
    let terms = Arc::new(Terms::load(vec![planted]).expect("the terms of this file"));
    let both = if matches!(property, Property::Implies | Property::Equivalent) { 2 } else { 1 };
    let subject = Subject { terms: vec![terms; both], catalogue: Arc::clone(catalogue), instant: DAY, at: "2026-11-22".to_owned() };
    let start = Instant::now();
    let mut prover = Prover::new(subject, solver).expect("a prover");
    let report = prover.prove(property).expect("an answer");
    (start.elapsed(), report.verdict())
}

/// For each purpose a permit with conditions of its own and a forbid that narrows it.
fn alike(size: usize) -> LayerSource {
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
    layer(text)
}

/// As a ministry's terms grow: units, purposes, scales, blocs, countries, certificates and means, in conditions of one to four tests each. No
/// term gives more for less assurance.
fn of_many_kinds(size: usize) -> LayerSource {
    let mut dice = Dice(1);
    let mut text = String::new();
    for at in 0..size {
        let effect = if at % 2 == 0 { "permit" } else { "forbid" };
        // A forbid is of one unit, else so many leave nothing.
        let unit = if at % 4 == 0 { "principal".to_owned() } else { format!("principal in Unit::\"u{}\"", dice.below(12)) };
        let mut condition = if at % 2 == 0 { good(&mut dice) } else { format!("!({})", good(&mut dice)) };
        for _ in 0..dice.below(4) {
            let (good, join) = (good(&mut dice), dice.of(&["&&", "&&", "||"]));
            condition = if at % 2 == 0 { format!("({condition}) {join} {good}") } else { format!("({condition}) {join} !({good})") };
        }
        text.push_str(&format!(
            "@id(\"t{at}\") @goal(\"privacy\") @reason(\"planted\")\n\
             {effect} ({unit}, action in [Action::\"infer\", Action::\"embed\"], resource)\nwhen {{ {condition} }};\n"
        ));
    }
    layer(text)
}

/// A test that a better call or offering cannot fail where a worse one passes it.
fn good(dice: &mut Dice) -> String {
    const SCALES: [&str; 7] = ["attestation", "key_custody", "operator_access", "retention", "training", "exit", "seal"];
    const BLOCS: [&str; 4] = ["eu", "eu_adequate", "global_cbpr", "uk_approved"];
    const COUNTRIES: [&str; 16] = ["US", "CN", "FR", "DE", "GB", "JP", "KR", "IN", "BR", "CA", "CH", "NO", "SG", "AU", "IL", "AE"];
    let (bloc, country) = (dice.of(&BLOCS), dice.of(&COUNTRIES));
    match dice.below(11) {
        0 | 1 => format!("resource.assurance.level.{} >= {}", dice.of(&SCALES), dice.below(3) + 1),
        2 => format!("context.purpose == \"p{}\"", dice.below(25)),
        3 => format!("context.data.classification <= {}", dice.below(3)),
        4 => format!("resource.origin.control in Bloc::\"{bloc}\""),
        5 => format!("resource.origin.processed_within.contains(Bloc::\"{bloc}\")"),
        6 => format!("!resource.origin.compellable_by.contains(Jurisdiction::\"{country}\")"),
        7 => format!("resource.assurance.certifications.contains(\"{}\")", dice.of(&["iso27001", "soc2", "hds"])),
        8 => dice.of(&["!context.data.personal", "!context.data.special_category", "!context.data.secrets"]).to_owned(),
        9 => format!("context.means.{}", dice.of(&["pseudonymised", "attested", "unretained"])),
        _ => format!("resource.origin.operator in Bloc::\"{bloc}\""),
    }
}

/// The same throws each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn of(&mut self, list: &[&'static str]) -> &'static str {
        let at = usize::try_from(self.below(u64::MAX)).unwrap_or_default() % list.len().max(1);
        list.get(at).copied().unwrap_or_default()
    }
}

fn layer(text: String) -> LayerSource {
    LayerSource { name: "planted".to_owned(), path: "planted.cedar".to_owned(), text }
}
