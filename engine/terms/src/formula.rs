//! What one term asks of a call, as and/or over single tests, with every negation pushed down to the tests.
//!
//! For a permit the formula says when it permits; for a forbid, when it does *not* stand in the way. So in both cases
//! "true" means "towards admission", which is what lints and explanations reason about.

use std::sync::Arc;

use cedar_policy::pst::{BinaryOp, Clause, Expr, Literal, UnaryOp, Var};

/// And, or, or one test.
#[derive(Debug, Clone)]
pub enum Formula {
    /// All of these; empty is true.
    All(Vec<Formula>),
    /// At least one of these; empty is false.
    Any(Vec<Formula>),
    /// A single test.
    Test(Test),
}

/// A single test: `expr` must come out as `holds`.
#[derive(Debug, Clone)]
pub struct Test {
    /// The tested expression, of Boolean type, without `!`, `&&`, `||`, `if` or `!=` at its top.
    pub expr: Arc<Expr>,
    /// What it must come out as.
    pub holds: bool,
}

/// The formula of a term's `when` and `unless` clauses, towards admission.
#[must_use]
pub fn requirement(permits: bool, clauses: &[Clause]) -> Formula {
    let part = |clause: &Clause| match clause {
        Clause::When(expr) => normal(expr, permits),
        Clause::Unless(expr) => normal(expr, !permits),
    };
    let parts = clauses.iter().map(part).collect();
    if permits { all(parts) } else { any(parts) }
}

impl Formula {
    /// Calls `visit` with each test and the conjunctions that it stands in, outermost first.
    pub fn tests<'a>(&'a self, visit: &mut impl FnMut(&'a Test, &[&'a [Formula]])) {
        walk(self, &mut Vec::new(), visit);
    }
}

impl std::fmt::Display for Test {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.holds, &*self.expr) {
            (true, expr) => write!(f, "{expr}"),
            (false, Expr::BinaryOp { op: BinaryOp::Eq, left, right }) => write!(f, "{left} != {right}"),
            (false, expr @ (Expr::GetAttr { .. } | Expr::Var(_))) => write!(f, "!{expr}"),
            (false, expr) => write!(f, "!({expr})"),
        }
    }
}

/// The dotted path of an attribute, for example `context.data.personal`; nothing when the expression is not one.
#[must_use]
pub fn attribute_path(expr: &Expr) -> Option<String> {
    if let Expr::GetAttr { expr, attr } = expr {
        return attribute_path(expr).map(|path| format!("{path}.{attr}"));
    }
    let Expr::Var(var) = expr else { return None };
    let name = match var {
        Var::Principal => "principal",
        Var::Action => "action",
        Var::Resource => "resource",
        Var::Context => "context",
    };
    Some(name.to_owned())
}

fn walk<'a>(formula: &'a Formula, within: &mut Vec<&'a [Formula]>, visit: &mut impl FnMut(&'a Test, &[&'a [Formula]])) {
    match formula {
        Formula::All(parts) => {
            within.push(parts);
            parts.iter().for_each(|part| walk(part, within, visit));
            within.pop();
        }
        Formula::Any(parts) => parts.iter().for_each(|part| walk(part, within, visit)),
        Formula::Test(test) => visit(test, within),
    }
}

fn normal(expr: &Arc<Expr>, holds: bool) -> Formula {
    #[expect(clippy::wildcard_enum_match_arm, reason = "every other expression is a single test")]
    match &**expr {
        Expr::Literal(Literal::Bool(value)) if *value == holds => Formula::All(Vec::new()),
        Expr::Literal(Literal::Bool(_)) => Formula::Any(Vec::new()),
        Expr::UnaryOp { op: UnaryOp::Not, expr } => normal(expr, !holds),
        Expr::BinaryOp { op, left, right } => binary(*op, [left, right], (expr, holds)),
        Expr::IfThenElse { cond, then_expr, else_expr } => choice(cond, normal(then_expr, holds), normal(else_expr, holds)),
        _ => Formula::Test(Test { expr: Arc::clone(expr), holds }),
    }
}

/// `if cond then yes else no`. A constant branch needs the condition in one direction only, which is what lints look at.
fn choice(cond: &Arc<Expr>, yes: Formula, no: Formula) -> Formula {
    match (constant(&yes), constant(&no)) {
        (Some(true), _) => any(vec![normal(cond, true), no]),
        (Some(false), _) => all(vec![normal(cond, false), no]),
        (_, Some(true)) => any(vec![normal(cond, false), yes]),
        (_, Some(false)) => all(vec![normal(cond, true), yes]),
        (None, None) => any(vec![all(vec![normal(cond, true), yes]), all(vec![normal(cond, false), no])]),
    }
}

fn constant(formula: &Formula) -> Option<bool> {
    match formula {
        Formula::All(parts) if parts.is_empty() => Some(true),
        Formula::Any(parts) if parts.is_empty() => Some(false),
        Formula::All(_) | Formula::Any(_) | Formula::Test(_) => None,
    }
}

fn binary(op: BinaryOp, [left, right]: [&Arc<Expr>; 2], (whole, holds): (&Arc<Expr>, bool)) -> Formula {
    let parts = || vec![normal(left, holds), normal(right, holds)];
    match (op, holds) {
        (BinaryOp::And, true) | (BinaryOp::Or, false) => all(parts()),
        (BinaryOp::And, false) | (BinaryOp::Or, true) => any(parts()),
        (BinaryOp::Eq | BinaryOp::NotEq, _) => {
            let equal = holds == (op == BinaryOp::Eq);
            match (boolean(left), boolean(right)) {
                (Some(value), _) => normal(right, value == equal),
                (_, Some(value)) => normal(left, value == equal),
                (None, None) => {
                    let (left, right) = (Arc::clone(left), Arc::clone(right));
                    Formula::Test(Test { expr: Arc::new(Expr::BinaryOp { op: BinaryOp::Eq, left, right }), holds: equal })
                }
            }
        }
        _ => Formula::Test(Test { expr: Arc::clone(whole), holds }),
    }
}

fn boolean(expr: &Expr) -> Option<bool> {
    if let Expr::Literal(Literal::Bool(value)) = expr { Some(*value) } else { None }
}

fn all(parts: Vec<Formula>) -> Formula {
    let mut flat = Vec::new();
    for part in parts {
        match part {
            Formula::All(inner) => flat.extend(inner),
            other @ (Formula::Any(_) | Formula::Test(_)) => flat.push(other),
        }
    }
    single(flat, Formula::All)
}

fn any(parts: Vec<Formula>) -> Formula {
    let mut flat = Vec::new();
    for part in parts {
        match part {
            Formula::Any(inner) => flat.extend(inner),
            other @ (Formula::All(_) | Formula::Test(_)) => flat.push(other),
        }
    }
    single(flat, Formula::Any)
}

fn single(mut parts: Vec<Formula>, wrap: fn(Vec<Formula>) -> Formula) -> Formula {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        Some(last) => {
            parts.push(last);
            wrap(parts)
        }
        None => wrap(parts),
    }
}
