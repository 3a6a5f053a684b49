//! Cedar expressions, built. They are trees of the language itself, never text that somebody else's words could break out of.
//!
//! Long conjunctions are balanced, so that no reader of them runs out of stack.

use std::sync::Arc;

use cedar_policy::pst::{BinaryOp, EntityType, EntityUID, Expr, Literal, Name, UnaryOp, Var};

/// A shared expression.
pub(crate) type Cedar = Arc<Expr>;

pub(crate) fn yes() -> Cedar {
    boolean(true)
}

pub(crate) fn no() -> Cedar {
    boolean(false)
}

pub(crate) fn boolean(value: bool) -> Cedar {
    Arc::new(Expr::Literal(Literal::Bool(value)))
}

pub(crate) fn number(value: u8) -> Cedar {
    Arc::new(Expr::Literal(Literal::Long(value.into())))
}

pub(crate) fn text(value: &str) -> Cedar {
    Arc::new(Expr::Literal(Literal::String(value.into())))
}

/// `Kind::"id"`; `kind` is a name of the schema.
pub(crate) fn entity(kind: &str, id: &str) -> Cedar {
    Arc::new(Expr::Literal(Literal::EntityUID(uid(kind, id))))
}

pub(crate) fn uid(kind: &str, id: &str) -> EntityUID {
    #[expect(clippy::expect_used, reason = "the kinds are names of the schema, which are identifiers")]
    let name = Name::unqualified(kind).expect("a name of the schema");
    EntityUID { ty: EntityType::from_name(name), eid: id.into() }
}

pub(crate) fn principal() -> Cedar {
    Arc::new(Expr::Var(Var::Principal))
}

/// `context.` and a dotted path.
pub(crate) fn path(path: &str) -> Cedar {
    path.split('.').fold(Arc::new(Expr::Var(Var::Context)), |expr, attr| attribute(&expr, attr))
}

pub(crate) fn attribute(expr: &Cedar, attr: &str) -> Cedar {
    Arc::new(Expr::GetAttr { expr: Arc::clone(expr), attr: attr.into() })
}

pub(crate) fn set(members: impl IntoIterator<Item = Cedar>) -> Cedar {
    Arc::new(Expr::Set(members.into_iter().collect()))
}

pub(crate) fn is_empty(expr: &Cedar) -> Cedar {
    Arc::new(Expr::UnaryOp { op: UnaryOp::IsEmpty, expr: Arc::clone(expr) })
}

pub(crate) fn binary(op: BinaryOp, left: &Cedar, right: &Cedar) -> Cedar {
    Arc::new(Expr::BinaryOp { op, left: Arc::clone(left), right: Arc::clone(right) })
}

pub(crate) fn equal(left: &Cedar, right: &Cedar) -> Cedar {
    binary(BinaryOp::Eq, left, right)
}

pub(crate) fn at_least(left: &Cedar, right: &Cedar) -> Cedar {
    binary(BinaryOp::GreaterEq, left, right)
}

pub(crate) fn contains(set: &Cedar, member: &Cedar) -> Cedar {
    binary(BinaryOp::Contains, set, member)
}

/// Every member of `small` is in `large`.
pub(crate) fn contains_all(large: &Cedar, small: &Cedar) -> Cedar {
    binary(BinaryOp::ContainsAll, large, small)
}

pub(crate) fn contains_any(one: &Cedar, other: &Cedar) -> Cedar {
    binary(BinaryOp::ContainsAny, one, other)
}

/// The sum of the numbers of those conditions that hold.
pub(crate) fn count(conditions: impl IntoIterator<Item = (Cedar, u8)>) -> Cedar {
    let each = conditions
        .into_iter()
        .map(|(condition, counts)| Arc::new(Expr::IfThenElse { cond: condition, then_expr: number(counts), else_expr: number(0) }));
    each.reduce(|sum, one| binary(BinaryOp::Add, &sum, &one)).unwrap_or_else(|| number(0))
}

pub(crate) fn not(expr: &Cedar) -> Cedar {
    match constant(expr) {
        Some(value) => boolean(!value),
        None => Arc::new(Expr::UnaryOp { op: UnaryOp::Not, expr: Arc::clone(expr) }),
    }
}

pub(crate) fn and(left: &Cedar, right: &Cedar) -> Cedar {
    all([Arc::clone(left), Arc::clone(right)])
}

pub(crate) fn or(left: &Cedar, right: &Cedar) -> Cedar {
    any([Arc::clone(left), Arc::clone(right)])
}

/// As a term has it: what comes first is evaluated first, and stays even where the second alone decides, since it can fail.
pub(crate) fn and_then(left: &Cedar, right: &Cedar) -> Cedar {
    in_order(BinaryOp::And, [left, right], true)
}

/// Likewise.
pub(crate) fn or_else(left: &Cedar, right: &Cedar) -> Cedar {
    in_order(BinaryOp::Or, [left, right], false)
}

fn in_order(op: BinaryOp, [left, right]: [&Cedar; 2], neutral: bool) -> Cedar {
    match (constant(left), constant(right)) {
        (Some(value), _) if value == neutral => Arc::clone(right),
        (Some(_), _) => Arc::clone(left),
        (None, Some(value)) if value == neutral => Arc::clone(left),
        (None, _) => binary(op, left, right),
    }
}

/// If the first, then the second.
pub(crate) fn implies(first: &Cedar, second: &Cedar) -> Cedar {
    or(&not(first), second)
}

/// All of these; none is true.
pub(crate) fn all(parts: impl IntoIterator<Item = Cedar>) -> Cedar {
    join(BinaryOp::And, parts, true)
}

/// At least one of these; none is false.
pub(crate) fn any(parts: impl IntoIterator<Item = Cedar>) -> Cedar {
    join(BinaryOp::Or, parts, false)
}

fn join(op: BinaryOp, parts: impl IntoIterator<Item = Cedar>, neutral: bool) -> Cedar {
    let mut open = Vec::new();
    for part in parts {
        match constant(&part) {
            Some(value) if value == neutral => {}
            Some(value) => return boolean(value),
            None => open.push(part),
        }
    }
    while open.len() > 1 {
        open = open.chunks(2).filter_map(|pair| pair.iter().cloned().reduce(|left, right| binary(op, &left, &right))).collect();
    }
    open.pop().unwrap_or_else(|| boolean(neutral))
}

/// The value of a literal.
pub(crate) fn constant(expr: &Expr) -> Option<bool> {
    if let Expr::Literal(Literal::Bool(value)) = expr { Some(*value) } else { None }
}
