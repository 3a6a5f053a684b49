//! AWS Bedrock Converse: reads the call as strictly as the real service does (turns alternate, unknown members are refused), writes
//! the answer and the messages of its event stream (Bedrock Runtime API, 2023-09-30).

use bytes::Bytes;
use serde_json::{Value, json};

use super::answer::Told;
use super::binary::event;
use super::errors::Complaint;
use super::fields::{list, number, stranger, text, texts, words};
use super::messages;
use super::model::{described, signature};
use super::wish::{Choice, Format, Gap, Role, Stop, Tool, ToolCall, Turn, Usage, Wish};

const BODY: [&str; 12] = [
    "messages",
    "system",
    "inferenceConfig",
    "toolConfig",
    "guardrailConfig",
    "additionalModelRequestFields",
    "promptVariables",
    "additionalModelResponseFieldPaths",
    "requestMetadata",
    "performanceConfig",
    "serviceTier",
    "outputConfig",
];
const CONFIG: [&str; 4] = ["maxTokens", "temperature", "topP", "stopSequences"];

// === the call ===

pub(crate) fn read(body: &Value) -> Result<Wish, Complaint> {
    check(body)?;
    let config = body.get("inferenceConfig").unwrap_or(&Value::Null);
    let tools = body.get("toolConfig").unwrap_or(&Value::Null);
    let system: Vec<&str> = list(body, "system").iter().map(|block| text(block, "text")).collect();
    let mut turns = vec![Turn { role: Role::System, text: system.join(" "), ..Turn::default() }];
    turns.extend(list(body, "messages").iter().map(turn));
    let wish = Wish {
        turns,
        tools: list(tools, "tools").iter().filter_map(tool).collect(),
        choice: choice(tools.get("toolChoice").unwrap_or(&Value::Null)),
        single: body.pointer("/additionalModelRequestFields/tool_choice/disable_parallel_tool_use") == Some(&Value::Bool(true)),
        format: format(body),
        thinking: thinks(body),
        output_max: number(config, "maxTokens"),
        stops: texts(config, "stopSequences"),
        cached: cached(body),
    };
    match wish.gap() {
        None => Ok(wish),
        Some(Gap::NoSuchCall(_)) => Err(Complaint::bad(
            "The number of toolResult blocks at messages.content exceeds the number of toolUse blocks of previous turn.",
        )),
        Some(Gap::NotAnswered(id)) => {
            Err(Complaint::bad(format!("Expected toolResult blocks at messages.content for the following Ids: {id}")))
        }
    }
}

fn check(body: &Value) -> Result<(), Complaint> {
    let config = body.get("inferenceConfig");
    check_thinking(body)?;
    if let Some(name) = stranger(body, &BODY).or_else(|| config.and_then(|config| stranger(config, &CONFIG))) {
        return Err(Complaint::bad(format!("The model returned the following errors: extraneous key [{name}] is not permitted")));
    }
    let messages = list(body, "messages");
    if messages.is_empty() {
        return Err(Complaint::bad("The messages member is required and must not be empty."));
    }
    // Instructions may stand anywhere between.
    let spoken = messages.iter().filter(|message| text(message, "role") != "system");
    for (at, message) in spoken.enumerate() {
        let due = if at % 2 == 0 { "user" } else { "assistant" };
        if text(message, "role") != due {
            return Err(Complaint::bad(
                "A conversation must start with a user message and alternate between user and assistant. Try again with a conversation that does.",
            ));
        }
        check_blocks(at, message)?;
    }
    let used = messages.iter().flat_map(|message| list(message, "content")).any(|block| block.get("toolUse").is_some());
    if used && body.get("toolConfig").is_none() {
        return Err(Complaint::bad("The toolConfig field must be defined when using toolUse and toolResult content blocks."));
    }
    Ok(())
}

