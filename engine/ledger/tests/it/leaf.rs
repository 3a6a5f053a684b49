//! One leaf has one form: canonical bytes, read back as the same leaf, and nothing else is read at all.

use comity_ledger::{
    Candidates, Changed, ChangedKeys, Classes, Commitments, Cost, DecisionLeaf, Drill, DrillPhase, Durability, Erased, ErasureReason,
    ErasureScope, Event, EventLeaf, KeyChanged, Leaf, LeafError, Minute, Outcome, OutcomeLeaf, Performed, ProofDone, ProofVerdict, Started,
    Stopped, Verdict,
};
use comity_vocab::{Classification, Data, Digest, Instant, Means, Micros};
use proptest::option;
use proptest::prelude::*;

fn digest() -> impl Strategy<Value = Digest> {
    any::<[u8; 32]>().prop_map(Digest::from_bytes)
}

fn classes() -> impl Strategy<Value = Classes> {
    let flags = any::<[bool; 5]>();
    (0_usize..4, flags).prop_map(|(class, [personal, special_category, secrets, opaque, remote])| {
        let remote = if remote { ["url".to_owned()].into() } else { Default::default() };
        let classification = Classification::ALL[class];
        Classes::of(&Data { classification, personal, special_category, secrets, opaque, remote, ..Data::default() })
    })
}

fn outcome() -> impl Strategy<Value = Outcome> {
    proptest::sample::select(Outcome::ALL.to_vec())
}

fn minute() -> impl Strategy<Value = Minute> {
    any::<i64>().prop_map(|micros| Minute::of(Instant(micros)))
}

fn decision_leaf() -> impl Strategy<Value = Leaf> {
    let digests = [digest(), digest(), digest(), digest(), digest(), digest(), digest(), digest(), digest()];
    let named = || "[a-z]{1,8}/[a-zA-Z0-9._:-]{1,12}@[a-z0-9-]{1,8}".prop_map(|text| text.parse().unwrap());
    let offering = (option::of(named()), option::of(proptest::collection::vec(named(), 0..40)));
    let terms = proptest::collection::vec("[a-zA-Z0-9._:/-]{1,40}".prop_map(|text| text.parse().unwrap()), 0..6);
    let means = proptest::sample::subsequence(Means::ALL.to_vec(), 0..=4).prop_map(|means| means.into_iter().collect());
    let rest = (any::<u32>(), option::of(outcome()), any::<bool>(), any::<bool>(), classes(), any::<u8>(), minute());
    (digests, offering, terms, means, rest).prop_map(|(d, offering, term_ids, means, rest)| {
        let (hop, previous, permit, commit, classes, size_class, minute) = rest;
        let (offering, candidates) = offering;
        Leaf::from(DecisionLeaf {
            call: d[0],
            hop,
            previous,
            decision: d[1],
            terms: d[2],
            catalogue: d[3],
            facts: d[4],
            candidates: candidates.map(|ids| Candidates::of(&ids)),
            offering,
            verdict: if permit { Verdict::Permit } else { Verdict::Denial },
            means,
            term_ids,
            classes,
            size_class,
            commitments: Commitments { call: d[5], caller: d[6], sequence: d[7], workload: d[8] },
            durability: if commit { Durability::Commit } else { Durability::Os },
            minute,
        })
    })
}

fn outcome_leaf() -> impl Strategy<Value = Leaf> {
    let cost = option::of((any::<u64>(), "[A-Z]{3}").prop_map(|(micros, c)| Cost { currency: c.parse().unwrap(), micros: Micros(micros) }));
    let tokens = (option::of(any::<u32>()), option::of(any::<u32>()), any::<bool>());
    let rest = (any::<u32>(), outcome(), any::<u16>(), (any::<u8>(), performed()), option::of(digest()), minute());
    (digest(), digest(), cost, tokens, rest).prop_map(|(call, decision, cost, (tokens_in, tokens_out, estimated), rest)| {
        let (hop, outcome, status, (latency_class, performed), answer, minute) = rest;
        Leaf::from(OutcomeLeaf {
            call,
            decision,
            hop,
            outcome,
            status,
            tokens_in,
            tokens_out,
            estimated,
            cost,
            latency_class,
            performed,
            answer,
            minute,
        })
    })
}

