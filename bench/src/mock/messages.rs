//! Anthropic Messages: reads the call as strictly as the real server does, writes the answer and its events (API reference, versions
//! 2023-06-01 and 2026-10-21, which differ in what they refuse).

use bytes::Bytes;
use serde_json::{Value, json};

use super::answer::Told;
use super::chat::said;
use super::errors::Complaint;
use super::fields::{flag, has, list, number, put, text, texts, words};
use super::model::{described, signature};
use super::wish::{Choice, Format, Gap, Reply, Role, Stop, Tool, ToolCall, Turn, Usage, Wish};

/// Marks of what may be cached, at most in one call.
const CACHE_MARKS_MAX: usize = 4;
/// The least that may be thought.
const THINKING_MIN: u64 = 1024;

// === the call ===

/// For an answer: `max_tokens` is required.
pub(crate) fn read(body: &Value) -> Result<Wish, Complaint> {
    let Some(output_max) = number(body, "max_tokens") else { return Err(Complaint::bad("max_tokens: Field required")) };
    let mut wish = read_prompt(body)?;
    check_thinking(body, output_max)?;
    wish.output_max = Some(output_max);
    Ok(wish)
}

/// For counting: everything but `max_tokens`.
pub(crate) fn read_prompt(body: &Value) -> Result<Wish, Complaint> {
    check(body)?;
    let choice = body.get("tool_choice").unwrap_or(&Value::Null);
    let mut turns = vec![Turn { role: Role::System, text: body.get("system").map(said).unwrap_or_default(), ..Turn::default() }];
    turns.extend(list(body, "messages").iter().map(turn));
    let wish = Wish {
        turns,
        tools: list(body, "tools").iter().filter_map(tool).collect(),
        choice: read_choice(choice),
        single: flag(choice, "disable_parallel_tool_use"),
        format: format(body),
        thinking: thinks(body),
        output_max: None,
        stops: texts(body, "stop_sequences"),
        cached: cached(body),
    };
    match wish.gap() {
        None => Ok(wish),
        Some(Gap::NoSuchCall(id)) => Err(Complaint::bad(format!(
            "messages: unexpected `tool_use_id` found in `tool_result` blocks: {id}. Each `tool_result` block must have a corresponding `tool_use` block in the previous message."
        ))),
        Some(Gap::NotAnswered(id)) => Err(Complaint::bad(format!(
            "messages: `tool_use` ids were found without `tool_result` blocks immediately after: {id}. Each `tool_use` block must have a corresponding `tool_result` block in the next message."
        ))),
    }
}

/// What version 2026-10-21 took away: sampling, documents from the model, citations from the user. Older versions take it all.
pub(crate) fn check_version(version: &str, body: &Value) -> Result<(), Complaint> {
    if version != "2026-10-21" {
        return Ok(());
    }
    if let Some(name) = ["temperature", "top_p", "top_k"].into_iter().find(|name| body.get(*name).is_some()) {
        return Err(Complaint::bad(format!("{name}: Extra inputs are not permitted")));
    }
    for (at, message) in list(body, "messages").iter().enumerate() {
        let role = text(message, "role");
        for block in list(message, "content") {
            if (role, text(block, "type")) == ("assistant", "document") {
                return Err(Complaint::bad(format!("messages.{at}: `document` blocks are not permitted in assistant messages")));
            }
            if role == "user" && !list(block, "citations").is_empty() {
                return Err(Complaint::bad(format!("messages.{at}: `citations` are not permitted in user messages")));
            }
        }
    }
    Ok(())
}

fn check(body: &Value) -> Result<(), Complaint> {
    let bad = |message: String| Err(Complaint::bad(message));
    if text(body, "model").is_empty() {
        return bad("model: Field required".to_owned());
    }
    let messages = list(body, "messages");
    if messages.is_empty() {
        return bad("messages: at least one message is required".to_owned());
    }
    for (at, message) in messages.iter().enumerate() {
        check_message(at, message)?;
    }
    if body.get("temperature").and_then(Value::as_f64).is_some_and(|degree| !(0.0..=1.0).contains(&degree)) {
        return bad("temperature: range: 0..1".to_owned());
    }
    for (at, tool) in list(body, "tools").iter().enumerate() {
        let client_side = matches!(text(tool, "type"), "" | "custom");
        if client_side && tool.pointer("/input_schema/type").and_then(Value::as_str) != Some("object") {
            return bad(format!("tools.{at}.custom.input_schema.type: Field required"));
        }
    }
    let marks = body.to_string().matches("\"cache_control\":{").count();
    if marks > CACHE_MARKS_MAX {
        return bad(format!("A maximum of {CACHE_MARKS_MAX} blocks with cache_control may be provided. Found {marks}."));
    }
    Ok(())
}

