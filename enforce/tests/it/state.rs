//! What upstreams keep belongs to the workload that made it: for any other it does not exist, a chain stays where it began, and nothing that was
//! said in it is forgotten.

use comity_bench::Mode;
use comity_ledger::Verdict;
use http::Method;
use serde_json::Value;

use crate::dialects::{Api, World, piece};
use crate::stage::{Reply, TERMS};

const RESPONSES: &str = "/v1/responses";

async fn call(world: &World, (method, path): (Method, &str), (key, body): (&str, String)) -> Reply {
    let bearer = format!("Bearer {key}");
    world.stage.send((method, path), body, &[("authorization", &bearer), ("content-type", "application/json")]).await
}

/// Does `call` work for the maker and, with or without a restart in between, for nobody else? `$ID` in it stands for what was made.
async fn check(world: &mut World, made: &str, (method, path, body): (Method, &str, &str)) {
    let named = |id: &str| (path.replace("$ID", id), body.replace("$ID", id));
    for restarted in [false, true] {
        if restarted {
            world.stage.restart();
        }
        let other = world.stage.key_of("other");
        let ((path, body), (nowhere, nothing)) = (named(made), named("resp_never_existed"));
        let foreign = call(world, (method.clone(), &path), (&other, body.clone())).await;
        let unknown = call(world, (method.clone(), &nowhere), (&other, nothing)).await;
        foreign.expect_error(404, "unknown_id", "no call of this workload made");
        assert_eq!((foreign.status, &foreign.body), (unknown.status, &unknown.body), "{body} {path}: a stranger can tell");
        let names = |reply: &Reply| reply.headers.keys().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(names(&foreign), names(&unknown), "{body} {path}: a stranger can tell");
        let key = world.stage.key.clone();
        let mine = call(world, (method.clone(), &path), (&key, body.clone())).await;
        assert_ne!(mine.error().1, "unknown_id", "{body} {path} after a restart: {restarted}");
        assert_eq!(mine.status, 200, "{body} {path} {}", mine.text());
    }
}

fn text(json: &Value, pointer: &str) -> String {
    json.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("{pointer} of {json}")).to_owned()
}

#[tokio::test]
async fn a_kept_response_is_there_for_its_maker_alone() {
    let goes_on = r#"{"model":"alpha/m@openai","input":"go on","previous_response_id":"$ID"}"#;
    let refers = r#"{"model":"alpha/m@openai","input":[{"type":"item_reference","id":"$ID"},{"role":"user","content":"go on"}]}"#;
    let thinks = r#"{"model":"alpha/m@openai","input":[{"type":"reasoning","id":"$ID","summary":[]},{"role":"user","content":"go on"}]}"#;
    for (pointer, call) in [
        ("/id", (Method::POST, RESPONSES, goes_on)),
        ("/id", (Method::GET, "/v1/responses/$ID", "")),
        ("/output/1/id", (Method::POST, RESPONSES, refers)),
        ("/output/0/id", (Method::POST, RESPONSES, thinks)),
    ] {
        let mut world = World::new();
        let reply = world.ask(Api::Responses, "alpha/m@openai", ",\"reasoning\":{\"effort\":\"low\"}").await;
        check(&mut world, &text(&reply.json(), pointer), call).await;
    }
}

#[tokio::test]
async fn a_deleted_response_is_gone_and_nobody_else_deletes_it() {
    let world = World::new();
    let reply = world.ask(Api::Responses, "alpha/m@openai", "").await;
    let path = format!("/v1/responses/{}", text(&reply.json(), "/id"));
    let other = world.stage.key_of("other");
    let foreign = call(&world, (Method::DELETE, &path), (&other, String::new())).await;
    let unknown = call(&world, (Method::DELETE, "/v1/responses/resp_never_existed"), (&other, String::new())).await;
    foreign.expect_error(404, "unknown_id", "");
    assert_eq!(foreign.body, unknown.body);
    assert_eq!(world.stage.get(&path).await.status, 200, "a stranger deleted it");
    let deleted = call(&world, (Method::DELETE, &path), (&world.stage.key, String::new())).await;
    assert_eq!((deleted.status, &deleted.json()["deleted"]), (200, &Value::Bool(true)));
    // What is gone is the caller's to know, and no trouble of the upstream.
    for _ in 0..6 {
        world.stage.get(&path).await.expect_error(404, "unknown_id", "`response_id`");
    }
    assert_eq!(world.ask(Api::Responses, "alpha/m@openai", "").await.status, 200);
}

