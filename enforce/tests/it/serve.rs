//! Starting, serving, stopping.

use bytes::Bytes;
use comity_bench::Mode;
use comity_ledger::Outcome;
use http::Method;
use http_body_util::BodyExt;

use crate::stage::{Props, Stage, hello, hello_stream, leaves};

#[tokio::test]
async fn one_call_more_than_allowed_is_told_to_wait() {
    let stage = Stage::with_config("[limits]\ncalls_max = 1");
    stage.mock.stand(Mode::Hold);
    let body = hello("alpha/model@one");
    let (first, ()) = tokio::join!(stage.chat(&body), async {
        assert!(stage.mock.until(|tally| tally.calls == 1).await.is_some());
        let second = stage.chat(&hello("alpha/model@one")).await;
        second.expect_error(429, "rate_limited", "as many calls at once as it may");
        assert_eq!(second.header("retry-after"), "1");
        stage.mock.release();
    });
    assert_eq!(first.status, 200);
    stage.mock.stand(Mode::Echo);
    assert_eq!(stage.chat(&hello("alpha/model@one")).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn running_calls_finish_when_the_gateway_stops() {
    let mut stage = Stage::new();
    stage.mock.stand(Mode::HoldStream);
    let bearer = format!("Bearer {}", stage.key);
    let body = Bytes::from(hello_stream("alpha/model@one"));
    let address = stage.address();
    let mut answer = stage.open((Method::POST, "/v1/chat/completions"), body, &[("authorization", &bearer)]).await.into_body();
    assert!(answer.frame().await.unwrap().unwrap().is_data());
    let running = stage.take();
    let stopping = tokio::task::spawn_blocking(move || running.shutdown());
    // The port is closed for new connections before the running call is released.
    while tokio::net::TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    stage.mock.release();
    let text = answer.collect().await.unwrap().to_bytes();
    assert!(text.ends_with(b"data: [DONE]\n\n"));
    assert!(stopping.await.unwrap().complete);
    assert_eq!(leaves(&stage.path("comity.db")).ends(), [Outcome::Ok]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_hangs_is_cut_off_at_the_deadline() {
    let mut stage = Stage::with_config("[limits]\ndrain_ms = 50");
    stage.mock.stand(Mode::Stall);
    let bearer = format!("Bearer {}", stage.key);
    let headers = [("authorization", bearer.as_str())];
    let request = stage.request((Method::POST, "/v1/chat/completions"), Bytes::from(hello("alpha/model@one")), &headers);
    let asking = tokio::spawn(Stage::exchange(stage.address(), request));
    assert!(stage.mock.until(|tally| tally.calls == 1).await.is_some());
    let (complete, leaves) = tokio::task::spawn_blocking(move || stage.stop_anyhow()).await.unwrap();
    assert!(!complete);
    assert!(asking.await.unwrap().is_err());
    assert_eq!(leaves.ends(), [Outcome::Unknown]);
}

#[tokio::test]
async fn models_are_what_can_be_reached_here() {
    let stage = Stage::with_config("[route.best]\nselect = \"alpha/*\"");
    let reply = stage.get("/v1/models").await;
    let json = reply.json();
    let ids: Vec<_> = json["data"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["best", "alpha/model@one", "alpha/model@two", "alpha/zero@four"]);
    assert_eq!(json["data"][1]["owned_by"], "alpha");
    assert_eq!(json["data"][1]["comity"]["demonstration"], false);
    assert_eq!(json["data"][0]["comity"]["offerings"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn health_has_three_answers() {
    let stage = Stage::new();
    assert_eq!(stage.get("/healthz").await.text(), "ok\n");
    assert_eq!(stage.get("/readyz").await.json()["ready"], true);
    stage.chat(&hello("alpha/model@one")).await;
    stage.chat(&hello("alpha/far@three")).await;
    stage.chat("{").await;
    let metrics = stage.get("/metrics").await;
    for line in [
        "comity_decisions_total{verdict=\"permit\"} 1",
        "comity_decisions_total{verdict=\"denial\"} 1",
        "comity_calls_refused_total{code=\"terms_refused\"} 1",
        "comity_calls_refused_total{code=\"invalid_request\"} 1",
        "comity_calls_ended_total{api=\"chat\",outcome=\"ok\"} 1",
        "comity_ledger_unavailable 0",
    ] {
        assert!(metrics.text().contains(line), "{line}\n{}", metrics.text());
    }
    assert!(!metrics.text().contains("desk"), "a caller's name in the metrics");

    let unready = Stage::with(Props { terms: String::new(), config: String::new(), ..Props::default() });
    assert_eq!(unready.get("/healthz").await.status, 200);
}

#[tokio::test]
async fn without_a_key_only_where_that_is_configured() {
    let open = Stage::with(Props { top: "dev_open = true".to_owned(), ..Props::default() });
    let path = "/v1/chat/completions";
    assert_eq!(open.send((Method::POST, path), hello("alpha/model@one"), &[]).await.status, 200);
    let proxied = open.send((Method::POST, path), hello("alpha/model@one"), &[("x-forwarded-for", "10.1.2.3")]).await;
    proxied.expect_error(401, "unknown_key", "comes from elsewhere");
    let wrong = open.send((Method::POST, path), hello("alpha/model@one"), &[("authorization", "Bearer ck_x_y")]).await;
    wrong.expect_error(401, "unknown_key", "nobody made");
}

#[tokio::test]
async fn the_admin_api_needs_its_token() {
    let off = Stage::new();
    off.post("/api/v1/reload", "", &[]).await.expect_error(404, "no_offering", "the admin API is off");
    let folder = tempfile::TempDir::new().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "0123456789abcdef0123456789abcdef").unwrap();
    let stage = Stage::with_config(&format!("[admin]\ntoken = {{ file = \"{}\" }}", token.display()));
    stage.post("/api/v1/reload", "", &[]).await.expect_error(401, "unknown_key", "admin token");
    let headers = [("authorization", "Bearer 0123456789abcdef0123456789abcdef")];
    let reply = stage.send((Method::POST, "/api/v1/reload"), "", &headers).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    std::fs::write(stage.path("terms.cedar"), "nonsense").unwrap();
    let reply = stage.send((Method::POST, "/api/v1/reload"), "", &headers).await;
    assert_eq!(reply.status, 422);
    assert!(reply.text().contains("terms.cedar:1"), "{}", reply.text());
}
