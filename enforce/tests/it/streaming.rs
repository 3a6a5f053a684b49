//! Answers that stream: at once, no faster than they are read, never short without saying so, and always counted.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;

use bytes::Bytes;
use comity_bench::Mode;
use comity_ledger::Outcome;
use http::Method;

use crate::dialects::{Api, World, piece, rest};
use crate::stage::{Props, Stage, hello_stream, leaves};

const STREAM: &str = ",\"stream\":true";

/// Every pair of a caller's and an upstream's dialect that streams.
const PAIRS: [(Api, &str); 15] = [
    (Api::Chat, "openai"),
    (Api::Responses, "openai"),
    (Api::Messages, "anthropic"),
    (Api::Chat, "anthropic"),
    (Api::Chat, "gemini"),
    (Api::Chat, "bedrock"),
    (Api::Responses, "chat"),
    (Api::Responses, "anthropic"),
    (Api::Responses, "gemini"),
    (Api::Responses, "bedrock"),
    (Api::Messages, "openai"),
    (Api::Messages, "chat"),
    (Api::Messages, "gemini"),
    (Api::Messages, "bedrock"),
    (Api::Chat, "second"),
];

/// How a complete stream ends.
fn end(api: Api) -> &'static str {
    match api {
        Api::Chat => "data: [DONE]\n\n",
        Api::Responses => "event: response.completed\n",
        Api::Messages => "event: message_stop\n",
        Api::Embeddings | Api::CountTokens => panic!("no streams"),
    }
}

#[tokio::test]
async fn the_first_byte_is_forwarded_at_once() {
    for (api, upstream) in PAIRS {
        let mut world = World::new();
        world.mock.stand(Mode::HoldStream);
        let mut answer = world.open(api, &format!("alpha/m@{upstream}"), STREAM).await;
        let first = piece(&mut answer).await.unwrap();
        assert_eq!(world.mock.tally().answered, 0, "{api:?} {upstream}: the rest is held back");
        assert!(first.ends_with("\n\n") && !first.contains(end(api)), "{api:?} {upstream}: {first}");
        world.mock.release();
        let rest = rest(&mut answer).await;
        assert!(rest.contains(end(api)), "{api:?} {upstream}: {rest}");
        let outcome = world.outcome();
        assert_eq!((outcome.outcome, outcome.estimated), (Outcome::Ok, false), "{api:?} {upstream}");
        assert!(outcome.tokens_in > Some(0) && outcome.tokens_out > Some(0), "{api:?} {upstream} {outcome:?}");
        assert!(outcome.cost.is_some());
    }
}

/// An answer that breaks off says so in its dialect's own terms, is asked for nowhere else, and does not look complete.
async fn check(world: &World, (api, upstream): (Api, &str), (mode, expected): (&Mode, Outcome)) {
    let calls = world.mock.tally().calls;
    world.mock.script([mode.clone()]);
    let reply = world.ask(api, "both", STREAM).await;
    let (text, what) = (reply.text(), format!("{api:?} {upstream} {mode:?}"));
    assert_eq!(reply.status, 200, "{what} {text}");
    assert!(!text.contains(end(api)), "{what} {text}");
    let last = text.trim_end().rsplit("\n\n").next().unwrap();
    let (event, data) = last.split_once("data: ").unwrap_or_else(|| panic!("{what} {text}"));
    let data: serde_json::Value = serde_json::from_str(data).unwrap_or_else(|_| panic!("{what} {text}"));
    let shaped = match api {
        Api::Chat => event.is_empty() && data["error"]["message"].is_string(),
        Api::Messages => event == "event: error\n" && data["type"] == "error" && data["error"]["type"].is_string(),
        Api::Responses => {
            (event == "event: error\n" && data["type"] == "error")
                || (event == "event: response.failed\n" && data["response"]["error"].is_object())
        }
        Api::Embeddings | Api::CountTokens => false,
    };
    assert!(shaped, "{what} {last}");
    if *mode != Mode::ErrorStream {
        let error = if api == Api::Responses { &data } else { &data["error"] };
        let code = if expected == Outcome::UpstreamTimeout { "upstream_timeout" } else { "upstream_failed" };
        assert_eq!((&error["code"], error["comity"]["decision"].is_string()), (&code.into(), true), "{what} {last}");
    }
    assert_eq!(world.mock.tally().calls, calls + 1, "{what}: asked elsewhere after the first byte");
}

