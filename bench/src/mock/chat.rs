//! OpenAI Chat Completions: reads the call, writes the answer and its chunks (API reference, 2025).

use bytes::Bytes;
use serde_json::{Value, json};

use super::answer::{CREATED, Told};
use super::errors::Complaint;
use super::fields::{flag, has, list, number, put, text, texts, words};
use super::model::described;
use super::wish::{Choice, Format, Gap, Reply, Role, Stop, Tool, ToolCall, Turn, Usage, Wish, cached_unasked};

// === the call ===

pub(crate) fn read(body: &Value) -> Result<Wish, Complaint> {
    if !body.get("messages").is_some_and(Value::is_array) {
        return Err(Complaint::bad("Missing required parameter: 'messages'.").of("messages").coded("missing_required_parameter"));
    }
    let effort = text(body, "reasoning_effort");
    let turns: Vec<Turn> = list(body, "messages").iter().map(turn).collect();
    let wish = Wish {
        cached: if has(body, "prompt_cache_key") { system_words(body) } else { cached_unasked(&turns) },
        turns,
        tools: list(body, "tools").iter().filter_map(tool).collect(),
        choice: choice(body.get("tool_choice").unwrap_or(&Value::Null)),
        single: body.get("parallel_tool_calls") == Some(&Value::Bool(false)),
        format: format(body.get("response_format").unwrap_or(&Value::Null)),
        thinking: !matches!(effort, "" | "none"),
        output_max: number(body, "max_completion_tokens").or_else(|| number(body, "max_tokens")),
        stops: texts(body, "stop"),
    };
    match wish.gap() {
        None => Ok(wish),
        Some(Gap::NoSuchCall(id)) => {
            let message = format!(
                "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'. ({id})"
            );
            Err(Complaint::bad(message).of("messages"))
        }
        Some(Gap::NotAnswered(id)) => {
            let message = "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'.";
            Err(Complaint::bad(format!("{message} The following tool_call_ids did not have response messages: {id}")).of("messages"))
        }
    }
}

fn turn(message: &Value) -> Turn {
    let content = message.get("content").unwrap_or(&Value::Null);
    let said = said(content);
    let mut turn = Turn { media: list(message, "content").iter().filter_map(medium).collect(), ..Turn::default() };
    match text(message, "role") {
        "system" | "developer" => turn.role = Role::System,
        "assistant" => {
            turn.role = Role::Assistant;
            turn.calls = list(message, "tool_calls").iter().map(|call| text(call, "id").to_owned()).collect();
        }
        "tool" => {
            turn.results = vec![(text(message, "tool_call_id").to_owned(), said)];
            return turn;
        }
        _ => {}
    }
    turn.text = said;
    turn
}

/// The text of a content field: a string, or the text parts of an array joined by spaces.
pub(crate) fn said(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let texts: Vec<&str> = parts.iter().filter_map(|part| part.get("text").and_then(Value::as_str)).collect();
            texts.join(" ")
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => String::new(),
    }
}

fn medium(part: &Value) -> Option<String> {
    match text(part, "type") {
        "image_url" => Some(located(text(part.get("image_url")?, "url"))),
        "input_audio" => {
            let audio = part.get("input_audio")?;
            Some(described(&format!("audio/{}", text(audio, "format")), text(audio, "data")))
        }
        "file" => {
            let file = part.get("file")?;
            Some(if has(file, "file_data") { located(text(file, "file_data")) } else { format!("file {}", text(file, "file_id")) })
        }
        _ => None,
    }
}

/// A `data:` address by type and length, any other as it is.
pub(crate) fn located(url: &str) -> String {
    match url.strip_prefix("data:").and_then(|data| data.split_once(";base64,")) {
        Some((media_type, data)) => described(media_type, data),
        None => url.to_owned(),
    }
}

fn tool(tool: &Value) -> Option<Tool> {
    let function = tool.get("function")?;
    Some(Tool {
        name: text(function, "name").to_owned(),
        schema: function.get("parameters").cloned().unwrap_or_else(|| json!({ "type": "object" })),
    })
}

fn choice(choice: &Value) -> Choice {
    match choice.as_str() {
        Some("none") => Choice::None,
        Some("required") => Choice::Any,
        Some(_) => Choice::Auto,
        None => choice.pointer("/function/name").and_then(Value::as_str).map_or(Choice::Auto, |name| Choice::Named(name.to_owned())),
    }
}

fn format(format: &Value) -> Option<Format> {
    match text(format, "type") {
        "json_object" => Some(Format::Json),
        "json_schema" => Some(Format::Schema(format.pointer("/json_schema/schema").cloned().unwrap_or_default())),
        _ => None,
    }
}

fn system_words(body: &Value) -> u64 {
    let system = list(body, "messages").iter().filter(|message| matches!(text(message, "role"), "system" | "developer"));
    system.filter_map(|message| message.get("content")).map(|content| words(&said(content))).sum()
}

// === the answer ===

