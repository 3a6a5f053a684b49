//! Streams that were recorded from the real services: words of their texts become pseudonyms, and restoring must give the recording back.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use comity_bench::cassette::Cassette;
use comity_dialect::Api;
use comity_redact::{Form, Label, PseudonymKey, Pseudonyms};
use serde_json::Value;

use super::{Restoring, client};

/// Members whose strings are what the model says or reads.
const SAID: [&str; 9] = ["text", "thinking", "partial_json", "arguments", "delta", "content", "refusal", "title", "query"];

/// All recorded streams of one API in a folder beside this crate.
fn streams(folder: &str, is_stream: fn(&str) -> bool) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder);
    if !folder.exists() {
        eprintln!("skipped: {} is not there", folder.display());
        return Vec::new();
    }
    let mut streams = Vec::new();
    for cassette in Cassette::read_folder(&folder).unwrap() {
        for interaction in cassette.interactions {
            let body = String::from_utf8(interaction.response.body).unwrap_or_default();
            if is_stream(&body) {
                streams.push((cassette.name.clone(), body));
            }
        }
    }
    streams
}

/// The pieces of a stream, by channel: every string that a delta ends in.
fn pieces(events: &[Value]) -> BTreeMap<String, Vec<String>> {
    let mut pieces: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for event in events {
        each_delta(&mut event.clone(), &mut |channel, text| pieces.entry(channel).or_default().push(text.clone()));
    }
    pieces
}

/// Calls `each` for the texts in pieces of an event.
fn each_delta(event: &mut Value, each: &mut impl FnMut(String, &mut String)) {
    let place = ["output_index", "content_index", "summary_index", "index"].map(|index| event[index].to_string()).concat();
    let (kind, root) = (event["type"].as_str().unwrap_or_default().to_owned(), event.get_mut("choices").is_none());
    if root && let Some(delta) = event.get_mut("delta").filter(|_| kind != "message_delta") {
        walk(delta, &format!("{kind} {place}"), each);
    }
    for choice in event.get_mut("choices").and_then(Value::as_array_mut).into_iter().flatten() {
        let index = choice["index"].to_string();
        choice.get_mut("delta").into_iter().for_each(|delta| walk(delta, &index, each));
    }
}

