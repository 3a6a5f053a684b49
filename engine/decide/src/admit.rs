//! The decision about one offering: the least means under which every layer permits it.

use std::sync::{Arc, PoisonError, RwLock};

use cedar_policy::{
    AuthorizationError, Authorizer, Context, Entities, EntityUid, Policy, PolicyId, PolicySet, PrincipalConstraint, Request, Response,
    RestrictedExpression,
};
use comity_terms::{Layer, Terms};
use comity_vocab::{Action, Call, Means, MeansSet, Offering, TermId, Workload};

use crate::cedar;
use crate::engine::{Ground, Shared};

/// What was decided about one offering.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Every layer permits it under these means, and not under cheaper ones.
    Permit {
        /// What must be done to the call.
        means: MeansSet,
        /// The terms that permitted, sorted, over all layers.
        terms: Arc<[TermId]>,
        /// The preferences that matched, sorted, over all layers.
        preferred_by: Arc<[TermId]>,
    },
    /// Some layer refuses it under all means that can be performed.
    Denial {
        /// The means that were tried last.
        tried: MeansSet,
        /// Each layer that refused under those.
        refusals: Arc<[Refusal]>,
    },
}

/// Why one layer refuses. No forbids and no errors: default deny, nothing permitted it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The layer's name; empty when there is no layer at all, or the catalogue does not know the offering.
    pub layer: Arc<str>,
    /// The forbids that matched, sorted.
    pub forbids: Vec<TermId>,
    /// Terms that could not be evaluated, sorted.
    pub errors: Vec<TermId>,
}

/// The part of the terms that can apply to one workload and action, with the entities that it is evaluated over.
pub(crate) struct Slice {
    /// What all slices share, with the workload and its units added.
    held: RwLock<Shared>,
    workload: Workload,
    layers: Vec<SliceLayer>,
    principal: EntityUid,
    action: EntityUid,
}

struct SliceLayer {
    name: Arc<str>,
    admit: PolicySet,
    prefer: PolicySet,
}

/// The contexts of one call, one for each set of means; built once and shared by all offerings.
pub(crate) struct Contexts(Vec<(MeansSet, Context)>);

enum LayerAnswer {
    Permits(Vec<TermId>),
    Refuses(Refusal),
}

// === impl Slice ===

impl Slice {
    pub(crate) fn new(terms: &Terms, ground: &Ground, workload: &Workload, action: Action) -> Self {
        let action = cedar::action_uid(action);
        let layers = terms.layers().iter().map(|layer| SliceLayer::new(layer, workload, &action)).collect();
        let held = RwLock::new(with_workload(ground.shared(&[]), workload));
        Self { held, workload: workload.clone(), layers, principal: cedar::workload_uid(workload), action }
    }

    /// The entities that a decision on these offerings is evaluated over, others perhaps among them.
    pub(crate) fn entities(&self, ground: &Ground, offerings: &[&Offering]) -> Arc<Entities> {
        {
            let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
            if held.holds(offerings) {
                return Arc::clone(&held.entities);
            }
        }
        // What is shared only grows: a slower thread may put back less, which the next call adds again.
        let grown = with_workload(ground.shared(offerings), &self.workload);
        let entities = Arc::clone(&grown.entities);
        *self.held.write().unwrap_or_else(PoisonError::into_inner) = grown;
        entities
    }

    /// The verdict on one offering, over entities among which it is (explanations change facts to see what would help).
    pub(crate) fn verdict(&self, entities: &Entities, offering: &Offering, contexts: &Contexts) -> Verdict {
        let mut last = (MeansSet::NONE, vec![Refusal::nothing()]);
        for (means, context) in contexts.performable_by(offering) {
            let resource = cedar::offering_uid(&offering.id);
            let request = |action: &EntityUid| request(&self.principal, action, &resource, context);
            match self.layers_answer(&request(&self.action), entities) {
                Ok(terms) => {
                    let preferred_by = self.preferences(&request(&cedar::prefer_uid()), entities);
                    return Verdict::Permit { means: *means, terms: terms.into(), preferred_by: preferred_by.into() };
                }
                Err(refusals) => last = (*means, refusals),
            }
        }
        Verdict::Denial { tried: last.0, refusals: last.1.into() }
    }

    /// The permitting terms of all layers, or every refusal. No layers: refused.
    fn layers_answer(&self, request: &Request, entities: &Entities) -> Result<Vec<TermId>, Vec<Refusal>> {
        let (mut permitting, mut refusals) = (Vec::new(), Vec::new());
        for layer in &self.layers {
            match layer.answer(request, entities) {
                LayerAnswer::Permits(terms) => permitting.extend(terms),
                LayerAnswer::Refuses(refusal) => refusals.push(refusal),
            }
        }
        if self.layers.is_empty() {
            refusals.push(Refusal::nothing());
        }
        if refusals.is_empty() { Ok(permitting) } else { Err(refusals) }
    }

