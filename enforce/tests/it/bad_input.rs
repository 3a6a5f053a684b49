//! What must not get through, and what its sender is told.

use comity_vocab::Instant;
use http::Method;

use crate::stage::{Props, Stage, hello};

async fn refused(stage: &Stage, body: &[u8], (status, code, message): (u16, &str, &str)) {
    stage.post("/v1/chat/completions", body.to_vec(), &[]).await.expect_error(status, code, message);
}

#[tokio::test]
async fn a_body_that_is_no_call() {
    let stage = Stage::new();
    let invalid = |message| (400, "invalid_request", message);
    refused(&stage, b"", invalid("it ends too early at line 1")).await;
    refused(&stage, b"{\"model\":\"alpha/model@one\",", invalid("it ends too early")).await;
    refused(&stage, b"{\"model\":\"alpha/model@one\",}", invalid("malformed at line 1, column 28")).await;
    refused(&stage, b"[]", invalid("not an object")).await;
    refused(&stage, b"{\"model\":\"m\",\"messages\":[{\"content\":\"\xff\"}]}", invalid("not UTF-8 at byte 37")).await;
    refused(&stage, b"{\"model\":\"m\",\"model\":\"n\",\"messages\":[{}]}", invalid("`model` stands in the body twice")).await;
    refused(&stage, b"{\"messages\":[{}]}", invalid("`model` is missing")).await;
    refused(&stage, b"{\"model\":4,\"messages\":[{}]}", invalid("`model` is not text")).await;
    refused(&stage, b"{\"model\":\"m\",\"messages\":\"hi\"}", invalid("`messages` is not a list")).await;
    refused(&stage, b"{\"model\":\"m\",\"messages\":[{}],\"stream\":1}", invalid("`stream` is not true or false")).await;
    assert_eq!(stage.mock.tally().connections, 0);
}

#[tokio::test]
async fn an_embedding_that_is_no_call() {
    let stage = Stage::new();
    let reply = stage.post("/v1/embeddings", "{\"model\":\"alpha/model@one\"}", &[]).await;
    reply.expect_error(400, "invalid_request", "`input` is missing");
    assert_eq!(reply.json()["error"]["param"], "input");
}

#[tokio::test]
async fn a_body_that_is_too_large_announced_or_not() {
    let stage = Stage::with_config("[limits]\nbody_bytes_max = 1000");
    let large = format!("{{\"model\":\"m\",\"x\":\"{}\"}}", "y".repeat(2000));
    refused(&stage, large.as_bytes(), (413, "too_large", "larger than 1000 bytes")).await;
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: g\r\nauthorization: Bearer {}\r\ntransfer-encoding: chunked\r\n\r\n",
        stage.key
    );
    let chunk = format!("7d0\r\n{}\r\n0\r\n\r\n", "y".repeat(2000));
    let answer = raw(&stage, &[head.as_bytes(), chunk.as_bytes()].concat()).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
}

#[tokio::test]
async fn more_large_bodies_than_there_is_room_for() {
    let stage = Stage::with_config("[limits]\nbodies_bytes_max = 4096");
    let large = format!("{{\"model\":\"m\",\"x\":\"{}\"}}", "y".repeat(8000));
    refused(&stage, large.as_bytes(), (429, "rate_limited", "as many large calls at once")).await;
    let after = stage.chat(&hello("alpha/model@one")).await;
    assert_eq!(after.status, 200, "{}", after.text());
}

#[tokio::test]
async fn a_compressed_body_says_so() {
    let stage = Stage::new();
    let reply = stage.post("/v1/chat/completions", hello("alpha/model@one"), &[("content-encoding", "gzip")]).await;
    reply.expect_error(400, "invalid_request", "compressed");
}

#[tokio::test]
async fn names_that_lead_nowhere() {
    let stage = Stage::new();
    refused(&stage, hello("alpha/model@oen").as_bytes(), (404, "no_offering", "did you mean `alpha/model@one`?")).await;
    refused(&stage, hello("gpt-99").as_bytes(), (404, "no_offering", "`GET /v1/models`")).await;
    let reply = stage.post("/v1/embeddings", "{\"model\":\"alpha/model@two\",\"input\":\"x\"}", &[]).await;
    reply.expect_error(404, "no_offering", "serves embeddings");
    let nowhere = stage.get("/v2/models").await;
    nowhere.expect_error(404, "no_offering", "`/v2/models`");
    let method = stage.get("/v1/chat/completions").await;
    method.expect_error(405, "invalid_request", "takes POST, not GET");
}

