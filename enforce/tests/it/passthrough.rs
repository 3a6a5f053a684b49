//! A call that stays in its dialect: byte for byte both ways but for the few edits that the design lists, and of the caller's headers only those
//! that belong to the dialect.

use bytes::Bytes;
use http::Method;

use crate::dialects::{Api, World};
use crate::stage::{Props, TERMS};

/// One call and its answer. `$MODEL` stands for the name that the caller has for the model, and for the one that leaves.
struct Row {
    api: Api,
    /// What the caller sends.
    sends: &'static str,
    /// What leaves, where it is not the same.
    leaves: Option<&'static str>,
    /// What the upstream answers; an event stream where it begins like one.
    answers: &'static str,
    /// What the caller gets, where it is not the same.
    gets: Option<&'static str>,
}

async fn check(offering: &str, row: &Row) {
    let kind = if row.answers.starts_with(['{', ' ']) { "application/json" } else { "text/event-stream; charset=utf-8" };
    // What nobody knows counts as opaque; whether it may leave is not asked here, but where a means is needed for it.
    let terms = if offering == "alpha/m@zero" { TERMS } else { TERMS.split("@id(\"personal-stays\")").next().unwrap() };
    let props = Props { terms: terms.to_owned(), ..Props::default() };
    let world = World::answering_with((200, kind, row.answers.into()), props);
    let reply = world.stage.post(row.api.path(), row.sends.replace("$MODEL", offering), &[]).await;
    assert_eq!((reply.status, reply.header("content-type")), (200, kind), "{}", reply.text());
    let model = offering.replace("alpha/m@", "up-");
    let seen = world.mock.seen();
    assert_eq!(String::from_utf8_lossy(&seen[0].body), row.leaves.unwrap_or(row.sends).replace("$MODEL", &model));
    assert_eq!(reply.text(), row.gets.unwrap_or(row.answers));
}

const ODD: &str = "{ \"x_new\" : {\"deep\":[1.50,2e3,1.0,-0,1E+2,12345678901234567890123,\"\\u00e9\\/\\ud83d\\ude00\"],\"\\u0061\":null},\r\n\t\"messages\" : [ {\"content\":\"caf\\u00e9 \\/ \u{e9}\",\"role\":\"user\",\"x_role\":{\"kind\":\"hologram\"}} ] ,\"max_tokens\" : 1e3 , \"service_tier\":\"turbo-9000\",\"temperature\":1.0,\t\"model\" : \"$MODEL\" , \"stop\":null }\n \n";

#[tokio::test]
async fn a_whole_answer() {
    for row in [
        Row {
            api: Api::Chat,
            sends: ODD,
            leaves: None,
            answers: " {\"usage\" : { \"prompt_tokens\" : 1e1 , \"completion_tokens\": 2.0,\"total_tokens\":12.00 },\r\n \"id\":\"\\u0063hat\",\"choices\":[ {\"index\":0,\"finish_reason\":\"galactic\",\"message\":{\"role\":\"oracle\",\"content\":\"caf\\u00e9 \\/ \u{e9}\"}} ],\"new\":1.50 }\n\n",
            gets: None,
        },
        Row {
            api: Api::Messages,
            sends: ODD,
            leaves: None,
            answers: "{ \"content\" : [{\"type\":\"hologram\",\"content\":7,\"data\":{\"x\":1.0}},{ \"type\":\"text\",\"text\":\"\\u00e9\"}],\"usage\":{\"input_tokens\":1.0,\"output_tokens\":2e0,\"server_tool_use\":null},\"stop_reason\":\"galactic\"}\n",
            gets: None,
        },
        Row {
            api: Api::Responses,
            sends: "{\"input\" : [ {\"role\":\"user\",\"content\":\"\\u00e9\"},{\"type\":\"message\",\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":\"x\",\"n\":1.0}]} ] ,\n\n \"reasoning\":{\"effort\":\"galactic\"}, \"model\":\"$MODEL\"}",
            leaves: None,
            answers: "{\"id\":\"resp_1\",\"output\":[ {\"type\":\"hologram\",\"id\":3,\"content\":\"all text\"},{\"id\":\"m\",\"type\":\"message\",\"content\":[{\"type\":\"output_text\",\"annotations\":[{\"type\":\"new\",\"file_id\":4}]}]} ],\"usage\":{\"input_tokens\":1e0,\"output_tokens\":2.0}, \"x\":1.0}",
            gets: None,
        },
        Row {
            api: Api::Embeddings,
            sends: "{ \"input\":[ \"a\" , \"\\u0062\" ],\"dimensions\":1e2,\"model\":\"$MODEL\",\"new\":{} }",
            leaves: None,
            answers: "{ \"data\":[{\"embedding\":[1.0,-2E-3,0.10]}],\"usage\":{\"prompt_tokens\":2.0,\"total_tokens\":2} }",
            gets: None,
        },
        Row { api: Api::CountTokens, sends: ODD, leaves: None, answers: "{ \"input_tokens\" : 1.0e1,\"new\":[] }", gets: None },
    ] {
        check(row.api.at_home(), &row).await;
    }
}

