//! Terms that fail, never match, make no difference, or are always taken back.

use std::collections::BTreeMap;

use cedar_policy::pst::{BinaryOp, Expr, UnaryOp};
use comity_terms::{Effect, attribute_path, collect};
use comity_vocab::{Action, TermId};

use crate::cedar::{self, Cedar};
use crate::failure::GaveUp;
use crate::inquiry::{Inquiry, Outcome, ProveError};
use crate::place::Place;
use crate::prover::{Prover, Seen};
use crate::replay::{Expect, Wanted};
use crate::report::{Answer, Finding, Verdict};
use crate::rules::{Asked, Rule, RuleLayer, Rules};
use crate::scope::Scope;
use crate::search::{Known, Search};

/// Who says that a term without arithmetic and without attributes of others cannot fail.
const BY_TEXT: &str = "the text of the terms";

impl Prover {
    /// Proved first whatever is asked: an error denies here, and is skipped by Cedar.
    pub(crate) fn errors(&mut self) -> Result<Answer, ProveError> {
        let mut answer = Answer::new(Verdict::Proved, BY_TEXT);
        for side in 0..self.bench.sides.len() {
            let rules = self.rules(side);
            self.bench.progress.begin(rules.all().count());
            for (_, rule) in rules.all() {
                self.bench.progress.one_done();
                for asked in self.asked_of(rule) {
                    match self.fails((side, asked), rule)? {
                        Outcome::Impossible(by) if by == BY_TEXT || answer.verdict == Verdict::Violated => {}
                        Outcome::Impossible(by) => answer.by = by,
                        Outcome::Unknown(why) => answer.doubt(format!("term `{}`: {why}", rule.id)),
                        Outcome::Possible(example) => {
                            let says = format!("term `{}` can fail to be evaluated, and then everything is denied", rule.id);
                            answer.by = "a counterexample that was replayed".to_owned();
                            answer.found(Finding { example: Some(*example), ..self.finding(side, says, std::slice::from_ref(&rule.id)) });
                            break;
                        }
                    }
                }
            }
        }
        Ok(answer)
    }

    fn fails(&mut self, (side, asked): (usize, Asked), rule: &Rule) -> Result<Outcome, ProveError> {
        let scope = Scope::new([&rule.condition].into_iter(), &self.bench.pinned);
        let place = Place::new("one", "a", asked);
        let condition = match scope.matches(rule, place) {
            Ok(condition) => condition,
            Err(gave_up) => return Ok(Outcome::Unknown(gave_up.to_string())),
        };
        if !can_fail(&condition) {
            return Ok(Outcome::Impossible(BY_TEXT.to_owned()));
        }
        let (name, wishes) = (format!("can term `{}` fail, so that its condition has no value?", rule.id), Vec::new());
        let fails = Expect { side, place, wanted: Wanted::FailsIn(rule.id.clone()) };
        // What a ranking does is no decision to replay.
        let expects = if rule.prefers { Vec::new() } else { vec![fails] };
        let inquiry = Inquiry { name, scope: &scope, offerings: &["a"], calls: &["one"], condition, wishes, expects };
        match self.bench.inquire_failure(&inquiry)? {
            Outcome::Possible(_) if rule.prefers => Ok(Outcome::Unknown("a preference that can fail".to_owned())),
            outcome @ (Outcome::Possible(_) | Outcome::Impossible(_) | Outcome::Unknown(_)) => Ok(outcome),
        }
    }

    /// Each term for itself: can it match, under any action?
    pub(crate) fn vacuous(&mut self, seen: Seen) -> Result<Answer, ProveError> {
        self.each_term(seen, &Fault { says: "never matches any call or offering", spared: vacuous, by_means: false, only_permits: false })
    }

    /// Each permit for itself: can it permit where no forbid of any layer stands in the way?
    pub(crate) fn shadowed(&mut self, seen: Seen) -> Result<Answer, ProveError> {
        self.each_term(seen, &Fault { says: "is always overridden by forbids", spared: shadowed, by_means: false, only_permits: true })
    }

    /// Each term for itself: does any decision change without it?
    pub(crate) fn redundant(&mut self, seen: Seen) -> Result<Answer, ProveError> {
        self.each_term(seen, &Fault { says: "can be removed and nothing changes", spared: redundant, by_means: true, only_permits: false })
    }

