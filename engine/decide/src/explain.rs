//! Why an offering was refused, and what would have changed it. Slow path: asked for denials that somebody looks at.
//!
//! "What would help" is found by trying: a change is named only if the terms, evaluated again with it, permit. Nothing is guessed.

use std::fmt;
use std::sync::Arc;

use cedar_policy::{Context, Entities, EvalResult, Expression, Request, eval_expression};
use comity_terms::{Effect, Formula, Goal, Term, Test};
use comity_vocab::{BlocId, Call, Classification, Means, MeansSet, Offering, OfferingId, Scale, TermId};

use crate::admit::{Contexts, Refusal, Slice, Verdict, request};
use crate::cedar;
use crate::engine::{Engine, Epoch, Query};
use crate::permit::Denial;

/// Permits shown as near misses, for each layer.
const NEAREST_MAX: usize = 3;
/// Ways out that are named.
const WAYS_MAX: usize = 6;

/// Why one offering was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// Which offering.
    pub offering: OfferingId,
    /// Forbids that matched, and permits that came nearest where nothing permitted, layer by layer.
    pub terms: Vec<NearTerm>,
    /// Ways out, least first; each is a set of changes that together make every layer permit.
    pub would_help: Vec<Vec<Change>>,
}

/// A term that stood in the way, or nearly permitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NearTerm {
    /// The layer.
    pub layer: String,
    /// `@id`
    pub id: TermId,
    /// `@goal`
    pub goal: Goal,
    /// `@reason`
    pub reason: String,
    /// `@basis`
    pub basis: Option<String>,
    /// A forbid that matched, or a permit that did not.
    pub effect: Effect,
    /// For a permit: the conditions that failed. For a forbid: what would have spared the call.
    pub failed: Vec<String>,
}

/// One change of a fact that would help.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// The gateway does this to the call.
    Means(Means),
    /// The call carries no credentials.
    NoSecrets,
    /// The call carries no personal data.
    NoPersonal,
    /// The call carries no special categories of personal data.
    NoSpecialCategory,
    /// Every part of the call can be read by a detector.
    NothingOpaque,
    /// The call asks for nothing that makes the upstream reach out.
    NothingRemote,
    /// The call is of this class at most.
    Class(Classification),
    /// The workload is cleared for this class.
    Clearance(Classification),
    /// The offering has at least this level, known at least this well (0 to 4).
    Level(Scale, u8, u8),
    /// The offering has this certification.
    Certification(String),
    /// The contract carries this transfer mechanism.
    Transfer(String),
    /// The places of that fact (`processed_within`, …) all lie in this bloc.
    Within(&'static str, String),
    /// The places where it is processed and those where it is stored all lie in this bloc.
    ProcessedAndStoredWithin(String),
}

impl Engine {
    /// What stood in the way of each offering. Ways out are not looked for, which is what takes long: `would_help` stays empty.
    #[must_use]
    pub fn obstacles(&self, query: &Query<'_>, denials: &[Denial]) -> Vec<Explanation> {
        let epoch = self.epoch(query.instant);
        let slice = self.slice(&epoch, query.call);
        let ground = epoch.ground();
        let facts = |denial: &Denial| ground.world.offerings.get(&denial.offering);
        let entities = slice.entities(ground, &denials.iter().filter_map(facts).collect::<Vec<_>>());
        // Offerings differ in the means that were tried last, in a few ways at most.
        let mut contexts: Vec<(MeansSet, Context)> = Vec::new();
        let mut explain = |denial: &Denial| {
            let mut explanation = Explanation { offering: denial.offering.clone(), terms: Vec::new(), would_help: Vec::new() };
            let Some(offering) = facts(denial) else { return explanation };
            if !contexts.iter().any(|(tried, _)| *tried == denial.tried) {
                contexts.push((denial.tried, cedar::context(query.call, denial.tried, &ground.everywhere)));
            }
            let Some((_, context)) = contexts.iter().find(|(tried, _)| *tried == denial.tried) else { return explanation };
            let request = question(query.call, offering, context);
            let tried = denial.tried;
            let seen = Seen { engine: self, epoch: &epoch, slice: &slice, entities: &entities, call: query.call, offering, tried, request };
            explanation.terms = denial.refusals.iter().flat_map(|refusal| seen.near_terms(refusal)).collect();
            explanation
        };
        denials.iter().map(&mut explain).collect()
    }

