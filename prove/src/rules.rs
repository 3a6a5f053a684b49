//! Terms as conditions: each term's head and clauses as one expression, and what its layers make of them together.
//!
//! A layer permits when one of its permits matches and none of its forbids does; the terms permit when every layer does. That an error denies
//! is not in here: errors are proved absent first.

use cedar_policy::pst::{ActionConstraint, Clause, EntityOrSlot, EntityUID, Expr, PrincipalConstraint, ResourceConstraint, Var};
use cedar_policy::{Policy, PolicySet};
use comity_terms::{Effect, Goal, Layer, Terms, collect};
use comity_vocab::{Action, TermId};
use std::sync::Arc;

use crate::cedar::{self, Cedar};
use crate::failure::GaveUp;

/// All terms of all layers.
#[derive(Clone, Default)]
pub(crate) struct Rules {
    pub(crate) layers: Vec<RuleLayer>,
}

/// The terms of one layer, in the order of their lines.
#[derive(Clone)]
pub(crate) struct RuleLayer {
    /// Its place among the layers: two may have one name.
    pub(crate) number: usize,
    pub(crate) name: String,
    pub(crate) path: String,
    pub(crate) rules: Vec<Rule>,
}

/// One term.
#[derive(Clone)]
pub(crate) struct Rule {
    pub(crate) id: TermId,
    pub(crate) effect: Effect,
    pub(crate) prefers: bool,
    pub(crate) goal: Goal,
    pub(crate) line: usize,
    /// The actions that its head names.
    pub(crate) actions: Vec<String>,
    /// Head and clauses, over `principal`, `resource` and `context`.
    pub(crate) condition: Cedar,
}

/// What is asked of the terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Asked {
    /// May the call go there?
    Admit(Action),
    /// Does it come first there?
    Prefer,
}

// === impl Asked ===

impl Asked {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Admit(action) => action.name(),
            Self::Prefer => "prefer",
        }
    }

    /// The surface that an offering must serve for it.
    pub(crate) const fn surface(self) -> Option<comity_vocab::Surface> {
        match self {
            Self::Admit(action) => Some(action.surface()),
            Self::Prefer => None,
        }
    }
}

// === impl Rules ===

impl Rules {
    pub(crate) fn new(terms: &Terms) -> Result<Self, GaveUp> {
        let layers = terms.layers().iter().zip(terms.sources()).enumerate().map(|(number, (layer, source))| {
            let rules = [layer.admit(), layer.prefer()].into_iter().flat_map(PolicySet::policies).map(|policy| rule(layer, policy));
            let mut rules = rules.collect::<Result<Vec<_>, _>>()?;
            rules.sort_by_key(|rule| rule.line);
            Ok(RuleLayer { number, name: source.name, path: source.path, rules })
        });
        Ok(Self { layers: layers.collect::<Result<_, _>>()? })
    }

    /// Every term, with its layer.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&RuleLayer, &Rule)> {
        self.layers.iter().flat_map(|layer| layer.rules.iter().map(move |rule| (layer, rule)))
    }

    /// The same terms without one.
    pub(crate) fn without(&self, id: &TermId) -> Self {
        let keep = |layer: &RuleLayer| {
            let rules = layer.rules.iter().filter(|rule| rule.id != *id).cloned().collect();
            RuleLayer { number: layer.number, name: layer.name.clone(), path: layer.path.clone(), rules }
        };
        Self { layers: self.layers.iter().map(keep).collect() }
    }

    /// Whether infer and embed have the same terms: by their heads, and none asks inside a condition which it is.
    pub(crate) fn treats_actions_alike(&self) -> bool {
        let applies = |rule: &Rule, action: Action| rule.applies(Asked::Admit(action));
        self.all().all(|(_, rule)| applies(rule, Action::Infer) == applies(rule, Action::Embed) && !asks_action(&rule.condition))
    }
}

// === impl Rule ===

