//! Pairs that another gateway recorded: a call or an answer in one dialect, and what it makes of it in another. What ours make of it must
//! be the same but for a table of differences, each with its reason; a difference that is not in the table fails, and so does one that
//! is in the table and no longer there.
//!
//! Compared is what JSON says, not how: a text is a list with one text, and null, an empty list and `stream: false` are nothing. What ours
//! refuse is a difference, and is taken out of the call, so that the rest of it is compared too.
#![expect(clippy::disallowed_macros, clippy::disallowed_methods, reason = "a test reads its fixtures and says where they are absent")]

use std::collections::BTreeSet;
use std::path::Path;

use comity_dialect::{CannotHonour, Event, Frame, Stamp, chat, messages, responses};
use serde_json::{Map, Value, json};

mod differences;

use differences::DIFFERENCES;

/// What a pair is, by the folder and the suffix of its `.snap`.
#[derive(Clone, Copy)]
enum Pair {
    ChatToMessages,
    MessagesToChat,
    MessagesToResponses,
    AnswerToChat,
    StreamToChat,
}

fn pair(folder: &str, suffix: &str) -> Option<Pair> {
    match (folder, suffix) {
        ("requests/completions", "anthropic") => Some(Pair::ChatToMessages),
        ("requests/messages", "completions") => Some(Pair::MessagesToChat),
        ("requests/messages", "responses") => Some(Pair::MessagesToResponses),
        ("response/anthropic", "messages-completions") => Some(Pair::AnswerToChat),
        ("response/anthropic", "messages-completions-streaming") => Some(Pair::StreamToChat),
        // Within one dialect nothing is translated here; the rest shows other workings of that gateway.
        _ => None,
    }
}

#[test]
fn pairs_of_another_gateway() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures/translation");
    if !root.is_dir() {
        eprintln!("skipped: no pairs of another gateway beside the project");
        return;
    }
    let (mut pairs, mut unexpected, mut met) = (0, Vec::new(), BTreeSet::new());
    for folder in ["requests/completions", "requests/messages", "response/anthropic"] {
        for (name, differences) in in_folder(&root, folder) {
            pairs += 1;
            for found in differences {
                match DIFFERENCES.iter().position(|row| row.covers(&name, &found)) {
                    Some(row) => drop(met.insert(row)),
                    None => unexpected.push(format!("{name}\n    {found}")),
                }
            }
        }
    }
    let vanished: Vec<_> = (0..DIFFERENCES.len()).filter(|row| !met.contains(row)).map(|row| DIFFERENCES[row].name()).collect();
    assert!(pairs >= 27, "{pairs}");
    assert!(DIFFERENCES.iter().all(|row| row.why.len() > 20), "every difference has its reason");
    assert!(unexpected.is_empty(), "unexpected:\n{}", unexpected.join("\n"));
    assert!(vanished.is_empty(), "expected, but no longer there: {vanished:#?}");
}

/// The pairs of a folder, by name, with their differences.
fn in_folder(root: &Path, folder: &str) -> Vec<(String, Vec<String>)> {
    let mut files: Vec<_> = std::fs::read_dir(root.join(folder)).unwrap().map(|file| file.unwrap().file_name()).collect();
    files.sort();
    let compared = files.iter().filter_map(|file| {
        let stem = file.to_str().unwrap().strip_suffix(".snap")?;
        let (case, suffix) = stem.split_once('.')?;
        let pair = pair(folder, suffix)?;
        let source = std::fs::read_to_string(root.join(folder).join(format!("{case}.json"))).unwrap();
        let snap = std::fs::read_to_string(root.join(folder).join(file)).unwrap();
        Some((format!("{folder}/{stem}"), compare(pair, &source, body_of(&snap))))
    });
    compared.collect()
}

/// What follows the header of a `.snap`.
fn body_of(snap: &str) -> &str {
    snap.splitn(3, "---\n").nth(2).unwrap()
}

