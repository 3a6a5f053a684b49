//! The responses dialect: a whole ask, answer and stream each way.

use comity_dialect::responses::{EventReader, EventWriter, read_ask, read_reply, write_ask, write_reply};
use comity_dialect::{Delta, Event, Frame, Part, PartStart, Reply, ReplyPart, Stamp, Stop, Usage};
use serde_json::{Value, json};

fn stamp() -> Stamp {
    Stamp { created: 1_700_000_000, seed: "seed".into(), model: "asked".into(), wants_usage: false }
}

fn pretty(json: &[u8]) -> String {
    serde_json::to_string_pretty(&serde_json::from_slice::<Value>(json).unwrap()).unwrap()
}

/// The frames of a stream, as an upstream would send them.
fn read_stream(frames: &[Value]) -> Result<Vec<Event>, String> {
    let (mut reader, mut events) = (EventReader::new(&stamp()), Vec::new());
    for frame in frames {
        let data = frame.to_string();
        let frame = Frame { event: frame["type"].as_str(), data: data.as_bytes() };
        reader.read(frame, &mut events).map_err(|error| error.to_string())?;
    }
    reader.finish(&mut events);
    assert_eq!(reader.is_done(), matches!(events.last(), Some(Event::End { .. } | Event::Error { .. })));
    assert_ordered(&events);
    Ok(events)
}

/// What `event.rs` promises: parts never interleave, and are counted from 0.
fn assert_ordered(events: &[Event]) {
    let (mut open, mut next) = (None, 0);
    for (at, event) in events.iter().enumerate() {
        match event {
            Event::Start { .. } => assert_eq!(at, 0),
            Event::PartStart { index, .. } => {
                assert_eq!((open, *index), (None, next));
                (open, next) = (Some(next), next + 1);
            }
            Event::Delta { index, .. } => assert_eq!(open, Some(*index)),
            Event::PartStop { index } => {
                assert_eq!(open, Some(*index));
                open = None;
            }
            Event::Usage(_) => assert_ne!(at, 0),
            Event::End { .. } => assert_eq!((open, at + 1), (None, events.len())),
            Event::Error { .. } => assert_eq!(at + 1, events.len()),
        }
    }
}

fn write_stream(events: &[Event]) -> String {
    let (mut writer, mut out) = (EventWriter::new(stamp()), Vec::new());
    events.iter().for_each(|event| writer.write(event, &mut out));
    String::from_utf8(out).unwrap()
}

/// The data of the frames in a stream.
fn frames(stream: &str) -> Vec<Value> {
    stream.lines().filter_map(|line| line.strip_prefix("data: ")).map(|data| serde_json::from_str(data).unwrap()).collect()
}

fn start() -> Event {
    Event::Start { id: "msg_01".into(), model: "claude".into() }
}

fn part(index: usize, part: PartStart, deltas: Vec<Delta>) -> Vec<Event> {
    let deltas = deltas.into_iter().map(|delta| Event::Delta { index, delta });
    std::iter::once(Event::PartStart { index, part }).chain(deltas).chain([Event::PartStop { index }]).collect()
}

fn text(text: &str) -> Delta {
    Delta::Text(text.into())
}

/// An answer with a part of every kind.
fn every_kind() -> Vec<Event> {
    let call = |id: &str| PartStart::ToolCall { id: id.into(), name: "weather".into() };
    let mut events = vec![start()];
    events.extend(part(0, PartStart::Thinking, vec![text("Let me "), text("look."), Delta::Signature("c2ln".into())]));
    events.extend(part(1, PartStart::RedactedThinking("AAA=".into()), vec![]));
    events.extend(part(2, PartStart::Thinking, vec![Delta::Signature("b25seQ==".into())]));
    events.extend(part(3, PartStart::Thinking, vec![]));
    events.extend(part(4, PartStart::Text, vec![text("It "), text("is")]));
    events.extend(part(5, PartStart::Text, vec![text(" …")]));
    events.extend(part(6, PartStart::Refusal, vec![text("No.")]));
    events.extend(part(7, call("call_1"), vec![Delta::Arguments("{\"city\":".into()), Delta::Arguments("\"Bern\"}".into())]));
    events.extend(part(8, call("call_2"), vec![]));
    let usage =
        Usage { input_tokens: 10, cache_read_tokens: 4, cache_write_tokens: 2, output_tokens: 5, reasoning_tokens: 3, ..Usage::default() };
    events.extend([Event::Usage(usage), Event::End { stop: Stop::ToolCalls }]);
    events
}

