//! The messages dialect from outside: what it writes of what it read, as snapshots, and answers that other gateways recorded.
#![expect(clippy::disallowed_macros, clippy::disallowed_methods, reason = "a test reads its fixtures and says where they are absent")]

use std::path::PathBuf;

use comity_dialect::messages::{EventReader, EventWriter, read_ask, read_reply, write_ask, write_reply};
use comity_dialect::{Event, Frame, Reply, ReplyPart, Role, Stamp, Stop, Usage};
use serde_json::Value;

const ASK: &str = include_str!("messages/ask.json");
const STREAM: &str = include_str!("messages/stream.txt");

fn stamp() -> Stamp {
    Stamp { created: 1_700_000_000, seed: "seed".to_owned(), model: "route".to_owned(), wants_usage: false }
}

/// The frames of a stream: what a source of server-sent events would give.
fn frames(stream: &str) -> Vec<(Option<&str>, String)> {
    let blocks = stream.split("\n\n").filter(|block| block.contains("data:"));
    blocks.map(|block| (field(block, "event:"), field(block, "data:").unwrap_or_default().to_owned())).collect()
}

fn field<'a>(block: &'a str, name: &str) -> Option<&'a str> {
    block.lines().find_map(|line| line.strip_prefix(name)).map(str::trim)
}

fn events(stream: &str) -> Vec<Event> {
    let mut reader = EventReader::new(&stamp());
    let mut out = Vec::new();
    for (event, data) in frames(stream) {
        reader.read(Frame { event, data: data.as_bytes() }, &mut out).unwrap();
    }
    reader.finish(&mut out);
    assert!(reader.is_done());
    out
}

fn written(events: &[Event]) -> String {
    let mut writer = EventWriter::new(stamp());
    let mut out = Vec::new();
    events.iter().for_each(|event| writer.write(event, &mut out));
    String::from_utf8(out).unwrap()
}

fn json(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap()
}

#[test]
fn a_call_is_read() {
    insta::assert_debug_snapshot!("ask_read", read_ask(ASK.as_bytes()).unwrap());
}

#[test]
fn a_call_is_written_as_it_was_read() {
    let ask = read_ask(ASK.as_bytes()).unwrap();
    let body = write_ask(&ask, "claude-opus-4-8").unwrap();
    insta::assert_json_snapshot!("ask_written", json(&body));
    assert_eq!(read_ask(&body).unwrap().sampling, ask.sampling);
}

/// Every object of the call, one by one, gets a member that nobody knows.
#[test]
fn no_member_of_a_call_is_overlooked() {
    let whole = json(ASK.as_bytes());
    let mut pointers = Vec::new();
    collect(&whole, String::new(), &mut pointers);
    assert!(pointers.len() > 40, "{}", pointers.len());
    for pointer in pointers {
        let mut changed = whole.clone();
        let object = changed.pointer_mut(&pointer).unwrap().as_object_mut().unwrap();
        object.insert("unheard_of".to_owned(), Value::from(1));
        let read = read_ask(changed.to_string().as_bytes());
        // Arguments and schemas are the caller's own.
        let own = pointer.contains("/input") || pointer.contains("/schema");
        match read {
            Ok(_) => assert!(own, "{pointer}"),
            Err(error) => assert!(error.field().ends_with("unheard_of") && !error.is_invalid(), "{pointer}: {error}"),
        }
    }
}

