//! Every dialect answers natively, asks for its own credential, and misbehaves in every mode in its own way.

use aws_lc_rs::{digest, hmac};
use aws_smithy_eventstream::frame::{DecodedFrame, MessageFrameDecoder};
use bytes::{Bytes, BytesMut};
use comity_bench::MockUpstream;
use comity_bench::mock::{AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY};
use http::Request;
use serde_json::{Value, json};

use crate::client::{Client, Got};

/// One way to ask for an answer.
#[derive(Clone, Copy, Debug)]
enum Way {
    Responses,
    Messages,
    Azure,
    Gemini,
    Bedrock,
}

const WAYS: [Way; 5] = [Way::Responses, Way::Messages, Way::Azure, Way::Gemini, Way::Bedrock];

impl Way {
    fn path(self, stream: bool) -> &'static str {
        match (self, stream) {
            (Way::Responses, _) => "/v1/responses",
            (Way::Messages, _) => "/v1/messages",
            (Way::Azure, _) => "/openai/deployments/d/chat/completions?api-version=2024-10-21",
            (Way::Gemini, false) => "/v1beta/models/g:generateContent",
            (Way::Gemini, true) => "/v1beta/models/g:streamGenerateContent?alt=sse",
            (Way::Bedrock, false) => "/model/a.b-v1%3A0/converse",
            (Way::Bedrock, true) => "/model/a.b-v1%3A0/converse-stream",
        }
    }

    fn body(self, stream: bool) -> Value {
        let said = "hello there";
        match self {
            Way::Responses => json!({ "model": "m", "stream": stream, "input": said }),
            Way::Messages => {
                json!({ "model": "m", "stream": stream, "max_tokens": 4000, "messages": [{ "role": "user", "content": said }] })
            }
            Way::Azure => json!({ "stream": stream, "messages": [{ "role": "user", "content": said }] }),
            Way::Gemini => json!({ "contents": [{ "role": "user", "parts": [{ "text": said }] }] }),
            Way::Bedrock => json!({ "messages": [{ "role": "user", "content": [{ "text": said }] }] }),
        }
    }

    fn credential(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Way::Responses => &[],
            Way::Messages => &[("x-api-key", "k"), ("anthropic-version", "2023-06-01")],
            Way::Azure => &[("api-key", "k")],
            Way::Gemini => &[("x-goog-api-key", "k")],
            Way::Bedrock => &[("authorization", "Bearer k")],
        }
    }

    /// Where the text of a whole answer stands.
    fn text_at(self) -> &'static str {
        match self {
            Way::Responses => "/output/0/content/0/text",
            Way::Messages => "/content/0/text",
            Way::Azure => "/choices/0/message/content",
            Way::Gemini => "/candidates/0/content/parts/0/text",
            Way::Bedrock => "/output/message/content/0/text",
        }
    }

    /// Where a piece of text stands in an event.
    fn piece_at(self) -> &'static str {
        match self {
            Way::Responses => "/delta",
            Way::Messages => "/delta/text",
            Way::Azure => "/choices/0/delta/content",
            Way::Gemini => "/candidates/0/content/parts/0/text",
            Way::Bedrock => "/delta/text",
        }
    }

    fn message_at(self) -> &'static str {
        if matches!(self, Way::Bedrock) { "/message" } else { "/error/message" }
    }
}

/// A call with its credential; `mode` may be empty.
async fn ask(mock: &MockUpstream, way: Way, mode: &str, stream: bool) -> Option<Got> {
    let prefix = if mode.is_empty() { String::new() } else { format!("/{mode}") };
    send(mock, &format!("{prefix}{}", way.path(stream)), way.credential(), &way.body(stream)).await
}

async fn send(mock: &MockUpstream, path: &str, headers: &[(&str, &str)], body: &Value) -> Option<Got> {
    let mut request = Request::post(path).header("host", "mock").header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    Client::connect(mock).await.send(request.body(Bytes::from(body.to_string()).into()).unwrap()).await
}

/// The events of a stream as JSON; the kind of an AWS message is put in as `:kind`.
fn events(got: &Got) -> Vec<Value> {
    if got.content_type != "application/vnd.amazon.eventstream" {
        let data = got.text().lines().filter_map(|line| line.strip_prefix("data: "));
        return data.filter_map(|data| serde_json::from_str(data).ok()).collect();
    }
    let (mut decoder, mut bytes, mut events) = (MessageFrameDecoder::new(), BytesMut::from(&got.body[..]), Vec::new());
    while let Ok(DecodedFrame::Complete(message)) = decoder.decode_frame(&mut bytes) {
        let mut event: Value = serde_json::from_slice(message.payload()).unwrap();
        let kind =
            message.headers().iter().find(|header| header.name().as_str().ends_with("-type") && header.name().as_str() != ":content-type");
        event[":kind"] = json!(kind.unwrap().value().as_string().unwrap().as_str());
        events.push(event);
    }
    events
}

