//! Puts conditions into a question. A question can hold two calls and two offerings at once: `context.one` and `context.two`, `context.a` and
//! `context.b`; the workload that asks is its principal. This is self-composition: a term is copied once for each call and offering that it
//! is asked about, with `resource` and `context` replaced by their places.
//!
//! Membership of blocs is pinned here: `x in Bloc::"b"` becomes a list of its members, so that no solver can invent one.

use std::sync::Arc;

use cedar_policy::pst::{BinaryOp, EntityUID, Expr, Literal, UnaryOp, Var};
use comity_terms::{Effect, attribute_path};
use comity_vocab::{Means, MeansSet, TermId};

use crate::cedar::{self, Cedar};
use crate::facts::{self, Sort};
use crate::failure::GaveUp;
use crate::rules::{Asked, Rule, Rules};
use crate::scope::{Scope, sort};

/// Which call, and which offering.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) call: &'static str,
    pub(crate) offering: &'static str,
    pub(crate) asked: Asked,
    /// Means that count as not performed, whatever the question says.
    without: MeansSet,
    /// Means that count as performed.
    with: MeansSet,
}

// === impl Place ===

impl Place {
    pub(crate) const fn new(call: &'static str, offering: &'static str, asked: Asked) -> Self {
        Self { call, offering, asked, without: MeansSet::NONE, with: MeansSet::NONE }
    }

    pub(crate) const fn without(self, without: MeansSet) -> Self {
        Self { without, ..self }
    }

    pub(crate) const fn with(self, with: MeansSet) -> Self {
        Self { with, ..self }
    }

    /// What can be performed here, of what the question says.
    pub(crate) fn performable(&self, means: MeansSet) -> MeansSet {
        let kept = means.iter().filter(|means| !self.without.contains(*means));
        kept.chain(self.with.iter()).collect()
    }

    /// The path of a fact of the call or of the offering.
    pub(crate) fn of_call(&self, fact: &str) -> Cedar {
        cedar::path(&format!("{}.{fact}", self.call))
    }

    pub(crate) fn of_offering(&self, fact: &str) -> Cedar {
        cedar::path(&format!("{}.{fact}", self.offering))
    }
}

// === impl Scope ===

impl Scope {
    /// Whether the terms permit under exactly the means of the question. No layers: never.
    pub(crate) fn permits_under(&self, rules: &Rules, place: Place) -> Result<Cedar, GaveUp> {
        if rules.layers.is_empty() {
            return Ok(cedar::no());
        }
        let layers = rules.layers.iter().map(|layer| {
            let each = |effect| layer.applying(place.asked, effect).map(|rule| self.matches(rule, place)).collect::<Result<Vec<_>, _>>();
            let (permits, forbids) = (cedar::any(each(Effect::Permit)?), cedar::any(each(Effect::Forbid)?));
            Ok(cedar::and(&permits, &cedar::not(&forbids)))
        });
        Ok(cedar::all(layers.collect::<Result<Vec<_>, GaveUp>>()?))
    }

    /// Whether the terms permit when the means of the question are what can be performed: under some of them.
    pub(crate) fn admits(&self, rules: &Rules, place: Place) -> Result<Cedar, GaveUp> {
        if self.means_only_help(rules, place.asked) {
            return self.permits_under(rules, place);
        }
        let tries = self.means_read().subsets().map(|without| self.permits_under(rules, place.without(without)));
        Ok(cedar::any(tries.collect::<Result<Vec<_>, _>>()?))
    }

    /// Whether the means of the question are the least under which the terms permit: what the gateway would do.
    pub(crate) fn permits_at_least_means(&self, rules: &Rules, place: Place) -> Result<Cedar, GaveUp> {
        let single = self.means_only_help(rules, place.asked);
        let fewer = self.means_read().subsets().filter(|without| !without.is_empty() && (!single || without.iter().count() == 1));
        let none_less = fewer.map(|without| {
            let performed = cedar::any(without.iter().map(|means| place.of_call(&facts::means(means))));
            Ok(cedar::implies(&performed, &cedar::not(&self.permits_under(rules, place.without(without))?)))
        });
        let permits = self.permits_under(rules, place)?;
        Ok(cedar::all(none_less.collect::<Result<Vec<_>, GaveUp>>()?.into_iter().chain([permits])))
    }

