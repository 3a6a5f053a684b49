//! Replays what a search found through the gateway's own engine, over a catalogue that its own loader read. What does not come out as expected
//! is a bug of this program, and is said as one.

use std::collections::BTreeMap;
use std::sync::Arc;

use comity_catalogue::Catalogue;
use comity_decide::{Candidates, Engine, Query, Verdict as Decision};
use comity_vocab::{Action, Call, Instant, MeansSet, OfferingId, TermId};

use crate::example::{self, Found};
use crate::failure::GaveUp;
use crate::inquiry::{Bench, Inquiry, ProveError, Side, broken};
use crate::place::Place;
use crate::report::{Decided, Example, OfferingSeen};
use crate::rules::Asked;
use crate::search::Model;

/// The calls of a question, with what could be performed.
pub(crate) type Calls = BTreeMap<&'static str, (Call, MeansSet)>;
/// The offerings of a question.
pub(crate) type Ids = BTreeMap<&'static str, OfferingId>;

/// A decision of the engine that makes a counterexample one.
#[derive(Debug, Clone)]
pub(crate) struct Expect {
    /// Which of the terms.
    pub(crate) side: usize,
    pub(crate) place: Place,
    pub(crate) wanted: Wanted,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Permitted under some of the means.
    Permitted,
    /// Permitted, and under no fewer means.
    PermittedAtLeast,
    /// Denied whatever of the means is performed.
    Denied,
    /// Permitted under exactly these means.
    PermittedUnder,
    /// Denied under exactly these means.
    DeniedUnder,
    /// This term cannot be evaluated.
    FailsIn(TermId),
    /// This forbid matches under exactly these means.
    Matched(TermId),
    /// Permitted, and preferred by at least one term more than the decision before.
    PreferredMore,
}

// === impl Bench ===

impl Bench {
    /// The example that a model is, decided by the engine. Each offering is loaded for itself: two may be one at two times.
    pub(crate) fn replayed(&self, inquiry: &Inquiry<'_>, model: &Model) -> Result<Example, ProveError> {
        let found = Found { model, scope: inquiry.scope, pinned: &self.pinned };
        let (mut ids, mut catalogues) = (Ids::new(), BTreeMap::new());
        for slot in inquiry.offerings {
            let files = self.lists.iter().cloned().chain([found.offering_file(slot)]).collect();
            let catalogue = Catalogue::parse(files).map_err(|problems| {
                let first = problems.first().map(|problem| problem.message.clone()).unwrap_or_default();
                broken(inquiry, format!("the catalogue refuses its offering: {first}"))
            })?;
            catalogues.insert(*slot, Arc::new(catalogue));
            ids.insert(
                *slot,
                found.offering_id(slot).parse().map_err(|error: comity_vocab::InvalidName| broken(inquiry, error.to_string()))?,
            );
        }
        let engine = |side: &Side, slot: &str| {
            let catalogue = catalogues.get(slot)?;
            Some(Engine::new(Arc::clone(side.engine.terms()), Arc::clone(catalogue)))
        };
        let example = self.replay(inquiry, (&self.calls(inquiry, model)?, &ids), &engine)?;
        Ok(example)
    }

    /// The same for offerings of the catalogue.
    pub(crate) fn replayed_in_catalogue(&self, inquiry: &Inquiry<'_>, (model, ids): (&Model, &Ids)) -> Result<Example, ProveError> {
        let engine = |side: &Side, _: &str| Some(side.engine.with_terms(Arc::clone(side.engine.terms())));
        let mut example = self.replay(inquiry, (&self.calls(inquiry, model)?, ids), &engine)?;
        example.offerings.values_mut().for_each(|offering| offering.real = true);
        Ok(example)
    }

    fn calls(&self, inquiry: &Inquiry<'_>, model: &Model) -> Result<Calls, ProveError> {
        let found = Found { model, scope: inquiry.scope, pinned: &self.pinned };
        let action = inquiry.expects.iter().find_map(|expect| match expect.place.asked {
            Asked::Admit(action) => Some(action),
            Asked::Prefer => None,
        });
        let call = |slot: &'static str| Ok((slot, found.call(slot, action.unwrap_or(Action::Infer))?));
        let calls: Result<Calls, GaveUp> = inquiry.calls.iter().map(|slot| call(slot)).collect();
        calls.map_err(|gave_up| broken(inquiry, gave_up.to_string()))
    }