#[tokio::test]
async fn whole_and_streamed_answers_say_the_same() {
    let mock = MockUpstream::start().unwrap();
    for way in WAYS {
        let whole = ask(&mock, way, "", false).await.unwrap();
        assert_eq!(whole.json().pointer(way.text_at()).unwrap(), "You said: hello there", "{way:?}");
        let stream = ask(&mock, way, "", true).await.unwrap();
        let kinds = ["response.output_text.done", "response.content_part.done"];
        let deltas = events(&stream).into_iter().filter(|event| !kinds.contains(&event["type"].as_str().unwrap_or_default()));
        let text: String = deltas.filter_map(|event| Some(event.pointer(way.piece_at())?.as_str()?.to_owned())).collect();
        assert_eq!(text, "You said: hello there", "{way:?}");
    }
}

#[tokio::test]
async fn a_missing_credential_is_refused_natively() {
    let mock = MockUpstream::start().unwrap();
    for (way, status) in [(Way::Messages, 401), (Way::Azure, 401), (Way::Gemini, 403), (Way::Bedrock, 403)] {
        let got = send(&mock, way.path(false), &[], &way.body(false)).await.unwrap();
        assert_eq!(got.status, status, "{way:?}");
        assert!(got.json().pointer(way.message_at()).unwrap().is_string(), "{way:?}");
    }
    let unversioned = send(&mock, "/v1/messages", &[("x-api-key", "k")], &Way::Messages.body(false)).await.unwrap();
    assert_eq!((unversioned.status, unversioned.json()["error"]["type"].clone()), (400, json!("invalid_request_error")));
}

#[tokio::test]
async fn a_bad_call_is_refused_natively() {
    let mock = MockUpstream::start().unwrap();
    for way in WAYS {
        let got = send(&mock, way.path(false), way.credential(), &json!({ "model": "m" })).await.unwrap();
        assert_eq!(got.status, 400, "{way:?}");
        assert!(got.json().pointer(way.message_at()).unwrap().is_string(), "{way:?}");
    }
    let unknown = json!({ "contents": [{ "parts": [{ "text": "x" }] }], "generationConfig": { "max_tokens": 1 } });
    let got = send(&mock, Way::Gemini.path(false), Way::Gemini.credential(), &unknown).await.unwrap();
    assert!(got.json()["error"]["message"].as_str().unwrap().contains("Unknown name \"max_tokens\" at 'generation_config'"));
    let twice = json!({ "messages": [{ "role": "user", "content": [{ "text": "x" }] }, { "role": "user", "content": [{ "text": "y" }] }] });
    let got = send(&mock, Way::Bedrock.path(false), Way::Bedrock.credential(), &twice).await.unwrap();
    assert!(got.json()["message"].as_str().unwrap().contains("alternate"));
}

#[tokio::test]
async fn every_fault_is_a_fault_in_every_dialect() {
    let mock = MockUpstream::start().unwrap();
    for way in WAYS {
        for status in [400, 429, 500, 503] {
            let got = ask(&mock, way, &format!("status-{status}"), true).await.unwrap();
            assert_eq!((got.status, got.json().pointer(way.message_at()).is_some()), (status, true), "{way:?}");
        }
        assert!(ask(&mock, way, "reset", true).await.is_none(), "{way:?}");
        for (mode, stream) in [("reset-after", true), ("cut", true), ("cut", false)] {
            let got = ask(&mock, way, mode, stream).await.unwrap();
            assert!(got.status == 200 && !got.body.is_empty() && !got.complete, "{way:?} {mode}");
        }
        let whole = events(&ask(&mock, way, "echo", true).await.unwrap()).len();
        let truncated = ask(&mock, way, "truncated", true).await.unwrap();
        assert!(truncated.complete && events(&truncated).len() < whole, "{way:?}");
        for (mode, least) in [("error-first", 1), ("error-stream", 3)] {
            let got = ask(&mock, way, mode, true).await.unwrap();
            assert_eq!((got.status, events(&got).len()), (200, least), "{way:?} {mode}");
            let error = events(&got).pop().unwrap();
            assert!(error.to_string().contains("rror"), "{way:?} {error}");
        }
        assert!(ask(&mock, way, "oversize-1", true).await.unwrap().body.len() > 1 << 20, "{way:?}");
        let silent = ask(&mock, way, "no-usage", false).await.unwrap();
        assert!(!silent.text().contains("usage\":{") && !silent.text().contains("usageMetadata"), "{way:?}");
    }
}

