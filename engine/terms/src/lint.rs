//! So that no term can profit from ignorance: the unknown must never be better than the known, and a finding must never help.
//!
//! Each test of a term is looked at in the direction of admission (see [`crate::formula`]). A fact that gets worse can only turn such a
//! test from true to false if the test passes here; a test whose direction cannot be seen is refused as well.

use cedar_policy::pst::{BinaryOp, Expr, Literal, UnaryOp};
use comity_vocab::{Jurisdiction, Scale};

use crate::formula::{Formula, Test, attribute_path};
use crate::load::{Effect, LayerSource, Term};
use crate::problem::TermsProblem;
use crate::reads::collect;

/// What a fact is to a lint.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    /// A set whose unknown is everything, or that findings fill: more of it is worse.
    WorseWhenMore,
    /// A set that an assurance fills: less of it is worse.
    WorseWhenLess,
    /// A level of assurance, with its best value: lower is worse.
    Level(u8),
    /// The class of the data: higher is worse.
    Class,
    /// One jurisdiction, `XX` when unknown.
    Single,
    /// A yes that findings give.
    Finding,
    /// Anything else: no lint.
    Free,
}

/// Why a test is refused.
struct Fault {
    message: String,
    hint: String,
}

pub(crate) fn check(term: &Term, source: &LayerSource) -> Vec<TermsProblem> {
    let mut problems = Vec::new();
    term.requirement.tests(&mut |test, within| {
        let seen = Seen { test, within, prefers: term.prefers, forbids: term.effect == Effect::Forbid };
        if let Err(fault) = check_test(&seen) {
            let needle = needle(&test.expr);
            let place = source.find(&term.text, &needle);
            problems.push(TermsProblem::at(place, format!("term `{}`: {}", term.id, fault.message), Some(fault.hint)));
        }
    });
    problems
}

fn kind(path: &str) -> Kind {
    let (fact, last) = path.rsplit_once('.').unwrap_or_default();
    match (fact, last) {
        ("resource.origin", "processed_in" | "stored_in" | "compellable_by" | "hardware") => Kind::WorseWhenMore,
        ("resource.origin", "processed_within" | "stored_within" | "compellable_within") => Kind::WorseWhenLess,
        ("resource.origin", "operator" | "control" | "developer" | "governing_law") => Kind::Single,
        ("resource.assurance", "certifications" | "transfer" | "certified_by" | "certified_in") => Kind::WorseWhenLess,
        ("resource.assurance.level", scale) => Kind::Level(Scale::named(scale).map_or(0, Scale::top)),
        ("resource.assurance.strength", _) => Kind::Level(4),
        ("context.data", "detector") => Kind::Level(3),
        ("context.data", "classification") => Kind::Class,
        ("context.data", "personal" | "special_category" | "secrets" | "opaque") => Kind::Finding,
        ("context.data", "remote" | "kinds" | "subjects") => Kind::WorseWhenMore,
        _ => Kind::Free,
    }
}

fn kind_of(expr: &Expr) -> Kind {
    attribute_path(expr).map_or(Kind::Free, |path| kind(&path))
}

fn check_test(seen: &Seen<'_>) -> Result<(), Fault> {
    let test = seen.test;
    #[expect(clippy::wildcard_enum_match_arm, reason = "what is not named is refused if it reads a guarded fact")]
    let verdict = match &*test.expr {
        expr @ Expr::GetAttr { .. } => Some(check_flag(kind_of(expr), seen)),
        Expr::UnaryOp { op: UnaryOp::IsEmpty, expr } => check_empty(kind_of(expr), seen),
        Expr::BinaryOp { op, left, right } => check_binary(*op, [left, right], seen),
        _ => None,
    };
    verdict.unwrap_or_else(|| refuse_if_guarded(test))
}

/// A test and what stands around it.
struct Seen<'a> {
    test: &'a Test,
    within: &'a [&'a [Formula]],
    prefers: bool,
    forbids: bool,
}

fn check_binary(op: BinaryOp, sides: [&Expr; 2], seen: &Seen<'_>) -> Option<Result<(), Fault>> {
    let kinds = sides.map(kind_of);
    #[expect(clippy::wildcard_enum_match_arm, reason = "other operators do not apply to guarded facts")]
    match op {
        BinaryOp::Less | BinaryOp::LessEq => Some(check_order(sides, seen)),
        BinaryOp::Greater | BinaryOp::GreaterEq => {
            let [left, right] = sides;
            Some(check_order([right, left], seen))
        }
        BinaryOp::Contains | BinaryOp::ContainsAll | BinaryOp::ContainsAny => check_set(op, sides, seen),
        BinaryOp::Eq | BinaryOp::In if kinds.contains(&Kind::Single) => Some(check_single(sides, seen)),
        BinaryOp::Eq => check_equal(sides, seen),
        _ => None,
    }
}

