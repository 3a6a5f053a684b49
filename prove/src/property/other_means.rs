//! For each test of origin: could an excluded offering comply in another way, by an assurance or a means? A test that leaves none is a test of
//! location or ownership in itself.
//!
//! The question is put at the best that an offering can have: every level at its top and every certificate, but not the organisation's own
//! machines, and every means performed. Who is still excluded there has no other way.

use comity_terms::{Effect, attribute_path, collect};
use comity_vocab::{Means, Scale};

use super::equal::{is_origin, is_way};
use crate::cedar::{self, Cedar};
use crate::facts::{self, Sort};
use crate::failure::GaveUp;
use crate::inquiry::{Inquiry, Outcome, ProveError};
use crate::place::Place;
use crate::prover::Prover;
use crate::replay::{Expect, Wanted};
use crate::report::{Answer, Finding, Verdict};
use crate::rules::{Asked, Rule};
use crate::scope::Scope;
use crate::search::Search;

/// What a test of origin leaves to those that it excludes, least first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum OtherWay {
    /// Nothing.
    None,
    /// To stand on the organisation's own machines.
    OwnMachines,
    /// Assurances and means that the terms look at.
    Ways(Vec<String>),
}

// === impl OtherWay ===

impl OtherWay {
    pub(crate) fn in_words(&self) -> String {
        match self {
            Self::None => "no assurance or means in it would let the other comply".to_owned(),
            Self::OwnMachines => {
                "no assurance or means in it would let the other comply but standing on the organisation's own machines".to_owned()
            }
            Self::Ways(ways) => format!("the other could comply by {}", listed(ways)),
        }
    }
}

/// Who is excluded for what nobody knows alone has to say it.
fn listed(ways: &[String]) -> String {
    if ways.is_empty() { "stating what is unknown".to_owned() } else { ways.join(", ") }
}

impl Prover {
    /// Tests that leave no other way are findings.
    pub(crate) fn other_means(&mut self) -> Result<Answer, ProveError> {
        let mut answer = Answer::new(Verdict::Proved, "no term tests origin");
        for asked in self.actions() {
            let rules = self.rules(0);
            let testing: Vec<&Rule> = rules.all().map(|(_, rule)| rule).filter(|rule| rule.applies(asked) && tests_origin(rule)).collect();
            self.bench.progress.begin(testing.len());
            for rule in testing {
                self.bench.progress.one_done();
                answer = answer.and(self.test_of_origin(asked, rule)?);
            }
        }
        Ok(answer)
    }

    fn test_of_origin(&mut self, asked: Asked, rule: &Rule) -> Result<Answer, ProveError> {
        let tests = tested(rule).join(", ");
        let way = match self.other_way((0, asked), rule) {
            Ok(way) => way,
            Err(gave_up) => return Ok(Answer::unknown(format!("term `{}`: {gave_up}", rule.id))),
        };
        let mut scope = self.scope_of(&[asked], &[]);
        scope.read(&facts::level(Scale::Possession));
        let condition = match self.still_excluded(&scope, (0, asked), rule) {
            Ok(condition) => cedar::and(&condition, &owned(false)),
            Err(gave_up) => return Ok(Answer::unknown(gave_up.to_string())),
        };
        let wanted = match rule.effect {
            Effect::Forbid => Wanted::Matched(rule.id.clone()),
            Effect::Permit => Wanted::DeniedUnder,
        };
        let inquiry = Inquiry {
            name: format!("does term `{}` exclude an offering that has every assurance?", rule.id),
            scope: &scope,
            offerings: &["a", "b"],
            calls: &["one"],
            condition,
            wishes: Vec::new(),
            expects: vec![Expect { side: 0, place: best(asked), wanted }],
        };
        let finding = |says: String| self.finding(0, format!("`{}` tests {tests}, and {says}", rule.id), std::slice::from_ref(&rule.id));
        let by_way = match &way {
            OtherWay::Ways(ways) => finding(format!("an excluded offering could comply by {}", listed(ways))),
            OtherWay::None => finding("leaves an excluded offering no other way".to_owned()),
            OtherWay::OwnMachines => {
                finding("leaves an excluded offering no other way but to stand on the organisation's own machines".to_owned())
            }
        };
        let outcome = self.bench.inquire(&inquiry)?;
        let proved = matches!(outcome, Outcome::Impossible(_));
        let mut answer = outcome.into_answer(|example| Finding { example: Some(example), ..by_way.clone() });
        if proved {
            answer.findings.push(by_way);
        }
        Ok(answer)
    }

    /// What a term leaves to those that its test of origin excludes.
    pub(crate) fn other_way(&self, (side, asked): (usize, Asked), rule: &Rule) -> Result<OtherWay, GaveUp> {
        let rules = self.rules(side);
        let mut scope =
            Scope::new(rules.all().filter(|(_, rule)| rule.applies(asked)).map(|(_, rule)| &rule.condition), &self.bench.pinned);
        scope.read(&facts::level(Scale::Possession));
        let excluded = self.still_excluded(&scope, (side, asked), rule)?;
        let mut search = Search::new(&scope, &["a", "b"], &["one"])?;
        let best = search.known(&cedar::and(&cedar::all(best_of(&scope)), &owned(false)))?;
        if search.find(&[best])?.is_none() {
            return Err(GaveUp::new("no offering can have every assurance at once"));
        }
        let excluded = search.known(&excluded)?;
        let [abroad, own] = [search.known(&owned(false))?, search.known(&owned(true))?];
        if search.find(&[excluded, abroad])?.is_none() {
            return Ok(OtherWay::Ways(self.ways((side, asked), rule)));
        }
        Ok(if search.find(&[excluded, own])?.is_some() { OtherWay::None } else { OtherWay::OwnMachines })
    }

