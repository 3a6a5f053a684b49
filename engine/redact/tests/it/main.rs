//! What the detectors find and what they leave alone, from outside.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::as_conversions,
    missing_docs,
    reason = "tests"
)]

mod answers;
mod cases;
mod fixture;
mod kinds;
mod normal;
mod properties;
mod pseudonyms;
mod trained;
