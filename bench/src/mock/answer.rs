//! What the mock says in each mode, whatever the dialect. Every answer is a pure function of the mode, the call and the responses kept
//! before: no clock, no chance, so that tests can compare bytes.

use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use serde_json::{Value, json};

use super::binary::EVENT_STREAM;
use super::call::{Api, Call, Framing, Operation};
use super::errors::{Complaint, JSON};
use super::fields::text;
use super::memory::Memory;
use super::model::{Manner, reply};
use super::score::{Score, Step};
use super::wish::{Reply, Wish};
use super::{Mode, chat, converse, credential, embeddings, errors, gemini, listing, load, messages, responses};

/// The received call, as far as answers depend on it.
pub(crate) struct Ask<'a> {
    pub(crate) call: &'a Call,
    pub(crate) head: &'a Parts,
    pub(crate) raw: &'a [u8],
    pub(crate) body: &'a Value,
    pub(crate) memory: &'a Memory,
}

/// What the model says, on its way into a dialect's shape.
pub(crate) struct Told<'a> {
    pub(crate) model: &'a str,
    pub(crate) body: &'a Value,
    pub(crate) reply: &'a Reply,
    /// Counts answers, for ids.
    pub(crate) number: u64,
}

const SSE: &str = "text/event-stream";
/// Some fixed instant: 2025-01-01T00:00:00Z.
pub(crate) const CREATED: i64 = 1_735_689_600;

/// The answer of a mode to a call. [`Mode::Replay`] is answered elsewhere; here it is a 404.
pub(crate) fn answer(mode: &Mode, ask: &Ask<'_>) -> Score {
    let call = ask.call;
    match mode {
        Mode::Echo => said(ask, Manner::Usual),
        Mode::NoUsage => said(ask, Manner::Unmetered),
        Mode::Refuse => said(ask, Manner::Refusing),
        Mode::Pieces(characters) => said(ask, Manner::InPieces(*characters)),
        Mode::Slow(ms) => said(ask, Manner::Usual).after(Step::Pause(Duration::from_millis(*ms))),
        Mode::Hold => said(ask, Manner::Usual).after(Step::Hold),
        Mode::Reset => said(ask, Manner::Usual).after(Step::Reset),
        Mode::Stall => said(ask, Manner::Usual).after(Step::Never),
        Mode::HoldStream => interrupted(ask, &Step::Hold),
        Mode::ResetAfter => interrupted(ask, &Step::Reset),
        Mode::Cut => interrupted(ask, &Step::Cut),
        Mode::StallStream => interrupted(ask, &Step::Never),
        Mode::Truncated => in_pieces(ask, truncated),
        Mode::BadUtf8 => in_pieces(ask, |pieces| pieces.iter().map(|piece| Step::Chunk(spoil(piece))).collect()),
        Mode::Comments => in_pieces(ask, |pieces| commented(ask, pieces)),
        Mode::Oversize(mib) => in_pieces(ask, |pieces| oversize(pieces, *mib)),
        Mode::ErrorStream => error_after(ask, 2),
        Mode::ErrorFirst => error_after(ask, 0),
        Mode::Status(code) => errors::status(call, *code),
        Mode::RetryAfter(seconds) => with_wait(errors::status(call, 429), *seconds),
        Mode::Redirect => errors::status(call, 302).header("location", "http://elsewhere.invalid/v1/chat/completions"),
        Mode::NotJson => Score::whole(200, "text/html", "<!doctype html><title>Down for maintenance</title>\n"),
        Mode::Fixed => load::fixed(call, ask.body, None),
        Mode::Paced(ms) => load::fixed(call, ask.body, Some(Duration::from_millis(*ms))),
        Mode::Replay(_) => errors::not_found(call, "no recorded exchange matches this call"),
    }
}

fn with_wait(mut score: Score, seconds: u64) -> Score {
    score.headers.retain(|(name, _)| name != "retry-after");
    score.header("retry-after", &seconds.to_string())
}

// === the answer in order ===

