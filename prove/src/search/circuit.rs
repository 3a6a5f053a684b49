//! Yes-or-no variables, gates over them, and the search for values: a thin layer over a SAT solver.

use std::collections::HashMap;

use batsat::{Callbacks, ClauseKind, Lit, Solver, SolverInterface, SolverOpts, lbool};

use crate::failure::GaveUp;
use crate::limits::CONFLICTS_MAX;

/// A formula that grows.
pub(crate) struct Circuit {
    solver: Solver<Patience>,
    yes: Lit,
    gates: HashMap<Vec<Lit>, Lit>,
}

/// Counts conflicts, and says when it was enough.
#[derive(Default)]
struct Patience {
    conflicts: u64,
}

impl Callbacks for Patience {
    fn on_start(&mut self) {
        self.conflicts = 0;
    }

    fn on_new_clause(&mut self, _: &[Lit], kind: ClauseKind) {
        self.conflicts += u64::from(matches!(kind, ClauseKind::Learnt));
    }

    fn stop(&self) -> bool {
        self.conflicts > CONFLICTS_MAX
    }
}

// === impl Circuit ===

impl Circuit {
    pub(crate) fn new() -> Self {
        let mut solver = Solver::new(SolverOpts::default(), Patience::default());
        let yes = Lit::new(solver.new_var_default(), true);
        solver.add_clause_reuse(&mut vec![yes]);
        Self { solver, yes, gates: HashMap::new() }
    }

    pub(crate) fn yes(&self) -> Lit {
        self.yes
    }

    pub(crate) fn fresh(&mut self) -> Lit {
        Lit::new(self.solver.new_var_default(), true)
    }

    /// At least one of these, from now on.
    pub(crate) fn require(&mut self, any: &[Lit]) {
        self.solver.add_clause_reuse(&mut any.to_vec());
    }

    pub(crate) fn all(&mut self, parts: impl IntoIterator<Item = Lit>) -> Lit {
        let yes = self.yes;
        let mut parts: Vec<Lit> = parts.into_iter().filter(|part| *part != yes).collect();
        parts.sort_unstable_by_key(Lit::idx);
        parts.dedup();
        let contradicts =
            parts.windows(2).any(|pair| pair.iter().map(Lit::var).collect::<Vec<_>>().windows(2).any(|v| v.first() == v.last()));
        if contradicts || parts.contains(&!yes) {
            return !yes;
        }
        match parts.as_slice() {
            [] => yes,
            [only] => *only,
            _ => self.gate(parts),
        }
    }

    pub(crate) fn any(&mut self, parts: impl IntoIterator<Item = Lit>) -> Lit {
        let negated: Vec<Lit> = parts.into_iter().map(|part| !part).collect();
        !self.all(negated)
    }

    pub(crate) fn same(&mut self, one: Lit, other: Lit) -> Lit {
        let both = self.all([one, other]);
        let none = self.all([!one, !other]);
        self.any([both, none])
    }

    /// Whether values exist under which all of these hold.
    pub(crate) fn solve(&mut self, all: &[Lit]) -> Result<bool, GaveUp> {
        match self.solver.solve_limited(all) {
            answer if answer == lbool::TRUE => Ok(true),
            answer if answer == lbool::FALSE => Ok(false),
            _ => Err(GaveUp::new(format!("the search gave up after {CONFLICTS_MAX} conflicts"))),
        }
    }

    /// Which of the conditions that were asked for the last search could not hold together.
    pub(crate) fn core(&mut self) -> Vec<Lit> {
        self.solver.unsat_core().to_vec()
    }

    /// What the last search found.
    pub(crate) fn value(&self, of: Lit) -> bool {
        self.solver.value_lit(of) == lbool::TRUE
    }

    fn gate(&mut self, parts: Vec<Lit>) -> Lit {
        if let Some(gate) = self.gates.get(&parts) {
            return *gate;
        }
        let gate = self.fresh();
        for part in &parts {
            self.require(&[!gate, *part]);
        }
        let mut back: Vec<Lit> = parts.iter().map(|part| !*part).collect();
        back.push(gate);
        self.require(&back);
        self.gates.insert(parts, gate);
        gate
    }
}
