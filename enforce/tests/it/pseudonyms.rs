//! The means `pseudonymised`: what was found leaves as pseudonyms and comes back as it was, in every dialect, whole and as a stream.

use comity_bench::{Mode, Seen};
use serde_json::{Value, json};

use crate::dialects::{Api, World};
use crate::stage::{Props, Reply};

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

/// A chat with something to find in every place that a chat has.
fn everywhere() -> Value {
    json!({
        "model": "alpha/m@openai",
        "messages": [
            { "role": "system", "content": format!("s {EMAIL}") },
            { "role": "user", "name": "ada", "content": [{ "type": "text", "text": format!("u {PHONE}") }] },
            { "role": "assistant", "content": null, "tool_calls": [{ "id": "c1", "type": "function", "function": {
                "name": "send", "arguments": format!("{{\"to\":\"{}\",\"cards\":[4111111111111111],\"{IBAN}\":null}}", EMAIL.replace('@', "\\u0040")),
            } }] },
            { "role": "tool", "tool_call_id": "c1", "content": format!("t {CARD}") },
            { "role": "user", "content": format!("Write to {EMAIL}.") },
        ],
        "tools": [{ "type": "function", "function": { "name": "send", "description": format!("not to {EMAIL}"), "parameters": {
            "type": "object", "properties": { "to": { "type": "string", "enum": [EMAIL] } },
        } } }],
        "tool_choice": "none",
        "stop": [PHONE],
        "metadata": { "who": EMAIL, "number": 4_111_111_111_111_111_u64 },
        "user": "user 42",
        "safety_identifier": "user 42",
        "a_new_field": { EMAIL: [[{ "deep": IBAN }]] },
    })
}

#[tokio::test]
async fn every_place_of_a_call_is_searched() {
    let world = World::under(TERMS);
    let reply = world.stage.chat(&everywhere().to_string()).await;
    assert_eq!((reply.status, reply.header("comity-means")), (200, "pseudonymised"), "{}", reply.text());
    assert!(text(Api::Chat, &reply).contains(EMAIL), "{}", reply.text());
    let seen = world.mock.seen().pop().unwrap();
    expect_hidden(&seen, &[&ALL[..], &["4111111111111111", "user 42", "ada.lovelace"]].concat());
    let left = seen.json();
    assert!(left["user"].as_str().unwrap().starts_with("PII_USR_") && left["user"] == left["safety_identifier"]);
    let arguments: Value = serde_json::from_str(left["messages"][2]["tool_calls"][0]["function"]["arguments"].as_str().unwrap()).unwrap();
    assert_eq!(arguments["to"], left["metadata"]["who"], "one value, one pseudonym");
    assert!(arguments["cards"][0].as_str().unwrap().starts_with("PII_CRD_"));
    assert_eq!(left["messages"][4]["content"], format!("Write to {}.", arguments["to"].as_str().unwrap()));
}

#[tokio::test]
async fn embeddings_and_counts_go_out_under_pseudonyms_too() {
    let world = World::under(TERMS);
    let embeddings = json!({ "model": "alpha/m@openai", "input": [format!("to {EMAIL}"), "nothing"] }).to_string();
    let count =
        json!({ "model": "alpha/m@anthropic", "messages": [{ "role": "user", "content": EMAIL }], "metadata": { "user_id": "u-1" } })
            .to_string();
    for (api, body) in [(Api::Embeddings, embeddings), (Api::CountTokens, count)] {
        let reply = world.stage.post(api.path(), body, &[]).await;
        assert_eq!((reply.status, reply.header("comity-means")), (200, "pseudonymised"), "{}", reply.text());
        expect_hidden(&world.mock.seen().pop().unwrap(), &[EMAIL, "u-1"]);
    }
}

fn thinking(offering: &str, messages: &Value) -> String {
    json!({ "model": offering, "max_tokens": 4000, "thinking": { "type": "enabled", "budget_tokens": 1024 }, "messages": messages })
        .to_string()
}

#[tokio::test]
async fn signed_thoughts_come_back_to_their_operator_as_it_signed_them() {
    let mut world = World::under(TERMS);
    world.mock.stand(Mode::Pieces(3));
    let first = json!([{ "role": "user", "content": format!("Write to {EMAIL}.") }]);
    let answer = world.stage.post(Api::Messages.path(), thinking("alpha/m@anthropic", &first), &[]).await.json();
    assert_eq!(answer["content"][0]["thinking"], format!("They said: Write to {EMAIL}."));
    let turns = |content: &Value| {
        let next = json!({ "role": "user", "content": "And now?" });
        thinking("alpha/m@anthropic", &json!([first[0].clone(), { "role": "assistant", "content": content }, next]))
    };
    // The mock refuses a thought that is not the one that it signed.
    for epoch in ["", "7"] {
        let headers: Vec<_> = (!epoch.is_empty()).then_some(("comity-pseudonym-epoch", epoch)).into_iter().collect();
        let reply = world.stage.post(Api::Messages.path(), turns(&answer["content"]), &headers).await;
        assert_eq!(reply.status, if epoch.is_empty() { 200 } else { 400 }, "{}", reply.text());
    }
    world.stage.restart();
    let again = world.stage.post(Api::Messages.path(), turns(&answer["content"]), &[]).await;
    assert_eq!(again.status, 200, "{}", again.text());
    let strange = json!([{ "type": "thinking", "thinking": EMAIL, "signature": "c2hvcnQ=" }, { "type": "text", "text": "x" }]);
    let refused = world.stage.post(Api::Messages.path(), turns(&strange), &[]).await;
    refused.expect_error(422, "cannot_honour", "where nothing may change");
    expect_hidden(world.mock.seen().last().unwrap(), &[EMAIL]);
}

