//! What terms guarantee for every call, proved or shown by a concrete counterexample.
//!
//! A question is one condition in Cedar's own language. A search in this process looks for values under which it holds; a solver of another
//! make is asked where the search finds none; the gateway's engine replays what was found. The parts distrust each other: nothing is shown as
//! proved that one of them could not answer, and nothing as a counterexample that the engine does not confirm.

#[cfg(test)]
extern crate self as comity_prove;

#[cfg(test)]
mod agreement;
mod cedar;
mod example;
mod facts;
mod failure;
mod inquiry;
mod limits;
mod market;
#[cfg(test)]
#[allow(dead_code, reason = "the tests beside the sources need a part of it")]
#[path = "../tests/it/offerings.rs"]
mod offerings;
mod pinned;
mod place;
mod plain;
mod possible;
mod progress;
mod property;
mod prover;
mod replay;
mod report;
mod rules;
mod scope;
mod search;
#[cfg(test)]
#[allow(dead_code, reason = "the tests beside the sources need a part of it")]
#[path = "../tests/it/setting.rs"]
mod setting;
mod solver;

pub use failure::GaveUp;
pub use inquiry::ProveError;
pub use progress::Progress;
pub use property::{Given, Property, UnknownFact, Wish, WishProblem};
pub use prover::{Prover, Subject};
pub use report::{Answer, Decided, Example, Finding, OfferingSeen, Question, Report, TermSeen, TermsSeen, Verdict};
pub use solver::Solver;
