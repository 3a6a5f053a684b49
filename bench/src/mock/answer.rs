//! What the mock says, in the OpenAI shapes (API reference, Chat Completions and Embeddings, 2025). Every answer is a pure function
//! of the mode and the call: no clock, no chance, so that tests can compare bytes.

use std::time::Duration;

use base64::Engine as _;
use bytes::Bytes;
use serde_json::{Value, json};

use super::Mode;
use super::score::{Score, Step};

/// The received call, as far as answers depend on it.
pub(crate) struct Ask<'a> {
    pub(crate) path: &'a str,
    pub(crate) body: &'a Value,
}

const SSE: &str = "text/event-stream";
const JSON: &str = "application/json";
/// Some fixed instant: 2025-01-01T00:00:00Z.
const CREATED: i64 = 1_735_689_600;
/// Chunks of a load stream; with `[DONE]` it has one event more.
const LOAD_CHUNKS: usize = 50;

/// The answer of a mode to a call. [`Mode::Replay`] is answered elsewhere; here it is a 404.
pub(crate) fn answer(mode: &Mode, ask: &Ask<'_>) -> Score {
    match mode {
        Mode::Echo => echo(ask, true),
        Mode::NoUsage => echo(ask, false),
        Mode::Slow(ms) => echo(ask, true).after(Step::Pause(Duration::from_millis(*ms))),
        Mode::Hold => echo(ask, true).after(Step::Hold),
        Mode::Reset => echo(ask, true).after(Step::Reset),
        Mode::Stall => echo(ask, true).after(Step::Never),
        Mode::HoldStream => interrupted(ask, Step::Hold),
        Mode::ResetAfter => interrupted(ask, Step::Reset),
        Mode::Cut => interrupted(ask, Step::Cut),
        Mode::StallStream => interrupted(ask, Step::Never),
        Mode::Truncated => truncated(ask),
        Mode::BadUtf8 => bad_utf8(ask),
        Mode::Oversize(mib) => oversize(ask, *mib),
        Mode::ErrorStream => error_stream(ask),
        Mode::Status(code) => status(*code),
        Mode::Redirect => status(302).header("location", "http://elsewhere.invalid/v1/chat/completions"),
        Mode::NotJson => Score::whole(200, "text/html", "<!doctype html><title>Down for maintenance</title>\n"),
        Mode::Fixed => fixed(ask, None),
        Mode::Paced(ms) => fixed(ask, Some(Duration::from_millis(*ms))),
        Mode::Replay(_) => not_found("no recorded exchange matches this call"),
    }
}

/// 404 in the OpenAI error shape.
pub(crate) fn not_found(message: &str) -> Score {
    error(404, "invalid_request_error", "not_found", message)
}

fn status(code: u16) -> Score {
    let (kind, name, message) = match code {
        400 => ("invalid_request_error", "invalid_value", "Invalid value: 'mock'."),
        401 => ("invalid_request_error", "invalid_api_key", "Incorrect API key provided."),
        403 => ("invalid_request_error", "forbidden", "You are not allowed to use this model."),
        404 => ("invalid_request_error", "model_not_found", "The model does not exist or you do not have access to it."),
        429 => ("requests", "rate_limit_exceeded", "Rate limit reached for requests."),
        503 => ("server_error", "overloaded", "The engine is currently overloaded, please try again later."),
        _ => ("server_error", "mock_error", "The server had an error while processing your request."),
    };
    let score = error(code, kind, name, message);
    if matches!(code, 429 | 503) { score.header("retry-after", "1") } else { score }
}

fn error(code: u16, kind: &str, name: &str, message: &str) -> Score {
    let body = json!({ "error": { "message": message, "type": kind, "param": null, "code": name } });
    Score::whole(code, JSON, body.to_string())
}

// === echo ===

fn echo(ask: &Ask<'_>, usage: bool) -> Score {
    if ask.path.ends_with("/models") {
        return models();
    }
    if ask.path.ends_with("/embeddings") {
        return embeddings(ask.body);
    }
    if !ask.path.ends_with("/chat/completions") {
        return not_found("the mock upstream has no such path");
    }
    let text = format!("You said: {}", last_user_text(ask.body));
    if streams(ask.body) {
        Score::stream(SSE, events(ask.body, &text, usage).into_iter().map(Step::Chunk).collect())
    } else {
        Score::whole(200, JSON, completion(ask.body, &text, usage).to_string())
    }
}

