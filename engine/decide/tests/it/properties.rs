//! Properties over random calls, offerings and terms.

use comity_decide::{Candidates, Engine, Verdict};
use comity_vocab::{Action, Call, Classification, Means, MeansSet, Scale};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use crate::world::{Facts, PERMIT_ALL, call, candidates, engine, query, term, uk_public};

const PLACES: [&str; 5] = ["GB", "FR", "US", "JP", "IN"];
const OFFERINGS: usize = 3;

/// Conditions that pass the lints, to build random terms from.
const CONDITIONS: [&str; 12] = [
    "context.data.classification <= 1",
    "!context.data.personal",
    "!context.data.secrets",
    "context.data.remote.isEmpty()",
    "!context.data.kinds.contains(\"email\")",
    "context.means.pseudonymised",
    "context.means.attested && resource.assurance.level.attestation >= 2",
    "resource.assurance.level.training >= 2 && resource.assurance.strength.training >= 2",
    "resource.origin.processed_within.contains(Bloc::\"uk_approved\")",
    "resource.origin.control in Bloc::\"uk_approved\"",
    "context.data.classification <= principal.clearance",
    "resource.assurance.certified_in.contains(Bloc::\"global_cbpr\")",
];

fn facts() -> impl Strategy<Value = Facts> {
    // Not the objectives of `seal`: the catalogue refuses one that is below it.
    let scales: Vec<Scale> = Scale::ALL.into_iter().filter(|scale| !Scale::SEAL_OBJECTIVES.contains(scale)).collect();
    let levels = proptest::collection::vec((select(scales), 0u8..=3), 0..5).prop_map(|mut levels| {
        levels.sort();
        levels.dedup_by_key(|(scale, _)| *scale);
        levels
    });
    let control = prop_oneof![select(&PLACES[..]), Just("XX")];
    let certified = proptest::option::of(select(&PLACES[..]));
    let strength = select(&["claimed", "contract", "certified"][..]);
    (control, subsequence(PLACES.to_vec(), 0..4), levels, strength, certified, any::<bool>()).prop_map(
        |(control, processed, levels, strength, certified_by, unretained)| Facts {
            control,
            processed,
            levels,
            strength,
            certified_by,
            unretained,
        },
    )
}

fn calls() -> impl Strategy<Value = Call> {
    let flags = any::<[bool; 6]>();
    let class = || select(&Classification::ALL[..]);
    let kinds = subsequence(vec!["email", "iban", "phone"], 0..3);
    (flags, class(), class(), kinds).prop_map(|(flags, classification, clearance, kinds)| {
        let mut call = call();
        call.action = if flags[0] { Action::Infer } else { Action::Embed };
        call.workload.clearance = clearance;
        call.data.classification = classification;
        call.data.personal = flags[1];
        call.data.secrets = flags[2];
        call.data.opaque = flags[3];
        call.data.special_category = flags[4];
        call.data.remote = flags[5].then(|| "url".to_owned()).into_iter().collect();
        call.data.kinds = kinds.into_iter().map(str::to_owned).collect();
        call
    })
}

fn means() -> impl Strategy<Value = MeansSet> {
    subsequence(Means::ALL.to_vec(), 0..=4).prop_map(|means| means.into_iter().collect())
}

/// A random layer of permits and forbids.
fn layers() -> impl Strategy<Value = String> {
    let policy = (any::<bool>(), subsequence(CONDITIONS.to_vec(), 0..3));
    proptest::collection::vec(policy, 1..5).prop_map(|policies| {
        let head = "(principal, action in [Action::\"infer\", Action::\"embed\"], resource)";
        let text = |(index, (permits, conditions)): (usize, (bool, Vec<&str>))| {
            let condition = if conditions.is_empty() { "context.data.classification <= 3".to_owned() } else { conditions.join(" && ") };
            let policy =
                if permits { format!("permit {head} when {{ {condition} }};") } else { format!("forbid {head} unless {{ {condition} }};") };
            term(&format!("t{index}"), &policy)
        };
        policies.into_iter().enumerate().map(text).collect()
    })
}

/// For each offering: whether it is permitted.
fn permitted(engine: &Engine, call: &Call, performable: MeansSet) -> Vec<bool> {
    let candidates = candidates(OFFERINGS);
    let mut query = query(call, &candidates);
    query.performable = performable;
    engine.admit(&query).verdicts().iter().map(|(_, verdict)| matches!(verdict, Verdict::Permit { .. })).collect()
}

fn never_more(before: &[bool], after: &[bool]) -> bool {
    before.iter().zip(after).all(|(before, after)| *before || !*after)
}

/// Every way to make a call one step worse.
fn worse_calls(call: &Call) -> Vec<Call> {
    let mut worse = Vec::new();
    let mut with = |change: &dyn Fn(&mut Call)| {
        let mut changed = call.clone();
        change(&mut changed);
        worse.push(changed);
    };
    with(&|call| call.data.personal = true);
    with(&|call| call.data.special_category = true);
    with(&|call| call.data.secrets = true);
    with(&|call| call.data.opaque = true);
    with(&|call| call.data.remote.extend(["web_search".to_owned()]));
    with(&|call| call.data.kinds.extend(["email".to_owned()]));
    with(&|call| call.data.classification = Classification::Secret);
    with(&|call| call.workload.clearance = Classification::Public);
    with(&|call| call.data.detector = 0);
    worse
}

