//! Proves properties of terms: sets up what is asked about, asks, and reports. `property/` has the questions, `inquiry.rs` how one is answered.

use std::sync::Arc;

use comity_catalogue::Catalogue;
use comity_decide::Engine;
use comity_terms::Terms;
use comity_vocab::{Action, Instant, TermId};

use crate::cedar::Cedar;
use crate::failure::GaveUp;
use crate::inquiry::{Bench, Inquiry, Outcome, ProveError, Side, Slice};
use crate::market;
use crate::place::Place;
use crate::progress::Progress;
use crate::property::{About, Property};
use crate::report::{Answer, Finding, Report, TermSeen, TermsSeen, Verdict};
use crate::rules::{self, Asked, Rule, Rules};
use crate::scope::Scope;
use crate::search::Search;
use crate::solver::Solver;

/// Terms, or two terms to compare, over one catalogue on one day.
pub struct Prover {
    pub(crate) bench: Bench,
    at: String,
}

/// Which offerings a question is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    /// All that can be.
    InPrinciple,
    /// Those of the catalogue.
    InCatalogue,
}

/// What is proved about.
pub struct Subject {
    /// One, or two for a comparison.
    pub terms: Vec<Arc<Terms>>,
    /// Facts.
    pub catalogue: Arc<Catalogue>,
    /// When.
    pub instant: Instant,
    /// The same as people write it: `2026-11-22`.
    pub at: String,
}

// === impl Prover ===

impl Prover {
    /// Without a solver the search in this process answers alone.
    ///
    /// # Errors
    /// When the terms are of a kind that cannot be taken apart.
    pub fn new(subject: Subject, solver: Option<Solver>) -> Result<Self, GaveUp> {
        let mut sides: Vec<Side> = Vec::new();
        for terms in subject.terms {
            let rules = Arc::new(Rules::new(&terms)?);
            let engine = match sides.first() {
                Some(side) => side.engine.with_terms(terms),
                None => Engine::new(terms, Arc::clone(&subject.catalogue)),
            };
            sides.push(Side { engine, rules });
        }
        Ok(Self { bench: Bench::new(sides, subject.catalogue, subject.instant, solver), at: subject.at })
    }