    /// Explains a refusal: the terms that stood in the way, and what would have helped.
    #[must_use]
    pub fn explain(&self, query: &Query<'_>, offering: &OfferingId) -> Explanation {
        let epoch = self.epoch(query.instant);
        let slice = self.slice(&epoch, query.call);
        let Some(facts) = epoch.ground().world.offerings.get(offering) else {
            return Explanation { offering: offering.clone(), terms: Vec::new(), would_help: Vec::new() };
        };
        let entities = slice.entities(epoch.ground(), &[facts]);
        let verdict = slice.verdict(&entities, facts, &Contexts::new(query.call, query.performable, &epoch.ground().everywhere));
        let Verdict::Denial { tried, refusals } = verdict else {
            return Explanation { offering: offering.clone(), terms: Vec::new(), would_help: Vec::new() };
        };
        let request = question(query.call, facts, &cedar::context(query.call, tried, &epoch.ground().everywhere));
        let seen =
            Seen { engine: self, epoch: &epoch, slice: &slice, entities: &entities, call: query.call, offering: facts, tried, request };
        let terms = refusals.iter().flat_map(|refusal| seen.near_terms(refusal)).collect();
        Explanation { offering: offering.clone(), terms, would_help: seen.would_help(query.performable) }
    }
}

/// May this call go to this offering?
fn question(call: &Call, offering: &Offering, context: &Context) -> Request {
    let (who, what) = (cedar::workload_uid(&call.workload), cedar::action_uid(call.action));
    request(&who, &what, &cedar::offering_uid(&offering.id), context)
}

/// One refusal and everything around it.
struct Seen<'a> {
    engine: &'a Engine,
    epoch: &'a Epoch,
    slice: &'a Arc<Slice>,
    entities: &'a Entities,
    call: &'a Call,
    offering: &'a Offering,
    tried: MeansSet,
    request: Request,
}

// === impl Seen ===

