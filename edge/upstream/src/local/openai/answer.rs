//! Writes answers in the OpenAI shapes: one `chat.completion`, or `chat.completion.chunk` events as the text comes.
//!
//! `[DONE]` follows only a complete answer: a reader must never take a broken one for whole.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use futures_util::Stream;
use serde::Serialize;
use tokio::sync::mpsc::Receiver;

use crate::local::{Event, Finish, LocalError};

/// What every object of one answer begins with.
pub(super) struct Head {
    id: String,
    created: u64,
    model: String,
}

/// SSE bytes, one or more events each.
pub struct AnswerStream {
    head: Head,
    events: Receiver<Event>,
    include_usage: bool,
    ready: VecDeque<Bytes>,
    over: bool,
}

#[derive(Serialize)]
struct Object<'a, C> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: &'a [C],
    /// Left out of a stream unless asked for; then null in all but the last chunk.
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Option<Usage>>,
}

#[derive(Serialize)]
struct Choice<'a> {
    index: u32,
    message: Said<'a>,
    logprobs: (),
    finish_reason: &'static str,
}

#[derive(Serialize)]
struct Said<'a> {
    role: &'static str,
    content: &'a str,
    refusal: (),
}

#[derive(Serialize)]
struct ChunkChoice<'a> {
    index: u32,
    delta: Delta<'a>,
    logprobs: (),
    finish_reason: Option<&'static str>,
}

#[derive(Serialize, Default)]
struct Delta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
}

#[derive(Serialize, Clone, Copy)]
struct Usage {
    prompt_tokens: u32,
    completion_tokens: u32,
    total_tokens: u32,
}

/// Reads all events and writes one `chat.completion`.
pub(super) async fn whole(head: &Head, mut events: Receiver<Event>) -> Result<Bytes, LocalError> {
    let mut content = String::new();
    loop {
        match events.recv().await {
            Some(Event::Text(text)) => content.push_str(&text),
            Some(Event::Done { finish, prompt_tokens, completion_tokens }) => {
                let message = Said { role: "assistant", content: &content, refusal: () };
                let choice = Choice { index: 0, message, logprobs: (), finish_reason: finish.name() };
                let usage = Some(Some(Usage::of(prompt_tokens, completion_tokens)));
                return head.write("chat.completion", &[choice], usage).map(Bytes::from);
            }
            Some(Event::Failed(problem)) => return Err(LocalError::Failed(problem)),
            None => return Err(LocalError::Stopped),
        }
    }
}

// === impl Head ===

impl Head {
    pub(super) fn new(model: String) -> Result<Head, LocalError> {
        let id = getrandom::u64().map_err(|error| LocalError::Failed(error.to_string()))?;
        let created = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Ok(Head { id: format!("chatcmpl-{id:016x}"), created, model })
    }

    fn write<C: Serialize>(&self, object: &'static str, choices: &[C], usage: Option<Option<Usage>>) -> Result<String, LocalError> {
        let object = Object { id: &self.id, object, created: self.created, model: &self.model, choices, usage };
        serde_json::to_string(&object).map_err(|error| LocalError::Failed(error.to_string()))
    }
}

// === impl AnswerStream ===

impl AnswerStream {
    pub(super) fn new(head: Head, events: Receiver<Event>, include_usage: bool) -> AnswerStream {
        let mut stream = AnswerStream { head, events, include_usage, ready: VecDeque::new(), over: false };
        stream.chunk(Delta { role: Some("assistant"), content: Some("") }, None);
        stream
    }

    fn take(&mut self, event: Option<Event>) {
        match event {
            Some(Event::Text(text)) => self.chunk(Delta { content: Some(&text), ..Delta::default() }, None),
            Some(Event::Done { finish, prompt_tokens, completion_tokens }) => {
                self.chunk(Delta::default(), Some(finish.name()));
                if self.include_usage {
                    let written = self.head.write::<ChunkChoice>(CHUNK, &[], Some(Some(Usage::of(prompt_tokens, completion_tokens))));
                    self.event(written);
                }
                if !self.over {
                    self.ready.push_back(Bytes::from_static(b"data: [DONE]\n\n"));
                }
                self.over = true;
            }
            Some(Event::Failed(problem)) => self.fail(&LocalError::Failed(problem)),
            None => self.fail(&LocalError::Stopped),
        }
    }

    fn chunk(&mut self, delta: Delta, finish_reason: Option<&'static str>) {
        let choice = ChunkChoice { index: 0, delta, logprobs: (), finish_reason };
        let written = self.head.write(CHUNK, &[choice], self.include_usage.then_some(None));
        self.event(written);
    }

    fn event(&mut self, written: Result<String, LocalError>) {
        match written {
            Ok(json) => self.ready.push_back(Bytes::from(format!("data: {json}\n\n"))),
            Err(error) => self.fail(&error),
        }
    }

    fn fail(&mut self, error: &LocalError) {
        self.over = true;
        let error = serde_json::json!({ "error": { "message": error.to_string(), "type": "server_error", "param": null, "code": "upstream_failed" } });
        self.ready.push_back(Bytes::from(format!("data: {error}\n\n")));
    }
}

impl Stream for AnswerStream {
    type Item = Bytes;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        loop {
            if let Some(bytes) = self.ready.pop_front() {
                return Poll::Ready(Some(bytes));
            }
            if self.over {
                return Poll::Ready(None);
            }
            let event = ready!(self.events.poll_recv(context));
            self.take(event);
        }
    }
}

const CHUNK: &str = "chat.completion.chunk";

// === impl Usage ===

impl Usage {
    fn of(prompt_tokens: u32, completion_tokens: u32) -> Usage {
        Usage { prompt_tokens, completion_tokens, total_tokens: prompt_tokens.saturating_add(completion_tokens) }
    }
}

// === impl Finish ===

impl Finish {
    fn name(self) -> &'static str {
        match self {
            Finish::Stop => "stop",
            Finish::Length => "length",
        }
    }
}