fn models() -> Score {
    let model = json!({ "id": "mock-echo", "object": "model", "created": CREATED, "owned_by": "mock" });
    Score::whole(200, JSON, json!({ "object": "list", "data": [model] }).to_string())
}

fn completion(body: &Value, text: &str, usage: bool) -> Value {
    let mut answer = json!({
        "id": "chatcmpl-mock",
        "object": "chat.completion",
        "created": CREATED,
        "model": model(body),
        "choices": [{ "index": 0, "message": { "role": "assistant", "content": text, "refusal": null }, "logprobs": null, "finish_reason": "stop" }],
        "system_fingerprint": "fp_mock",
    });
    if usage && let Some(fields) = answer.as_object_mut() {
        fields.insert("usage".to_owned(), usage_of(body, text));
    }
    answer
}

/// The events of a stream, `[DONE]` last. Usage comes in its own event, only if asked for.
fn events(body: &Value, text: &str, usage: bool) -> Vec<Bytes> {
    let mut events = vec![chunk(body, &json!({ "role": "assistant", "content": "" }), None)];
    for piece in text.split_inclusive(' ') {
        events.push(chunk(body, &json!({ "content": piece }), None));
    }
    events.push(chunk(body, &json!({}), Some("stop")));
    let asked = body.pointer("/stream_options/include_usage").and_then(Value::as_bool).unwrap_or_default();
    if usage && asked {
        let mut last = frame(body);
        if let Some(fields) = last.as_object_mut() {
            fields.insert("choices".to_owned(), json!([]));
            fields.insert("usage".to_owned(), usage_of(body, text));
        }
        events.push(event(&last));
    }
    events.push(Bytes::from_static(b"data: [DONE]\n\n"));
    events
}

fn chunk(body: &Value, delta: &Value, finish: Option<&str>) -> Bytes {
    let mut chunk = frame(body);
    if let Some(fields) = chunk.as_object_mut() {
        fields.insert("choices".to_owned(), json!([{ "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish }]));
    }
    event(&chunk)
}

fn frame(body: &Value) -> Value {
    json!({ "id": "chatcmpl-mock", "object": "chat.completion.chunk", "created": CREATED, "model": model(body), "system_fingerprint": "fp_mock" })
}

fn event(value: &Value) -> Bytes {
    Bytes::from(format!("data: {value}\n\n"))
}

fn model(body: &Value) -> &str {
    body.get("model").and_then(Value::as_str).unwrap_or("mock")
}

fn streams(body: &Value) -> bool {
    body.get("stream").and_then(Value::as_bool).unwrap_or_default()
}

fn last_user_text(body: &Value) -> String {
    let messages = body.get("messages").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let last = messages.iter().rev().find(|message| message.get("role").and_then(Value::as_str) == Some("user"));
    last.and_then(|message| message.get("content")).map(text_of).unwrap_or_default()
}

/// The text of a content field: a string, or the text parts of an array joined by spaces.
fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let texts: Vec<&str> = parts.iter().filter_map(|part| part.get("text").and_then(Value::as_str)).collect();
            texts.join(" ")
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => String::new(),
    }
}

/// Words stand in for tokens: all message contents in, the answer out.
fn usage_of(body: &Value, text: &str) -> Value {
    let messages = body.get("messages").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let prompt: usize = messages.iter().filter_map(|message| message.get("content")).map(|content| words(&text_of(content))).sum();
    let completion = words(text);
    json!({ "prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt.saturating_add(completion) })
}

fn words(text: &str) -> usize {
    text.split_whitespace().count()
}

// === embeddings ===

fn embeddings(body: &Value) -> Score {
    let inputs: Vec<String> = match body.get("input") {
        Some(Value::String(text)) => vec![text.clone()],
        Some(Value::Array(items)) => items.iter().map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned)).collect(),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => Vec::new(),
    };
    let dimensions = body.get("dimensions").and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok()).unwrap_or(8).clamp(1, 4096);
    let base64 = body.get("encoding_format").and_then(Value::as_str) == Some("base64");
    let mut data = Vec::new();
    for (index, text) in inputs.iter().enumerate() {
        let vector = vector(text, dimensions);
        let embedding = if base64 { encoded(&vector) } else { json!(vector) };
        data.push(json!({ "object": "embedding", "index": index, "embedding": embedding }));
    }
    let tokens: usize = inputs.iter().map(|text| words(text)).sum();
    let usage = json!({ "prompt_tokens": tokens, "total_tokens": tokens });
    Score::whole(200, JSON, json!({ "object": "list", "model": model(body), "data": data, "usage": usage }).to_string())
}

/// Numbers in -1..1 that depend on the text's bytes only.
fn vector(text: &str, dimensions: usize) -> Vec<f32> {
    let mut state = text.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let high = u16::try_from(state >> 16).unwrap_or_default();
        f32::from(high) / 32_768.0 - 1.0
    };
    (0..dimensions).map(|_| next()).collect()
}

