//! One generation: terms and a catalogue, compiled, with the tables that make admitting fast.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock};

use cedar_policy::{Entities, RestrictedExpression};
use comity_catalogue::{Catalogue, World};
use comity_terms::Terms;
use comity_vocab::{Action, Call, Digest, Hasher, Instant, MeansSet, Offering, OfferingId, Workload};
use quick_cache::sync::Cache;

use crate::admit::{Contexts, Refusal, Slice, Verdict};
use crate::candidates::Candidates;
use crate::cedar;
use crate::permit::Decision;
use crate::table::{Slicing, Table, Verdicts};

const DECISION_DOMAIN: &str = "comity decision v1";
const VERDICTS_DOMAIN: &str = "comity verdicts v1";
/// Epochs kept at once: the present one, and a few that replay and `why` ask for.
const EPOCHS_MAX: usize = 4;
/// Workloads whose slice is kept; one more evicts the least used.
const SLICES_MAX: usize = 512;

/// Terms and a catalogue that decide together. Immutable: a change makes a new engine.
pub struct Engine {
    terms: Arc<Terms>,
    catalogue: Arc<Catalogue>,
    slicing: Slicing,
    epochs: RwLock<Vec<Arc<Epoch>>>,
    grounds: Arc<RwLock<Vec<Arc<Ground>>>>,
}

/// What is asked.
#[derive(Clone, Copy)]
pub struct Query<'a> {
    /// The facts of the call, as it came in.
    pub call: &'a Call,
    /// What the gateway can do to this call.
    pub performable: MeansSet,
    /// Where it could go.
    pub candidates: &'a Candidates,
    /// When.
    pub instant: Instant,
}

/// The answer to one [`Query`]: a verdict for each candidate.
pub struct Admission<'q> {
    query: Query<'q>,
    verdicts: Arc<Verdicts>,
    generation: (Digest, Digest),
}

/// A span of time over which no fact changes, and what these terms decided in it.
pub(crate) struct Epoch {
    ground: Arc<Ground>,
    table: Table,
    slices: Cache<(Workload, Action), Arc<Slice>>,
}

/// The facts of a span of time, as they are for all terms.
pub(crate) struct Ground {
    pub(crate) world: Arc<World>,
    pub(crate) everywhere: RestrictedExpression,
    shared: RwLock<Shared>,
}

/// Jurisdictions, blocs, and the offerings that some call could go to. These are added when the first one asks: most never are, and a
/// thousand would take half a second. All slices share them.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) entities: Arc<Entities>,
    pub(crate) offerings: Arc<HashSet<OfferingId>>,
}

// === impl Engine ===

impl Engine {
    /// Joins terms and catalogue. See [`crate::unknown_names`] for a check that they fit.
    #[must_use]
    pub fn new(terms: Arc<Terms>, catalogue: Arc<Catalogue>) -> Self {
        let slicing = Slicing::new(terms.reads());
        Self { terms, catalogue, slicing, epochs: RwLock::new(Vec::new()), grounds: Arc::default() }
    }

    /// Other terms over the same catalogue; what is known of its facts is not derived again.
    #[must_use]
    pub fn with_terms(&self, terms: Arc<Terms>) -> Self {
        Self { grounds: Arc::clone(&self.grounds), ..Self::new(terms, Arc::clone(&self.catalogue)) }
    }

    /// The terms.
    #[must_use]
    pub fn terms(&self) -> &Arc<Terms> {
        &self.terms
    }

    /// The catalogue.
    #[must_use]
    pub fn catalogue(&self) -> &Arc<Catalogue> {
        &self.catalogue
    }

    /// The facts of that instant.
    #[must_use]
    pub fn world(&self, instant: Instant) -> Arc<World> {
        Arc::clone(&self.epoch(instant).ground.world)
    }

