//! The ledger from outside: canonical bytes against an independent RFC 8785 writer, trees against an independent RFC 6962 tree.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    missing_docs,
    reason = "tests"
)]

mod audit;
mod leaf;
mod policy;
mod served;
mod text;
mod tree;
mod witness;
