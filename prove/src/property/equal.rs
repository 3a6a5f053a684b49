//! Equal treatment: two offerings with the same assurances, the same call, the same decision? What may differ is whose they are and where.
//!
//! On a violation: which facts of origin flip the decision alone, on which pair, by which terms, for what stated goal, and whether those terms
//! leave the other a way to comply.

use std::collections::BTreeSet;
use std::fmt;

use comity_vocab::{Scale, TermId};

use super::other_means::OtherWay;
use crate::cedar::{self, Cedar};
use crate::facts;
use crate::failure::GaveUp;
use crate::inquiry::{Inquiry, Outcome, ProveError, Slice};
use crate::place::Place;
use crate::prover::{Prover, Seen};
use crate::replay::{Expect, Wanted};
use crate::report::{Answer, Example, Finding, Verdict};
use crate::rules::{Asked, Rules};
use crate::scope::Scope;
use crate::search::{Known, Search};

/// What two offerings have in common, and in what they may differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// Facts that are the same: `assurance`, or names of scales and lists.
    same: BTreeSet<String>,
    /// Facts of origin that may differ; all if none is named.
    may_differ: BTreeSet<String>,
}

/// A name that is no fact of this kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown fact `{given}`: use {known}")]
pub struct UnknownFact {
    given: String,
    known: String,
}

/// Facts of origin, and the offering's own name. What is derived from them follows.
pub(crate) const ORIGIN: [&str; 9] =
    ["control", "operator", "processed_in", "stored_in", "governing_law", "developer", "hardware", "compellable_by", "id"];
/// Assurances that are no scale.
const LISTS: [&str; 3] = ["certifications", "transfer", "certified_by"];
const ASSURANCE: &str = "assurance";
const OPEN_WEIGHTS: &str = "open_weights";
/// Facts of which all combinations up to this many are tried for the smallest that flips a decision.
const FLIPPING_MAX: usize = 9;

// === impl Given ===

impl Default for Given {
    fn default() -> Self {
        Self { same: BTreeSet::from([ASSURANCE.to_owned()]), may_differ: BTreeSet::new() }
    }
}

impl Given {
    /// Those that are the same, and those of origin that may differ; empty lists are the defaults.
    ///
    /// # Errors
    /// A name that is no assurance, or no fact of origin.
    pub fn new(same: &[String], may_differ: &[String]) -> Result<Self, UnknownFact> {
        let assurances: Vec<String> = [ASSURANCE, OPEN_WEIGHTS].into_iter().chain(LISTS).map(str::to_owned).collect();
        let scales = Scale::ALL.map(|scale| scale.name().to_owned());
        let check = |given: &String, known: Vec<String>| {
            if known.contains(given) { Ok(given.clone()) } else { Err(UnknownFact { given: given.clone(), known: known.join(", ") }) }
        };
        let known: Vec<String> = assurances.into_iter().chain(scales).collect();
        let same = same.iter().map(|fact| check(fact, known.clone())).collect::<Result<BTreeSet<_>, _>>()?;
        let origin: Vec<String> = ORIGIN.map(str::to_owned).to_vec();
        let may_differ = may_differ.iter().map(|fact| check(fact, origin.clone())).collect::<Result<_, _>>()?;
        Ok(Self { same: if same.is_empty() { Self::default().same } else { same }, may_differ })
    }

    fn may_differ(&self, fact: &str) -> bool {
        fact == "id" || self.may_differ.is_empty() || self.may_differ.contains(fact)
    }

    /// Assurances that nobody said are the same, each with the condition that they are.
    fn not_given(&self, scope: &Scope) -> Vec<(&'static str, Cedar)> {
        let names = Scale::ALL.map(Scale::name).into_iter().chain(LISTS).chain([OPEN_WEIGHTS]);
        let same = |name: &'static str| {
            let facts = scope.offering_facts().map(|(fact, _)| fact).filter(|fact| !self.fixes(fact));
            let facts: Vec<Cedar> = facts.filter(|fact| fact.rsplit('.').next() == Some(name)).map(|fact| same_fact(&fact)).collect();
            (!facts.is_empty()).then(|| (name, cedar::all(facts)))
        };
        names.filter_map(same).collect()
    }

    /// That two offerings are the same in all that must be, as far as a scope can tell them apart.
    pub(crate) fn same_in(&self, scope: &Scope) -> Cedar {
        let assurances = scope.offering_facts().filter(|(fact, _)| self.fixes(fact) && fact != "assurance.certified_in");
        let origin = ORIGIN.into_iter().filter(|fact| scope.reads(&origin_path(fact)) && !self.may_differ(fact));
        let same = assurances.map(|(fact, _)| same_fact(&fact)).chain(origin.map(|fact| same_origin(scope, fact)));
        cedar::all(same.chain([two_offerings(scope)]))
    }

    /// Whether a fact of an offering that is no origin must be the same.
    fn fixes(&self, fact: &str) -> bool {
        let last = fact.rsplit('.').next().unwrap_or(fact);
        self.same.contains(last) || self.same.contains(ASSURANCE) && (fact.starts_with("assurance.") || fact == OPEN_WEIGHTS)
    }
}