fn encoded(vector: &[f32]) -> Value {
    let bytes: Vec<u8> = vector.iter().flat_map(|number| number.to_le_bytes()).collect();
    Value::String(base64::engine::general_purpose::STANDARD.encode(bytes))
}

// === faults ===

/// The echo answer, with something happening after its first event (stream) or its first half (whole).
fn interrupted(ask: &Ask<'_>, step: Step) -> Score {
    let mut pieces = pieces(ask);
    let at = pieces.len().min(1);
    pieces.insert(at, step);
    Score::stream(content_type(ask), pieces)
}

fn truncated(ask: &Ask<'_>) -> Score {
    let pieces = pieces(ask);
    let keep = pieces.len().saturating_sub(if streams(ask.body) { 2 } else { 1 });
    let mut kept: Vec<Step> = pieces.iter().take(keep).cloned().collect();
    if let Some(Step::Chunk(next)) = pieces.get(keep) {
        kept.push(Step::Chunk(next.slice(..next.len() / 2)));
    }
    Score::stream(content_type(ask), kept)
}

fn bad_utf8(ask: &Ask<'_>) -> Score {
    let marker = b"You said:";
    let pieces = pieces(ask).into_iter().map(|piece| match piece {
        Step::Chunk(bytes) => Step::Chunk(spoil(&bytes, marker)),
        other @ (Step::Pause(_) | Step::Hold | Step::Never | Step::Reset | Step::Cut) => other,
    });
    Score::stream(content_type(ask), pieces.collect())
}

/// Puts two bytes that are never UTF-8 in front of the answer's text. A first word of the text comes right after a quotation mark.
fn spoil(bytes: &Bytes, marker: &[u8]) -> Bytes {
    let marker = if bytes.windows(marker.len()).any(|window| window == marker) { marker } else { b"\"You " };
    let Some(at) = bytes.windows(marker.len()).position(|window| window == marker) else { return bytes.clone() };
    let at = at.saturating_add(usize::from(marker.starts_with(b"\"")));
    [&bytes.slice(..at)[..], b"\xff\xfe", &bytes.slice(at..)[..]].concat().into()
}

fn oversize(ask: &Ask<'_>, mib: u32) -> Score {
    const PIECE: usize = 64 * 1024;
    let filler = Bytes::from(vec![b'a'; PIECE]);
    let count = usize::try_from(mib).unwrap_or(usize::MAX).saturating_mul(1024 * 1024 / PIECE);
    let (head, tail) = if streams(ask.body) {
        (
            r#"data: {"id":"chatcmpl-mock","object":"chat.completion.chunk","created":1735689600,"model":"mock","choices":[{"index":0,"delta":{"content":""#,
            "\"},\"finish_reason\":null}]}\n\ndata: [DONE]\n\n",
        )
    } else {
        (
            r#"{"id":"chatcmpl-mock","object":"chat.completion","created":1735689600,"model":"mock","choices":[{"index":0,"message":{"role":"assistant","content":""#,
            "\"},\"finish_reason\":\"stop\"}]}",
        )
    };
    let mut steps = vec![Step::Chunk(Bytes::from_static(head.as_bytes()))];
    steps.extend(std::iter::repeat_n(Step::Chunk(filler), count));
    steps.push(Step::Chunk(Bytes::from_static(tail.as_bytes())));
    Score::stream(content_type(ask), steps)
}

fn error_stream(ask: &Ask<'_>) -> Score {
    if !streams(ask.body) {
        return status(500);
    }
    let mut pieces: Vec<Step> = pieces(ask).into_iter().take(2).collect();
    let error = json!({ "error": { "message": "The server had an error while processing your request.", "type": "server_error", "param": null, "code": null } });
    pieces.push(Step::Chunk(event(&error)));
    Score::stream(SSE, pieces)
}

/// The echo answer in pieces: its events, or the two halves of its JSON.
fn pieces(ask: &Ask<'_>) -> Vec<Step> {
    let steps = echo(ask, true).body;
    if streams(ask.body) {
        return steps;
    }
    let mut halves = Vec::new();
    for step in steps {
        if let Step::Chunk(mut bytes) = step {
            let tail = bytes.split_off(bytes.len() / 2);
            halves.extend([Step::Chunk(bytes), Step::Chunk(tail)]);
        }
    }
    halves
}

