//! Every error in its dialect's own shape and status, so that SDKs do the right thing with it; and nothing of the gateway's own in it.

use comity_bench::Mode;
use http::Method;
use serde_json::Value;

use crate::dialects::{Api, SECRET, World};
use crate::stage::{Props, Reply};

/// Status, code, and the type that OpenAI's and Anthropic's SDKs know.
type Expected = (u16, &'static str, &'static str, &'static str);

const INVALID: Expected = (400, "invalid_request", "invalid_request_error", "invalid_request_error");
const UNKNOWN_KEY: Expected = (401, "unknown_key", "authentication_error", "authentication_error");
const REFUSED: Expected = (403, "terms_refused", "permission_error", "permission_error");
const NO_OFFERING: Expected = (404, "no_offering", "invalid_request_error", "not_found_error");
const UNKNOWN_ID: Expected = (404, "unknown_id", "invalid_request_error", "not_found_error");
const TOO_SLOW: Expected = (408, "too_slow", "invalid_request_error", "invalid_request_error");
const TOO_LARGE: Expected = (413, "too_large", "invalid_request_error", "request_too_large");
const CANNOT_HONOUR: Expected = (422, "cannot_honour", "invalid_request_error", "invalid_request_error");
const LIMITED: Expected = (429, "rate_limited", "rate_limit_error", "rate_limit_error");
const FAILED: Expected = (502, "upstream_failed", "api_error", "api_error");
const UNAVAILABLE: Expected = (503, "ledger_unavailable", "api_error", "overloaded_error");
const TIMEOUT: Expected = (504, "upstream_timeout", "api_error", "timeout_error");

#[track_caller]
fn check(reply: &Reply, anthropic: bool, (status, code, openai_type, anthropic_type): Expected) -> Value {
    let json = reply.json();
    assert_eq!((reply.status, reply.header("content-type")), (status, "application/json"), "{json}");
    let error = &json["error"];
    assert_eq!(error["code"], code, "{json}");
    assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "{json}");
    let comity = error["comity"].as_object().unwrap();
    assert!(comity["reasons"].is_array() && comity["would_help"].is_array() && comity.contains_key("decision"), "{json}");
    if anthropic {
        assert_eq!((&json["type"], &error["type"]), (&"error".into(), &anthropic_type.into()), "{json}");
    } else {
        assert!(json.get("type").is_none() && error.as_object().unwrap().contains_key("param"), "{json}");
        assert_eq!(error["type"], openai_type, "{json}");
    }
    assert_eq!(reply.headers.contains_key("retry-after"), status == 429 || status == 503, "{json}");
    assert!(!reply.text().contains(SECRET));
    json
}

#[tokio::test]
async fn what_is_wrong_with_the_call() {
    let world = World::with("[limits]\nbody_bytes_max = 2000\nbody_ms = 300");
    for api in Api::ALL {
        let (path, anthropic) = (api.path(), api.is_anthropic());
        let nobody = world.stage.send((Method::POST, path), api.hello("m", ""), &[]).await;
        check(&nobody, anthropic, UNKNOWN_KEY);
        let stranger = world.stage.send((Method::POST, path), api.hello("m", ""), &[("x-api-key", "ck_1_x")]).await;
        check(&stranger, anthropic, UNKNOWN_KEY);
        check(&world.stage.post(path, "{", &[]).await, anthropic, INVALID);
        let nameless = check(&world.stage.post(path, "{}", &[]).await, anthropic, INVALID);
        assert_eq!(nameless["error"]["param"], "model");
        check(&world.stage.post(path, "x".repeat(3000), &[]).await, anthropic, TOO_LARGE);
        check(&world.ask(api, "nothing-like-it", "").await, anthropic, NO_OFFERING);
        let cannot = check(&world.ask(api, api.at_home(), ",\"provider\":{}").await, anthropic, CANNOT_HONOUR);
        assert_eq!(cannot["error"]["param"], "provider");
        let header = world.stage.post(path, api.hello(api.at_home(), ""), &[("comity-upstream", "x")]).await;
        assert_eq!(check(&header, anthropic, CANNOT_HONOUR)["error"]["param"], "comity-upstream");
        let refused = check(&world.ask(api, api.at_home(), ",\"user\":\"ada@example.org\"").await, anthropic, REFUSED);
        assert_eq!(refused["error"]["comity"]["reasons"][0]["id"], "personal-stays");
        assert!(refused["error"]["comity"]["decision"].is_string());
    }
    assert_eq!(world.mock.tally().calls, 0);
}