fn check_flag(kind: Kind, seen: &Seen<'_>) -> Result<(), Fault> {
    if kind == Kind::Finding && seen.test.holds && !seen.prefers { Err(needs_finding(seen.test)) } else { Ok(()) }
}

fn check_empty(kind: Kind, seen: &Seen<'_>) -> Option<Result<(), Fault>> {
    let test = seen.test;
    match kind {
        Kind::WorseWhenMore if !test.holds && !seen.prefers => Some(Err(needs_finding(test))),
        Kind::WorseWhenLess if test.holds => Some(Err(profits_from_lack(test))),
        Kind::WorseWhenMore | Kind::WorseWhenLess => Some(Ok(())),
        Kind::Level(_) | Kind::Class | Kind::Single | Kind::Finding | Kind::Free => None,
    }
}

/// `small < large` or `small <= large`.
fn check_order([small, large]: [&Expr; 2], seen: &Seen<'_>) -> Result<(), Fault> {
    let test = seen.test;
    let (small, large) = if test.holds { (small, large) } else { (large, small) };
    if matches!(kind_of(small), Kind::Level(_)) {
        return Err(profits_from_lack(test));
    }
    if kind_of(large) == Kind::Class && !seen.prefers {
        return Err(needs_finding(test));
    }
    Ok(())
}

fn check_set(op: BinaryOp, [receiver, argument]: [&Expr; 2], seen: &Seen<'_>) -> Option<Result<(), Fault>> {
    // `a.containsAll(b)` grows true with a and false with b; the other operators grow true with both.
    let kinds = [(kind_of(receiver), true), (kind_of(argument), op != BinaryOp::ContainsAll)];
    let mut guarded = false;
    for (kind, grows) in kinds {
        match kind {
            Kind::WorseWhenMore if grows == seen.test.holds && !(seen.prefers && is_finding(receiver)) => {
                return Some(Err(profits_from_unknown(seen.test, [receiver, argument])));
            }
            Kind::WorseWhenLess if grows != seen.test.holds => return Some(Err(profits_from_lack(seen.test))),
            Kind::Single => return Some(check_single([argument, receiver], seen)),
            Kind::WorseWhenMore | Kind::WorseWhenLess => guarded = true,
            Kind::Level(_) | Kind::Class | Kind::Finding => return None,
            Kind::Free => {}
        }
    }
    guarded.then_some(Ok(()))
}

fn is_finding(expr: &Expr) -> bool {
    attribute_path(expr).is_some_and(|path| path.starts_with("context.data."))
}

fn check_equal(sides: [&Expr; 2], seen: &Seen<'_>) -> Option<Result<(), Fault>> {
    let test = seen.test;
    let [left, right] = sides;
    for (fact, other) in [(left, right), (right, left)] {
        let number = if let Expr::Literal(Literal::Long(number)) = other { Some(*number) } else { None };
        match (kind_of(fact), number) {
            (Kind::Level(top), Some(n)) if test.holds && n == i64::from(top) || !test.holds && n == 0 => return Some(Ok(())),
            (Kind::Class, Some(n)) if test.holds && n == 0 || !test.holds && n == 3 => return Some(Ok(())),
            (Kind::Level(_), _) => return Some(Err(profits_from_lack(test))),
            (Kind::Class, _) if !seen.prefers => return Some(Err(needs_finding(test))),
            (Kind::WorseWhenMore, _) if test.holds && is_singleton(other) => return Some(Ok(())),
            (Kind::WorseWhenMore, _) => return Some(Err(profits_from_unknown(test, [fact, other]))),
            (Kind::WorseWhenLess, _) => return Some(Err(profits_from_lack(test))),
            (Kind::Class | Kind::Single | Kind::Finding | Kind::Free, _) => {}
        }
    }
    None
}

fn is_singleton(expr: &Expr) -> bool {
    matches!(expr, Expr::Set(members) if members.len() == 1)
}

