//! What a call cost: from the upstream's own count at the catalogue's prices, in the ledger and in the metrics; an estimate where nobody counted.

use comity_bench::Mode;
use comity_ledger::{Outcome, OutcomeLeaf};
use http::Method;

use crate::dialects::{Api, World};
use crate::stage::Stage;

/// Tokens of a call: in, cache read, cache written, out, of these thoughts; and what they cost at the prices of `dialects.rs`.
struct Spent {
    tokens: [u32; 5],
    micros: u64,
}

/// 100 in (40 of them read from a cache), 30 out (20 of them thoughts): 60 × 10 + 40 × 1 + 10 × 100 + 20 × 300.
const THOUGHTS: Spent = Spent { tokens: [100, 40, 0, 30, 20], micros: 7640 };
/// 100 in, all at the usual price, 30 out.
const PLAIN: Spent = Spent { tokens: [100, 0, 0, 30, 0], micros: 4000 };

fn counter(metrics: &str, name: &str, labels: &str) -> u64 {
    let line = format!("{name}{{{labels}}} ");
    let found = metrics.lines().find_map(|text| text.strip_prefix(&line));
    found.map_or(0, |count| count.parse().unwrap_or_else(|_| panic!("`{count}` is no whole number")))
}

/// The leaf and the metrics say the same.
async fn check((api, upstream): (Api, &str), answer: &str, expected: &Spent) {
    let stream = answer.starts_with("data:") || answer.starts_with("event:");
    let kind = if stream { "text/event-stream" } else { "application/json" };
    let mut world = World::answering(200, kind, answer);
    let reply = world.ask(api, &format!("alpha/m@{upstream}"), if stream { ",\"stream\":true" } else { "" }).await;
    assert_eq!(reply.status, 200, "{api:?} {upstream} {}", reply.text());
    let [tokens_in, read, written, tokens_out, thoughts] = expected.tokens;
    let metrics = world.stage.get("/metrics").await;
    let labels = format!("offering=\"alpha/m@{upstream}\",estimated=\"false\"");
    for (kind, count) in [("in", tokens_in), ("cache_read", read), ("cache_write", written), ("out", tokens_out), ("reasoning", thoughts)] {
        let counted = counter(metrics.text(), "comity_tokens_total", &format!("{labels},kind=\"{kind}\""));
        assert_eq!(counted, u64::from(count), "{api:?} {upstream} {kind}");
    }
    assert_eq!(counter(metrics.text(), "comity_cost_micros_total", &format!("{labels},currency=\"GBP\"")), expected.micros);
    let outcome = world.outcome();
    assert_eq!((outcome.outcome, outcome.estimated), (Outcome::Ok, false));
    assert_eq!((outcome.tokens_in, outcome.tokens_out), (Some(tokens_in), Some(tokens_out)), "{api:?} {upstream}");
    assert_eq!(outcome.cost.map(|cost| (cost.currency.to_string(), cost.micros.0)), Some(("GBP".to_owned(), expected.micros)));
}

