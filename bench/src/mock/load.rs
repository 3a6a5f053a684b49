//! Constant answers for load runs, so that the mock's own work is the least possible: made once for each dialect, never parsed for.

use std::sync::LazyLock;
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;

use super::answer::{Told, content_type, events, whole};
use super::call::{Api, Call, Framing, Operation};
use super::errors::{self, JSON};
use super::fields::flag;
use super::score::{Score, Step};
use super::wish::{Reply, Stop, Usage};

/// Chunks of a load stream; what opens and closes it comes on top.
const CHUNKS: usize = 50;
const TEXT: &str = "The office is open from Monday to Friday, nine to five, and on the first Saturday of each month until noon.";

struct Constant {
    api: Api,
    framing: Framing,
    pieces: Vec<Bytes>,
}

static CONSTANTS: LazyLock<Vec<Constant>> = LazyLock::new(|| {
    let kinds = [
        (Api::Responses, Framing::Events),
        (Api::Messages, Framing::Events),
        (Api::Gemini, Framing::Events),
        (Api::Gemini, Framing::Array),
        (Api::Converse, Framing::Binary),
    ];
    let streams = kinds.into_iter().map(|(api, framing)| made(api, framing, &" token".repeat(CHUNKS)));
    let wholes = [Api::Responses, Api::Messages, Api::Gemini, Api::Converse].into_iter().map(|api| made(api, Framing::Whole, TEXT));
    streams.chain(wholes).chain([chat_stream(), chat_whole()]).collect()
});

pub(crate) fn fixed(call: &Call, body: &Value, pace: Option<Duration>) -> Score {
    let framing = call.framing(flag(body, "stream"));
    let Operation::Generate(api) = call.operation else { return errors::not_found(call, "load modes answer chats only") };
    let same = |constant: &&Constant| constant.api == api && constant.framing == framing;
    let Some(constant) = CONSTANTS.iter().find(same) else { return errors::not_found(call, "load modes answer chats only") };
    if framing == Framing::Whole {
        return Score::whole(200, JSON, constant.pieces.first().cloned().unwrap_or_default());
    }
    let mut steps = Vec::new();
    for piece in &constant.pieces {
        steps.extend(pace.map(Step::Pause));
        steps.push(Step::Chunk(piece.clone()));
    }
    Score::stream(content_type(framing), steps)
}

fn made(api: Api, framing: Framing, text: &str) -> Constant {
    let usage = Usage { input: 24, output: 23, ..Usage::default() };
    let reply = Reply { thinking: None, text: Some(text.to_owned()), calls: Vec::new(), stop: Stop::End, usage: Some(usage), cut: None };
    let told = Told { model: "mock", body: &Value::Null, reply: &reply, number: 0 };
    let pieces = if framing == Framing::Whole { vec![Bytes::from(whole(api, &told).to_string())] } else { events(api, &told, framing) };
    Constant { api, framing, pieces }
}

/// 48 chunks, the reason of the end, usage, `[DONE]`: 51 events, as an upstream sends that is asked for usage.
fn chat_stream() -> Constant {
    let text = std::iter::repeat_n(CHAT_CHUNK, CHUNKS.saturating_sub(2)).map(str::to_owned);
    let ended = CHAT_CHUNK.replace("{\"content\":\" token\"}", "{}").replace("\"finish_reason\":null", "\"finish_reason\":\"stop\"");
    let usage = CHAT_USAGE.to_owned();
    let pieces = text.chain([ended, usage, "data: [DONE]\n\n".to_owned()]).map(Bytes::from).collect();
    Constant { api: Api::Chat, framing: Framing::Events, pieces }
}

fn chat_whole() -> Constant {
    Constant { api: Api::Chat, framing: Framing::Whole, pieces: vec![Bytes::from_static(CHAT.as_bytes())] }
}

/// 430 bytes, as a short chat answer.
const CHAT: &str = r#"{"id":"chatcmpl-mock","object":"chat.completion","created":1735689600,"model":"mock","choices":[{"index":0,"message":{"role":"assistant","content":"The office is open from Monday to Friday, nine to five, and on the first Saturday of each month until noon.","refusal":null},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":24,"completion_tokens":23,"total_tokens":47},"system_fingerprint":"fp_mock"}"#;

const CHAT_CHUNK: &str = "data: {\"id\":\"chatcmpl-mock\",\"object\":\"chat.completion.chunk\",\"created\":1735689600,\"model\":\"mock\",\"system_fingerprint\":\"fp_mock\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\" token\"},\"logprobs\":null,\"finish_reason\":null}]}\n\n";

const CHAT_USAGE: &str = "data: {\"id\":\"chatcmpl-mock\",\"object\":\"chat.completion.chunk\",\"created\":1735689600,\"model\":\"mock\",\"system_fingerprint\":\"fp_mock\",\"choices\":[],\"usage\":{\"prompt_tokens\":24,\"completion_tokens\":48,\"total_tokens\":72}}\n\n";
