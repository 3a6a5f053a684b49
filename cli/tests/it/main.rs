//! The whole command as a person meets it: exit code, stdout and stderr of each command, and what it leaves on the disk.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    missing_docs,
    reason = "tests"
)]

mod ask;
mod canary;
mod catalogue;
mod demo;
mod detect;
mod frame;
mod harness;
mod keys;
mod ledger;
mod packs;
mod prove;
mod prove_guide;
mod terms;
mod up;
