//! OpenAI Responses: reads the call with the chain that it continues, writes the answer and its events (API reference, 2025).

use bytes::Bytes;
use serde_json::{Value, json};

use super::answer::{CREATED, Told};
use super::chat::{call_id, located};
use super::errors::Complaint;
use super::fields::{flag, has, list, number, put, text};
use super::memory::Memory;
use super::model::described;
use super::wish::{Choice, Format, Gap, Role, Stop, Tool, ToolCall, Turn, Usage, Wish, cached_unasked};

// === the call ===

/// The items that a call adds, in list form.
pub(crate) fn input(body: &Value) -> Vec<Value> {
    match body.get("input") {
        Some(Value::String(said)) => {
            vec![json!({ "type": "message", "role": "user", "content": [{ "type": "input_text", "text": said }] })]
        }
        Some(Value::Array(items)) => items.clone(),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => Vec::new(),
    }
}

pub(crate) fn read(body: &Value, memory: &Memory) -> Result<Wish, Complaint> {
    if !body.get("input").is_some_and(|input| input.is_string() || input.is_array()) {
        return Err(Complaint::bad("Missing required parameter: 'input'.").of("input").coded("missing_required_parameter"));
    }
    let chain = chain(body, memory)?;
    let instructions = Turn { role: Role::System, text: text(body, "instructions").to_owned(), ..Turn::default() };
    let said = chain.iter().chain(&input(body)).filter_map(turn).collect::<Vec<_>>();
    let turns: Vec<Turn> = [instructions].into_iter().chain(said).collect();
    let effort = body.get("reasoning").filter(|reasoning| reasoning.is_object());
    let wish = Wish {
        cached: cached_unasked(&turns),
        turns,
        tools: list(body, "tools").iter().filter(|tool| text(tool, "type") == "function").map(tool).collect(),
        choice: choice(body.get("tool_choice").unwrap_or(&Value::Null)),
        single: body.get("parallel_tool_calls") == Some(&Value::Bool(false)),
        format: body.pointer("/text/format").and_then(format),
        thinking: effort.is_some_and(|reasoning| text(reasoning, "effort") != "none"),
        output_max: number(body, "max_output_tokens"),
        stops: Vec::new(),
    };
    match wish.gap() {
        None => Ok(wish),
        Some(Gap::NoSuchCall(id)) => {
            Err(Complaint::bad(format!("No tool call found for function call output with call_id {id}.")).of("input"))
        }
        Some(Gap::NotAnswered(id)) => Err(Complaint::bad(format!("No tool output found for function call {id}.")).of("input")),
    }
}

/// Every item that the previous responses hold.
fn chain(body: &Value, memory: &Memory) -> Result<Vec<Value>, Complaint> {
    let Some(previous) = body.get("previous_response_id").and_then(Value::as_str) else { return Ok(Vec::new()) };
    memory.chain(previous).ok_or_else(|| {
        let message = format!("Previous response with id '{previous}' not found.");
        Complaint::bad(message).of("previous_response_id").coded("previous_response_not_found")
    })
}

fn turn(item: &Value) -> Option<Turn> {
    let role = match text(item, "role") {
        "system" | "developer" => Role::System,
        "assistant" => Role::Assistant,
        _ => Role::User,
    };
    let content = item.get("content").unwrap_or(&Value::Null);
    match text(item, "type") {
        "" | "message" => Some(Turn {
            role,
            text: super::chat::said(content),
            media: list(item, "content").iter().filter_map(medium).collect(),
            ..Turn::default()
        }),
        "function_call" => Some(Turn { role: Role::Assistant, calls: vec![text(item, "call_id").to_owned()], ..Turn::default() }),
        "function_call_output" => {
            let output = item.get("output").map(super::chat::said).unwrap_or_default();
            Some(Turn { results: vec![(text(item, "call_id").to_owned(), output)], ..Turn::default() })
        }
        _ => None,
    }
}

fn medium(part: &Value) -> Option<String> {
    match text(part, "type") {
        "input_image" if has(part, "image_url") => Some(located(text(part, "image_url"))),
        "input_image" => Some(format!("file {}", text(part, "file_id"))),
        "input_file" if has(part, "file_data") => Some(located(text(part, "file_data"))),
        "input_file" if has(part, "file_url") => Some(text(part, "file_url").to_owned()),
        "input_file" => Some(format!("file {}", text(part, "file_id"))),
        "input_audio" => {
            let audio = part.get("input_audio")?;
            Some(described(&format!("audio/{}", text(audio, "format")), text(audio, "data")))
        }
        _ => None,
    }
}