fn said(ask: &Ask<'_>, manner: Manner) -> Score {
    let version = credential::header(&ask.head.headers, "anthropic-version").unwrap_or_default();
    let versioned = matches!(ask.call.operation, Operation::Generate(Api::Messages) | Operation::CountTokens(Api::Messages));
    let fit = || if versioned { messages::check_version(version, ask.body) } else { Ok(()) };
    let told = credential::check(ask.call, ask.head, ask.raw).and_then(|()| fit()).and_then(|()| operate(ask, manner));
    told.unwrap_or_else(|complaint| errors::refused(ask.call, &complaint))
}

fn operate(ask: &Ask<'_>, manner: Manner) -> Result<Score, Complaint> {
    let call = ask.call;
    match &call.operation {
        Operation::Generate(api) => {
            let framing = framing(ask);
            let mut pieces = generated(ask, *api, manner)?;
            if framing == Framing::Whole {
                return Ok(Score::whole(200, JSON, pieces.pop().unwrap_or_default()));
            }
            Ok(Score::stream(content_type(framing), pieces.into_iter().map(Step::Chunk).collect()))
        }
        Operation::CountTokens(api) => counted(ask, *api),
        Operation::Embed => Ok(embeddings::openai(ask.body, model(ask))),
        Operation::EmbedContent => embeddings::gemini(ask.body),
        Operation::EmbedContents => embeddings::gemini_batch(ask.body),
        Operation::Models => Ok(listing::all(call)),
        Operation::Model => Ok(listing::one(call)),
        Operation::ReadResponse(id) => Ok(ask.memory.read(call, id)),
        Operation::DeleteResponse(id) => Ok(ask.memory.delete(call, id)),
        Operation::InputItems(id) => Ok(ask.memory.input_items(call, id)),
        Operation::Unknown => Err(Complaint::status(404, "the mock upstream has no such path").coded("not_found")),
    }
}

/// The events of a stream, or the whole answer as one piece.
fn generated(ask: &Ask<'_>, api: Api, manner: Manner) -> Result<Vec<Bytes>, Complaint> {
    let wish = wish(ask, api)?;
    let reply = reply(&wish, manner);
    let told = Told { model: model(ask), body: ask.body, reply: &reply, number: ask.memory.next() };
    let framing = framing(ask);
    if api == Api::Responses {
        ask.memory.keep(told.number, ask.body, responses::whole(&told));
    }
    if framing == Framing::Whole { Ok(vec![Bytes::from(whole(api, &told).to_string())]) } else { Ok(events(api, &told, framing)) }
}

fn wish(ask: &Ask<'_>, api: Api) -> Result<Wish, Complaint> {
    match api {
        Api::Chat => chat::read(ask.body),
        Api::Responses => responses::read(ask.body, ask.memory),
        Api::Messages => messages::read(ask.body),
        Api::Gemini => gemini::read(ask.body),
        Api::Converse => converse::read(ask.body),
    }
}

pub(crate) fn whole(api: Api, told: &Told<'_>) -> Value {
    match api {
        Api::Chat => chat::whole(told),
        Api::Responses => responses::whole(told),
        Api::Messages => messages::whole(told),
        Api::Gemini => gemini::whole(told),
        Api::Converse => converse::whole(told),
    }
}

pub(crate) fn events(api: Api, told: &Told<'_>, framing: Framing) -> Vec<Bytes> {
    match api {
        Api::Chat => chat::events(told),
        Api::Responses => responses::events(told),
        Api::Messages => messages::events(told),
        Api::Gemini => gemini::events(told, framing),
        Api::Converse => converse::events(told),
    }
}

fn counted(ask: &Ask<'_>, api: Api) -> Result<Score, Complaint> {
    let null = Value::Null;
    let (wish, name) = match api {
        Api::Messages => (messages::read_prompt(ask.body)?, "input_tokens"),
        Api::Gemini => (gemini::read(ask.body.get("generateContentRequest").unwrap_or(ask.body))?, "totalTokens"),
        Api::Converse => (converse::read(ask.body.pointer("/input/converse").unwrap_or(&null))?, "inputTokens"),
        Api::Chat | Api::Responses => return Err(Complaint::status(404, "the mock upstream has no such path")),
    };
    Ok(Score::whole(200, JSON, json!({ name: wish.input_words() }).to_string()))
}

