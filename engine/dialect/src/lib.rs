//! The wire formats of AI APIs, and the typed translation between them: each dialect reads into one neutral form and writes from it.
//!
//! Used only across dialects: a call that stays in its dialect is forwarded byte for byte. Nothing is ever dropped: what the other dialect
//! cannot say is an error that names the field in the caller's own words. No network, no clock, no randomness: ids and times come in.

mod api;
mod ask;
mod cache;
mod conversation;
mod data_url;
mod end_user;
mod error;
mod event;
mod failure;
mod limits;
mod order;
mod reply;
mod translate;
mod usage;
mod wire;

pub mod bedrock;
pub mod chat;
pub mod estimate;
pub mod gemini;
pub mod messages;
pub mod responses;

pub use api::{Api, Wire};
pub use ask::{Ask, CacheMark, Effort, Media, MediaSource, OutputFormat, Part, Reasoning, Role, Said, Sampling, Tool, ToolChoice, Turn};
pub use error::{BadAnswer, CannotHonour, UpstreamProblem};
pub use event::{Delta, Event, PartStart};
pub use reply::{Reply, ReplyPart, Stamp, Stop};
pub use responses::sealed;
pub use translate::{StreamTranslator, Target, Translated, read_problem, read_usage, translate_ask, translate_reply};
pub use usage::Usage;
pub use wire::Frame;
