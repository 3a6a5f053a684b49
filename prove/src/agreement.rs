//! The search and the solver decide the same questions by different means, so they must give the same answers: on random terms, over a grammar
//! that covers what terms can say, with the same conditions that properties ask about. What the search finds must replay.

use std::cell::Cell;

use comity_vocab::Action;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, RngSeed};

use crate::cedar::{self, Cedar};
use crate::inquiry::{Inquiry, whole};
use crate::pinned::Pinned;
use crate::place::Place;
use crate::property::equal::Pair;
use crate::property::{Given, Property};
use crate::prover::Seen;
use crate::rules::{Asked, Rules};
use crate::scope::Scope;
use crate::search::Search;
use crate::setting::{CATALOGUE, DAY, layers, prover, solver};
use crate::solver::Questions;

const FLAGS: [&str; 12] = [
    "context.data.personal",
    "context.data.special_category",
    "context.data.secrets",
    "context.data.opaque",
    "principal.critical",
    "resource.open_weights",
    "context.means.unretained",
    "context.means.pseudonymised",
    "context.means.attested",
    "context.means.sealed",
    "principal == Workload::\"clerk\"",
    "resource == Offering::\"acme/model@fr\"",
];
const NUMBERS: [&str; 7] = [
    "resource.assurance.level.training",
    "resource.assurance.level.seal",
    "resource.assurance.level.seal_legal",
    "resource.assurance.strength.training",
    "resource.assurance.level.possession",
    "context.data.classification",
    "principal.clearance",
];
const CODES: [&str; 4] =
    ["resource.origin.operator", "resource.origin.control", "resource.origin.developer", "resource.origin.governing_law"];
const PLACES: [&str; 5] = [
    "resource.origin.processed_in",
    "resource.origin.stored_in",
    "resource.origin.compellable_by",
    "resource.origin.hardware",
    "context.data.subjects",
];
const WITHIN: [&str; 4] = [
    "resource.origin.processed_within",
    "resource.origin.stored_within",
    "resource.origin.compellable_within",
    "resource.assurance.certified_in",
];
const NATIONS: [&str; 3] = ["Jurisdiction::\"US\"", "Jurisdiction::\"FR\"", "Jurisdiction::\"XX\""];
/// The second has members under a condition.
const BLOCS: [&str; 3] = ["Bloc::\"eu\"", "Bloc::\"eu_adequate\"", "Bloc::\"global_cbpr\""];
const WORDS: [&str; 9] = [
    "resource.assurance.certifications.contains(\"soc2\")",
    "resource.assurance.certifications.containsAll([\"soc2\", \"dpf\"])",
    "[\"soc2\", \"c5:2026\"].containsAll(resource.assurance.certifications)",
    "resource.assurance.transfer.containsAny([\"scc\", \"bcr\"])",
    "resource.assurance.certified_by.contains(Jurisdiction::\"FR\")",
    "context.data.kinds.contains(\"iban\")",
    "context.data.remote.isEmpty()",
    "context.purpose == \"care\"",
    "[\"care\", \"research\"].contains(context.purpose)",
];
const UNITS: [&str; 4] = [
    "principal in Unit::\"health\"",
    "principal in Unit::\"health/ward\"",
    "principal in [Unit::\"school\", Unit::\"health/ward\"]",
    "principal in Unit::\"health\" && Unit::\"health\".sector == \"public\"",
];
/// Pairs of sets of terms for each of four tests, which run side by side: 1,200 sets in all.
const CASES: u32 = 150;
/// Facts with facts. Jurisdictions are compared by terms in `tests/it/planted.rs`: with all that they can differ in, the solver takes seconds.
const COMPARED: [&str; 3] = [
    "context.data.classification <= principal.clearance",
    "resource.assurance.level.training > context.data.classification",
    "resource.assurance.level.training + resource.assurance.strength.training >= 3",
];

