//! OpenAI's Responses API, for callers and upstreams that speak it. Nothing here is kept under an id: whatever refers to state on a server
//! is an error by name. <https://platform.openai.com/docs/api-reference/responses>
//!
//! Two marks travel through callers as opaque text. Towards callers, thoughts that only their operator can read are `encrypted_content` that
//! begins with `redacted:`. From upstreams, a signature is `<id of the item>:<encrypted_content>`, because OpenAI binds the two together.

mod mark;
mod problem;
mod read_ask;
mod read_content;
mod read_events;
mod read_input;
mod read_reply;
mod read_tools;
mod shape;
mod write_ask;
mod write_content;
mod write_events;
mod write_input;
mod write_reply;

pub use mark::sealed;
pub use problem::read_problem;
pub use read_ask::read_ask;
pub use read_events::EventReader;
pub use read_reply::read_reply;
pub(crate) use read_reply::read_usage;
pub use write_ask::write_ask;
pub use write_events::EventWriter;
pub use write_reply::write_reply;