    /// Decides on every candidate, from the table where it can. The table never changes an answer.
    #[must_use]
    pub fn admit<'q>(&self, query: &Query<'q>) -> Admission<'q> {
        let epoch = self.epoch(query.instant);
        let key = self.slicing.key(query.call, query.performable, query.candidates);
        let verdicts = epoch.table.get(&key).unwrap_or_else(|| {
            let verdicts = Arc::new(self.evaluate(&epoch, query));
            epoch.table.put(key, Arc::clone(&verdicts));
            verdicts
        });
        self.admission(query, verdicts)
    }

    /// Decides on every candidate without the table.
    #[must_use]
    pub fn admit_fresh<'q>(&self, query: &Query<'q>) -> Admission<'q> {
        let epoch = self.epoch(query.instant);
        self.admission(query, Arc::new(self.evaluate(&epoch, query)))
    }

    /// Decides on every candidate under exactly the performable means, fewer of them not being tried: for questions about terms, never for a
    /// call, which gets the least.
    #[must_use]
    pub fn admit_under<'q>(&self, query: &Query<'q>) -> Admission<'q> {
        let epoch = self.epoch(query.instant);
        let contexts = Contexts::exactly(query.call, query.performable, &epoch.ground.everywhere);
        self.admission(query, Arc::new(self.evaluate_in(&epoch, query, &contexts)))
    }

    fn admission<'q>(&self, query: &Query<'q>, verdicts: Arc<Verdicts>) -> Admission<'q> {
        Admission { query: *query, verdicts, generation: (self.terms.digest(), self.catalogue.digest()) }
    }

    fn evaluate(&self, epoch: &Epoch, query: &Query<'_>) -> Verdicts {
        self.evaluate_in(epoch, query, &Contexts::new(query.call, query.performable, &epoch.ground.everywhere))
    }

    fn evaluate_in(&self, epoch: &Epoch, query: &Query<'_>, contexts: &Contexts) -> Verdicts {
        let slice = self.slice(epoch, query.call);
        let known = query.candidates.ids().iter().filter_map(|id| epoch.ground.world.offerings.get(id));
        let entities = slice.entities(&epoch.ground, &known.collect::<Vec<_>>());
        let verdict = |id: &OfferingId| match epoch.ground.world.offerings.get(id) {
            Some(offering) => slice.verdict(&entities, offering, contexts),
            None => Verdict::Denial { tried: MeansSet::NONE, refusals: Arc::new([Refusal::nothing()]) },
        };
        Verdicts::new(query.candidates.ids().iter().map(|id| (id.clone(), verdict(id))).collect())
    }

    pub(crate) fn slice(&self, epoch: &Epoch, call: &Call) -> Arc<Slice> {
        let key = (call.workload.clone(), call.action);
        epoch.slices.get(&key).unwrap_or_else(|| {
            let slice = Arc::new(Slice::new(&self.terms, &epoch.ground, &call.workload, call.action));
            epoch.slices.insert(key, Arc::clone(&slice));
            slice
        })
    }

    pub(crate) fn epoch(&self, instant: Instant) -> Arc<Epoch> {
        let covering = |epoch: &&Arc<Epoch>| epoch.ground.covers(instant);
        if let Some(epoch) = self.epochs.read().unwrap_or_else(PoisonError::into_inner).iter().find(covering) {
            return Arc::clone(epoch);
        }
        let epoch = Arc::new(Epoch::new(self.ground(instant)));
        keep(&self.epochs, &epoch);
        epoch
    }

    fn ground(&self, instant: Instant) -> Arc<Ground> {
        let covering = |ground: &&Arc<Ground>| ground.covers(instant);
        if let Some(ground) = self.grounds.read().unwrap_or_else(PoisonError::into_inner).iter().find(covering) {
            return Arc::clone(ground);
        }
        let ground = Arc::new(Ground::new(self.catalogue.at(instant)));
        keep(&self.grounds, &ground);
        ground
    }
}

/// Puts `new` before the others, and drops what is one too many.
fn keep<T>(kept: &RwLock<Vec<Arc<T>>>, new: &Arc<T>) {
    let mut kept = kept.write().unwrap_or_else(PoisonError::into_inner);
    kept.insert(0, Arc::clone(new));
    kept.truncate(EPOCHS_MAX);
}

// === impl Epoch ===

impl Epoch {
    fn new(ground: Arc<Ground>) -> Self {
        Self { ground, table: Table::new(), slices: Cache::new(SLICES_MAX) }
    }

    pub(crate) fn ground(&self) -> &Ground {
        &self.ground
    }
}

// === impl Ground ===