#[tokio::test]
async fn what_nobody_can_hide_does_not_leave() {
    let world = World::under(TERMS);
    let image = json!({ "type": "image_url", "image_url": { "url": "data:image/png;base64,AA" } });
    let unreadable =
        json!({ "model": "alpha/m@openai", "messages": [{ "role": "user", "content": [{ "type": "text", "text": EMAIL }, image] }] });
    world.stage.chat(&unreadable.to_string()).await.expect_error(403, "terms_refused", "personal data goes out pseudonymised");
    let first = world.stage.post(Api::Responses.path(), body(Api::Responses, "alpha/m@openai", &json!({})), &[]).await;
    assert_eq!(first.status, 200, "{}", first.text());
    let seen = world.mock.seen().len();
    let kept = first.json()["id"].as_str().unwrap().to_owned();
    let next = body(Api::Responses, "alpha/m@openai", &json!({ "previous_response_id": kept }));
    world.stage.post(Api::Responses.path(), next, &[]).await.expect_error(403, "terms_refused", "personal data goes out pseudonymised");
    world.stage.get(&format!("/v1/responses/{kept}")).await.expect_error(403, "terms_refused", "personal data goes out pseudonymised");
    assert_eq!(world.mock.seen().len(), seen, "nothing left");
}

#[tokio::test]
async fn a_pseudonym_of_nobody_is_an_error_and_an_echo_is_none() {
    let unknown = "PII_EML_7Q2M4X6T3Z5W8Y9K";
    let whole = json!({ "id": "x", "choices": [{ "index": 0, "message": { "role": "assistant", "content": format!("ask {unknown}") }, "finish_reason": "stop" }] });
    let mut world = World::answering_with((200, "application/json", whole.to_string().into_bytes()), under(TERMS));
    let reply = world.stage.chat(&body(Api::Chat, "alpha/m@openai", &json!({}))).await;
    reply.expect_error(502, "upstream_failed", "names a pseudonym that this call does not have");
    assert!(!reply.text().contains("PII_"));
    assert_eq!(world.stage.stop().ends(), [comity_ledger::Outcome::UpstreamFailed]);

    let chunk = |text: &str| format!("data: {}\n\n", json!({ "choices": [{ "index": 0, "delta": { "content": text } }] }));
    let stream =
        [chunk("ask "), chunk("PII_EML_7Q2M4X"), chunk("6T3Z5W8Y9K now"), chunk("never seen"), "data: [DONE]\n\n".to_owned()].concat();
    let world = World::answering_with((200, "text/event-stream", stream.into_bytes()), under(TERMS));
    let reply = world.stage.chat(&body(Api::Chat, "alpha/m@openai", &json!({ "stream": true }))).await;
    assert!(reply.text().contains("ask ") && reply.text().contains("upstream_failed"), "{}", reply.text());
    assert!(
        !reply.text().contains("6T3Z5W8Y9K") && !reply.text().contains("never seen") && !reply.text().contains("[DONE]"),
        "{}",
        reply.text()
    );

    let world = World::under(TERMS);
    let said = json!({ "messages": [{ "role": "user", "content": format!("{EMAIL} is not {unknown}") }] });
    let reply = world.stage.chat(&body(Api::Chat, "alpha/m@openai", &said)).await;
    assert!(text(Api::Chat, &reply).contains(&format!("{EMAIL} is not {unknown}")), "{}", reply.text());
}

#[tokio::test]
async fn what_an_upstream_says_of_a_call_is_left_out_where_it_cannot_be_restored() {
    for (api, offering) in [(Api::Chat, "alpha/m@openai"), (Api::Messages, "alpha/m@anthropic"), (Api::Messages, "alpha/m@openai")] {
        let said = json!({ "type": "error", "error": { "type": "invalid_request_error", "message": "what is PII_EML_7Q2M4X6T3Z5W8Y9K?" } });
        let world = World::answering_with((400, "application/json", said.to_string().into_bytes()), under(TERMS));
        let reply = world.stage.post(api.path(), body(api, offering, &json!({})), &[]).await;
        assert!(reply.status == 400 && reply.text().contains("refused the call"), "{}", reply.text());
        assert!(!reply.text().contains("PII_"), "{}", reply.text());
    }
}

#[tokio::test]
async fn a_kind_may_keep_its_shape() {
    let config = "[pseudonyms]\nkeep_shape = [\"payment_card\"]\n".to_owned();
    let world = World::answering_with((200, "application/json", b"{\"choices\":[]}".to_vec()), Props { config, ..under(TERMS) });
    world.mock.stand(Mode::Pieces(2));
    let said = json!({ "messages": [{ "role": "user", "content": format!("Charge {CARD}, tell {EMAIL}.") }] });
    for stream in [false, true] {
        let mut said = said.clone();
        said["stream"] = json!(stream);
        let reply = world.stage.chat(&body(Api::Chat, "alpha/m@openai", &said)).await;
        assert!(text(Api::Chat, &reply).contains(&format!("Charge {CARD}, tell {EMAIL}.")), "{}", reply.text());
        let left = world.mock.seen().pop().unwrap().json()["messages"][0]["content"].as_str().unwrap().to_owned();
        assert!(!left.contains(CARD) && left.contains("PII_EML_") && !left.contains("PII_CRD_"), "{left}");
        let card = left.strip_prefix("Charge ").unwrap().split(',').next().unwrap();
        assert_eq!(
            card.chars().map(|letter| letter.is_ascii_digit()).collect::<Vec<_>>(),
            CARD.chars().map(|letter| letter.is_ascii_digit()).collect::<Vec<_>>()
        );
    }
}

fn under(terms: &str) -> Props {
    Props { terms: terms.to_owned(), ..Props::default() }
}
