//! Exact search over the finite values that some terms can tell apart, in this process: no solver is needed. It decides the same questions as
//! the solver, in the same language, by other means: each fact becomes a few yes-or-no variables, each question a formula over them.
//!
//! INVARIANT: what cannot be said exactly in this way, and what would take too long, is [`GaveUp`], never an answer.

mod circuit;
mod translate;

use std::collections::BTreeMap;

use batsat::Lit;

use crate::cedar::Cedar;
use crate::failure::GaveUp;
use crate::scope::Scope;

use circuit::Circuit;
pub(crate) use translate::Atom;
use translate::Translation;

/// A search in one scope. Questions can be asked one after the other; what was learnt stays.
pub(crate) struct Search<'s> {
    translation: Translation<'s>,
}

/// Values of facts: what a search found. Facts that nothing reads are not in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Model {
    pub(crate) flags: BTreeMap<String, bool>,
    /// Numbers, jurisdictions, texts and names.
    pub(crate) single: BTreeMap<String, Atom>,
    pub(crate) sets: BTreeMap<String, Vec<Atom>>,
}

/// A condition that a search knows.
pub(crate) type Known = Lit;

// === impl Search ===

impl<'s> Search<'s> {
    /// A search among these offerings and calls (`a`, `one`), of which nothing is known yet.
    pub(crate) fn new(scope: &'s Scope, offerings: &[&str], calls: &[&str]) -> Result<Self, GaveUp> {
        let mut search = Self { translation: Translation::new(scope, offerings, calls) };
        let possible: Vec<Cedar> = offerings
            .iter()
            .map(|slot| scope.possible_offering(slot))
            .chain(calls.iter().map(|slot| scope.possible_call(slot)))
            .chain([scope.possible_workload()])
            .collect();
        for law in possible {
            search.assume(&law)?;
        }
        Ok(search)
    }

    /// Holds from now on.
    pub(crate) fn assume(&mut self, condition: &Cedar) -> Result<(), GaveUp> {
        let holds = self.known(condition)?;
        self.translation.circuit.require(&[holds]);
        Ok(())
    }

    /// Likewise for at least one of these.
    pub(crate) fn assume_any(&mut self, conditions: &[Known]) {
        self.translation.circuit.require(conditions);
    }

    /// The condition, to be asked about later.
    pub(crate) fn known(&mut self, condition: &Cedar) -> Result<Known, GaveUp> {
        self.translation.boolean(condition)
    }

    /// Whether the condition can fail to have a value, because something in it overflows or looks into what may not exist.
    pub(crate) fn failure_of(&mut self, condition: &Cedar) -> Result<Known, GaveUp> {
        self.translation.failure_of(condition)
    }

    /// That a fact has a value: a row of the catalogue is a conjunction of these.
    pub(crate) fn fact_is(&mut self, path: &str, value: &FactValue) -> Result<Known, GaveUp> {
        self.translation.fact_is(path, value)
    }

    /// A condition that nothing else speaks of.
    pub(crate) fn fresh(&mut self) -> Known {
        self.translation.circuit.fresh()
    }

    /// Whether it held in what was found last.
    pub(crate) fn held(&self, condition: Known) -> bool {
        self.translation.circuit.value(condition)
    }

    pub(crate) fn all(&mut self, parts: impl IntoIterator<Item = Known>) -> Known {
        self.translation.circuit.all(parts)
    }

    pub(crate) fn any(&mut self, parts: impl IntoIterator<Item = Known>) -> Known {
        self.translation.circuit.any(parts)
    }

    /// That the first makes the second hold.
    pub(crate) fn implies(&mut self, first: Known, second: Known) {
        self.translation.circuit.require(&[!first, second]);
    }

    /// Values under which all of these hold, or nothing if there are none. Where a pattern tells texts apart that no term names, some of
    /// them are tried, and "none" is not known.
    pub(crate) fn find(&mut self, all: &[Known]) -> Result<Option<Model>, GaveUp> {
        match self.try_all(all)? {
            None if self.translation.scope().patterns => {
                Err(GaveUp::new("a pattern (`like`) tells texts apart that the terms do not name, and the search tries but some"))
            }
            found => Ok(found),
        }
    }

    /// Likewise among the values that are tried.
    pub(crate) fn try_all(&mut self, all: &[Known]) -> Result<Option<Model>, GaveUp> {
        Ok(self.translation.circuit.solve(all)?.then(|| self.translation.model()))
    }

    /// After a search that found nothing: those of its conditions that alone allow nothing.
    pub(crate) fn core(&mut self, all: &[Known]) -> Vec<Known> {
        let core = self.translation.circuit.core();
        all.iter().copied().filter(|known| core.contains(known) || core.contains(&!*known)).collect()
    }

    /// The same, as plain as can be: each wish is granted that the conditions and the wishes before it allow.
    pub(crate) fn find_plain(&mut self, all: &[Known], wishes: &[Known]) -> Result<Option<Model>, GaveUp> {
        let mut held = all.to_vec();
        if self.find(&held)?.is_none() {
            return Ok(None);
        }
        for wish in wishes {
            held.push(*wish);
            if self.try_all(&held)?.is_none() {
                held.pop();
            }
        }
        // What is asked next of the search is about these values, not about those that the last wish failed with.
        self.find(&held)
    }
}

/// The value of a fact, as a row of the catalogue has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FactValue {
    Flag(bool),
    Single(Atom),
    Set(Vec<Atom>),
}
