//! What leaves, where to, and what comes back.

use comity_bench::Mode;
use comity_ledger::Outcome;

use crate::publish::Receipt;
use crate::stage::{Props, Stage, hello, hello_stream};

#[tokio::test]
async fn a_call_leaves_byte_for_byte_but_for_the_name_of_the_model() {
    let mut stage = Stage::new();
    let body = "{ \"unknown\" : {\"deep\":[1.50,2e3,\"\\u00e9\\/\"]},\n\t\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}] , \"model\":\"alpha/model@one\",\"store\":false,\"metadata\":{\"a\":\"b\"} }\n";
    let reply = stage.chat(body).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let seen = stage.mock.seen();
    assert_eq!(seen[0].path, "/v1/chat/completions");
    assert_eq!(seen[0].body, body.replace("alpha/model@one", "alpha-upstream"));
    assert_eq!(reply.json()["choices"][0]["message"]["content"], "You said: hello");
    assert_eq!(reply.header("comity-offering"), "alpha/model@one");
    assert_eq!(reply.header("comity-means"), "none");
    let receipt = Receipt::of(&reply);
    assert_eq!(receipt.sequence, 1);
    assert_eq!(reply.header("x-request-id"), "req_mock");
    assert!(reply.header("comity-overhead-us").parse::<u64>().unwrap() > 0);
    let leaves = stage.stop();
    assert_eq!(stage.decision(receipt.leaf).decision, leaves.decisions[0].decision);
    assert_eq!(reply.header("comity-decision"), leaves.decisions[0].decision.to_string());
    assert_eq!(leaves.ends(), [Outcome::Ok]);
    let outcome = &leaves.outcomes[0];
    assert_eq!((outcome.status, outcome.tokens_in.is_some(), outcome.cost.is_some()), (200, true, true));
}

#[tokio::test]
async fn only_our_own_headers_leave() {
    let stage = Stage::new();
    let headers = [("cookie", "a=b"), ("x-forwarded-for", "10.0.0.1"), ("comity-purpose", "support")];
    stage.post("/v1/chat/completions", hello("alpha/model@one"), &headers).await;
    let seen = stage.mock.seen();
    let names: Vec<_> = seen[0].headers.keys().map(String::as_str).collect();
    assert_eq!(names, ["accept", "content-length", "content-type", "host", "user-agent"]);
}

#[tokio::test]
async fn a_stream_comes_through_and_its_usage_is_read() {
    for (asked, wants) in [("", false), (",\"stream_options\":{\"include_usage\":true}", true)] {
        let mut stage = Stage::new();
        let body = hello_stream("alpha/model@one").replace("\"stream\":true", &format!("\"stream\":true{asked}"));
        let reply = stage.chat(&body).await;
        assert_eq!((reply.status, reply.header("content-type")), (200, "text/event-stream"));
        assert_eq!(stage.mock.seen()[0].json()["stream_options"]["include_usage"], true);
        assert!(reply.text().ends_with("data: [DONE]\n\n"));
        assert_eq!(reply.text().contains("\"choices\":[]"), wants, "{}", reply.text());
        assert!(reply.text().contains("hello"));
        let leaves = stage.stop();
        assert_eq!(leaves.ends(), [Outcome::Ok]);
        assert!(leaves.outcomes[0].tokens_out.is_some_and(|tokens| tokens > 0));
    }
}

#[tokio::test]
async fn an_upstream_that_gives_usage_is_not_asked_for_it() {
    let stage = Stage::new();
    let upstreams = format!(
        "[[upstream]]\nname = \"mock\"\nbase_url = \"{}\"\nserves = [\"alpha/model@*\"]\nusage_in_stream = \"given\"\n",
        stage.mock.base_url()
    );
    let given = Stage::with(Props { upstreams, ..Props::default() });
    assert_eq!(given.chat(&hello_stream("alpha/model@one")).await.status, 200);
    assert!(stage.mock.seen()[0].json().get("stream_options").is_none());
}

#[tokio::test]
async fn embeddings_take_the_same_way() {
    let mut stage = Stage::new();
    let reply = stage.post("/v1/embeddings", "{\"model\":\"alpha/model@one\",\"input\":[\"a\",\"b\"]}", &[]).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(reply.json()["data"].as_array().unwrap().len(), 2);
    assert_eq!(stage.mock.seen()[0].path, "/v1/embeddings");
    assert_eq!(stage.stop().ends(), [Outcome::Ok]);
}

#[tokio::test]
async fn unretained_is_asked_for_where_the_terms_need_it() {
    let personal = "{\"model\":\"alpha/zero@four\",\"messages\":[{\"role\":\"user\",\"content\":\"write to ada@example.org\"}]}";
    let stage = Stage::new();
    let reply = stage.chat(personal).await;
    assert_eq!((reply.status, reply.header("comity-means")), (200, "unretained"), "{}", reply.text());
    assert!(stage.mock.seen()[0].json().get("store").is_none(), "the contract covers every call");

    let upstreams = format!(
        "[[upstream]]\nname = \"mock\"\nbase_url = \"{}\"\nserves = [\"alpha/zero@*\"]\nunretained = \"store_false\"\n",
        stage.mock.base_url()
    );
    let asking = Stage::with(Props { upstreams, ..Props::default() });
    assert_eq!(asking.chat(personal).await.status, 200);
    assert_eq!(stage.mock.seen()[1].json()["store"], false);
    assert_eq!(asking.chat(&hello("alpha/zero@four")).await.header("comity-means"), "none");
    assert!(stage.mock.seen()[2].json().get("store").is_none());
}