const CHAT_BEGINS: &str = ": comment\n\ndata:{ \"choices\" : [ {\"delta\":{\"content\":\"\\u00e9\",\"new\":1.0}} ],\"usage\" : null}\r\n\r\nevent: ping\nid: 7\nretry: 10\ndata: {\"x\":1e3}\n\n: ping\n\ndata: {\"choices\":[],\"prompt_filter_results\":[]}\n\n";
const CHAT_USAGE: &str = "data: { \"choices\" : [ ], \"usage\" : {\"prompt_tokens\":1.0,\"completion_tokens\":2e0} }\n\n";

#[tokio::test]
async fn a_streamed_answer() {
    let with_usage: &'static str = format!("{CHAT_BEGINS}{CHAT_USAGE}data: [DONE]\n\n").leak();
    let without: &'static str = format!("{CHAT_BEGINS}data: [DONE]\n\n").leak();
    for row in [
        Row {
            api: Api::Chat,
            sends: "{\"stream\" :true,\"messages\":[ {\"role\":\"user\",\"content\":\"x\"} ], \"model\":\"$MODEL\" , \"stream_options\" : {\"include_usage\" : true,\"n\":1.0}}\n",
            leaves: None,
            answers: with_usage,
            gets: None,
        },
        Row {
            api: Api::Chat,
            sends: "{\"stream\" :true,\"messages\":[ {\"role\":\"user\",\"content\":\"x\"} ], \"model\":\"$MODEL\" ,\"n\":1.0 }\n",
            leaves: Some(
                "{\"stream\" :true,\"messages\":[ {\"role\":\"user\",\"content\":\"x\"} ], \"model\":\"$MODEL\" ,\"n\":1.0 ,\"stream_options\":{\"include_usage\":true}}\n",
            ),
            answers: with_usage,
            gets: Some(without),
        },
        Row {
            api: Api::Messages,
            sends: "{\"stream\": true ,\"max_tokens\":1e3,\"messages\":[ {\"role\":\"user\",\"content\":\"x\"} ], \"model\":\"$MODEL\"}",
            leaves: None,
            answers: "event: message_start\ndata: {\"type\": \"message_start\",\"message\":{\"usage\":{\"input_tokens\":1.0,\"output_tokens\":1}}}\n\nevent: ping\ndata: {\"type\": \"ping\"}\n\n: comment\n\nevent: hologram\ndata: {\"type\":\"hologram\", \"n\":1e3}\n\nevent: content_block_delta\r\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"new_delta\",\"x\":\"\\u00e9\"}}\r\n\r\nevent: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"galactic\"},\"usage\":{\"output_tokens\":2e0}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\" }\n\n",
            gets: None,
        },
        Row {
            api: Api::Responses,
            sends: "{\"stream\": true ,\"input\" : \"\\u0078\",\"model\":\"$MODEL\"}",
            leaves: None,
            answers: "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"id\":\"resp_1\",\"usage\":null}}\n\n: comment\n\nevent: response.hologram.delta\ndata: {\"type\":\"response.hologram.delta\",\"item\":7,\"n\":1.0}\n\nevent: response.output_item.done\ndata: {\"type\":\"response.output_item.done\",\"item\":{\"type\":\"hologram\",\"id\":\"h\",\"content\":\"text\"}}\n\nevent: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"id\":\"resp_1\",\"output\":[{\"type\":\"hologram\",\"content\":{}}],\"usage\":{\"input_tokens\":1.0,\"output_tokens\":2e0}}}\n\n",
            gets: None,
        },
    ] {
        check(row.api.at_home(), &row).await;
    }
}

#[tokio::test]
async fn what_the_means_unretained_needs_is_the_only_other_edit() {
    let (chat, response) = ("{ \"choices\":[]}", "{\"id\":\"resp_1\"}");
    for (api, sends, leaves, answers) in [
        (
            Api::Chat,
            "{\"messages\":[{\"content\":\"ada@example.org\"}] ,\"n\":1.0, \"model\":\"$MODEL\" } ",
            "{\"messages\":[{\"content\":\"ada@example.org\"}] ,\"n\":1.0, \"model\":\"$MODEL\" ,\"store\":false} ",
            chat,
        ),
        (
            Api::Responses,
            "{ \"store\" : null,\"input\":\"ada@example.org\", \"model\" :\"$MODEL\"}",
            "{ \"store\" : false,\"input\":\"ada@example.org\", \"model\" :\"$MODEL\"}",
            response,
        ),
        (
            Api::Responses,
            "{ \"store\" : true,\"input\":\"nobody\", \"model\" :\"$MODEL\"}",
            "{ \"store\" : true,\"input\":\"nobody\", \"model\" :\"$MODEL\"}",
            response,
        ),
    ] {
        check("alpha/m@zero", &Row { api, sends, leaves: Some(leaves), answers, gets: None }).await;
    }
}