#[tokio::test]
async fn whole_answers_of_every_upstream() {
    let chat = r#"{"choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"x"}}],"usage":{"prompt_tokens":100,"completion_tokens":30,"prompt_tokens_details":{"cached_tokens":40},"completion_tokens_details":{"reasoning_tokens":20}}}"#;
    let deepseek = r#"{"choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"x"}}],"usage":{"prompt_tokens":100,"completion_tokens":30,"prompt_cache_hit_tokens":40,"completion_tokens_details":{"reasoning_tokens":20}}}"#;
    let responses = r#"{"id":"resp_1","status":"completed","output":[],"usage":{"input_tokens":100,"input_tokens_details":{"cached_tokens":40},"output_tokens":30,"output_tokens_details":{"reasoning_tokens":20}}}"#;
    let writes = r#"{"id":"resp_1","status":"completed","output":[],"usage":{"input_tokens":100,"input_tokens_details":{"cached_tokens":40,"cache_write_tokens":10},"output_tokens":30}}"#;
    // 30 fresh, 40 read, 20 written for minutes, 10 for an hour.
    let messages = r#"{"type":"message","role":"assistant","content":[{"type":"text","text":"x"}],"stop_reason":"end_turn","usage":{"input_tokens":30,"cache_read_input_tokens":40,"cache_creation_input_tokens":30,"cache_creation":{"ephemeral_5m_input_tokens":20,"ephemeral_1h_input_tokens":10},"output_tokens":30}}"#;
    let cached = Spent { tokens: [100, 40, 30, 30, 0], micros: 300 + 40 + 400 + 400 + 3000 };
    let gemini = r#"{"candidates":[{"content":{"role":"model","parts":[{"text":"x"}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":100,"cachedContentTokenCount":40,"candidatesTokenCount":10,"thoughtsTokenCount":20,"totalTokenCount":130}}"#;
    let bedrock = r#"{"output":{"message":{"role":"assistant","content":[{"text":"x"}]}},"stopReason":"end_turn","usage":{"inputTokens":30,"outputTokens":30,"totalTokens":130,"cacheReadInputTokens":40,"cacheWriteInputTokens":30},"metrics":{"latencyMs":1}}"#;
    let minutes = Spent { tokens: [100, 40, 30, 30, 0], micros: 300 + 40 + 600 + 3000 };
    let decimals = r#"{"choices":[],"usage":{"prompt_tokens":100.0,"completion_tokens":3e1}}"#;
    let embeddings = r#"{"data":[],"usage":{"prompt_tokens":100,"total_tokens":100}}"#;
    for (pair, answer, expected) in [
        ((Api::Chat, "openai"), chat, &THOUGHTS),
        ((Api::Chat, "openai"), deepseek, &THOUGHTS),
        ((Api::Chat, "openai"), decimals, &PLAIN),
        ((Api::Messages, "openai"), chat, &THOUGHTS),
        ((Api::Responses, "chat"), chat, &THOUGHTS),
        ((Api::Responses, "openai"), responses, &THOUGHTS),
        ((Api::Responses, "openai"), writes, &Spent { tokens: [100, 40, 10, 30, 0], micros: 500 + 40 + 200 + 3000 }),
        ((Api::Messages, "anthropic"), messages, &cached),
        ((Api::Chat, "anthropic"), messages, &cached),
        ((Api::Responses, "anthropic"), messages, &cached),
        ((Api::Chat, "gemini"), gemini, &THOUGHTS),
        ((Api::Messages, "bedrock"), bedrock, &minutes),
        ((Api::Embeddings, "openai"), embeddings, &Spent { tokens: [100, 0, 0, 0, 0], micros: 1000 }),
    ] {
        check(pair, answer, expected).await;
    }
}

#[tokio::test]
async fn streamed_answers() {
    let chat = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\"},\"finish_reason\":\"stop\"}]}\n\ndata: {\"choices\":[],\"usage\":{\"prompt_tokens\":100,\"completion_tokens\":30,\"prompt_tokens_details\":{\"cached_tokens\":40},\"completion_tokens_details\":{\"reasoning_tokens\":20}}}\n\ndata: [DONE]\n\n";
    let in_last = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":100,\"completion_tokens\":30}}\n\ndata: [DONE]\n\n";
    let responses = "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"id\":\"r\",\"usage\":null}}\n\nevent: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"id\":\"r\",\"status\":\"completed\",\"output\":[],\"usage\":{\"input_tokens\":100,\"input_tokens_details\":{\"cached_tokens\":40},\"output_tokens\":30,\"output_tokens_details\":{\"reasoning_tokens\":20}}}}\n\n";
    // What it says at the start is a first guess of the output, which the end corrects.
    let messages = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"model\":\"m\",\"role\":\"assistant\",\"content\":[],\"usage\":{\"input_tokens\":60,\"cache_read_input_tokens\":40,\"output_tokens\":1}}}\n\nevent: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":30}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
    let read = Spent { tokens: [100, 40, 0, 30, 0], micros: 600 + 40 + 3000 };
    for (pair, answer, expected) in [
        ((Api::Chat, "openai"), chat, &THOUGHTS),
        ((Api::Chat, "openai"), in_last, &PLAIN),
        ((Api::Messages, "openai"), chat, &THOUGHTS),
        ((Api::Responses, "openai"), responses, &THOUGHTS),
        ((Api::Messages, "anthropic"), messages, &read),
        ((Api::Chat, "anthropic"), messages, &read),
        ((Api::Responses, "anthropic"), messages, &read),
    ] {
        check(pair, answer, expected).await;
    }
}

