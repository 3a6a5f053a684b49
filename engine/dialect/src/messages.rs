//! The messages dialect: Anthropic's `POST /v1/messages`, spoken by callers and by upstreams.
//!
//! Shapes as in Anthropic's own client library of November 2026. Anthropic counts cached tokens apart from the others, wants turns to
//! alternate and results of functions first in a turn, and has no words for seeds, penalties and sound: those are errors by name.

mod blocks;
mod media;
mod output;
mod problem;
mod read_ask;
mod read_events;
mod reply;
mod stop;
pub(crate) mod thinking;
mod tools;
mod turns;
mod usage;
mod write_ask;
mod write_events;

pub use problem::read_problem;
pub use read_ask::read_ask;
pub use read_events::EventReader;
pub use reply::{read_reply, write_reply};
pub(crate) use usage::read as read_usage;
pub use write_ask::write_ask;
pub use write_events::EventWriter;