#[tokio::test]
async fn an_answer_that_breaks_off_says_so() {
    const FAILED: Outcome = Outcome::UpstreamFailed;
    let modes = [
        (Mode::Truncated, FAILED),
        (Mode::Cut, FAILED),
        (Mode::ResetAfter, FAILED),
        (Mode::ErrorStream, FAILED),
        (Mode::StallStream, Outcome::UpstreamTimeout),
    ];
    for pair in PAIRS {
        let config = format!("[limits]\nidle_ms = 100\n[route.both]\nofferings = [\"alpha/m@{}\", \"alpha/m@zero\"]", pair.1);
        let mut world = World::with(&config);
        for (mode, expected) in &modes {
            check(&world, pair, (mode, *expected)).await;
        }
        let leaves = world.stage.stop();
        leaves.expect_one_outcome_each();
        // Outcomes with an estimate are written when it is made, which may be out of order.
        let sorted = |mut ends: Vec<Outcome>| {
            ends.sort();
            ends
        };
        assert_eq!(sorted(leaves.ends()), sorted(modes.iter().map(|(_, end)| *end).collect()), "{pair:?}");
        assert!(leaves.outcomes.iter().all(|leaf| leaf.estimated && leaf.tokens_in > Some(0)), "{pair:?} {:?}", leaves.outcomes);
    }
}

#[tokio::test]
async fn usage_is_counted_whether_or_not_the_caller_asks() {
    for upstream in ["openai", "anthropic", "gemini", "bedrock"] {
        for (asks, gets) in [("", false), (",\"stream_options\":{\"include_usage\":true}", true)] {
            let mut world = World::new();
            let reply = world.ask(Api::Chat, &format!("alpha/m@{upstream}"), &format!("{STREAM}{asks}")).await;
            assert_eq!(reply.text().contains("\"usage\":{"), gets, "{upstream} {}", reply.text());
            assert!(reply.text().ends_with("data: [DONE]\n\n"));
            let outcome = world.outcome();
            assert!(!outcome.estimated && outcome.tokens_in == Some(3) && outcome.tokens_out > Some(0), "{upstream} {outcome:?}");
        }
    }
}

/// An upstream that sends the events that it is given, then holds until its client goes away.
struct Upstream {
    address: SocketAddr,
    /// The bytes that it could send.
    sent: Arc<AtomicUsize>,
    thread: JoinHandle<()>,
}

impl Upstream {
    fn start(events: impl Iterator<Item = Vec<u8>> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, sent) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
        let counter = Arc::clone(&sent);
        let thread = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            read_request(&mut stream);
            stream.write_all(HEAD.as_bytes()).unwrap();
            for event in events {
                if stream.write_all(&event).is_err() {
                    return;
                }
                counter.fetch_add(event.len(), Ordering::Relaxed);
            }
            let _gone = stream.read(&mut [0; 16]);
        });
        Self { address, sent, thread }
    }

    /// Waits until its client is gone.
    async fn left(self) {
        tokio::task::spawn_blocking(|| self.thread.join().unwrap()).await.unwrap();
    }
}

fn read_request(stream: &mut TcpStream) {
    let mut seen = Vec::new();
    let mut buffer = [0; 4096];
    while !seen.ends_with(b"}") {
        let count = stream.read(&mut buffer).unwrap();
        seen.extend_from_slice(&buffer[..count]);
    }
}

const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";

fn before(address: SocketAddr, dialect: &str) -> Stage {
    let upstreams = format!(
        "[[upstream]]\nname = \"raw\"\nbase_url = \"http://{address}/v1\"\nserves = [\"alpha/model@one\"]\ndialect = \"{dialect}\"\n\
         [[upstream]]\nname = \"mock\"\nbase_url = \"http://{address}/v1\"\nserves = [\"alpha/model@two\"]\n"
    );
    Stage::with(Props { upstreams, config: "[limits]\nthreads = 1".to_owned(), ..Props::default() })
}

