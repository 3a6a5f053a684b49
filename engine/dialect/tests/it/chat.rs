//! The chat dialect from outside: what it reads and writes as snapshots, streams against whole answers, and recorded exchanges with OpenAI.
#![expect(clippy::disallowed_macros, clippy::disallowed_methods, reason = "a test reads its fixtures and says where they are absent")]

use std::path::Path;

use comity_dialect::chat::{
    ChatTarget, EventReader, EventWriter, LimitField, Thoughts, read_ask, read_problem, read_reply, write_ask, write_reply,
};
use comity_dialect::{Delta, Event, Frame, PartStart, Reply, ReplyPart, Stamp, Stop, Usage};
use serde_json::{Value, json};

const ASK: &str = include_str!("chat/ask.json");
const STREAM: &str = include_str!("chat/stream.txt");

fn stamp() -> Stamp {
    Stamp { created: 1_700_000_000, seed: "seed".to_owned(), model: "route".to_owned(), wants_usage: true }
}

fn json(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap()
}

/// The data of each frame of a stream.
fn frames(stream: &str) -> impl Iterator<Item = &str> {
    stream.lines().filter_map(|line| line.strip_prefix("data:")).map(str::trim)
}

fn events<'a>(frames: impl Iterator<Item = &'a str>) -> Vec<Event> {
    let (mut reader, mut out) = (EventReader::new(&stamp()), Vec::new());
    for data in frames {
        reader.read(Frame { event: None, data: data.as_bytes() }, &mut out).unwrap();
    }
    reader.finish(&mut out);
    assert!(reader.is_done());
    out
}

fn written(events: &[Event]) -> String {
    let (mut writer, mut out) = (EventWriter::new(stamp()), Vec::new());
    events.iter().for_each(|event| writer.write(event, &mut out));
    String::from_utf8(out).unwrap()
}

/// What the events say together; fails where their order is not the promised one.
fn collected(events: &[Event]) -> Reply {
    let Some(Event::Start { id, model }) = events.first() else { panic!("no start: {events:?}") };
    let mut reply = Reply { id: id.clone(), model: model.clone(), parts: Vec::new(), stop: Stop::Paused, usage: None };
    let (mut open, mut ended) = (None, false);
    for event in &events[1..] {
        assert!(!ended, "after the end: {event:?}");
        match event {
            Event::PartStart { index, part } => {
                assert_eq!((open, *index), (None, reply.parts.len()));
                open = Some(*index);
                reply.parts.push(begun(part));
            }
            Event::Delta { index, delta } => {
                assert_eq!(open, Some(*index));
                add(reply.parts.last_mut().unwrap(), delta);
            }
            Event::PartStop { index } => assert_eq!(open.take(), Some(*index)),
            Event::Usage(usage) => reply.usage = Some(reply.usage.unwrap_or_default().updated_by(*usage)),
            Event::End { stop } => {
                assert_eq!(open, None);
                (reply.stop, ended) = (stop.clone(), true);
            }
            Event::Start { .. } | Event::Error { .. } => panic!("not expected: {event:?}"),
        }
    }
    assert!(ended);
    reply
}

fn begun(part: &PartStart) -> ReplyPart {
    match part {
        PartStart::Text => ReplyPart::Text(String::new()),
        PartStart::Thinking => ReplyPart::Thinking { text: String::new(), signature: None },
        PartStart::RedactedThinking(data) => ReplyPart::RedactedThinking(data.clone()),
        PartStart::Refusal => ReplyPart::Refusal(String::new()),
        PartStart::ToolCall { id, name } => {
            ReplyPart::ToolCall { id: id.clone(), name: name.clone(), arguments: String::new(), signature: None }
        }
    }
}

fn add(part: &mut ReplyPart, delta: &Delta) {
    match (part, delta) {
        (ReplyPart::Text(text) | ReplyPart::Refusal(text) | ReplyPart::Thinking { text, .. }, Delta::Text(more))
        | (ReplyPart::ToolCall { arguments: text, .. }, Delta::Arguments(more)) => text.push_str(more),
        (ReplyPart::Thinking { signature, .. }, Delta::Signature(whole)) => *signature = Some(whole.clone()),
        (part, delta) => panic!("{delta:?} does not belong to {part:?}"),
    }
}

#[test]
fn a_call_is_read() {
    insta::assert_debug_snapshot!("ask_read", read_ask(ASK.as_bytes()).unwrap());
}

#[test]
fn a_call_is_written_for_openai() {
    let body = write_ask(
        &read_ask(ASK.as_bytes()).unwrap(),
        &ChatTarget { model: "gpt", limit: LimitField::MaxCompletionTokens, thoughts: Thoughts::Send },
    )
    .unwrap();
    insta::assert_json_snapshot!("ask_written", json(&body));
}

#[test]
fn what_is_written_says_what_was_read() {
    let ask = read_ask(ASK.as_bytes()).unwrap();
    let target = ChatTarget { model: "m", limit: LimitField::MaxTokens, thoughts: Thoughts::Send };
    let once = write_ask(&ask, &target).unwrap();
    let twice = write_ask(&read_ask(&once).unwrap(), &target).unwrap();
    assert_eq!(json(&once), json(&twice));
}

