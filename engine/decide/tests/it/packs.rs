//! The shipped packs over the shipped catalogue: each alone, each pair as layers, and one under an organisation's own.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use comity_catalogue::{Catalogue, shipped};
use comity_decide::{Candidates, DataClass, Engine, Query, Survey, Verdict, unknown_names};
use comity_terms::{LayerSource, Terms, shipped_pack, shipped_pack_names};
use comity_vocab::{Action, Means, MeansSet, OfferingId, Scale};

use crate::world::{Facts, NOW, engine, offering, term, uk_public};

fn layer(name: &str) -> LayerSource {
    shipped_pack(name).unwrap().default_layer()
}

fn load(layers: Vec<LayerSource>) -> Arc<Terms> {
    Arc::new(Terms::load(layers).unwrap_or_else(|problems| panic!("{}", problems[0])))
}

/// An engine without terms, whose catalogue the others share.
fn nothing() -> Engine {
    let catalogue = Catalogue::parse(shipped()).unwrap_or_else(|problems| panic!("{problems:#?}"));
    Engine::new(load(Vec::new()), Arc::new(catalogue))
}

#[test]
fn every_pack_stands_alone_and_names_what_the_catalogue_has() {
    let ground = nothing();
    for name in shipped_pack_names() {
        let terms = load(vec![layer(name)]);
        assert_eq!(unknown_names(&terms, &ground.world(NOW)), [], "{name}");
        let admits = terms.layers()[0].admit().policies().any(|policy| policy.effect() == cedar_policy::Effect::Permit);
        assert!(admits, "{name} permits nothing: as a layer of its own it would deny everything");
    }
}

#[test]
fn no_two_packs_use_one_id() {
    load(shipped_pack_names().into_iter().map(layer).collect());
}

/// What one pack permits, by class and offering.
type Permitted = BTreeMap<DataClass, BTreeMap<OfferingId, bool>>;

fn permitted(engine: &Engine) -> Permitted {
    let survey = Survey::new(engine, NOW);
    let class = |class| (class, survey.verdicts(class).into_iter().map(|(id, verdict)| (id, verdict.permits())).collect());
    DataClass::ALL.into_iter().map(class).collect()
}

/// What each pack permits, and an engine whose catalogue they share.
static ALONE: LazyLock<(Engine, Vec<(&str, Permitted)>)> = LazyLock::new(|| {
    let ground = nothing();
    let alone = |name| (name, permitted(&ground.with_terms(load(vec![layer(name)]))));
    let packs = shipped_pack_names().into_iter().map(alone).collect();
    (ground, packs)
});

/// Half of the pairs, so that two tests share the work.
fn check_pairs(half: usize) {
    let (ground, packs) = &*ALONE;
    let pairs = packs.iter().enumerate().flat_map(|(at, one)| packs.iter().skip(at + 1).map(move |other| (one, other)));
    pairs.enumerate().filter(|(at, _)| at % 2 == half).for_each(|(_, (one, other))| check_pair(ground, one, other));
}

#[test]
fn what_two_packs_permit_together_each_permits_alone_even() {
    check_pairs(0);
}

#[test]
fn what_two_packs_permit_together_each_permits_alone_odd() {
    check_pairs(1);
}

/// A layer could widen another only where the two disagree. One such offering for each class, not the same one for every pair: an
/// evaluation of two packs under all their means is slow without optimisation.
fn check_pair(ground: &Engine, (one, by_one): &(&str, Permitted), (other, by_other): &(&str, Permitted)) {
    let both = ground.with_terms(load(vec![layer(one), layer(other)]));
    let reads = |means: &Means| both.terms().reads().reads(&format!("context.means.{}", means.name()));
    let performable = Means::ALL.into_iter().filter(reads).collect();
    for (at, class) in DataClass::ALL.into_iter().enumerate() {
        let disagreed: Vec<_> = by_one[&class].iter().filter(|(id, permits)| by_other[&class][*id] != **permits).collect();
        let Some((id, _)) = disagreed.get((at + one.len() * other.len()) % disagreed.len().max(1)) else { continue };
        let candidates = Candidates::new(vec![(*id).clone()]);
        let query = Query { call: &class.call(Action::Infer), performable, candidates: &candidates, instant: NOW };
        let permits = both.admit_fresh(&query).verdicts()[0].1.permits();
        assert!(!permits, "{one} under {other} permits {class} data to {id}, and one of them alone does not");
    }
}

/// Our nation's terms over ours: nothing is kept, wherever it goes.
fn under_an_own_layer(facts: &[Facts]) -> Engine {
    let own = "permit (principal, action in [Action::\"infer\", Action::\"embed\"], resource) when { context.means.unretained };";
    engine(&[&uk_public(), &term("own-nothing-is-kept", own)], facts)
}

#[test]
fn an_own_layer_narrows_uk_public_and_adds_its_means() {
    let kept = Facts { levels: vec![(Scale::Training, 2)], ..Facts::default() };
    let unretained = Facts { unretained: true, ..kept.clone() };
    let trains = Facts { unretained: true, ..Facts::default() };
    let engine = under_an_own_layer(&[kept, unretained, trains]);
    let check = |class: DataClass, expected: [Option<&str>; 3]| {
        let means = |verdict: &Verdict| match verdict {
            Verdict::Permit { means, .. } => Some(means.to_string()),
            Verdict::Denial { .. } => None,
        };
        let found = Survey::new(&engine, NOW).verdicts(class);
        let found: Vec<_> = (0..3).map(|at| means(&found[&offering(at)])).collect();
        assert_eq!(found.iter().map(Option::as_deref).collect::<Vec<_>>(), expected, "{class}");
    };
    check(DataClass::Public, [None, Some("unretained"), None]);
    check(DataClass::Personal, [None, Some("unretained+pseudonymised"), None]);
    check(DataClass::Confidential, [None, None, None]);
}

#[test]
fn under_an_own_layer_uk_public_permits_nothing_more() {
    let ground = nothing();
    let own =
        "permit (principal, action in [Action::\"infer\", Action::\"embed\"], resource) when { resource.assurance.level.retention >= 1 };";
    let own = LayerSource { name: "own".to_owned(), path: "own.cedar".to_owned(), text: term("own", own) };
    let alone = ground.with_terms(load(vec![layer("uk-public")]));
    let under = ground.with_terms(load(vec![layer("uk-public"), own]));
    let (alone, under) = (Survey::new(&alone, NOW), Survey::new(&under, NOW));
    let means = |verdict: &Verdict| if let Verdict::Permit { means, .. } = verdict { *means } else { MeansSet::NONE };
    let mut narrowed = 0;
    for class in DataClass::ALL {
        let before = alone.verdicts(class);
        for (id, after) in under.verdicts(class) {
            assert!(before[&id].permits() || !after.permits(), "{class} data to {id}");
            assert!(!after.permits() || means(&before[&id]) == means(&after), "{class} data to {id}");
            narrowed += usize::from(before[&id].permits() && !after.permits());
        }
    }
    assert!(narrowed > 0, "an own layer should narrow something in the shipped catalogue");
}