    fn preferences(&self, request: &Request, entities: &Entities) -> Vec<TermId> {
        let matched = self.layers.iter().filter(|layer| !layer.prefer.is_empty()).flat_map(|layer| {
            let response = Authorizer::new().is_authorized(request, &layer.prefer, entities);
            let allowed = response.decision() == cedar_policy::Decision::Allow && response.diagnostics().errors().next().is_none();
            if allowed { reasons(&response) } else { Vec::new() }
        });
        matched.collect()
    }
}

fn with_workload(shared: Shared, workload: &Workload) -> Shared {
    Shared { entities: Arc::new(cedar::with_workload((*shared.entities).clone(), workload)), ..shared }
}

impl SliceLayer {
    fn new(layer: &Layer, workload: &Workload, action: &EntityUid) -> Self {
        let applies = |policy: &&Policy, action: &EntityUid| may_apply(policy, workload, action);
        let admit = subset(layer.admit().policies().filter(|policy| applies(policy, action)));
        let prefer = subset(layer.prefer().policies().filter(|policy| applies(policy, &cedar::prefer_uid())));
        Self { name: layer.name().into(), admit, prefer }
    }

    fn answer(&self, request: &Request, entities: &Entities) -> LayerAnswer {
        let response = Authorizer::new().is_authorized(request, &self.admit, entities);
        let failing = response.diagnostics().errors().map(|AuthorizationError::PolicyEvaluationError(error)| error.policy_id());
        let mut errors: Vec<TermId> = failing.filter_map(term_id).collect();
        // Cedar skips a policy that fails; here one that fails denies.
        let failed = response.diagnostics().errors().next().is_some();
        match (response.decision(), failed) {
            (cedar_policy::Decision::Allow, false) => LayerAnswer::Permits(reasons(&response)),
            (cedar_policy::Decision::Allow, true) | (cedar_policy::Decision::Deny, _) => {
                let denied = response.decision() == cedar_policy::Decision::Deny;
                let forbids = if denied { reasons(&response) } else { Vec::new() };
                errors.sort();
                LayerAnswer::Refuses(Refusal { layer: Arc::clone(&self.name), forbids, errors })
            }
        }
    }
}

// === impl Refusal ===

impl Refusal {
    /// Nothing could be asked: no layers, or no such offering.
    pub(crate) fn nothing() -> Self {
        Self { layer: "".into(), forbids: Vec::new(), errors: Vec::new() }
    }
}

// === impl Contexts ===

impl Contexts {
    pub(crate) fn new(call: &Call, performable: MeansSet, everywhere: &RestrictedExpression) -> Self {
        Self(performable.subsets().map(|means| (means, cedar::context(call, means, everywhere))).collect())
    }

    /// These means and no others.
    pub(crate) fn exactly(call: &Call, means: MeansSet, everywhere: &RestrictedExpression) -> Self {
        Self(vec![(means, cedar::context(call, means, everywhere))])
    }

    /// Least means first. `unretained` only where a contract-strength fact says that the operator then keeps nothing.
    fn performable_by(&self, offering: &Offering) -> impl Iterator<Item = &(MeansSet, Context)> {
        let unretained = offering.can_be_unretained;
        self.0.iter().filter(move |(means, _)| unretained || !means.contains(Means::Unretained))
    }
}

pub(crate) fn request(principal: &EntityUid, action: &EntityUid, resource: &EntityUid, context: &Context) -> Request {
    #[expect(clippy::expect_used, reason = "without a schema nothing is validated: the terms were, when they loaded")]
    Request::new(principal.clone(), action.clone(), resource.clone(), context.clone(), None).expect("a request without a schema")
}

fn subset<'a>(policies: impl Iterator<Item = &'a Policy>) -> PolicySet {
    #[expect(clippy::expect_used, reason = "a part of a set without duplicates has none")]
    PolicySet::from_policies(policies.cloned()).expect("distinct policies")
}

/// Whether the head of a policy lets it apply: the index in front of Cedar, which has none of its own.
fn may_apply(policy: &Policy, workload: &Workload, action: &EntityUid) -> bool {
    let action_fits = match policy.action_constraint() {
        cedar_policy::ActionConstraint::Any => true,
        cedar_policy::ActionConstraint::Eq(only) => only == *action,
        cedar_policy::ActionConstraint::In(actions) => actions.contains(action),
    };
    let who = cedar::workload_uid(workload);
    let within = |group: &EntityUid| *group == who || workload.unit.lineage().any(|unit| *group == cedar::uid("Unit", unit));
    action_fits
        && match policy.principal_constraint() {
            PrincipalConstraint::Any | PrincipalConstraint::Is(_) => true,
            PrincipalConstraint::Eq(only) => only == who,
            PrincipalConstraint::In(group) | PrincipalConstraint::IsIn(_, group) => within(&group),
        }
}

fn reasons(response: &Response) -> Vec<TermId> {
    let mut ids: Vec<TermId> = response.diagnostics().reason().filter_map(term_id).collect();
    ids.sort();
    ids
}

fn term_id(id: &PolicyId) -> Option<TermId> {
    AsRef::<str>::as_ref(id).parse().ok()
}
