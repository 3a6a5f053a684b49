//! What was proved of the shipped packs, held against random calls and offerings through the gateway's ordinary engine: nothing in here shares
//! a line with the search or the solver. Offerings are written as files of a catalogue and read by its own loader, with every fact, whether
//! the terms look at it or not.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use comity_catalogue::Catalogue;
use comity_decide::{Candidates, Engine, Query, Verdict as Decision};
use comity_prove::{Given, Property, Verdict, Wish};
use comity_terms::{Terms, shipped_pack_names};
use comity_vocab::{Action, Call, Classification, Data, Jurisdiction, Means, MeansSet, OfferingId, Places, Workload};

use crate::offerings::{Dice, Written, catalogue};
use crate::setting::{DAY, pack, prover, unlinted};

/// Groups of an offering, its twin of other origin, and one that is nowhere better.
const GROUPS: usize = 140;
/// Calls, each with a worse one: with three offerings a group more than 10,000 decisions on each pack.
const CALLS: usize = 12;
/// What packs might promise.
const WISHES: [&str; 4] = [
    "context.data.special_category && resource.assurance.level.training == 0 && !context.means.attested && !context.means.sealed",
    "context.data.personal && !context.means.pseudonymised && resource.assurance.level.retention == 0 && resource.assurance.level.operator_access == 0",
    "context.data.classification == 3 && resource.assurance.level.attestation < 2 && resource.assurance.level.possession < 3",
    "context.data.opaque && context.means.pseudonymised",
];

/// Offerings of one catalogue: in each group as they are, elsewhere, and worse.
struct Market {
    catalogue: Arc<Catalogue>,
    candidates: Candidates,
}

static MARKET: LazyLock<Market> = LazyLock::new(|| {
    let mut dice = Dice::new(7);
    let written: Vec<Written> = (0..GROUPS).flat_map(|_| group(&mut dice)).collect();
    let ids: Vec<OfferingId> = (0..written.len()).map(id).collect();
    Market { catalogue: catalogue(&written), candidates: Candidates::new(ids) }
});

fn id(at: usize) -> OfferingId {
    format!("rand/model-{at}@x").parse().unwrap()
}

fn group(dice: &mut Dice) -> [Written; 3] {
    let (origin, assurance) = (dice.origin(), dice.assurance());
    let worse = [worse_origin(dice, &origin), worse_assurance(dice, &assurance)].concat();
    [[origin, assurance.clone()].concat(), [dice.origin(), assurance].concat(), worse]
}

/// Some facts unknown, some places more. What a source states of `compellable_by` stays, and so does that none does.
fn worse_origin(dice: &mut Dice, origin: &Written) -> Written {
    let worse = origin.iter().map(|(fact, value)| {
        let widened = value.strip_suffix(']').map(|open| {
            let more = if open.contains("\"US\"") || !dice.once_in(2) { String::new() } else { ", \"US\"".to_owned() };
            format!("{open}{more}]")
        });
        let value = if dice.once_in(4) { "\"unknown\"".to_owned() } else { widened.unwrap_or_else(|| value.clone()) };
        (fact.clone(), value)
    });
    worse.collect()
}

/// Some certificates less, some levels lower or less well known. Not of the sovereignty levels, which bound each other.
fn worse_assurance(dice: &mut Dice, assurance: &Written) -> Written {
    let worse = assurance.iter().filter_map(|(fact, value)| {
        let kept = fact == "open_weights" || fact == "unretained_on_request" || fact.starts_with("seal");
        if kept || dice.once_in(3) {
            return kept.then(|| (fact.clone(), value.clone()));
        }
        let value = if dice.once_in(4) { value.replace("\"certified\"", "\"contract\"") } else { value.clone() };
        Some((fact.clone(), value))
    });
    worse.collect()
}

// === calls ===

fn words(dice: &mut Dice, of: &[&str]) -> std::collections::BTreeSet<String> {
    of.iter().filter(|_| dice.once_in(3)).map(|word| (*word).to_owned()).collect()
}

fn call(dice: &mut Dice) -> (Call, MeansSet) {
    let opaque = dice.once_in(6);
    let subjects =
        if dice.once_in(3) { Places::UNKNOWN } else { Places::of(["FR", "IN"].map(|code| code.parse::<Jurisdiction>().unwrap()).into()) };
    let data = Data {
        classification: *dice.one(&Classification::ALL),
        personal: opaque || dice.once_in(2),
        special_category: opaque || dice.once_in(4),
        secrets: dice.once_in(5),
        opaque,
        remote: words(dice, &["url", "web_search", "mcp"]),
        detector: u8::try_from(dice.roll(4)).unwrap(),
        kinds: words(dice, &["email", "iban", "health", "name"]),
        subjects,
    };
    let workload = Workload {
        id: "clerk".parse().unwrap(),
        unit: dice.one(&["ministry", "ministry/health", "bank", "hospital"]).parse().unwrap(),
        sector: (*dice.one(&["", "public", "finance", "health"])).to_owned(),
        clearance: *dice.one(&Classification::ALL),
        critical: dice.once_in(3),
    };
    let purpose = (*dice.one(&["", "service", "research", "care"])).to_owned();
    let means: MeansSet = Means::ALL.into_iter().filter(|means| !(dice.once_in(2) || opaque && *means == Means::Pseudonymised)).collect();
    let action = if dice.once_in(3) { Action::Embed } else { Action::Infer };
    (Call { workload, action, data, purpose }, means)
}

