//! What Gemini answers with: one JSON object, whole or as a chunk of a stream, in the same shape.
//!
//! What it adds that a caller would not miss (ratings, token details, annotations) is ignored; content that no other dialect could show is
//! a bad answer, never left out.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::error::BadAnswer;
use crate::reply::Stop;
use crate::usage::Usage;

/// An answer or a chunk of one.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Chunk {
    candidates: Option<Vec<Candidate>>,
    prompt_feedback: Option<PromptFeedback>,
    usage_metadata: Option<UsageMetadata>,
    pub(super) response_id: Option<String>,
    pub(super) model_version: Option<String>,
    /// In a stream, an error takes the place of everything else.
    pub(super) error: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Candidate {
    content: Option<Content>,
    finish_reason: Option<String>,
    finish_message: Option<String>,
}

#[derive(Deserialize)]
struct Content {
    parts: Option<Vec<Map<String, Value>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PromptFeedback {
    block_reason: Option<String>,
    block_reason_message: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UsageMetadata {
    prompt_token_count: Option<u64>,
    tool_use_prompt_token_count: Option<u64>,
    cached_content_token_count: Option<u64>,
    candidates_token_count: Option<u64>,
    thoughts_token_count: Option<u64>,
}

/// A part of an answer.
pub(super) enum Piece {
    /// Text of the answer, or of a thought. Only a thought keeps its signature: Gemini does not check that of a text, and no other dialect
    /// has a place for it.
    Text { thought: bool, text: String, signature: Option<String> },
    /// A call of a function; the id is Gemini's, where it gave one.
    Call { id: Option<String>, name: String, arguments: String, signature: Option<String> },
}

/// How an answer ended.
pub(super) enum Ending {
    /// It is complete, or was cut for a reason that callers know.
    Stop(Stop),
    /// The model failed: Gemini's word and its message.
    Failed { kind: String, message: String },
}

/// What a part may hold beside its content, or instead of any.
const ANNOTATIONS: [&str; 10] = [
    "thought",
    "thoughtSignature",
    "partMetadata",
    "videoMetadata",
    "audioMetadata",
    "documentMetadata",
    "spreadsheetMetadata",
    "speechMetadata",
    "mediaResolution",
    "mediaProcessing",
];

// === impl Chunk ===

impl Chunk {
    /// Reads JSON.
    pub(super) fn parse(body: &[u8]) -> Result<Self, BadAnswer> {
        serde_json::from_slice(body).map_err(|_| BadAnswer("the answer is not in the form of Gemini's"))
    }

    /// The parts of the first candidate: the gateway never asks for a second one.
    pub(super) fn pieces(&mut self) -> Result<Vec<Piece>, BadAnswer> {
        let content = self.candidates.as_mut().and_then(|candidates| candidates.first_mut()).and_then(|first| first.content.take());
        let parts = content.and_then(|content| content.parts).unwrap_or_default();
        parts.into_iter().filter_map(|part| piece(part).transpose()).collect()
    }

    /// How it ended, if it did.
    pub(super) fn ending(&self) -> Option<Ending> {
        let first = self.candidates.as_ref()?.first()?;
        let reason = first.finish_reason.as_deref()?;
        Some(ending(reason, first.finish_message.as_deref()))
    }

    /// Why the call was blocked before any answer, in words for the caller.
    pub(super) fn blocked(&self) -> Option<String> {
        let feedback = self.prompt_feedback.as_ref()?;
        let reason = feedback.block_reason.as_deref()?;
        Some(feedback.block_reason_message.clone().unwrap_or_else(|| format!("The operator blocked the prompt: {reason}.")))
    }

    /// What was counted. Gemini counts cached tokens within the prompt, and thoughts beside the answer.
    pub(super) fn usage(&self) -> Option<Usage> {
        let counted = self.usage_metadata.as_ref()?;
        let thoughts = counted.thoughts_token_count.unwrap_or_default();
        Some(Usage {
            input_tokens: counted
                .prompt_token_count
                .unwrap_or_default()
                .saturating_add(counted.tool_use_prompt_token_count.unwrap_or_default()),
            cache_read_tokens: counted.cached_content_token_count.unwrap_or_default(),
            output_tokens: counted.candidates_token_count.unwrap_or_default().saturating_add(thoughts),
            reasoning_tokens: thoughts,
            ..Usage::default()
        })
    }
}

fn piece(mut part: Map<String, Value>) -> Result<Option<Piece>, BadAnswer> {
    let signature = text(part.remove("thoughtSignature"));
    if let Some(call) = part.remove("functionCall") {
        return self::call(call, signature).map(Some);
    }
    let thought = part.get("thought").and_then(Value::as_bool).unwrap_or_default();
    match part.remove("text") {
        Some(Value::String(text)) => Ok(Some(Piece::Text { thought, text, signature })),
        Some(_) => Err(BadAnswer("a text of the answer is not text")),
        None if part.keys().all(|name| ANNOTATIONS.contains(&name.as_str())) => Ok(None),
        None => Err(BadAnswer("the answer holds something other than text and calls of functions")),
    }
}

fn call(mut call: Value, signature: Option<String>) -> Result<Piece, BadAnswer> {
    let mut take = |name| call.get_mut(name).map(Value::take);
    let Some(name) = text(take("name")) else { return Err(BadAnswer("a call of a function has no name")) };
    let arguments = match take("args") {
        None | Some(Value::Null) => "{}".to_owned(),
        Some(args @ Value::Object(_)) => args.to_string(),
        Some(Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
            return Err(BadAnswer("the arguments of a function are not an object"));
        }
    };
    Ok(Piece::Call { id: text(take("id")), name, arguments, signature })
}

fn text(value: Option<Value>) -> Option<String> {
    let Some(Value::String(text)) = value else { return None };
    (!text.is_empty()).then_some(text)
}

fn ending(reason: &str, message: Option<&str>) -> Ending {
    match reason {
        "STOP" => Ending::Stop(Stop::End),
        "MAX_TOKENS" | "CONTINUATION" => Ending::Stop(Stop::Length),
        "MALFORMED_FUNCTION_CALL" | "MALFORMED_RESPONSE" | "MISSING_THOUGHT_SIGNATURE" | "TOO_MANY_TOOL_CALLS" | "UNEXPECTED_TOOL_CALL" => {
            let message = message.map_or_else(|| format!("the model stopped with {reason}"), str::to_owned);
            Ending::Failed { kind: reason.to_owned(), message }
        }
        // SAFETY, RECITATION, LANGUAGE, BLOCKLIST, PROHIBITED_CONTENT, SPII, ESCALATION and OTHER; what Gemini adds will be of this kind
        // too, and must not look like an answer that is complete.
        _ => Ending::Stop(Stop::Refused),
    }
}