    /// Asks the same of each term; one that nothing spares the fault is a finding.
    fn each_term(&mut self, seen: Seen, fault: &Fault) -> Result<Answer, ProveError> {
        let rules = self.rules(0);
        let scope = Scope::new(rules.all().map(|(_, rule)| &rule.condition), &self.bench.pinned);
        let prepared = self.prepared(&scope, seen).and_then(|mut search| Ok((Matches::new(&scope, &rules, &mut search)?, search)));
        let (matches, mut search) = match prepared {
            Ok(prepared) => prepared,
            Err(gave_up) => return Ok(Answer::unknown(gave_up.to_string())),
        };
        let mut answer = Answer::new(Verdict::Proved, "an example of each that was found");
        let mut faulty = Vec::new();
        self.bench.progress.begin(rules.all().count());
        for (layer, rule) in rules.all().filter(|(_, rule)| !fault.passes_over(rule)) {
            self.bench.progress.one_done();
            match self.spared((&scope, &matches, &mut search), fault, (layer, rule)) {
                Ok(None) => {}
                Ok(Some(cases)) => faulty.push((rule, cases)),
                Err(gave_up) => answer.doubt(format!("term `{}`: {gave_up}", rule.id)),
            }
        }
        self.bench.progress.begin(faulty.len());
        for (rule, cases) in faulty {
            self.bench.progress.one_done();
            self.settle_fault(&mut answer, seen, (fault, rule, cases))?;
        }
        Ok(answer)
    }

    /// Nothing if the search finds a case that spares the term the fault; else the cases that it says are impossible.
    fn spared(
        &self,
        (scope, matches, search): (&Scope, &Matches<'_>, &mut Search<'_>),
        fault: &Fault,
        (layer, rule): (&RuleLayer, &Rule),
    ) -> Result<Option<Vec<Case>>, GaveUp> {
        let mut cases = Vec::new();
        for asked in self.asked_of(rule) {
            let place = Place::new("one", "a", asked);
            // Where a means can stand in the way, fewer of them may decide as if the term were there.
            if fault.by_means && !rule.prefers && !scope.means_only_help(matches.rules, asked) {
                let condition = differs(scope, matches.rules, (rule, place))?;
                let known = search.known(&condition)?;
                if search.try_all(&[known])?.is_some() {
                    return Ok(None);
                }
                cases.push(Case { scope: scope.clone(), condition });
                continue;
            }
            let parts = (fault.spared)(matches.rules, layer, (rule, asked));
            let knowns: Vec<Known> = parts.iter().filter_map(|part| part.known(matches, asked)).collect();
            if search.try_all(&knowns)?.is_some() {
                return Ok(None);
            }
            // What alone allows nothing is all that the solver is asked about.
            let core = search.core(&knowns);
            let parts: Vec<Part<'_>> =
                parts.into_iter().filter(|part| part.known(matches, asked).is_some_and(|known| core.contains(&known))).collect();
            let scope = Scope::new(parts.iter().flat_map(Part::rules).map(|rule| &rule.condition), &self.bench.pinned);
            let condition = cedar::all(parts.iter().map(|part| part.holds(&scope, place)).collect::<Result<Vec<_>, _>>()?);
            cases.push(Case { scope, condition });
        }
        Ok(Some(cases))
    }

    fn settle_fault(
        &mut self,
        answer: &mut Answer,
        seen: Seen,
        (fault, rule, cases): (&Fault, &Rule, Vec<Case>),
    ) -> Result<(), ProveError> {
        let says = fault.says;
        let mut by = "exhaustive search of the catalogue".to_owned();
        for Case { scope, condition } in cases.into_iter().filter(|_| seen == Seen::InPrinciple) {
            let name = format!("is there a case against \"term `{}` {says}\"?", rule.id);
            let (wishes, expects) = (Vec::new(), Vec::new());
            let inquiry = Inquiry { name, scope: &scope, offerings: &["a"], calls: &["one"], condition, wishes, expects };
            // With a pattern, the search has tried but some of the texts.
            let found =
                if scope.patterns { Err(GaveUp::new("a pattern (`like`) tells more texts apart than are tried")) } else { Ok(None) };
            match self.bench.settle(&inquiry, found)? {
                Outcome::Impossible(who) => by = who,
                Outcome::Unknown(why) => {
                    answer.doubt(format!("term `{}`: {why}", rule.id));
                    return Ok(());
                }
                Outcome::Possible(_) => return Ok(()),
            }
        }
        let today = if seen == Seen::InCatalogue { ", for no offering of today's catalogue" } else { "" };
        answer.found(self.finding(0, format!("term `{}` {says}{today}", rule.id), std::slice::from_ref(&rule.id)));
        answer.by = by;
        Ok(())
    }