fn check_blocks(at: usize, message: &Value) -> Result<(), Complaint> {
    let blocks = list(message, "content");
    if blocks.is_empty() {
        return Err(Complaint::bad(format!("The content field in the Message object at messages.{at} is empty.")));
    }
    for (part, block) in blocks.iter().enumerate() {
        let place = format!("messages.{at}.content.{part}");
        if block.as_object().is_none_or(|members| members.len() != 1) {
            return Err(Complaint::bad(format!("The ContentBlock at {place} must have exactly one member.")));
        }
        if block.get("text").and_then(Value::as_str).is_some_and(|said| said.trim().is_empty()) {
            return Err(Complaint::bad(format!("The text field in the ContentBlock object at {place} is blank.")));
        }
        let thought = block.pointer("/reasoningContent/reasoningText");
        if thought.is_some_and(|thought| text(thought, "signature") != signature(text(thought, "text"))) {
            return Err(Complaint::bad(format!("{place}: Invalid `signature` in `thinking` block")));
        }
    }
    Ok(())
}

fn check_thinking(body: &Value) -> Result<(), Complaint> {
    let output_max = body.get("inferenceConfig").and_then(|config| number(config, "maxTokens"));
    messages::check_budget(claudes(body), output_max.unwrap_or(u64::MAX))
}

/// What Claude is told about thinking.
fn claudes(body: &Value) -> &Value {
    body.pointer("/additionalModelRequestFields/thinking").unwrap_or(&Value::Null)
}

/// Claude's own words decide; else an effort makes any model think.
fn thinks(body: &Value) -> bool {
    match text(claudes(body), "type") {
        "" => body.pointer("/outputConfig/effort").is_some(),
        kind => matches!(kind, "enabled" | "adaptive"),
    }
}

fn turn(message: &Value) -> Turn {
    let blocks = list(message, "content");
    let said: Vec<&str> = blocks.iter().filter_map(|block| block.get("text")?.as_str()).collect();
    let result = |block: &Value| {
        let result = block.get("toolResult")?;
        let texts: Vec<String> = list(result, "content").iter().map(spoken).collect();
        Some((text(result, "toolUseId").to_owned(), texts.join(" ")))
    };
    Turn {
        role: match text(message, "role") {
            "assistant" => Role::Assistant,
            "system" => Role::System,
            _ => Role::User,
        },
        text: said.join(" "),
        calls: blocks.iter().filter_map(|block| Some(text(block.get("toolUse")?, "toolUseId").to_owned())).collect(),
        results: blocks.iter().filter_map(result).collect(),
        media: blocks.iter().filter_map(medium).collect(),
    }
}

fn spoken(content: &Value) -> String {
    content.get("json").map_or_else(|| text(content, "text").to_owned(), Value::to_string)
}

fn medium(block: &Value) -> Option<String> {
    let (kind, medium) = ["image", "document", "video", "audio"].into_iter().find_map(|kind| Some((kind, block.get(kind)?)))?;
    let source = medium.get("source")?;
    let media_type = match (kind, text(medium, "format")) {
        ("document", "pdf") => "application/pdf".to_owned(),
        ("document", format) => format!("text/{format}"),
        (kind, format) => format!("{kind}/{format}"),
    };
    let elsewhere = || source.pointer("/s3Location/uri").and_then(Value::as_str).unwrap_or_default().to_owned();
    Some(source.get("bytes").and_then(Value::as_str).map_or_else(elsewhere, |bytes| described(&media_type, bytes)))
}

fn tool(tool: &Value) -> Option<Tool> {
    let spec = tool.get("toolSpec")?;
    Some(Tool { name: text(spec, "name").to_owned(), schema: spec.pointer("/inputSchema/json")?.clone() })
}

fn choice(choice: &Value) -> Choice {
    match (choice.get("any"), choice.get("tool")) {
        (Some(_), _) => Choice::Any,
        (None, Some(tool)) => Choice::Named(text(tool, "name").to_owned()),
        (None, None) => Choice::Auto,
    }
}

/// The schema is a JSON text there.
fn format(body: &Value) -> Option<Format> {
    let schema = body.pointer("/outputConfig/textFormat/structure/jsonSchema/schema")?.as_str()?;
    serde_json::from_str(schema).ok().map(Format::Schema)
}

/// Words in front of the last `cachePoint`.
fn cached(body: &Value) -> u64 {
    let system = list(body, "system").iter();
    let messages = list(body, "messages").iter().flat_map(|message| list(message, "content"));
    let (mut sum, mut at_mark) = (0_u64, 0);
    for block in system.chain(messages) {
        sum = sum.saturating_add(words(text(block, "text")));
        if block.get("cachePoint").is_some() {
            at_mark = sum;
        }
    }
    at_mark
}