#[tokio::test]
async fn a_slow_reader_slows_the_upstream() {
    const ALL: usize = 256 * 1024 * 1024;
    const EVENT: usize = 64 * 1024;
    let event = format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{}\"}}}}]}}\n\n", "a".repeat(EVENT)).into_bytes();
    let upstream = Upstream::start(std::iter::repeat_n(event, ALL / EVENT));
    let mut stage = before(upstream.address, "openai");
    let bearer = format!("Bearer {}", stage.key);
    let body = Bytes::from(hello_stream("alpha/model@one"));
    let mut answer = stage.open((Method::POST, "/v1/chat/completions"), body, &[("authorization", &bearer)]).await.into_body();
    assert!(piece(&mut answer).await.is_some());
    // The one thread of the gateway has all the time it needs to collect the answer while it serves others.
    for _ in 0..200 {
        assert_eq!(stage.get("/metrics").await.status, 200);
    }
    let read = upstream.sent.load(Ordering::Relaxed);
    assert!(read < ALL / 4, "{read} bytes were collected for a client that does not read");
    drop(answer);
    upstream.left().await;
    assert_eq!(stage.stop().ends(), [Outcome::ClientGone]);
}

#[tokio::test]
async fn a_client_that_leaves_is_charged_for_what_was_said() {
    let chat = "data: {\"choices\":[{\"delta\":{\"content\":\"one two three four five six seven eight nine ten\"}}]}\n\n".to_owned();
    let messages = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":7,\"output_tokens\":1}}}\n\nevent: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"one two three four five six seven eight nine ten\"}}\n\n".to_owned();
    for (api, dialect, said, tokens_in) in [(Api::Chat, "openai", chat, None), (Api::Messages, "anthropic", messages, Some(7))] {
        let upstream = Upstream::start(std::iter::once(said.into_bytes()));
        let mut stage = before(upstream.address, dialect);
        let bearer = format!("Bearer {}", stage.key);
        let body = Bytes::from(api.hello("alpha/model@one", STREAM));
        let mut answer = stage.open((Method::POST, api.path()), body, &[("authorization", &bearer)]).await.into_body();
        let mut seen = String::new();
        while !seen.contains("ten") {
            seen.push_str(&piece(&mut answer).await.unwrap());
        }
        drop(answer);
        upstream.left().await;
        let leaves = stage.stop();
        assert_eq!(leaves.ends(), [Outcome::ClientGone]);
        let outcome = &leaves.outcomes[0];
        assert!(outcome.estimated && outcome.tokens_in > Some(0) && outcome.tokens_out >= Some(10), "{api:?} {outcome:?}");
        assert!(tokens_in.is_none_or(|tokens| outcome.tokens_in == Some(tokens)), "what was counted stands: {outcome:?}");
        assert!(outcome.cost.is_some_and(|cost| cost.micros.0 > 0));
    }
}

#[tokio::test]
async fn a_client_that_leaves_cancels_the_call() {
    for (api, upstream) in PAIRS {
        let mut world = World::new();
        world.mock.stand(Mode::HoldStream);
        let mut answer = world.open(api, &format!("alpha/m@{upstream}"), STREAM).await;
        assert!(piece(&mut answer).await.is_some());
        drop(answer);
        assert!(world.mock.until(|tally| tally.cancelled == 1).await.is_some(), "{api:?} {upstream}: the upstream call went on");
        let outcome = world.outcome();
        assert_eq!((outcome.outcome, outcome.estimated), (Outcome::ClientGone, true), "{api:?} {upstream}");
        assert!(outcome.tokens_in > Some(0) && outcome.tokens_out.is_some(), "{api:?} {upstream} {outcome:?}");
    }
}

/// The gateway stops while a client reads; `cuts` says who breaks the answer off.
async fn stopping(drain_ms: u32, client_leaves: bool) -> (bool, Vec<Outcome>) {
    let mut world = World::with(&format!("[limits]\nthreads = 4\ndrain_ms = {drain_ms}"));
    world.mock.stand(Mode::HoldStream);
    let mut answer = world.open(Api::Chat, "alpha/m@openai", STREAM).await;
    assert!(piece(&mut answer).await.is_some());
    let (address, store) = (world.stage.address(), world.stage.path("comity.db"));
    let running = world.stage.take();
    let stopping = tokio::task::spawn_blocking(move || running.shutdown());
    while tokio::net::TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    if client_leaves {
        drop(answer);
    }
    let drained = stopping.await.unwrap();
    (drained.complete, leaves(&store).ends())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_broke_an_answer_off_while_the_gateway_stopped() {
    assert_eq!(stopping(50, false).await, (false, vec![Outcome::Unknown]));
    assert_eq!(stopping(60_000, true).await, (true, vec![Outcome::ClientGone]));
}