impl Seen<'_> {
    fn near_terms(&self, refusal: &Refusal) -> Vec<NearTerm> {
        let layers = self.engine.terms().layers();
        let Some(layer) = layers.iter().find(|layer| layer.name() == &*refusal.layer) else { return Vec::new() };
        let stood: Vec<&Term> = refusal.forbids.iter().chain(&refusal.errors).filter_map(|id| self.engine.terms().term(id)).collect();
        if !stood.is_empty() {
            return stood.into_iter().map(|term| self.near_term(layer.name(), term)).collect();
        }
        let mut permits: Vec<NearTerm> = layer
            .terms()
            .filter(|term| term.effect == Effect::Permit && !term.prefers)
            .map(|term| self.near_term(layer.name(), term))
            .collect();
        permits.sort_by(|a, b| (a.failed.len(), &a.id).cmp(&(b.failed.len(), &b.id)));
        permits.truncate(NEAREST_MAX);
        permits
    }

    fn near_term(&self, layer: &str, term: &Term) -> NearTerm {
        let mut failed = Vec::new();
        self.failing(&term.requirement, &mut failed);
        NearTerm {
            layer: layer.to_owned(),
            id: term.id.clone(),
            goal: term.goal,
            reason: term.reason.clone(),
            basis: term.basis.clone(),
            effect: term.effect,
            failed,
        }
    }

    /// Whether the formula holds; what fails in it goes to `failed`, alternatives joined by "or".
    fn failing(&self, formula: &Formula, failed: &mut Vec<String>) -> bool {
        match formula {
            Formula::Test(test) => {
                let holds = self.test(test);
                if !holds {
                    failed.push(test.to_string());
                }
                holds
            }
            Formula::All(parts) => parts.iter().filter(|part| !self.failing(part, failed)).count() == 0,
            Formula::Any(parts) => {
                let mut ways = Vec::new();
                let holds = parts.iter().any(|part| {
                    let mut inner = Vec::new();
                    let holds = self.failing(part, &mut inner);
                    ways.push(inner.join(" and "));
                    holds
                });
                if !holds {
                    failed.push(ways.join(" or "));
                }
                holds
            }
        }
    }

    fn test(&self, test: &Test) -> bool {
        let Ok(expression) = test.expr.to_string().parse::<Expression>() else { return false };
        let result = eval_expression(&self.request, self.entities, &expression);
        matches!(result, Ok(EvalResult::Bool(value)) if value == test.holds)
    }

    /// Singles first; pairs where no single helps; else one way out with nothing superfluous in it.
    fn would_help(&self, performable: MeansSet) -> Vec<Vec<Change>> {
        let changes = self.changes(performable);
        let works = |set: &[Change]| self.permits_with(set);
        let single: Vec<Vec<Change>> = changes.iter().map(|change| vec![change.clone()]).filter(|set| works(set)).collect();
        if !single.is_empty() {
            return least_of_each(single).into_iter().take(WAYS_MAX).collect();
        }
        let pairs = changes
            .iter()
            .enumerate()
            .flat_map(|(at, first)| changes.iter().skip(at + 1).map(move |second| vec![first.clone(), second.clone()]));
        let pairs: Vec<Vec<Change>> = pairs.filter(|set| works(set)).take(WAYS_MAX).collect();
        if !pairs.is_empty() || !works(&changes) {
            return pairs;
        }
        let mut least = changes;
        for change in least.clone().into_iter().rev() {
            let fewer: Vec<Change> = least.iter().filter(|kept| **kept != change).cloned().collect();
            if works(&fewer) {
                least = fewer;
            }
        }
        vec![least]
    }

    /// Every single change that could matter to these terms, in the order in which people can act on them.
    fn changes(&self, performable: MeansSet) -> Vec<Change> {
        let data = &self.call.data;
        let means = Means::ALL.into_iter().filter(|means| !performable.contains(*means)).map(Change::Means);
        let caller = [
            (data.secrets, Change::NoSecrets),
            (data.special_category, Change::NoSpecialCategory),
            (data.personal, Change::NoPersonal),
            (data.opaque, Change::NothingOpaque),
            (!data.remote.is_empty(), Change::NothingRemote),
        ];
        let caller = caller.into_iter().filter_map(|(applies, change)| applies.then_some(change));
        let classes = Classification::ALL;
        let lower = classes.into_iter().rev().filter(|class| *class < data.classification).map(Change::Class);
        let higher = classes.into_iter().filter(|class| *class > self.call.workload.clearance).map(Change::Clearance);
        means.chain(caller).chain(higher).chain(lower).chain(self.offering_changes()).collect()
    }

    fn offering_changes(&self) -> Vec<Change> {
        let (named, assurance) = (self.engine.terms().thresholds(), &self.offering.assurance);
        let strength = |scale: Scale| named.strengths.get(&scale).copied().unwrap_or_default();
        let levels = named.levels.iter().flat_map(|(scale, levels)| levels.iter().map(move |level| (*scale, *level)));
        let levels = levels
            .filter(|(scale, level)| assurance.level.get(*scale) < *level || assurance.strength.get(*scale) < strength(*scale))
            .map(|(scale, level)| Change::Level(scale, level.max(assurance.level.get(scale)), strength(scale)));
        let certificates = named.certifications.difference(&assurance.certifications).cloned().map(Change::Certification);
        let transfers = named.transfers.difference(&assurance.transfer).cloned().map(Change::Transfer);
        let facts = ["processed_within", "stored_within", "compellable_within"];
        let within = facts.into_iter().flat_map(|fact| {
            let blocs = named.blocs.get(&format!("resource.origin.{fact}")).into_iter().flatten();
            blocs.map(move |bloc| Change::Within(fact, bloc.clone()))
        });
        let blocs = |fact: &str| named.blocs.get(&format!("resource.origin.{fact}")).into_iter().flatten();
        let both = blocs("processed_within").filter(|bloc| blocs("stored_within").any(|other| other == *bloc));
        let both = both.cloned().map(Change::ProcessedAndStoredWithin);
        levels.chain(certificates).chain(transfers).chain(within).chain(both).collect()
    }

    fn permits_with(&self, changes: &[Change]) -> bool {
        let (mut call, mut offering, mut means) = (self.call.clone(), self.offering.clone(), self.tried);
        for change in changes {
            change.apply(&mut call, &mut offering, &mut means);
        }
        // The means are taken as given here: whether they can be performed is what the change is about.
        offering.can_be_unretained = true;
        let contexts = Contexts::new(&call, means, &self.epoch.ground().everywhere);
        let (named, ground) = (&self.engine.terms().thresholds().entities, self.epoch.ground());
        let entities =
            cedar::with_workload(cedar::offering_entities(&offering, named, (&ground.world, &ground.everywhere)), &call.workload);
        matches!(self.slice.verdict(&entities, &offering, &contexts), Verdict::Permit { .. })
    }
}