fn test() -> impl Strategy<Value = String> {
    let order = (select(&NUMBERS[..]), select(&["<", "<=", ">", ">=", "==", "!="][..]), 0u8..=4);
    let owned = |of: &'static [&'static str]| select(of).prop_map(str::to_owned);
    prop_oneof![
        4 => owned(&FLAGS),
        3 => order.prop_map(|(fact, op, number)| format!("{fact} {op} {number}")),
        2 => (select(&CODES[..]), select(&NATIONS[..])).prop_map(|(code, nation)| format!("{code} == {nation}")),
        2 => (select(&CODES[..]), select(&BLOCS[..])).prop_map(|(code, bloc)| format!("{code} in {bloc}")),
        1 => (select(&CODES[..]), select(&BLOCS[..])).prop_map(|(code, bloc)| format!("{code} in [{bloc}, Jurisdiction::\"FR\"]")),
        2 => (select(&PLACES[..]), select(&NATIONS[..])).prop_map(|(places, nation)| format!("{places}.contains({nation})")),
        1 => select(&PLACES[..]).prop_map(|places| format!("[{}].containsAll({places})", NATIONS[..2].join(", "))),
        1 => select(&PLACES[..]).prop_map(|places| format!("{places}.containsAny([{}])", NATIONS[1..].join(", "))),
        3 => (select(&WITHIN[..]), select(&BLOCS[..])).prop_map(|(within, bloc)| format!("{within}.contains({bloc})")),
        2 => owned(&WORDS),
        1 => owned(&UNITS),
        1 => owned(&COMPARED),
        1 => Just("action == Action::\"embed\"".to_owned()),
    ]
}

fn condition() -> impl Strategy<Value = String> {
    test().prop_recursive(2, 5, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|one| format!("!({one})")),
            (inner.clone(), inner.clone()).prop_map(|(one, other)| format!("({one}) && ({other})")),
            (inner.clone(), inner.clone()).prop_map(|(one, other)| format!("({one}) || ({other})")),
            (inner.clone(), inner.clone(), inner).prop_map(|(one, yes, no)| format!("(if {one} then {yes} else {no})")),
        ]
    })
}

/// Two to five terms, the first of which permits.
fn terms() -> impl Strategy<Value = String> {
    let effects = select(&["permit", "forbid", "forbid", "infer-permit", "embed-forbid"][..]);
    (condition(), proptest::collection::vec((effects, condition()), 1..4)).prop_map(|(first, others)| {
        let others = others.into_iter().enumerate().map(|(at, (effect, condition))| format!("\n{effect} t{at}: {condition}"));
        format!("permit first: {first}{}", others.collect::<String>())
    })
}

/// The same each time, and without files of earlier failures.
fn config(cases: u32, seed: u64) -> Config {
    Config {
        cases,
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: None,
        max_global_rejects: 65_536,
        max_shrink_iters: 60,
        ..Config::default()
    }
}

/// Terms that Cedar accepts: random ones are now and then impossible for their types.
fn load(text: &str) -> Option<comity_terms::Terms> {
    comity_terms::Terms::load_unlinted(layers(text)).ok()
}

/// What a property asks of two sides.
fn question(rules: &[Rules; 2], scope: &Scope, kind: u8) -> (&'static [&'static str], Cedar) {
    let asked = Asked::Admit(if kind.is_multiple_of(2) { Action::Infer } else { Action::Embed });
    let (a, b) = (Place::new("one", "a", asked), Place::new("one", "b", asked));
    let admits = |rules: &Rules, place| scope.admits(rules, place).unwrap();
    match kind / 2 {
        0 => {
            let (_, wish) = rules[1].all().next().unwrap();
            let permits = scope.permits_at_least_means(&rules[0], a).unwrap();
            (&["a"], cedar::and(&permits, &scope.matches(wish, a).unwrap()))
        }
        1 => (&["a"], cedar::and(&admits(&rules[0], a), &cedar::not(&admits(&rules[1], a)))),
        _ => {
            let same = |fact: String| cedar::equal(&cedar::path(&format!("a.{fact}")), &cedar::path(&format!("b.{fact}")));
            let assured = scope.offering_facts().filter(|(fact, _)| fact.starts_with("assurance.")).map(|(fact, _)| same(fact));
            (&["a", "b"], cedar::all(assured.chain([admits(&rules[0], a), cedar::not(&admits(&rules[0], b))])))
        }
    }
}

