//! The language of terms: Cedar policies in ordered layers, with annotations, parameters, lints and a canonical format.
//!
//! Text comes in as an argument and problems go out with a place and a hint. Nothing here decides a call, and bad terms never load in part.

mod annotation;
mod format;
mod formula;
mod lint;
mod load;
mod manifest;
mod pack;
mod packs;
mod parameters;
mod problem;
mod reads;
mod slots;

pub use annotation::Goal;
pub use format::{FormatError, format};
pub use formula::{Formula, Test, attribute_path, requirement};
pub use load::{Effect, Layer, LayerSource, Term, Terms};
pub use pack::{Pack, PackFile};
pub use packs::{shipped_pack, shipped_pack_names};
pub use parameters::{Parameter, ParameterKind, ParameterProblem, ParameterValue};
pub use problem::TermsProblem;
pub use reads::{Reads, Thresholds, collect};

/// The Cedar schema that every layer is validated against, strictly.
pub const SCHEMA: &str = include_str!("comity.cedarschema");