#[test]
fn an_ask_is_read_whole() {
    let ask = json!({
        "model": "route/general",
        "instructions": "Be brief.",
        "input": [
            {"role": "developer", "content": [{"type": "input_text", "text": "Use the tools."}]},
            {"role": "user", "content": [
                {"type": "input_text", "text": "What is this?"},
                {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo=", "detail": "high"},
                {"type": "input_image", "image_url": "https://example.com/a.png"},
                {"type": "input_file", "file_data": "data:application/pdf;base64,JVBERg==", "filename": "a.pdf"},
            ]},
            {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Hm."}], "encrypted_content": "c2ln"},
            {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
                "content": [{"type": "output_text", "text": "I look.", "annotations": [], "logprobs": []}]},
            {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "weather", "arguments": "{\"city\":\"Bern\"}"},
            {"type": "function_call_output", "call_id": "call_1", "output": "rain"},
        ],
        "tools": [{"type": "function", "name": "weather", "description": "Weather.", "parameters": {"type": "object"}, "strict": true}],
        "tool_choice": "required",
        "parallel_tool_calls": false,
        "text": {"format": {"type": "json_schema", "name": "answer", "schema": {"type": "object"}, "strict": true}},
        "reasoning": {"effort": "low", "summary": "auto"},
        "max_output_tokens": 900,
        "temperature": 0.20,
        "top_p": 1,
        "safety_identifier": "u1",
        "stream": true,
        "store": false,
        "include": ["reasoning.encrypted_content"],
    });
    let read = read_ask(ask.to_string().as_bytes()).unwrap();
    insta::assert_debug_snapshot!("ask_read", read);
    insta::assert_snapshot!("ask_written", pretty(&write_ask(&read, "gpt").unwrap()));
}

#[test]
fn an_ask_written_reads_the_same() {
    let ask =
        json!({"model": "m", "instructions": "a", "input": "b", "max_output_tokens": 5, "reasoning": {"effort": "none"}, "stream": true});
    let read = read_ask(ask.to_string().as_bytes()).unwrap();
    let mut again = read_ask(&write_ask(&read, "m").unwrap()).unwrap();
    // A text as `input` becomes the content of a message.
    "input".clone_into(&mut again.turns[0].parts[0].field);
    assert_eq!(again, read);
}

#[test]
fn an_answer_is_read() {
    let answer = json!({
        "id": "resp_1", "object": "response", "created_at": 1, "status": "completed", "error": null, "model": "gpt-5", "new_member": {},
        "output": [
            {"id": "rs_1", "type": "reasoning", "summary": [], "encrypted_content": "gAAA="},
            {"id": "msg_1", "type": "message", "status": "completed", "role": "assistant", "phase": "commentary", "content": [
                {"type": "output_text", "text": "I look.", "annotations": [], "logprobs": []}]},
            {"id": "fc_1", "type": "function_call", "status": "completed", "call_id": "call_1", "name": "weather", "arguments": "{}"},
        ],
        "usage": {"input_tokens": 9, "input_tokens_details": {"cached_tokens": 3}, "output_tokens": 8,
            "output_tokens_details": {"reasoning_tokens": 7}, "total_tokens": 17},
    });
    insta::assert_debug_snapshot!("answer_read", read_reply(answer.to_string().as_bytes(), &stamp()).unwrap());
}

/// The same as [`every_kind`], whole.
fn every_kind_whole() -> Reply {
    let call = |id: &str, arguments: &str| ReplyPart::ToolCall {
        id: id.into(),
        name: "weather".into(),
        arguments: arguments.into(),
        signature: None,
    };
    Reply {
        id: "msg_01".into(),
        model: "claude".into(),
        parts: vec![
            ReplyPart::Thinking { text: "Let me look.".into(), signature: Some("c2ln".into()) },
            ReplyPart::RedactedThinking("AAA=".into()),
            ReplyPart::Thinking { text: String::new(), signature: Some("b25seQ==".into()) },
            ReplyPart::Thinking { text: String::new(), signature: None },
            ReplyPart::Text("It is".into()),
            ReplyPart::Text(" …".into()),
            ReplyPart::Refusal("No.".into()),
            call("call_1", "{\"city\":\"Bern\"}"),
            call("call_2", ""),
        ],
        stop: Stop::ToolCalls,
        usage: Some(Usage {
            input_tokens: 10,
            cache_read_tokens: 4,
            cache_write_tokens: 2,
            output_tokens: 5,
            reasoning_tokens: 3,
            ..Usage::default()
        }),
    }
}

#[test]
fn an_answer_is_written() {
    let reply = every_kind_whole();
    let written = write_reply(&reply, &stamp());
    insta::assert_snapshot!("answer_written", pretty(&written));
    let streamed = frames(&write_stream(&every_kind())).pop().unwrap();
    assert_eq!(streamed["response"], serde_json::from_slice::<Value>(&written).unwrap(), "whole and streamed answers are the same");
}

#[test]
fn what_was_given_can_be_handed_back() {
    let mut answer: Value = serde_json::from_slice(&write_reply(&every_kind_whole(), &stamp())).unwrap();
    let ask = json!({"model": "m", "input": answer["output"].take()});
    let read = read_ask(ask.to_string().as_bytes()).unwrap();
    let parts: Vec<_> = read.turns.iter().flat_map(|turn| &turn.parts).map(|said| said.value.clone()).collect();
    let thinking = |text: &str, signature: &str| Part::Thinking { text: text.into(), signature: Some(signature.into()) };
    let call =
        |id: &str, arguments: &str| Part::ToolCall { id: id.into(), name: "weather".into(), arguments: arguments.into(), cache: None };
    let expected = [
        thinking("Let me look.", "c2ln"),
        Part::RedactedThinking { data: "AAA=".into() },
        thinking("", "b25seQ=="),
        Part::text("It is"),
        Part::text(" …"),
        Part::Refusal { text: "No.".into() },
        call("call_1", "{\"city\":\"Bern\"}"),
        call("call_2", "{}"),
    ];
    assert_eq!(parts, expected);
    assert_eq!(read.turns.len(), 1, "what the model gave at once is one turn");
}

#[test]
fn a_stream_is_written() {
    insta::assert_snapshot!("stream_written", write_stream(&every_kind()));
}

#[test]
fn streams_that_end_otherwise_are_written() {
    let begin = |deltas: Vec<Delta>| {
        let mut events = vec![start()];
        events.extend(part(0, PartStart::Text, deltas));
        events
    };
    let ended = |stop: Stop| write_stream(&[begin(vec![text("a")]), vec![Event::End { stop }]].concat());
    insta::assert_snapshot!("stream_cut", ended(Stop::Length));
    insta::assert_snapshot!("stream_filtered", ended(Stop::Refused));
    let error = Event::Error { kind: "overloaded_error".into(), message: "busy".into() };
    let mut failed = begin(vec![text("a")]);
    failed.pop();
    failed.push(error.clone());
    insta::assert_snapshot!("stream_failed", write_stream(&failed));
    insta::assert_snapshot!("stream_refused", write_stream(&[error]));
}

#[test]
fn frames_are_numbered_and_belong_together() {
    let frames = frames(&write_stream(&every_kind()));
    for (at, frame) in frames.iter().enumerate() {
        assert_eq!(frame["sequence_number"], at);
    }
    for added in frames.iter().filter(|frame| frame["type"] == "response.output_item.added") {
        let place = &added["output_index"];
        let of_item = |frame: &&Value| frame["output_index"] == *place;
        assert!(frames.iter().filter(of_item).filter_map(|frame| frame.get("item_id")).all(|id| *id == added["item"]["id"]));
        let done = frames.iter().filter(of_item).filter(|frame| frame["type"] == "response.output_item.done").count();
        assert_eq!(done, 1, "every item is closed once");
    }
}

#[test]
fn a_stream_written_is_read_again() {
    let written = write_stream(&every_kind());
    let mut expected = every_kind();
    // Empty thoughts are not told of, redacted ones have no kind of their own in this dialect, and no arguments are `{}`.
    expected.retain(|event| {
        !matches!(
            event,
            Event::PartStart { index: 3, .. }
                | Event::PartStop { index: 3 }
                | Event::PartStart { index: 1, .. }
                | Event::PartStop { index: 1 }
        )
    });
    let texts = |events: &[Event]| -> Vec<Delta> {
        events
            .iter()
            .filter_map(|event| if let Event::Delta { delta: delta @ Delta::Text(_), .. } = event { Some(delta.clone()) } else { None })
            .collect()
    };
    let read = read_stream(&frames(&written)).unwrap();
    assert_eq!(texts(&read), texts(&expected));
    insta::assert_debug_snapshot!("stream_read_again", read);
}

fn response(status: &str) -> Value {
    json!({"id": "resp_1", "model": "gpt-5", "status": status, "output": [],
        "usage": {"input_tokens": 1, "output_tokens": 2, "output_tokens_details": {"reasoning_tokens": 1}}})
}

/// These frames, between the first and the last, are these events between `Start` and `Usage`.
fn check(mut between: Vec<Value>, expected: Vec<Vec<Event>>) {
    between.insert(0, json!({"type": "response.created", "response": response("in_progress")}));
    between.push(json!({"type": "response.completed", "response": response("completed")}));
    let mut events = read_stream(&between).unwrap();
    assert_eq!(events.remove(0), Event::Start { id: "resp_1".into(), model: "gpt-5".into() });
    assert!(matches!(events.pop(), Some(Event::End { .. })));
    assert!(matches!(events.pop(), Some(Event::Usage(Usage { reasoning_tokens: 1, .. }))));
    assert_eq!(events, expected.concat());
}

#[test]
fn thoughts_are_one_part_with_a_signature() {
    let delta = |at: u64, text: &str| json!({"type": "response.reasoning_summary_text.delta", "output_index": 0, "summary_index": at, "delta": text});
    let item = |summary: Value| json!({"type": "reasoning", "id": "rs_1", "summary": summary, "encrypted_content": "gAAA="});
    let whole = json!([{"type": "summary_text", "text": "ab"}, {"type": "summary_text", "text": "c"}]);
    check(
        vec![
            json!({"type": "response.output_item.added", "output_index": 0, "item": item(json!([]))}),
            delta(0, "a"),
            delta(0, "b"),
            delta(1, "c"),
            json!({"type": "response.output_item.done", "output_index": 0, "item": item(whole)}),
        ],
        vec![part(0, PartStart::Thinking, vec![text("a"), text("b"), text("\n\n"), text("c"), Delta::Signature("rs_1:gAAA=".into())])],
    );
    check(
        vec![json!({"type": "response.output_item.done", "output_index": 0, "item": {"type": "reasoning", "id": "rs_1", "summary": []}})],
        vec![],
    );
}

#[test]
fn items_that_interleave_are_told_one_after_the_other() {
    let added = |at: u64| json!({"type": "response.output_item.added", "output_index": at, "item": {"type": "function_call", "call_id": format!("c{at}"), "name": "f", "arguments": ""}});
    let delta = |at: u64, text: &str| json!({"type": "response.function_call_arguments.delta", "output_index": at, "delta": text});
    let done = |at: u64, text: &str| json!({"type": "response.function_call_arguments.done", "output_index": at, "arguments": text});
    let call = |at: usize, arguments: &[&str]| {
        let deltas = arguments.iter().map(|text| Delta::Arguments((*text).into())).collect();
        part(at, PartStart::ToolCall { id: format!("c{at}"), name: "f".into() }, deltas)
    };
    check(
        vec![added(0), delta(0, "{"), added(1), delta(1, "{\"a\""), delta(0, "}"), done(1, "{\"a\":1}"), done(0, "{}")],
        vec![call(0, &["{", "}"]), call(1, &["{\"a\"", ":1}"])],
    );
}

#[test]
fn servers_that_stream_less_lose_nothing() {
    let message = json!({"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "hey"}]});
    let expected = vec![part(0, PartStart::Text, vec![text("hey")])];
    check(vec![json!({"type": "response.output_item.done", "output_index": 0, "item": message})], expected.clone());
    check(vec![json!({"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "hey"})], expected.clone());
    let mut whole = response("completed");
    whole["output"] = json!([message]);
    let events = read_stream(&[json!({"type": "response.completed", "response": whole})]).unwrap();
    assert_eq!(events[1..4], expected.concat());
}

#[test]
fn streams_end_badly_by_name() {
    let last = |frame: Value| {
        read_stream(&[json!({"type": "response.created", "response": response("in_progress")}), frame]).map(|mut events| events.pop())
    };
    let mut failed = response("failed");
    failed["error"] = json!({"code": "server_error", "message": "m"});
    let error = |kind: &str| Ok(Some(Event::Error { kind: kind.into(), message: "m".into() }));
    assert_eq!(last(json!({"type": "response.failed", "response": failed})), error("server_error"));
    assert_eq!(last(json!({"type": "error", "code": "rate_limit_exceeded", "message": "m"})), error("rate_limit_exceeded"));
    assert_eq!(last(json!({"error": {"type": "server_error", "message": "m"}})), error("server_error"));
    let mut cut = response("incomplete");
    cut["incomplete_details"] = json!({"reason": "content_filter"});
    assert_eq!(last(json!({"type": "response.incomplete", "response": cut})), Ok(Some(Event::End { stop: Stop::Refused })));
    let hosted = json!({"type": "response.output_item.added", "item": {"type": "web_search_call"}});
    assert_eq!(last(hosted), Err("the answer has an item of a tool that was not asked for".into()));
    let lost = json!({"type": "response.function_call_arguments.delta", "output_index": 3, "delta": "{"});
    assert_eq!(last(lost), Err("the answer has arguments of a call that never began".into()));
}

#[test]
fn nothing_that_comes_makes_a_reader_panic() {
    for data in [
        "",
        "[DONE]",
        "null",
        "[]",
        "{}",
        "{\"type\":1}",
        "{\"type\":\"response.completed\"}",
        "{",
        "\"x\"",
        "{\"type\":\"response.output_item.done\"}",
    ] {
        let (mut reader, mut events) = (EventReader::new(&stamp()), Vec::new());
        let _ = reader.read(Frame { event: None, data: data.as_bytes() }, &mut events);
        let _ = read_reply(data.as_bytes(), &stamp());
        let _ = read_ask(data.as_bytes());
    }
}