// === the answer ===

pub(crate) fn whole(told: &Told<'_>) -> Value {
    let reply = told.reply;
    let mut content: Vec<Value> = shown(told).map(reasoning).into_iter().collect();
    content.extend(reply.text.iter().map(|text| json!({ "text": text })));
    content
        .extend(reply.calls.iter().map(|call| json!({ "toolUse": { "toolUseId": id(call), "name": call.name, "input": call.arguments } })));
    let mut answer = json!({
        "output": { "message": { "role": "assistant", "content": content } },
        "stopReason": stop_reason(&reply.stop),
        "metrics": { "latencyMs": 1 },
    });
    if let Some(used) = &reply.usage {
        super::fields::put(&mut answer, "usage", usage(used));
    }
    answer
}

/// As Claude does: who switches thinking on sees the thought, or, if it is to be left out, only its signature.
fn shown<'a>(told: &'a Told<'_>) -> Option<&'a str> {
    let asked = claudes(told.body);
    let thought = told.reply.thinking.as_deref().filter(|_| !asked.is_null())?;
    Some(if text(asked, "display") == "omitted" { "" } else { thought })
}

fn reasoning(thought: &str) -> Value {
    json!({ "reasoningContent": { "reasoningText": { "text": thought, "signature": signature(thought) } } })
}

fn id(call: &ToolCall) -> String {
    format!("tooluse_mock_{}", call.number)
}

fn stop_reason(stop: &Stop) -> &'static str {
    match stop {
        Stop::End => "end_turn",
        Stop::Length => "max_tokens",
        Stop::Sequence(_) => "stop_sequence",
        Stop::Tools => "tool_use",
        Stop::Refusal => "content_filtered",
    }
}

/// As Anthropic counts: what comes from the cache is not among the input.
fn usage(usage: &Usage) -> Value {
    let fresh = usage.input.saturating_sub(usage.cache_read).saturating_sub(usage.cache_write);
    json!({
        "inputTokens": fresh,
        "outputTokens": usage.output,
        "totalTokens": usage.input.saturating_add(usage.output),
        "cacheReadInputTokens": usage.cache_read,
        "cacheWriteInputTokens": usage.cache_write,
    })
}

// === the stream ===

/// A block of text or thought has no opening of its own there; a tool call has.
struct Block {
    opens: Option<Value>,
    deltas: Vec<Value>,
}

pub(crate) fn events(told: &Told<'_>) -> Vec<Bytes> {
    let mut events = vec![event("messageStart", &json!({ "role": "assistant" }))];
    for (index, block) in blocks(told).into_iter().enumerate() {
        events.extend(block.opens.map(|start| event("contentBlockStart", &json!({ "contentBlockIndex": index, "start": start }))));
        for delta in block.deltas {
            events.push(event("contentBlockDelta", &json!({ "contentBlockIndex": index, "delta": delta })));
        }
        events.push(event("contentBlockStop", &json!({ "contentBlockIndex": index })));
    }
    events.push(event("messageStop", &json!({ "stopReason": stop_reason(&told.reply.stop) })));
    if let Some(used) = &told.reply.usage {
        events.push(event("metadata", &json!({ "usage": usage(used), "metrics": { "latencyMs": 1 } })));
    }
    events
}

fn blocks(told: &Told<'_>) -> Vec<Block> {
    let reply = told.reply;
    let thought = shown(told).map(|thought| {
        let pieces = reply.halves(thought).into_iter().filter(|piece| !piece.is_empty());
        let mut deltas: Vec<Value> = pieces.map(|piece| json!({ "reasoningContent": { "text": piece } })).collect();
        deltas.push(json!({ "reasoningContent": { "signature": signature(thought) } }));
        Block { opens: None, deltas }
    });
    let text = reply
        .text
        .as_deref()
        .map(|text| Block { opens: None, deltas: reply.words(text).into_iter().map(|piece| json!({ "text": piece })).collect() });
    let calls = reply.calls.iter().map(|call| Block {
        opens: Some(json!({ "toolUse": { "toolUseId": id(call), "name": call.name } })),
        deltas: reply.halves(&call.arguments.to_string()).into_iter().map(|piece| json!({ "toolUse": { "input": piece } })).collect(),
    });
    thought.into_iter().chain(text).chain(calls).collect()
}
