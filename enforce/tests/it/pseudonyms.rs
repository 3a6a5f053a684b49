//! The means `pseudonymised`: what was found leaves as pseudonyms and comes back as it was, in every dialect, whole and as a stream.

use comity_bench::{Mode, Seen};
use serde_json::{Value, json};

use crate::dialects::{Api, World};
use crate::stage::Reply;

/// Personal data goes out pseudonymised or not at all.
const TERMS: &str = r#"
@id("everything")
@goal("openness")
@reason("everything may go")
permit (principal, action in [Action::"infer", Action::"embed"], resource);

@id("pseudonyms-only")
@goal("privacy")
@reason("personal data goes out pseudonymised")
forbid (principal, action in [Action::"infer", Action::"embed"], resource)
when { context.data.personal && !context.means.pseudonymised };
"#;

const EMAIL: &str = "ada.lovelace@clinic.example";
const PHONE: &str = "+44 7911 123456";
const IBAN: &str = "GB29 NWBK 6016 1331 9268 19";
const CARD: &str = "4111 1111 1111 1111";
const ALL: [&str; 4] = [EMAIL, PHONE, IBAN, CARD];
const UPSTREAMS: [&str; 4] = ["openai", "anthropic", "gemini", "bedrock"];

fn body(api: Api, offering: &str, rest: &Value) -> String {
    let said = format!("Write to {EMAIL} or call {PHONE}; \"é\" {EMAIL}");
    let before = format!("Their card is {CARD}.");
    let mut body = match api {
        Api::Chat => json!({ "messages": [
            { "role": "system", "content": format!("Bill {IBAN}.") },
            { "role": "user", "content": "Who?" }, { "role": "assistant", "content": before }, { "role": "user", "content": said },
        ] }),
        Api::Messages => json!({ "max_tokens": 4000, "system": format!("Bill {IBAN}."), "messages": [
            { "role": "user", "content": "Who?" }, { "role": "assistant", "content": before }, { "role": "user", "content": said },
        ] }),
        Api::Responses => json!({ "instructions": format!("Bill {IBAN}."), "input": [
            { "role": "user", "content": "Who?" }, { "role": "assistant", "content": before }, { "role": "user", "content": said },
        ] }),
        Api::Embeddings | Api::CountTokens => json!({}),
    };
    body["model"] = json!(offering);
    rest.as_object().unwrap().iter().for_each(|(name, value)| body[name] = value.clone());
    body.to_string()
}

#[track_caller]
fn expect_hidden(seen: &Seen, values: &[&str]) {
    let body = std::str::from_utf8(&seen.body).unwrap();
    for value in values {
        assert!(!body.contains(value), "{value} left: {body}");
    }
    assert!(body.contains("PII_"), "{body}");
}

/// The text that a client of the API puts together.
fn text(api: Api, reply: &Reply) -> String {
    let is_stream = reply.header("content-type").starts_with("text/event-stream");
    let texts = |value: &Value, pointer: &str| value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    if !is_stream {
        let json = reply.json();
        return match api {
            Api::Chat => texts(&json, "/choices/0/message/content"),
            Api::Messages => texts(&json, "/content/0/text"),
            Api::Responses => texts(&json, "/output/0/content/0/text"),
            Api::Embeddings | Api::CountTokens => String::new(),
        };
    }
    let events = reply.text().lines().filter_map(|line| serde_json::from_str::<Value>(line.strip_prefix("data: ")?).ok());
    let delta = |event: Value| match api {
        Api::Chat => texts(&event, "/choices/0/delta/content"),
        Api::Messages => texts(&event, "/delta/text"),
        Api::Responses if event["type"] == "response.output_text.delta" => texts(&event, "/delta"),
        Api::Responses | Api::Embeddings | Api::CountTokens => String::new(),
    };
    events.map(delta).collect()
}

#[tokio::test]
async fn what_was_found_leaves_as_pseudonyms_and_comes_back() {
    let world = World::under(TERMS);
    for mode in [Mode::Echo, Mode::Pieces(1), Mode::Pieces(7)] {
        world.mock.stand(mode);
        for (api, upstream) in
            [Api::Chat, Api::Responses, Api::Messages].into_iter().flat_map(|api| UPSTREAMS.map(|upstream| (api, upstream)))
        {
            let offering = format!("alpha/m@{upstream}");
            world.mock.clear();
            let whole = world.stage.post(api.path(), body(api, &offering, &json!({})), &[]).await;
            let stream = world.stage.post(api.path(), body(api, &offering, &json!({ "stream": true })), &[]).await;
            for reply in [&whole, &stream] {
                assert_eq!((reply.status, reply.header("comity-means")), (200, "pseudonymised"), "{api:?} {upstream} {}", reply.text());
                assert!(reply.header("comity-pseudonym-epoch").parse::<u32>().unwrap() > 200);
                assert!(!reply.text().contains("PII_"), "{api:?} {upstream} {}", reply.text());
            }
            assert_eq!(text(api, &whole), text(api, &stream), "{api:?} {upstream}");
            assert!(text(api, &whole).contains(&format!("Write to {EMAIL} or call {PHONE}; \"é\" {EMAIL}")), "{}", text(api, &whole));
            let seen = world.mock.seen();
            assert_eq!(seen.len(), 2);
            seen.iter().for_each(|seen| expect_hidden(seen, &ALL));
        }
    }
}

#[tokio::test]
async fn the_same_value_has_the_same_pseudonym_in_every_call_of_a_tenant() {
    let mut world = World::under(TERMS);
    let pseudonyms = |world: &World| {
        let body = String::from_utf8(world.mock.seen().last().unwrap().body.to_vec()).unwrap();
        body.match_indices("PII_").map(|(at, _)| body[at..at + 24].to_owned()).collect::<Vec<_>>()
    };
    let say = |epoch: &'static str| [("comity-pseudonym-epoch", epoch)];
    let ask = body(Api::Chat, "alpha/m@openai", &json!({}));
    world.stage.chat(&ask).await;
    let first = pseudonyms(&world);
    world.stage.restart();
    let reply = world.stage.chat(&ask).await;
    assert_eq!((reply.status, pseudonyms(&world)), (200, first.clone()), "the same after a restart");
    let old = world.stage.post(Api::Chat.path(), ask.clone(), &say("7")).await;
    assert_eq!((old.status, old.header("comity-pseudonym-epoch")), (200, "7"));
    assert_ne!(pseudonyms(&world), first, "another epoch");
    let future = world.stage.post(Api::Chat.path(), ask, &say("4000000000")).await;
    future.expect_error(400, "invalid_request", "has not begun");
}