impl fmt::Display for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.same.contains(ASSURANCE) {
            f.write_str("the same assurances")?;
        } else {
            write!(f, "the same {}", self.same.iter().cloned().collect::<Vec<_>>().join(", "))?;
        }
        if !self.may_differ.is_empty() {
            write!(f, ", which differ only in {},", self.may_differ.iter().cloned().collect::<Vec<_>>().join(", "))?;
        }
        Ok(())
    }
}

/// Two offerings, one of them better treated.
pub(crate) struct Pair<'p> {
    pub(crate) scope: &'p Scope,
    pub(crate) seen: Seen,
    pub(crate) side: usize,
    pub(crate) asked: Asked,
    pub(crate) prefers: bool,
    /// Holds of the pair whatever differs, as far as a scope can tell.
    pub(crate) fixed: &'p dyn Fn(&Scope) -> Cedar,
    /// What that names and reads, whether terms do or not.
    pub(crate) names: &'p [Cedar],
    pub(crate) reads: &'p [String],
    /// In which they may differ, each with the condition that they do not.
    pub(crate) differences: Vec<(&'static str, Cedar)>,
}

impl Prover {
    pub(crate) fn equal_treatment(&mut self, given: &Given, seen: Seen) -> Result<Answer, ProveError> {
        self.each_action(|prover, asked| prover.equal(given, (seen, asked), false))
    }

    pub(crate) fn equal_preference(&mut self, given: &Given, seen: Seen) -> Result<Answer, ProveError> {
        self.each_action(|prover, asked| prover.equal(given, (seen, asked), true))
    }