    /// Which preference terms put the offering first: those of each layer whose preferences no forbid stops.
    pub(crate) fn preferred_by<'r>(&self, rules: &'r Rules, place: Place) -> Result<Vec<(&'r TermId, Cedar)>, GaveUp> {
        let place = Place { asked: Asked::Prefer, ..place };
        let mut preferring = Vec::new();
        for layer in &rules.layers {
            let forbids = layer.applying(Asked::Prefer, Effect::Forbid).map(|rule| self.matches(rule, place));
            let open = cedar::not(&cedar::any(forbids.collect::<Result<Vec<_>, _>>()?));
            for rule in layer.applying(Asked::Prefer, Effect::Permit) {
                preferring.push((&rule.id, cedar::and(&open, &self.matches(rule, place)?)));
            }
        }
        Ok(preferring)
    }

    /// Whether a term matches.
    pub(crate) fn matches(&self, rule: &Rule, place: Place) -> Result<Cedar, GaveUp> {
        self.placed(&rule.condition, place)
    }

    /// The means that any term reads.
    pub(crate) fn means_read(&self) -> MeansSet {
        Means::ALL.into_iter().filter(|means| self.reads(&facts::means(*means))).collect()
    }

    /// Whether a means never stands in the way, as far as the text of the terms shows: no permit asks that one is not performed, no forbid
    /// asks that one is.
    pub(crate) fn means_only_help(&self, rules: &Rules, asked: Asked) -> bool {
        rules.all().filter(|(_, rule)| rule.applies(asked)).all(|(_, rule)| helps(&rule.condition, rule.effect == Effect::Permit))
    }

    /// The expression at a place.
    pub(crate) fn placed(&self, expr: &Expr, place: Place) -> Result<Cedar, GaveUp> {
        let go = |expr: &Expr| self.placed(expr, place);
        #[expect(clippy::wildcard_enum_match_arm, reason = "what is not named here is refused")]
        let placed = match expr {
            Expr::Literal(_) => Arc::new(expr.clone()),
            Expr::Var(Var::Principal) => cedar::principal(),
            Expr::Var(Var::Action) => cedar::entity("Action", place.asked.name()),
            Expr::Var(Var::Resource) => place.of_offering("id"),
            Expr::Var(Var::Context) => cedar::path(place.call),
            Expr::GetAttr { expr: of, attr } => match (forced(expr, place), &**of) {
                (Some(value), _) => cedar::boolean(value),
                (None, Expr::Var(Var::Resource)) => place.of_offering(attr),
                (None, of) => cedar::attribute(&go(of)?, attr),
            },
            Expr::UnaryOp { op: UnaryOp::Not, expr } => cedar::not(&go(expr)?),
            Expr::UnaryOp { op, expr } => Arc::new(Expr::UnaryOp { op: *op, expr: go(expr)? }),
            Expr::BinaryOp { op: BinaryOp::And, left, right } => cedar::and_then(&go(left)?, &go(right)?),
            Expr::BinaryOp { op: BinaryOp::Or, left, right } => cedar::or_else(&go(left)?, &go(right)?),
            Expr::BinaryOp { op: BinaryOp::In, left, right } => self.membership(left, right, place)?,
            Expr::BinaryOp { op, left, right } => cedar::binary(*op, &go(left)?, &go(right)?),
            Expr::Like { expr, pattern } => Arc::new(Expr::Like { expr: go(expr)?, pattern: pattern.clone() }),
            Expr::Is { expr, entity_type, in_expr } => {
                let kind = cedar::boolean(kind_of(expr)? == entity_type.to_string());
                match in_expr {
                    Some(right) => cedar::and(&kind, &self.membership(expr, right, place)?),
                    None => kind,
                }
            }
            // Every attribute of the schema is required.
            Expr::HasAttr { expr, attrs } => cedar::boolean(has(expr, &attrs.iter().map(ToString::to_string).collect::<Vec<_>>())?),
            Expr::IfThenElse { cond, then_expr, else_expr } => {
                Arc::new(Expr::IfThenElse { cond: go(cond)?, then_expr: go(then_expr)?, else_expr: go(else_expr)? })
            }
            Expr::Set(members) => Arc::new(Expr::Set(members.iter().map(|member| go(member)).collect::<Result<_, _>>()?)),
            other => return Err(GaveUp::new(format!("`{other}` is of a kind that proofs do not know"))),
        };
        Ok(placed)
    }

    /// `left in right`.
    fn membership(&self, left: &Expr, right: &Expr, place: Place) -> Result<Cedar, GaveUp> {
        let one = self.placed(left, place)?;
        let groups = entities(right)?;
        match kind_of(left)?.as_str() {
            "Workload" => {
                let within = groups.iter().filter(|uid| uid.ty.to_string() == "Unit" || uid.ty.to_string() == "Workload");
                Ok(cedar::any(within.map(|uid| cedar::binary(BinaryOp::In, &one, &literal(uid)))))
            }
            "Jurisdiction" => {
                let members = groups.iter().flat_map(|uid| match uid.ty.to_string().as_str() {
                    "Bloc" => self.blocs.get(uid.eid.as_str()).into_iter().flat_map(|bloc| &bloc.always).map(ToString::to_string).collect(),
                    "Jurisdiction" => vec![uid.eid.to_string()],
                    _ => Vec::new(),
                });
                let members: Vec<_> = members.map(|code| cedar::entity("Jurisdiction", &code)).collect();
                Ok(if members.is_empty() { cedar::no() } else { cedar::contains(&cedar::set(members), &one) })
            }
            // An offering or an action is in itself alone.
            kind => {
                let same = groups.iter().filter(|uid| uid.ty.to_string() == kind);
                Ok(cedar::any(same.map(|uid| cedar::equal(&one, &literal(uid)))))
            }
        }
    }
}

