//! From any dialect into any other: reading and writing by the name of the dialect.

use serde_json::Value;

use crate::api::{Api, Wire};
use crate::ask::Ask;
use crate::error::{BadAnswer, CannotHonour, UpstreamProblem};
use crate::event::{Delta, Event, PartStart};
use crate::reply::{ReplyPart, Stamp};
use crate::usage::Usage;
use crate::wire::Frame;
use crate::{bedrock, chat, gemini, messages, responses};

/// How the call of one caller is said to one upstream.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// The upstream's wire format.
    pub wire: Wire,
    /// The model as the upstream knows it.
    pub model: &'a str,
    /// How a chat upstream wants the limit of an answer said.
    pub limit: chat::LimitField,
    /// What becomes of thoughts that are handed back to a chat upstream.
    pub thoughts: chat::Thoughts,
}

/// A whole answer in the caller's dialect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Translated {
    /// The JSON for the caller.
    pub body: Vec<u8>,
    /// What was counted.
    pub usage: Option<Usage>,
    /// Seals of the upstream that the caller may hand back.
    pub sealed: Vec<String>,
}

/// Turns the frames of an upstream's stream into those of the caller's dialect.
pub struct StreamTranslator {
    reader: Reader,
    writer: Writer,
    events: Vec<Event>,
    usage: Option<Usage>,
    sealed: Vec<String>,
    failed: bool,
    done: bool,
    /// Of all frames so far.
    bytes: usize,
}

/// All frames of one translated answer: writers keep what the end of an answer repeats. As much as a whole answer may be.
const STREAM_BYTES_MAX: usize = 64 * 1024 * 1024;

enum Reader {
    Chat(chat::EventReader),
    Responses(responses::EventReader),
    Messages(messages::EventReader),
    Gemini(gemini::EventReader),
    Bedrock(bedrock::EventReader),
}

enum Writer {
    Chat(chat::EventWriter),
    Responses(responses::EventWriter),
    Messages(messages::EventWriter),
}

/// Says a call in the upstream's dialect.
///
/// # Errors
/// The field that cannot be said there, in the caller's words.
pub fn translate_ask(api: Api, body: &[u8], target: Target<'_>) -> Result<Vec<u8>, CannotHonour> {
    let ask = read_ask(api, body)?;
    match target.wire {
        Wire::Chat => chat::write_ask(&ask, &chat::ChatTarget { model: target.model, limit: target.limit, thoughts: target.thoughts }),
        Wire::Responses => responses::write_ask(&ask, target.model),
        Wire::Messages => messages::write_ask(&ask, target.model),
        Wire::Gemini => gemini::write_ask(&ask),
        Wire::Bedrock => bedrock::write_ask(&ask, target.model),
        Wire::CountTokens | Wire::Embeddings => Err(no_translation(api)),
    }
}

fn read_ask(api: Api, body: &[u8]) -> Result<Ask, CannotHonour> {
    match api {
        Api::Chat => chat::read_ask(body),
        Api::Responses => responses::read_ask(body),
        Api::Messages => messages::read_ask(body),
        Api::CountTokens | Api::Embeddings => Err(no_translation(api)),
    }
}

fn no_translation(api: Api) -> CannotHonour {
    CannotHonour::new("model", format!("leads to an offering whose upstream has nothing like `{}`: ask for another offering", api.name()))
}

/// Says a whole answer in the caller's dialect.
///
/// # Errors
/// An answer that is not in the upstream's dialect.
pub fn translate_reply((wire, api): (Wire, Api), body: &[u8], stamp: &Stamp) -> Result<Translated, BadAnswer> {
    let reply = match wire {
        Wire::Chat => chat::read_reply(body, stamp)?,
        Wire::Responses => responses::read_reply(body, stamp)?,
        Wire::Messages => messages::read_reply(body, stamp)?,
        Wire::Gemini => gemini::read_reply(body, stamp)?,
        Wire::Bedrock => bedrock::read_reply(body, stamp)?,
        Wire::CountTokens | Wire::Embeddings => return Err(BadAnswer("nothing translates this answer")),
    };
    let body = match api {
        Api::Chat => chat::write_reply(&reply, stamp),
        Api::Responses => responses::write_reply(&reply, stamp),
        Api::Messages => messages::write_reply(&reply, stamp),
        Api::CountTokens | Api::Embeddings => return Err(BadAnswer("nothing translates this answer")),
    };
    let sealed = reply.parts.iter().filter_map(sealed).collect();
    Ok(Translated { body, usage: reply.usage, sealed })
}

/// Reads the `usage` member of an answer or event that passes untouched; nothing for dialects of which none does.
#[must_use]
pub fn read_usage(wire: Wire, usage: &Value) -> Option<Usage> {
    match wire {
        Wire::Chat | Wire::Embeddings => chat::read_usage(Some(usage)),
        Wire::Responses => responses::read_usage(usage),
        Wire::Messages => Some(messages::read_usage(usage)).filter(|_| usage.is_object()),
        Wire::CountTokens | Wire::Gemini | Wire::Bedrock => None,
    }
}