#[tokio::test]
async fn a_body_that_does_not_come() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let world = World::with("[limits]\nbody_ms = 100");
    for api in [Api::Chat, Api::Messages] {
        let mut stream = tokio::net::TcpStream::connect(world.stage.address()).await.unwrap();
        let head = format!(
            "POST {} HTTP/1.1\r\nhost: g\r\nauthorization: Bearer {}\r\ncontent-length: 9\r\nconnection: close\r\n\r\n{{",
            api.path(),
            world.stage.key
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 408"), "{head}");
        let headers = [("content-type".parse().unwrap(), "application/json".parse().unwrap())].into_iter().collect();
        let reply = Reply { status: 408, headers, body: body.to_owned().into() };
        check(&reply, api.is_anthropic(), TOO_SLOW);
    }
}

#[tokio::test]
async fn what_is_wrong_with_the_upstream() {
    for api in Api::ALL {
        let world = World::with("[limits]\nretries_max = 0\nfirst_byte_ms = 300");
        for (mode, expected) in [
            (Mode::Status(401), FAILED),
            (Mode::Status(403), FAILED),
            (Mode::Status(404), FAILED),
            (Mode::Status(503), FAILED),
            (Mode::Reset, FAILED),
            (Mode::NotJson, FAILED),
            (Mode::Redirect, FAILED),
            (Mode::RetryAfter(7), LIMITED),
            (Mode::Stall, TIMEOUT),
        ] {
            world.mock.script([mode.clone()]);
            let reply = world.ask(api, api.at_home(), "").await;
            let json = check(&reply, api.is_anthropic(), expected);
            assert!(json["error"]["comity"]["decision"].is_string() && !reply.header("comity-decision").is_empty(), "{mode:?} {json}");
            assert!(expected != LIMITED || reply.header("retry-after") == "7");
            assert_eq!(world.ask(api, api.at_home(), "").await.status, 200);
        }
    }
}

#[tokio::test]
async fn what_is_wrong_with_the_gateway() {
    let busy = World::with("[limits]\ncalls_max = 1");
    busy.mock.stand(Mode::Hold);
    let (held, ()) = tokio::join!(busy.ask(Api::Chat, "alpha/m@openai", ""), async {
        assert!(busy.mock.until(|tally| tally.calls == 1).await.is_some());
        for api in Api::ALL {
            check(&busy.ask(api, api.at_home(), "").await, api.is_anthropic(), LIMITED);
        }
        busy.mock.release();
    });
    assert_eq!(held.status, 200);
    let full = World::new();
    full.stage.store().set_size_max(Some(1)).unwrap();
    while full.ask(Api::Chat, "alpha/m@openai", "").await.status == 200 {}
    let calls = full.mock.tally().calls;
    for api in Api::ALL {
        check(&full.ask(api, api.at_home(), "").await, api.is_anthropic(), UNAVAILABLE);
    }
    assert_eq!(full.mock.tally().calls, calls, "a call left without its leaf");
}

#[tokio::test]
async fn what_an_operator_keeps_for_nobody() {
    let world = World::new();
    let gone = world.ask(Api::Responses, "alpha/m@openai", ",\"previous_response_id\":\"resp_x\"").await;
    assert_eq!(check(&gone, false, UNKNOWN_ID)["error"]["param"], "previous_response_id");
    check(&world.stage.get("/v1/responses/resp_x").await, false, UNKNOWN_ID);
    let container = world.ask(Api::Messages, "alpha/m@anthropic", ",\"container\":\"c\"").await;
    assert_eq!(check(&container, true, UNKNOWN_ID)["error"]["param"], "container");
}

#[tokio::test]
async fn a_field_that_cannot_be_said_upstream_is_named() {
    let world = World::new();
    for (api, upstream, rest, param) in [
        (Api::Chat, "anthropic", ",\"logprobs\":true", "logprobs"),
        (Api::Chat, "gemini", ",\"logit_bias\":{\"1\":1}", "logit_bias"),
        (Api::Messages, "openai", ",\"top_k\":3", "top_k"),
        (Api::CountTokens, "openai", "", "model"),
        (Api::CountTokens, "gemini", "", "model"),
        (Api::Embeddings, "anthropic", "", "model"),
    ] {
        let json = check(&world.ask(api, &format!("alpha/m@{upstream}"), rest).await, api.is_anthropic(), CANNOT_HONOUR);
        assert_eq!(json["error"]["param"], param, "{json}");
    }
    assert_eq!(world.mock.tally().calls, 0);
}

const OPENAI_400: &str = "{ \"error\" : {\"message\":\"Invalid value: caf\\u00e9.\",\"type\":\"invalid_request_error\",\"param\":\"temperature\",\"code\":null,\"new\":1.0} }\n";
const ANTHROPIC_400: &str = "{ \"type\":\"error\", \"error\":{\"type\":\"invalid_request_error\",\"message\":\"Invalid value: caf\\u00e9.\"},\"request_id\":\"req_1\" }\n";
const GEMINI_400: &str = "{\"error\":{\"code\":400,\"message\":\"Invalid value: caf\\u00e9.\",\"status\":\"INVALID_ARGUMENT\"}}";
const BEDROCK_400: &str = "{\"message\":\"Invalid value: caf\\u00e9.\"}";