#[tokio::test]
async fn load_answers_have_fifty_pieces_in_every_dialect() {
    let mock = MockUpstream::start().unwrap();
    for way in WAYS {
        let got = send(&mock, &format!("/fixed{}", way.path(true)), &[], &way.body(true)).await.unwrap();
        assert!((50..70).contains(&events(&got).len()), "{way:?} {}", events(&got).len());
        assert_eq!(send(&mock, &format!("/fixed{}", way.path(false)), &[], &way.body(false)).await.unwrap().status, 200);
    }
    assert!(mock.seen().is_empty());
}

#[tokio::test]
async fn a_bedrock_stream_is_made_of_checked_frames() {
    let mock = MockUpstream::start().unwrap();
    let kinds: Vec<Value> =
        events(&ask(&mock, Way::Bedrock, "", true).await.unwrap()).into_iter().map(|event| event[":kind"].clone()).collect();
    assert_eq!((kinds[0].as_str(), kinds[kinds.len() - 1].as_str()), (Some("messageStart"), Some("metadata")));
    let error = events(&ask(&mock, Way::Bedrock, "error-first", true).await.unwrap());
    assert_eq!(error[0][":kind"], "internalServerException");
}

/// Signed here by the book, independently of the gateway's signer.
#[tokio::test]
async fn an_aws_signature_is_verified() {
    let mock = MockUpstream::start().unwrap();
    let (path, body) = (Way::Bedrock.path(false), Way::Bedrock.body(false));
    let scope = "20250101/eu-west-2/bedrock/aws4_request";
    let canonical = format!(
        "POST\n/model/a.b-v1%253A0/converse\n\nhost:mock\nx-amz-date:20250101T000000Z\n\nhost;x-amz-date\n{}",
        sha256(&body.to_string())
    );
    let text = format!("AWS4-HMAC-SHA256\n20250101T000000Z\n{scope}\n{}", sha256(&canonical));
    let first = format!("AWS4{AWS_SECRET_ACCESS_KEY}").into_bytes();
    let key = scope.split('/').fold(first, |key, part| sign(&key, part));
    let claim = |signature: &str| {
        format!("AWS4-HMAC-SHA256 Credential={AWS_ACCESS_KEY_ID}/{scope}, SignedHeaders=host;x-amz-date, Signature={signature}")
    };
    for (signature, status) in [(hex::encode(sign(&key, &text)), 200), ("00".repeat(32), 403)] {
        let headers = [("x-amz-date", "20250101T000000Z"), ("authorization", &claim(&signature))];
        assert_eq!(send(&mock, path, &headers, &body).await.unwrap().status, status);
    }
}

fn sign(key: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}

fn sha256(text: &str) -> String {
    hex::encode(digest::digest(&digest::SHA256, text.as_bytes()))
}

#[tokio::test]
async fn responses_are_kept_continued_and_deleted() {
    let mock = MockUpstream::start().unwrap();
    let mut client = Client::connect(&mock).await;
    let first = client.post("/v1/responses", &json!({ "model": "m", "input": "one two three" })).await.unwrap().json();
    let id = first["id"].as_str().unwrap();
    assert_eq!(client.get(&format!("/v1/responses/{id}")).await, first);
    let next = json!({ "model": "m", "input": "four", "previous_response_id": id });
    let second = client.post("/v1/responses", &next).await.unwrap().json();
    // Three words, "You said: one two three", and one word more.
    assert_eq!(second["usage"]["input_tokens"], 3 + 5 + 1);
    assert_eq!(client.get(&format!("/v1/responses/{id}/input_items")).await["data"][0]["role"], "user");
    let delete = Request::delete(format!("/v1/responses/{id}")).header("host", "mock").body(Bytes::new().into()).unwrap();
    assert_eq!(client.send(delete).await.unwrap().json()["deleted"], true);
    let gone = client.post("/v1/responses", &next).await.unwrap();
    assert_eq!((gone.status, gone.json()["error"]["code"].clone()), (400, json!("previous_response_not_found")));
    let unkept = client.post("/v1/responses", &json!({ "model": "m", "input": "x", "store": false })).await.unwrap().json();
    assert!(client.get(&format!("/v1/responses/{}", unkept["id"].as_str().unwrap())).await["error"].is_object());
}