/// What callers and proxies before them send along, and what belongs to a dialect.
const HEADERS: [(&str, &str); 14] = [
    ("cookie", "session=1"),
    ("x-forwarded-for", "10.0.0.1"),
    ("x-forwarded-host", "evil.invalid"),
    ("forwarded", "host=evil.invalid"),
    ("x-stainless-lang", "python"),
    ("idempotency-key", "k"),
    ("traceparent", "00-1-1-01"),
    ("proxy-authorization", "Basic eDp5"),
    ("x-goog-api-key", "theirs"),
    ("x-goog-user-project", "theirs"),
    ("anthropic-version", "2023-01-01"),
    ("anthropic-beta", "one-2025"),
    ("anthropic-beta", "two-2025"),
    ("openai-beta", "responses=v1"),
];

#[tokio::test]
async fn only_the_headers_of_the_dialect_go_along() {
    let usual = ["accept", "content-length", "content-type", "host", "user-agent"];
    let anthropic = [("anthropic-beta", "one-2025, two-2025"), ("anthropic-version", "2023-01-01")];
    let openai = [("openai-beta", "responses=v1")];
    for (api, offering, credential, along) in [
        (Api::Chat, "openai", "authorization", openai.as_slice()),
        (Api::Responses, "openai", "authorization", &openai),
        (Api::Embeddings, "openai", "authorization", &openai),
        (Api::Messages, "anthropic", "x-api-key", &anthropic),
        (Api::CountTokens, "anthropic", "x-api-key", &anthropic),
        // Another dialect has no use for them; Anthropic's asks for a version.
        (Api::Chat, "anthropic", "x-api-key", &[("anthropic-version", "2023-06-01")]),
        (Api::Messages, "openai", "authorization", &[]),
        (Api::Chat, "gemini", "x-goog-api-key", &[]),
        (Api::Messages, "bedrock", "authorization", &[]),
    ] {
        let world = World::new();
        let reply = world.stage.post(api.path(), api.hello(&format!("alpha/m@{offering}"), ""), &HEADERS).await;
        assert_eq!(reply.status, 200, "{api:?} {offering} {}", reply.text());
        let seen = world.mock.seen();
        let mut wanted: Vec<&str> = usual.into_iter().chain([credential]).chain(along.iter().map(|(name, _)| *name)).collect();
        wanted.sort_unstable();
        assert_eq!(seen[0].headers.keys().collect::<Vec<_>>(), wanted, "{api:?} {offering}");
        for (name, value) in along {
            assert_eq!(seen[0].headers[*name], *value, "{api:?} {offering}");
        }
        assert!(seen[0].headers.values().all(|value| !value.contains(&world.stage.key)), "the caller's key left");
    }
}

#[tokio::test]
async fn no_header_chooses_the_host() {
    let world = World::new();
    let here = world.mock.address().to_string();
    let body = Api::Chat.hello("alpha/m@openai", "");
    for (name, value) in [
        ("host", "evil.invalid"),
        ("x-forwarded-host", "evil.invalid"),
        ("x-original-url", "http://evil.invalid/v1"),
        ("x-upstream", "http://evil.invalid"),
        ("x-base-url", "http://evil.invalid/v1"),
        ("helicone-openai-api-base", "http://evil.invalid/v1"),
        ("location", "http://evil.invalid"),
    ] {
        let reply = world.stage.post("/v1/chat/completions", body.clone(), &[(name, value)]).await;
        assert_eq!(reply.status, 200, "{name} {}", reply.text());
        let seen = world.mock.seen();
        assert_eq!(seen.last().unwrap().headers["host"], here, "{name}");
    }
    let bearer = format!("Bearer {}", world.stage.key);
    let path = "http://evil.invalid/v1/chat/completions";
    let reply = world.stage.send((Method::POST, path), Bytes::from(body.clone()), &[("authorization", &bearer)]).await;
    assert_eq!((reply.status, world.mock.seen().len()), (200, 8), "an absolute address is read as its path");
    for name in ["comity-upstream", "comity-offering", "comity-base-url", "openai-organization", "openai-project"] {
        let reply = world.stage.post("/v1/chat/completions", body.clone(), &[(name, "http://evil.invalid")]).await;
        reply.expect_error(422, "cannot_honour", name);
    }
    assert_eq!(world.mock.seen().len(), 8);
}