fn model<'a>(ask: &'a Ask<'_>) -> &'a str {
    let named = text(ask.body, "model");
    [ask.call.model.as_str(), named, "mock"].into_iter().find(|name| !name.is_empty()).unwrap_or_default()
}

fn framing(ask: &Ask<'_>) -> Framing {
    ask.call.framing(super::fields::flag(ask.body, "stream"))
}

pub(crate) fn content_type(framing: Framing) -> &'static str {
    match framing {
        Framing::Whole | Framing::Array | Framing::ByBody => JSON,
        Framing::Events => SSE,
        Framing::Binary => EVENT_STREAM,
    }
}

// === faults ===

/// The usual answer, its pieces changed: events, or the two halves of its JSON. What is refused anyway stays a refusal.
fn in_pieces(ask: &Ask<'_>, change: impl FnOnce(Vec<Bytes>) -> Vec<Step>) -> Score {
    let usual = said(ask, Manner::Usual);
    if usual.status != 200 {
        return usual;
    }
    let bytes = |step: Step| if let Step::Chunk(bytes) = step { Some(bytes) } else { None };
    let mut pieces: Vec<Bytes> = usual.body.into_iter().filter_map(bytes).collect();
    if usual.whole {
        pieces = pieces.into_iter().flat_map(split).collect();
    }
    let kind = usual.headers.iter().find(|(name, _)| name == "content-type").map_or(JSON, |(_, kind)| kind.as_str());
    Score::stream(kind, change(pieces))
}

fn split(mut bytes: Bytes) -> [Bytes; 2] {
    let tail = bytes.split_off(bytes.len() / 2);
    [bytes, tail]
}

/// Something happens after the first event (stream) or the first half (whole).
fn interrupted(ask: &Ask<'_>, step: &Step) -> Score {
    in_pieces(ask, |pieces| {
        let mut steps: Vec<Step> = pieces.into_iter().map(Step::Chunk).collect();
        steps.insert(steps.len().min(1), step.clone());
        steps
    })
}

/// Ends within the last event but one; of a whole answer, within its second half.
fn truncated(pieces: Vec<Bytes>) -> Vec<Step> {
    let keep = pieces.len().saturating_sub(if pieces.len() > 2 { 2 } else { 1 });
    let half = pieces.get(keep).map(|next| next.slice(..next.len() / 2));
    pieces.into_iter().take(keep).chain(half).map(Step::Chunk).collect()
}

/// Puts two bytes that are never UTF-8 in front of the answer's text. A first word of the text comes right after a quotation mark.
/// In a binary stream the frame's checksum is wrong by that.
fn spoil(bytes: &Bytes) -> Bytes {
    let find = |marker: &[u8]| bytes.windows(marker.len()).position(|window| window == marker);
    let Some(at) = find(b"You said:").or_else(|| find(b"\"You ").map(|at| at.saturating_add(1))) else { return bytes.clone() };
    [&bytes.slice(..at)[..], b"\xff\xfe", &bytes.slice(at..)[..]].concat().into()
}

/// A comment line before each event. Only server-sent events have such.
fn commented(ask: &Ask<'_>, pieces: Vec<Bytes>) -> Vec<Step> {
    let comment = (framing(ask) == Framing::Events).then(|| Step::Chunk(Bytes::from_static(b": mock comment\n\n")));
    pieces.into_iter().flat_map(|piece| comment.clone().into_iter().chain([Step::Chunk(piece)])).collect()
}

