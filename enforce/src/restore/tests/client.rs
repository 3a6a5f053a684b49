//! What a client puts together from the events of an answer: it joins pieces by their place, as the libraries of the two makers do.

use std::collections::BTreeMap;

use serde_json::Value;

/// Every text of an answer, by its place.
pub(super) type View = BTreeMap<String, String>;

/// The data of all events.
pub(super) fn events(stream: &str) -> Vec<Value> {
    let stream = stream.replace("\r\n", "\n");
    let data = |frame: &str| frame.lines().filter_map(|line| line.strip_prefix("data: ").map(str::to_owned)).collect::<Vec<_>>().join("\n");
    let frames = stream.split("\n\n").map(data).filter(|data| !data.is_empty() && data != "[DONE]");
    frames.map(|data| serde_json::from_str(&data).unwrap()).collect()
}

/// Joins all strings below a `delta`, but indexes and types, as OpenAI's library for Python does it. What comes after a choice's reason
/// to end is an error there.
pub(super) fn chat(stream: &str) -> View {
    let mut view = View::new();
    let mut ended = Vec::new();
    for chunk in events(stream) {
        for choice in chunk["choices"].as_array().unwrap() {
            assert!(!ended.contains(&choice["index"]));
            if !choice["finish_reason"].is_null() {
                ended.push(choice["index"].clone());
            }
            join(&choice["delta"], &choice["index"].to_string(), &mut view);
        }
    }
    view
}

fn join(delta: &Value, place: &str, view: &mut View) {
    match delta {
        Value::String(text) => view.entry(place.to_owned()).or_default().push_str(text),
        Value::Array(items) => items.iter().for_each(|item| join(item, &format!("{place}.{}", item["index"]), view)),
        Value::Object(members) => {
            let members = members.iter().filter(|(name, _)| *name != "type");
            members.for_each(|(name, member)| join(member, &format!("{place}.{name}"), view));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Joins what a block begins with and its deltas. A delta without its block, or behind its stop, is an error there.
pub(super) fn messages(stream: &str) -> View {
    let mut view = View::new();
    let (mut open, mut signed) = (None, Vec::new());
    for event in events(stream) {
        match event["type"].as_str().unwrap() {
            "content_block_start" => {
                assert!(open.is_none());
                open = Some(event["index"].clone());
                let block = &event["content_block"];
                let begin = block["text"].as_str().or(block["thinking"].as_str()).unwrap_or_default();
                view.insert(event["index"].to_string(), begin.to_owned());
            }
            "content_block_delta" => {
                assert_eq!(open.as_ref(), Some(&event["index"]));
                let delta = &event["delta"];
                assert!(!signed.contains(&event["index"]), "no thought comes behind its signature");
                let piece = ["text", "thinking", "partial_json"].iter().find_map(|member| delta[member].as_str());
                view.get_mut(&event["index"].to_string()).unwrap().push_str(piece.unwrap_or_default());
                if delta["type"] == "signature_delta" {
                    assert_eq!(delta["signature"], "UElJ");
                    signed.push(event["index"].clone());
                }
            }
            "content_block_stop" => assert_eq!(open.take().as_ref(), Some(&event["index"])),
            _ => {}
        }
    }
    view
}

/// Joins deltas by item. What an event says in whole must be what was joined by then; gives the last response too.
pub(super) fn responses(stream: &str) -> (View, Value) {
    let (mut view, mut last) = (View::new(), Value::Null);
    for event in events(stream) {
        let place = event["output_index"].to_string();
        let kind = event["type"].as_str().unwrap();
        if kind == "response.completed" {
            last = event["response"].clone();
        } else if kind == "response.output_item.done" {
            assert_eq!(view.get(&place).unwrap(), said(&event["item"]));
        } else if kind.ends_with(".done") {
            let text = ["text", "refusal", "arguments", "input"].iter().find_map(|member| event[member].as_str());
            assert_eq!(view.get(&place).map(String::as_str), text);
        } else if let Some(piece) = event["delta"].as_str() {
            view.entry(place).or_default().push_str(piece);
        }
    }
    (view, last)
}

/// The text of an item.
pub(super) fn said(item: &Value) -> &str {
    let part = [&item["content"][0], &item["summary"][0], item];
    let texts = part.iter().flat_map(|part| ["text", "refusal", "arguments", "input"].map(|member| part[member].as_str()));
    texts.flatten().next().unwrap()
}
