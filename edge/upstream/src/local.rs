//! The in-process demonstration model: a GGUF file answers chats on threads of its own.
//!
//! It shows the plumbing of self-sufficiency, no more; real self-sufficiency is a model server on the organisation's machines.
//! It must never hold up the gateway (bounded queue, few and nice threads), never let a message's text act as a control token, and
//! never keep anything of a chat once it is answered: no cache of prompts, prefixes or words.

mod emit;
mod error;
mod gguf;
mod kernel;
mod limits;
mod llama;
pub mod openai;
mod sample;
mod template;
mod tokens;
mod weights;
mod worker;

#[cfg(test)]
mod demonstration;

use std::path::Path;
use std::sync::Arc;

use tokio::sync::mpsc::Receiver;

pub use error::LocalError;
pub use gguf::{ModelInfo, inspect};

use gguf::Gguf;
use llama::Llama;
use sample::Sampling;
use template::Template;
use tokens::Tokens;
use worker::{Job, Worker};

/// A loaded model and its threads. Cheap to clone; the threads end after the last clone is dropped.
#[derive(Clone)]
pub struct LocalModel(Arc<Inner>);

struct Inner {
    info: ModelInfo,
    context_max: usize,
    tokens: Arc<Tokens>,
    template: Template,
    worker: Worker,
}

/// How a [`LocalModel`] uses the machine.
#[derive(Debug, Clone, Copy)]
pub struct LocalOptions {
    /// Chats that may wait for the one being answered; one more is [`LocalError::Busy`].
    pub queue: usize,
    /// Threads that compute an answer, at least 1. All run at low priority.
    pub threads: usize,
    /// Tokens of prompt and answer together; at most what the model was trained for.
    pub context_max: usize,
}

/// One chat to answer.
#[derive(Debug, Clone, Default)]
pub struct ChatRequest {
    /// The conversation so far, oldest first.
    pub messages: Vec<Message>,
    /// Most tokens of the answer; without it, 1,024 or what the context leaves.
    pub max_tokens: Option<u32>,
    /// 0 always takes the likeliest token; without it, 0.2, as the authors of SmolLM2 advise.
    pub temperature: Option<f64>,
    /// Share of probability from which a token is drawn, in (0, 1]; without it, 0.9.
    pub top_p: Option<f64>,
    /// The same seed gives the same answer on the same machine; without it, one from the operating system.
    pub seed: Option<u64>,
    /// Texts that end the answer and are not part of it.
    pub stop: Vec<String>,
}

/// One message of a chat.
#[derive(Debug, Clone)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said: always plain text, also where it looks like a control token.
    pub content: String,
}

/// Who speaks in a [`Message`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Standing instructions.
    System,
    /// The caller.
    User,
    /// The model, earlier.
    Assistant,
}

/// What the model's thread reports. `Done` and `Failed` are last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The next piece of the answer: whole characters, never empty.
    Text(String),
    /// The answer is complete.
    Done {
        /// Why it ended.
        finish: Finish,
        /// Tokens read.
        prompt_tokens: u32,
        /// Tokens written, without the one that ends the answer.
        completion_tokens: u32,
    },
    /// The model broke; what was sent so far is not an answer.
    Failed(String),
}

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// The model had said all, or wrote a stop text.
    Stop,
    /// `max_tokens` was reached.
    Length,
}

// === impl LocalModel ===

impl LocalModel {
    /// Loads a GGUF file of the `llama` architecture and starts its threads. Takes seconds and blocks; weights are held in eight bits, 1.25 bytes each.
    ///
    /// # Errors
    /// The file is missing, not GGUF, damaged, or of a kind that this model cannot run.
    pub fn open(path: &Path, options: LocalOptions) -> Result<LocalModel, LocalError> {
        let mut gguf = Gguf::open(path)?;
        let info = gguf.info()?;
        let tokens = Arc::new(Tokens::read(&gguf)?);
        let template = Template::read(&gguf, &tokens)?;
        let ends = tokens.end().into_iter().chain(template.end_of_answer(&gguf, tokens.control())?).collect();
        let llama = Llama::load(&mut gguf)?;
        let context_max = options.context_max.min(info.context_tokens).min(limits::CONTEXT_TOKENS_MAX);
        let worker = Worker::start(llama, Arc::clone(&tokens), ends, options)?;
        Ok(LocalModel(Arc::new(Inner { info, context_max, tokens, template, worker })))
    }

    /// The model's own name, from the file's metadata or else the file's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.info.name
    }

    /// Tokens of prompt and answer together.
    #[must_use]
    pub fn context_max(&self) -> usize {
        self.0.context_max
    }

    /// Queues one chat. Reads the messages into tokens first: microseconds for a short chat, milliseconds for a long one.
    /// Dropping the receiver cancels the answer at the next token.
    ///
    /// # Errors
    /// [`LocalError::Busy`] when the queue is full, [`LocalError::Context`] when the chat is too long, [`LocalError::Field`] for a value
    /// out of range.
    pub fn submit(&self, request: ChatRequest) -> Result<Receiver<Event>, LocalError> {
        let sampling = Sampling::of(&request)?;
        let prompt = self.prompt(&request)?;
        let completion_max = self.completion_max(prompt.len(), request.max_tokens)?;
        // Room for every event of the answer, so that a slow reader never holds up the chats behind it.
        let (events, receiver) = tokio::sync::mpsc::channel(completion_max.saturating_add(2));
        self.0.worker.queue(Job { prompt, completion_max, sampling, stop: request.stop, events })?;
        Ok(receiver)
    }

    fn prompt(&self, request: &ChatRequest) -> Result<Vec<u32>, LocalError> {
        if request.messages.is_empty() {
            return Err(LocalError::field("messages", "needs at least one message"));
        }
        let bytes: usize = request.messages.iter().map(|message| message.content.len()).sum();
        let tokens_min = bytes / self.0.tokens.bytes_max();
        if tokens_min >= self.0.context_max {
            return Err(self.too_long(tokens_min, request.max_tokens));
        }
        let rendered = self.0.template.render(&request.messages, self.0.tokens.control())?;
        let prompt = self.0.tokens.encode(&rendered)?;
        if prompt.is_empty() { Err(LocalError::field("messages", "are nothing in the model's chat template")) } else { Ok(prompt) }
    }

    fn completion_max(&self, prompt: usize, asked: Option<u32>) -> Result<usize, LocalError> {
        let left = self.0.context_max.saturating_sub(prompt);
        let completion = match asked {
            None => left.min(limits::COMPLETION_TOKENS_DEFAULT),
            Some(0) => return Err(LocalError::field("max_tokens", "must be at least 1")),
            Some(asked) => usize::try_from(asked).unwrap_or(usize::MAX),
        };
        if completion == 0 || completion > left {
            return Err(self.too_long(prompt, asked));
        }
        Ok(completion)
    }

    fn too_long(&self, prompt: usize, asked: Option<u32>) -> LocalError {
        LocalError::Context { prompt, completion: asked.unwrap_or(1), context: self.0.context_max }
    }
}

// === impl LocalOptions ===

impl Default for LocalOptions {
    fn default() -> Self {
        Self { queue: limits::QUEUE_DEFAULT, threads: limits::THREADS_DEFAULT, context_max: limits::CONTEXT_TOKENS_DEFAULT }
    }
}