#[tokio::test]
async fn keys_that_open_nothing() {
    let past = Instant::from_seconds(1_700_000_100);
    let expired = Stage::with(Props { expires: Some(past), ..Props::default() });
    refused(&expired, hello("alpha/model@one").as_bytes(), (401, "unknown_key", "has expired")).await;
    assert_eq!(expired.mock.tally().connections, 0);

    let stage = Stage::new();
    let body = hello("alpha/model@one");
    let path = "/v1/chat/completions";
    stage.send((Method::POST, path), body.clone(), &[]).await.expect_error(401, "unknown_key", "comity keys create");
    for key in ["nonsense", "ck_abc_def", &format!("{}x", stage.key)] {
        let reply = stage.send((Method::POST, path), body.clone(), &[("authorization", &format!("Bearer {key}"))]).await;
        reply.expect_error(401, "unknown_key", "nobody made this API key");
        assert!(!reply.text().contains(key));
    }
    stage.send((Method::GET, "/v1/models"), "", &[]).await.expect_error(401, "unknown_key", "no API key");
    assert_eq!(stage.mock.tally().connections, 0);
}

#[tokio::test]
async fn a_key_counts_as_soon_as_it_is_made_and_until_it_is_revoked() {
    let stage = Stage::new();
    let body = hello("alpha/model@one");
    // Made by another connection, as by another process, while the gateway runs.
    let key = crate::stage::make_key(stage.store(), None);
    let bearer = format!("Bearer {key}");
    let headers = [("authorization", bearer.as_str())];
    assert_eq!(stage.send((Method::POST, "/v1/chat/completions"), body.clone(), &headers).await.status, 200);
    let keys = stage.store().keys().unwrap();
    let id = comity_store::PresentedKey::parse(&key).unwrap().id().clone();
    keys.revoke(&id, Instant::from_seconds(1_700_000_000)).unwrap();
    // The ring looks whenever it meets a key that it does not know.
    stage.send((Method::POST, "/v1/chat/completions"), body.clone(), &[("authorization", "Bearer ck_abcdefgh_x")]).await;
    loop {
        let reply = stage.send((Method::POST, "/v1/chat/completions"), body.clone(), &headers).await;
        if reply.status != 200 {
            reply.expect_error(401, "unknown_key", "was revoked");
            break;
        }
    }
}

#[tokio::test]
async fn headers_that_mean_something_are_never_dropped() {
    let stage = Stage::new();
    for (name, value, status, message) in [
        ("comity-classification", "top-secret", 400, "use public, internal, confidential or secret"),
        ("comity-purpose", "marketing", 400, "not in the list of this key"),
        ("comity-clasification", "secret", 422, "did you mean `comity-classification`?"),
        ("comity-data-subjekt", "42", 422, "did you mean `comity-data-subject`?"),
        ("comity-data-subject", "", 400, "a call is about one data subject"),
    ] {
        let reply = stage.post("/v1/chat/completions", hello("alpha/model@one"), &[(name, value)]).await;
        assert_eq!(reply.status, status, "{}", reply.text());
        assert!(reply.text().contains(message), "{}", reply.text());
    }
    let honoured = [("comity-classification", "internal"), ("comity-purpose", "support"), ("comity-data-subject", "42")];
    assert_eq!(stage.post("/v1/chat/completions", hello("alpha/model@one"), &honoured).await.status, 200);
}

#[tokio::test]
async fn fields_and_tools_that_cannot_be_honoured() {
    let stage = Stage::new();
    for (field, param) in
        [("\"store\":true", "store"), ("\"provider\":{\"order\":[\"x\"]}", "provider"), ("\"tools\":[{\"type\":\"teleport\"}]", "tools[0]")]
    {
        let body = format!("{{\"model\":\"alpha/model@one\",\"messages\":[{{}}],{field}}}");
        let reply = stage.chat(&body).await;
        reply.expect_error(422, "cannot_honour", "`");
        assert_eq!(reply.json()["error"]["param"], param);
    }
    assert_eq!(stage.mock.tally().connections, 0);
}

#[tokio::test]
async fn a_head_that_never_ends_is_cut_off() {
    let stage = Stage::with_config("[limits]\nhead_ms = 200");
    let answer = raw(&stage, b"POST /v1/chat/completions HTTP/1.1\r\nhost: g\r\nx-slow: ").await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
}

/// Sends bytes and reads until the gateway closes or has answered.
async fn raw(stage: &Stage, bytes: &[u8]) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(stage.address()).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = vec![0; 64 * 1024];
    let length = stream.read(&mut answer).await.unwrap_or_default();
    String::from_utf8_lossy(&answer[..length]).into_owned()
}