/// Every member of the call, at any depth, is either read, or an error that names it: nothing new passes unseen.
#[test]
fn a_member_that_nobody_knows_is_never_dropped() {
    let mut objects = 0;
    let whole: Value = json(ASK.as_bytes());
    each_object(&whole, &mut Vec::new(), &mut |path| {
        // JSON Schema is passed on as it is.
        if path.iter().any(|step| step == "parameters" || step == "schema") {
            return;
        }
        let mut changed = whole.clone();
        let pointer: String = path.iter().map(|step| format!("/{step}")).collect();
        changed.pointer_mut(&pointer).unwrap().as_object_mut().unwrap().insert("brand_new".to_owned(), json!(1));
        let error = read_ask(changed.to_string().as_bytes()).expect_err(&pointer);
        assert!(error.field().ends_with("brand_new"), "{pointer}: {error}");
        objects += 1;
    });
    assert!(objects > 30, "{objects}");
}

fn each_object(value: &Value, path: &mut Vec<String>, visit: &mut dyn FnMut(&[String])) {
    let members: Vec<(String, &Value)> = match value {
        Value::Object(members) => {
            visit(path);
            members.iter().map(|(name, value)| (name.clone(), value)).collect()
        }
        Value::Array(items) => items.iter().enumerate().map(|(at, value)| (at.to_string(), value)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return,
    };
    for (name, value) in members {
        path.push(name);
        each_object(value, path, visit);
        path.pop();
    }
}

#[test]
fn a_stream_is_read() {
    let events = events(frames(STREAM));
    collected(&events);
    insta::assert_debug_snapshot!("stream_read", events);
}

#[test]
fn a_stream_is_written() {
    insta::assert_snapshot!("stream_written", written(&events(frames(STREAM))));
}

#[test]
fn a_written_stream_says_what_the_whole_answer_says() {
    let reply = collected(&events(frames(STREAM)));
    let again = collected(&events(frames(&written(&events(frames(STREAM))))));
    let whole = read_reply(&write_reply(&reply, &stamp()), &stamp()).unwrap();
    assert_eq!(again.usage, reply.usage);
    // The whole has no order among its members, so words after calls stand before them.
    assert_eq!(words_first(again), whole);
}

fn words_first(mut reply: Reply) -> Reply {
    let words: String =
        reply.parts.iter().filter_map(|part| if let ReplyPart::Text(text) = part { Some(text.as_str()) } else { None }).collect();
    let at = reply.parts.iter().position(|part| matches!(part, ReplyPart::Text(_))).unwrap();
    reply.parts.retain(|part| !matches!(part, ReplyPart::Text(_)));
    reply.parts.insert(at, ReplyPart::Text(words));
    reply
}

/// A source may cut text and arguments anywhere.
#[test]
fn pieces_of_any_size_say_the_same() {
    let (text, arguments) = ("Größe: 3 €", "{\"größe\": \"3 €\"}");
    let chunk = |delta: Value| json!({"id": "i", "model": "m", "choices": [{"index": 0, "delta": delta}]}).to_string();
    let read = |size: usize| {
        let cut = |text: &str| text.chars().collect::<Vec<_>>().chunks(size).map(String::from_iter).collect::<Vec<_>>();
        let call = json!({"tool_calls": [{"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": ""}}]});
        let mut frames: Vec<String> = cut(text).into_iter().map(|piece| chunk(json!({"content": piece}))).collect();
        frames.push(chunk(call));
        let more = |piece| chunk(json!({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}));
        frames.extend(cut(arguments).into_iter().map(more));
        collected(&events(frames.iter().map(String::as_str).chain(["[DONE]"])))
    };
    let whole = read(100);
    assert_eq!(whole.parts[0], ReplyPart::Text(text.to_owned()));
    (1..10).for_each(|size| assert_eq!(read(size), whole));
}

#[test]
fn a_whole_answer_is_written() {
    let reply = Reply {
        id: "msg_1".to_owned(),
        model: String::new(),
        parts: vec![
            ReplyPart::Thinking { text: "Hm.".to_owned(), signature: Some("c2ln".to_owned()) },
            ReplyPart::RedactedThinking("cmVk".to_owned()),
            ReplyPart::Text("I look it up.".to_owned()),
            ReplyPart::ToolCall { id: "toolu_1".to_owned(), name: "look".to_owned(), arguments: "{\"at\": 1}".to_owned(), signature: None },
        ],
        stop: Stop::ToolCalls,
        usage: Some(Usage { input_tokens: 9, cache_read_tokens: 4, output_tokens: 3, reasoning_tokens: 1, ..Usage::default() }),
    };
    let body = json(&write_reply(&reply, &stamp()));
    let handed_back = json!({"model": "m", "messages": [{"role": "user", "content": "hi"}, body["choices"][0]["message"]]});
    assert_eq!(read_ask(handed_back.to_string().as_bytes()).unwrap().turns[1].parts.len(), 4);
    insta::assert_json_snapshot!("reply_written", body);
}

