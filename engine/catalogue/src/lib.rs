//! Facts about offerings: parse, check, derive.
//!
//! An offering is as good as what is *known* about it. This room reads the catalogue's files, refuses a fact that nobody can follow to its
//! source, and says what follows from the facts at one instant. It never fills a gap: what no source says is unknown, and unknown is worst.
//! It never opens a file, never asks for the time, and never names a country.

mod bloc;
mod catalogue;
mod derive;
mod fact;
mod lists;
mod offering;
mod price;
mod problem;
mod provenance;
mod reader;
mod shipped;
mod value;
mod view;
mod world;

pub use catalogue::{Catalogue, SourceFile};
pub use problem::{Problem, Severity};
pub use shipped::shipped;
pub use view::FactView;
pub use world::World;
