//! What the caller got, read in its own dialect, whole or streamed; and whether the feature shows in it.

use serde_json::{Value, json};

use super::asks::Surface;
use super::feature::Feature;
use crate::stage::Reply;

/// An answer, whatever the dialect.
#[derive(Default)]
struct Given {
    text: String,
    thoughts: String,
    /// Names and arguments.
    calls: Vec<(String, String)>,
    cached: u64,
    /// The dialect's own end was reached.
    complete: bool,
}

/// Whether the feature shows in the answer.
///
/// # Errors
/// What is there instead.
pub(super) fn check(reply: &Reply, surface: Surface, feature: Feature) -> Result<(), String> {
    let shows = match surface {
        Surface::CountTokens => return counted(reply),
        Surface::Embeddings => return embedded(reply, feature),
        Surface::Chat => read(reply, chat, chat_chunk),
        Surface::Responses => read(reply, responses, responses_event),
        Surface::Messages => read(reply, messages, messages_event),
    };
    if !shows.complete {
        return Err(format!("the answer is not complete: {}", reply.text()));
    }
    if shows_in(&shows, feature) { Ok(()) } else { Err(format!("it does not show in the answer: {}", reply.text())) }
}

fn shows_in(given: &Given, feature: Feature) -> bool {
    let calls: Vec<_> = given.calls.iter().map(|(name, arguments)| (name.as_str(), parsed(arguments))).collect();
    match feature {
        Feature::ImageInline => given.text.contains("[image/png, "),
        Feature::ImageUrl => given.text.contains("[https://example.org/a.png]"),
        Feature::Sound => given.text.contains("[audio/wav, "),
        Feature::Document => given.text.contains("[application/pdf, "),
        Feature::Call => calls == [("weather", json!({"city": "Paris"}))],
        Feature::ParallelCalls => calls == [("weather", json!({"city": "Paris"})), ("tide", json!({"city": "Brest"}))],
        Feature::OneCall => calls == [("weather", json!({}))],
        Feature::ChosenTool => calls == [("tide", json!({}))],
        Feature::Results | Feature::ImageResult => given.text.trim_end() == "The tools said: 21 degrees",
        Feature::FailedResult => given.text.contains("no such city"),
        Feature::JsonSchema => parsed(&given.text)["population"].is_i64(),
        Feature::JsonObject => parsed(&given.text).is_object(),
        Feature::Stop => given.text.ends_with("before "),
        Feature::CacheMark | Feature::CachedUsage => given.cached >= 1000,
        Feature::Text
        | Feature::Stream
        | Feature::System
        | Feature::LateSystem
        | Feature::Effort
        | Feature::Budget
        | Feature::Thoughts
        | Feature::OutputLimit
        | Feature::Sampling
        | Feature::TopK
        | Feature::Seed
        | Feature::Penalties
        | Feature::EndUser
        | Feature::CacheHour
        | Feature::Several
        | Feature::Logprobs
        | Feature::HostedTool
        | Feature::StoredState
        | Feature::UnknownField
        | Feature::Texts
        | Feature::Tokens
        | Feature::Dimensions
        | Feature::Encoding => given.text.starts_with("You said: #"),
    }
}

/// Whether thoughts came along.
pub(super) fn has_thoughts(reply: &Reply, surface: Surface) -> bool {
    let given = match surface {
        Surface::Chat => read(reply, chat, chat_chunk),
        Surface::Responses => read(reply, responses, responses_event),
        Surface::Messages => read(reply, messages, messages_event),
        Surface::CountTokens | Surface::Embeddings => return false,
    };
    !given.thoughts.is_empty()
}

fn counted(reply: &Reply) -> Result<(), String> {
    if reply.json()["input_tokens"].as_u64().is_some_and(|count| count > 0) { Ok(()) } else { Err(reply.text().to_owned()) }
}

fn embedded(reply: &Reply, feature: Feature) -> Result<(), String> {
    let json = reply.json();
    let vectors: Vec<&Value> = json["data"].as_array().into_iter().flatten().map(|one| &one["embedding"]).collect();
    let count = if matches!(feature, Feature::Texts | Feature::Tokens) { 2 } else { 1 };
    let dimensions = if feature == Feature::Dimensions { 3 } else { 8 };
    let is_right = |vector: &&Value| match vector.as_array() {
        Some(numbers) => feature != Feature::Encoding && numbers.len() == dimensions,
        None => feature == Feature::Encoding && vector.is_string(),
    };
    if vectors.len() == count && vectors.iter().all(is_right) { Ok(()) } else { Err(reply.text().to_owned()) }
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}

// === reading ===