    /// How far the proof is, to be looked at from another thread.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.bench.progress.clone()
    }

    /// Answers one property, in principle and in the catalogue.
    ///
    /// # Errors
    /// When a counterexample does not replay, which is a bug of this program.
    pub fn prove(&mut self, property: &Property) -> Result<Report, ProveError> {
        self.bench.asked.clear();
        self.bench.notes.clear();
        if property.about() == About::Catalogue {
            let in_catalogue = self.answer(property, Seen::InCatalogue)?;
            return Ok(self.report(property, None, Some(in_catalogue)));
        }
        let errors = self.errors()?;
        if matches!(property, Property::Errors) {
            return Ok(self.report(property, Some(errors), None));
        }
        if errors.verdict != Verdict::Proved {
            return Ok(self.report(property, Some(failing(&errors)), None));
        }
        let in_principle = self.answer(property, Seen::InPrinciple)?;
        self.note(&in_principle);
        if property.about() == About::Principle {
            return Ok(self.report(property, Some(in_principle), None));
        }
        let mut in_catalogue = self.answer(property, Seen::InCatalogue)?;
        // Its offerings are among all that can be.
        if in_principle.verdict == Verdict::Proved && in_catalogue.verdict == Verdict::Unknown && property.holds_for_each() {
            in_catalogue = Answer::new(Verdict::Proved, "what is proved in principle");
        }
        let contradicts = in_principle.verdict == Verdict::Proved && in_catalogue.verdict == Verdict::Violated;
        if contradicts && property.holds_for_each() {
            return Err(ProveError::Contradiction { property: property.name().to_owned() });
        }
        Ok(self.report(property, Some(in_principle), Some(in_catalogue)))
    }

    fn answer(&mut self, property: &Property, seen: Seen) -> Result<Answer, ProveError> {
        match property {
            Property::Vacuous => self.vacuous(seen),
            Property::Redundant => self.redundant(seen),
            Property::Shadowed => self.shadowed(seen),
            Property::Implies => self.implies([0, 1], seen),
            Property::Equivalent => self.both_ways(seen, 1),
            Property::Diff => self.differences(seen),
            Property::Never(wish) => self.never(wish, seen),
            Property::EqualTreatment(given) => self.equal_treatment(given, seen),
            Property::EqualPreference(given) => self.equal_preference(given, seen),
            Property::Monotone => self.monotone(seen),
            Property::Recognise(nations) => self.recognise(*nations, seen),
            Property::Errors => self.errors(),
            Property::OtherMeans => self.other_means(),
            Property::Complete => self.complete(),
            Property::Survives(without) => self.survives(without),
        }
    }

    fn report(&self, property: &Property, in_principle: Option<Answer>, in_catalogue: Option<Answer>) -> Report {
        let seen = |side: &Side| TermsSeen {
            layers: side.engine.terms().layers().iter().map(|layer| layer.name().to_owned()).collect(),
            digest: side.engine.terms().digest().to_string(),
        };
        Report {
            property: property.name().to_owned(),
            asks: property.asks(),
            terms: self.bench.sides.iter().map(seen).collect(),
            catalogue: self.bench.catalogue.digest().to_string(),
            at: self.at.clone(),
            solver: self.bench.solver.as_ref().map(Solver::name),
            assumes: self.assumes(property),
            notes: self.bench.notes.clone(),
            in_principle,
            in_catalogue,
            questions: self.bench.asked.clone(),
        }
    }

    /// What makes a proof worth less than it sounds.
    fn note(&mut self, in_principle: &Answer) {
        if in_principle.verdict != Verdict::Proved {
            return;
        }
        for side in 0..self.bench.sides.len() {
            if self.permits_nothing(side) {
                let note = format!("{} permits no call at all, so whatever is asked of what it permits holds", self.name_of(side));
                self.bench.note(note);
            }
        }
        let named: Vec<String> = self.scope_of(&self.actions(), &[]).offerings.iter().map(|id| format!("`{id}`")).collect();
        if !named.is_empty() {
            let note = format!("in principle, an offering that terms name can have any facts: {}", named.join(", "));
            self.bench.note(note);
        }
    }

    /// Whether nothing that can be is permitted under any action; not if that is unknown.
    fn permits_nothing(&self, side: usize) -> bool {
        let rules = self.rules(side);
        self.actions().into_iter().all(|asked| {
            let scope = self.scope_of(&[asked], &[]);
            let permitted = scope.admits(&rules, Place::new("one", "a", asked)).and_then(|permitted| {
                let mut search = Search::new(&scope, &["a"], &["one"])?;
                let permitted = search.known(&permitted)?;
                search.find(&[permitted])
            });
            matches!(permitted, Ok(None))
        })
    }

    /// What a proof rests on.
    fn assumes(&self, property: &Property) -> Vec<String> {
        let mut assumes = vec![
            "findings of the detectors and facts of the catalogue are right".to_owned(),
            format!("jurisdictions, blocs and the lists of certificates are those of the catalogue on {}", self.at),
            "what the catalogue derives follows from the other facts as it derives them".to_owned(),
        ];
        if matches!(property, Property::EqualTreatment(_) | Property::EqualPreference(_) | Property::Recognise(_)) {
            assumes.push(
                "two offerings are equal if they are in every assurance that these terms look at; naming one by its id counts as unequal"
                    .to_owned(),
            );
        }
        if property.about() != About::Catalogue {
            assumes.push("every means counts as one that can be performed".to_owned());
        }
        if matches!(property, Property::Survives(_)) {
            assumes.push(
                "kinds of critical workload are told apart by data class, unit, name and purpose; their calls are chats that hold nothing else"
                    .to_owned(),
            );
        }
        let asks = if let Property::Never(wish) = property { self.actions_for(wish.condition()) } else { self.actions() };
        if property.about() != About::Catalogue && asks.len() == 1 && self.rules(0).all().next().is_some() {
            assumes.push("chat and embeddings have the same terms here, so one proof is about both".to_owned());
        }
        assumes
    }

    // === what properties ask with ===

    pub(crate) fn ask(&mut self, inquiry: &Inquiry<'_>, seen: Seen) -> Result<Outcome, ProveError> {
        match seen {
            Seen::InPrinciple => self.bench.inquire(inquiry),
            Seen::InCatalogue => self.bench.inquire_market(inquiry),
        }
    }

    /// The same, in slices where the question is about all that can be.
    pub(crate) fn ask_sliced(
        &mut self,
        inquiry: &Inquiry<'_>,
        seen: Seen,
        slices: Result<Vec<Slice>, GaveUp>,
    ) -> Result<Outcome, ProveError> {
        match seen {
            Seen::InPrinciple => self.bench.inquire_sliced(inquiry, slices),
            Seen::InCatalogue => self.bench.inquire_market(inquiry),
        }
    }

    /// The answers for each action together.
    pub(crate) fn each_action(&mut self, answer: impl FnMut(&mut Self, Asked) -> Result<Answer, ProveError>) -> Result<Answer, ProveError> {
        let actions = self.actions();
        self.each_of(actions, answer)
    }

    /// Likewise for these.
    pub(crate) fn each_of(
        &mut self,
        actions: Vec<Asked>,
        mut answer: impl FnMut(&mut Self, Asked) -> Result<Answer, ProveError>,
    ) -> Result<Answer, ProveError> {
        let mut all: Option<Answer> = None;
        for asked in actions {
            let one = answer(self, asked)?;
            all = Some(match all {
                Some(before) => before.and(one),
                None => one,
            });
        }
        Ok(all.unwrap_or_else(|| Answer::unknown("no action was asked about")))
    }

    /// Both actions, or one for both where all terms name both.
    pub(crate) fn actions(&self) -> Vec<Asked> {
        let alike = self.bench.sides.iter().all(|side| side.rules.treats_actions_alike());
        self.actions_if(alike)
    }

    /// Likewise where a condition is asked about beside the terms.
    pub(crate) fn actions_for(&self, condition: &Cedar) -> Vec<Asked> {
        if rules::asks_action(condition) { self.actions_if(false) } else { self.actions() }
    }

    fn actions_if(&self, alike: bool) -> Vec<Asked> {
        let actions: &[Action] = if alike { &[Action::Infer] } else { &[Action::Infer, Action::Embed] };
        actions.iter().copied().map(Asked::Admit).collect()
    }

    /// What a term is looked at under: every action that makes a difference, since other terms may tell them apart.
    pub(crate) fn asked_of(&self, rule: &Rule) -> Vec<Asked> {
        if rule.prefers { vec![Asked::Prefer] } else { self.actions().into_iter().filter(|asked| rule.applies(*asked)).collect() }
    }

    /// What the terms that apply can tell apart, and some more conditions.
    pub(crate) fn scope_of(&self, asked: &[Asked], more: &[Cedar]) -> Scope {
        let applies = |rule: &&Rule| asked.iter().any(|asked| rule.applies(*asked));
        let rules = self.bench.sides.iter().flat_map(|side| side.rules.all()).map(|(_, rule)| rule);
        Scope::new(rules.filter(applies).map(|rule| &rule.condition).chain(more), &self.bench.pinned)
    }

    pub(crate) fn rules(&self, side: usize) -> Arc<Rules> {
        self.bench.sides.get(side).map(|side| Arc::clone(&side.rules)).unwrap_or_default()
    }

    pub(crate) fn name_of(&self, side: usize) -> String {
        let names: Vec<String> = self.rules(side).layers.iter().map(|layer| layer.name.clone()).collect();
        names.join(" + ")
    }

    /// Confines slots to the offerings of the catalogue.
    pub(crate) fn confine(&self, search: &mut Search<'_>, (scope, asked_of): (&Scope, Asked), slots: &[&str]) -> Result<(), GaveUp> {
        let rows = market::rows(scope, &self.bench.pinned, self.bench.surface(asked_of));
        for slot in slots {
            market::confine(search, scope, &rows, (slot, &["one"]))?;
        }
        Ok(())
    }

    /// A finding about some terms.
    pub(crate) fn finding(&self, side: usize, says: impl Into<String>, ids: &[TermId]) -> Finding {
        let rules = self.rules(side);
        let places = ids.iter().filter_map(|id| rules.all().find(|(_, rule)| rule.id == *id));
        let terms = places.map(|(layer, rule)| TermSeen {
            id: rule.id.clone(),
            file: layer.path.clone(),
            line: rule.line,
            goal: rule.goal.to_string(),
        });
        Finding { says: says.into(), terms: terms.collect(), facts: Vec::new(), example: None }
    }
}

/// No property is worth anything while a term can fail.
fn failing(errors: &Answer) -> Answer {
    let says: Vec<&str> =
        errors.findings.iter().map(|finding| finding.says.as_str()).chain(errors.because.iter().map(String::as_str)).collect();
    Answer::unknown(format!("{}: see the property `errors`", says.join("; ")))
}
