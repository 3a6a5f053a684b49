//! The bedrock dialect: AWS Bedrock's `Converse` and `ConverseStream`, as an upstream only.
//!
//! The model stands in the address, not in the body. `Converse` speaks for every developer's models; what only one developer's models take
//! (`additionalModelRequestFields`) is said to Anthropic's, and to others is an error that names the caller's field.

mod answer;
mod ask;
mod config;
mod developer;
mod events;
mod media;
mod part;
mod problem;
mod reply;
mod tool;

pub use ask::write_ask;
pub use events::EventReader;
pub use problem::read_problem;
pub use reply::read_reply;
