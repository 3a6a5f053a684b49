//! One answer in the three APIs, whole and as a stream: a text, and a call of a tool with the same data in its arguments.

use serde_json::{Value, json};

use super::{ARGUMENTS, MADE_UP, said};
use crate::dialects::Api;
use crate::stage::Reply;

/// Status, content type and body of an answer.
pub(super) type Answer = (u16, &'static str, Vec<u8>);

pub(super) fn whole(api: Api) -> Answer {
    let answer = match api {
        Api::Chat => {
            let call = json!({ "id": "c1", "type": "function", "function": { "name": "send", "arguments": ARGUMENTS } });
            let message = json!({ "role": "assistant", "content": said(), "tool_calls": [call] });
            let tokens = json!({ "content": [{ "token": MADE_UP, "logprob": -0.5, "bytes": [103, 114], "top_logprobs": [] }] });
            json!({ "id": "x", "choices": [{ "index": 0, "message": message, "logprobs": tokens, "finish_reason": "stop" }] })
        }
        Api::Messages => message(&json!([{ "type": "text", "text": said() }, tool_use(&input())])),
        Api::Responses => response(&json!([item(&said()), function(ARGUMENTS)])),
        Api::Embeddings | Api::CountTokens => unreachable!(),
    };
    (200, "application/json", answer.to_string().into_bytes())
}

pub(super) fn stream(api: Api) -> Answer {
    let text = match api {
        Api::Chat => chat_stream(),
        Api::Messages => messages_stream(),
        Api::Responses => responses_stream(),
        Api::Embeddings | Api::CountTokens => unreachable!(),
    };
    (200, "text/event-stream", text.into_bytes())
}

/// The text of an answer, as a client puts it together.
pub(super) fn text(api: Api, reply: &Reply) -> String {
    match api {
        Api::Chat => joined(reply, "/choices/0/message/content", ("", "/choices/0/delta/content")),
        Api::Messages => joined(reply, "/content/0/text", ("content_block_delta", "/delta/text")),
        Api::Responses => joined(reply, "/output/0/content/0/text", ("response.output_text.delta", "/delta")),
        Api::Embeddings | Api::CountTokens => unreachable!(),
    }
}

/// The arguments of the tool, as a client puts them together.
pub(super) fn arguments(api: Api, reply: &Reply) -> Value {
    let arguments = "/choices/0/delta/tool_calls/0/function/arguments";
    let text = match api {
        Api::Chat => joined(reply, "/choices/0/message/tool_calls/0/function/arguments", ("", arguments)),
        Api::Messages => joined(reply, "/content/1/input", ("content_block_delta", "/delta/partial_json")),
        Api::Responses => joined(reply, "/output/1/arguments", ("response.function_call_arguments.delta", "/delta")),
        Api::Embeddings | Api::CountTokens => unreachable!(),
    };
    serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}"))
}

/// What stands at `whole` in a whole answer, or in the pieces of all events of a type.
fn joined(reply: &Reply, whole: &str, (kind, piece): (&str, &str)) -> String {
    if !reply.header("content-type").starts_with("text/event-stream") {
        let json = reply.json();
        let found = json.pointer(whole).unwrap_or_else(|| panic!("{json}"));
        return found.as_str().map_or_else(|| found.to_string(), str::to_owned);
    }
    let events = reply.text().lines().filter_map(|line| serde_json::from_str::<Value>(line.strip_prefix("data: ")?).ok());
    let events = events.filter(|event| kind.is_empty() || event["type"] == kind);
    events.filter_map(|event| event.pointer(piece)?.as_str().map(str::to_owned)).collect()
}

fn pieces(text: &str) -> Vec<String> {
    text.chars().collect::<Vec<_>>().chunks(3).map(|piece| piece.iter().collect()).collect()
}

fn input() -> Value {
    serde_json::from_str(ARGUMENTS).unwrap()
}

fn event(event: &Value) -> String {
    format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap())
}