/// The text swells to many MiB of `a`: one event of that size, or, where no frame may be so large, its event again and again.
fn oversize(pieces: Vec<Bytes>, mib: u32) -> Vec<Step> {
    const FILLER: usize = 64 * 1024;
    let wanted = usize::try_from(mib).unwrap_or(usize::MAX).saturating_mul(1024 * 1024);
    let find = |bytes: &Bytes, marker: &[u8]| bytes.windows(marker.len()).position(|window| window == marker);
    let whole = Bytes::from(pieces.concat());
    let binary = pieces.first().is_some_and(|first| find(first, b":event-type").is_some());
    if binary {
        let delta = pieces.iter().find(|piece| find(piece, b"contentBlockDelta").is_some()).cloned().unwrap_or_default();
        let times = wanted / delta.len().max(1);
        let again = std::iter::repeat_n(Step::Chunk(delta), times.saturating_add(1));
        return pieces.into_iter().map(Step::Chunk).take(2).chain(again).collect();
    }
    let Some(at) = find(&whole, b"You ") else { return vec![Step::Chunk(whole)] };
    let filler = Step::Chunk(Bytes::from(vec![b'a'; FILLER]));
    let mut steps = vec![Step::Chunk(whole.slice(..at))];
    steps.extend(std::iter::repeat_n(filler, wanted / FILLER));
    steps.push(Step::Chunk(whole.slice(at..)));
    steps
}

/// An error event after that many usual ones; of a whole answer, status 500.
fn error_after(ask: &Ask<'_>, events: usize) -> Score {
    let Operation::Generate(api) = ask.call.operation else { return errors::status(ask.call, 500) };
    let framing = framing(ask);
    if framing == Framing::Whole {
        return errors::status(ask.call, 500);
    }
    in_pieces(ask, |pieces| {
        let error = errors::event(ask.call, api, framing);
        pieces.into_iter().take(events).chain([error]).map(Step::Chunk).collect()
    })
}

#[cfg(test)]
mod tests {
    use http::{Method, Request};

    use super::*;

    pub(crate) fn bytes(score: &Score) -> Vec<u8> {
        let chunk = |step: &Step| if let Step::Chunk(bytes) = step { bytes.to_vec() } else { Vec::new() };
        score.body.iter().flat_map(chunk).collect()
    }

    fn ask(mode: &Mode, stream: bool) -> Score {
        let body = json!({ "model": "m", "stream": stream, "messages": [{ "role": "user", "content": "one two" }] });
        let call = Call::read(&Method::POST, "/v1/chat/completions", "", false);
        let (head, ()) = Request::new(()).into_parts();
        answer(mode, &Ask { call: &call, head: &head, raw: b"", body: &body, memory: &Memory::default() })
    }

    #[test]
    fn a_load_stream_has_51_events() {
        let text = String::from_utf8(bytes(&ask(&Mode::Fixed, true))).unwrap();
        assert_eq!(text.matches("\n\n").count(), 51);
        assert!(text.ends_with("data: [DONE]\n\n"));
    }

    #[test]
    fn a_truncated_stream_ends_within_an_event() {
        let whole = bytes(&ask(&Mode::Echo, true));
        let part = bytes(&ask(&Mode::Truncated, true));
        assert!(whole.starts_with(&part) && !part.ends_with(b"\n\n") && !part.ends_with(b"[DONE]"));
        let json = bytes(&ask(&Mode::Truncated, false));
        assert!(serde_json::from_slice::<Value>(&json).is_err());
    }

    #[test]
    fn bad_utf8_is_not_utf8_but_otherwise_the_echo() {
        for stream in [false, true] {
            let bad = bytes(&ask(&Mode::BadUtf8, stream));
            assert!(std::str::from_utf8(&bad).is_err());
            let good: Vec<u8> = bad.into_iter().filter(|byte| *byte < 0xfe).collect();
            assert_eq!(good, bytes(&ask(&Mode::Echo, stream)));
        }
    }

    #[test]
    fn oversize_has_its_size_and_is_json() {
        let body = bytes(&ask(&Mode::Oversize(1), false));
        assert!(body.len() > 1024 * 1024);
        assert!(serde_json::from_slice::<Value>(&body).is_ok());
    }
}