#[tokio::test]
async fn what_an_upstream_says_of_the_call_reaches_its_own_dialect_as_it_is() {
    let openai = [(Api::Chat, "openai"), (Api::Responses, "openai"), (Api::Embeddings, "openai")];
    let anthropic = [(Api::Messages, "anthropic"), (Api::CountTokens, "anthropic")];
    for (said, pairs) in [(OPENAI_400, openai.as_slice()), (ANTHROPIC_400, &anthropic)] {
        for status in [400, 413, 422] {
            let world = World::answering(status, "application/json", said);
            for (api, upstream) in pairs {
                let reply = world.ask(*api, &format!("alpha/m@{upstream}"), "").await;
                assert_eq!((reply.status, reply.text()), (status, said), "{api:?}");
                assert_eq!(reply.header("x-request-id"), "req_mock");
                assert!(!reply.header("comity-decision").is_empty());
            }
        }
    }
}

#[tokio::test]
async fn what_an_upstream_says_of_the_call_reaches_other_dialects_in_words() {
    for (said, pairs) in [
        (ANTHROPIC_400, [(Api::Chat, "anthropic"), (Api::Responses, "anthropic")]),
        (OPENAI_400, [(Api::Messages, "openai"), (Api::Responses, "chat")]),
        (GEMINI_400, [(Api::Chat, "gemini"), (Api::Messages, "gemini")]),
        (BEDROCK_400, [(Api::Chat, "bedrock"), (Api::Messages, "bedrock")]),
    ] {
        let world = World::answering(400, "application/json", said);
        for (api, upstream) in pairs {
            let reply = world.ask(api, &format!("alpha/m@{upstream}"), "").await;
            let json = check(&reply, api.is_anthropic(), (400, "upstream_refused", "invalid_request_error", "invalid_request_error"));
            assert!(json["error"]["message"].as_str().unwrap().contains("Invalid value: café."), "{json}");
        }
    }
}

#[tokio::test]
async fn what_an_upstream_says_of_us_does_not() {
    let problem = format!("{{\"message\":\"bad key {SECRET}\",\"type\":\"invalid_request_error\",\"code\":\"invalid_api_key\"}}");
    let said = format!("{{\"type\":\"error\",\"message\":\"bad key {SECRET}\",\"error\":{problem}}}");
    for status in [401, 403, 404, 429, 500] {
        let props = Props { config: "[limits]\nretries_max = 0".to_owned(), ..Props::default() };
        let world = World::answering_with((status, "application/json", said.clone().into_bytes()), props);
        for (api, upstream) in [
            (Api::Chat, "openai"),
            (Api::Messages, "anthropic"),
            (Api::Responses, "second"),
            (Api::Responses, "chat"),
            (Api::Messages, "bedrock"),
            (Api::Chat, "gemini"),
        ] {
            for stream in ["", ",\"stream\":true"] {
                let reply = world.ask(api, &format!("alpha/m@{upstream}"), stream).await;
                assert!(!reply.text().contains("bad key"), "{}", reply.text());
                check(&reply, api.is_anthropic(), if status == 429 { LIMITED } else { FAILED });
            }
        }
    }
}

#[tokio::test]
async fn addresses_and_methods_that_are_not_there() {
    let world = World::new();
    let bearer = format!("Bearer {}", world.stage.key);
    let wrong = (405, "invalid_request", "invalid_request_error", "invalid_request_error");
    for (method, path, versioned, anthropic, expected) in [
        (Method::GET, "/v1/chat/completions", false, false, wrong),
        (Method::PUT, "/v1/responses", false, false, wrong),
        (Method::DELETE, "/v1/embeddings", false, false, wrong),
        (Method::GET, "/v1/messages", false, true, wrong),
        (Method::PATCH, "/v1/messages/count_tokens", false, true, wrong),
        (Method::POST, "/v1/models", false, false, wrong),
        (Method::POST, "/v1/models", true, true, wrong),
        (Method::POST, "/v1/responses/resp_1", false, false, wrong),
        (Method::POST, "/v1/nothing", false, false, NO_OFFERING),
        (Method::GET, "/v1/nothing", true, true, NO_OFFERING),
        (Method::POST, "/v1/messages/batches", false, true, NO_OFFERING),
        (Method::POST, "/v1/responses/resp_1/cancel", false, false, NO_OFFERING),
        (Method::GET, "/v1/models/nothing", false, false, NO_OFFERING),
        (Method::GET, "/v1/models/nothing", true, true, NO_OFFERING),
    ] {
        let mut headers = vec![("authorization", bearer.as_str())];
        headers.extend(versioned.then_some(("anthropic-version", "2023-06-01")));
        let reply = world.stage.send((method, path), "", &headers).await;
        check(&reply, anthropic, expected);
    }
    assert_eq!(world.mock.tally().calls, 0);
}
