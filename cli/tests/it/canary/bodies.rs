//! Bodies with values in every place that an API has.

use serde_json::json;

use super::flock::{Flock, escaped};

/// Texts, definitions of tools, arguments with escapes, results, names of members, long numbers, ids of end users. `more` adds credentials.
pub(super) fn full_chat(flock: &mut Flock, more: bool) -> String {
    let (escape, number) = (flock.email("chat: escapes in arguments"), flock.card("chat: a number in arguments"));
    let arguments =
        json!({ "to": escape, "account": "NUMBER", flock.email("chat: a name in arguments"): [flock.phone("chat: nested arguments")] });
    let arguments = arguments.to_string().replace(&escape, &escaped(&escape)).replace("\"NUMBER\"", &number.replace(' ', ""));
    let outer = flock.email("chat: escapes in a text");
    let far = flock.card("chat: a number in a field that nobody knows");
    let mut body = json!({
        "model": "alpha/m@OFFERING",
        "messages": [
            { "role": "system", "content": format!("Bill {}.", flock.iban("chat: system")) },
            { "role": "developer", "content": format!("Not {}.", flock.email("chat: developer")) },
            { "role": "user", "name": "n", "content": [{ "type": "text", "text": format!("Call {}.", flock.phone("chat: a part")) }, { "type": "text", "text": format!("Or {outer}.") }] },
            { "role": "assistant", "content": format!("Card {}.", flock.card("chat: assistant")), "tool_calls": [{ "id": "call_1", "type": "function", "function": { "name": "mail", "arguments": arguments } }] },
            { "role": "tool", "tool_call_id": "call_1", "content": json!({ "sent": flock.email("chat: a result"), "from": flock.iban("chat: JSON in a result") }).to_string() },
            { "role": "user", "content": format!("And {}?", flock.email("chat: the last turn")) },
        ],
        "tools": [{ "type": "function", "function": { "name": "mail", "description": format!("Never {}.", flock.email("chat: a tool")), "parameters": {
            "type": "object",
            "properties": { "to": { "type": "string", "enum": [flock.email("chat: an enum")], "description": flock.phone("chat: a parameter"), "default": flock.iban("chat: a default") }, flock.email("chat: a parameter's name"): { "type": "string" } },
        } } }],
        "metadata": { "case": flock.iban("chat: metadata"), flock.email("chat: a name in metadata"): "x" },
        "user": flock.user("chat: user"),
        "safety_identifier": flock.user("chat: safety_identifier"),
        "prompt_cache_key": flock.user("chat: prompt_cache_key"),
        "stop": [flock.email("chat: stop"), "."],
        "x_account": "TOP",
        flock.email("chat: the name of a field"): true,
        "x_unknown": { "number": "NUMBER", "deep": [[{ "list": [flock.phone("chat: a field that nobody knows")] }]] },
    });
    if more {
        body["messages"][0]["content"] = json!(format!("Key {} and {}", flock.secret("chat: a credential"), flock.token("chat: a token")));
    }
    let top = flock.card("chat: a number at the top");
    let digits = |card: &str| card.replace(' ', "");
    body.to_string().replace(&outer, &escaped(&outer)).replace("\"NUMBER\"", &digits(&far)).replace("\"TOP\"", &digits(&top))
}

pub(super) fn full_response(flock: &mut Flock, more: bool) -> String {
    let escape = flock.email("responses: escapes in arguments");
    let arguments = json!({ "to": escape, "call": flock.phone("responses: arguments") }).to_string().replace(&escape, &escaped(&escape));
    let far = flock.card("responses: a number");
    let mut body = json!({
        "model": "alpha/m@OFFERING",
        "instructions": format!("Bill {}.", flock.iban("responses: instructions")),
        "input": [
            { "role": "user", "content": format!("Call {}.", flock.phone("responses: user")) },
            { "role": "assistant", "content": [{ "type": "output_text", "text": format!("Card {}.", flock.card("responses: assistant")) }] },
            { "type": "function_call", "call_id": "call_1", "name": "mail", "arguments": arguments },
            { "type": "function_call_output", "call_id": "call_1", "output": format!("sent to {}", flock.email("responses: a result")) },
            { "role": "user", "content": [{ "type": "input_text", "text": format!("And {}?", flock.email("responses: the last turn")) }] },
        ],
        "tools": [{ "type": "function", "name": "mail", "description": flock.email("responses: a tool"), "parameters": { "type": "object", "properties": { "to": { "type": "string", "description": flock.phone("responses: a parameter") } } } }],
        "metadata": { "case": flock.iban("responses: metadata"), flock.email("responses: a name in metadata"): "x" },
        "user": flock.user("responses: user id"),
        "safety_identifier": flock.user("responses: safety_identifier"),
        "prompt_cache_key": flock.user("responses: prompt_cache_key"),
        "x_unknown": { "number": "NUMBER" },
    });
    if more {
        body["instructions"] = json!(format!("Key {} and {}", flock.secret("responses: a credential"), flock.token("responses: a token")));
    }
    body.to_string().replace("\"NUMBER\"", &far.replace(' ', ""))
}

pub(super) fn full_message(flock: &mut Flock) -> String {
    let escape = flock.email("messages: escapes in a text");
    let far = flock.card("messages: a number in the input of a tool");
    let body = json!({
        "model": "alpha/m@OFFERING",
        "max_tokens": 50,
        "system": [{ "type": "text", "text": format!("Bill {}.", flock.iban("messages: system")) }],
        "messages": [
            { "role": "user", "content": [
                { "type": "text", "text": format!("Call {}, {escape}.", flock.phone("messages: user")) },
            ] },
            { "role": "assistant", "content": [
                { "type": "text", "text": format!("Card {}.", flock.card("messages: assistant")) },
                { "type": "tool_use", "id": "toolu_1", "name": "mail", "input": { "to": flock.email("messages: the input of a tool"), "number": "NUMBER", flock.email("messages: a name in the input"): [{ "x": flock.phone("messages: deep in the input") }] } },
            ] },
            { "role": "user", "content": [{ "type": "tool_result", "tool_use_id": "toolu_1", "content": [{ "type": "text", "text": format!("sent to {}", flock.email("messages: a result")) }] }] },
            { "role": "assistant", "content": "Yes." },
            { "role": "user", "content": format!("And {}?", flock.email("messages: the last turn")) },
        ],
        "tools": [{ "name": "mail", "description": flock.email("messages: a tool"), "input_schema": { "type": "object", "properties": { "to": { "type": "string", "description": flock.phone("messages: a parameter") } } } }],
        "metadata": { "user_id": flock.user("messages: user_id") },
        "stop_sequences": [flock.email("messages: stop_sequences")],
    });
    body.to_string().replace(&escape, &escaped(&escape)).replace("\"NUMBER\"", &far.replace(' ', ""))
}

pub(super) fn full_embedding(flock: &mut Flock, more: bool) -> String {
    let mut input =
        vec![flock.email("embeddings"), format!("pay {}", flock.iban("embeddings")), format!("call {}", flock.phone("embeddings"))];
    if more {
        input.push(flock.token("embeddings"));
    }
    json!({ "model": "alpha/m@OFFERING", "input": input, "user": flock.user("embeddings: user") }).to_string()
}