/// The same call with more in it, of the same workload and under the same means.
fn worse_call(dice: &mut Dice, (call, means): &(Call, MeansSet)) -> Call {
    let mut worse = call.clone();
    let data = &mut worse.data;
    data.opaque |= !means.contains(Means::Pseudonymised) && dice.once_in(6);
    data.personal |= data.opaque || dice.once_in(3);
    data.special_category |= data.opaque || dice.once_in(3);
    data.secrets |= dice.once_in(3);
    data.remote.extend(words(dice, &["url", "file"]));
    data.kinds.extend(words(dice, &["email", "phone"]));
    data.detector = data.detector.saturating_sub(u8::from(dice.once_in(3)));
    if dice.once_in(3) {
        data.classification = Classification::Secret;
    }
    if dice.once_in(3) {
        data.subjects = Places::UNKNOWN;
    }
    worse
}

static CALLED: LazyLock<Vec<((Call, MeansSet), Call)>> = LazyLock::new(|| {
    let mut dice = Dice::new(11);
    let pair = |_| {
        let better = call(&mut dice);
        let worse = worse_call(&mut dice, &better);
        (better, worse)
    };
    (0..CALLS).map(pair).collect()
});

// === decisions ===

/// For each call, the means under which each offering is permitted; and likewise for the worse call.
struct Decided {
    calls: Vec<[BTreeMap<OfferingId, MeansSet>; 2]>,
}

fn permitted(engine: &Engine, call: &Call, performable: MeansSet) -> BTreeMap<OfferingId, MeansSet> {
    let query = Query { call, performable, candidates: &MARKET.candidates, instant: DAY };
    let admission = engine.admit_fresh(&query);
    let permits = admission.verdicts().iter().filter_map(|(id, decision)| match decision {
        Decision::Permit { means, .. } => Some((id.clone(), *means)),
        Decision::Denial { .. } => None,
    });
    permits.collect()
}

impl Decided {
    fn new(terms: &Arc<Terms>) -> Self {
        let engine = Engine::new(Arc::clone(terms), Arc::clone(&MARKET.catalogue));
        let calls = CALLED.iter().map(|((call, means), worse)| [call, worse].map(|call| permitted(&engine, call, *means)));
        Self { calls: calls.collect() }
    }

    fn permits(&self) -> usize {
        self.calls.iter().flatten().map(BTreeMap::len).sum()
    }

    /// Pairs of equal assurance of which one is permitted. Where one alone can be asked to retain nothing, they are not equal: none here.
    fn unequal(&self) -> Vec<String> {
        self.broken(|[better, _], [base, twin, _]| better.contains_key(base) != better.contains_key(twin))
    }

    /// Worse ones that are permitted where the better are not.
    fn not_monotone(&self) -> Vec<String> {
        self.broken(|[better, worse], [base, _, worst]| {
            !better.contains_key(base) && (worse.contains_key(base) || worse.contains_key(worst) || better.contains_key(worst))
        })
    }

    fn broken(&self, breaks: impl Fn(&[BTreeMap<OfferingId, MeansSet>; 2], &[OfferingId; 3]) -> bool) -> Vec<String> {
        let groups: Vec<[OfferingId; 3]> = (0..GROUPS).map(|group| [0, 1, 2].map(|at| id(group * 3 + at))).collect();
        let each = self.calls.iter().enumerate().flat_map(|(call, decided)| groups.iter().map(move |group| (call, decided, group)));
        each.filter(|(_, decided, group)| breaks(decided, group)).map(|(call, _, group)| format!("call {call} to {}", group[0])).collect()
    }

    /// Permits of which the wish holds, as the engine evaluates it in a term.
    fn of_which(&self, wish: &Engine) -> Vec<String> {
        let mut found = Vec::new();
        for (at, (decided, ((call, _), worse))) in self.calls.iter().zip(CALLED.iter()).enumerate() {
            for (permits, call) in decided.iter().zip([call, worse]) {
                for (id, means) in permits {
                    let candidates = Candidates::new(vec![id.clone()]);
                    let admission = wish.admit_under(&Query { call, performable: *means, candidates: &candidates, instant: DAY });
                    if admission.verdicts().iter().any(|(_, decision)| decision.permits()) {
                        found.push(format!("call {at} to {id}"));
                    }
                }
            }
        }
        found
    }