#[tokio::test]
async fn the_newest_version_of_anthropic_takes_no_sampling() {
    let mock = MockUpstream::start().unwrap();
    let mut body = Way::Messages.body(false);
    body["temperature"] = json!(0.5);
    for (version, status) in [("2023-06-01", 200), ("2026-10-21", 400)] {
        let headers = [("authorization", "Bearer k"), ("anthropic-version", version)];
        assert_eq!(send(&mock, "/v1/messages", &headers, &body).await.unwrap().status, status, "{version}");
    }
}

#[tokio::test]
async fn tokens_are_counted_without_an_answer() {
    let mock = MockUpstream::start().unwrap();
    let anthropic = send(&mock, "/v1/messages/count_tokens", Way::Messages.credential(), &Way::Messages.body(false)).await.unwrap();
    assert_eq!(anthropic.json(), json!({ "input_tokens": 2 }));
    let gemini = send(&mock, "/v1beta/models/g:countTokens", Way::Gemini.credential(), &Way::Gemini.body(false)).await.unwrap();
    assert_eq!(gemini.json(), json!({ "totalTokens": 2 }));
    let converse = json!({ "input": { "converse": Way::Bedrock.body(false) } });
    let bedrock = send(&mock, "/model/m/count-tokens", Way::Bedrock.credential(), &converse).await.unwrap();
    assert_eq!(bedrock.json(), json!({ "inputTokens": 2 }));
}

/// Whether the answer has a thought, and how many words were thought.
async fn thought(mock: &MockUpstream, way: Way, wish: (&str, Value)) -> (bool, u64) {
    let mut body = way.body(false);
    body[wish.0] = wish.1;
    let answer = send(mock, way.path(false), way.credential(), &body).await.unwrap().json();
    let tokens = ["/usage/outputTokens", "/usageMetadata/thoughtsTokenCount"].into_iter().find_map(|at| answer.pointer(at)?.as_u64());
    (answer.to_string().contains("short answer"), tokens.unwrap_or_default())
}

#[tokio::test]
async fn thoughts_are_counted_whether_or_not_they_are_shown() {
    let mock = MockUpstream::start().unwrap();
    for (config, expected) in [
        (json!({}), (false, 0)),
        (json!({ "thinkingLevel": "LOW" }), (false, 10)),
        (json!({ "thinkingBudget": -1 }), (false, 10)),
        (json!({ "thinkingBudget": 0, "includeThoughts": true }), (false, 0)),
        (json!({ "thinkingBudget": 1024, "includeThoughts": true }), (true, 10)),
    ] {
        let config = ("generationConfig", json!({ "thinkingConfig": config }));
        assert_eq!(thought(&mock, Way::Gemini, config.clone()).await, expected, "{config:?}");
    }
    let claude = |thinking: Value| ("additionalModelRequestFields", json!({ "thinking": thinking }));
    for (wish, expected) in [
        (("outputConfig", json!({ "effort": "low" })), (false, 14)),
        (claude(json!({ "type": "disabled" })), (false, 4)),
        (claude(json!({ "type": "adaptive" })), (true, 14)),
        (claude(json!({ "type": "adaptive", "display": "omitted" })), (false, 14)),
        (claude(json!({ "type": "enabled", "budget_tokens": 1024 })), (true, 14)),
    ] {
        assert_eq!(thought(&mock, Way::Bedrock, wish.clone()).await, expected, "{wish:?}");
    }
}

#[tokio::test]
async fn the_developer_before_a_model_at_bedrock_changes_nothing() {
    let mock = MockUpstream::start().unwrap();
    for id in ["mock-status-503", "anthropic.mock-status-503", "eu.anthropic.mock-status-503"] {
        let got = send(&mock, &format!("/model/{id}/converse"), Way::Bedrock.credential(), &Way::Bedrock.body(false)).await.unwrap();
        assert_eq!(got.status, 503, "{id}");
    }
}

#[tokio::test]
async fn thoughts_must_come_back_as_they_were() {
    let mock = MockUpstream::start().unwrap();
    let mut body = Way::Messages.body(false);
    body["thinking"] = json!({ "type": "enabled", "budget_tokens": 1024 });
    let answer = send(&mock, "/v1/messages", Way::Messages.credential(), &body).await.unwrap().json();
    assert_eq!(answer["content"][0]["type"], "thinking");
    for (thought, status) in [(answer["content"][0]["thinking"].clone(), 200), (json!("another"), 400)] {
        let mut again = body.clone();
        let mut content = answer["content"].clone();
        content[0]["thinking"] = thought;
        again["messages"] =
            json!([body["messages"][0], { "role": "assistant", "content": content }, { "role": "user", "content": "more" }]);
        assert_eq!(send(&mock, "/v1/messages", Way::Messages.credential(), &again).await.unwrap().status, status);
    }
}
