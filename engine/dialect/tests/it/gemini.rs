//! The gemini dialect from outside: what a chat caller's call becomes, and what answers become, as snapshots.

use comity_dialect::gemini::{EventReader, read_reply, write_ask};
use comity_dialect::{Event, Frame, chat};
use serde_json::Value;

use crate::upstream_only::{every_recorded_call, folded, stamp};

const ASK: &str = include_str!("gemini/ask.json");
const REPLY: &str = include_str!("gemini/reply.json");
const STREAM: &str = include_str!("gemini/stream.txt");

fn events(frames: usize) -> Vec<Event> {
    let (mut reader, mut out) = (EventReader::new(&stamp()), Vec::new());
    for data in STREAM.lines().filter_map(|line| line.strip_prefix("data: ")).take(frames) {
        reader.read(Frame { event: None, data: data.as_bytes() }, &mut out).unwrap();
        assert!(!reader.is_done());
    }
    reader.finish(&mut out);
    out
}

#[test]
fn a_call_is_written() {
    let body = write_ask(&chat::read_ask(ASK.as_bytes()).unwrap()).unwrap();
    insta::assert_json_snapshot!("ask_written", serde_json::from_slice::<Value>(&body).unwrap());
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
    for frames in 0..6 {
        assert!(!events(frames).iter().any(|event| matches!(event, Event::End { .. })), "{frames}");
    }
}

#[test]
fn a_frame_cut_anywhere_is_a_bad_answer() {
    for data in STREAM.lines().filter_map(|line| line.strip_prefix("data: ")) {
        for length in 1..data.len() {
            let read = EventReader::new(&stamp()).read(Frame { event: None, data: &data.as_bytes()[..length] }, &mut Vec::new());
            assert!(read.is_err(), "{data}");
        }
    }
}

#[test]
fn recorded_calls() {
    every_recorded_call(write_ask);
}
