//! What must not compile, and the demonstration model as its users see it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    missing_docs,
    reason = "tests"
)]

mod forge;
#[cfg(feature = "local-model")]
mod local;
#[cfg(feature = "local-model")]
mod model_path;
