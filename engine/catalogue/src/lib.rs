//! Facts about offerings: parse, check, derive.
//!
//! An offering is as good as what is *known* about it. This room reads the catalogue's files, refuses a fact that nobody can follow to its
//! source, and says what follows from the facts at one instant. It never fills a gap: what no source says is unknown, and unknown is worst.
//! It never opens a file, never asks for the time, and never names a country.

mod bloc;
mod catalogue;
mod derive;
mod diff;
mod fact;
mod import;
mod law;
mod lists;
mod names;
mod offering;
mod price;
mod problem;
mod provenance;
mod reader;
mod region;
mod review;
mod shipped;
mod statement;
mod value;
mod view;
mod world;

pub use catalogue::{Catalogue, SourceFile};
pub use diff::{Difference, Said};
pub use import::{Import, ImportNote, ImportSource, ImportedPrice, InvalidPriceList, PriceList};
pub use law::{Law, LawGiver};
pub use problem::{Problem, Severity};
pub use shipped::{over_shipped, over_shipped_without_prices, shipped};
pub use view::{BlocView, FactView, MemberView, Reach};
pub use world::World;
