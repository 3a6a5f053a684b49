//! Google Gemini: reads the call as strictly as the real server does (unknown names are refused), writes the answer and its chunks
//! (Generative Language API, v1beta).

use bytes::Bytes;
use serde_json::{Value, json};

use super::answer::Told;
use super::call::Framing;
use super::errors::Complaint;
use super::fields::{flag, list, number, put, stranger, text, texts};
use super::model::{described, signature};
use super::wish::{Choice, Format, Gap, Role, Stop, Tool, ToolCall, Turn, Usage, Wish, cached_unasked};

const BODY: [&str; 8] =
    ["contents", "systemInstruction", "tools", "toolConfig", "safetySettings", "generationConfig", "cachedContent", "labels"];
const CONFIG: [&str; 22] = [
    "stopSequences",
    "responseMimeType",
    "responseSchema",
    "responseJsonSchema",
    "_responseJsonSchema",
    "responseModalities",
    "candidateCount",
    "maxOutputTokens",
    "temperature",
    "topP",
    "topK",
    "seed",
    "presencePenalty",
    "frequencyPenalty",
    "responseLogprobs",
    "logprobs",
    "enableEnhancedCivicAnswers",
    "speechConfig",
    "thinkingConfig",
    "imageConfig",
    "mediaResolution",
    "audioTimestamp",
];

// === the call ===

pub(crate) fn read(body: &Value) -> Result<Wish, Complaint> {
    check(body)?;
    let config = body.get("generationConfig").unwrap_or(&Value::Null);
    let calling = body.pointer("/toolConfig/functionCallingConfig").unwrap_or(&Value::Null);
    let mut turns = Vec::new();
    turns.extend(body.get("systemInstruction").map(|system| Turn { role: Role::System, ..turn(system) }));
    turns.extend(list(body, "contents").iter().map(turn));
    let wish = Wish {
        cached: cached_unasked(&turns),
        turns,
        tools: list(body, "tools").iter().flat_map(|tool| list(tool, "functionDeclarations")).map(tool).collect(),
        choice: choice(calling),
        single: false,
        format: format(config),
        thinking: thinks(config.get("thinkingConfig").unwrap_or(&Value::Null)),
        output_max: number(config, "maxOutputTokens"),
        stops: texts(config, "stopSequences"),
    };
    match wish.gap() {
        None => Ok(wish),
        Some(Gap::NoSuchCall(_)) => {
            Err(Complaint::bad("Please ensure that function response turn comes immediately after a function call turn."))
        }
        Some(Gap::NotAnswered(_)) => Err(Complaint::bad(
            "Please ensure that the number of function response parts is equal to the number of function call parts of the function call turn.",
        )),
    }
}

fn check(body: &Value) -> Result<(), Complaint> {
    let unknown = |name: &str, place: &str| {
        Complaint::bad(format!("Invalid JSON payload received. Unknown name \"{name}\"{place}: Cannot find field."))
    };
    if let Some(name) = stranger(body, &BODY) {
        return Err(unknown(name, ""));
    }
    if let Some(name) = body.get("generationConfig").and_then(|config| stranger(config, &CONFIG)) {
        return Err(unknown(name, " at 'generation_config'"));
    }
    let contents = list(body, "contents");
    if contents.is_empty() {
        return Err(Complaint::bad("* GenerateContentRequest.contents: contents is not specified\n"));
    }
    for content in contents {
        if !matches!(text(content, "role"), "" | "user" | "model") {
            return Err(Complaint::bad("Please use a valid role: user, model."));
        }
        if list(content, "parts").is_empty() {
            return Err(Complaint::bad("Unable to submit request because it must have at least one part in each content."));
        }
    }
    Ok(())
}

fn turn(content: &Value) -> Turn {
    let role = if text(content, "role") == "model" { Role::Assistant } else { Role::User };
    let parts = list(content, "parts");
    let said: Vec<&str> = parts.iter().filter(|part| !flag(part, "thought")).filter_map(|part| part.get("text")?.as_str()).collect();
    let call = |part: &Value| part.get("functionCall").map(|call| text(call, "name").to_owned());
    let result = |part: &Value| {
        let response = part.get("functionResponse")?;
        Some((text(response, "name").to_owned(), response.get("response").map(spoken).unwrap_or_default()))
    };
    Turn {
        role,
        text: said.join(" "),
        // Gemini pairs calls and results by name.
        calls: parts.iter().filter_map(call).collect(),
        results: parts.iter().filter_map(result).collect(),
        media: parts.iter().filter_map(medium).collect(),
    }
}

/// A function's response is an object; usually its only field holds the text.
fn spoken(response: &Value) -> String {
    let fields = response.as_object().map(|fields| fields.values().collect::<Vec<_>>()).unwrap_or_default();
    match fields.as_slice() {
        [Value::String(text)] => text.clone(),
        _ => response.to_string(),
    }
}

fn medium(part: &Value) -> Option<String> {
    let inline = part.get("inlineData").map(|data| described(text(data, "mimeType"), text(data, "data")));
    inline.or_else(|| part.get("fileData").map(|file| text(file, "fileUri").to_owned()))
}

fn tool(declared: &Value) -> Tool {
    let schema = declared.get("parameters").or_else(|| declared.get("parametersJsonSchema"));
    Tool { name: text(declared, "name").to_owned(), schema: schema.cloned().unwrap_or_else(|| json!({ "type": "object" })) }
}

