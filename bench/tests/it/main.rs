//! The mock upstream seen from outside: every mode as a client meets it, and what the mock remembers of it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    missing_docs,
    unreachable_pub,
    reason = "tests"
)]

mod client;
mod crash;
mod dialects;
mod load;
mod mock;
mod recorded;