    /// A search among everything, or among the offerings of the catalogue.
    fn prepared<'s>(&self, scope: &'s Scope, seen: Seen) -> Result<Search<'s>, GaveUp> {
        let mut search = Search::new(scope, &["a"], &["one"])?;
        if seen == Seen::InCatalogue {
            let rows = crate::market::rows(scope, &self.bench.pinned, None);
            let _: Vec<Known> = crate::market::confine(&mut search, scope, &rows, ("a", &["one"]))?;
        }
        Ok(search)
    }
}

/// Whether anything in it can fail at all: arithmetic can overflow, and what a term names may not be there.
pub(crate) fn can_fail(condition: &Expr) -> bool {
    let mut can = false;
    collect(condition, &mut |part| {
        let path = attribute_path(part);
        #[expect(clippy::wildcard_enum_match_arm, reason = "no other expression of validated terms fails")]
        let fails = match part {
            Expr::UnaryOp { op, .. } => !matches!(op, UnaryOp::Not | UnaryOp::IsEmpty),
            Expr::BinaryOp { op, .. } => matches!(op, BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul | BinaryOp::GetTag | BinaryOp::Offset),
            Expr::GetAttr { .. } => path.is_none(),
            _ => false,
        };
        can |= fails;
        path.is_some()
    });
    can
}

/// A fault that single terms can have.
struct Fault {
    says: &'static str,
    /// What holds together in a case that spares the term the fault.
    spared: for<'r> fn(&'r Rules, &'r RuleLayer, (&'r Rule, Asked)) -> Vec<Part<'r>>,
    /// Whether it is about decisions, which are made under the least means.
    by_means: bool,
    only_permits: bool,
}

/// A case that would spare a term the fault, if it were possible.
struct Case {
    scope: Scope,
    condition: Cedar,
}

