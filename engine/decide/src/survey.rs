//! What terms decide about every offering of the catalogue for one kind of call, and what other terms would decide otherwise.
//!
//! Every means counts as performable here: the question is what the terms ask for, not what one gateway can do. Offerings that are equal in
//! the facts that the terms read are decided once, unless a term names an offering.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use comity_catalogue::World;
use comity_vocab::{Action, Call, Instant, Jurisdiction, Means, MeansSet, Offering, OfferingId, Places, Scale, Surface, TermId};

use crate::admit::Verdict;
use crate::candidates::Candidates;
use crate::data_class::DataClass;
use crate::engine::{Engine, Query};

/// A verdict that differs between two terms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Which offering.
    pub offering: OfferingId,
    /// For which call.
    pub class: DataClass,
    /// Under the first terms.
    pub before: Verdict,
    /// Under the second terms.
    pub after: Verdict,
    /// What in the stricter of the two makes the difference.
    pub because: Vec<Blame>,
}

/// How two verdicts differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Changed {
    /// Permitted before, denied after.
    Denied,
    /// Denied before, permitted after.
    Permitted,
    /// Permitted by both, under other means.
    Means,
}

/// What refuses.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Blame {
    /// This term forbids, or could not be evaluated.
    Term(TermId),
    /// No term of this layer permits.
    NothingPermits(String),
}

/// Every offering of the catalogue at one instant, sorted by what the terms of one engine can see of it.
pub struct Survey<'e> {
    engine: &'e Engine,
    instant: Instant,
    world: Arc<World>,
    /// Offerings that are equal to these terms, none empty.
    alike: Vec<Vec<OfferingId>>,
}

/// All means there are.
#[must_use]
pub fn all_means() -> MeansSet {
    Means::ALL.into_iter().collect()
}

/// The verdict on every offering of the catalogue for a call of that class. For several classes make one [`Survey`].
#[must_use]
pub fn survey(engine: &Engine, class: DataClass, instant: Instant) -> BTreeMap<OfferingId, Verdict> {
    Survey::new(engine, instant).verdicts(class)
}

// === impl Survey ===

impl<'e> Survey<'e> {
    /// Looks at the catalogue of `engine` as its terms do.
    #[must_use]
    pub fn new(engine: &'e Engine, instant: Instant) -> Self {
        let world = engine.world(instant);
        let mut alike: HashMap<Offering, Vec<OfferingId>> = HashMap::new();
        let sight = Sight::of(engine);
        for offering in world.offerings.values() {
            alike.entry(sight.of_offering(offering)).or_default().push(offering.id.clone());
        }
        Self { engine, instant, world, alike: alike.into_values().collect() }
    }

    /// The verdict on every offering for a call of that class: a chat, or embeddings where it serves nothing else.
    #[must_use]
    pub fn verdicts(&self, class: DataClass) -> BTreeMap<OfferingId, Verdict> {
        self.verdicts_on(|action| class.call(action))
    }

    /// The verdict on every offering for a call of its action.
    #[must_use]
    pub fn verdicts_on(&self, call: impl Fn(Action) -> Call) -> BTreeMap<OfferingId, Verdict> {
        let mut verdicts = BTreeMap::new();
        for action in [Action::Infer, Action::Embed] {
            let asked = |same: &&Vec<OfferingId>| same.first().is_some_and(|id| self.action(id) == action);
            let groups: Vec<_> = self.alike.iter().filter(asked).collect();
            let candidates: Candidates = groups.iter().filter_map(|same| same.first()).cloned().collect();
            let means = read_means(self.engine);
            let query = Query { call: &call(action), performable: means, candidates: &candidates, instant: self.instant };
            for (same, (_, verdict)) in groups.into_iter().zip(self.engine.admit_fresh(&query).verdicts()) {
                verdicts.extend(same.iter().map(|id| (id.clone(), verdict.clone())));
            }
        }
        verdicts
    }

    /// Every offering that `after` treats otherwise than these terms for a call of that class, in the order of their names.
    #[must_use]
    pub fn differences(&self, after: &Survey<'_>, class: DataClass) -> Vec<Difference> {
        let mut others = after.verdicts(class);
        let mut found = Vec::new();
        for (offering, before) in self.verdicts(class) {
            let Some(other) = others.remove(&offering).filter(|other| changed(&before, other).is_some()) else { continue };
            let because = blame((self, &before), (after, &other), (&offering, class));
            found.push(Difference { offering, class, before, after: other, because });
        }
        found
    }

    fn verdict(&self, (offering, class): (&OfferingId, DataClass), performable: MeansSet) -> Option<Verdict> {
        let candidates = Candidates::new(vec![offering.clone()]);
        let query = Query { call: &class.call(self.action(offering)), performable, candidates: &candidates, instant: self.instant };
        self.engine.admit_fresh(&query).verdicts().first().map(|(_, verdict)| verdict.clone())
    }

    fn action(&self, offering: &OfferingId) -> Action {
        self.world.offerings.get(offering).map_or(Action::Infer, action)
    }
}

/// How `after` differs from `before`; nothing if both permit under the same means, or both deny.
#[must_use]
pub fn changed(before: &Verdict, after: &Verdict) -> Option<Changed> {
    match (before, after) {
        (Verdict::Permit { .. }, Verdict::Denial { .. }) => Some(Changed::Denied),
        (Verdict::Denial { .. }, Verdict::Permit { .. }) => Some(Changed::Permitted),
        (Verdict::Permit { means: one, .. }, Verdict::Permit { means: other, .. }) => (one != other).then_some(Changed::Means),
        (Verdict::Denial { .. }, Verdict::Denial { .. }) => None,
    }
}

