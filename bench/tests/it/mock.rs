//! Each mode answers as it says, and each call's fate is known.

use comity_bench::{Fate, MockUpstream, Mode, Tally};
use http_body_util::BodyExt;
use serde_json::{Value, json};

use crate::client::{Client, chat, in_mode};

#[tokio::test]
async fn echo_answers_whole_and_streamed() {
    let mock = MockUpstream::start().unwrap();
    let whole = in_mode(&mock, "echo", false).await.unwrap();
    assert_eq!(whole.json()["choices"][0]["message"]["content"], "You said: hello there");
    assert_eq!(whole.json()["usage"]["completion_tokens"], 4);
    let stream = in_mode(&mock, "echo", true).await.unwrap();
    assert_eq!(stream.content_type, "text/event-stream");
    let text: String = stream.text().split("\n\n").filter_map(delta).collect();
    assert_eq!(text, "You said: hello there");
    assert!(stream.text().contains("\"usage\":{") && stream.text().ends_with("data: [DONE]\n\n"));
    assert!(!in_mode(&mock, "no-usage", true).await.unwrap().text().contains("usage"));
}

fn delta(event: &str) -> Option<String> {
    let chunk: Value = serde_json::from_str(event.strip_prefix("data: ")?).ok()?;
    Some(chunk["choices"][0]["delta"]["content"].as_str()?.to_owned())
}

#[tokio::test]
async fn calls_are_remembered_byte_for_byte() {
    let mock = MockUpstream::start().unwrap();
    Client::connect(&mock).await.post("/v1/chat/completions?a=b", &chat(false)).await.unwrap();
    let seen = &mock.seen()[0];
    assert_eq!(
        (seen.number, seen.method.as_str(), seen.path.as_str(), seen.mode.as_str()),
        (0, "POST", "/v1/chat/completions?a=b", "echo")
    );
    assert_eq!(seen.body, chat(false).to_string());
    assert_eq!(seen.headers["content-type"], "application/json");
    assert_eq!(seen.fate, Fate::Answered);
}

#[tokio::test]
async fn script_comes_before_path_and_path_before_model_and_model_before_standing_mode() {
    let mock = MockUpstream::start().unwrap();
    mock.script([Mode::Status(429)]);
    mock.stand(Mode::Status(500));
    let mut client = Client::connect(&mock).await;
    let named = json!({ "model": "mock-status-401", "messages": [] });
    assert_eq!(client.post("/status-503/v1/chat/completions", &named).await.unwrap().status, 429);
    assert_eq!(client.post("/status-503/v1/chat/completions", &named).await.unwrap().status, 503);
    assert_eq!(client.post("/v1/chat/completions", &named).await.unwrap().status, 401);
    assert_eq!(client.post("/v1/chat/completions", &chat(false)).await.unwrap().status, 500);
}

#[tokio::test]
async fn errors_have_the_openai_shape() {
    let mock = MockUpstream::start().unwrap();
    for code in [400, 401, 403, 404, 429, 500, 503] {
        let got = in_mode(&mock, &format!("status-{code}"), false).await.unwrap();
        assert_eq!(got.status, code);
        assert!(got.json()["error"]["message"].is_string() && got.json()["error"]["code"].is_string());
    }
    assert_eq!(in_mode(&mock, "redirect", false).await.unwrap().status, 302);
    assert_eq!(in_mode(&mock, "not-json", false).await.unwrap().content_type, "text/html");
    assert_eq!(Client::connect(&mock).await.post("/v1/images", &json!({})).await.unwrap().status, 404);
}

#[tokio::test]
async fn a_reset_comes_before_or_after_the_first_byte() {
    let mock = MockUpstream::start().unwrap();
    assert!(in_mode(&mock, "reset", true).await.is_none());
    for mode in ["reset-after", "cut"] {
        for stream in [true, false] {
            let got = in_mode(&mock, mode, stream).await.unwrap();
            assert!(got.status == 200 && !got.body.is_empty() && !got.complete, "{mode} {stream}");
        }
    }
    let tally = mock.tally();
    assert_eq!((tally.faulted, tally.cancelled), (5, 0));
}