    fn equal(&mut self, given: &Given, (seen, asked): (Seen, Asked), prefers: bool) -> Result<Answer, ProveError> {
        let both = [asked, Asked::Prefer];
        let scope = self.scope_of(if prefers { &both } else { &both[..1] }, &[]);
        let origin = ORIGIN.into_iter().filter(|fact| scope.reads(&origin_path(fact)) && given.may_differ(fact));
        let mut differences: Vec<(&'static str, Cedar)> = origin.map(|fact| (fact, same_origin(&scope, fact))).collect();
        differences.extend(given.not_given(&scope));
        let fixed = |scope: &Scope| given.same_in(scope);
        self.pair(&Pair { scope: &scope, seen, side: 0, asked, prefers, fixed: &fixed, names: &[], reads: &[], differences })
    }

    /// The smallest sets of differences that flip the decision, each with a pair that shows it.
    pub(crate) fn pair(&mut self, pair: &Pair<'_>) -> Result<Answer, ProveError> {
        let condition = match self.treated_better(pair) {
            Ok(condition) => condition,
            Err(gave_up) => return Ok(Answer::unknown(gave_up.to_string())),
        };
        let smallest = match self.smallest(pair, &condition) {
            Ok(smallest) => smallest,
            Err(gave_up) => return self.answer_for(pair, (condition, Vec::new())).map(|answer| answer.with_doubt(&gave_up)),
        };
        let mut answer = self.answer_for(pair, (condition.clone(), smallest.first().cloned().unwrap_or_default()))?;
        for facts in smallest.iter().skip(1) {
            answer = answer.and(self.answer_for(pair, (condition.clone(), facts.clone()))?);
        }
        Ok(answer)
    }

    fn treated_better(&self, pair: &Pair<'_>) -> Result<Cedar, GaveUp> {
        let rules = self.rules(pair.side);
        let (a, b) = (Place::new("one", "a", pair.asked), Place::new("one", "b", pair.asked));
        let fixed = (pair.fixed)(pair.scope);
        if !pair.prefers {
            return Ok(cedar::all([fixed, pair.scope.admits(&rules, a)?, cedar::not(&pair.scope.admits(&rules, b)?)]));
        }
        let admitted = [pair.scope.permits_at_least_means(&rules, a)?, pair.scope.permits_at_least_means(&rules, b)?];
        Ok(cedar::all(admitted.into_iter().chain([fixed, preferred_more(pair.scope, &rules, [a, b])?])))
    }

    /// All sets of the least size that is possible; none if nothing is.
    fn smallest(&self, pair: &Pair<'_>, condition: &Cedar) -> Result<Vec<Vec<&'static str>>, GaveUp> {
        let mut search = Search::new(pair.scope, &["a", "b"], &["one"])?;
        if pair.seen == Seen::InCatalogue {
            self.confine(&mut search, (pair.scope, pair.asked), &["a", "b"])?;
        }
        let violated = search.known(condition)?;
        let same: Vec<(&'static str, Known)> =
            pair.differences.iter().map(|(fact, same)| Ok((*fact, search.known(same)?))).collect::<Result<_, GaveUp>>()?;
        if search.try_all(&[violated])?.is_none() {
            return Ok(vec![Vec::new()]);
        }
        for size in 0..=same.len().min(FLIPPING_MAX) {
            let mut found = Vec::new();
            for chosen in combinations(same.len(), size) {
                let others = same.iter().enumerate().filter(|(at, _)| !chosen.contains(at)).map(|(_, (_, same))| *same);
                let asked: Vec<Known> = others.chain([violated]).collect();
                if search.try_all(&asked)?.is_some() {
                    found.push(chosen.iter().filter_map(|at| same.get(*at)).map(|(fact, _)| *fact).collect());
                }
            }
            if !found.is_empty() {
                return Ok(found);
            }
        }
        Ok(vec![Vec::new()])
    }

    /// The answer where only these facts may differ; all of the pair's if none is named.
    fn answer_for(&mut self, pair: &Pair<'_>, (condition, facts): (Cedar, Vec<&'static str>)) -> Result<Answer, ProveError> {
        let place = |offering| Place::new("one", offering, pair.asked);
        let others = pair.differences.iter().filter(|(fact, _)| !facts.is_empty() && !facts.contains(fact)).map(|(_, same)| same.clone());
        let wanted = if pair.prefers {
            [("b", Wanted::Permitted), ("a", Wanted::PreferredMore)]
        } else {
            [("a", Wanted::Permitted), ("b", Wanted::Denied)]
        };
        let expects = wanted.map(|(offering, wanted)| Expect { side: pair.side, place: place(offering), wanted });
        let inquiry = Inquiry {
            name: format!("is one of two offerings treated better, which differ only in {}?", or_anything(&facts)),
            scope: pair.scope,
            offerings: &["a", "b"],
            calls: &["one"],
            condition: cedar::all([condition].into_iter().chain(others)),
            wishes: Vec::new(),
            expects: expects.to_vec(),
        };
        match self.ask_sliced(&inquiry, pair.seen, self.each_alike(pair))? {
            Outcome::Possible(example) => {
                let mut answer = Answer::new(Verdict::Violated, "counterexamples that were replayed");
                answer.found(self.treated(pair, facts, *example)?);
                Ok(answer)
            }
            outcome @ (Outcome::Impossible(_) | Outcome::Unknown(_)) => Ok(outcome.into_answer(|_| self.finding(0, String::new(), &[]))),
        }
    }

    /// For each term, that it alone tells the two apart: where none does, all of them together do not either.
    pub(crate) fn each_alike(&self, pair: &Pair<'_>) -> Result<Vec<Slice>, GaveUp> {
        let asked = if pair.prefers { Asked::Prefer } else { pair.asked };
        let rules = self.rules(pair.side);
        let slices = rules.all().filter(|(_, rule)| rule.applies(asked)).map(|(_, rule)| {
            let mut scope = Scope::new([&rule.condition].into_iter().chain(pair.names), &self.bench.pinned);
            pair.reads.iter().for_each(|fact| scope.read(fact));
            let [a, b] = ["a", "b"].map(|offering| scope.matches(rule, Place::new("one", offering, asked)));
            let condition = cedar::and(&(pair.fixed)(&scope), &cedar::not(&cedar::equal(&a?, &b?)));
            Ok(Slice { name: format!("does term `{}` tell the two apart?", rule.id), scope, condition })
        });
        slices.collect()
    }

    /// A violation in plain words.
    fn treated(&mut self, pair: &Pair<'_>, facts: Vec<&'static str>, example: Example) -> Result<Finding, ProveError> {
        let blamed = blamed(&example, pair.prefers);
        let found = self.finding(pair.side, String::new(), &blamed);
        let described = |slot: &str| describe(&example, slot, &facts);
        let terms = super::compare::quoted(&blamed);
        // One term refuses, two refuse.
        let s = if blamed.len() == 1 { "s" } else { "" };
        let verb = match (pair.prefers, example.decisions.get(1).is_some_and(|refused| !refused.by.is_empty())) {
            (true, _) => format!("{terms} put{s} an offering {} before one {}", described("a"), described("b")),
            (false, true) => format!("{terms} refuse{s} an offering {} what one {} gets", described("b"), described("a")),
            (false, false) => format!("{terms} give{s} an offering {} access that one {} does not get", described("a"), described("b")),
        };
        let goals: BTreeSet<&str> = found.terms.iter().map(|term| term.goal.as_str()).collect();
        let alone = if facts.len() == 1 { " alone" } else { "" };
        let difference = if facts.is_empty() { "origin".to_owned() } else { names(&facts) };
        let mut says = format!(
            "{verb}, with the same {}; the difference is {difference}{alone}; its stated goal is {}",
            assurances(pair),
            goals.into_iter().collect::<Vec<_>>().join(", ")
        );
        if !pair.prefers {
            says.push_str(&format!("; {}", self.other_way_for(pair, &blamed)));
        }
        Ok(Finding { says, terms: found.terms, facts: facts.into_iter().map(str::to_owned).collect(), example: Some(example) })
    }

    /// What the blamed terms leave to the other offering: the least of what each leaves.
    fn other_way_for(&self, pair: &Pair<'_>, blamed: &[TermId]) -> String {
        let rules = self.rules(pair.side);
        let ways = rules.all().map(|(_, rule)| rule).filter(|rule| blamed.contains(&rule.id));
        let ways = ways.map(|rule| self.other_way((pair.side, pair.asked), rule));
        let ways = ways.collect::<Result<Vec<_>, GaveUp>>();
        match ways.map(|ways| ways.into_iter().min()) {
            Ok(Some(way)) => way.in_words(),
            Ok(None) => OtherWay::None.in_words(),
            Err(gave_up) => format!("whether another way is left is unknown: {gave_up}"),
        }
    }
}

/// The assurances that the terms look at and that are the same, in words.
fn assurances(pair: &Pair<'_>) -> String {
    let mut names: Vec<String> = Vec::new();
    for (fact, _) in pair.scope.offering_facts().filter(|(fact, _)| fact.starts_with("assurance.") && !fact.ends_with("certified_in")) {
        let last = fact.rsplit('.').next().unwrap_or_default();
        let name = last.replace('_', " ");
        if !names.contains(&name) && !pair.differences.iter().any(|(differs, _)| *differs == last) {
            names.push(name);
        }
    }
    match names.as_slice() {
        [] => "assurances".to_owned(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// The count of preferences that match is what ranks.
fn preferred_more(scope: &Scope, rules: &Rules, [a, b]: [Place; 2]) -> Result<Cedar, GaveUp> {
    let count = |place: Place| -> Result<Cedar, GaveUp> {
        Ok(cedar::count(scope.preferred_by(rules, place)?.into_iter().map(|(_, matches)| (matches, 1))))
    };
    Ok(cedar::binary(cedar_policy::pst::BinaryOp::Greater, &count(a)?, &count(b)?))
}

/// The terms that make the difference: forbids that matched the refused one; else the permits of the other; for a ranking, the preferences
/// that matched one of them alone.
fn blamed(example: &Example, prefers: bool) -> Vec<TermId> {
    let decided = |offering: &str| example.decisions.iter().find(|decided| decided.offering == offering);
    let (Some(better), Some(worse)) = (decided("a"), decided("b")) else { return Vec::new() };
    if prefers {
        return better.preferred_by.iter().filter(|id| !worse.preferred_by.contains(id)).cloned().collect();
    }
    if worse.by.is_empty() { better.by.clone() } else { worse.by.clone() }
}

/// `with control US`, from the facts that differ.
fn describe(example: &Example, slot: &str, facts: &[&'static str]) -> String {
    let Some(offering) = example.offerings.get(slot) else { return String::new() };
    let alike = |fact: &str| example.offerings.values().all(|other| other.facts.get(fact) == offering.facts.get(fact));
    let parts = facts.iter().map(|fact| match (*fact, offering.facts.get(*fact).map(|value| few(value))) {
        ("id", _) => format!("called `{}`", offering.id),
        ("control", Some(value)) => format!("controlled from {value}"),
        ("operator", Some(value)) => format!("of an operator in {value}"),
        ("processed_in", Some(value)) => format!("processed in {value}"),
        ("stored_in", Some(value)) => format!("stored in {value}"),
        ("governing_law", Some(value)) => format!("under the law of {value}"),
        ("developer", Some(value)) => format!("with a model from {value}"),
        ("compellable_by", Some(value)) => format!("compellable by {value}"),
        ("certified_by", Some(value)) => format!("certified by {value}"),
        // A level can be the same, and known otherwise.
        (fact, Some(value)) if alike(fact) => {
            let strength = offering.facts.get(&format!("{fact} strength")).cloned().unwrap_or_default();
            format!("with {fact} {value} of strength {strength}")
        }
        (fact, Some(value)) => format!("with {fact} {value}"),
        (fact, None) => format!("with another {fact}"),
    });
    let parts: Vec<String> = parts.collect();
    if parts.is_empty() { format!("like `{slot}`") } else { parts.join(" and ") }
}

/// A long list of places as their number.
fn few(value: &str) -> String {
    const FEW: usize = 4;
    let places = value.split(", ").count();
    if places > FEW { format!("{places} countries") } else { value.to_owned() }
}

fn names(facts: &[&'static str]) -> String {
    facts.iter().map(|fact| format!("`{fact}`")).collect::<Vec<_>>().join(" with ")
}

fn or_anything(facts: &[&'static str]) -> String {
    if facts.is_empty() { "what may differ".to_owned() } else { names(facts) }
}

pub(crate) fn origin_path(fact: &str) -> String {
    if fact == "id" { fact.to_owned() } else { format!("origin.{fact}") }
}

fn same_fact(fact: &str) -> Cedar {
    cedar::equal(&cedar::path(&format!("a.{fact}")), &cedar::path(&format!("b.{fact}")))
}

/// That two offerings do not differ in a fact of origin. What follows from other facts may differ with them.
pub(crate) fn same_origin(scope: &Scope, fact: &str) -> Cedar {
    if fact == "id" {
        return cedar::all(["a", "b"].into_iter().flat_map(|slot| scope.offerings.iter().map(move |id| cedar::not(&is_called(slot, id)))));
    }
    let same = same_fact(&origin_path(fact));
    if fact != "compellable_by" || !scope.reads("compellable_stated") {
        return same;
    }
    let derived = ["a", "b"].map(|slot| cedar::not(&cedar::path(&format!("{slot}.compellable_stated"))));
    cedar::or(&same, &cedar::all(derived))
}

fn is_called(slot: &str, id: &str) -> Cedar {
    cedar::equal(&cedar::path(&format!("{slot}.id")), &cedar::entity("Offering", id))
}

/// Two offerings have two names.
pub(crate) fn two_offerings(scope: &Scope) -> Cedar {
    cedar::all(scope.offerings.iter().map(|id| cedar::not(&cedar::and(&is_called("a", id), &is_called("b", id)))))
}

/// All choices of `size` out of `0..of`, smallest numbers first.
fn combinations(of: usize, size: usize) -> Vec<Vec<usize>> {
    if size == 0 {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for last in (size - 1)..of {
        all.extend(combinations(last, size - 1).into_iter().map(|mut chosen| {
            chosen.push(last);
            chosen
        }));
    }
    all
}

/// The facts of a path that are about origin.
pub(crate) fn is_origin(path: &str) -> bool {
    path == "resource" || path.starts_with("resource.origin")
}

/// Assurances and means among the facts of offerings and calls.
pub(crate) fn is_way(fact: &str) -> bool {
    let possession = [facts::level(Scale::Possession), facts::strength(Scale::Possession)];
    let scale = fact.starts_with("assurance.level.") || fact.starts_with("assurance.strength.");
    (scale && !possession.iter().any(|own| own == fact))
        || LISTS.iter().any(|list| fact == format!("assurance.{list}"))
        || fact.starts_with("means.")
}