fn check_message(at: usize, message: &Value) -> Result<(), Complaint> {
    let bad = |message: String| Err(Complaint::bad(message));
    match text(message, "role") {
        "user" | "assistant" | "system" => {}
        other => return bad(format!("messages.{at}.role: Input should be 'user', 'assistant' or 'system', got '{other}'")),
    }
    for (part, block) in list(message, "content").iter().enumerate() {
        let place = format!("messages.{at}.content.{part}");
        match text(block, "type") {
            "" => return bad(format!("{place}.type: Field required")),
            "text" if text(block, "text").is_empty() => return bad("messages: text content blocks must be non-empty".to_owned()),
            "thinking" if text(block, "signature") != signature(text(block, "thinking")) => {
                return bad(format!("{place}: Invalid `signature` in `thinking` block"));
            }
            _ => {}
        }
    }
    let empty = message.get("content").is_none_or(|content| content.as_str() == Some("") || content.is_null());
    if empty { bad(format!("messages.{at}: user messages must have non-empty content")) } else { Ok(()) }
}

fn check_thinking(body: &Value, output_max: u64) -> Result<(), Complaint> {
    let Some(thinking) = body.get("thinking").filter(|_| thinks(body)) else { return Ok(()) };
    check_budget(thinking, output_max)?;
    match body.get("tool_choice").map(|choice| text(choice, "type")) {
        Some("any" | "tool") => Err(Complaint::bad("Thinking may not be enabled when tool_choice forces tool use.")),
        Some(_) | None => Ok(()),
    }
}

/// What Claude takes as a budget for thinking, at whichever operator.
pub(crate) fn check_budget(thinking: &Value, output_max: u64) -> Result<(), Complaint> {
    if text(thinking, "type") != "enabled" {
        return Ok(());
    }
    let Some(budget) = number(thinking, "budget_tokens") else {
        return Err(Complaint::bad("thinking.enabled.budget_tokens: Field required"));
    };
    if budget < THINKING_MIN {
        return Err(Complaint::bad("thinking.enabled.budget_tokens: Input should be greater than or equal to 1024"));
    }
    if budget >= output_max {
        return Err(Complaint::bad("`max_tokens` must be greater than `thinking.budget_tokens`."));
    }
    Ok(())
}

fn thinks(body: &Value) -> bool {
    body.get("thinking").is_some_and(|thinking| matches!(text(thinking, "type"), "enabled" | "adaptive"))
}

fn turn(message: &Value) -> Turn {
    let role = match text(message, "role") {
        "assistant" => Role::Assistant,
        "system" => Role::System,
        _ => Role::User,
    };
    let blocks = list(message, "content");
    let of = |kind: &'static str| blocks.iter().filter(move |block| text(block, "type") == kind);
    let result = |block: &Value| (text(block, "tool_use_id").to_owned(), block.get("content").map(said).unwrap_or_default());
    Turn {
        role,
        text: message.get("content").map(said).unwrap_or_default(),
        calls: of("tool_use").map(|block| text(block, "id").to_owned()).collect(),
        results: of("tool_result").map(result).collect(),
        media: blocks.iter().filter_map(medium).collect(),
    }
}

fn medium(block: &Value) -> Option<String> {
    if !matches!(text(block, "type"), "image" | "document") {
        return None;
    }
    let source = block.get("source")?;
    Some(match text(source, "type") {
        "base64" => described(text(source, "media_type"), text(source, "data")),
        "url" => text(source, "url").to_owned(),
        "file" => format!("file {}", text(source, "file_id")),
        other => other.to_owned(),
    })
}

fn tool(tool: &Value) -> Option<Tool> {
    Some(Tool { name: text(tool, "name").to_owned(), schema: tool.get("input_schema")?.clone() })
}

fn read_choice(choice: &Value) -> Choice {
    match text(choice, "type") {
        "none" => Choice::None,
        "any" => Choice::Any,
        "tool" => Choice::Named(text(choice, "name").to_owned()),
        _ => Choice::Auto,
    }
}

/// `output_config.format`, or `output_format` as it was called before.
fn format(body: &Value) -> Option<Format> {
    let format = body.pointer("/output_config/format").or_else(|| body.get("output_format"))?;
    (text(format, "type") == "json_schema").then(|| Format::Schema(format.get("schema").cloned().unwrap_or_default()))
}

/// Words up to the last mark: tools count nothing, the system prompt and the messages do.
fn cached(body: &Value) -> u64 {
    let system = list(body, "system").iter();
    let messages = list(body, "messages").iter().flat_map(|message| list(message, "content"));
    let (mut sum, mut at_mark) = (0_u64, 0);
    for block in system.chain(messages) {
        sum = sum.saturating_add(words(text(block, "text")));
        if has(block, "cache_control") {
            at_mark = sum;
        }
    }
    at_mark
}

// === the answer ===