/// What the place says of a means, if it says anything.
fn forced(expr: &Expr, place: Place) -> Option<bool> {
    let path = attribute_path(expr)?;
    let means = path.strip_prefix("context.means.")?.parse::<Means>().ok()?;
    if place.without.contains(means) {
        return Some(false);
    }
    place.with.contains(means).then_some(true)
}

fn literal(uid: &EntityUID) -> Cedar {
    Arc::new(Expr::Literal(Literal::EntityUID(uid.clone())))
}

/// The entities of a literal, or of a set of literals.
fn entities(expr: &Expr) -> Result<Vec<EntityUID>, GaveUp> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "what is not named here is refused")]
    match expr {
        Expr::Literal(Literal::EntityUID(uid)) => Ok(vec![uid.clone()]),
        Expr::Set(members) => Ok(members.iter().map(|member| entities(member)).collect::<Result<Vec<_>, _>>()?.concat()),
        other => Err(GaveUp::new(format!("`in {other}`: proofs know only names behind `in`"))),
    }
}

/// The type of an expression that is one entity.
fn kind_of(expr: &Expr) -> Result<String, GaveUp> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "anything else is looked up by its path")]
    match expr {
        Expr::Var(Var::Principal) => return Ok("Workload".to_owned()),
        Expr::Var(Var::Resource) => return Ok("Offering".to_owned()),
        Expr::Var(Var::Action) => return Ok("Action".to_owned()),
        Expr::Literal(Literal::EntityUID(uid)) => return Ok(uid.ty.to_string()),
        _ => {}
    }
    let path = attribute_path(expr);
    let found = path.as_deref().and_then(|path| path.split_once('.')).and_then(|(_, relative)| sort(relative));
    match found {
        Some(Sort::Code) => Ok("Jurisdiction".to_owned()),
        _ => Err(GaveUp::new(format!("cannot see what kind of thing `{expr}` is"))),
    }
}

/// Whether the schema has these attributes there.
fn has(expr: &Expr, attrs: &[String]) -> Result<bool, GaveUp> {
    let path = attribute_path(expr).ok_or_else(|| GaveUp::new(format!("`{expr} has …`: proofs know only facts before `has`")))?;
    let path = [path].into_iter().chain(attrs.iter().cloned()).collect::<Vec<_>>().join(".");
    let Some((root, relative)) = path.split_once('.') else { return Ok(false) };
    let there = |fact: &str| fact == relative || fact.strip_prefix(relative).is_some_and(|rest| rest.starts_with('.'));
    Ok(match root {
        "principal" => facts::OF_WORKLOAD.into_iter().any(|(fact, _)| there(fact)),
        "resource" => facts::of_offering().filter(|(fact, _)| facts::is_in_schema(fact)).any(|(fact, _)| there(&fact)),
        "context" => facts::of_call().any(|(fact, _)| there(&fact)),
        _ => false,
    })
}

/// Whether a means can only make the expression come out as `wanted`.
fn helps(expr: &Expr, wanted: bool) -> bool {
    #[expect(clippy::wildcard_enum_match_arm, reason = "in any other expression a means may stand in the way")]
    match expr {
        Expr::GetAttr { .. } if attribute_path(expr).is_some_and(|path| path.starts_with("context.means.")) => wanted,
        Expr::UnaryOp { op: UnaryOp::Not, expr } => helps(expr, !wanted),
        Expr::BinaryOp { op: BinaryOp::And | BinaryOp::Or, left, right } => helps(left, wanted) && helps(right, wanted),
        _ => {
            let mut reads = false;
            comity_terms::collect(expr, &mut |part| {
                let path = attribute_path(part);
                reads |= path.as_deref().is_some_and(|path| path == "context" || path.starts_with("context.means"));
                path.is_some()
            });
            !reads
        }
    }
}