/// A part of such a case.
enum Part<'r> {
    Matches(&'r Rule),
    Not(&'r Rule),
    /// A permit of the layer matches.
    Permitted(&'r RuleLayer),
    /// Likewise, and no forbid of it does.
    Permits(&'r RuleLayer),
}

// === impl Fault ===

impl Fault {
    /// Forbids cannot be taken back.
    fn passes_over(&self, rule: &Rule) -> bool {
        self.only_permits && rule.effect == Effect::Forbid
    }
}

// === impl Part ===

impl<'r> Part<'r> {
    fn known(&self, matches: &Matches<'_>, asked: Asked) -> Option<Known> {
        match self {
            Self::Matches(rule) => matches.one(asked, rule),
            Self::Not(rule) => matches.one(asked, rule).map(|known| !known),
            Self::Permitted(layer) => matches.permitted.get(&(asked, layer.number)).copied(),
            Self::Permits(layer) => matches.permits.get(&(asked, layer.number)).copied(),
        }
    }

    fn rules(&self) -> Vec<&'r Rule> {
        match self {
            Self::Matches(rule) | Self::Not(rule) => vec![*rule],
            Self::Permitted(layer) | Self::Permits(layer) => layer.rules.iter().collect(),
        }
    }

    fn holds(&self, scope: &Scope, place: Place) -> Result<Cedar, GaveUp> {
        let any = |layer: &RuleLayer, effect| {
            let each = layer.applying(place.asked, effect).map(|rule| scope.matches(rule, place));
            Ok(cedar::any(each.collect::<Result<Vec<_>, GaveUp>>()?))
        };
        Ok(match self {
            Self::Matches(rule) => scope.matches(rule, place)?,
            Self::Not(rule) => cedar::not(&scope.matches(rule, place)?),
            Self::Permitted(layer) => any(layer, Effect::Permit)?,
            Self::Permits(layer) => cedar::and(&any(layer, Effect::Permit)?, &cedar::not(&any(layer, Effect::Forbid)?)),
        })
    }
}

/// For each term, that it matches; for each layer, that it permits: translated once, for as many questions as there are terms.
struct Matches<'r> {
    rules: &'r Rules,
    each: BTreeMap<(Asked, TermId), Known>,
    /// By action and layer: that a permit matches, and that the layer permits.
    permitted: BTreeMap<(Asked, usize), Known>,
    permits: BTreeMap<(Asked, usize), Known>,
}

const ASKED: [Asked; 3] = [Asked::Admit(Action::Infer), Asked::Admit(Action::Embed), Asked::Prefer];

// === impl Matches ===

impl<'r> Matches<'r> {
    fn new(scope: &Scope, rules: &'r Rules, search: &mut Search<'_>) -> Result<Self, GaveUp> {
        let mut made = Self { rules, each: BTreeMap::new(), permitted: BTreeMap::new(), permits: BTreeMap::new() };
        for asked in ASKED {
            for (_, rule) in rules.all().filter(|(_, rule)| rule.applies(asked)) {
                let known = search.known(&scope.matches(rule, Place::new("one", "a", asked))?)?;
                made.each.insert((asked, rule.id.clone()), known);
            }
            for layer in &rules.layers {
                let permitted = search.any(made.of(layer, asked, Effect::Permit));
                let forbidden = search.any(made.of(layer, asked, Effect::Forbid));
                made.permits.insert((asked, layer.number), search.all([permitted, !forbidden]));
                made.permitted.insert((asked, layer.number), permitted);
            }
        }
        Ok(made)
    }

    fn one(&self, asked: Asked, rule: &Rule) -> Option<Known> {
        self.each.get(&(asked, rule.id.clone())).copied()
    }

    fn of(&self, layer: &RuleLayer, asked: Asked, effect: Effect) -> Vec<Known> {
        layer.applying(asked, effect).filter_map(|rule| self.one(asked, rule)).collect()
    }
}

fn vacuous<'r>(_: &'r Rules, _: &'r RuleLayer, (rule, _): (&'r Rule, Asked)) -> Vec<Part<'r>> {
    vec![Part::Matches(rule)]
}

/// It matches, and no forbid of any layer does; preferences of a layer stand for themselves.
fn shadowed<'r>(rules: &'r Rules, layer: &'r RuleLayer, (rule, asked): (&'r Rule, Asked)) -> Vec<Part<'r>> {
    let layers = rules.layers.iter().filter(|other| asked != Asked::Prefer || other.number == layer.number);
    let forbids = layers.flat_map(|layer| layer.applying(asked, Effect::Forbid)).map(Part::Not);
    [Part::Matches(rule)].into_iter().chain(forbids).collect()
}

/// It matches, nothing else of its kind does, and the rest lets it decide.
fn redundant<'r>(rules: &'r Rules, layer: &'r RuleLayer, (rule, asked): (&'r Rule, Asked)) -> Vec<Part<'r>> {
    let none_of = |effect| layer.applying(asked, effect).filter(|other| other.id != rule.id).map(Part::Not);
    let mut parts = vec![Part::Matches(rule)];
    // A preference counts by itself, whatever others match.
    if !rule.prefers || rule.effect == Effect::Forbid {
        parts.extend(none_of(rule.effect));
    }
    match rule.effect {
        Effect::Permit => parts.extend(none_of(Effect::Forbid)),
        Effect::Forbid => parts.push(Part::Permitted(layer)),
    }
    let others = rules.layers.iter().filter(|other| other.number != layer.number && asked != Asked::Prefer);
    parts.extend(others.map(Part::Permits));
    parts
}

/// Whether a decision differs with and without the term.
fn differs(scope: &Scope, rules: &Rules, (rule, place): (&Rule, Place)) -> Result<Cedar, GaveUp> {
    let without = rules.without(&rule.id);
    Ok(cedar::not(&cedar::equal(&scope.admits(rules, place)?, &scope.admits(&without, place)?)))
}