pub(crate) fn whole(told: &Told<'_>) -> Value {
    let mut message = opening(told);
    put(&mut message, "content", blocks(told).into_iter().map(|block| block.whole).collect());
    put(&mut message, "stop_reason", json!(stop_reason(&told.reply.stop)));
    put(&mut message, "stop_sequence", json!(stop_sequence(&told.reply.stop)));
    if let Some(used) = &told.reply.usage {
        put(&mut message, "usage", usage(used, used.output));
    }
    message
}

fn opening(told: &Told<'_>) -> Value {
    let mut message = json!({
        "id": format!("msg_mock_{}", told.number),
        "type": "message",
        "role": "assistant",
        "model": told.model,
        "content": [],
        "stop_reason": null,
        "stop_sequence": null,
    });
    if let Some(used) = &told.reply.usage {
        put(&mut message, "usage", usage(used, 1));
    }
    message
}

fn usage(usage: &Usage, output: u64) -> Value {
    let fresh = usage.input.saturating_sub(usage.cache_read).saturating_sub(usage.cache_write);
    json!({
        "input_tokens": fresh,
        "cache_creation_input_tokens": usage.cache_write,
        "cache_read_input_tokens": usage.cache_read,
        "cache_creation": { "ephemeral_5m_input_tokens": usage.cache_write, "ephemeral_1h_input_tokens": 0 },
        "output_tokens": output,
        "service_tier": "standard",
    })
}

fn stop_reason(stop: &Stop) -> &'static str {
    match stop {
        Stop::End => "end_turn",
        Stop::Length => "max_tokens",
        Stop::Sequence(_) => "stop_sequence",
        Stop::Tools => "tool_use",
        Stop::Refusal => "refusal",
    }
}

fn stop_sequence(stop: &Stop) -> Option<&str> {
    match stop {
        Stop::Sequence(sequence) => Some(sequence),
        Stop::End | Stop::Length | Stop::Tools | Stop::Refusal => None,
    }
}

/// A content block: complete, as it opens in a stream, and what fills it there.
struct Block {
    whole: Value,
    opens: Value,
    deltas: Vec<Value>,
}

fn blocks(told: &Told<'_>) -> Vec<Block> {
    let reply = told.reply;
    let thought = reply.thinking.as_deref().map(|thought| thinking_block(reply, thought));
    let text = reply.text.as_deref().map(|text| Block {
        whole: json!({ "type": "text", "text": text }),
        opens: json!({ "type": "text", "text": "" }),
        deltas: reply.words(text).into_iter().map(|piece| json!({ "type": "text_delta", "text": piece })).collect(),
    });
    thought.into_iter().chain(text).chain(reply.calls.iter().map(|call| tool_block(reply, call))).collect()
}

fn thinking_block(reply: &Reply, thought: &str) -> Block {
    let signed = signature(thought);
    let mut deltas: Vec<Value> =
        reply.halves(thought).into_iter().map(|piece| json!({ "type": "thinking_delta", "thinking": piece })).collect();
    deltas.push(json!({ "type": "signature_delta", "signature": signed }));
    Block {
        whole: json!({ "type": "thinking", "thinking": thought, "signature": signed }),
        opens: json!({ "type": "thinking", "thinking": "", "signature": "" }),
        deltas,
    }
}

fn tool_block(reply: &Reply, call: &ToolCall) -> Block {
    let id = format!("toolu_mock_{}", call.number);
    Block {
        whole: json!({ "type": "tool_use", "id": id, "name": call.name, "input": call.arguments }),
        opens: json!({ "type": "tool_use", "id": id, "name": call.name, "input": {} }),
        deltas: reply
            .halves(&call.arguments.to_string())
            .into_iter()
            .map(|piece| json!({ "type": "input_json_delta", "partial_json": piece }))
            .collect(),
    }
}

// === the stream ===

pub(crate) fn events(told: &Told<'_>) -> Vec<Bytes> {
    let mut events = vec![event("message_start", json!({ "message": opening(told) }))];
    for (index, block) in blocks(told).into_iter().enumerate() {
        events.push(event("content_block_start", json!({ "index": index, "content_block": block.opens })));
        if index == 0 {
            events.push(event("ping", json!({})));
        }
        for delta in block.deltas {
            events.push(event("content_block_delta", json!({ "index": index, "delta": delta })));
        }
        events.push(event("content_block_stop", json!({ "index": index })));
    }
    let stop = &told.reply.stop;
    let mut last = json!({ "delta": { "stop_reason": stop_reason(stop), "stop_sequence": stop_sequence(stop) } });
    if let Some(used) = &told.reply.usage {
        put(&mut last, "usage", json!({ "output_tokens": used.output }));
    }
    events.push(event("message_delta", last));
    events.push(event("message_stop", json!({})));
    events
}

fn event(kind: &str, mut fields: Value) -> Bytes {
    put(&mut fields, "type", json!(kind));
    Bytes::from(format!("event: {kind}\ndata: {fields}\n\n"))
}
