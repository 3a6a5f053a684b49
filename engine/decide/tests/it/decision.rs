//! Single decisions: layers, least means, preference, and what always denies.

use comity_decide::{Candidates, Engine, Query, Verdict};
use comity_vocab::{Classification, Instant, Means, MeansSet, Scale};

use crate::world::{Facts, PERMIT_ALL, call, candidates, catalogue_of, engine, offering, query, term, terms, uk_public};

/// The verdict on the first offering, as one line.
fn verdict(engine: &Engine, call: &comity_vocab::Call, performable: MeansSet) -> String {
    let candidates = candidates(1);
    let mut query = query(call, &candidates);
    query.performable = performable;
    engine.admit(&query).verdicts()[0].1.canonical()
}

fn no_training() -> Facts {
    Facts { levels: vec![(Scale::Training, 2)], ..Facts::default() }
}

#[test]
fn no_terms_deny_everything() {
    let engine = engine(&[], &[Facts::default()]);
    assert_eq!(verdict(&engine, &call(), MeansSet::NONE), "denial none ::");
}

#[test]
fn an_offering_that_the_catalogue_does_not_know_is_denied() {
    let engine = engine(&[&term("all", PERMIT_ALL)], &[Facts::default()]);
    let unknown = Candidates::new(vec!["x/y@z".parse().unwrap()]);
    let (call, permits) = (call(), engine.admit(&query(&call(), &unknown)).decide([0; 16]).permits);
    assert!(permits.is_empty());
    assert_eq!(verdict(&engine, &call, MeansSet::NONE), "permit none all prefer ");
}

#[test]
fn every_layer_must_permit_under_the_same_means() {
    let pseudonymised = term("p", "permit (principal, action == Action::\"infer\", resource) when { context.means.pseudonymised };");
    let attested = term("a", "permit (principal, action == Action::\"infer\", resource) when { context.means.attested };");
    let engine = engine(&[&pseudonymised, &attested], &[Facts::default()]);
    let both = MeansSet::from_iter([Means::Pseudonymised, Means::Attested]);
    assert_eq!(verdict(&engine, &call(), both), "permit pseudonymised+attested p,a prefer ");
    assert_eq!(verdict(&engine, &call(), MeansSet::NONE.with(Means::Attested)), "denial attested layer-0::");
}

#[test]
fn the_least_means_is_taken() {
    let any = term(
        "any",
        "permit (principal, action == Action::\"infer\", resource) when { context.means.sealed || context.means.pseudonymised };",
    );
    let engine = engine(&[&any], &[Facts::default()]);
    let all = MeansSet::from_iter(Means::ALL);
    assert_eq!(verdict(&engine, &call(), all), "permit pseudonymised any prefer ");
}

#[test]
fn unretained_needs_a_contract_strength_fact() {
    let unretained = term("u", "permit (principal, action == Action::\"infer\", resource) when { context.means.unretained };");
    let can = MeansSet::NONE.with(Means::Unretained);
    let denied = engine(&[&unretained], &[Facts::default()]);
    assert_eq!(verdict(&denied, &call(), can), "denial none layer-0::");
    let claimed = engine(&[&unretained], &[Facts { unretained: true, strength: "claimed", ..Facts::default() }]);
    assert_eq!(verdict(&claimed, &call(), can), "denial none layer-0::");
    let by_contract = engine(&[&unretained], &[Facts { unretained: true, ..Facts::default() }]);
    assert_eq!(verdict(&by_contract, &call(), can), "permit unretained u prefer ");
}

#[test]
fn an_evaluation_error_denies() {
    // 2^62 * 4 overflows, which Cedar answers by skipping the policy; here it denies although another term permits.
    let broken = term("b", "forbid (principal, action == Action::\"infer\", resource) when { 4611686018427387904 * 4 == 0 };");
    let engine = engine(&[&format!("{}{broken}", term("all", PERMIT_ALL))], &[Facts::default()]);
    assert_eq!(verdict(&engine, &call(), MeansSet::NONE), "denial none layer-0::b");
}