impl Rule {
    /// Whether its head lets it apply.
    pub(crate) fn applies(&self, asked: Asked) -> bool {
        self.actions.iter().any(|action| action == asked.name())
    }
}

// === impl RuleLayer ===

impl RuleLayer {
    /// Those that apply, by effect.
    pub(crate) fn applying(&self, asked: Asked, effect: Effect) -> impl Iterator<Item = &Rule> {
        self.rules.iter().filter(move |rule| rule.effect == effect && rule.applies(asked))
    }
}

fn rule(layer: &Layer, policy: &Policy) -> Result<Rule, GaveUp> {
    let term = layer.term(policy.id()).ok_or_else(|| GaveUp::new("a policy without its term"))?;
    let tree = policy.to_pst().map_err(|error| GaveUp::new(error.to_string()))?;
    let body = tree.body();
    let actions = match &body.action {
        ActionConstraint::Any => vec!["infer".to_owned(), "embed".to_owned(), "prefer".to_owned()],
        ActionConstraint::Eq(action) => vec![action.eid.to_string()],
        ActionConstraint::In(actions) => actions.iter().map(|action| action.eid.to_string()).collect(),
    };
    let clauses = body.clauses().iter().map(|clause| match clause {
        Clause::When(expr) => Arc::clone(expr),
        Clause::Unless(expr) => cedar::not(expr),
    });
    let head = [principal(&body.principal)?, resource(&body.resource)?];
    let condition = head.into_iter().chain(clauses).fold(cedar::yes(), |all, clause| cedar::and_then(&all, &clause));
    let (id, effect, goal) = (term.id.clone(), term.effect, term.goal);
    Ok(Rule { id, effect, prefers: term.prefers, goal, line: term.line, actions, condition })
}

/// Whether a condition looks at the action.
pub(crate) fn asks_action(condition: &Expr) -> bool {
    let mut asks = false;
    collect(condition, &mut |part| {
        asks |= matches!(part, Expr::Var(Var::Action));
        false
    });
    asks
}

fn principal(head: &PrincipalConstraint) -> Result<Cedar, GaveUp> {
    match head {
        PrincipalConstraint::Any => Ok(cedar::yes()),
        PrincipalConstraint::Eq(one) => Ok(cedar::equal(&var(Var::Principal), &named(one)?)),
        PrincipalConstraint::In(one) => Ok(within(Var::Principal, named(one)?)),
        PrincipalConstraint::Is(kind) => Ok(is(Var::Principal, kind)),
        PrincipalConstraint::IsIn(kind, one) => Ok(cedar::and(&is(Var::Principal, kind), &within(Var::Principal, named(one)?))),
    }
}

fn resource(head: &ResourceConstraint) -> Result<Cedar, GaveUp> {
    match head {
        ResourceConstraint::Any => Ok(cedar::yes()),
        ResourceConstraint::Eq(one) => Ok(cedar::equal(&var(Var::Resource), &named(one)?)),
        ResourceConstraint::In(one) => Ok(within(Var::Resource, named(one)?)),
        ResourceConstraint::Is(kind) => Ok(is(Var::Resource, kind)),
        ResourceConstraint::IsIn(kind, one) => Ok(cedar::and(&is(Var::Resource, kind), &within(Var::Resource, named(one)?))),
    }
}

fn var(var: Var) -> Cedar {
    Arc::new(Expr::Var(var))
}

fn within(whom: Var, one: Cedar) -> Cedar {
    cedar::binary(cedar_policy::pst::BinaryOp::In, &var(whom), &one)
}

fn is(whom: Var, kind: &cedar_policy::pst::EntityType) -> Cedar {
    Arc::new(Expr::Is { expr: var(whom), entity_type: kind.clone(), in_expr: None })
}

fn named(one: &EntityOrSlot) -> Result<Cedar, GaveUp> {
    match one {
        EntityOrSlot::Entity(EntityUID { ty, eid }) => Ok(cedar::entity(&ty.to_string(), eid)),
        EntityOrSlot::Slot(_) => Err(GaveUp::new("a term with a slot")),
    }
}
