//! Proofs of planted terms, shipped packs and random terms. A solver is needed: the tests fail without one.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::string_slice,
    reason = "tests"
)]

mod concrete;
mod failures;
#[allow(dead_code, reason = "tests beside the sources need the rest")]
mod offerings;
mod packs;
mod planted;
mod setting;