fn sealed(part: &ReplyPart) -> Option<String> {
    match part {
        ReplyPart::Thinking { signature, .. } | ReplyPart::ToolCall { signature, .. } => signature.clone(),
        ReplyPart::RedactedThinking(data) => Some(data.clone()),
        ReplyPart::Text(_) | ReplyPart::Refusal(_) => None,
    }
}

/// Reads an upstream's error, so that it can be said in another dialect.
#[must_use]
pub fn read_problem(wire: Wire, body: &[u8]) -> Option<UpstreamProblem> {
    match wire {
        Wire::Chat | Wire::Embeddings => chat::read_problem(body),
        Wire::Responses => responses::read_problem(body),
        Wire::Messages | Wire::CountTokens => messages::read_problem(body),
        Wire::Gemini => gemini::read_problem(body),
        Wire::Bedrock => bedrock::read_problem(body),
    }
}

// === impl StreamTranslator ===

impl StreamTranslator {
    /// Nothing for APIs that have no streams.
    #[must_use]
    pub fn new((wire, api): (Wire, Api), stamp: &Stamp) -> Option<Self> {
        let reader = match wire {
            Wire::Chat => Reader::Chat(chat::EventReader::new(stamp)),
            Wire::Responses => Reader::Responses(responses::EventReader::new(stamp)),
            Wire::Messages => Reader::Messages(messages::EventReader::new(stamp)),
            Wire::Gemini => Reader::Gemini(gemini::EventReader::new(stamp)),
            Wire::Bedrock => Reader::Bedrock(bedrock::EventReader::new(stamp)),
            Wire::CountTokens | Wire::Embeddings => return None,
        };
        let writer = match api {
            Api::Chat => Writer::Chat(chat::EventWriter::new(stamp.clone())),
            Api::Responses => Writer::Responses(responses::EventWriter::new(stamp.clone())),
            Api::Messages => Writer::Messages(messages::EventWriter::new(stamp.clone())),
            Api::CountTokens | Api::Embeddings => return None,
        };
        Some(Self { reader, writer, events: Vec::new(), usage: None, sealed: Vec::new(), failed: false, done: false, bytes: 0 })
    }

    /// Translates one frame; what the caller gets of it is added to `out`.
    ///
    /// # Errors
    /// A frame that is not in the upstream's dialect.
    pub fn frame(&mut self, frame: Frame<'_>, out: &mut Vec<u8>) -> Result<(), BadAnswer> {
        self.bytes = self.bytes.saturating_add(frame.data.len());
        if self.bytes > STREAM_BYTES_MAX {
            return Err(BadAnswer("the stream is longer than any answer"));
        }
        let read = match &mut self.reader {
            Reader::Chat(reader) => reader.read(frame, &mut self.events),
            Reader::Responses(reader) => reader.read(frame, &mut self.events),
            Reader::Messages(reader) => reader.read(frame, &mut self.events),
            Reader::Gemini(reader) => reader.read(frame, &mut self.events),
            Reader::Bedrock(reader) => reader.read(frame, &mut self.events),
        };
        self.write(out);
        read
    }

    /// The source ended: some dialects end without saying so.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        match &mut self.reader {
            Reader::Chat(reader) => reader.finish(&mut self.events),
            Reader::Responses(reader) => reader.finish(&mut self.events),
            Reader::Messages(reader) => reader.finish(&mut self.events),
            Reader::Gemini(reader) => reader.finish(&mut self.events),
            Reader::Bedrock(reader) => reader.finish(&mut self.events),
        }
        self.write(out);
    }

    fn write(&mut self, out: &mut Vec<u8>) {
        for event in self.events.drain(..) {
            match &event {
                Event::Usage(usage) => self.usage = Some(self.usage.unwrap_or_default().updated_by(*usage)),
                Event::Error { .. } => self.failed = true,
                Event::End { .. } => self.done = true,
                Event::Delta { delta: Delta::Signature(seal), .. } | Event::PartStart { part: PartStart::RedactedThinking(seal), .. } => {
                    self.sealed.push(seal.clone());
                }
                Event::Start { .. } | Event::PartStart { .. } | Event::Delta { .. } | Event::PartStop { .. } => {}
            }
            match &mut self.writer {
                Writer::Chat(writer) => writer.write(&event, out),
                Writer::Responses(writer) => writer.write(&event, out),
                Writer::Messages(writer) => writer.write(&event, out),
            }
        }
    }

    /// What was counted so far.
    #[must_use]
    pub const fn usage(&self) -> Option<Usage> {
        self.usage
    }

    /// Seals of the upstream that the caller may hand back, seen since the last time somebody asked.
    pub fn take_sealed(&mut self) -> Vec<String> {
        std::mem::take(&mut self.sealed)
    }

    /// The answer is complete.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        self.done
    }

    /// The upstream said in the stream that it failed.
    #[must_use]
    pub const fn has_failed(&self) -> bool {
        self.failed
    }
}