pub(crate) fn whole(told: &Told<'_>) -> Value {
    let reply = told.reply;
    let refused = reply.stop == Stop::Refusal;
    let content = if refused { None } else { reply.text.as_deref() };
    let refusal = if refused { reply.text.as_deref() } else { None };
    let mut message = json!({ "role": "assistant", "content": content, "refusal": refusal });
    if !reply.calls.is_empty() {
        put(&mut message, "tool_calls", reply.calls.iter().map(tool_call).collect());
    }
    if let Some(thought) = reasoned(told) {
        put(&mut message, "reasoning_content", json!(thought));
    }
    let mut answer = json!({
        "id": "chatcmpl-mock",
        "object": "chat.completion",
        "created": CREATED,
        "model": told.model,
        "choices": [{ "index": 0, "message": message, "logprobs": null, "finish_reason": finish(&reply.stop) }],
        "system_fingerprint": "fp_mock",
    });
    if let Some(used) = &reply.usage {
        put(&mut answer, "usage", usage(used));
    }
    answer
}

/// OpenAI keeps its models' thoughts; DeepSeek and vLLM tell them in a field of their own.
fn reasoned<'a>(told: &'a Told<'_>) -> Option<&'a str> {
    told.model.starts_with("deepseek").then_some(told.reply.thinking.as_deref()).flatten()
}

fn tool_call(call: &ToolCall) -> Value {
    json!({ "id": call_id(call), "type": "function", "function": { "name": call.name, "arguments": call.arguments.to_string() } })
}

pub(crate) fn call_id(call: &ToolCall) -> String {
    format!("call_mock_{}", call.number)
}

fn finish(stop: &Stop) -> &'static str {
    match stop {
        Stop::End | Stop::Sequence(_) | Stop::Refusal => "stop",
        Stop::Length => "length",
        Stop::Tools => "tool_calls",
    }
}

fn usage(usage: &Usage) -> Value {
    let total = usage.input.saturating_add(usage.output);
    let mut told = json!({ "prompt_tokens": usage.input, "completion_tokens": usage.output, "total_tokens": total });
    if usage.cache_read > 0 {
        put(&mut told, "prompt_tokens_details", json!({ "cached_tokens": usage.cache_read, "audio_tokens": 0 }));
    }
    if usage.reasoning > 0 {
        put(&mut told, "completion_tokens_details", json!({ "reasoning_tokens": usage.reasoning, "audio_tokens": 0 }));
    }
    told
}

// === the stream ===

/// The events of a stream, `[DONE]` last. Usage comes in its own event, only if asked for.
pub(crate) fn events(told: &Told<'_>) -> Vec<Bytes> {
    let reply = told.reply;
    let mut events = vec![chunk(told, &json!({ "role": "assistant", "content": "" }), None)];
    let thoughts = reasoned(told).map_or_else(Vec::new, |thought| if reply.cut.is_some() { reply.halves(thought) } else { vec![thought] });
    events.extend(thoughts.into_iter().map(|thought| chunk(told, &json!({ "reasoning_content": thought }), None)));
    let field = if reply.stop == Stop::Refusal { "refusal" } else { "content" };
    for piece in reply.words(reply.text.as_deref().unwrap_or_default()) {
        events.push(chunk(told, &json!({ field: piece }), None));
    }
    events.extend(tool_chunks(told, reply));
    events.push(chunk(told, &json!({}), Some(finish(&reply.stop))));
    if let Some(used) = reply.usage.as_ref().filter(|_| asked_for_usage(told.body)) {
        let mut last = frame(told);
        put(&mut last, "choices", json!([]));
        put(&mut last, "usage", usage(used));
        events.push(event(&last));
    }
    events.push(Bytes::from_static(b"data: [DONE]\n\n"));
    events
}

/// Each call's name first, then its arguments in two pieces.
fn tool_chunks(told: &Told<'_>, reply: &Reply) -> Vec<Bytes> {
    let mut events = Vec::new();
    for (index, call) in reply.calls.iter().enumerate() {
        let function = json!({ "name": call.name, "arguments": "" });
        let opening = json!({ "index": index, "id": call_id(call), "type": "function", "function": function });
        events.push(chunk(told, &json!({ "tool_calls": [opening] }), None));
        for piece in reply.halves(&call.arguments.to_string()) {
            events.push(chunk(told, &json!({ "tool_calls": [{ "index": index, "function": { "arguments": piece } }] }), None));
        }
    }
    events
}

fn asked_for_usage(body: &Value) -> bool {
    body.get("stream_options").is_some_and(|options| flag(options, "include_usage"))
}

fn chunk(told: &Told<'_>, delta: &Value, finish: Option<&str>) -> Bytes {
    let mut chunk = frame(told);
    put(&mut chunk, "choices", json!([{ "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish }]));
    event(&chunk)
}

fn frame(told: &Told<'_>) -> Value {
    json!({ "id": "chatcmpl-mock", "object": "chat.completion.chunk", "created": CREATED, "model": told.model, "system_fingerprint": "fp_mock" })
}

fn event(value: &Value) -> Bytes {
    Bytes::from(format!("data: {value}\n\n"))
}
