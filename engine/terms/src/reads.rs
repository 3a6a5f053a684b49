//! Which facts the terms read, and what they compare them with.
//!
//! The decision table keys on exactly the facts that are read; explanations try exactly the thresholds that are named. Both are
//! sliced from the policies' text, so neither can miss a fact that decides.

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::Policy;
use cedar_policy::pst::{BinaryOp, Clause, EntityOrSlot, EntityUID, Expr, Literal, PrincipalConstraint, ResourceConstraint};
use comity_vocab::Scale;

use crate::formula::attribute_path;

/// Paths of facts, for example `context.data.personal`. A shorter path means everything below it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reads {
    paths: BTreeSet<String>,
}

impl Reads {
    pub(crate) fn of<'a>(policies: impl Iterator<Item = &'a Policy>) -> Self {
        let mut paths = BTreeSet::new();
        for policy in policies {
            let Ok(tree) = policy.to_pst() else { return Self::everything() };
            if !matches!(tree.body().principal, PrincipalConstraint::Any) {
                paths.insert("principal".to_owned());
            }
            for clause in tree.body().clauses() {
                collect(expression(clause), &mut |expr| {
                    let path = attribute_path(expr);
                    let whole = path.is_some();
                    paths.extend(path);
                    whole
                });
            }
        }
        Self { paths }
    }

    fn everything() -> Self {
        Self { paths: ["principal", "context", "resource"].map(str::to_owned).into() }
    }

    /// Whether the fact at `path` is read, alone or as a part of something larger.
    #[must_use]
    pub fn reads(&self, path: &str) -> bool {
        let ends = path.match_indices('.').map(|(at, _)| at).chain([path.len()]);
        ends.filter_map(|end| path.get(..end)).any(|part| self.paths.contains(part))
    }
}

/// What the terms compare facts with: the only values at which a decision can change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Thresholds {
    /// Levels that a scale is compared with.
    pub levels: BTreeMap<Scale, BTreeSet<u8>>,
    /// The highest strength that a scale is compared with.
    pub strengths: BTreeMap<Scale, u8>,
    /// Certifications that are named.
    pub certifications: BTreeSet<String>,
    /// Transfer mechanisms that are named.
    pub transfers: BTreeSet<String>,
    /// Blocs that places, control or certification are tested against, by fact.
    pub blocs: BTreeMap<String, BTreeSet<String>>,
    /// Entities that any term names, as (type, id).
    pub entities: BTreeSet<(String, String)>,
}

impl Thresholds {
    pub(crate) fn of<'a>(policies: impl Iterator<Item = &'a Policy>) -> Self {
        let mut found = Self::default();
        for policy in policies {
            let Ok(tree) = policy.to_pst() else { continue };
            found.entities.extend(principal(&tree.body().principal).into_iter().chain(resource(&tree.body().resource)).map(named));
            for clause in tree.body().clauses() {
                collect(expression(clause), &mut |expr| {
                    found.note(expr);
                    false
                });
            }
        }
        found
    }

    fn note(&mut self, expr: &Expr) {
        if let Expr::Literal(Literal::EntityUID(uid)) = expr {
            self.entities.insert(named(uid));
        }
        let Expr::BinaryOp { left, right, .. } = expr else { return };
        for (side, other) in [(left, right), (right, left)] {
            if let Some(path) = attribute_path(side) {
                self.note_comparison(&path, expr, other);
            }
        }
    }

    fn note_comparison(&mut self, path: &str, whole: &Expr, other: &Expr) {
        let (fact, last) = path.rsplit_once('.').unwrap_or_default();
        match fact {
            "resource.assurance.level" => {
                if let (Some(scale), Some(level)) = (Scale::named(last), bound(whole, other)) {
                    self.levels.entry(scale).or_default().insert(level);
                }
            }
            "resource.assurance.strength" => {
                if let (Some(scale), Some(level)) = (Scale::named(last), bound(whole, other)) {
                    let highest = self.strengths.entry(scale).or_default();
                    *highest = (*highest).max(level);
                }
            }
            "resource.assurance" if last == "certifications" => self.certifications.extend(strings(other)),
            "resource.assurance" if last == "transfer" => self.transfers.extend(strings(other)),
            _ => {
                let blocs = uids(other).into_iter().filter(|(kind, _)| kind == "Bloc").map(|(_, id)| id);
                let blocs: BTreeSet<String> = blocs.collect();
                if !blocs.is_empty() {
                    self.blocs.entry(path.to_owned()).or_default().extend(blocs);
                }
            }
        }
    }
}

