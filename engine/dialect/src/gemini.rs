//! The gemini dialect: Google Gemini's native `generateContent` and `streamGenerateContent?alt=sse`, as an upstream only.
//!
//! The model stands in the address, not in the body. Facts of the wire format are those of the API's version `v1beta`. Names are as there;
//! what Gemini cannot say is an error that names the caller's field, and never left out.

mod ask;
mod chunk;
mod config;
mod events;
mod part;
mod problem;
mod reply;
mod tool;

pub use ask::write_ask;
pub use events::EventReader;
pub use problem::read_problem;
pub use reply::read_reply;
