//! The chat dialect: OpenAI's chat completions, and what speaks like them (Mistral, DeepSeek, Groq, Together, vLLM, llama.cpp, Ollama,
//! OpenRouter).
//!
//! Callers are read strictly, by OpenAI's reference and the de facto members for thoughts (`reasoning_content`, `reasoning_signature`);
//! upstreams are read tolerantly, because each of them differs a little. Nothing here knows which upstream it is: [`ChatTarget`] says
//! what matters.

mod finish;
mod order;
mod problem;
mod read_ask;
mod read_content;
mod read_events;
mod read_messages;
mod read_reply;
mod tokens;
mod whole;
mod write_ask;
mod write_content;
mod write_events;
mod write_messages;
mod write_reply;

pub use problem::read_problem;
pub use read_ask::read_ask;
pub use read_events::EventReader;
pub use read_reply::read_reply;
pub(crate) use tokens::read as read_usage;
pub(crate) use write_ask::effort_of_budget;
pub use write_ask::{ChatTarget, LimitField, Thoughts, write_ask};
pub use write_events::EventWriter;
pub use write_reply::write_reply;