    fn replay(
        &self,
        inquiry: &Inquiry<'_>,
        (calls, ids): (&Calls, &Ids),
        engine: &dyn Fn(&Side, &str) -> Option<Engine>,
    ) -> Result<Example, ProveError> {
        let missing = || broken(inquiry, "a place without a call or an offering".to_owned());
        let (mut decisions, mut offerings): (Vec<Decided>, BTreeMap<String, OfferingSeen>) = Default::default();
        for expect in &inquiry.expects {
            let slot = expect.place.offering;
            let engine = self.sides.get(expect.side).and_then(|side| engine(side, slot)).ok_or_else(missing)?;
            let ((call, means), id) = calls.get(expect.place.call).zip(ids.get(slot)).ok_or_else(missing)?;
            let decision = expect.decide(&engine, (call, *means, id), self.instant).ok_or_else(missing)?;
            let performable = expect.place.performable(*means);
            let decided = decided((&engine, expect), &decision, performable);
            if !expect.wanted.is_met(&decision, performable, decisions.last()) {
                let why = format!("{:?} was expected of `{id}`, and it is {} {:?}", expect.wanted, decided.decision, decided.by);
                return Err(broken(inquiry, why));
            }
            decisions.push(decided);
            let facts = engine.world(self.instant).offerings.get(id).map(|offering| example::shown(offering, inquiry.scope));
            offerings.insert(slot.to_owned(), OfferingSeen { id: id.to_string(), real: false, facts: facts.ok_or_else(missing)? });
        }
        let deciding = inquiry.scope.call_facts().map(|(fact, _)| fact).chain(["clearance", "critical"].map(str::to_owned));
        Ok(Example {
            deciding: deciding.filter(|fact| inquiry.scope.reads(fact)).collect(),
            offerings,
            calls: calls.iter().map(|(slot, (call, _))| ((*slot).to_owned(), call.clone())).collect(),
            decisions,
        })
    }
}

// === impl Expect ===

impl Expect {
    fn decide(&self, engine: &Engine, (call, means, id): (&Call, MeansSet, &OfferingId), instant: Instant) -> Option<Decision> {
        let candidates = Candidates::new(vec![id.clone()]);
        let query = Query { call, performable: self.place.performable(means), candidates: &candidates, instant };
        let exactly = matches!(self.wanted, Wanted::PermittedUnder | Wanted::DeniedUnder | Wanted::FailsIn(_) | Wanted::Matched(_));
        let admission = if exactly { engine.admit_under(&query) } else { engine.admit_fresh(&query) };
        admission.verdicts().first().map(|(_, verdict)| verdict.clone())
    }
}

// === impl Wanted ===

impl Wanted {
    fn is_met(&self, decision: &Decision, means: MeansSet, before: Option<&Decided>) -> bool {
        match (self, decision) {
            (Self::Permitted | Self::PermittedUnder, Decision::Permit { .. })
            | (Self::Denied | Self::DeniedUnder, Decision::Denial { .. }) => true,
            (Self::PermittedAtLeast, Decision::Permit { means: least, .. }) => *least == means,
            (Self::PreferredMore, Decision::Permit { preferred_by, .. }) => {
                before.is_some_and(|before| preferred_by.len() > before.preferred_by.len())
            }
            (Self::Matched(term), Decision::Denial { refusals, .. }) => refusals.iter().any(|refusal| refusal.forbids.contains(term)),
            (Self::FailsIn(term), Decision::Denial { refusals, .. }) => refusals.iter().any(|refusal| refusal.errors.contains(term)),
            (Self::Permitted | Self::PermittedUnder | Self::PermittedAtLeast | Self::PreferredMore, Decision::Denial { .. })
            | (Self::Denied | Self::DeniedUnder | Self::FailsIn(_) | Self::Matched(_), Decision::Permit { .. }) => false,
        }
    }
}

fn decided((engine, expect): (&Engine, &Expect), decision: &Decision, performable: MeansSet) -> Decided {
    let layers = engine.terms().layers().iter().map(|layer| layer.name().to_owned()).collect();
    let (call, offering) = (expect.place.call.to_owned(), expect.place.offering.to_owned());
    let blank = Decided {
        terms: layers,
        call,
        offering,
        performable,
        decision: "denied",
        means: MeansSet::NONE,
        by: Vec::new(),
        nothing_permits_in: Vec::new(),
        failed: Vec::new(),
        preferred_by: Vec::new(),
    };
    match decision {
        Decision::Permit { means, terms, preferred_by } => {
            Decided { decision: "permitted", means: *means, by: terms.to_vec(), preferred_by: preferred_by.to_vec(), ..blank }
        }
        Decision::Denial { refusals, .. } => {
            let silent = refusals.iter().filter(|refusal| refusal.forbids.is_empty() && refusal.errors.is_empty());
            Decided {
                by: refusals.iter().flat_map(|refusal| refusal.forbids.clone()).collect(),
                nothing_permits_in: silent.map(|refusal| refusal.layer.to_string()).collect(),
                failed: refusals.iter().flat_map(|refusal| refusal.errors.clone()).collect(),
                ..blank
            }
        }
    }
}

#[cfg(test)]
mod tests;
