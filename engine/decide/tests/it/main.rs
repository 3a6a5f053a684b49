//! The decision as a whole: same bytes, table equals fresh, nothing gets easier by worse facts, and what explanations promise.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::as_conversions, reason = "tests")]

mod decision;
mod explain;
mod names;
mod packs;
mod properties;
mod rank;
mod survey;
mod world;