/// Garbage of every kind: errors, never a panic.
#[test]
fn nothing_panics() {
    let whole: Value = json(ASK.as_bytes());
    for junk in [json!(null), json!(true), json!(-1), json!("é"), json!([]), json!([[]]), json!({}), json!([{"type": "text"}])] {
        for name in whole.as_object().unwrap().keys() {
            let mut changed = whole.clone();
            changed[name.as_str()] = junk.clone();
            let _ = read_ask(changed.to_string().as_bytes())
                .map(|ask| write_ask(&ask, &ChatTarget { model: "m", limit: LimitField::MaxTokens, thoughts: Thoughts::Send }));
        }
        for body in [
            json!({"choices": junk}),
            json!({"choices": [junk]}),
            json!({"choices": [{"message": junk, "delta": junk}]}),
            json!({"choices": [{"message": {"content": junk, "tool_calls": junk}, "delta": {"content": junk, "tool_calls": junk}}]}),
            json!({"choices": [{"delta": {"tool_calls": [junk, {"index": junk, "id": junk, "function": junk}]}}], "usage": junk}),
            json!({"error": junk}),
        ] {
            let data = body.to_string();
            let mut reader = EventReader::new(&stamp());
            let _ = reader.read(Frame { event: None, data: data.as_bytes() }, &mut Vec::new());
            let _ = reader.read(Frame { event: None, data: b"[DONE]" }, &mut Vec::new());
            let _ = (read_reply(data.as_bytes(), &stamp()), read_problem(data.as_bytes()));
        }
    }
}

/// A recorded exchange: what was asked, the status, what was answered.
fn recorded(path: &Path) -> (String, u64, String) {
    let cassette: Value = serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let exchange = &cassette["interactions"][0];
    let text = |side: &str| exchange[side]["body"].as_str().unwrap().to_owned();
    (text("request"), exchange["response"]["code"].as_u64().unwrap(), text("response"))
}

/// Calls that were recorded and that no other dialect can say, with the field that says so.
const CANNOT: [(&str, &str); 5] = [
    ("chat-bad-request", "messages[0].content"),
    ("chat-no-messages", "messages"),
    ("chat-streaming-web-search", "web_search_options"),
    ("chat-text-to-audio", "modalities"),
    ("chat-web-search", "web_search_options"),
];

#[test]
fn recorded_exchanges() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures/openai-recorded");
    let Ok(files) = std::fs::read_dir(&folder) else {
        eprintln!("skipped: no recorded exchanges beside the project");
        return;
    };
    let mut seen = 0;
    for path in files.map(|file| file.unwrap().path()) {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if !name.contains("chat") {
            continue;
        }
        let (asked, status, answered) = recorded(&path);
        check_asked(&name, &asked);
        match status {
            200 => check_answered(&name, &answered),
            _ => assert!(!read_problem(answered.as_bytes()).unwrap().message.is_empty(), "{name}"),
        }
        seen += 1;
    }
    assert!(seen > 15, "{seen}");
}

fn check_asked(name: &str, asked: &str) {
    let expected = CANNOT.iter().find(|(file, _)| *file == name).map(|(_, field)| *field);
    match read_ask(asked.as_bytes()) {
        Err(error) => assert_eq!(Some(error.field()), expected, "{name}: {error}"),
        Ok(ask) => {
            assert_eq!(expected, None, "{name}");
            let again = write_ask(&ask, &ChatTarget { model: "m", limit: LimitField::MaxTokens, thoughts: Thoughts::Send }).unwrap();
            assert_eq!(read_ask(&again).unwrap().turns.len(), ask.turns.len(), "{name}");
        }
    }
}

fn check_answered(name: &str, answered: &str) {
    if answered.starts_with("data:") {
        let reply = collected(&events(frames(answered)));
        let said: String = frames(answered).filter_map(|data| content(&serde_json::from_str(data).ok()?)).collect();
        let read: String = reply.parts.iter().map(|part| if let ReplyPart::Text(text) = part { text.as_str() } else { "" }).collect();
        assert_eq!(read, said, "{name}");
        return;
    }
    let original = json(answered.as_bytes());
    if !original["choices"][0]["message"]["audio"].is_null() {
        assert!(read_reply(answered.as_bytes(), &stamp()).is_err(), "{name}");
        return;
    }
    let again = json(&write_reply(&read_reply(answered.as_bytes(), &stamp()).unwrap(), &stamp()));
    for pointer in
        ["/id", "/model", "/object", "/choices/0/finish_reason", "/usage/total_tokens", "/usage/completion_tokens_details/reasoning_tokens"]
    {
        assert_eq!(again.pointer(pointer), original.pointer(pointer), "{name} {pointer}");
    }
    for member in ["role", "content", "refusal", "tool_calls"] {
        let pointer = format!("/choices/0/message/{member}");
        assert_eq!(again.pointer(&pointer), original.pointer(&pointer), "{name} {member}");
    }
}

fn content(chunk: &Value) -> Option<String> {
    Some(chunk.pointer("/choices/0/delta/content")?.as_str()?.to_owned())
}