#[tokio::test]
async fn broken_answers_are_complete_http_but_broken_inside() {
    let mock = MockUpstream::start().unwrap();
    let truncated = in_mode(&mock, "truncated", true).await.unwrap();
    assert!(truncated.complete && !truncated.text().ends_with('\n') && !truncated.text().contains("[DONE]"));
    let spoiled = in_mode(&mock, "bad-utf8", true).await.unwrap();
    assert!(spoiled.complete && std::str::from_utf8(&spoiled.body).is_err());
    let error = in_mode(&mock, "error-stream", true).await.unwrap();
    assert!(error.status == 200 && error.text().contains("\"error\":") && !error.text().contains("[DONE]"));
    assert!(in_mode(&mock, "oversize-2", false).await.unwrap().body.len() > 2 << 20);
}

#[tokio::test]
async fn a_client_that_leaves_is_counted_whenever_it_leaves() {
    let mock = MockUpstream::start().unwrap();
    for (count, mode) in [(1, "stall"), (2, "hold"), (3, "paced-60000")] {
        let mut client = Client::connect(&mock).await;
        let path = format!("/{mode}/v1/chat/completions");
        let body = chat(true);
        let call = client.open(&path, &body);
        tokio::select! {
            _answer = call => assert_eq!(mode, "paced-60000"),
            arrived = mock.until(|tally| tally.calls == count) => assert!(arrived.is_some()),
        }
        client.leave().await;
        assert!(mock.until(|tally| tally.cancelled == count).await.is_some(), "{mode}");
    }
    let mut client = Client::connect(&mock).await;
    let mut stream = client.open("/stall-stream/v1/chat/completions", &chat(true)).await.unwrap();
    assert!(stream.body_mut().frame().await.unwrap().is_ok());
    client.leave().await;
    assert!(mock.until(|tally| tally.cancelled == 4).await.is_some());
    assert!(mock.seen().iter().all(|seen| seen.fate == Fate::Cancelled));
}

#[tokio::test]
async fn held_calls_go_on_when_released_however_early() {
    let mock = MockUpstream::start().unwrap();
    for mode in ["hold", "hold-stream"] {
        mock.clear();
        let answer = async { in_mode(&mock, mode, true).await.unwrap() };
        let release = async {
            mock.until(|tally| tally.calls == 1).await.unwrap();
            mock.release();
        };
        let (got, ()) = tokio::join!(answer, release);
        assert!(got.complete && got.text().ends_with("data: [DONE]\n\n"));
    }
}

#[tokio::test]
async fn the_same_over_http_for_tests_in_other_languages() {
    let mock = MockUpstream::start().unwrap();
    let mut control = Client::connect(&mock).await;
    assert_eq!(control.post("/_script", &json!(["status-503"])).await.unwrap().status, 200);
    assert_eq!(control.post("/_script", &json!(["nonsense"])).await.unwrap().status, 400);
    assert_eq!(control.post("/v1/chat/completions", &chat(false)).await.unwrap().status, 503);
    assert_eq!(control.get("/_wait?calls=1&answered=1").await["calls"], 1);
    let seen = control.get("/_seen").await;
    assert_eq!(seen["calls"][0]["json"], chat(false));
    assert_eq!(seen["calls"][0]["mode"], "status-503");
    control.post("/_clear", &json!({})).await.unwrap();
    assert_eq!(mock.tally(), Tally::default());
}

#[tokio::test]
async fn embeddings_and_models_answer() {
    let mock = MockUpstream::start().unwrap();
    let mut client = Client::connect(&mock).await;
    let got = client.post("/v1/embeddings", &json!({ "model": "e", "input": ["a", "b"], "dimensions": 4 })).await.unwrap();
    assert_eq!(got.json()["data"].as_array().unwrap().len(), 2);
    assert_eq!(client.get("/v1/models").await["data"][0]["id"], "mock-echo");
}

#[tokio::test]
async fn dropping_the_mock_closes_port_and_connections() {
    let mock = MockUpstream::start().unwrap();
    let mut client = Client::connect(&mock).await;
    let address = mock.address();
    drop(mock);
    assert!(client.post("/v1/chat/completions", &chat(false)).await.is_none());
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[test]
fn waiting_works_without_a_runtime() {
    let mock = MockUpstream::start().unwrap();
    let _connection = std::net::TcpStream::connect(mock.address()).unwrap();
    assert!(mock.wait_until(|tally| tally.connections == 1).is_some());
}