fn compare(pair: Pair, source: &str, snap: &str) -> Vec<String> {
    let theirs = match pair {
        Pair::ChatToMessages | Pair::MessagesToChat => member(snap, "request"),
        Pair::MessagesToResponses => instructions_first(member(snap, "request")),
        Pair::AnswerToChat => member(snap, "response"),
        Pair::StreamToChat => chunks_together(snap),
    };
    let (mut out, mut source) = (Vec::new(), source.to_owned());
    let ours = loop {
        match ours(pair, &source) {
            Ok(ours) => break ours,
            Err(error) => {
                out.push(format!("refused: {}", error.field()));
                source = without(&source, error.field());
            }
        }
    };
    differ("", &plain("", theirs), &plain("", ours), &mut out);
    out
}

/// The call without a field.
fn without(source: &str, field: &str) -> String {
    let mut whole: Value = serde_json::from_str(source).unwrap();
    let steps: Vec<&str> = field.split(['.', '[']).map(|step| step.trim_end_matches(']')).collect();
    let (last, above) = steps.split_last().unwrap();
    match whole.pointer_mut(&above.iter().map(|step| format!("/{step}")).collect::<String>()).expect(field) {
        Value::Object(members) => drop(members.shift_remove(*last).expect(field)),
        Value::Array(items) => drop(items.remove(last.parse().expect(field))),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => panic!("`{field}` stands in no object or list"),
    }
    whole.to_string()
}

fn member(snap: &str, name: &str) -> Value {
    let whole: Value = serde_json::from_str(snap).unwrap();
    whole[name].clone()
}

/// The responses dialect has two places for instructions; ours write them as the first message, a text for each of the caller's.
fn instructions_first(mut request: Value) -> Value {
    let Some(Value::String(text)) = request.as_object_mut().unwrap().remove("instructions") else { return request };
    let texts: Vec<Value> = text.lines().map(|line| json!({"type": "input_text", "text": line})).collect();
    request["input"].as_array_mut().unwrap().insert(0, json!({"type": "message", "role": "system", "content": texts}));
    request
}

fn ours(pair: Pair, source: &str) -> Result<Value, CannotHonour> {
    let (limit, thoughts) = (chat::LimitField::MaxCompletionTokens, chat::Thoughts::Send);
    let openai = |model| chat::ChatTarget { model, limit, thoughts };
    let model = |source: &str| serde_json::from_str::<Value>(source).unwrap()["model"].as_str().unwrap().to_owned();
    let body = match pair {
        Pair::ChatToMessages => messages::write_ask(&chat::read_ask(source.as_bytes())?, &model(source))?,
        Pair::MessagesToChat => chat::write_ask(&messages::read_ask(source.as_bytes())?, &openai(&model(source)))?,
        Pair::MessagesToResponses => responses::write_ask(&messages::read_ask(source.as_bytes())?, &model(source))?,
        Pair::AnswerToChat => chat::write_reply(&messages::read_reply(source.as_bytes(), &stamp()).unwrap(), &stamp()),
        Pair::StreamToChat => return Ok(chunks_together(&streamed(source))),
    };
    Ok(serde_json::from_slice(&body).unwrap())
}

fn stamp() -> Stamp {
    Stamp { created: 123, seed: "seed".to_owned(), model: "route".to_owned(), wants_usage: true }
}

fn streamed(source: &str) -> String {
    let (mut reader, mut writer) = (messages::EventReader::new(&stamp()), chat::EventWriter::new(stamp()));
    let (mut events, mut out): (Vec<Event>, _) = (Vec::new(), Vec::new());
    for block in source.split("\n\n") {
        let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        if let Some(data) = field("data:") {
            reader.read(Frame { event: field("event:"), data: data.as_bytes() }, &mut events).unwrap();
        }
    }
    assert!(reader.is_done());
    events.iter().for_each(|event| writer.write(event, &mut out));
    String::from_utf8(out).unwrap()
}

