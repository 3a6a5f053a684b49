//! Every bound of a proof, with its reason. Past a bound the answer is "unknown", never "proved".

use std::time::Duration;

/// Conflicts of one search. Terms of people need some hundreds; a search that needs more than this is better left to the solver.
pub(crate) const CONFLICTS_MAX: u64 = 2_000_000;
/// Values that an expression of numbers or names can take in a search: a product of a few scales of five levels.
pub(crate) const VALUES_MAX: usize = 4096;
/// Time for one question to the solver.
pub(crate) const SOLVER_TIME: Duration = Duration::from_secs(60);
/// Time for a question that can be asked in parts: about as long as the parts of a hundred terms take.
pub(crate) const SOON: Duration = Duration::from_secs(5);
/// Time for a solver to say its version: on a busy machine, a program may take some seconds to load.
pub(crate) const VERSION_TIME: Duration = Duration::from_secs(10);
/// Differences that `diff` shows: more are no longer read.
pub(crate) const DIFFERENCES_MAX: usize = 24;