impl Ground {
    fn new(world: World) -> Self {
        let shared = Shared { entities: Arc::new(cedar::place_entities(&world)), offerings: Arc::default() };
        let everywhere = cedar::everywhere(&world);
        Self { world: Arc::new(world), everywhere, shared: RwLock::new(shared) }
    }

    /// Everything shared so far, and these offerings.
    pub(crate) fn shared(&self, offerings: &[&Offering]) -> Shared {
        let shared = self.shared.read().unwrap_or_else(PoisonError::into_inner).clone();
        if shared.holds(offerings) {
            return shared;
        }
        let mut shared = self.shared.write().unwrap_or_else(PoisonError::into_inner);
        // A candidate may be named twice, and another thread may have been faster.
        let new: BTreeMap<&OfferingId, &Offering> = offerings
            .iter()
            .filter(|offering| !shared.offerings.contains(&offering.id))
            .map(|offering| (&offering.id, *offering))
            .collect();
        let made = new.values().map(|offering| cedar::offering_entity(offering, &self.everywhere));
        shared.entities = Arc::new(cedar::with_offerings((*shared.entities).clone(), made));
        Arc::make_mut(&mut shared.offerings).extend(new.into_keys().cloned());
        shared.clone()
    }

    fn covers(&self, instant: Instant) -> bool {
        self.world.valid_from <= instant && instant < self.world.valid_until
    }
}

// === impl Shared ===

impl Shared {
    /// Whether these offerings are among the entities.
    pub(crate) fn holds(&self, offerings: &[&Offering]) -> bool {
        offerings.iter().all(|offering| self.offerings.contains(&offering.id))
    }
}

// === impl Admission ===

impl Admission<'_> {
    /// The verdict on each candidate, in their order.
    #[must_use]
    pub fn verdicts(&self) -> &[(OfferingId, Verdict)] {
        &self.verdicts.list
    }

    /// Digests of the terms and of the catalogue.
    #[must_use]
    pub fn generation(&self) -> (Digest, Digest) {
        self.generation
    }

    /// Seals the answer as the decision about the call with that id.
    #[must_use]
    pub fn decide(self, call_id: [u8; 16]) -> Decision {
        let (terms, catalogue) = self.generation;
        let parts = [terms, catalogue, question(&self.query), self.verdicts.digest];
        let mut hasher = Hasher::new(DECISION_DOMAIN);
        parts.iter().for_each(|part| hasher.part(part.as_bytes()));
        hasher.part(&call_id);
        Decision::of(&self, hasher.finish())
    }
}

// === impl Verdicts ===

impl Verdicts {
    fn new(list: Vec<(OfferingId, Verdict)>) -> Self {
        let mut hasher = Hasher::new(VERDICTS_DOMAIN);
        for (offering, verdict) in &list {
            hasher.part(offering.as_str().as_bytes());
            hasher.part(verdict.canonical().as_bytes());
        }
        let digest = hasher.finish();
        Self { list, digest }
    }
}

impl Verdict {
    /// Whether it is a permit.
    #[must_use]
    pub fn permits(&self) -> bool {
        matches!(self, Self::Permit { .. })
    }

    /// One line of text that is equal exactly for equal verdicts.
    #[must_use]
    pub fn canonical(&self) -> String {
        let names = |ids: &[comity_vocab::TermId]| ids.iter().map(|id| id.as_str()).collect::<Vec<_>>().join(",");
        match self {
            Self::Permit { means, terms, preferred_by } => format!("permit {means} {} prefer {}", names(terms), names(preferred_by)),
            Self::Denial { tried, refusals } => {
                let each = |r: &Refusal| format!("{}:{}:{}", r.layer, names(&r.forbids), names(&r.errors));
                format!("denial {tried} {}", refusals.iter().map(each).collect::<Vec<_>>().join(";"))
            }
        }
    }
}

/// Covers the facts, the performable means, the candidates and the instant.
fn question(query: &Query<'_>) -> Digest {
    let facts = serde_json::to_vec(query.call).unwrap_or_default();
    let means = query.performable.to_string();
    Digest::of("comity question v1", &[&facts, means.as_bytes(), query.candidates.digest().as_bytes(), &query.instant.0.to_be_bytes()])
}