#[tokio::test]
async fn a_credential_goes_only_to_the_host_it_is_bound_to() {
    let other = Stage::new();
    let (mine, theirs) = (comity_bench::MockUpstream::start().unwrap(), &other.mock);
    let folder = tempfile::TempDir::new().unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "sk-bound\n").unwrap();
    let upstreams = format!(
        "[[upstream]]\nname = \"mine\"\nbase_url = \"{}\"\nserves = [\"alpha/model@one\"]\ncredential = {{ file = \"{}\" }}\n\
         [[upstream]]\nname = \"theirs\"\nbase_url = \"{}\"\nserves = [\"alpha/model@two\"]\n",
        mine.base_url(),
        secret.display(),
        theirs.base_url()
    );
    let config = "[route.both]\nofferings = [\"alpha/model@one\", \"alpha/model@two\"]".to_owned();
    let stage = Stage::with(Props { upstreams, config, ..Props::default() });
    mine.script([Mode::Status(503)]);
    let reply = stage.chat(&hello("both")).await;
    assert_eq!((reply.status, reply.header("comity-offering")), (200, "alpha/model@two"));
    assert_eq!(mine.seen()[0].headers["authorization"], "Bearer sk-bound");
    assert!(!theirs.seen()[0].headers.contains_key("authorization"));

    // A redirect is not followed, with or without the credential.
    mine.script([Mode::Redirect]);
    let reply = stage.chat(&hello("alpha/model@one")).await;
    reply.expect_error(502, "upstream_failed", "redirects elsewhere");
    assert_eq!((mine.tally().calls, theirs.tally().calls), (2, 1));
}

#[tokio::test]
async fn a_truncated_stream_never_looks_complete() {
    for mode in [Mode::Truncated, Mode::Cut, Mode::ResetAfter, Mode::ErrorStream] {
        let mut stage = Stage::new();
        stage.mock.script([mode.clone()]);
        let reply = stage.chat(&hello_stream("alpha/model@one")).await;
        assert_eq!(reply.status, 200);
        assert!(!reply.text().contains("[DONE]"), "{mode:?}");
        assert!(reply.text().contains("\"error\""), "{mode:?} {}", reply.text());
        assert_eq!(stage.stop().ends(), [Outcome::UpstreamFailed], "{mode:?}");
    }
}

#[tokio::test]
async fn an_event_over_its_bound_ends_the_stream() {
    let mut stage = Stage::new();
    stage.mock.script([Mode::Oversize(9)]);
    let reply = stage.chat(&hello_stream("alpha/model@one")).await;
    assert!(reply.text().contains("upstream_failed") && reply.text().contains("larger than"), "{}", reply.text());
    assert_eq!(stage.stop().ends(), [Outcome::UpstreamFailed]);
}

#[tokio::test]
async fn a_stream_that_stalls_ends_with_a_timeout() {
    let mut stage = Stage::with_config("[limits]\nidle_ms = 50");
    stage.mock.script([Mode::StallStream]);
    let reply = stage.chat(&hello_stream("alpha/model@one")).await;
    assert!(reply.text().contains("upstream_timeout"), "{}", reply.text());
    assert_eq!(stage.stop().ends(), [Outcome::UpstreamTimeout]);
}

#[tokio::test]
async fn what_the_upstream_says_about_the_call_is_passed_on_and_what_it_says_about_us_is_not() {
    let mut stage = Stage::with_config("[limits]\nretries_max = 0");
    stage.mock.script([Mode::Status(400), Mode::Status(401), Mode::Status(429)]);
    let blamed = stage.chat(&hello("alpha/model@one")).await;
    assert_eq!(blamed.status, 400);
    assert!(blamed.json()["error"].is_object() && !blamed.header("comity-decision").is_empty());
    let credential = stage.chat(&hello("alpha/model@one")).await;
    credential.expect_error(502, "upstream_failed", "refuses the gateway's credential");
    let limited = stage.chat(&hello("alpha/model@one")).await;
    limited.expect_error(429, "rate_limited", "limits the rate");
    assert_eq!(limited.header("retry-after"), "1");
    let leaves = stage.stop();
    assert_eq!(leaves.ends(), [Outcome::Refused, Outcome::UpstreamFailed, Outcome::UpstreamFailed]);
    assert_eq!(leaves.outcomes.iter().map(|leaf| leaf.status).collect::<Vec<_>>(), [400, 401, 429]);
}

#[tokio::test]
async fn answers_that_are_no_answers() {
    for (mode, stream, status, message) in [
        (Mode::NotJson, false, 502, "another content type"),
        (Mode::NotJson, true, 502, "another content type"),
        (Mode::BadUtf8, false, 502, "malformed"),
        (Mode::Truncated, false, 502, ""),
        (Mode::Reset, false, 502, "broke the connection off"),
        (Mode::Cut, false, 502, ""),
        (Mode::Status(500), false, 502, "status 500"),
    ] {
        let mut stage = Stage::with_config("[limits]\nretries_max = 0");
        stage.mock.script([mode.clone()]);
        let body = if stream { hello_stream("alpha/model@one") } else { hello("alpha/model@one") };
        stage.chat(&body).await.expect_error(status, "upstream_failed", message);
        assert_eq!(stage.stop().ends(), [Outcome::UpstreamFailed], "{mode:?}");
    }
}
