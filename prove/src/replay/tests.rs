//! A counterexample that the engine does not confirm ends the proof, whatever made it.

use super::*;
use crate::cedar::{self, Cedar};
use crate::prover::Prover;
use crate::scope::Scope;
use crate::search::Search;
use crate::setting::{prover, unlinted};

const PLACE: Place = Place::new("one", "a", Asked::Admit(Action::Infer));

/// Asks for any case of a condition over `context.a` and `context.one`, whether it can be or not, and replays it.
fn replayed(terms: &str, condition: &Cedar, wanted: Wanted) -> Result<Example, ProveError> {
    let prover = prover(vec![unlinted(terms)], None);
    let scope = prover.scope_of(&[PLACE.asked], &[]);
    let inquiry = inquiry(&scope, condition.clone(), wanted);
    let model = unbounded(&prover, &scope, condition);
    prover.bench.replayed(&inquiry, &model)
}

fn inquiry(scope: &Scope, condition: Cedar, wanted: Wanted) -> Inquiry<'_> {
    let expects = vec![Expect { side: 0, place: PLACE, wanted }];
    Inquiry { name: "a planted question".to_owned(), scope, offerings: &["a"], calls: &["one"], condition, wishes: Vec::new(), expects }
}

/// Values under which the condition holds, first possible ones; then what the laws of `possible.rs` exclude is planted.
fn unbounded(prover: &Prover, scope: &Scope, condition: &Cedar) -> Model {
    let mut search = Search::new(scope, &["a"], &["one"]).unwrap();
    let known = search.known(condition).unwrap();
    let possible = search.find(&[known]).unwrap();
    assert!(!prover.bench.sides.is_empty());
    possible.unwrap_or_default()
}

fn why(result: Result<Example, ProveError>) -> String {
    match result.map(|example| example.decisions) {
        Err(ProveError::DoesNotReplay { question, why }) => {
            assert_eq!(question, "a planted question");
            why
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_replays_is_shown() {
    let example = replayed("permit open", &cedar::yes(), Wanted::Permitted).unwrap();
    assert_eq!(example.decisions[0].decision, "permitted");
}

#[test]
fn a_decision_that_the_engine_does_not_make_is_a_bug() {
    let why = why(replayed("permit open", &cedar::yes(), Wanted::Denied));
    assert!(why.contains("Denied was expected of `example-a/model@a`, and it is permitted"), "{why}");
}

/// A wrong law in `possible.rs`, say: possession that is only claimed counts for nothing.
#[test]
fn an_offering_that_the_loader_makes_worse_is_a_bug() {
    let terms = "permit own: resource.assurance.level.possession == 3";
    let own = cedar::equal(&cedar::path("a.assurance.level.possession"), &cedar::number(3));
    let prover = prover(vec![unlinted(terms)], None);
    let scope = prover.scope_of(&[PLACE.asked], &[]);
    let mut model = unbounded(&prover, &scope, &own);
    let inquiry = inquiry(&scope, own, Wanted::Permitted);
    assert!(prover.bench.replayed(&inquiry, &model).is_ok());
    model.single.insert("context.a.assurance.strength.possession".to_owned(), crate::search::Atom::Number(1));
    let why = why(prover.bench.replayed(&inquiry, &model));
    assert!(why.contains("Permitted was expected"), "{why}");
}

#[test]
fn an_offering_that_the_loader_refuses_is_a_bug() {
    let terms = "permit sealed: resource.assurance.level.seal == 4 && resource.assurance.level.seal_legal >= 1";
    let prover = prover(vec![unlinted(terms)], None);
    let scope = prover.scope_of(&[PLACE.asked], &[]);
    let top = cedar::equal(&cedar::path("a.assurance.level.seal"), &cedar::number(4));
    let legal = cedar::equal(&cedar::path("a.assurance.level.seal_legal"), &cedar::number(4));
    let condition = cedar::and(&top, &legal);
    let mut model = unbounded(&prover, &scope, &condition);
    let inquiry = inquiry(&scope, condition, Wanted::Permitted);
    assert!(prover.bench.replayed(&inquiry, &model).is_ok());
    model.single.insert("context.a.assurance.level.seal_legal".to_owned(), crate::search::Atom::Number(1));
    let why = why(prover.bench.replayed(&inquiry, &model));
    assert!(why.contains("the catalogue refuses its offering"), "{why}");
}