/// Why the stricter terms do not do what the others do: what refuses under the others' means.
fn blame(
    (before, first): (&Survey<'_>, &Verdict),
    (after, second): (&Survey<'_>, &Verdict),
    asked: (&OfferingId, DataClass),
) -> Vec<Blame> {
    let refused = |survey: &Survey<'_>, means: MeansSet| survey.verdict(asked, means).map(|verdict| refusals(&verdict)).unwrap_or_default();
    match (first, second) {
        (_, denial @ Verdict::Denial { .. }) | (denial @ Verdict::Denial { .. }, _) => refusals(denial),
        (Verdict::Permit { means: one, .. }, Verdict::Permit { means: other, .. }) => {
            let by_after = refused(after, *one);
            if by_after.is_empty() { refused(before, *other) } else { by_after }
        }
    }
}

fn refusals(verdict: &Verdict) -> Vec<Blame> {
    let Verdict::Denial { refusals, .. } = verdict else { return Vec::new() };
    let each = refusals.iter().flat_map(|refusal| {
        let terms: Vec<_> = refusal.forbids.iter().chain(&refusal.errors).cloned().map(Blame::Term).collect();
        if terms.is_empty() { vec![Blame::NothingPermits(refusal.layer.to_string())] } else { terms }
    });
    each.collect()
}

fn action(offering: &Offering) -> Action {
    if offering.surfaces.contains(&Surface::Chat) { Action::Infer } else { Action::Embed }
}

/// The means that any term reads: another one can change no verdict.
fn read_means(engine: &Engine) -> MeansSet {
    let reads = |means: &Means| engine.terms().reads().reads(&format!("context.means.{}", means.name()));
    Means::ALL.into_iter().filter(reads).collect()
}

/// What terms cannot see of an offering.
struct Sight {
    /// Terms that name an offering see everything.
    whole: bool,
    unread: Vec<Forget>,
    levels: Vec<Scale>,
    strengths: Vec<Scale>,
}

type Forget = fn(&mut Offering);

/// Facts beside the levels, as the schema names them, and how each is taken out. What is not named here counts as seen.
const FACTS: [(&str, Forget); 16] = [
    ("open_weights", |seen| seen.open_weights = false),
    ("origin.operator", |seen| seen.origin.operator = Jurisdiction::UNKNOWN),
    ("origin.control", |seen| seen.origin.control = Jurisdiction::UNKNOWN),
    ("origin.developer", |seen| seen.origin.developer = Jurisdiction::UNKNOWN),
    ("origin.governing_law", |seen| seen.origin.governing_law = Jurisdiction::UNKNOWN),
    ("origin.processed_in", |seen| seen.origin.processed_in = Places::UNKNOWN),
    ("origin.stored_in", |seen| seen.origin.stored_in = Places::UNKNOWN),
    ("origin.compellable_by", |seen| seen.origin.compellable_by = Places::UNKNOWN),
    ("origin.hardware", |seen| seen.origin.hardware = Places::UNKNOWN),
    ("origin.processed_within", |seen| seen.origin.processed_within.clear()),
    ("origin.stored_within", |seen| seen.origin.stored_within.clear()),
    ("origin.compellable_within", |seen| seen.origin.compellable_within.clear()),
    ("assurance.certifications", |seen| seen.assurance.certifications.clear()),
    ("assurance.transfer", |seen| seen.assurance.transfer.clear()),
    ("assurance.certified_by", |seen| seen.assurance.certified_by.clear()),
    ("assurance.certified_in", |seen| seen.assurance.certified_in.clear()),
];

// === impl Sight ===

impl Sight {
    fn of(engine: &Engine) -> Self {
        let reads = |fact: &str| engine.terms().reads().reads(&format!("resource.{fact}"));
        let scales = |of: &str| Scale::ALL.into_iter().filter(|scale| !reads(&format!("assurance.{of}.{}", scale.name()))).collect();
        let mut unread: Vec<Forget> = FACTS.into_iter().filter(|(fact, _)| !reads(fact)).map(|(_, forget)| forget).collect();
        if !read_means(engine).contains(Means::Unretained) {
            unread.push(|seen| seen.can_be_unretained = false);
        }
        let whole = engine.terms().thresholds().entities.iter().any(|(kind, _)| kind == "Offering" || kind == "Catalogue");
        Self { whole, unread, levels: scales("level"), strengths: scales("strength") }
    }

    /// The offering without the facts that no term reads.
    fn of_offering(&self, offering: &Offering) -> Offering {
        let mut seen = offering.clone();
        if self.whole {
            return seen;
        }
        #[expect(clippy::expect_used, reason = "the name is part of the program, and a test makes it")]
        let id = "any/any@any".parse().expect("an id");
        (seen.id, seen.upstream_model, seen.price) = (id, String::new(), None);
        seen.surfaces.retain(|surface| *surface == action(offering).surface());
        self.unread.iter().for_each(|forget| forget(&mut seen));
        self.levels.iter().for_each(|scale| seen.assurance.level.set(*scale, 0));
        self.strengths.iter().for_each(|scale| seen.assurance.strength.set(*scale, 0));
        seen
    }
}

impl fmt::Display for Blame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Term(id) => write!(f, "{id}"),
            Self::NothingPermits(layer) => write!(f, "nothing in {layer} permits it"),
        }
    }
}
