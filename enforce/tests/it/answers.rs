//! What the model makes up: personal data in an answer that was not in the call is passed, counted, masked or refused.

use serde_json::{Value, json};

use crate::dialects::{Api, World};
use crate::stage::{Props, Reply};

const TERMS: &str = r#"
@id("everything")
@goal("openness")
@reason("everything may go")
permit (principal, action in [Action::"infer", Action::"embed"], resource);
"#;

const MADE_UP: &str = "grace@example.com";
const ASKED: &str = "ada@example.org";

fn said() -> String {
    format!("You gave {ASKED}. {} Write to {MADE_UP} today.", "Some words. ".repeat(60))
}

fn world(mode: &str, answer: (u16, &str, Vec<u8>)) -> World {
    let config = if mode.is_empty() { String::new() } else { format!("[answers]\npersonal = \"{mode}\"\n") };
    World::answering_with(answer, Props { terms: TERMS.to_owned(), config, ..Props::default() })
}

fn whole() -> (u16, &'static str, Vec<u8>) {
    let message = json!({ "role": "assistant", "content": said() });
    let tokens = json!({ "content": [{ "token": MADE_UP, "logprob": -0.5, "bytes": [103, 114], "top_logprobs": [] }] });
    let answer = json!({ "id": "x", "choices": [{ "index": 0, "message": message, "logprobs": tokens, "finish_reason": "stop" }] });
    (200, "application/json", answer.to_string().into_bytes())
}

fn stream() -> (u16, &'static str, Vec<u8>) {
    let chunk = |delta: Value, end: Value| {
        format!("data: {}\n\n", json!({ "id": "x", "choices": [{ "index": 0, "delta": delta, "finish_reason": end }] }))
    };
    let letters: Vec<char> = said().chars().collect();
    let mut text: String =
        letters.chunks(3).map(|piece| chunk(json!({ "content": piece.iter().collect::<String>() }), Value::Null)).collect();
    text += &chunk(json!({}), json!("stop"));
    (200, "text/event-stream", (text + "data: [DONE]\n\n").into_bytes())
}

async fn ask(world: &World, stream: bool) -> Reply {
    let messages = [json!({ "role": "user", "content": format!("Who is {ASKED}?") })];
    let body = json!({ "model": "alpha/m@openai", "messages": messages, "stream": stream });
    world.stage.post(Api::Chat.path(), body.to_string(), &[]).await
}

fn text(reply: &Reply) -> String {
    if !reply.header("content-type").starts_with("text/event-stream") {
        return reply.json()["choices"][0]["message"]["content"].as_str().unwrap().to_owned();
    }
    let events = reply.text().lines().filter_map(|line| serde_json::from_str::<Value>(line.strip_prefix("data: ")?).ok());
    events.map(|event| event["choices"][0]["delta"]["content"].as_str().unwrap_or_default().to_owned()).collect()
}

async fn counted(world: &World) -> Option<String> {
    let metrics = world.stage.get("/metrics").await;
    let lines = metrics.text().lines().find(|line| line.starts_with("comity_answer_findings_total{")).map(str::to_owned);
    assert!(!metrics.text().contains(MADE_UP));
    lines
}

#[tokio::test]
async fn nothing_is_looked_at_unless_it_is_asked_for() {
    for mode in ["", "pass"] {
        for (answer, is_stream) in [(whole(), false), (stream(), true)] {
            let world = world(mode, answer);
            assert_eq!(text(&ask(&world, is_stream).await), said());
            assert_eq!(counted(&world).await, None);
        }
    }
}

#[tokio::test]
async fn a_report_counts_and_changes_nothing() {
    for (answer, is_stream) in [(whole(), false), (stream(), true)] {
        let world = world("report", answer);
        let reply = ask(&world, is_stream).await;
        assert_eq!((reply.status, text(&reply)), (200, said()), "{}", reply.text());
        assert_eq!(counted(&world).await.as_deref(), Some("comity_answer_findings_total{kind=\"email\"} 1"));
    }
}

#[tokio::test]
async fn a_mask_stands_for_what_was_not_in_the_call() {
    for (answer, is_stream) in [(whole(), false), (stream(), true)] {
        let world = world("mask", answer);
        let reply = ask(&world, is_stream).await;
        assert_eq!((reply.status, text(&reply)), (200, said().replace(MADE_UP, "[email]")), "{}", reply.text());
        assert!(!reply.text().contains(MADE_UP), "also not beside the text: {}", reply.text());
        assert_eq!(counted(&world).await.as_deref(), Some("comity_answer_findings_total{kind=\"email\"} 1"));
    }
}

#[tokio::test]
async fn a_refused_answer_ends_with_an_error_before_the_finding() {
    const WHY: &str = "the answer has personal data that was not in the call (email)";
    let mut refused = world("refuse", whole());
    ask(&refused, false).await.expect_error(502, "upstream_failed", WHY);
    assert_eq!(refused.stage.stop().ends(), [comity_ledger::Outcome::UpstreamFailed]);
    let mut refused = world("refuse", stream());
    let reply = ask(&refused, true).await;
    assert!(reply.text().contains(WHY) && reply.text().contains("upstream_failed") && !reply.text().contains("[DONE]"), "{}", reply.text());
    let given = text(&reply);
    assert!(given.starts_with(&format!("You gave {ASKED}. Some")) && said().starts_with(&given) && !given.contains("grace"), "{given}");
    assert_eq!(refused.stage.stop().ends(), [comity_ledger::Outcome::UpstreamFailed]);
}