fn read(reply: &Reply, whole: fn(&Value) -> Given, event: fn(&Value, &mut Given)) -> Given {
    if !reply.header("content-type").starts_with("text/event-stream") {
        return whole(&parsed(reply.text()));
    }
    let mut given = Given::default();
    for data in reply.text().lines().filter_map(|line| line.strip_prefix("data: ")) {
        // The one event of these dialects that is not JSON is the end of a chat.
        let value = if data == "[DONE]" { json!("[DONE]") } else { parsed(data) };
        event(&value, &mut given);
    }
    given
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn chat(answer: &Value) -> Given {
    let message = &answer["choices"][0]["message"];
    let call = |call: &Value| (text(&call["function"]["name"]).to_owned(), text(&call["function"]["arguments"]).to_owned());
    Given {
        text: text(&message["content"]).to_owned(),
        thoughts: text(&message["reasoning_content"]).to_owned(),
        calls: items(&message["tool_calls"]).iter().map(call).collect(),
        cached: answer["usage"]["prompt_tokens_details"]["cached_tokens"].as_u64().unwrap_or_default(),
        complete: answer["choices"][0]["finish_reason"].is_string(),
    }
}

fn chat_chunk(chunk: &Value, given: &mut Given) {
    given.complete = chunk == "[DONE]";
    let delta = &chunk["choices"][0]["delta"];
    given.text.push_str(text(&delta["content"]));
    given.thoughts.push_str(text(&delta["reasoning_content"]));
    for call in items(&delta["tool_calls"]) {
        let at = usize::try_from(call["index"].as_u64().unwrap()).unwrap();
        given.calls.resize(given.calls.len().max(at + 1), (String::new(), String::new()));
        given.calls[at].0.push_str(text(&call["function"]["name"]));
        given.calls[at].1.push_str(text(&call["function"]["arguments"]));
    }
    given.cached = given.cached.max(chunk["usage"]["prompt_tokens_details"]["cached_tokens"].as_u64().unwrap_or_default());
}

fn responses(answer: &Value) -> Given {
    let mut given = Given {
        cached: answer["usage"]["input_tokens_details"]["cached_tokens"].as_u64().unwrap_or_default(),
        complete: answer["status"] == "completed",
        ..Given::default()
    };
    for item in items(&answer["output"]) {
        match text(&item["type"]) {
            "message" => items(&item["content"]).iter().for_each(|part| given.text.push_str(text(&part["text"]))),
            "reasoning" => {
                given.thoughts.push_str(text(&item["encrypted_content"]));
                items(&item["summary"]).iter().for_each(|part| given.thoughts.push_str(text(&part["text"])));
            }
            "function_call" => given.calls.push((text(&item["name"]).to_owned(), text(&item["arguments"]).to_owned())),
            other => panic!("an item of type {other}"),
        }
    }
    given
}

fn responses_event(event: &Value, given: &mut Given) {
    match text(&event["type"]) {
        "response.output_text.delta" => given.text.push_str(text(&event["delta"])),
        "response.output_item.added" if event["item"]["type"] == "function_call" => {
            given.calls.push((text(&event["item"]["name"]).to_owned(), String::new()));
        }
        "response.function_call_arguments.delta" => given.calls.last_mut().unwrap().1.push_str(text(&event["delta"])),
        "response.completed" => {
            let whole = responses(&event["response"]);
            assert_eq!((&whole.text, &whole.calls), (&given.text, &given.calls), "the last event says what the others said");
            *given = whole;
        }
        _ => {}
    }
}

fn messages(answer: &Value) -> Given {
    let mut given = Given {
        cached: answer["usage"]["cache_read_input_tokens"].as_u64().unwrap_or_default(),
        complete: answer["stop_reason"].is_string(),
        ..Given::default()
    };
    for block in items(&answer["content"]) {
        match text(&block["type"]) {
            "text" => given.text.push_str(text(&block["text"])),
            "thinking" => given.thoughts.push_str(text(&block["thinking"])),
            "tool_use" => given.calls.push((text(&block["name"]).to_owned(), block["input"].to_string())),
            other => panic!("a block of type {other}"),
        }
    }
    given
}

fn messages_event(event: &Value, given: &mut Given) {
    let delta = &event["delta"];
    given.text.push_str(text(&delta["text"]));
    given.thoughts.push_str(text(&delta["thinking"]));
    if event["content_block"]["type"] == "tool_use" {
        given.calls.push((text(&event["content_block"]["name"]).to_owned(), String::new()));
    }
    if delta["type"] == "input_json_delta" {
        given.calls.last_mut().unwrap().1.push_str(text(&delta["partial_json"]));
    }
    for usage in [&event["usage"], &event["message"]["usage"]] {
        given.cached = given.cached.max(usage["cache_read_input_tokens"].as_u64().unwrap_or_default());
    }
    given.complete = event["type"] == "message_stop";
}
