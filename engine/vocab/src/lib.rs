//! The nouns of Comity as types (GLOSSARY.md gives each word its one meaning).
//!
//! Every other room speaks in these. Nothing here decides, parses files or does I/O; a value that exists is valid.

mod call;
mod digest;
mod id;
mod jurisdiction;
mod level;
mod means;
mod money;
mod offering;
mod plain;
mod time;
mod usage;

pub use call::{Action, Call, Classification, Data, Workload};
pub use digest::{Digest, Hasher};
pub use id::{BlocId, InvalidName, KeyId, OfferingId, TermId, UnitId, WorkloadId};
pub use jurisdiction::{InvalidJurisdiction, Jurisdiction, Places};
pub use level::{Levels, Scale, Strength};
pub use means::{Means, MeansSet};
pub use money::{Currency, InvalidCurrency, Micros, Price, Tier};
pub use offering::{Assurance, Offering, Origin, Surface};
pub use plain::Plain;
pub use time::Instant;
pub use usage::Usage;
