//! The store from outside: what is acknowledged is there, what is changed is found, what fails is said.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    missing_docs,
    reason = "tests"
)]

mod append;
mod concurrent;
mod content;
mod custody;
mod erase;
mod full;
mod given;
mod keys;
mod kill;
mod open;
mod prune;
mod pseudonyms;
mod publish;
mod read;
mod sequence;
mod states;
mod tamper;
mod upgrade;