fn performed() -> impl Strategy<Value = Performed> {
    let means = proptest::sample::subsequence(Means::ALL.to_vec(), 0..=4).prop_map(|means| Performed::Did(means.into_iter().collect()));
    prop_oneof![Just(Performed::Unsaid), Just(Performed::Unknown), means]
}

fn event_leaf() -> impl Strategy<Value = Leaf> {
    let changed = || (digest(), digest()).prop_map(|(after, before)| Changed { after, before });
    let scope =
        proptest::sample::select(vec![ErasureScope::Before, ErasureScope::DataSubject, ErasureScope::Tenant, ErasureScope::Workload]);
    let reason = proptest::sample::select(ErasureReason::ALL.to_vec());
    let erased = (option::of(minute()), 0..1_u64 << 53, reason, scope, digest())
        .prop_map(|(before, keys, reason, scope, selector)| Erased { before, keys, reason, scope, selector });
    let started = (digest(), digest(), "[0-9]\\.[0-9]{1,3}\\.[0-9]").prop_map(|(catalogue, terms, program)| Started {
        catalogue,
        durability: Durability::Os,
        program,
        terms,
    });
    let event = prop_oneof![
        erased.prop_map(Event::Erased),
        changed().prop_map(Event::TermsChanged),
        changed().prop_map(Event::CatalogueChanged),
        digest().prop_map(|digest| Event::KeyChanged(KeyChanged { digest, what: ChangedKeys::ApiKeys })),
        digest().prop_map(|digest| Event::KeyChanged(KeyChanged { digest, what: ChangedKeys::Signer })),
        digest().prop_map(|digest| Event::Drill(Drill { digest, phase: DrillPhase::Begun })),
        digest().prop_map(|digest| Event::Drill(Drill { digest, phase: DrillPhase::Ended })),
        proof_done().prop_map(Event::Proof),
        started.prop_map(Event::Started),
        any::<bool>().prop_map(|complete| Event::Stopped(Stopped { complete })),
    ];
    (event, minute()).prop_map(|(event, minute)| EventLeaf { event, minute }.into())
}

fn proof_done() -> impl Strategy<Value = ProofDone> {
    let verdict = proptest::sample::select(vec![ProofVerdict::Proved, ProofVerdict::Unknown, ProofVerdict::Violated]);
    let terms = proptest::collection::vec(digest(), 1..3);
    (digest(), digest(), "[a-z-]{1,64}", terms, verdict).prop_map(|(catalogue, proof, property, terms, verdict)| {
        let property = property.parse().unwrap();
        ProofDone { catalogue, proof, property, terms, verdict }
    })
}

fn leaf() -> impl Strategy<Value = Leaf> {
    prop_oneof![decision_leaf(), outcome_leaf(), event_leaf()]
}

proptest! {
    #[test]
    fn a_leaf_is_read_back_as_it_was(leaf in leaf()) {
        prop_assert_eq!(Leaf::from_bytes(&leaf.to_bytes()), Ok(leaf));
    }

    #[test]
    fn bytes_are_those_of_an_independent_rfc_8785_writer(leaf in leaf()) {
        let bytes = leaf.to_bytes();
        let value: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        prop_assert_eq!(String::from_utf8(bytes).unwrap(), serde_json_canonicalizer::to_string(&value).unwrap());
    }

    #[test]
    fn a_changed_byte_is_refused_or_another_leaf(leaf in leaf(), at in any::<prop::sample::Index>(), flip in 1_u8..) {
        let mut bytes = leaf.to_bytes();
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        prop_assert_ne!(Leaf::from_bytes(&bytes), Ok(leaf));
    }

    #[test]
    fn any_bytes_are_read_or_refused_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Leaf::from_bytes(&bytes);
    }
}