    /// Permits that the other terms deny.
    fn not_implied(&self, other: &Self) -> Vec<String> {
        let both = self.calls.iter().flatten().zip(other.calls.iter().flatten());
        both.flat_map(|(one, other)| one.keys().filter(|id| !other.contains_key(*id)).map(ToString::to_string)).collect()
    }
}

fn is_proved(terms: Vec<Arc<Terms>>, property: &Property) -> bool {
    prover(terms, None).prove(property).unwrap().in_principle.unwrap().verdict == Verdict::Proved
}

static PACKS: LazyLock<BTreeMap<&str, (Arc<Terms>, Decided)>> = LazyLock::new(|| {
    let packs = shipped_pack_names().into_iter().map(|name| (name, pack(name)));
    packs.map(|(name, terms)| (name, (Arc::clone(&terms), Decided::new(&terms)))).collect()
});

/// What breaks a claim about terms in concrete cases.
fn against(terms: &Arc<Terms>, decided: &Decided, property: &Property) -> Vec<String> {
    if let Property::Never(wish) = property {
        assert!(!terms.layers().is_empty());
        let asked = unlinted(&format!("permit wish: {}", wish.text()));
        return decided.of_which(&Engine::new(asked, Arc::clone(&MARKET.catalogue)));
    }
    if matches!(property, Property::Monotone) { decided.not_monotone() } else { decided.unequal() }
}

fn properties() -> Vec<Property> {
    let wishes = WISHES.iter().map(|wish| Property::Never(Wish::parse(wish).unwrap()));
    [Property::EqualTreatment(Given::default()), Property::Monotone].into_iter().chain(wishes).collect()
}

#[test]
fn nothing_concrete_speaks_against_what_was_proved_of_packs() {
    let mut proofs: BTreeMap<&str, usize> = BTreeMap::new();
    let permits: usize = PACKS.values().map(|(_, decided)| decided.permits()).sum();
    assert!(permits > 2_000, "too few permits to say anything: {permits}");
    for (name, (terms, decided)) in &*PACKS {
        for property in properties() {
            if is_proved(vec![Arc::clone(terms)], &property) {
                *proofs.entry(property.name()).or_default() += 1;
                assert_eq!(against(terms, decided, &property), Vec::<String>::new(), "{name}: {} {}", property.name(), property.asks());
            }
        }
    }
    for name in ["equal-treatment", "monotone", "never"] {
        assert!(proofs.get(name).is_some_and(|count| *count >= 2), "{name}: too few proofs to test: {proofs:?}");
    }
}

#[test]
fn nothing_concrete_speaks_against_implications() {
    let names = ["eu-cada-l1", "eu-cada-l2", "eu-cada-l3", "eu-cada-l4", "open"];
    let packs: Vec<&(Arc<Terms>, Decided)> = names.iter().map(|name| &PACKS[name]).collect();
    let mut proofs = 0;
    for (one, decided) in packs.iter().copied() {
        for (other, also) in packs.iter().copied().filter(|(other, _)| other.digest() != one.digest()) {
            if is_proved(vec![Arc::clone(one), Arc::clone(other)], &Property::Implies) {
                proofs += 1;
                assert_eq!(decided.not_implied(also), Vec::<String>::new());
            }
        }
    }
    assert!(proofs >= 3, "{proofs}");
}

/// If one of these had been proved, it would have been seen here.
#[test]
fn a_false_proof_would_be_seen() {
    let unfair = "permit open\nforbid us: resource.origin.control == Jurisdiction::\"US\"";
    let rare = "permit open\nforbid data: resource.origin.processed_within.contains(Bloc::\"eu_adequate\") && context.data.secrets";
    let backwards = "permit low: resource.assurance.level.training <= 1";
    let careless =
        "permit open\nforbid personal: context.data.personal && resource.assurance.level.retention <= 1 && !context.means.pseudonymised";
    let never = Property::Never(Wish::parse(WISHES[0]).unwrap());
    for (text, property) in [
        (unfair, Property::EqualTreatment(Given::default())),
        (rare, Property::EqualTreatment(Given::default())),
        (backwards, Property::Monotone),
        (careless, never),
    ] {
        let terms = unlinted(text);
        assert!(!against(&terms, &Decided::new(&terms), &property).is_empty(), "{}: {text}", property.name());
    }
    let (wide, narrow) = (unlinted("permit open"), unlinted(unfair));
    assert!(!Decided::new(&wide).not_implied(&Decided::new(&narrow)).is_empty());
}
