//! Terms that fail, never match, make no difference, or are always taken back.

use comity_terms::Effect;
use comity_vocab::Action;

use crate::cedar::{self, Cedar};
use crate::failure::GaveUp;
use crate::inquiry::{Inquiry, Outcome, ProveError};
use crate::place::Place;
use crate::prover::{Prover, Seen};
use crate::replay::{Expect, Wanted};
use crate::report::{Answer, Finding, Verdict};
use crate::rules::{Asked, Rule, Rules};
use crate::scope::Scope;
use crate::search::{Known, Search};

/// The actions under which a term is looked at: the first that it names stands for all, since nothing else of a call depends on them.
fn asked_of(rule: &Rule) -> Asked {
    let admit = [Action::Infer, Action::Embed].into_iter().map(Asked::Admit).find(|asked| rule.applies(*asked));
    admit.unwrap_or(Asked::Prefer)
}

impl Prover {
    /// Proved first whatever is asked: an error denies here, and is skipped by Cedar.
    pub(crate) fn errors(&mut self) -> Result<Answer, ProveError> {
        let mut answer = Answer::new(Verdict::Proved, "exact search");
        for side in 0..self.bench.sides.len() {
            for rule in self.rules_of(side) {
                match self.fails(side, &rule)? {
                    Outcome::Impossible(_) => {}
                    Outcome::Unknown(why) => answer.doubt(format!("term `{}`: {why}", rule.id)),
                    Outcome::Possible(example) => {
                        let says = format!("term `{}` can fail to be evaluated, and then everything is denied", rule.id);
                        answer.found(Finding { example: Some(*example), ..self.finding(side, says, &[rule.id]) });
                    }
                }
            }
        }
        Ok(answer)
    }

    fn fails(&mut self, side: usize, rule: &Rule) -> Result<Outcome, ProveError> {
        let scope = Scope::new([&rule.condition].into_iter(), &self.bench.pinned);
        let place = Place::new("one", "a", asked_of(rule));
        let wanted = if rule.prefers { Wanted::Permitted } else { Wanted::FailsIn(rule.id.clone()) };
        let condition = match scope.matches(rule, place) {
            Ok(condition) => condition,
            Err(gave_up) => return Ok(Outcome::Unknown(gave_up.to_string())),
        };
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

    /// Each term for itself: can it match?
    pub(crate) fn vacuous(&mut self, seen: Seen) -> Result<Answer, ProveError> {
        self.each_term(seen, "never matches any call or offering", |scope, _, rule| {
            scope.matches(rule, Place::new("one", "a", asked_of(rule)))
        })
    }

    /// Each permit for itself: can it permit where no forbid of any layer stands in the way?
    pub(crate) fn shadowed(&mut self, seen: Seen) -> Result<Answer, ProveError> {
        self.each_term(seen, "is always overridden by forbids", |scope, rules, rule| {
            if rule.effect == Effect::Forbid {
                return Ok(cedar::yes());
            }
            let place = Place::new("one", "a", asked_of(rule));
            let forbids = rules.layers.iter().flat_map(|layer| layer.applying(place.asked, Effect::Forbid));
            let forbids = forbids.map(|forbid| scope.matches(forbid, place)).collect::<Result<Vec<_>, _>>()?;
            Ok(cedar::and(&scope.matches(rule, place)?, &cedar::not(&cedar::any(forbids))))
        })
    }

    /// Each term for itself: does any decision change without it?
    pub(crate) fn redundant(&mut self, seen: Seen) -> Result<Answer, ProveError> {
        self.each_term(seen, "can be removed and nothing changes", |scope, rules, rule| {
            let (place, without) = (Place::new("one", "a", asked_of(rule)), rules.without(&rule.id));
            if rule.prefers {
                return differing_preference(scope, (rules, &without), place);
            }
            // A term that matches nothing changes nothing: said first, it keeps the search short.
            let differs = cedar::not(&cedar::equal(&scope.admits(rules, place)?, &scope.admits(&without, place)?));
            Ok(differs)
        })
    }

    /// Asks the same of each term; one for which the condition is impossible is a finding.
    fn each_term(
        &mut self,
        seen: Seen,
        says: &str,
        condition: impl Fn(&Scope, &Rules, &Rule) -> Result<Cedar, GaveUp>,
    ) -> Result<Answer, ProveError> {
        let rules = self.bench.sides.first().map(|side| side.rules.clone()).unwrap_or_default();
        let scope = Scope::new(rules.all().map(|(_, rule)| &rule.condition), &self.bench.pinned);
        let (mut impossible, mut answer) = (Vec::new(), Answer::new(Verdict::Proved, "an example of each that was found"));
        let mut search = match self.prepared(&scope, seen) {
            Ok(search) => search,
            Err(gave_up) => return Ok(Answer::unknown(gave_up.to_string())),
        };
        for (_, rule) in rules.all() {
            let possible = condition(&scope, &rules, rule).and_then(|cedar| Ok((search.known(&cedar)?, cedar)));
            match possible.and_then(|(known, cedar)| Ok((search.find(&[known])?.is_some(), cedar))) {
                Ok((true, _)) => {}
                Ok((false, cedar)) => impossible.push((rule.clone(), cedar)),
                Err(gave_up) => answer.doubt(format!("term `{}`: {gave_up}", rule.id)),
            }
        }
        for (rule, condition) in impossible {
            let name = format!("is there a case against \"term `{}` {says}\"?", rule.id);
            let inquiry =
                Inquiry { name, scope: &scope, offerings: &["a"], calls: &["one"], condition, wishes: Vec::new(), expects: Vec::new() };
            let outcome = match seen {
                Seen::InPrinciple => self.bench.settle(&inquiry, Ok(None))?,
                Seen::InCatalogue => Outcome::Impossible("exhaustive search of the catalogue".to_owned()),
            };
            match outcome {
                Outcome::Impossible(by) => {
                    let today = if seen == Seen::InCatalogue { ", for the offerings of the catalogue" } else { "" };
                    answer.found(self.finding(0, format!("term `{}` {says}{today}", rule.id), &[rule.id]));
                    answer.by = by;
                }
                Outcome::Unknown(why) => answer.doubt(format!("term `{}`: {why}", rule.id)),
                Outcome::Possible(_) => {}
            }
        }
        Ok(answer)
    }

    /// A search among everything, or among the offerings of the catalogue.
    fn prepared<'s>(&self, scope: &'s Scope, seen: Seen) -> Result<Search<'s>, GaveUp> {
        let mut search = Search::new(scope, &["a"], &["one"])?;
        if seen == Seen::InCatalogue {
            let unretained: Vec<Cedar> =
                if scope.reads("means.unretained") { vec![cedar::path("one.means.unretained")] } else { Vec::new() };
            let rows = crate::market::rows(scope, &self.bench.pinned);
            let _: Vec<Known> = crate::market::confine(&mut search, &rows, ("a", &unretained))?;
        }
        Ok(search)
    }
}

/// Whether other preferences put the offering first.
fn differing_preference(scope: &Scope, (with, without): (&Rules, &Rules), place: Place) -> Result<Cedar, GaveUp> {
    let (more, fewer) = (scope.preferred_by(with, place)?, scope.preferred_by(without, place)?);
    let differs = more.iter().map(|(id, matches)| match fewer.iter().find(|(other, _)| other == id) {
        Some((_, other)) => cedar::not(&cedar::equal(matches, other)),
        None => matches.clone(),
    });
    Ok(cedar::any(differs))
}