/// The entity that the head of a policy asks of the caller.
fn principal(head: &PrincipalConstraint) -> Option<&EntityUID> {
    let (PrincipalConstraint::Eq(one) | PrincipalConstraint::In(one) | PrincipalConstraint::IsIn(_, one)) = head else { return None };
    if let EntityOrSlot::Entity(uid) = one { Some(uid) } else { None }
}

/// The entity that the head of a policy asks of the offering.
fn resource(head: &ResourceConstraint) -> Option<&EntityUID> {
    let (ResourceConstraint::Eq(one) | ResourceConstraint::In(one) | ResourceConstraint::IsIn(_, one)) = head else { return None };
    if let EntityOrSlot::Entity(uid) = one { Some(uid) } else { None }
}

/// The least level that passes or escapes a comparison with `other`: one more for strict ones.
fn bound(whole: &Expr, other: &Expr) -> Option<u8> {
    let Expr::Literal(Literal::Long(number)) = other else { return None };
    let strict = matches!(whole, Expr::BinaryOp { op: BinaryOp::Greater | BinaryOp::LessEq, .. });
    u8::try_from(number.saturating_add(i64::from(strict))).ok()
}

fn strings(expr: &Expr) -> Vec<String> {
    let mut found = Vec::new();
    collect(expr, &mut |part| {
        if let Expr::Literal(Literal::String(text)) = part {
            found.push(text.to_string());
        }
        false
    });
    found
}

fn uids(expr: &Expr) -> Vec<(String, String)> {
    let mut found = Vec::new();
    collect(expr, &mut |part| {
        if let Expr::Literal(Literal::EntityUID(uid)) = part {
            found.push(named(uid));
        }
        false
    });
    found
}

fn named(uid: &EntityUID) -> (String, String) {
    (uid.ty.to_string(), uid.eid.to_string())
}

fn expression(clause: &Clause) -> &Expr {
    match clause {
        Clause::When(expr) | Clause::Unless(expr) => expr,
    }
}

/// Visits every part of `expr` from the outside in; a visitor that returns true has dealt with the part whole.
pub fn collect(expr: &Expr, visit: &mut impl FnMut(&Expr) -> bool) {
    if visit(expr) {
        return;
    }
    #[expect(clippy::wildcard_enum_match_arm, reason = "the other expressions have no parts")]
    match expr {
        Expr::UnaryOp { expr, .. } | Expr::GetAttr { expr, .. } | Expr::HasAttr { expr, .. } | Expr::Like { expr, .. } => {
            collect(expr, visit)
        }
        Expr::BinaryOp { left, right, .. } => [left, right].into_iter().for_each(|part| collect(part, visit)),
        Expr::Is { expr, in_expr, .. } => [Some(expr), in_expr.as_ref()].into_iter().flatten().for_each(|part| collect(part, visit)),
        Expr::IfThenElse { cond, then_expr, else_expr } => {
            [cond, then_expr, else_expr].into_iter().for_each(|part| collect(part, visit));
        }
        Expr::Set(parts) => parts.iter().for_each(|part| collect(part, visit)),
        Expr::Record(parts) => parts.values().for_each(|part| collect(part, visit)),
        _ => {}
    }
}