fn chat_stream() -> String {
    let chunk = |delta: Value, end: Value| {
        format!("data: {}\n\n", json!({ "id": "x", "choices": [{ "index": 0, "delta": delta, "finish_reason": end }] }))
    };
    let mut text: String = pieces(&said()).iter().map(|piece| chunk(json!({ "content": piece }), Value::Null)).collect();
    let call = json!({ "index": 0, "id": "c1", "type": "function", "function": { "name": "send", "arguments": "" } });
    text += &chunk(json!({ "tool_calls": [call] }), Value::Null);
    for piece in pieces(ARGUMENTS) {
        text += &chunk(json!({ "tool_calls": [{ "index": 0, "function": { "arguments": piece } }] }), Value::Null);
    }
    text + &chunk(json!({}), json!("stop")) + "data: [DONE]\n\n"
}

fn message(content: &Value) -> Value {
    let usage = json!({ "input_tokens": 3, "output_tokens": 5 });
    json!({ "id": "m", "type": "message", "role": "assistant", "model": "x", "content": content, "stop_reason": "tool_use", "usage": usage })
}

fn tool_use(input: &Value) -> Value {
    json!({ "type": "tool_use", "id": "t1", "name": "send", "input": input })
}

fn messages_stream() -> String {
    let mut text = event(&json!({ "type": "message_start", "message": message(&json!([])) }));
    let blocks = [
        (json!({ "type": "text", "text": "" }), ("text_delta", "text"), said()),
        (tool_use(&json!({})), ("input_json_delta", "partial_json"), ARGUMENTS.to_owned()),
    ];
    for (index, (block, (delta, member), said)) in blocks.into_iter().enumerate() {
        text += &event(&json!({ "type": "content_block_start", "index": index, "content_block": block }));
        for piece in pieces(&said) {
            text += &event(&json!({ "type": "content_block_delta", "index": index, "delta": { "type": delta, member: piece } }));
        }
        text += &event(&json!({ "type": "content_block_stop", "index": index }));
    }
    text += &event(&json!({ "type": "message_delta", "delta": { "stop_reason": "tool_use" }, "usage": { "output_tokens": 5 } }));
    text + &event(&json!({ "type": "message_stop" }))
}

fn response(output: &Value) -> Value {
    let usage = json!({ "input_tokens": 3, "output_tokens": 5, "total_tokens": 8 });
    json!({ "id": "resp_1", "object": "response", "status": "completed", "model": "x", "output": output, "usage": usage })
}

fn item(text: &str) -> Value {
    let part = json!({ "type": "output_text", "text": text, "annotations": [] });
    json!({ "type": "message", "id": "msg_1", "role": "assistant", "content": [part] })
}

fn function(arguments: &str) -> Value {
    json!({ "type": "function_call", "id": "fc_1", "call_id": "c1", "name": "send", "arguments": arguments })
}

fn responses_stream() -> String {
    let mut text = event(&json!({ "type": "response.created", "response": response(&json!([])) }));
    let items = [
        (item(""), item(&said()), ("response.output_text", "text"), said()),
        (function(""), function(ARGUMENTS), ("response.function_call_arguments", "arguments"), ARGUMENTS.to_owned()),
    ];
    for (index, (begun, done, (stem, member), said)) in items.into_iter().enumerate() {
        text += &event(&json!({ "type": "response.output_item.added", "output_index": index, "item": begun }));
        let part = |kind: &str, member: &str, text: &str| {
            let id = begun["id"].as_str().unwrap();
            event(&json!({ "type": format!("{stem}.{kind}"), "item_id": id, "output_index": index, "content_index": 0, member: text }))
        };
        text.extend(pieces(&said).iter().map(|piece| part("delta", "delta", piece)));
        text += &part("done", member, &said);
        text += &event(&json!({ "type": "response.output_item.done", "output_index": index, "item": done }));
    }
    text + &event(&json!({ "type": "response.completed", "response": response(&json!([item(&said()), function(ARGUMENTS)])) }))
}