    /// That the term excludes `b`, which is known and has every assurance, for some call.
    fn still_excluded(&self, scope: &Scope, (side, asked): (usize, Asked), rule: &Rule) -> Result<Cedar, GaveUp> {
        let rules = self.rules(side);
        let best = best(asked);
        let excluded = match rule.effect {
            Effect::Forbid => scope.matches(rule, best)?,
            Effect::Permit => {
                let layer = rules.layers.iter().find(|layer| layer.rules.iter().any(|other| other.id == rule.id));
                let permits = layer.into_iter().flat_map(|layer| layer.applying(asked, Effect::Permit));
                let any = permits.map(|permit| scope.matches(permit, best)).collect::<Result<Vec<_>, _>>()?;
                cedar::and(&scope.matches(rule, Place::new("one", "a", asked))?, &cedar::not(&cedar::any(any)))
            }
        };
        Ok(cedar::all([excluded].into_iter().chain(best_of(scope))))
    }

    /// The assurances and means that the term looks at, and for a permit those of the permits beside it.
    fn ways(&self, (side, asked): (usize, Asked), rule: &Rule) -> Vec<String> {
        let rules = self.rules(side);
        let beside = rules.layers.iter().filter(|layer| layer.rules.iter().any(|other| other.id == rule.id));
        let looked: Vec<Rule> = match rule.effect {
            Effect::Forbid => vec![rule.clone()],
            Effect::Permit => beside.flat_map(|layer| layer.applying(asked, Effect::Permit)).cloned().collect(),
        };
        let mut ways: Vec<String> = looked
            .iter()
            .flat_map(paths)
            .filter_map(|path| {
                let fact = path.strip_prefix("resource.").or_else(|| path.strip_prefix("context."))?.to_owned();
                is_way(&fact).then(|| fact.rsplit('.').next().unwrap_or_default().replace('_', " "))
            })
            .collect();
        ways.sort();
        ways.dedup();
        ways
    }
}

/// The offering at its best, with every means performed.
fn best(asked: Asked) -> Place {
    Place::new("one", "b", asked).with(Means::ALL.into_iter().collect())
}

/// Whether the offering stands on the organisation's own machines.
fn owned(own: bool) -> Cedar {
    let at = cedar::path(&format!("b.{}", facts::level(Scale::Possession)));
    let top = cedar::number(Scale::Possession.top());
    if own { cedar::equal(&at, &top) } else { cedar::not(&cedar::equal(&at, &top)) }
}

/// Nothing unknown, and the best of every assurance but possession.
fn best_of(scope: &Scope) -> Vec<Cedar> {
    let unknown = cedar::entity("Jurisdiction", "XX");
    let text = |list: &std::collections::BTreeSet<String>| cedar::set(list.iter().map(|word| cedar::text(word)));
    let mut laws = Vec::new();
    for (fact, sort) in scope.offering_facts() {
        let at = cedar::path(&format!("b.{fact}"));
        match sort {
            Sort::Code => laws.push(cedar::not(&cedar::equal(&at, &unknown))),
            Sort::Places => laws.push(cedar::not(&cedar::contains(&at, &unknown))),
            Sort::Number(top) if fact != facts::level(Scale::Possession) => laws.push(cedar::equal(&at, &cedar::number(top))),
            Sort::Certifications if !scope.certifications.is_empty() => laws.push(cedar::contains_all(&at, &text(&scope.certifications))),
            Sort::Transfers if !scope.transfers.is_empty() => laws.push(cedar::contains_all(&at, &text(&scope.transfers))),
            Sort::Codes => {
                let known = scope.codes.iter().filter(|code| !code.is_unknown());
                laws.push(cedar::contains_all(&at, &cedar::set(known.map(|code| cedar::entity("Jurisdiction", code.as_str())))));
            }
            Sort::Number(_)
            | Sort::Certifications
            | Sort::Transfers
            | Sort::Flag
            | Sort::Blocs
            | Sort::Words
            | Sort::Text
            | Sort::Offering => {}
        }
    }
    laws
}

fn tests_origin(rule: &Rule) -> bool {
    paths(rule).iter().any(|path| is_origin(path))
}

fn tested(rule: &Rule) -> Vec<String> {
    let mut tested: Vec<String> = paths(rule)
        .into_iter()
        .filter(|path| is_origin(path))
        .map(|path| format!("`{}`", path.rsplit('.').next().unwrap_or_default()))
        .collect();
    tested.sort();
    tested.dedup();
    tested
}

fn paths(rule: &Rule) -> Vec<String> {
    let mut paths = Vec::new();
    collect(&rule.condition, &mut |part| {
        let path = attribute_path(part);
        let whole = path.is_some();
        paths.extend(path);
        whole
    });
    paths
}