/// What the chunks of a chat stream say together; how texts are cut says nothing.
fn chunks_together(stream: &str) -> Value {
    let data = |line: &str| line.strip_prefix("data: ").map(str::to_owned);
    let frames: Vec<String> = stream.lines().filter_map(data).collect();
    assert_eq!(frames.last().map(String::as_str), Some("[DONE]"));
    let mut whole = Map::new();
    for chunk in frames.iter().filter_map(|frame| serde_json::from_str::<Value>(frame).ok()) {
        let delta = chunk.pointer("/choices/0/delta").cloned().unwrap_or_default();
        for name in ["content", "refusal", "reasoning_content", "reasoning_signature"] {
            append(&mut whole, name, delta[name].as_str());
        }
        for call in delta["tool_calls"].as_array().into_iter().flatten() {
            let path = |member: &str| format!("call {} {member}", call["index"]);
            append(&mut whole, &path("id"), call["id"].as_str());
            append(&mut whole, &path("type"), call["type"].as_str());
            append(&mut whole, &path("name"), call["function"]["name"].as_str());
            append(&mut whole, &path("arguments"), call["function"]["arguments"].as_str());
        }
        for (name, at) in [("role", "/choices/0/delta/role"), ("finish_reason", "/choices/0/finish_reason"), ("usage", "/usage")]
            .into_iter()
            .chain([("model", "/model"), ("object", "/object"), ("service_tier", "/service_tier")])
        {
            let said = chunk.pointer(at).filter(|value| !value.is_null());
            whole.extend(said.map(|value| (name.to_owned(), value.clone())));
        }
    }
    whole.into()
}

fn append(whole: &mut Map<String, Value>, name: &str, text: Option<&str>) {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return };
    let before = whole.get(name).and_then(Value::as_str).unwrap_or_default();
    whole.insert(name.to_owned(), format!("{before}{text}").into());
}

/// JSON without what says nothing, and with one spelling for what has two.
fn plain(name: &str, value: Value) -> Value {
    match value {
        Value::Object(members) => {
            members.into_iter().map(|(name, value)| (name.clone(), plain(&name, value))).filter(says_something).collect()
        }
        Value::Array(items) => items.into_iter().map(|item| plain("", item)).collect(),
        Value::String(text) if name == "content" || name == "system" => json!([{"type": "text", "text": text}]),
        Value::String(text) if name == "type" && text == "input_text" => "text".into(),
        // JSON in a text.
        Value::String(text) if name == "arguments" => serde_json::from_str(&text).unwrap_or(Value::String(text)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}

fn says_something((name, value): &(String, Value)) -> bool {
    // Times and ids are scrubbed in the recordings.
    let nothing = value.is_null() || value.as_array().is_some_and(Vec::is_empty) || (name == "stream" && value == false);
    !nothing && name != "created" && !(name == "id" && value.as_str().is_some_and(|id| id == "[id]" || id.starts_with("chatcmpl-")))
}

fn differ(path: &str, theirs: &Value, ours: &Value, out: &mut Vec<String>) {
    let tell = |value: Option<&Value>| value.map_or_else(|| "nothing".to_owned(), Value::to_string);
    let mut member = |name: &str, theirs: Option<&Value>, ours: Option<&Value>| {
        let path = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        match (theirs, ours) {
            (Some(theirs), Some(ours)) => differ(&path, theirs, ours, out),
            (theirs, ours) => out.push(format!("{path}: {} -> {}", tell(theirs), tell(ours))),
        }
    };
    match (theirs, ours) {
        (Value::Object(theirs), Value::Object(ours)) => {
            let names: BTreeSet<&String> = theirs.keys().chain(ours.keys()).collect();
            names.into_iter().for_each(|name| member(name, theirs.get(name), ours.get(name)));
        }
        (Value::Array(theirs), Value::Array(ours)) => {
            (0..theirs.len().max(ours.len())).for_each(|at| member(&at.to_string(), theirs.get(at), ours.get(at)));
        }
        (theirs, ours) if theirs == ours => {}
        (theirs, ours) => out.push(format!("{path}: {theirs} -> {ours}")),
    }
}