fn tool(tool: &Value) -> Tool {
    Tool { name: text(tool, "name").to_owned(), schema: tool.get("parameters").cloned().unwrap_or_else(|| json!({ "type": "object" })) }
}

fn choice(choice: &Value) -> Choice {
    match choice.as_str() {
        Some("none") => Choice::None,
        Some("required") => Choice::Any,
        Some(_) => Choice::Auto,
        None if text(choice, "type") == "function" => Choice::Named(text(choice, "name").to_owned()),
        None => Choice::Auto,
    }
}

fn format(format: &Value) -> Option<Format> {
    match text(format, "type") {
        "json_object" => Some(Format::Json),
        "json_schema" => Some(Format::Schema(format.get("schema").cloned().unwrap_or_default())),
        _ => None,
    }
}

// === the answer ===

pub(crate) fn id(number: u64) -> String {
    format!("resp_mock_{number}")
}

pub(crate) fn whole(told: &Told<'_>) -> Value {
    let mut response = opening(told);
    let unfinished = told.reply.stop == Stop::Length;
    put(&mut response, "status", json!(status(told)));
    put(&mut response, "incomplete_details", if unfinished { json!({ "reason": "max_output_tokens" }) } else { Value::Null });
    put(&mut response, "output", items(told).into_iter().map(|item| item.whole).collect());
    if let Some(used) = &told.reply.usage {
        put(&mut response, "usage", usage(used));
    }
    response
}

