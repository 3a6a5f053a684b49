//! The pure decision: terms + facts + instant → permits with the least means, or denials that say what would change them.
//!
//! Same input, same bytes. Nothing here reads a clock, a disk or a network, and no failure ever becomes a permit: an evaluation error, an
//! unknown offering or an empty set of terms denies.

mod admit;
mod candidates;
mod cedar;
mod data_class;
mod engine;
mod explain;
mod generation;
mod names;
mod permit;
mod rank;
mod record;
mod survey;
mod table;

pub use admit::{Refusal, Verdict};
pub use candidates::Candidates;
pub use data_class::{DataClass, UnknownDataClass};
pub use engine::{Admission, Engine, Query};
pub use explain::{Change, Explanation, NearTerm};
pub use generation::{Generation, GenerationError};
pub use names::{UnknownName, unknown_names};
pub use permit::{Decision, Denial, Permit};
pub use rank::{RankInput, rank};
pub use record::{FactRecord, RECORD_VERSION, RecordError, Salts};
pub use survey::{Blame, Changed, Difference, Survey, all_means, changed, survey};
