//! Durable leaves, fact records, upstream states, generations and API keys in SQLite: one file, one sequencer, any number of readers.
//!
//! A call may leave the gateway only with a [`Receipt`], and a receipt exists only after COMMIT. When the disk cannot take a leaf, nobody gets
//! a receipt ([`StoreError::Unavailable`]) and the next write tries again. No plain personal data is ever written: leaves hold commitments,
//! fact records and states are encrypted under their tenant's key.

mod append;
mod connection;
mod error;
mod file;
mod generation;
mod keys;
mod limits;
mod lock;
mod master;
mod read;
mod receipt;
mod record;
mod state;
mod store;
mod upgrade;
mod verify;
mod writer;

pub use comity_ledger::Durability;
pub use error::StoreError;
pub use generation::Generation;
pub use keys::{ApiKey, KeyList, KeyState, Keys, NewKey, PresentedKey};
pub use limits::{BATCH_MAX, QUEUE_DEFAULT};
pub use read::{FactRecord, FoundDecision, Reader, StoredLeaf};
pub use receipt::Receipt;
pub use state::State;
pub use store::{Metrics, Options, Store};
pub use verify::Verified;