fn choice(calling: &Value) -> Choice {
    let allowed = texts(calling, "allowedFunctionNames");
    match (text(calling, "mode"), allowed.as_slice()) {
        ("NONE", _) => Choice::None,
        ("ANY", [only]) => Choice::Named(only.clone()),
        ("ANY", _) => Choice::Any,
        _ => Choice::Auto,
    }
}

fn format(config: &Value) -> Option<Format> {
    let schema = ["responseJsonSchema", "_responseJsonSchema", "responseSchema"].into_iter().filter_map(|key| config.get(key)).next();
    let json = text(config, "responseMimeType") == "application/json";
    json.then(|| schema.map_or(Format::Json, |schema| Format::Schema(schema.clone())))
}

/// A budget decides where there is one, -1 being the model's own choice; else a level, or the wish to see thoughts.
fn thinks(thinking: &Value) -> bool {
    let level = !text(thinking, "thinkingLevel").is_empty();
    let budget = thinking.get("thinkingBudget").and_then(Value::as_i64);
    budget.map_or(level || flag(thinking, "includeThoughts"), |budget| budget != 0)
}

// === the answer ===

pub(crate) fn whole(told: &Told<'_>) -> Value {
    let reply = told.reply;
    let mut parts: Vec<Value> = thought_part(told).into_iter().collect();
    parts.extend(text_of(told).map(|text| json!({ "text": text })));
    parts.extend(reply.calls.iter().enumerate().map(|(at, call)| call_part(told, at, call)));
    answer(told, &parts, true)
}

/// Thoughts are counted whether or not they are shown, and shown only to those who ask.
fn thought_part(told: &Told<'_>) -> Option<Value> {
    let asked = told.body.pointer("/generationConfig/thinkingConfig/includeThoughts") == Some(&Value::Bool(true));
    let thought = told.reply.thinking.as_deref().filter(|_| asked)?;
    Some(json!({ "text": thought, "thought": true }))
}

/// What was refused for safety is not told.
fn text_of<'a>(told: &'a Told<'_>) -> Option<&'a str> {
    told.reply.text.as_deref().filter(|_| told.reply.stop != Stop::Refusal)
}

/// The signature of the thought comes with the first call.
fn call_part(told: &Told<'_>, at: usize, call: &ToolCall) -> Value {
    let mut part = json!({ "functionCall": { "name": call.name, "args": call.arguments } });
    if let Some(thought) = told.reply.thinking.as_deref().filter(|_| at == 0) {
        put(&mut part, "thoughtSignature", json!(signature(thought)));
    }
    part
}

fn answer(told: &Told<'_>, parts: &[Value], last: bool) -> Value {
    let mut candidate = json!({ "index": 0 });
    if !parts.is_empty() || last {
        put(&mut candidate, "content", json!({ "role": "model", "parts": parts }));
    }
    if last {
        put(&mut candidate, "finishReason", json!(finish(&told.reply.stop)));
    }
    let mut answer = json!({ "candidates": [candidate], "modelVersion": told.model, "responseId": format!("mock-{}", told.number) });
    if let Some(used) = told.reply.usage.as_ref() {
        put(
            &mut answer,
            "usageMetadata",
            if last { usage(used) } else { json!({ "promptTokenCount": used.input, "totalTokenCount": used.input }) },
        );
    }
    answer
}

fn finish(stop: &Stop) -> &'static str {
    match stop {
        Stop::End | Stop::Sequence(_) | Stop::Tools => "STOP",
        Stop::Length => "MAX_TOKENS",
        Stop::Refusal => "SAFETY",
    }
}

/// Thoughts are counted apart from the answer.
fn usage(usage: &Usage) -> Value {
    let mut told = json!({
        "promptTokenCount": usage.input,
        "candidatesTokenCount": usage.output.saturating_sub(usage.reasoning),
        "totalTokenCount": usage.input.saturating_add(usage.output),
    });
    if usage.reasoning > 0 {
        put(&mut told, "thoughtsTokenCount", json!(usage.reasoning));
    }
    if usage.cache_read > 0 {
        put(&mut told, "cachedContentTokenCount", json!(usage.cache_read));
    }
    told
}

// === the stream ===

pub(crate) fn events(told: &Told<'_>, framing: Framing) -> Vec<Bytes> {
    let reply = told.reply;
    let mut chunks: Vec<Value> = Vec::new();
    chunks.extend(thought_part(told).map(|thought| answer(told, &[thought], false)));
    let pieces = reply.words(text_of(told).unwrap_or_default());
    chunks.extend(pieces.into_iter().map(|piece| answer(told, &[json!({ "text": piece })], false)));
    let calls: Vec<Value> = reply.calls.iter().enumerate().map(|(at, call)| call_part(told, at, call)).collect();
    chunks.extend((!calls.is_empty()).then(|| answer(told, &calls, false)));
    chunks.push(answer(told, &[json!({ "text": "" })], true));
    if framing == Framing::Array {
        array(&chunks)
    } else {
        chunks.iter().map(|chunk| Bytes::from(format!("data: {chunk}\r\n\r\n"))).collect()
    }
}

fn array(chunks: &[Value]) -> Vec<Bytes> {
    let element = |(at, chunk): (usize, &Value)| Bytes::from(format!("{}{chunk}", if at == 0 { "[" } else { ",\r\n" }));
    chunks.iter().enumerate().map(element).chain([Bytes::from_static(b"\n]")]).collect()
}
