//! Durable leaves, fact records, upstream states, generations and API keys in SQLite: one file, one sequencer, any number of readers.
//!
//! A call may leave the gateway only with a [`Receipt`], and a receipt exists only after COMMIT. When the disk cannot take a leaf, nobody gets
//! a receipt ([`StoreError::Unavailable`]) and the next write tries again. No plain personal data is ever written: leaves hold commitments,
//! and what is kept beside them is encrypted under keys that lie in a file of their own and can be destroyed.

mod append;
mod checkpoint;
mod connection;
mod custody;
mod data_keys;
mod draft;
mod erase;
mod error;
mod facts;
mod file;
mod generation;
mod keys;
mod limits;
mod lock;
mod outward;
#[cfg(feature = "planted-bugs")]
mod plant;
mod prune;
mod read;
mod receipt;
mod record;
mod served;
mod state;
mod store;
mod upgrade;
mod verify;
mod writer;

pub use checkpoint::{Head, Published, Witnessed};
pub use comity_ledger::Durability;
pub use custody::{Custody, Unlock};
pub use data_keys::Whose;
pub use draft::{Draft, Sequence};
pub use erase::{Erasing, Erasure, ErasureOrder};
pub use error::StoreError;
pub use facts::Fact;
pub use generation::Generation;
pub use keys::{ApiKey, KeyList, KeyState, Keys, NewKey, PresentedKey};
pub use limits::{BATCH_MAX, CONTENT_BYTES_MAX, QUEUE_DEFAULT};
#[cfg(feature = "planted-bugs")]
pub use plant::Plant;
pub use read::{FactRecord, FoundDecision, Reader, StoredLeaf};
pub use receipt::Receipt;
pub use record::Content;
pub use state::State;
pub use store::{Metrics, Options, Store};
pub use verify::Verified;