/// Of changes of one kind the least alone: who may send `internal` data need not be told of `public`.
fn least_of_each(ways: Vec<Vec<Change>>) -> Vec<Vec<Change>> {
    let mut kept: Vec<Vec<Change>> = Vec::new();
    for way in ways {
        if !kept.iter().any(|known| matches!((known.as_slice(), way.as_slice()), ([a], [b]) if a.is_like(b))) {
            kept.push(way);
        }
    }
    kept
}

// === impl Change ===

impl Change {
    /// Whether both change the same fact, this one by less: changes are tried from the least on.
    fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Class(_), Self::Class(_)) | (Self::Clearance(_), Self::Clearance(_)) => true,
            (Self::Level(a, ..), Self::Level(b, ..)) => a == b,
            _ => false,
        }
    }

    fn apply(&self, call: &mut Call, offering: &mut Offering, means: &mut MeansSet) {
        match self {
            Self::Means(one) => *means = means.with(*one),
            Self::NoSecrets => call.data.secrets = false,
            Self::NoPersonal => (call.data.personal, call.data.special_category) = (false, false),
            Self::NoSpecialCategory => call.data.special_category = false,
            Self::NothingOpaque => call.data.opaque = false,
            Self::NothingRemote => call.data.remote.clear(),
            Self::Class(class) => call.data.classification = *class,
            Self::Clearance(class) => call.workload.clearance = *class,
            Self::Level(scale, level, strength) => {
                offering.assurance.level.set(*scale, *level);
                let known = offering.assurance.strength.get(*scale);
                offering.assurance.strength.set(*scale, known.max(*strength));
            }
            Self::Certification(name) => offering.assurance.certifications.extend([name.clone()]),
            Self::Transfer(name) => offering.assurance.transfer.extend([name.clone()]),
            Self::ProcessedAndStoredWithin(bloc) => {
                let origin = &mut offering.origin;
                origin.processed_within.extend(bloc.parse::<BlocId>());
                origin.stored_within.extend(bloc.parse::<BlocId>());
            }
            Self::Within(fact, bloc) => {
                let origin = &mut offering.origin;
                let blocs = match *fact {
                    "processed_within" => &mut origin.processed_within,
                    "stored_within" => &mut origin.stored_within,
                    _ => &mut origin.compellable_within,
                };
                blocs.extend(bloc.parse::<BlocId>());
            }
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Means(means) => write!(f, "the means `{}`", means.name()),
            Self::NoSecrets => f.write_str("the call without its credentials"),
            Self::NoPersonal => f.write_str("the call without personal data"),
            Self::NoSpecialCategory => f.write_str("the call without special categories of personal data"),
            Self::NothingOpaque => f.write_str("the call without parts that no detector can read"),
            Self::NothingRemote => f.write_str("the call without tools or addresses that make the operator reach out"),
            Self::Class(class) => write!(f, "data of class `{class}` at most"),
            Self::Clearance(class) => write!(f, "a workload that is cleared for `{class}`"),
            Self::Level(scale, level, strength) => {
                write!(f, "an offering with `{}` level {level} or more", scale.name())?;
                match strength {
                    0 => Ok(()),
                    1 => f.write_str(", at least claimed"),
                    2 => f.write_str(", by contract"),
                    3 => f.write_str(", certified"),
                    _ => f.write_str(", verified"),
                }
            }
            Self::Certification(name) => write!(f, "an offering certified `{name}`"),
            Self::Transfer(name) => write!(f, "a contract with the transfer mechanism `{name}`"),
            Self::ProcessedAndStoredWithin(bloc) => write!(f, "an offering processed and stored only within `{bloc}`"),
            Self::Within(fact, bloc) => {
                let doing = match *fact {
                    "processed_within" => "processed only",
                    "stored_within" => "stored only",
                    _ => "compellable only from",
                };
                write!(f, "an offering {doing} within `{bloc}`")
            }
        }
    }
}
