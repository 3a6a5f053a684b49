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

impl Prover {
    /// Proved first whatever is asked: an error denies here, and is skipped by Cedar.
    pub(crate) fn errors(&mut self) -> Result<Answer, ProveError> {
        let mut answer = Answer::new(Verdict::Proved, "exact search");
        for side in 0..self.bench.sides.len() {
            for rule in self.rules_of(side) {
                for asked in self.asked_of(&rule) {
                    match self.fails((side, asked), &rule)? {
                        Outcome::Impossible(_) => {}
                        Outcome::Unknown(why) => answer.doubt(format!("term `{}`: {why}", rule.id)),
                        Outcome::Possible(example) => {
                            let says = format!("term `{}` can fail to be evaluated, and then everything is denied", rule.id);
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
        let wanted = if rule.prefers { Wanted::Permitted } else { Wanted::FailsIn(rule.id.clone()) };
        let condition = match scope.matches(rule, place) {
            Ok(condition) => condition,
            Err(gave_up) => return Ok(Outcome::Unknown(gave_up.to_string())),
        };
        if !can_fail(&condition) {
            return Ok(Outcome::Impossible("the text of the terms".to_owned()));
        }
        let searched = Search::new(&scope, &["a"], &["one"]).and_then(|mut search| {
            let fails = search.failure_of(&condition)?;
            search.find(&[fails])
        });
        match searched {
            Ok(None) => Ok(Outcome::Impossible("exact search".to_owned())),
            Err(gave_up) => Ok(Outcome::Unknown(gave_up.to_string())),
            Ok(Some(model)) if !rule.prefers => {
                let expects = vec![Expect { side, place, wanted }];
                let name = format!("can term `{}` fail?", rule.id);
                let inquiry = Inquiry {
                    name,
                    scope: &scope,
                    offerings: &["a"],
                    calls: &["one"],
                    condition: cedar::yes(),
                    wishes: Vec::new(),
                    expects,
                };
                self.bench.settle(&inquiry, Ok(Some(model)))
            }
            Ok(Some(_)) => Ok(Outcome::Unknown("a preference that can fail".to_owned())),
        }
    }

    /// Each term for itself: can it match, under any action?
    pub(crate) fn vacuous(&mut self, seen: Seen) -> Result<Answer, ProveError> {
        self.each_term(seen, &Fault { says: "never matches any call or offering", spared: vacuous, condition: matches, by_means: false })
    }

    /// Each permit for itself: can it permit where no forbid of any layer stands in the way?
    pub(crate) fn shadowed(&mut self, seen: Seen) -> Result<Answer, ProveError> {
        self.each_term(seen, &Fault { says: "is always overridden by forbids", spared: shadowed, condition: unforbidden, by_means: false })
    }

    /// Each term for itself: does any decision change without it?
    pub(crate) fn redundant(&mut self, seen: Seen) -> Result<Answer, ProveError> {
        self.each_term(seen, &Fault { says: "can be removed and nothing changes", spared: redundant, condition: differs, by_means: true })
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
        for (layer, rule) in rules.all() {
            let cases = self.asked_of(rule).into_iter().map(|asked| {
                // Where a means can stand in the way, fewer of them may decide as if the term were there.
                if fault.by_means && !rule.prefers && !scope.means_only_help(&rules, asked) {
                    let differs = (fault.condition)(&scope, &rules, (rule, Place::new("one", "a", asked)))?;
                    let differs = search.known(&differs)?;
                    return search.find(&[differs]);
                }
                search.find(&(fault.spared)(&matches, layer, (rule, asked)))
            });
            match cases.collect::<Result<Vec<_>, _>>() {
                Ok(cases) if cases.iter().any(Option::is_some) => {}
                Ok(_) => faulty.push(rule),
                Err(gave_up) => answer.doubt(format!("term `{}`: {gave_up}", rule.id)),
            }
        }
        for rule in faulty {
            self.settle_fault(&mut answer, (seen, &scope, &rules), (fault, rule))?;
        }
        Ok(answer)
    }

    fn settle_fault(
        &mut self,
        answer: &mut Answer,
        (seen, scope, rules): (Seen, &Scope, &Rules),
        (fault, rule): (&Fault, &Rule),
    ) -> Result<(), ProveError> {
        let says = fault.says;
        let places = self.asked_of(rule).into_iter().map(|asked| Place::new("one", "a", asked));
        let conditions: Result<Vec<Cedar>, GaveUp> = places.map(|place| (fault.condition)(scope, rules, (rule, place))).collect();
        let outcome = match (seen, conditions.map(cedar::any)) {
            (Seen::InCatalogue, _) => Outcome::Impossible("exhaustive search of the catalogue".to_owned()),
            (Seen::InPrinciple, Err(gave_up)) => Outcome::Unknown(gave_up.to_string()),
            (Seen::InPrinciple, Ok(condition)) => {
                let name = format!("is there a case against \"term `{}` {says}\"?", rule.id);
                let (wishes, expects) = (Vec::new(), Vec::new());
                let inquiry = Inquiry { name, scope, offerings: &["a"], calls: &["one"], condition, wishes, expects };
                self.bench.settle(&inquiry, Ok(None))?
            }
        };
        match outcome {
            Outcome::Impossible(by) => {
                let today = if seen == Seen::InCatalogue { ", for no offering of today's catalogue" } else { "" };
                answer.found(self.finding(0, format!("term `{}` {says}{today}", rule.id), std::slice::from_ref(&rule.id)));
                answer.by = by;
            }
            Outcome::Unknown(why) => answer.doubt(format!("term `{}`: {why}", rule.id)),
            Outcome::Possible(_) => {}
        }
        Ok(())
    }

    /// A search among everything, or among the offerings of the catalogue.
    fn prepared<'s>(&self, scope: &'s Scope, seen: Seen) -> Result<Search<'s>, GaveUp> {
        let mut search = Search::new(scope, &["a"], &["one"])?;
        if seen == Seen::InCatalogue {
            let unretained: Vec<Cedar> =
                if scope.reads("means.unretained") { vec![cedar::path("one.means.unretained")] } else { Vec::new() };
            let rows = crate::market::rows(scope, &self.bench.pinned, None);
            let _: Vec<Known> = crate::market::confine(&mut search, &rows, ("a", &unretained))?;
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
    spared: fn(&Matches<'_>, &RuleLayer, (&Rule, Asked)) -> Vec<Known>,
    /// The same as one condition, for the solver.
    condition: Condition,
    /// Whether it is about decisions, which are made under the least means.
    by_means: bool,
}

type Condition = fn(&Scope, &Rules, (&Rule, Place)) -> Result<Cedar, GaveUp>;

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

    /// That all layers but one permit; preferences of a layer stand for themselves.
    fn others_permit<'a>(&'a self, layer: &'a RuleLayer, asked: Asked) -> impl Iterator<Item = Known> + 'a {
        let others = self.rules.layers.iter().filter(move |other| other.number != layer.number && asked != Asked::Prefer);
        others.filter_map(move |other| self.permits.get(&(asked, other.number)).copied())
    }
}

fn vacuous(known: &Matches<'_>, _: &RuleLayer, (rule, asked): (&Rule, Asked)) -> Vec<Known> {
    known.one(asked, rule).into_iter().collect()
}

fn shadowed(known: &Matches<'_>, layer: &RuleLayer, (rule, asked): (&Rule, Asked)) -> Vec<Known> {
    let own = known.one(asked, rule).into_iter();
    if rule.effect == Effect::Forbid {
        return Vec::new();
    }
    let layers = known.rules.layers.iter().filter(|other| asked != Asked::Prefer || other.number == layer.number);
    own.chain(layers.flat_map(|layer| known.of(layer, asked, Effect::Forbid)).map(|forbid| !forbid)).collect()
}

/// It matches, nothing else of its kind does, and the rest lets it decide.
fn redundant(known: &Matches<'_>, layer: &RuleLayer, (rule, asked): (&Rule, Asked)) -> Vec<Known> {
    let Some(own) = known.one(asked, rule) else { return Vec::new() };
    let alike = |effect| layer.applying(asked, effect).filter(|other| other.id != rule.id).filter_map(|other| known.one(asked, other));
    // A preference counts by itself, whatever others match.
    let counted = rule.prefers && rule.effect == Effect::Permit;
    let not_alike = alike(rule.effect).filter(|_| !counted).map(|other| !other).collect::<Vec<_>>();
    let decides: Vec<Known> = match rule.effect {
        Effect::Permit => known.of(layer, asked, Effect::Forbid).into_iter().map(|forbid| !forbid).collect(),
        Effect::Forbid => known.permitted.get(&(asked, layer.number)).copied().into_iter().collect(),
    };
    [own].into_iter().chain(not_alike).chain(decides).chain(known.others_permit(layer, asked)).collect()
}

fn matches(scope: &Scope, _: &Rules, (rule, place): (&Rule, Place)) -> Result<Cedar, GaveUp> {
    scope.matches(rule, place)
}

fn unforbidden(scope: &Scope, rules: &Rules, (rule, place): (&Rule, Place)) -> Result<Cedar, GaveUp> {
    let own = rules.layers.iter().find(|layer| layer.rules.iter().any(|other| other.id == rule.id)).map(|layer| layer.number);
    let layers = rules.layers.iter().filter(|layer| !rule.prefers || Some(layer.number) == own);
    let forbids = layers.flat_map(|layer| layer.applying(place.asked, Effect::Forbid)).map(|forbid| scope.matches(forbid, place));
    Ok(cedar::and(&scope.matches(rule, place)?, &cedar::not(&cedar::any(forbids.collect::<Result<Vec<_>, _>>()?))))
}

/// Whether a decision differs with and without the term.
fn differs(scope: &Scope, rules: &Rules, (rule, place): (&Rule, Place)) -> Result<Cedar, GaveUp> {
    let without = rules.without(&rule.id);
    if !rule.prefers {
        return Ok(cedar::not(&cedar::equal(&scope.admits(rules, place)?, &scope.admits(&without, place)?)));
    }
    let (more, fewer) = (scope.preferred_by(rules, place)?, scope.preferred_by(&without, place)?);
    let differs = more.iter().map(|(id, matches)| match fewer.iter().find(|(other, _)| other == id) {
        Some((_, other)) => cedar::not(&cedar::equal(matches, other)),
        None => matches.clone(),
    });
    Ok(cedar::any(differs))
}