/// An estimate is marked as one, in the leaf and in the metrics, and is never nothing.
async fn expect_estimate(mut world: World, upstream: &str) -> OutcomeLeaf {
    // The estimate is made after the answer: the ledger has it once the gateway has stopped, the metrics soon.
    let labels = format!("offering=\"alpha/m@{upstream}\",estimated=\"true\"");
    let metrics = settled(&world.stage, &labels).await;
    let outcome = world.outcome();
    assert!(outcome.estimated, "{upstream}");
    assert!(outcome.tokens_in > Some(0) && outcome.cost.is_some_and(|cost| cost.micros.0 > 0), "{upstream} {outcome:?}");
    let cost = counter(&metrics, "comity_cost_micros_total", &format!("{labels},currency=\"GBP\""));
    assert_eq!(Some(cost), outcome.cost.map(|cost| cost.micros.0), "{upstream}");
    assert!(!metrics.contains("estimated=\"false\""));
    outcome
}

/// The metrics once they hold these labels.
async fn settled(stage: &Stage, labels: &str) -> String {
    let polling = async {
        loop {
            let metrics = stage.get("/metrics").await;
            if metrics.text().contains(&format!("comity_cost_micros_total{{{labels}")) {
                return metrics.text().to_owned();
            }
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), polling).await.expect("no estimate")
}

#[tokio::test]
async fn what_nobody_counted_is_estimated() {
    for (api, upstream) in [
        (Api::Chat, "openai"),
        (Api::Responses, "openai"),
        (Api::Messages, "anthropic"),
        (Api::Chat, "anthropic"),
        (Api::Messages, "openai"),
        (Api::Responses, "chat"),
        (Api::Chat, "gemini"),
        (Api::Messages, "bedrock"),
    ] {
        for stream in ["", ",\"stream\":true"] {
            let world = World::new();
            world.mock.stand(Mode::NoUsage);
            let reply = world.ask(api, &format!("alpha/m@{upstream}"), stream).await;
            assert_eq!(reply.status, 200, "{api:?} {upstream} {}", reply.text());
            let outcome = expect_estimate(world, upstream).await;
            // "You said: hello you there"
            assert!((3..30).contains(&outcome.tokens_in.unwrap()) && (4..12).contains(&outcome.tokens_out.unwrap()), "{api:?} {outcome:?}");
        }
    }
}

#[tokio::test]
async fn a_count_of_nothing_is_no_count() {
    let said = r#""choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"hello"}}]"#;
    for usage in ["{}", "null", "7", "{\"prompt_tokens\":0,\"completion_tokens\":0}", "{\"prompt_tokens\":null}"] {
        for api in [Api::Chat, Api::Messages] {
            let world = World::answering(200, "application/json", format!("{{{said},\"usage\":{usage}}}"));
            let reply = world.ask(api, "alpha/m@openai", "").await;
            assert_eq!(reply.status, 200, "{usage} {}", reply.text());
            expect_estimate(world, "openai").await;
        }
    }
}

#[tokio::test]
async fn what_is_not_charged_for() {
    let mut world = World::new();
    let counted = world.ask(Api::CountTokens, "alpha/m@anthropic", "").await;
    assert_eq!(counted.json()["input_tokens"], 3);
    let first = world.ask(Api::Responses, "alpha/m@openai", "").await;
    let id = first.json()["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/responses/{id}");
    assert_eq!(world.stage.get(&path).await.json(), first.json());
    let bearer = format!("Bearer {}", world.stage.key);
    assert_eq!(world.stage.send((Method::DELETE, &path), "", &[("authorization", &bearer)]).await.status, 200);
    world.mock.script([Mode::Status(400), Mode::Status(401)]);
    assert_eq!(world.ask(Api::Chat, "alpha/m@openai", "").await.status, 400);
    assert_eq!(world.ask(Api::Chat, "alpha/m@openai", "").await.status, 502);
    let metrics = world.stage.get("/metrics").await;
    assert_eq!(metrics.text().matches("comity_cost_micros_total{").count(), 1, "{}", metrics.text());
    let leaves = world.stage.stop();
    let charged: Vec<bool> = leaves.outcomes.iter().map(|leaf| leaf.cost.is_some() || leaf.tokens_in.is_some()).collect();
    assert_eq!(charged, [false, true, false, false, false, false]);
}
