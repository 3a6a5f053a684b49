//! Looks at an answer that passes untouched: what was counted, whether it is complete or failed, and what the upstream keeps of it.
//!
//! Only numbers, ids and seals are taken: no text of an answer is kept. What is not as expected is passed over, never a reason to fail an
//! answer that its caller can read.

use std::fmt;

use comity_dialect::{Usage, Wire, read_usage};
use memchr::memmem;
use serde::de::{Deserializer, IgnoredAny};
use serde::{Deserialize, de};
use serde_json::Value;
use serde_json::value::RawValue;

/// Something that the upstream keeps under an id, or sealed so that only it can read it.
#[derive(Clone, PartialEq, Eq)]
pub enum Kept {
    /// A whole answer (`previous_response_id`).
    Response(String),
    /// A part of one (`item_reference`).
    Item(String),
    /// A container in which the operator runs code.
    Container(String),
    /// A file.
    File(String),
    /// Base64 that only the operator can read: encrypted thoughts, signatures.
    Sealed(String),
}

// === impl Kept ===

impl fmt::Debug for Kept {
    /// What it is and how long, and nothing of the text: a caller may write anything for an id.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, text) = match self {
            Self::Response(id) => ("Response", id),
            Self::Item(id) => ("Item", id),
            Self::Container(id) => ("Container", id),
            Self::File(id) => ("File", id),
            Self::Sealed(seal) => ("Sealed", seal),
        };
        write!(f, "{name}({} bytes)", text.len())
    }
}

/// What was seen in a JSON answer or in one event.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) usage: Option<Usage>,
    /// The event carries usage and nothing else.
    pub(crate) usage_only: bool,
    /// The event is an error.
    pub(crate) error: bool,
    /// The event is the last.
    pub(crate) done: bool,
    pub(crate) kept: Vec<Kept>,
}

/// What was counted; nothing where an upstream says zero, as some do instead of nothing. No call has no tokens.
pub(crate) fn counted(usage: Option<Usage>) -> Option<Usage> {
    usage.filter(|usage| usage.input_tokens > 0 || usage.output_tokens > 0)
}

/// Reads a whole answer; nothing when it is no JSON object.
pub(crate) fn whole(wire: Wire, json: &[u8]) -> Option<Seen> {
    match wire {
        Wire::Chat | Wire::Embeddings => chat(json),
        Wire::Responses => Some(parse::<Response>(json)?.seen()),
        Wire::Messages => Some(parse::<Message>(json)?.seen()),
        Wire::CountTokens | Wire::Gemini | Wire::Bedrock => parse::<Object>(json).map(|_| Seen::default()),
    }
}

/// Reads the data of one event; nothing when it is no JSON object or holds nothing of interest.
pub(crate) fn event(wire: Wire, data: &[u8]) -> Option<Seen> {
    match wire {
        Wire::Chat if data == b"[DONE]" => Some(Seen { done: true, ..Seen::default() }),
        Wire::Chat if has(data, b"\"error\"") || has(data, b"\"audio\"") || (has(data, b"\"usage\"") && !has(data, b"\"usage\":null")) => {
            chat(data)
        }
        Wire::Responses if RESPONSE_KEYS.iter().any(|key| has(data, key)) => Some(parse::<ResponseEvent>(data)?.seen()),
        Wire::Messages if MESSAGE_KEYS.iter().any(|key| has(data, key)) => Some(parse::<MessageEvent>(data)?.seen()),
        Wire::Chat | Wire::Responses | Wire::Messages | Wire::Embeddings | Wire::CountTokens | Wire::Gemini | Wire::Bedrock => None,
    }
}

/// Most events carry text only: a search is far cheaper than parsing.
const RESPONSE_KEYS: [&[u8]; 3] = [b"\"response\"", b"\"item\"", b"\"error\""];
const MESSAGE_KEYS: [&[u8]; 6] =
    [b"\"message_start\"", b"\"message_delta\"", b"\"message_stop\"", b"\"error\"", b"\"signature", b"\"content_block_start\""];

fn has(data: &[u8], needle: &[u8]) -> bool {
    memmem::find(data, needle).is_some()
}

fn parse<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Option<T> {
    serde_json::from_slice(json).ok()
}

fn chat(json: &[u8]) -> Option<Seen> {
    let wire: Chat = parse(json)?;
    let usage = wire.usage.and_then(|usage| read_usage(Wire::Chat, &usage));
    let no_choices = wire.choices.as_ref().is_some_and(Vec::is_empty);
    let sounds = wire.choices.unwrap_or_default().into_iter().filter_map(|choice| choice.message.or(choice.delta)?.audio?.id);
    let kept = sounds.map(Kept::Item).collect();
    Some(Seen { usage, usage_only: usage.is_some() && no_choices, error: wire.error.is_some(), kept, ..Seen::default() })
}