fn content_type(ask: &Ask<'_>) -> &'static str {
    if streams(ask.body) { SSE } else { JSON }
}

// === load ===

/// Constant answers, so that the mock's own work is the least possible.
fn fixed(ask: &Ask<'_>, pace: Option<Duration>) -> Score {
    if !streams(ask.body) {
        return Score::whole(200, JSON, FIXED);
    }
    let chunk = Step::Chunk(Bytes::from_static(FIXED_CHUNK.as_bytes()));
    let done = Step::Chunk(Bytes::from_static(b"data: [DONE]\n\n"));
    let mut steps = Vec::new();
    for step in std::iter::repeat_n(chunk, LOAD_CHUNKS).chain([done]) {
        steps.extend(pace.map(Step::Pause));
        steps.push(step);
    }
    Score::stream(SSE, steps)
}

/// 430 bytes, as a short chat answer.
const FIXED: &str = r#"{"id":"chatcmpl-mock","object":"chat.completion","created":1735689600,"model":"mock","choices":[{"index":0,"message":{"role":"assistant","content":"The office is open from Monday to Friday, nine to five, and on the first Saturday of each month until noon.","refusal":null},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":24,"completion_tokens":23,"total_tokens":47},"system_fingerprint":"fp_mock"}"#;

const FIXED_CHUNK: &str = "data: {\"id\":\"chatcmpl-mock\",\"object\":\"chat.completion.chunk\",\"created\":1735689600,\"model\":\"mock\",\"system_fingerprint\":\"fp_mock\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\" token\"},\"logprobs\":null,\"finish_reason\":null}]}\n\n";

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(score: &Score) -> Vec<u8> {
        let chunk = |step: &Step| if let Step::Chunk(bytes) = step { bytes.to_vec() } else { Vec::new() };
        score.body.iter().flat_map(chunk).collect()
    }

    fn ask(mode: &Mode, stream: bool) -> Score {
        let body = json!({ "model": "m", "stream": stream, "messages": [{ "role": "user", "content": "one two" }] });
        answer(mode, &Ask { path: "/v1/chat/completions", body: &body })
    }

    #[test]
    fn a_load_stream_has_51_events() {
        let text = String::from_utf8(bytes(&ask(&Mode::Fixed, true))).unwrap();
        assert_eq!(text.matches("\n\n").count(), 51);
        assert!(text.ends_with("data: [DONE]\n\n"));
    }

    #[test]
    fn a_truncated_stream_ends_within_an_event() {
        let whole = bytes(&ask(&Mode::Echo, true));
        let part = bytes(&ask(&Mode::Truncated, true));
        assert!(whole.starts_with(&part) && !part.ends_with(b"\n\n") && !part.ends_with(b"[DONE]"));
        let json = bytes(&ask(&Mode::Truncated, false));
        assert!(serde_json::from_slice::<Value>(&json).is_err());
    }

    #[test]
    fn bad_utf8_is_not_utf8_but_otherwise_the_echo() {
        for stream in [false, true] {
            let bad = bytes(&ask(&Mode::BadUtf8, stream));
            assert!(std::str::from_utf8(&bad).is_err());
            let good: Vec<u8> = bad.into_iter().filter(|byte| *byte < 0xfe).collect();
            assert_eq!(good, bytes(&ask(&Mode::Echo, stream)));
        }
    }

    #[test]
    fn oversize_has_its_size_and_is_json() {
        let body = bytes(&ask(&Mode::Oversize(1), false));
        assert!(body.len() > 1024 * 1024);
        assert!(serde_json::from_slice::<Value>(&body).is_ok());
    }

    #[test]
    fn embeddings_depend_on_the_text_alone_and_come_in_both_encodings() {
        let of = |format: &str| {
            let body = json!({ "model": "m", "input": ["a", "b"], "encoding_format": format, "dimensions": 3 });
            serde_json::from_slice::<Value>(&bytes(&embeddings(&body))).unwrap()
        };
        let (float, base64) = (of("float"), of("base64"));
        assert_eq!(float["data"][0]["embedding"].as_array().unwrap().len(), 3);
        assert_ne!(float["data"][0]["embedding"], float["data"][1]["embedding"]);
        let raw = base64::engine::general_purpose::STANDARD.decode(base64["data"][0]["embedding"].as_str().unwrap()).unwrap();
        assert_eq!(raw.len(), 12);
    }
}
