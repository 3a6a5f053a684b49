//! Unknown is worst: making a fact unknown, letting it expire, or leaving it out never makes anything that is derived better.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use comity_vocab::{Jurisdiction, Offering, Origin, Places, Scale};
use proptest::prelude::*;

use crate::{NOW, catalogue, day, offering};

/// A fact of a file: its key, and its value as written.
type Line = (&'static str, String);

const NAMES: [&str; 4] = ["AA", "BB", "CC", "GB"];
/// Members of this bloc count for some offerings only.
const CONDITIONAL: &str = "[bloc.adequate]\nname = \"Adequate\"\nsource = \"s\"\nread = \"r\"\nas_of = 2020-01-01\n\
    members = [{ in = [\"AA\"] }, { in = [\"BB\"], only_with = \"iso27001\" }, { in = [\"CC\"], only_with = \"scc\" }]\n";
/// Taking this away uncovers what is derived, which may be less than what the source said.
const DERIVED_WITHOUT: &str = "compellable_by";

fn a_code() -> impl Strategy<Value = String> {
    proptest::sample::select(NAMES.to_vec()).prop_map(|name| format!("\"{name}\""))
}

fn some_codes() -> impl Strategy<Value = String> {
    proptest::sample::subsequence(NAMES.to_vec(), 1..=4).prop_map(|names| format!("{names:?}"))
}

fn some_lines() -> impl Strategy<Value = Vec<Line>> {
    let strength = || proptest::sample::select(vec!["claimed", "contract", "certified"]);
    let valued = |value: String, strength: &str| format!("{{ value = {value}, strength = \"{strength}\" }}");
    let code = |key| (a_code(), strength()).prop_map(move |(value, strength)| (key, valued(value, strength))).boxed();
    let codes = |key| (some_codes(), strength()).prop_map(move |(value, strength)| (key, valued(value, strength))).boxed();
    let flag = |key| (any::<bool>(), strength()).prop_map(move |(value, strength)| (key, valued(value.to_string(), strength))).boxed();
    let level = |scale: Scale| {
        // An objective below the level over all objectives would be refused.
        let least = if Scale::SEAL_OBJECTIVES.contains(&scale) { scale.top() } else { 0 };
        (least..=scale.top(), strength()).prop_map(move |(level, strength)| (scale.name(), valued(level.to_string(), strength))).boxed()
    };
    let certificate = (a_code(), strength())
        .prop_map(|(by, strength)| ("certificate.iso27001", format!("{{ by = {by}, strength = \"{strength}\" }}")))
        .boxed();
    let transfer = strength().prop_map(move |strength| ("transfer", valued("[\"scc\"]".to_owned(), strength))).boxed();
    let mut all = vec![certificate, transfer, flag("open_weights"), flag("unretained_on_request"), codes(DERIVED_WITHOUT)];
    all.extend(["operator", "control", "developer", "governing_law"].map(code));
    all.extend(["processed_in", "stored_in", "hardware"].map(codes));
    all.extend(Scale::ALL.map(level));
    let present = all.into_iter().map(|line| proptest::option::weighted(0.8, line)).collect::<Vec<_>>();
    present.prop_map(|lines| lines.into_iter().flatten().collect())
}

fn derive(lines: &[Line]) -> Offering {
    let mut text = String::from(
        "[operator]\nid = \"acme\"\nname = \"Acme\"\nsource = \"contract\"\nread = \"page 1\"\nas_of = 2026-01-01\nprocessed_in = \"unknown\"\n\
         [[offering]]\nid = \"acme/model@aa\"\nupstream_model = \"model\"\nsurfaces = [\"chat\"]\n",
    );
    for (key, value) in lines {
        writeln!(text, "{key} = {value}").unwrap();
    }
    let world = catalogue(&[("blocs.toml", CONDITIONAL), ("acme.toml", &text)]).at(day(NOW));
    offering(&world, "acme/model@aa").clone()
}

/// What terms may not profit from: every comparison is one that a term can make.
fn assert_no_better(worse: &Offering, before: &Offering) {
    let (a, b) = (&worse.assurance, &before.assurance);
    for scale in Scale::ALL {
        assert!(a.level.get(scale) <= b.level.get(scale) && a.strength.get(scale) <= b.strength.get(scale), "{scale:?}");
    }
    assert!(a.certifications.is_subset(&b.certifications));
    assert!(a.transfer.is_subset(&b.transfer));
    assert!(a.certified_by.is_subset(&b.certified_by));
    assert!(a.certified_in.is_subset(&b.certified_in));
    assert_no_better_origin(&worse.origin, &before.origin);
    assert!(worse.open_weights <= before.open_weights);
    assert!(worse.can_be_unretained <= before.can_be_unretained);
}

fn assert_no_better_origin(worse: &Origin, before: &Origin) {
    let same_or_unknown = |a: Jurisdiction, b: Jurisdiction| a == b || a.is_unknown();
    assert!(same_or_unknown(worse.operator, before.operator) && same_or_unknown(worse.control, before.control));
    assert!(same_or_unknown(worse.developer, before.developer) && same_or_unknown(worse.governing_law, before.governing_law));
    let holds = |a: &Places, b: &Places| a.known().is_none_or(|a| b.known().is_some_and(|b| b.is_subset(a)));
    assert!(holds(&worse.processed_in, &before.processed_in) && holds(&worse.stored_in, &before.stored_in));
    assert!(holds(&worse.compellable_by, &before.compellable_by) && holds(&worse.hardware, &before.hardware));
    let within = |a: &BTreeSet<_>, b: &BTreeSet<_>| a.is_subset(b);
    assert!(within(&worse.processed_within, &before.processed_within) && within(&worse.stored_within, &before.stored_within));
    assert!(within(&worse.compellable_within, &before.compellable_within));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn worsening_one_fact_never_improves_what_is_derived(lines in some_lines(), at in any::<prop::sample::Index>()) {
        prop_assume!(!lines.is_empty());
        let at = at.index(lines.len());
        let before = derive(&lines);

        let mut unknown = lines.clone();
        unknown[at].1 = "\"unknown\"".to_owned();
        assert_no_better(&derive(&unknown), &before);

        let mut expired = lines.clone();
        expired[at].1 = lines[at].1.replace(" }", ", expires = 2026-02-01 }");
        assert_no_better(&derive(&expired), &before);

        let mut unread = lines.clone();
        unread[at].1 = lines[at].1.replace(" }", ", source = \"hearsay\", as_of = 2026-01-01 }");
        assert_no_better(&derive(&unread), &before);

        if lines[at].0 != DERIVED_WITHOUT {
            let mut dropped = lines;
            dropped.remove(at);
            assert_no_better(&derive(&dropped), &before);
        }
    }
}
