//! The gateway over loopback HTTP, against a mock upstream. Every test has its own gateway, store and upstream.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::string_slice,
    missing_docs,
    reason = "tests"
)]

mod answers;
mod bad_input;
mod check;
mod dialects;
mod erase;
mod errors;
mod fallback;
mod forward;
mod ledger;
#[cfg(feature = "local-model")]
mod local;
mod matrix;
mod passthrough;
mod pseudonyms;
mod publish;
mod retries;
mod send;
mod serve;
mod spend;
mod stage;
mod state;
mod streaming;
mod terms;
mod tls;
mod witness;
