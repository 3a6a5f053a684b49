//! Two terms side by side: what one permits and the other does not.

use std::collections::BTreeSet;

use comity_terms::Effect;
use comity_vocab::TermId;

use crate::cedar;
use crate::failure::GaveUp;
use crate::inquiry::{Inquiry, Outcome, ProveError};
use crate::limits::DIFFERENCES_MAX;
use crate::place::Place;
use crate::prover::{Prover, Seen};
use crate::replay::{Expect, Wanted};
use crate::report::{Answer, Example, Finding, Verdict};
use crate::rules::Asked;
use crate::scope::Scope;

impl Prover {
    /// Whatever terms `first` permit, terms `second` permit.
    pub(crate) fn implies(&mut self, [first, second]: [usize; 2], seen: Seen) -> Result<Answer, ProveError> {
        self.one_way([first, second], seen, 1)
    }

    /// Both ways; for `diff` with an example of each difference.
    pub(crate) fn both_ways(&mut self, seen: Seen, each: usize) -> Result<Answer, ProveError> {
        let (there, back) = (self.one_way([0, 1], seen, each)?, self.one_way([1, 0], seen, each)?);
        Ok(there.and(back))
    }

    pub(crate) fn differences(&mut self, seen: Seen) -> Result<Answer, ProveError> {
        self.both_ways(seen, DIFFERENCES_MAX)
    }

    fn one_way(&mut self, sides: [usize; 2], seen: Seen, examples_max: usize) -> Result<Answer, ProveError> {
        self.each_action(|prover, asked| prover.one_action(sides, (seen, asked), examples_max))
    }

    fn one_action(&mut self, [first, second]: [usize; 2], (seen, asked): (Seen, Asked), examples_max: usize) -> Result<Answer, ProveError> {
        let scope = self.scope_of(&[asked], &[]);
        let place = Place::new("one", "a", asked);
        // Differences that are known: the terms that made them.
        let mut known: Vec<Made> = Vec::new();
        let mut answer = Answer::new(Verdict::Proved, "");
        while known.len() < examples_max {
            let condition = match self.permitted_by_one((&scope, place), [first, second], &known) {
                Ok(condition) => condition,
                Err(gave_up) => return Ok(Answer::unknown(gave_up.to_string())),
            };
            let expects = [(first, Wanted::Permitted), (second, Wanted::Denied)];
            let expects = expects.map(|(side, wanted)| Expect { side, place, wanted }).to_vec();
            let name = format!("is a call permitted by {} and denied by {}?", self.name_of(first), self.name_of(second));
            let inquiry = Inquiry { name, scope: &scope, offerings: &["a"], calls: &["one"], condition, wishes: Vec::new(), expects };
            match self.ask(&inquiry, seen)? {
                Outcome::Unknown(why) => {
                    answer.doubt(why);
                    return Ok(answer);
                }
                Outcome::Impossible(by) => {
                    answer.by = if known.is_empty() { by } else { "counterexamples that were replayed".to_owned() };
                    return Ok(answer);
                }
                Outcome::Possible(example) => {
                    let made = made(&example, [first, second]);
                    // Nothing new: the terms that are known match here under fewer means alone.
                    if known.contains(&made) {
                        break;
                    }
                    answer.found(self.difference([first, second], *example));
                    known.push(made);
                }
            }
        }
        answer.by = "counterexamples that were replayed".to_owned();
        if examples_max > 1 {
            answer.because.push(format!("there may be more differences than the {} that are shown", answer.findings.len()));
        }
        Ok(answer)
    }

    /// Permitted by the first terms, not by the second, and not because of what is known already.
    fn permitted_by_one(
        &self,
        (scope, place): (&Scope, Place),
        [first, second]: [usize; 2],
        known: &[Made],
    ) -> Result<cedar::Cedar, GaveUp> {
        let admits = |side: usize| self.bench.sides.get(side).map_or(Ok(cedar::no()), |side| scope.admits(&side.rules, place));
        let mut parts = vec![admits(first)?, cedar::not(&admits(second)?)];
        for made in known {
            let mut all = Vec::new();
            for (side, id) in &made.terms {
                let rules = self.rules(*side);
                let rule = rules.all().map(|(_, rule)| rule).find(|rule| rule.id == *id);
                all.extend(rule.map(|rule| scope.matches(rule, place)).transpose()?);
            }
            if made.silent {
                all.push(self.is_silent((scope, place), second)?);
            }
            parts.push(cedar::not(&cedar::all(all)));
        }
        Ok(cedar::all(parts))
    }

    /// That some layer of the terms has no permit that matches.
    fn is_silent(&self, (scope, place): (&Scope, Place), side: usize) -> Result<cedar::Cedar, GaveUp> {
        let rules = self.rules(side);
        let layers = rules.layers.iter().map(|layer| {
            let permits = layer.applying(place.asked, Effect::Permit).map(|rule| scope.matches(rule, place));
            Ok(cedar::not(&cedar::any(permits.collect::<Result<Vec<_>, GaveUp>>()?)))
        });
        Ok(cedar::any(layers.collect::<Result<Vec<_>, GaveUp>>()?))
    }

    fn difference(&self, [first, second]: [usize; 2], example: Example) -> Finding {
        let permits = example.decisions.first().map(|decided| decided.by.clone()).unwrap_or_default();
        let refusal = example.decisions.get(1).cloned();
        let (why, forbids) = match &refusal {
            Some(decided) if !decided.by.is_empty() => {
                (format!("forbidden by {} of {}", quoted(&decided.by), self.name_of(second)), decided.by.clone())
            }
            Some(decided) => (format!("permitted by nothing in {}", decided.nothing_permits_in.join(", ")), Vec::new()),
            None => (String::new(), Vec::new()),
        };
        let says = format!("{} permits by {} what is {why}", self.name_of(first), quoted(&permits));
        let mut terms = self.finding(first, String::new(), &permits).terms;
        terms.extend(self.finding(second, String::new(), &forbids).terms);
        Finding { says, terms, facts: Vec::new(), example: Some(example) }
    }
}

/// What made a difference.
#[derive(PartialEq, Eq)]
struct Made {
    /// The terms that permitted and those that stood in the way, each with its side, since both may call a term the same.
    terms: BTreeSet<(usize, TermId)>,
    /// Whether nothing stood in the way but that nothing permits.
    silent: bool,
}

fn made(example: &Example, sides: [usize; 2]) -> Made {
    let decided = sides.into_iter().zip(&example.decisions);
    let terms = decided.flat_map(|(side, decided)| decided.by.iter().map(move |id| (side, id.clone()))).collect();
    Made { terms, silent: example.decisions.get(1).is_some_and(|refused| refused.by.is_empty()) }
}

pub(crate) fn quoted(ids: &[TermId]) -> String {
    ids.iter().map(|id| format!("`{id}`")).collect::<Vec<_>>().join(", ")
}
