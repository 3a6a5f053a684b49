//! Takes prices over from an open price list, and touches nothing that a person wrote.
//!
//! The list is that of `litellm` (MIT): one JSON object, a key for each model of each provider, prices in dollars for one token as floats.
//! An offering names its key (`list_price`); prices become whole micro-units for a million tokens; a hand-made price always stays. The list
//! gives every price as dollars, so an operator that bills in another currency is left out.

mod plan;
mod price_list;
mod render;

pub use plan::{Import, ImportNote, ImportSource, ImportedPrice};
pub use price_list::{InvalidPriceList, PriceList};
