//! The bedrock dialect from outside: what a messages caller's call becomes, and what answers become, as snapshots.

use comity_dialect::bedrock::{EventReader, read_reply, write_ask};
use comity_dialect::{Event, Frame, messages};
use serde_json::Value;

use crate::upstream_only::{every_recorded_call, folded, stamp};

const ASK: &str = include_str!("bedrock/ask.json");
const THINKING: &str = include_str!("bedrock/thinking.json");
const REPLY: &str = include_str!("bedrock/reply.json");
const STREAM: &str = include_str!("bedrock/stream.txt");

/// The events of so many frames; those of the whole stream end by themselves.
fn events(frames: usize) -> Vec<Event> {
    let (mut reader, mut out) = (EventReader::new(&stamp()), Vec::new());
    for (event, data) in STREAM.lines().filter_map(|line| line.split_once(' ')).take(frames) {
        assert!(!reader.is_done());
        reader.read(Frame { event: Some(event), data: data.as_bytes() }, &mut out).unwrap();
    }
    assert_eq!(reader.is_done(), frames == usize::MAX);
    reader.finish(&mut out);
    out
}

fn written(ask: &str, model: &str) -> Value {
    serde_json::from_slice(&write_ask(&messages::read_ask(ask.as_bytes()).unwrap(), model).unwrap()).unwrap()
}

#[test]
fn a_call_is_written() {
    insta::assert_json_snapshot!("ask_written", written(ASK, "amazon.nova-lite-v1:0"));
}

#[test]
fn anthropics_models_are_told_what_only_they_take() {
    insta::assert_json_snapshot!("thinking_written", written(THINKING, "eu.anthropic.claude-opus-4-8-v1"));
    let error = write_ask(&messages::read_ask(THINKING.as_bytes()).unwrap(), "amazon.nova-lite-v1:0").unwrap_err();
    assert!(["thinking", "top_k"].contains(&error.field()), "{error}");
}

#[test]
fn an_answer_is_read() {
    insta::assert_debug_snapshot!("reply_read", read_reply(REPLY.as_bytes(), &stamp()).unwrap());
}

#[test]
fn a_stream_is_read() {
    insta::assert_debug_snapshot!("stream_read", events(usize::MAX));
}

#[test]
fn a_stream_says_what_a_whole_answer_says() {
    assert_eq!(folded(&events(usize::MAX)), read_reply(REPLY.as_bytes(), &stamp()).unwrap());
}

#[test]
fn a_stream_that_is_cut_never_ends() {
    for frames in 0..17 {
        assert!(!events(frames).iter().any(|event| matches!(event, Event::End { .. })), "{frames}");
    }
}

#[test]
fn a_frame_cut_anywhere_is_a_bad_answer() {
    for (event, data) in STREAM.lines().filter_map(|line| line.split_once(' ')).map(|(event, data)| (Some(event), data)) {
        for length in 1..data.len() {
            let read = EventReader::new(&stamp()).read(Frame { event, data: &data.as_bytes()[..length] }, &mut Vec::new());
            assert!(read.is_err() || event == Some("messageStart"), "{data}");
        }
    }
}

#[test]
fn recorded_calls() {
    for model in ["amazon.nova-lite-v1:0", "anthropic.claude-sonnet-4-5-20250929-v1:0", "eu.anthropic.claude-opus-4-8-v1"] {
        every_recorded_call(|ask| write_ask(ask, model));
    }
}
