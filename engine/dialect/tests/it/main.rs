//! Golden tests: what each dialect reads and writes, as snapshots.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    missing_docs,
    reason = "tests"
)]

mod bedrock;
mod chat;
mod fixtures;
mod gemini;
mod messages;
mod responses;
mod upstream_only;
