//! What terms decide about a whole catalogue, and which term makes two terms differ.

use comity_decide::{Blame, DataClass, Engine, Survey, changed};
use comity_vocab::Scale;

use crate::world::{Facts, NOW, PERMIT_ALL, engine, offering, term};

/// The differences as lines: offering, class, verdicts, blame.
fn check(before: &Engine, after: &Engine, class: DataClass, expected: &[&str]) {
    let lines: Vec<String> = Survey::new(before, NOW)
        .differences(&Survey::new(after, NOW), class)
        .iter()
        .map(|found| {
            let because: Vec<_> = found.because.iter().map(Blame::to_string).collect();
            let how = changed(&found.before, &found.after).unwrap();
            format!("{} {how:?} because {}", found.offering, because.join(", "))
        })
        .collect();
    assert_eq!(lines, expected);
}

fn two() -> [Facts; 2] {
    [Facts::default(), Facts { levels: vec![(Scale::Attestation, 3)], ..Facts::default() }]
}

fn with(policies: &[(&str, &str)]) -> Engine {
    let text: String = policies.iter().map(|(id, policy)| term(id, policy)).collect();
    engine(&[&text], &two())
}

const FORBID: &str = "forbid (principal, action == Action::\"infer\", resource)";

#[test]
fn a_forbid_is_to_blame_in_both_directions() {
    let all = with(&[("all", PERMIT_ALL)]);
    let strict = with(&[("all", PERMIT_ALL), ("attest", &format!("{FORBID} unless {{ resource.assurance.level.attestation >= 2 }};"))]);
    check(&all, &strict, DataClass::Public, &["t/m@0 Denied because attest"]);
    check(&strict, &all, DataClass::Public, &["t/m@0 Permitted because attest"]);
    check(&all, &all, DataClass::Secret, &[]);
}

#[test]
fn default_deny_blames_the_layer() {
    let all = with(&[("all", PERMIT_ALL)]);
    let critical = with(&[("some", "permit (principal, action == Action::\"infer\", resource) when { principal.critical };")]);
    check(&all, &critical, DataClass::Critical, &[]);
    let nothing = "because nothing in layer-0 permits it";
    check(&all, &critical, DataClass::Internal, &[&format!("t/m@0 Denied {nothing}"), &format!("t/m@1 Denied {nothing}")]);
}

#[test]
fn other_means_blame_what_asks_for_more() {
    let all = with(&[("all", PERMIT_ALL)]);
    let means = with(&[
        ("all", PERMIT_ALL),
        ("hide", &format!("{FORBID} when {{ context.data.personal }} unless {{ context.means.pseudonymised }};")),
    ]);
    check(&all, &means, DataClass::Personal, &["t/m@0 Means because hide", "t/m@1 Means because hide"]);
    check(&means, &all, DataClass::Personal, &["t/m@0 Means because hide", "t/m@1 Means because hide"]);
    check(&all, &means, DataClass::Public, &[]);
}

#[test]
fn a_term_that_names_an_offering_tells_equals_apart() {
    let one = "permit (principal, action == Action::\"infer\", resource == Offering::\"t/m@1\");";
    let (text, equals) = (term("one", one), [Facts::default(), Facts::default()]);
    let engine = engine(&[&text], &equals);
    let permitted = Survey::new(&engine, NOW).verdicts(DataClass::Public).into_iter().filter(|(_, verdict)| verdict.permits());
    assert_eq!(permitted.map(|(id, _)| id).collect::<Vec<_>>(), [offering(1)]);
}

#[test]
fn a_survey_is_what_admitting_each_offering_gives() {
    let facts = [two().to_vec(), two().to_vec()].concat();
    let engine = engine(&[&crate::world::uk_public()], &facts);
    for class in DataClass::ALL {
        let (call, candidates) = (class.call(comity_vocab::Action::Infer), crate::world::candidates(facts.len()));
        let mut query = crate::world::query(&call, &candidates);
        query.performable = comity_decide::all_means();
        let surveyed = Survey::new(&engine, NOW).verdicts(class);
        for (id, verdict) in engine.admit(&query).verdicts() {
            assert_eq!(changed(&surveyed[id], verdict), None, "{class}");
            assert_eq!(surveyed[id].permits(), verdict.permits(), "{class}");
        }
    }
}