fn walk(value: &mut Value, place: &str, each: &mut impl FnMut(String, &mut String)) {
    match value {
        Value::String(text) => each(place.to_owned(), text),
        Value::Array(items) => items.iter_mut().for_each(|item| {
            let place = format!("{place}.{}", item["index"]);
            walk(item, &place, each);
        }),
        Value::Object(members) => {
            let said = members.iter_mut().filter(|(name, value)| SAID.contains(&name.as_str()) || !value.is_string());
            let said = said.filter(|(name, _)| *name != "annotations" && *name != "citation");
            said.for_each(|(name, member)| walk(member, &format!("{place}.{name}"), each));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Calls `each` for every string that says something.
fn each_said(value: &mut Value, is_said: bool, each: &impl Fn(&mut String)) {
    match value {
        Value::String(text) if is_said => each(text),
        Value::Array(items) => items.iter_mut().for_each(|item| each_said(item, is_said, each)),
        Value::Object(members) => members.iter_mut().for_each(|(name, member)| each_said(member, SAID.contains(&name.as_str()), each)),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Longer words of the texts, in plain letters.
fn words(events: &[Value]) -> Vec<String> {
    let texts: Vec<String> = pieces(events).into_values().map(|pieces| pieces.concat()).collect();
    let words = texts.iter().flat_map(|text| text.split(|letter: char| !letter.is_ascii_alphabetic()));
    let mut words: Vec<String> = words.filter(|word| word.len() > 4).map(str::to_owned).collect();
    words.sort();
    words.dedup();
    // A word in another would be replaced twice.
    let all = words.clone();
    words.retain(|word| all.iter().all(|other| other == word || !other.contains(word.as_str())));
    words.truncate(40);
    words
}

/// A text cut into as many pieces as there were.
fn cut(text: &str, count: usize) -> Vec<String> {
    let letters: Vec<char> = text.chars().collect();
    let at = |piece: usize| letters.len() * piece / count;
    (0..count).map(|piece| letters[at(piece)..at(piece + 1)].iter().collect()).collect()
}

/// The events as they would come if the model had been told pseudonyms.
fn planted(events: &[Value], plant: &impl Fn(&str) -> String) -> Vec<Value> {
    let mut cut: BTreeMap<String, std::vec::IntoIter<String>> = pieces(events)
        .into_iter()
        .map(|(channel, pieces)| (channel, self::cut(&plant(&pieces.concat()), pieces.len()).into_iter()))
        .collect();
    let mut events = events.to_vec();
    for event in &mut events {
        let mut deltas = 0;
        each_delta(event, &mut |channel, text| {
            deltas += 1;
            *text = cut.get_mut(&channel).unwrap().next().unwrap();
        });
        if deltas == 0 {
            each_said(event, false, &|text| *text = plant(text));
        }
    }
    events
}

/// Whether the recording has a word to plant.
fn check(api: Api, (name, stream): &(String, String)) -> bool {
    let recorded = client::events(stream);
    let words = words(&recorded);
    if words.is_empty() {
        return false;
    }
    let label = Label::parse("WRD").unwrap();
    let pseudonyms = Arc::new(Pseudonyms::new(&PseudonymKey::new([7; 32]), words.iter().map(|word| (label, word.as_str()))).unwrap());
    let plant = |text: &str| words.iter().fold(text.to_owned(), |text, word| text.replace(word, pseudonyms.of(word).unwrap()));
    let sent = planted(&recorded, &plant);
    assert_ne!(sent, recorded, "{name}");
    let mut events = Restoring::new(Some(Arc::clone(&pseudonyms)), (api, Form::Text)).events();
    let mut out = String::new();
    for event in &sent {
        let kind = event["type"].as_str().map(|kind| format!("event: {kind}\n")).unwrap_or_default();
        let frame = events.push(Bytes::from(format!("{kind}data: {event}\n\n"))).ok().unwrap();
        out.push_str(std::str::from_utf8(&frame).unwrap());
    }
    let rest = events.finish().unwrap();
    assert!(rest.is_empty(), "{name}: {rest:?}");
    let out = client::events(&out);
    let joined = |events: &[Value]| -> BTreeMap<String, String> {
        pieces(events).into_iter().map(|(channel, pieces)| (channel, pieces.concat())).collect()
    };
    assert_eq!(joined(&out), joined(&recorded), "{name}");
    let without_deltas = |events: &[Value]| -> Vec<Value> {
        let blank = |event: &Value| {
            let mut event = event.clone();
            each_delta(&mut event, &mut |_, text| text.clear());
            event
        };
        events.iter().map(blank).collect()
    };
    assert_eq!(without_deltas(&out), without_deltas(&recorded), "{name}");
    // With a call that has other values, the text stays: only a `p` may move on to the next frame.
    let other = Arc::new(Pseudonyms::new(&PseudonymKey::new([7; 32]), [(label, "nobody")]).unwrap());
    let same = Restoring::new(Some(other), (api, Form::Text)).events().push(Bytes::from(stream.clone())).ok().unwrap();
    let same = client::events(std::str::from_utf8(&same).unwrap());
    assert_eq!(joined(&same), joined(&recorded), "{name}");
    assert_eq!(without_deltas(&same), without_deltas(&recorded), "{name}");
    true
}

#[test]
fn anthropic() {
    let streams = streams("tests/recorded/anthropic", |body| body.contains("content_block_delta"));
    assert_eq!(streams.iter().filter(|stream| check(Api::Messages, stream)).count(), 3);
}

#[test]
fn responses() {
    let streams = streams("tests/recorded/responses", |body| body.contains("\"response.output_text.delta\""));
    assert_eq!(streams.iter().filter(|stream| check(Api::Responses, stream)).count(), 2);
}

#[test]
fn chat() {
    let streams = streams("../shared/fixtures/openai-recorded", |body| body.contains("chat.completion.chunk"));
    let checked = streams.iter().filter(|stream| check(Api::Chat, stream)).count();
    assert!(streams.is_empty() || checked >= 2);
}