#[test]
fn heads_that_name_units_and_workloads_apply_to_them_alone() {
    let health = term("health", "permit (principal in Unit::\"ministry/health\", action == Action::\"infer\", resource);");
    let other = term("other", "forbid (principal in Unit::\"ministry/finance\", action == Action::\"infer\", resource);");
    let engine = engine(&[&format!("{health}{other}")], &[Facts::default()]);
    assert_eq!(verdict(&engine, &call(), MeansSet::NONE), "permit none health prefer ");
    let mut finance = call();
    finance.workload.unit = "ministry/finance/tax".parse().unwrap();
    assert_eq!(verdict(&engine, &finance, MeansSet::NONE), "denial none layer-0:other:");
}

#[test]
fn the_shipped_pack_decides_the_demonstrated_cases() {
    let own = Facts { control: "GB", processed: vec!["GB"], levels: vec![(Scale::Possession, 3)], ..Facts::default() };
    let (pack, abroad) = (uk_public(), no_training());
    let (foreign, home) = (engine(&[&pack], &[abroad]), engine(&[&pack], &[own]));
    let mut call = call();
    assert_eq!(verdict(&foreign, &call, MeansSet::NONE), "permit none ordinary-data prefer ");
    call.data.personal = true;
    assert_eq!(verdict(&foreign, &call, MeansSet::NONE), "denial none layer-0:personal-needs-protection:");
    assert_eq!(verdict(&home, &call, MeansSet::NONE), "permit none own-machines prefer ");
    assert_eq!(verdict(&foreign, &call, MeansSet::NONE.with(Means::Pseudonymised)), "permit pseudonymised ordinary-data prefer ");
    call.data.secrets = true;
    assert_eq!(verdict(&home, &call, MeansSet::NONE), "denial none layer-0:credentials-never-leave:");
    call.data.secrets = false;
    call.data.classification = Classification::Secret;
    assert_eq!(verdict(&home, &call, MeansSet::NONE), "denial none layer-0:clearance:");
}

#[test]
fn preference_ranks_and_admits_nothing() {
    let certified = Facts { certified_by: Some("US"), ..no_training() };
    let not_admitted = Facts { certified_by: Some("US"), ..Facts::default() };
    let engine = engine(&[&uk_public()], &[no_training(), certified, not_admitted]);
    let candidates = candidates(3);
    let decision = engine.admit(&query(&call(), &candidates)).decide([0; 16]);
    let permitted: Vec<_> = decision.permits.iter().map(|p| (p.offering().clone(), p.preferred())).collect();
    assert_eq!(permitted, [(offering(0), 0), (offering(1), 1)]);
    assert_eq!(decision.denials[0].offering, offering(2));
}

#[test]
fn a_fact_that_expires_no_longer_admits() {
    let operator = r#"
[operator]
id = "t"
name = "Test"
source = "the test"
read = "the test"
as_of = 2026-01-01
strength = "contract"
[[offering]]
id = "t/m@0"
upstream_model = "m"
surfaces = ["chat"]
processed_in = ["US"]
training = { value = 2, expires = 2026-12-01 }
"#;
    let engine = Engine::new(terms(&[&uk_public()]), catalogue_of(operator));
    let (call, candidates) = (call(), candidates(1));
    let permits_at = |seconds: i64| {
        let query = Query { instant: Instant::from_seconds(seconds), ..query(&call, &candidates) };
        matches!(engine.admit(&query).verdicts()[0].1, Verdict::Permit { .. })
    };
    let expiry = 1_796_083_200; // 2026-12-01T00:00:00Z
    // Asked again after the expiry and before it: the table of one epoch never answers for another.
    assert_eq!([expiry - 1, expiry, expiry - 1, expiry + 1].map(permits_at), [true, false, true, false]);
}

#[test]
fn the_decision_names_its_call() {
    let engine = engine(&[&uk_public()], &[no_training()]);
    let (call, candidates) = (call(), candidates(1));
    let decide = |id: u8| engine.admit(&query(&call, &candidates)).decide([id; 16]).digest;
    assert_eq!(decide(1), decide(1));
    assert_ne!(decide(1), decide(2));
    assert!(matches!(engine.admit(&query(&call, &candidates)).verdicts()[0].1, Verdict::Permit { .. }));
}