fn check_single(sides: [&Expr; 2], seen: &Seen<'_>) -> Result<(), Fault> {
    let names_unknown = sides.iter().any(|side| names_unknown(side));
    let both = sides.iter().all(|side| kind_of(side) == Kind::Single);
    let path = sides.iter().find(|side| kind_of(side) == Kind::Single).and_then(|side| attribute_path(side)).unwrap_or_default();
    let safe = match (seen.test.holds, names_unknown) {
        (true, true) => false,
        (true, false) => !both || excludes_unknown(&path, seen.within),
        (false, true) => true,
        (false, false) => excludes_unknown(&path, seen.within),
    };
    if safe {
        return Ok(());
    }
    let test = seen.test;
    if test.holds && names_unknown {
        let message = format!("`{test}` rewards an unknown origin");
        return Err(Fault { message, hint: "leave `XX` out: nothing is known about such an offering".to_owned() });
    }
    // The line as its author wrote it: in a forbid the condition stands the other way round.
    let written = Test { expr: test.expr.clone(), holds: test.holds != seen.forbids };
    let corrected = if seen.forbids {
        format!("{written} || {path} == Jurisdiction::\"XX\"")
    } else {
        format!("{written} && {path} != Jurisdiction::\"XX\"")
    };
    let message = format!("`{test}` lets an unknown origin pass, because unknown is `XX`");
    Err(Fault { message, hint: format!("write `{corrected}`") })
}

/// Whether something that stands beside the test, by `and`, keeps `XX` out of `path`.
fn excludes_unknown(path: &str, within: &[&[Formula]]) -> bool {
    within.iter().flat_map(|parts| parts.iter()).any(|part| {
        let Formula::Test(Test { expr, holds }) = part else { return false };
        let Expr::BinaryOp { op: BinaryOp::Eq | BinaryOp::In | BinaryOp::Contains, left, right } = &**expr else { return false };
        let sides = [&**left, &**right];
        let about_path = sides.iter().any(|side| attribute_path(side).as_deref() == Some(path));
        let both = sides.iter().all(|side| kind_of(side) == Kind::Single);
        about_path && !both && *holds != sides.iter().any(|side| names_unknown(side))
    })
}

fn names_unknown(expr: &Expr) -> bool {
    let mut found = false;
    collect(expr, &mut |part| {
        found |= matches!(part, Expr::Literal(Literal::EntityUID(uid)) if uid.eid == Jurisdiction::UNKNOWN.as_str());
        false
    });
    found
}

/// A test of a shape that is not known here may not read a guarded fact.
fn refuse_if_guarded(test: &Test) -> Result<(), Fault> {
    let mut guarded = None;
    collect(&test.expr, &mut |part| {
        let Some(path) = attribute_path(part) else { return false };
        // A whole record (`context.data`) holds guarded facts.
        let whole =
            ["context", "context.data", "resource.origin", "resource.assurance", "resource.assurance.level", "resource.assurance.strength"];
        if kind(&path) != Kind::Free || whole.contains(&path.as_str()) {
            guarded = Some(path);
        }
        true
    });
    guarded.map_or(Ok(()), |path| {
        Err(Fault {
            message: format!("cannot see how `{test}` treats an unknown or worse `{path}`"),
            hint: format!("compare `{path}` alone with a constant, by `==`, `<=`, `>=`, `in`, `contains`, `containsAll` or `containsAny`"),
        })
    })
}

fn profits_from_unknown(test: &Test, [fact, other]: [&Expr; 2]) -> Fault {
    let (fact, other) = if kind_of(fact) == Kind::Free { (other, fact) } else { (fact, other) };
    if is_finding(fact) {
        return needs_finding(test);
    }
    let path = attribute_path(fact).unwrap_or_default();
    let allowed = if matches!(other, Expr::Set(_)) { other.to_string() } else { format!("[{other}]") };
    let turned = format!("`{allowed}.containsAll({path})`");
    let hint = match path.rsplit_once('_') {
        Some((fact, _)) if path != "resource.origin.hardware" => format!("write {turned}, or `{fact}_within.contains(Bloc::\"…\")`"),
        _ => format!("write {turned}"),
    };
    Fault { message: format!("`{test}` passes when the places are unknown, because unknown is everywhere"), hint }
}

fn profits_from_lack(test: &Test) -> Fault {
    let hint = if let (Expr::BinaryOp { op: BinaryOp::Eq, left, right }, true) = (&*test.expr, test.holds) {
        format!("write `{left} >= {right}`")
    } else {
        "turn it round, so that a higher level or one more certificate helps: `>=`, or `contains` without `!`".to_owned()
    };
    Fault { message: format!("`{test}` passes when less is known or assured"), hint }
}

fn needs_finding(test: &Test) -> Fault {
    Fault {
        message: format!("`{test}` needs a finding in order to permit; findings and classes may only narrow"),
        hint: "write a forbid for the calls that have it, or permit those that do not".to_owned(),
    }
}

/// Text by which the test can be found in the policy: its first attribute.
fn needle(expr: &Expr) -> String {
    let mut found = String::new();
    collect(expr, &mut |part| {
        let path = attribute_path(part);
        if let (true, Some(path)) = (found.is_empty(), &path) {
            found.clone_from(path);
        }
        path.is_some()
    });
    found
}