/// The place of every object.
fn collect(value: &Value, pointer: String, out: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(name, value)| collect(value, format!("{pointer}/{name}"), out));
            out.push(pointer);
        }
        Value::Array(items) => items.iter().enumerate().for_each(|(at, item)| collect(item, format!("{pointer}/{at}"), out)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn a_stream_is_read_and_written() {
    let read = events(STREAM);
    insta::assert_debug_snapshot!("stream_read", read);
    insta::assert_snapshot!("stream_written", written(&read));
    assert_eq!(without_usage(&events(&written(&read))), without_usage(&read));
}

fn without_usage(events: &[Event]) -> Vec<Event> {
    events.iter().filter(|event| !matches!(event, Event::Usage(_))).cloned().collect()
}

#[test]
fn a_stream_cut_anywhere_has_no_end() {
    let all = frames(STREAM);
    for length in 0..all.len() {
        let mut reader = EventReader::new(&stamp());
        let mut out = Vec::new();
        for (event, data) in &all[..length] {
            reader.read(Frame { event: *event, data: data.as_bytes() }, &mut out).unwrap();
        }
        reader.finish(&mut out);
        assert!(!reader.is_done() && !out.iter().any(|event| matches!(event, Event::End { .. })), "{length}");
    }
}

#[test]
fn an_event_cut_anywhere_is_no_panic() {
    for (event, data) in frames(STREAM) {
        for length in 0..data.len() {
            let mut reader = EventReader::new(&stamp());
            let read = reader.read(Frame { event, data: &data.as_bytes()[..length] }, &mut Vec::new());
            assert!(read.is_err() || length == 0 || event == Some("ping"), "{data}");
        }
    }
}

#[test]
fn a_whole_answer_is_written() {
    let reply = Reply {
        id: String::new(),
        model: "claude-opus-4-8".to_owned(),
        parts: vec![
            ReplyPart::Thinking { text: "Two calls.".to_owned(), signature: None },
            ReplyPart::RedactedThinking("ZGF0YQ==".to_owned()),
            ReplyPart::Text("I look.".to_owned()),
            ReplyPart::ToolCall {
                id: "call_1".to_owned(),
                name: "weather".to_owned(),
                arguments: r#"{"place":"Bern"}"#.to_owned(),
                signature: None,
            },
            ReplyPart::ToolCall { id: String::new(), name: "clock".to_owned(), arguments: String::new(), signature: None },
        ],
        stop: Stop::ToolCalls,
        usage: Some(Usage {
            input_tokens: 125,
            cache_read_tokens: 20,
            cache_write_tokens: 30,
            cache_write_hour_tokens: 70,
            output_tokens: 60,
            reasoning_tokens: 12,
        }),
    };
    insta::assert_json_snapshot!("reply_written", json(&write_reply(&reply, &stamp())));
}

/// The files of a folder of recorded exchanges, with their names; none where the folder is absent.
fn fixtures(folder: &str) -> Vec<(String, String)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures/translation").join(folder);
    let Ok(entries) = std::fs::read_dir(&folder) else {
        eprintln!("skipped: {} is absent", folder.display());
        return Vec::new();
    };
    let paths = entries.map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some_and(|extension| extension == "json"));
    let mut files: Vec<_> =
        paths.map(|path| (path.file_stem().unwrap().to_string_lossy().into_owned(), std::fs::read_to_string(&path).unwrap())).collect();
    files.sort();
    files
}

#[test]
fn recorded_calls_are_read_or_named() {
    for (name, body) in fixtures("requests/messages") {
        let refused = match name.as_str() {
            "metadata" => Some("metadata.department"),
            "responses_agent_subset" => Some("metadata.trace_id"),
            "server_tools" => Some("tools[0]"),
            // `markdown`, which Anthropic's dialect never had.
            "reasoning" => Some("output_format"),
            _ => None,
        };
        let read = read_ask(body.as_bytes());
        assert_eq!(read.as_ref().err().map(comity_dialect::CannotHonour::field), refused, "{name}");
        let Ok(ask) = read else { continue };
        let again = write_ask(&ask, "claude-opus-4-8").map(|body| read_ask(&body).unwrap());
        match again {
            Ok(again) => assert_eq!(roles(&again.turns), roles(&ask.turns), "{name}"),
            // Files are the operator's own.
            Err(error) => assert!(error.to_string().contains("names a file"), "{name}: {error}"),
        }
    }
}

fn roles(turns: &[comity_dialect::Turn]) -> Vec<(Role, usize)> {
    turns.iter().map(|turn| (turn.role, turn.parts.len())).collect()
}

#[test]
fn recorded_answers_survive_the_round_trip() {
    for (name, body) in fixtures("response/anthropic") {
        if name.starts_with("stream_") {
            let read = events(&body);
            assert_eq!(without_usage(&events(&written(&read))), without_usage(&read), "{name}");
        } else if name != "count_tokens" {
            let read = read_reply(body.as_bytes(), &stamp()).unwrap();
            assert_eq!(read_reply(&write_reply(&read, &stamp()), &stamp()).unwrap(), read, "{name}");
        }
    }
}
