//! Solvers that fail, in every way that was thought of: none of them makes a proof. The stand-ins are scripts below `tests/solvers`.

use std::path::Path;
use std::time::Duration;

use comity_prove::{Given, Property, Solver, Verdict, Wish};

use crate::setting::{prover, unlinted};

/// What a real solver confirms within a second.
const PROVABLE: &str = "permit trained: resource.assurance.level.training >= 2";
/// Long enough for a script to start; a solver that hangs is not waited for any longer.
const PATIENCE: Duration = Duration::from_secs(2);

fn stand_in(name: &str) -> Solver {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/solvers/{name}.sh"));
    Solver::at(program).unwrap().within(PATIENCE)
}

fn properties() -> [Property; 3] {
    let never = Wish::parse("resource.assurance.level.training <= 1").unwrap();
    [Property::EqualTreatment(Given::default()), Property::Monotone, Property::Never(never)]
}

#[test]
fn a_solver_that_fails_proves_nothing() {
    for (name, why) in [
        ("exits", "the solver gave no answer"),
        ("hangs", "the solver did not answer within 2 s"),
        ("unknown", "the solver gave no answer"),
        ("garbage", "the solver gave no answer"),
        ("dies", "the solver gave no answer"),
        ("half", "the solver gave no answer"),
        ("sat", "the search and the solver disagree"),
    ] {
        let properties = if name == "hangs" { properties()[..1].to_vec() } else { properties().to_vec() };
        for property in properties {
            let report = prover(vec![unlinted(PROVABLE)], Some(stand_in(name))).prove(&property).unwrap();
            let answer = report.in_principle.as_ref().unwrap();
            assert_eq!(answer.verdict, Verdict::Unknown, "{name}: {}", property.name());
            assert_eq!(report.verdict(), Verdict::Unknown, "{name}: {}", property.name());
            assert!(answer.because.iter().any(|because| because.contains(why)), "{name}: {:?}", answer.because);
            assert!(report.questions.iter().all(|question| question.solver != "impossible"), "{name}: {:?}", report.questions);
        }
    }
}

/// The same terms, so that the test above cannot pass for another reason.
#[test]
fn a_solver_that_works_proves_it() {
    for property in properties() {
        let report = prover(vec![unlinted(PROVABLE)], Some(crate::setting::solver())).prove(&property).unwrap();
        assert_eq!(report.verdict(), Verdict::Proved, "{}", property.name());
    }
}

/// The search alone may prove what it can say exactly, and nothing else.
#[test]
fn without_a_solver_what_the_search_cannot_say_stays_unknown() {
    let pattern = Property::Never(Wish::parse("context.purpose like \"a*\" && context.data.secrets && !context.data.secrets").unwrap());
    for (property, verdict, by) in [(properties()[0].clone(), Verdict::Proved, "exact search"), (pattern, Verdict::Unknown, "nobody")] {
        let report = prover(vec![unlinted(PROVABLE)], None).prove(&property).unwrap();
        assert_eq!((report.verdict(), report.solver), (verdict, None), "{}", property.name());
        assert_eq!(report.in_principle.unwrap().by, by);
    }
}

#[test]
fn what_is_not_a_solver_is_refused() {
    for (program, why) in [("/nowhere/cvc5", "does not run"), ("true", "is not cvc5")] {
        let error = Solver::at(program.into()).unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
    }
}