fn status(told: &Told<'_>) -> &'static str {
    if told.reply.stop == Stop::Length { "incomplete" } else { "completed" }
}

/// A response as it is when it begins: what was asked, and nothing answered.
fn opening(told: &Told<'_>) -> Value {
    let or = |key: &str, usual: Value| told.body.get(key).filter(|field| !field.is_null()).cloned().unwrap_or(usual);
    let effort = told.body.get("reasoning").cloned().unwrap_or_default();
    json!({
        "id": id(told.number),
        "object": "response",
        "created_at": CREATED,
        "status": "in_progress",
        "background": false,
        "error": null,
        "incomplete_details": null,
        "instructions": or("instructions", Value::Null),
        "max_output_tokens": or("max_output_tokens", Value::Null),
        "model": told.model,
        "output": [],
        "parallel_tool_calls": or("parallel_tool_calls", json!(true)),
        "previous_response_id": or("previous_response_id", Value::Null),
        "reasoning": { "effort": effort.get("effort"), "summary": effort.get("summary") },
        "service_tier": "default",
        "store": or("store", json!(true)),
        "temperature": or("temperature", json!(1.0)),
        "text": or("text", json!({ "format": { "type": "text" } })),
        "tool_choice": or("tool_choice", json!("auto")),
        "tools": or("tools", json!([])),
        "top_p": or("top_p", json!(1.0)),
        "truncation": or("truncation", json!("disabled")),
        "usage": null,
        "user": null,
        "metadata": or("metadata", json!({})),
    })
}

fn usage(usage: &Usage) -> Value {
    json!({
        "input_tokens": usage.input,
        "input_tokens_details": { "cached_tokens": usage.cache_read, "cache_write_tokens": usage.cache_write },
        "output_tokens": usage.output,
        "output_tokens_details": { "reasoning_tokens": usage.reasoning },
        "total_tokens": usage.input.saturating_add(usage.output),
    })
}

/// An output item: complete, as it opens in a stream, and the events between.
struct Item {
    whole: Value,
    opens: Value,
    /// Kind and fields of each event; the item's id and place are added to all.
    between: Vec<(&'static str, Value)>,
}

fn items(told: &Told<'_>) -> Vec<Item> {
    let reply = told.reply;
    let thought = reply.thinking.as_deref().map(|thought| reasoning(told, thought));
    let message = reply.text.as_deref().map(|said| message(told, said));
    thought.into_iter().chain(message).chain(reply.calls.iter().map(|call| function_call(told, call))).collect()
}

/// The thought itself stays with the model: a summary is told if asked for, the whole only encrypted.
fn reasoning(told: &Told<'_>, thought: &str) -> Item {
    let asked = told.body.get("reasoning").is_some_and(|reasoning| has(reasoning, "summary"));
    let part = json!({ "type": "summary_text", "text": thought });
    let mut whole =
        json!({ "id": format!("rs_mock_{}", told.number), "type": "reasoning", "summary": if asked { json!([part]) } else { json!([]) } });
    if list(told.body, "include").iter().any(|name| name == "reasoning.encrypted_content") {
        put(&mut whole, "encrypted_content", json!(super::model::signature(thought)));
    }
    let mut opens = whole.clone();
    put(&mut opens, "summary", json!([]));
    let mut between = Vec::new();
    if asked {
        between
            .push(("response.reasoning_summary_part.added", json!({ "summary_index": 0, "part": { "type": "summary_text", "text": "" } })));
        between.extend(
            told.reply
                .halves(thought)
                .into_iter()
                .map(|piece| ("response.reasoning_summary_text.delta", json!({ "summary_index": 0, "delta": piece }))),
        );
        between.push(("response.reasoning_summary_text.done", json!({ "summary_index": 0, "text": thought })));
        between.push(("response.reasoning_summary_part.done", json!({ "summary_index": 0, "part": part })));
    }
    Item { whole, opens, between }
}

fn message(told: &Told<'_>, said: &str) -> Item {
    let refused = told.reply.stop == Stop::Refusal;
    let part = |said: &str| {
        if refused {
            json!({ "type": "refusal", "refusal": said })
        } else {
            json!({ "type": "output_text", "text": said, "annotations": [], "logprobs": [] })
        }
    };
    let names = if refused {
        ("response.refusal.delta", "response.refusal.done", "refusal")
    } else {
        ("response.output_text.delta", "response.output_text.done", "text")
    };
    let piece_event = |piece: &str| (names.0, json!({ "content_index": 0, "delta": piece, "logprobs": [] }));
    let mut between = vec![("response.content_part.added", json!({ "content_index": 0, "part": part("") }))];
    between.extend(told.reply.words(said).into_iter().map(piece_event));
    between.push((names.1, json!({ "content_index": 0, (names.2): said, "logprobs": [] })));
    between.push(("response.content_part.done", json!({ "content_index": 0, "part": part(said) })));
    let item = |status: &str, content: Value| json!({ "id": format!("msg_mock_{}", told.number), "type": "message", "status": status, "role": "assistant", "content": content });
    Item { whole: item(status(told), json!([part(said)])), opens: item("in_progress", json!([])), between }
}

fn function_call(told: &Told<'_>, call: &ToolCall) -> Item {
    let id = format!("fc_mock_{}_{}", told.number, call.number);
    let arguments = call.arguments.to_string();
    let item = |status: &str, arguments: &str| json!({ "id": id, "type": "function_call", "status": status, "call_id": call_id(call), "name": call.name, "arguments": arguments });
    let mut between: Vec<(&'static str, Value)> = told
        .reply
        .halves(&arguments)
        .into_iter()
        .map(|piece| ("response.function_call_arguments.delta", json!({ "delta": piece })))
        .collect();
    between.push(("response.function_call_arguments.done", json!({ "arguments": arguments })));
    Item { whole: item("completed", &arguments), opens: item("in_progress", ""), between }
}

// === the stream ===

pub(crate) fn events(told: &Told<'_>) -> Vec<Bytes> {
    let mut events =
        vec![("response.created", json!({ "response": opening(told) })), ("response.in_progress", json!({ "response": opening(told) }))];
    for (index, item) in items(told).into_iter().enumerate() {
        events.push(("response.output_item.added", json!({ "output_index": index, "item": item.opens })));
        for (kind, mut fields) in item.between {
            put(&mut fields, "item_id", item.whole.get("id").cloned().unwrap_or_default());
            put(&mut fields, "output_index", json!(index));
            events.push((kind, fields));
        }
        events.push(("response.output_item.done", json!({ "output_index": index, "item": item.whole })));
    }
    let last = if told.reply.stop == Stop::Length { "response.incomplete" } else { "response.completed" };
    events.push((last, json!({ "response": whole(told) })));
    events.into_iter().enumerate().map(|(number, (kind, fields))| event(number, kind, fields)).collect()
}

fn event(number: usize, kind: &str, mut fields: Value) -> Bytes {
    put(&mut fields, "type", json!(kind));
    put(&mut fields, "sequence_number", json!(number));
    Bytes::from(format!("event: {kind}\ndata: {fields}\n\n"))
}

/// Is the response kept for later calls? It is, unless the call says no.
pub(crate) fn stored(body: &Value) -> bool {
    !has(body, "store") || flag(body, "store")
}
