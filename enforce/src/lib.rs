//! The gateway: every call is admitted, protected or refused by the terms, and every decision is in the ledger before a byte leaves.
//!
//! `pipeline.rs` is the life of one call, top to bottom. Nothing else here sends anything anywhere, but for checkpoints of the ledger, which
//! `publish.rs` sends to witnesses.

mod admin;
mod apart;
mod asked;
mod clock;
mod config;
mod detect;
mod document;
mod edit;
mod error;
mod gateway;
mod generation;
mod health;
mod keys;
mod late;
mod ledger_admin;
mod ledger_events;
mod ledger_files;
mod ledger_name;
mod limits;
#[cfg(test)]
mod logged;
mod metrics;
mod models;
mod openapi;
mod pipeline;
mod pseudonym_keys;
mod publish;
mod reload;
mod restore;
mod router;
mod routes;
mod server;
mod shared;
mod signals;
mod spend;
mod states;
mod strings;
mod witness;

pub use config::{
    Config, ConfigProblem, LISTEN_DEFAULT, Problems, SecretSource, Starter, StarterUpstream, UsageInStream, config_reference,
    known_upstreams, starter,
};
pub use detect::{Depth, Detect};
pub use gateway::{BuildError, Drained, Gateway, Options, Running};
pub use generation::{Checked, Generation};
pub use ledger_admin::ErasureDone;
pub use limits::Limits;
pub use pipeline::PERFORMED;