fn agree(cases: u32, seed: u64) {
    let pinned = Pinned::new(&CATALOGUE, DAY);
    let (questions, solver) = (Questions::new(), solver());
    let answers = [Cell::new(0_u32), Cell::new(0)];
    let mut runner = proptest::test_runner::TestRunner::new(config(cases, seed));
    let cases = (terms(), terms(), 0u8..6);
    let outcome = runner.run(&cases, |(one, other, kind)| {
        let (Some(first), Some(second)) = (load(&one), load(&other)) else { return Err(TestCaseError::reject("impossible terms")) };
        let rules = [Rules::new(&first).unwrap(), Rules::new(&second).unwrap()];
        let scope = Scope::new(rules.iter().flat_map(Rules::all).map(|(_, rule)| &rule.condition), &pinned);
        let (offerings, condition) = question(&rules, &scope, kind);
        let (name, wishes, expects) = Default::default();
        let inquiry = Inquiry { name, scope: &scope, offerings, calls: &["one"], condition, wishes, expects };
        let mut search = Search::new(&scope, offerings, &["one"]).unwrap();
        let known = search.known(&inquiry.condition).unwrap();
        let found = search.find(&[known]).unwrap().is_some();
        let solved = solver.is_possible(&questions, &whole(&inquiry)).unwrap();
        answers[usize::from(found)].update(|count| count + 1);
        prop_assert_eq!(found, solved, "search and solver: {}\n====\n{}\n({})", one, other, kind);
        Ok(())
    });
    outcome.unwrap();
    let [impossible, possible] = answers.map(Cell::into_inner);
    assert!(possible > 0 && impossible > 0, "{possible} possible, {impossible} impossible: a lopsided test");
}

#[test]
fn search_and_solver_agree_on_random_terms() {
    agree(CASES, 1);
}

#[test]
fn search_and_solver_agree_on_more_random_terms() {
    agree(CASES, 2);
}

#[test]
fn search_and_solver_agree_on_other_random_terms() {
    agree(CASES, 4);
}

#[test]
fn search_and_solver_agree_on_the_last_random_terms() {
    agree(CASES, 5);
}

/// Whatever is found is a call and offerings that the engine decides so; else the proof ends in an error.
#[test]
fn what_the_search_finds_in_random_terms_replays() {
    let mut runner = proptest::test_runner::TestRunner::new(config(20, 3));
    let outcome = runner.run(&(terms(), terms()), |(one, other)| {
        let (Some(first), Some(second)) = (load(&one), load(&other)) else { return Err(TestCaseError::reject("impossible terms")) };
        let mut prover = prover(vec![first.into(), second.into()], None);
        for property in [Property::Implies, Property::Monotone, Property::EqualTreatment(Given::default()), Property::Errors] {
            let report = prover.prove(&property);
            prop_assert!(report.is_ok(), "{}: {}\n====\n{}\n{}", property.name(), one, other, report.unwrap_err());
        }
        Ok(())
    });
    outcome.unwrap();
}

/// Slices prove less than the whole does, never more: where no term alone is to blame, the search finds nothing in all of them together.
#[test]
fn what_is_proved_term_by_term_is_proved_as_a_whole() {
    let sliced = Cell::new(0_u32);
    let mut runner = proptest::test_runner::TestRunner::new(config(200, 6));
    let outcome = runner.run(&(terms(), 0u8..2), |(one, kind)| {
        let Some(terms) = load(&one) else { return Err(TestCaseError::reject("impossible terms")) };
        let mut prover = prover(vec![terms.into()], None);
        let asked = Asked::Admit(if kind == 0 { Action::Infer } else { Action::Embed });
        let scope = prover.scope_of(&[asked], &[]);
        let fixed = |scope: &Scope| Given::default().same_in(scope);
        let (side, seen, prefers, differences) = (0, Seen::InPrinciple, false, Vec::new());
        let pair = Pair { scope: &scope, seen, side, asked, prefers, fixed: &fixed, names: &[], reads: &[], differences };
        let alike = prover.each_alike(&pair).unwrap();
        let monotone = prover.each_monotone([Place::new("one", "a", asked), Place::new("two", "b", asked)]).unwrap();
        for (slices, property) in [(alike, Property::EqualTreatment(Given::default())), (monotone, Property::Monotone)] {
            let (name, condition, wishes, expects) = (String::new(), cedar::yes(), Vec::new(), Vec::new());
            let whole = Inquiry { name, scope: &scope, offerings: &["a", "b"], calls: &["one", "two"], condition, wishes, expects };
            if prover.bench.none_possible(&whole, slices).is_none() {
                continue;
            }
            sliced.update(|count| count + 1);
            let report = prover.prove(&property).unwrap();
            // Means and the other action are questions of their own.
            let speaks_against = report.in_principle.iter().flat_map(|answer| &answer.findings).find(|finding| {
                let call = finding.example.iter().flat_map(|example| example.calls.values()).next();
                call.is_some_and(|call| Asked::Admit(call.action) == asked) && !finding.says.contains("means")
            });
            prop_assert!(speaks_against.is_none(), "{}: {}\n{:?}", property.name(), one, speaks_against);
        }
        Ok(())
    });
    outcome.unwrap();
    assert!(sliced.get() > 20, "only {} proved term by term: a lopsided test", sliced.get());
}
