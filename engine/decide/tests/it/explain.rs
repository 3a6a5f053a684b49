//! What a refused caller is told: the terms, and changes that truly help.

use comity_vocab::{Classification, MeansSet, Scale};

use crate::world::{Facts, call, candidates, engine, offering, query, uk_public};

fn no_training() -> Facts {
    Facts { levels: vec![(Scale::Training, 2)], ..Facts::default() }
}

/// The explanation as text: terms with what failed, then ways out.
fn explained(facts: Facts, change: impl FnOnce(&mut comity_vocab::Call)) -> String {
    let engine = engine(&[&uk_public()], &[facts]);
    let (mut call, candidates) = (call(), candidates(1));
    change(&mut call);
    let explanation = engine.explain(&query(&call, &candidates), &offering(0));
    let terms = explanation.terms.iter().map(|term| format!("{} {:?} {}", term.id, term.effect, term.failed.join("; ")));
    let ways = explanation.would_help.iter().map(|way| way.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and "));
    terms.chain(ways.map(|way| format!("-> {way}"))).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_forbid_names_what_would_have_spared_the_call() {
    let text = explained(no_training(), |call| call.data.personal = true);
    assert_eq!(
        text,
        "personal-needs-protection Forbid !context.data.personal or resource.origin.processed_within.contains(Bloc::\"uk_approved\") and \
         resource.origin.stored_within.contains(Bloc::\"uk_approved\") or context.means.unretained or \
         context.means.pseudonymised or context.means.attested and resource.assurance.level.attestation >= 2 or \
         resource.assurance.level.possession == 3\n\
         -> the means `pseudonymised`\n\
         -> the call without personal data\n\
         -> an offering with `possession` level 3 or more\n\
         -> an offering processed and stored only within `uk_approved`"
    );
}

#[test]
fn default_deny_names_the_nearest_permits() {
    let text = explained(Facts::default(), |_| {});
    assert!(text.contains("own-machines Permit resource.assurance.level.possession == 3"), "{text}");
    assert!(text.contains("-> an offering with `training` level 2 or more, by contract"), "{text}");
}

#[test]
fn two_changes_are_named_where_one_is_not_enough() {
    let facts = Facts { levels: vec![(Scale::Attestation, 3)], ..Facts::default() };
    let text = explained(facts, |call| call.data.classification = Classification::Confidential);
    assert!(text.contains("possession` level 3"), "{text}");
}

#[test]
fn clearance_and_credentials_are_the_callers_to_change() {
    let own = Facts { levels: vec![(Scale::Possession, 3)], ..Facts::default() };
    let text = explained(own.clone(), |call| call.data.classification = Classification::Secret);
    assert!(text.contains("-> a workload that is cleared for `secret`"), "{text}");
    let text = explained(own, |call| call.data.secrets = true);
    assert!(text.ends_with("-> the call without its credentials"), "{text}");
}

#[test]
fn a_permitted_offering_has_nothing_to_explain() {
    let engine = engine(&[&uk_public()], &[no_training()]);
    let (call, candidates) = (call(), candidates(1));
    let mut query = query(&call, &candidates);
    query.performable = MeansSet::NONE;
    let explanation = engine.explain(&query, &offering(0));
    assert!(explanation.terms.is_empty() && explanation.would_help.is_empty());
}