#[tokio::test]
async fn containers_files_and_conversations_too() {
    let openai = r#"{"id":"resp_1","output":[{"type":"code_interpreter_call","id":"ci_1","container_id":"cntr_1"},{"type":"message","id":"msg_1","content":[{"type":"output_text","annotations":[{"type":"container_file_citation","file_id":"cfile_1","container_id":"cntr_1"}]}]}]}"#;
    let anthropic = r#"{"content":[{"type":"bash_code_execution_tool_result","content":[{"type":"bash_code_execution_output","file_id":"file_1"}]}],"container":{"id":"container_1"},"usage":{"input_tokens":3,"output_tokens":3}}"#;
    for (api, answer, made, rest) in [
        (Api::Responses, openai, "cntr_1", r#","tools":[{"type":"code_interpreter","container":"$ID"}]"#),
        (Api::Responses, openai, "cfile_1", r#","tools":[{"type":"code_interpreter","container":{"type":"auto","file_ids":["$ID"]}}]"#),
        (Api::Messages, anthropic, "container_1", r#","container":"$ID""#),
        (Api::Messages, anthropic, "container_1", r#","container":{"id":"$ID","skills":[]}"#),
    ] {
        let mut world = World::answering(200, "application/json", answer);
        assert_eq!(world.ask(api, api.at_home(), "").await.status, 200);
        let body = api.hello(api.at_home(), rest);
        check(&mut world, made, (Method::POST, api.path(), &body)).await;
    }
    // Nobody makes these through the gateway, so they are nobody's.
    let world = World::new();
    for (api, field, rest) in [
        (Api::Responses, "conversation", r#","conversation":"conv_1""#),
        (Api::Responses, "conversation", r#","conversation":{"id":"conv_1"}"#),
        (Api::Responses, "vector_store_ids", r#","tools":[{"type":"file_search","vector_store_ids":["vs_1"]}]"#),
        (Api::Responses, "previous_response_id", r#","previous_response_id":"resp_mock_1""#),
    ] {
        let reply = world.ask(api, api.at_home(), rest).await;
        reply.expect_error(404, "unknown_id", field);
        assert_eq!(reply.json()["error"]["param"], field);
    }
    for item in [
        r#"{"role":"user","content":[{"type":"input_file","file_id":"file_1"}]}"#,
        r#"{"role":"user","content":[{"type":"input_image","file_id":"file_1"}]}"#,
        r#"{"type":"code_interpreter_call","id":"ci_1","container_id":"cntr_1","code":"1","outputs":[]}"#,
        r#"{"type":"code_interpreter_call","container_id":"cntr_1","code":"1","outputs":[]}"#,
    ] {
        let body = format!("{{\"model\":\"alpha/m@openai\",\"input\":[{item}]}}");
        world.stage.post(RESPONSES, body, &[]).await.expect_error(404, "unknown_id", "");
    }
    let block = r#"{"model":"alpha/m@anthropic","max_tokens":9,"messages":[{"role":"user","content":[{"type":"document","source":{"type":"file","file_id":"file_1"}}]}]}"#;
    world.stage.post("/v1/messages", block, &[]).await.expect_error(404, "unknown_id", "file_id");
    assert_eq!(world.mock.tally().calls, 0);
}

#[tokio::test]
async fn a_chain_stays_on_its_offering() {
    let world = World::with(
        "[route.both]\nofferings = [\"alpha/m@openai\", \"alpha/m@second\"]\n[route.elsewhere]\nofferings = [\"alpha/m@openai\"]",
    );
    world.mock.script([Mode::Status(500)]);
    let first = world.ask(Api::Responses, "both", "").await;
    assert_eq!((first.status, first.header("comity-offering")), (200, "alpha/m@second"));
    let fresh = world.ask(Api::Responses, "both", "").await;
    assert_eq!(fresh.header("comity-offering"), "alpha/m@openai", "the other is ranked better");
    let goes_on = format!(",\"previous_response_id\":\"{}\"", text(&first.json(), "/id"));
    let second = world.ask(Api::Responses, "both", &goes_on).await;
    assert_eq!((second.status, second.header("comity-offering")), (200, "alpha/m@second"), "{}", second.text());
    let third = format!(",\"previous_response_id\":\"{}\"", text(&second.json(), "/id"));
    assert_eq!(world.ask(Api::Responses, "both", &third).await.header("comity-offering"), "alpha/m@second");
    let calls = world.mock.tally().calls;
    for model in ["elsewhere", "alpha/m@openai"] {
        let reply = world.ask(Api::Responses, model, &goes_on).await;
        reply.expect_error(400, "invalid_request", "continues what `alpha/m@second` keeps");
        assert_eq!(reply.json()["error"]["param"], "model");
    }
    let both =
        format!("{goes_on},\"tools\":[],\"input\":[{{\"type\":\"item_reference\",\"id\":\"{}\"}}]", text(&fresh.json(), "/output/0/id"));
    let body = format!("{{\"model\":\"both\"{both}}}");
    world.stage.post(RESPONSES, body, &[]).await.expect_error(400, "invalid_request", "something else in this call");
    assert_eq!(world.mock.tally().calls, calls, "a call left its chain");
    // Where the chain is, nobody answers: nowhere else is asked.
    world.mock.script([Mode::Status(401)]);
    world.ask(Api::Responses, "both", &goes_on).await.expect_error(502, "upstream_failed", "`alpha/m@second`");
    assert_eq!(world.mock.tally().calls, calls + 1);
}

const STRICT: &str = r#"
@id("personal-never")
@goal("privacy")
@reason("personal data goes nowhere")
forbid (principal, action in [Action::"infer", Action::"embed"], resource)
when { context.data.personal };
"#;

#[tokio::test]
async fn facts_are_the_worst_of_the_chain() {
    let mut world = World::new();
    let ask = |input: &str, previous: &str| {
        let previous = if previous.is_empty() { String::new() } else { format!(",\"previous_response_id\":\"{previous}\"") };
        format!("{{\"model\":\"alpha/m@zero\",\"input\":\"{input}\"{previous}}}")
    };
    let clean = world.stage.post(RESPONSES, ask("hello", ""), &[]).await;
    assert_eq!(clean.header("comity-means"), "none");
    let first = world.stage.post(RESPONSES, ask("write to ada@example.org", ""), &[]).await;
    assert_eq!((first.status, first.header("comity-means")), (200, "unretained"), "{}", first.text());
    let id = text(&first.json(), "/id");
    // The upstream forgot it, as it was told; what was said in it counts on here.
    assert_eq!(world.stage.post(RESPONSES, ask("and now", &id), &[]).await.status, 400);
    std::fs::write(world.stage.path("terms.cedar"), format!("{TERMS}{STRICT}")).unwrap();
    world.stage.restart();
    world.stage.post(RESPONSES, ask("and now", &id), &[]).await.expect_error(403, "terms_refused", "personal data goes nowhere");
    world.stage.get(&format!("/v1/responses/{id}")).await.expect_error(403, "terms_refused", "personal data goes nowhere");
    assert_eq!(world.stage.post(RESPONSES, ask("hello", ""), &[]).await.status, 200);
    let leaves = world.stage.stop();
    let facts: Vec<_> = leaves.decisions.iter().map(|leaf| (leaf.classes.personal(), leaf.means.to_string(), leaf.verdict)).collect();
    let fact = |personal, means: &str, verdict| (personal, means.to_owned(), verdict);
    let expected = [
        fact(false, "none", Verdict::Permit),
        fact(true, "unretained", Verdict::Permit),
        fact(true, "unretained", Verdict::Permit),
        fact(true, "none", Verdict::Denial),
        fact(true, "none", Verdict::Denial),
        fact(false, "none", Verdict::Permit),
    ];
    assert_eq!(facts, expected);
}

/// Only the first step says something personal, under terms that mind nothing.
#[tokio::test]
async fn the_last_step_still_knows_what_the_first_said() {
    let mild = TERMS.split("@id(\"personal-stays\")").next().unwrap();
    let mut world = World::under(mild);
    let (mut ids, mut previous) = (Vec::new(), String::new());
    for input in ["write to ada@example.org", "shorter", "and kinder", "thanks"] {
        let body = format!("{{\"model\":\"alpha/m@openai\",\"input\":\"{input}\"{previous}}}");
        let reply = world.stage.post(RESPONSES, body, &[]).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        ids.push(text(&reply.json(), "/id"));
        previous = format!(",\"previous_response_id\":\"{}\"", ids.last().unwrap());
    }
    std::fs::write(world.stage.path("terms.cedar"), format!("{mild}{STRICT}")).unwrap();
    world.stage.running().reload().unwrap();
    for id in &ids {
        let body = format!("{{\"model\":\"alpha/m@openai\",\"input\":\"one more\",\"previous_response_id\":\"{id}\"}}");
        world.stage.post(RESPONSES, body, &[]).await.expect_error(403, "terms_refused", "personal data goes nowhere");
    }
    let leaves = world.stage.stop();
    assert!(leaves.decisions.iter().all(|leaf| leaf.classes.personal()));
    assert_eq!(leaves.decisions.iter().filter(|leaf| leaf.verdict == Verdict::Denial).count(), ids.len());
}

#[tokio::test]
async fn a_stream_registers_its_id_before_the_client_sees_it() {
    let world = World::new();
    world.mock.script([Mode::HoldStream]);
    let mut answer = world.open(Api::Responses, "alpha/m@openai", ",\"stream\":true").await;
    let first = piece(&mut answer).await.unwrap();
    let (_, id) = first.split_once("\"id\":\"").unwrap();
    let (id, _) = id.split_once('"').unwrap();
    assert_eq!(world.mock.tally().answered, 0, "the rest is held back");
    let kept = world.stage.get(&format!("/v1/responses/{id}")).await;
    assert_eq!(kept.status, 200, "{}", kept.text());
    let other = world.stage.key_of("other");
    call(&world, (Method::GET, &format!("/v1/responses/{id}")), (&other, String::new())).await.expect_error(404, "unknown_id", "");
    world.mock.release();
}

/// A seal as operators write it: long base64.
fn seal(letter: char) -> String {
    letter.to_string().repeat(400)
}

/// Thoughts that came through here may be handed back; the terms refuse what no detector can read.
#[tokio::test]
async fn only_seals_that_came_through_here_are_not_opaque() {
    let thinking = format!(
        "{{\"type\":\"message\",\"role\":\"assistant\",\"model\":\"m\",\"id\":\"msg_1\",\"content\":[{{\"type\":\"thinking\",\"thinking\":\"hm\",\"signature\":\"{}\"}},{{\"type\":\"text\",\"text\":\"hi\"}}],\"stop_reason\":\"end_turn\",\"usage\":{{\"input_tokens\":3,\"output_tokens\":3}}}}",
        seal('A')
    );
    let redacted = thinking.replace(
        &format!("\"thinking\",\"thinking\":\"hm\",\"signature\":\"{}\"", seal('A')),
        &format!("\"redacted_thinking\",\"data\":\"{}\"", seal('A')),
    );
    let sealed = format!(
        "{{\"id\":\"resp_1\",\"status\":\"completed\",\"output\":[{{\"type\":\"reasoning\",\"id\":\"rs_1\",\"summary\":[],\"encrypted_content\":\"{}\"}}],\"usage\":{{\"input_tokens\":3,\"output_tokens\":3}}}}",
        seal('A')
    );
    for (api, offering, answer) in [
        (Api::Messages, "alpha/m@anthropic", &thinking),
        (Api::Messages, "alpha/m@anthropic", &redacted),
        (Api::Responses, "alpha/m@openai", &sealed),
        // Said in another dialect and back.
        (Api::Chat, "alpha/m@anthropic", &thinking),
        (Api::Responses, "alpha/m@anthropic", &thinking),
        (Api::Responses, "alpha/m@anthropic", &redacted),
    ] {
        let mut world = World::answering(200, "application/json", answer.as_bytes());
        let reply =
            world.ask(api, offering, if api == Api::Responses { ",\"include\":[\"reasoning.encrypted_content\"]" } else { "" }).await;
        assert_eq!(reply.status, 200, "{api:?} {offering} {}", reply.text());
        let back = handed_back(api, offering, &reply.json());
        assert!(back.contains(&seal('A')), "{back}");
        for restarted in [false, true] {
            if restarted {
                world.stage.restart();
            }
            let mine = world.stage.post(api.path(), back.clone(), &[]).await;
            assert_eq!(mine.status, 200, "{api:?} {offering} after a restart: {restarted} {}", mine.text());
            let other = world.stage.key_of("other");
            let foreign = call(&world, (Method::POST, api.path()), (&other, back.clone())).await;
            foreign.expect_error(403, "terms_refused", "personal data");
            let forged = world.stage.post(api.path(), back.replace(&seal('A'), &seal('B')), &[]).await;
            forged.expect_error(403, "terms_refused", "personal data");
        }
    }
}

/// The next call, with the whole answer in its history.
fn handed_back(api: Api, offering: &str, answer: &Value) -> String {
    let user = |text: &str| serde_json::json!({ "role": "user", "content": text });
    let body = match api {
        Api::Messages => {
            let said = serde_json::json!({ "role": "assistant", "content": answer["content"] });
            serde_json::json!({ "model": offering, "max_tokens": 9, "messages": [user("a"), said, user("b")] })
        }
        Api::Chat => serde_json::json!({ "model": offering, "messages": [user("a"), answer["choices"][0]["message"], user("b")] }),
        Api::Responses => {
            let items = answer["output"].as_array().unwrap().iter().cloned();
            let input: Vec<Value> = std::iter::once(user("a")).chain(items).chain([user("b")]).collect();
            serde_json::json!({ "model": offering, "store": false, "include": ["reasoning.encrypted_content"], "input": input })
        }
        Api::Embeddings | Api::CountTokens => panic!("no answers that think"),
    };
    body.to_string()
}
