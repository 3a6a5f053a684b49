//! More assurance or another means never turns a permit into a denial; a worse fact or another finding never turns a denial into a permit.
//!
//! Both are one question: of two offerings and calls of which the one is nowhere better than the other, is the worse permitted and the better
//! denied?

use comity_terms::Effect;
use comity_vocab::{Means, MeansSet};

use crate::cedar::{self, Cedar};
use crate::facts::{self, Sort};
use crate::failure::GaveUp;
use crate::inquiry::{Inquiry, ProveError, Slice};
use crate::place::Place;
use crate::prover::{Prover, Seen};
use crate::replay::{Expect, Wanted};
use crate::report::{Answer, Finding};
use crate::rules::Asked;
use crate::scope::Scope;

impl Prover {
    pub(crate) fn monotone(&mut self, seen: Seen) -> Result<Answer, ProveError> {
        self.each_action(|prover, asked| {
            let one = prover.monotone_facts((seen, asked))?;
            prover.monotone_means(one, (seen, asked))
        })
    }

    /// `a` and `one` are nowhere better than `b` and `two`.
    fn monotone_facts(&mut self, (seen, asked): (Seen, Asked)) -> Result<Answer, ProveError> {
        let scope = self.scope_of(&[asked], &[]);
        let rules = self.rules(0);
        let (worse, better) = (Place::new("one", "a", asked), Place::new("two", "b", asked));
        let built = scope.admits(&rules, worse).and_then(|worse| Ok([worse, cedar::not(&scope.admits(&rules, better)?)]));
        let built = match built {
            Ok(built) => built,
            Err(gave_up) => return Ok(Answer::unknown(gave_up.to_string())),
        };
        let inquiry = Inquiry {
            name: "is the worse permitted and the better denied?".to_owned(),
            scope: &scope,
            offerings: &["a", "b"],
            calls: &["one", "two"],
            condition: cedar::all(built.into_iter().chain(nowhere_better(&scope))),
            wishes: scope.call_facts().map(|(fact, _)| same(&format!("one.{fact}"), &format!("two.{fact}"))).collect(),
            expects: vec![
                Expect { side: 0, place: worse, wanted: Wanted::Permitted },
                Expect { side: 0, place: better, wanted: Wanted::Denied },
            ],
        };
        let outcome = self.ask_sliced(&inquiry, seen, self.each_monotone([worse, better]))?;
        Ok(outcome.into_answer(|example| {
            let by = example.decisions.get(1).map(|decided| decided.by.clone()).unwrap_or_default();
            let why = if by.is_empty() { String::new() } else { format!(" by {}", super::compare::quoted(&by)) };
            let says = format!("a better offering or call is denied{why} where a worse one is permitted");
            Finding { example: Some(example), ..self.finding(0, says, &by) }
        }))
    }

    /// For each term, that it alone gives the worse what it does not give the better: where none does, all of them together do not either.
    pub(crate) fn each_monotone(&self, [worse, better]: [Place; 2]) -> Result<Vec<Slice>, GaveUp> {
        let rules = self.rules(0);
        let slices = rules.all().filter(|(_, rule)| rule.applies(worse.asked)).map(|(_, rule)| {
            let scope = Scope::new([&rule.condition].into_iter(), &self.bench.pinned);
            let [worse, better] = [scope.matches(rule, worse)?, scope.matches(rule, better)?];
            let gives = match rule.effect {
                Effect::Permit => [worse, cedar::not(&better)],
                Effect::Forbid => [cedar::not(&worse), better],
            };
            let condition = cedar::all(gives.into_iter().chain(nowhere_better(&scope)));
            Ok(Slice { name: format!("does term `{}` give the worse what the better does not get?", rule.id), scope, condition })
        });
        slices.collect()
    }

    /// The answer with what there is to say of each means that terms read.
    fn monotone_means(&mut self, mut answer: Answer, (seen, asked): (Seen, Asked)) -> Result<Answer, ProveError> {
        let scope = self.scope_of(&[asked], &[]);
        for means in scope.means_read().iter() {
            answer = answer.and(self.monotone_in(&scope, (seen, asked), means)?);
        }
        Ok(answer)
    }

    /// Permitted without a means, and denied when it is added and nothing else changes.
    fn monotone_in(&mut self, scope: &Scope, (seen, asked): (Seen, Asked), means: Means) -> Result<Answer, ProveError> {
        let rules = self.rules(0);
        let place = Place::new("one", "a", asked);
        let one: MeansSet = [means].into_iter().collect();
        let built = scope.permits_under(&rules, place.without(one)).and_then(|fewer| Ok((fewer, scope.permits_under(&rules, place)?)));
        let (fewer, more) = match built {
            Ok(built) => built,
            Err(gave_up) => return Ok(Answer::unknown(gave_up.to_string())),
        };
        let performed = place.of_call(&facts::means(means));
        let inquiry = Inquiry {
            name: format!("does the means `{}` turn a permit into a denial?", means.name()),
            scope,
            offerings: &["a"],
            calls: &["one"],
            condition: cedar::all([performed, fewer, cedar::not(&more)]),
            wishes: Vec::new(),
            expects: vec![
                Expect { side: 0, place: place.without(one), wanted: Wanted::PermittedUnder },
                Expect { side: 0, place, wanted: Wanted::DeniedUnder },
            ],
        };
        let outcome = self.ask(&inquiry, seen)?;
        Ok(outcome.into_answer(|example| {
            let by = example.decisions.get(1).map(|decided| decided.by.clone()).unwrap_or_default();
            let says = format!("what is permitted as it is would be denied if the means `{}` were performed as well", means.name());
            Finding { example: Some(example), ..self.finding(0, says, &by) }
        }))
    }
}

fn same(one: &str, other: &str) -> Cedar {
    cedar::equal(&cedar::path(one), &cedar::path(other))
}

/// Of each fact that decides something, that `a` and `one` are not better than `b` and `two`.
fn nowhere_better(scope: &Scope) -> Vec<Cedar> {
    let mut laws = Vec::new();
    for (fact, sort) in scope.offering_facts() {
        let (a, b) = (cedar::path(&format!("a.{fact}")), cedar::path(&format!("b.{fact}")));
        laws.push(match sort {
            // Neither better nor worse.
            Sort::Flag | Sort::Offering | Sort::Text => cedar::equal(&a, &b),
            Sort::Number(_) => cedar::at_least(&b, &a),
            Sort::Code => cedar::or(&cedar::equal(&a, &b), &cedar::equal(&a, &cedar::entity("Jurisdiction", "XX"))),
            Sort::Places => cedar::contains_all(&a, &b),
            Sort::Codes | Sort::Certifications | Sort::Transfers | Sort::Words | Sort::Blocs => cedar::contains_all(&b, &a),
        });
    }
    for (fact, sort) in scope.call_facts() {
        let (one, two) = (cedar::path(&format!("one.{fact}")), cedar::path(&format!("two.{fact}")));
        laws.push(match (sort, fact.as_str()) {
            (_, "data.detector") => cedar::at_least(&two, &one),
            (Sort::Number(_), _) => cedar::at_least(&one, &two),
            (Sort::Flag, fact) if fact.starts_with("means.") => cedar::equal(&one, &two),
            (Sort::Flag, _) => cedar::or(&one, &cedar::not(&two)),
            (Sort::Places | Sort::Words, _) => cedar::contains_all(&one, &two),
            (Sort::Text | Sort::Code | Sort::Codes | Sort::Blocs | Sort::Certifications | Sort::Transfers | Sort::Offering, _) => {
                cedar::equal(&one, &two)
            }
        });
    }
    laws
}