/// The value, or nothing where it is of another shape than expected.
fn lenient<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(deserializer: D) -> Result<T, D::Error> {
    let raw = <&RawValue>::deserialize(deserializer)?;
    Ok(serde_json::from_str(raw.get()).unwrap_or_default())
}

/// Those items of a list that are of the expected shape.
struct Each<T>(Vec<T>);

impl<T> Default for Each<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: de::DeserializeOwned> Deserialize<'de> for Each<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let items = Vec::<&RawValue>::deserialize(deserializer)?;
        Ok(Self(items.into_iter().filter_map(|item| serde_json::from_str(item.get()).ok()).collect()))
    }
}

#[derive(Deserialize)]
struct Object {}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Chat {
    #[serde(deserialize_with = "lenient")]
    choices: Option<Vec<ChatChoice>>,
    #[serde(deserialize_with = "lenient")]
    usage: Option<Value>,
    #[serde(deserialize_with = "lenient")]
    error: Option<IgnoredAny>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ChatChoice {
    #[serde(deserialize_with = "lenient")]
    message: Option<ChatMessage>,
    #[serde(deserialize_with = "lenient")]
    delta: Option<ChatMessage>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ChatMessage {
    #[serde(deserialize_with = "lenient")]
    audio: Option<Named>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ResponseEvent {
    #[serde(deserialize_with = "lenient")]
    r#type: String,
    #[serde(deserialize_with = "lenient")]
    response: Option<Response>,
    #[serde(deserialize_with = "lenient")]
    item: Option<Item>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Response {
    #[serde(deserialize_with = "lenient")]
    id: Option<String>,
    #[serde(deserialize_with = "lenient")]
    usage: Option<Value>,
    #[serde(deserialize_with = "lenient")]
    output: Each<Item>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Item {
    #[serde(deserialize_with = "lenient")]
    id: Option<String>,
    #[serde(deserialize_with = "lenient")]
    encrypted_content: Option<String>,
    #[serde(deserialize_with = "lenient")]
    container_id: Option<String>,
    #[serde(deserialize_with = "lenient")]
    content: Each<Content>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Content {
    #[serde(deserialize_with = "lenient")]
    annotations: Each<Annotation>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Annotation {
    #[serde(deserialize_with = "lenient")]
    container_id: Option<String>,
    #[serde(deserialize_with = "lenient")]
    file_id: Option<String>,
}

impl ResponseEvent {
    fn seen(self) -> Seen {
        let mut seen = self.response.map(Response::seen).unwrap_or_default();
        // From the event that opens an item on: whoever sees an id may name it.
        if let Some(item) = self.item {
            item.kept(&mut seen.kept);
        }
        seen.error = matches!(self.r#type.as_str(), "error" | "response.failed");
        seen.done = matches!(self.r#type.as_str(), "response.completed" | "response.incomplete");
        seen
    }
}

impl Response {
    fn seen(self) -> Seen {
        let mut kept: Vec<_> = self.id.map(Kept::Response).into_iter().collect();
        self.output.0.into_iter().for_each(|item| item.kept(&mut kept));
        Seen { usage: self.usage.and_then(|usage| read_usage(Wire::Responses, &usage)), kept, ..Seen::default() }
    }
}

impl Item {
    fn kept(self, kept: &mut Vec<Kept>) {
        kept.extend(self.id.map(Kept::Item));
        kept.extend(self.encrypted_content.map(Kept::Sealed));
        kept.extend(self.container_id.map(Kept::Container));
        for annotation in self.content.0.into_iter().flat_map(|content| content.annotations.0) {
            kept.extend(annotation.container_id.map(Kept::Container));
            kept.extend(annotation.file_id.map(Kept::File));
        }
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct MessageEvent {
    #[serde(deserialize_with = "lenient")]
    r#type: String,
    #[serde(deserialize_with = "lenient")]
    message: Option<Message>,
    #[serde(deserialize_with = "lenient")]
    usage: Option<Value>,
    #[serde(deserialize_with = "lenient")]
    delta: Option<MessageDelta>,
    #[serde(deserialize_with = "lenient")]
    content_block: Option<Block>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct MessageDelta {
    #[serde(deserialize_with = "lenient")]
    signature: Option<String>,
    #[serde(deserialize_with = "lenient")]
    container: Option<Named>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Message {
    #[serde(deserialize_with = "lenient")]
    content: Each<Block>,
    #[serde(deserialize_with = "lenient")]
    container: Option<Named>,
    #[serde(deserialize_with = "lenient")]
    usage: Option<Value>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Named {
    #[serde(deserialize_with = "lenient")]
    id: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Block {
    #[serde(deserialize_with = "lenient")]
    signature: Option<String>,
    #[serde(deserialize_with = "lenient")]
    data: Option<String>,
    /// Results of the operator's own tools; other shapes hold nothing that is kept.
    #[serde(deserialize_with = "lenient")]
    content: Each<HostedResult>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct HostedResult {
    #[serde(deserialize_with = "lenient")]
    encrypted_content: Option<String>,
    #[serde(deserialize_with = "lenient")]
    file_id: Option<String>,
}

impl MessageEvent {
    fn seen(self) -> Seen {
        let mut seen = self.message.map(Message::seen).unwrap_or_default();
        seen.usage = seen.usage.or(self.usage.and_then(|usage| read_usage(Wire::Messages, &usage)));
        if let Some(delta) = self.delta {
            seen.kept.extend(delta.signature.map(Kept::Sealed));
            seen.kept.extend(delta.container.and_then(|container| container.id).map(Kept::Container));
        }
        if let Some(block) = self.content_block {
            block.kept(&mut seen.kept);
        }
        seen.error = self.r#type == "error";
        seen.done = self.r#type == "message_stop";
        seen
    }
}

impl Message {
    fn seen(self) -> Seen {
        let mut kept: Vec<_> = self.container.and_then(|container| container.id).map(Kept::Container).into_iter().collect();
        self.content.0.into_iter().for_each(|block| block.kept(&mut kept));
        Seen { usage: self.usage.and_then(|usage| read_usage(Wire::Messages, &usage)), kept, ..Seen::default() }
    }
}

impl Block {
    fn kept(self, kept: &mut Vec<Kept>) {
        let seals = self.signature.into_iter().chain(self.data);
        kept.extend(seals.filter(|seal| !seal.is_empty()).map(Kept::Sealed));
        for result in self.content.0 {
            kept.extend(result.encrypted_content.map(Kept::Sealed));
            kept.extend(result.file_id.map(Kept::File));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(counts: [u64; 6]) -> Option<Usage> {
        let [input_tokens, cache_read_tokens, cache_write_tokens, cache_write_hour_tokens, output_tokens, reasoning_tokens] = counts;
        Some(Usage { input_tokens, cache_read_tokens, cache_write_tokens, cache_write_hour_tokens, output_tokens, reasoning_tokens })
    }

    #[test]
    fn usage_is_read_in_every_dialect() {
        for (wire, json, expected) in [
            (Wire::Chat, r#"{"choices":[{"index":0}],"usage":{"prompt_tokens":7,"completion_tokens":2,"new":{}}}"#, [7, 0, 0, 0, 2, 0]),
            (
                Wire::Chat,
                r#"{"usage":{"prompt_tokens":7,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":4},"completion_tokens_details":{"reasoning_tokens":3}}}"#,
                [7, 4, 0, 0, 5, 3],
            ),
            (Wire::Embeddings, r#"{"data":[],"usage":{"prompt_tokens":7,"total_tokens":7}}"#, [7, 0, 0, 0, 0, 0]),
            (
                Wire::Responses,
                r#"{"id":"r","usage":{"input_tokens":9,"input_tokens_details":{"cached_tokens":1},"output_tokens":6,"output_tokens_details":{"reasoning_tokens":2}}}"#,
                [9, 1, 0, 0, 6, 2],
            ),
            (
                Wire::Messages,
                r#"{"usage":{"input_tokens":1,"cache_read_input_tokens":10,"cache_creation_input_tokens":100,"cache_creation":{"ephemeral_1h_input_tokens":40},"output_tokens":3}}"#,
                [111, 10, 60, 40, 3, 0],
            ),
        ] {
            assert_eq!(whole(wire, json.as_bytes()).unwrap().usage, usage(expected), "{json}");
        }
        let none = whole(Wire::Chat, br#"{"choices":[],"usage":null}"#).unwrap();
        assert!(none.usage.is_none() && !none.usage_only);
        assert!(event(Wire::Chat, br#"{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":2}}"#).unwrap().usage_only);
    }

    #[test]
    fn ends_and_errors_are_seen() {
        for (wire, json, done, error) in [
            (Wire::Chat, "[DONE]", true, false),
            (Wire::Chat, r#"{"error":{"message":"overloaded"}}"#, false, true),
            (Wire::Messages, r#"{"type":"message_stop"}"#, true, false),
            (Wire::Messages, r#"{"type":"error","error":{"type":"overloaded_error","message":"x"}}"#, false, true),
            (Wire::Messages, r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":3}}"#, false, false),
            (Wire::Responses, r#"{"type":"response.completed","response":{"id":"r"}}"#, true, false),
            (Wire::Responses, r#"{"type":"response.incomplete","response":{"id":"r"}}"#, true, false),
            (Wire::Responses, r#"{"type":"response.failed","response":{"id":"r","error":{"code":"x"}}}"#, false, true),
            (Wire::Responses, r#"{"type":"error","error":null,"message":"x"}"#, false, true),
        ] {
            let seen = event(wire, json.as_bytes()).unwrap();
            assert_eq!((seen.done, seen.error), (done, error), "{json}");
        }
        assert!(event(Wire::Messages, br#"{"type":"content_block_delta","delta":{"type":"text_delta","text":"hi"}}"#).is_none());
        assert!(event(Wire::Responses, br#"{"type":"response.output_text.delta","item_id":"m","delta":"hi"}"#).is_none());
    }

    #[test]
    fn what_the_upstream_keeps_is_seen() {
        let text = |text: &str| text.to_owned();
        let json = r#"{"id":"resp_1","output":[{"id":"rs_1","encrypted_content":"c2VhbA"},{"id":"ci_1","container_id":"cntr_1"},
            {"id":"msg_1","content":[{"annotations":[{"file_id":"cfile_1","container_id":"cntr_1"}]}]}]}"#;
        let expected = [
            Kept::Response(text("resp_1")),
            Kept::Item(text("rs_1")),
            Kept::Sealed(text("c2VhbA")),
            Kept::Item(text("ci_1")),
            Kept::Container(text("cntr_1")),
            Kept::Item(text("msg_1")),
            Kept::Container(text("cntr_1")),
            Kept::File(text("cfile_1")),
        ];
        assert_eq!(whole(Wire::Responses, json.as_bytes()).unwrap().kept, expected);
        for kind in ["added", "done"] {
            let json = format!(r#"{{"type":"response.output_item.{kind}","item":{{"id":"msg_1","type":"message"}}}}"#);
            assert_eq!(event(Wire::Responses, json.as_bytes()).unwrap().kept, [Kept::Item(text("msg_1"))], "{kind}");
        }
        let json = r#"{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"EqQB"}}"#;
        assert_eq!(event(Wire::Messages, json.as_bytes()).unwrap().kept, [Kept::Sealed(text("EqQB"))]);
        let json = r#"{"content":[{"type":"redacted_thinking","data":"Zm9v"},{"type":"text","text":"x"},{"type":"web_search_tool_result","content":[{"encrypted_content":"YmFy"}]},{"content":"x"}],"container":{"id":"c"}}"#;
        let expected = [Kept::Container(text("c")), Kept::Sealed(text("Zm9v")), Kept::Sealed(text("YmFy"))];
        assert_eq!(whole(Wire::Messages, json.as_bytes()).unwrap().kept, expected);
    }

    #[test]
    fn what_is_kept_prints_nothing_of_its_text() {
        let kept = [Kept::File("ada@example.org".to_owned()), Kept::Sealed("c2VhbA".to_owned())];
        assert_eq!(format!("{kept:?}"), "[File(15 bytes), Sealed(6 bytes)]");
    }

    #[test]
    fn what_is_not_as_expected_is_passed_over() {
        let json = r#"{"id":7,"output":[3,{"id":"a","content":"text"},{"id":{},"content":[1,{"annotations":{}}]}],"usage":{"input_tokens":7.0,"output_tokens":1e1,"output_tokens_details":[]}}"#;
        let seen = whole(Wire::Responses, json.as_bytes()).unwrap();
        assert_eq!((seen.usage, seen.kept), (usage([7, 0, 0, 0, 10, 0]), vec![Kept::Item("a".to_owned())]));
        for json in [r#"{"usage":3,"content":null}"#, r#"{"usage":"none","choices":{},"output":{}}"#, "{}"] {
            for wire in [Wire::Chat, Wire::Responses, Wire::Messages] {
                assert_eq!(whole(wire, json.as_bytes()).unwrap().usage, None, "{json}");
            }
        }
        let counts = r#"{"usage":{"prompt_tokens":-1,"completion_tokens":"many"}}"#;
        assert_eq!(whole(Wire::Chat, counts.as_bytes()).unwrap().usage, usage([0; 6]));
    }

    #[test]
    fn the_sound_of_a_chat_is_kept_too() {
        let json = r#"{"choices":[{"message":{"content":null,"audio":{"id":"audio_1","data":"AA"}}},{"message":"odd"}]}"#;
        assert_eq!(whole(Wire::Chat, json.as_bytes()).unwrap().kept, [Kept::Item("audio_1".to_owned())]);
    }

    #[test]
    fn what_is_no_object_is_nothing() {
        for bad in ["", "[]x", "<html>", "3", "{"] {
            for wire in [Wire::Chat, Wire::Responses, Wire::Messages] {
                assert!(whole(wire, bad.as_bytes()).is_none(), "{bad}");
            }
        }
        for bad in ["", "<html>", "{"] {
            assert!(whole(Wire::CountTokens, bad.as_bytes()).is_none(), "{bad}");
        }
    }
}