/// Every way to make an offering one step worse.
fn worse_facts(facts: &Facts) -> Vec<Facts> {
    let mut worse = vec![
        Facts { control: "XX", ..facts.clone() },
        Facts { processed: vec![], ..facts.clone() },
        Facts { strength: "claimed", ..facts.clone() },
        Facts { certified_by: None, ..facts.clone() },
        Facts { unretained: false, ..facts.clone() },
    ];
    if !facts.processed.is_empty() {
        let wider = [facts.processed.as_slice(), &["US", "IN"]].concat();
        worse.push(Facts { processed: wider, ..facts.clone() });
    }
    for index in 0..facts.levels.len() {
        let mut lower = facts.clone();
        lower.levels[index].1 = lower.levels[index].1.saturating_sub(1);
        worse.push(lower);
        let mut without = facts.clone();
        without.levels.remove(index);
        worse.push(without);
    }
    worse
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn same_input_same_bytes(offerings in proptest::collection::vec(facts(), OFFERINGS), call in calls(), means in means(), layer in layers()) {
        let candidates = candidates(OFFERINGS);
        let decide = || {
            let engine = engine(&[&layer], &offerings);
            let mut query = query(&call, &candidates);
            query.performable = means;
            let admission = engine.admit(&query);
            let lines: Vec<String> = admission.verdicts().iter().map(|(_, verdict)| verdict.canonical()).collect();
            (admission.decide([7; 16]).digest, lines)
        };
        prop_assert_eq!(decide(), decide());
    }

    #[test]
    fn the_table_equals_fresh_evaluation(
        offerings in proptest::collection::vec(facts(), OFFERINGS),
        calls in proptest::collection::vec(calls(), 1..24),
        means in means(),
        layer in layers(),
    ) {
        let engine = engine(&[&layer], &offerings);
        let candidates = candidates(OFFERINGS);
        // Twice, so that the second round is answered from the table that the first filled.
        for call in calls.iter().chain(&calls) {
            let mut query = query(call, &candidates);
            query.performable = means;
            let (table, fresh) = (engine.admit(&query), engine.admit_fresh(&query));
            prop_assert_eq!(table.verdicts(), fresh.verdicts());
            prop_assert_eq!(table.decide([1; 16]).digest, fresh.decide([1; 16]).digest);
        }
    }

    #[test]
    fn a_forbid_or_a_layer_never_admits_more(
        offerings in proptest::collection::vec(facts(), OFFERINGS), call in calls(), means in means(), layer in layers(), other in layers(),
    ) {
        let before = permitted(&engine(&[&layer], &offerings), &call, means);
        let forbid = term("extra", "forbid (principal, action == Action::\"infer\", resource) when { context.data.personal };");
        let forbidden = permitted(&engine(&[&format!("{layer}{forbid}")], &offerings), &call, means);
        prop_assert!(never_more(&before, &forbidden));
        let renamed = other.replace("@id(\"t", "@id(\"u");
        let layered = permitted(&engine(&[&layer, &renamed], &offerings), &call, means);
        prop_assert!(never_more(&before, &layered));
        let widened = permitted(&engine(&[&layer, &term("wide", PERMIT_ALL)], &offerings), &call, means);
        prop_assert_eq!(before, widened);
    }

    #[test]
    fn a_worse_call_is_never_admitted_more(
        offerings in proptest::collection::vec(facts(), OFFERINGS), call in calls(), means in means(), layer in layers(), shipped in any::<bool>(),
    ) {
        let text = if shipped { uk_public() } else { layer };
        let engine = engine(&[&text], &offerings);
        let before = permitted(&engine, &call, means);
        for worse in worse_calls(&call) {
            prop_assert!(never_more(&before, &permitted(&engine, &worse, means)), "{:?}", worse.data);
        }
    }

    #[test]
    fn a_worse_offering_is_never_admitted_more(facts in facts(), call in calls(), means in means(), layer in layers(), shipped in any::<bool>()) {
        let text = if shipped { uk_public() } else { layer };
        let worse = worse_facts(&facts);
        let offerings: Vec<Facts> = std::iter::once(facts).chain(worse).collect();
        let engine = engine(&[&text], &offerings);
        let candidates: Candidates = candidates(offerings.len());
        let mut query = query(&call, &candidates);
        query.performable = means;
        let admission = engine.admit(&query);
        let permits: Vec<bool> = admission.verdicts().iter().map(|(_, verdict)| matches!(verdict, Verdict::Permit { .. })).collect();
        for (index, permit) in permits.iter().enumerate() {
            prop_assert!(permits[0] || !permit, "worse offering {:?} is admitted", offerings[index]);
        }
    }

    #[test]
    fn fewer_means_never_admit_more(offerings in proptest::collection::vec(facts(), OFFERINGS), call in calls(), means in means(), layer in layers()) {
        let engine = engine(&[&layer], &offerings);
        let before = permitted(&engine, &call, means);
        for fewer in means.subsets() {
            prop_assert!(never_more(&before, &permitted(&engine, &call, fewer)));
        }
    }
}