/// Outsiders parse these bytes for years: a change here is a new version.
#[test]
fn leaves_look_like_this() {
    let zero = Digest::from_bytes([0; 32]);
    let decision = DecisionLeaf {
        call: zero,
        hop: 1,
        previous: Some(Outcome::UpstreamFailed),
        decision: zero,
        terms: zero,
        catalogue: zero,
        facts: zero,
        candidates: None,
        offering: Some("own/model@here".parse().unwrap()),
        verdict: Verdict::Permit,
        means: [Means::Unretained].into_iter().collect(),
        term_ids: vec!["home".parse().unwrap()],
        classes: Classes::of(&Data::default()),
        size_class: 11,
        commitments: Commitments { call: zero, caller: zero, sequence: zero, workload: zero },
        durability: Durability::Commit,
        minute: Minute::of(Instant::from_seconds(1_800_000_000)),
    };
    let outcome = OutcomeLeaf {
        cost: Some(Cost { currency: "EUR".parse().unwrap(), micros: Micros(u64::MAX) }),
        tokens_in: Some(7),
        performed: Performed::Unsaid,
        ..OutcomeLeaf::bare((decision.call, decision.decision, decision.hop), Outcome::Ok, decision.minute)
    };
    let z = "0".repeat(64);
    let expected = format!(
        r#"{{"call":"{z}","catalogue":"{z}","classes":63,"commitments":{{"call":"{z}","caller":"{z}","sequence":"{z}","workload":"{z}"}},"decision":"{z}","durability":"commit","facts":"{z}","hop":1,"kind":"decision","means":["unretained"],"minute":30000000,"offering":"own/model@here","previous":"upstream_failed","size_class":11,"term_ids":["home"],"terms":"{z}","v":1,"verdict":"permit"}}"#
    );
    let text = |leaf: Leaf| String::from_utf8(leaf.to_bytes()).unwrap();
    assert_eq!(text(decision.clone().into()), expected);
    let named = DecisionLeaf { candidates: Some(Candidates::of(&["own/model@here".parse().unwrap()])), ..decision };
    let candidates = r#""candidates":{"first":["own/model@here"],"total":1},"catalogue""#;
    assert_eq!(text(named.into()), expected.replace(r#""catalogue""#, candidates).replace(r#""v":1"#, r#""v":2"#));
    let expected = format!(
        r#"{{"answer":null,"call":"{z}","cost":{{"currency":"EUR","micros":"18446744073709551615"}},"decision":"{z}","hop":1,"kind":"outcome","latency_class":0,"minute":30000000,"outcome":"ok","status":0,"tokens_in":7,"tokens_out":null,"v":1}}"#
    );
    assert_eq!(text(outcome.clone().into()), expected);
    let did = OutcomeLeaf { performed: Performed::Did([Means::Unretained].into_iter().collect()), ..outcome.clone() };
    let version_2 = |means: &str| expected.replace(r#""minute""#, &format!(r#""means":{means},"minute""#)).replace(r#""v":1"#, r#""v":2"#);
    assert_eq!(text(did.into()), version_2(r#"["unretained"]"#));
    assert_eq!(text(OutcomeLeaf { performed: Performed::Unknown, ..outcome }.into()), version_2("null"));
    let stopped = EventLeaf { event: Event::Stopped(Stopped { complete: true }), minute: Minute::of(Instant(0)) };
    assert_eq!(text(stopped.into()), r#"{"detail":{"complete":true},"kind":"stopped","minute":0,"v":1}"#);
}

#[test]
fn refusals_say_what_is_wrong() {
    let check = |text: &str, expected: &str| assert_eq!(Leaf::from_bytes(text.as_bytes()).unwrap_err().to_string(), expected);
    check(r#"{"kind":"elected","v":1}"#, "leaf of unknown kind `elected`");
    check(r#"{"kind":"decision","v":3}"#, "`decision` leaf of version 3, this program reads versions up to 2");
    check(r#"{"kind":"erased","v":2}"#, "`event` leaf of version 2, this program reads versions up to 1");
    check("", "not a leaf: EOF while parsing a value at line 1 column 0");
}

#[test]
fn other_bytes_of_the_same_leaf_are_refused() {
    let leaf = OutcomeLeaf {
        call: Digest::from_bytes([1; 32]),
        decision: Digest::from_bytes([2; 32]),
        hop: 0,
        outcome: Outcome::Ok,
        status: 200,
        tokens_in: None,
        tokens_out: None,
        estimated: false,
        cost: None,
        latency_class: 0,
        performed: Performed::Unsaid,
        answer: None,
        minute: Minute::of(Instant(0)),
    };
    let text = String::from_utf8(Leaf::from(leaf).to_bytes()).unwrap();
    for other in
        [text.replace(":200", ": 200"), text.replace("0101", "\\u0030101"), format!("{text} "), text.replace(r#""answer":null,"#, "")]
    {
        assert_eq!(Leaf::from_bytes(other.as_bytes()), Err(LeafError::NotCanonical), "{other}");
    }
}
