//! The load generator counts what really happened and fails when a call does.

use comity_bench::load::{Plan, body_for, chat_body, run};
use comity_bench::{MockUpstream, Mode};

fn plan(mock: &MockUpstream, mode: &str, stream: bool) -> Plan {
    Plan {
        address: mock.address(),
        path: format!("/{mode}/v1/chat/completions"),
        key: Some("k".to_owned()),
        body: chat_body("m", 1024, stream),
        connections: 4,
        calls: 10,
        pid: Some(std::process::id()),
    }
}

#[tokio::test]
async fn calls_and_events_are_counted() {
    let mock = MockUpstream::start().unwrap();
    let whole = run(&plan(&mock, "fixed", false)).await.unwrap();
    assert_eq!((whole.calls, whole.events), (10, 0));
    let stream = run(&plan(&mock, "paced-1", true)).await.unwrap();
    assert_eq!((stream.calls, stream.events), (10, 510));
    assert!(stream.first_p50_us.is_some_and(|first| first > 0 && first <= stream.p99_us));
    assert!(stream.p50_us > 0 && stream.p99_us >= stream.p50_us && stream.rss_kib.unwrap() > 0);
    assert_eq!((mock.tally().connections, mock.tally().calls), (8, 20));
    assert!(mock.seen().is_empty());
}

#[tokio::test]
async fn other_dialects_are_loaded_too() {
    let mock = MockUpstream::start().unwrap();
    for path in ["/fixed/v1/messages", "/fixed/v1/responses"] {
        let body = body_for(path, "m", 1024, true);
        let report = run(&Plan { path: path.to_owned(), body, ..plan(&mock, "fixed", true) }).await.unwrap();
        assert!(report.calls == 10 && report.events > 500, "{path}");
    }
}

#[tokio::test]
async fn a_failure_ends_the_run_and_is_told() {
    let mock = MockUpstream::start().unwrap();
    for (mode, told) in [("status-503", "status 503"), ("truncated", "without [DONE]"), ("reset", "")] {
        let error = run(&plan(&mock, mode, true)).await.unwrap_err().to_string();
        assert!(error.starts_with("load run failed: ") && error.contains(told), "{error}");
    }
}

#[tokio::test]
async fn the_key_is_sent() {
    let mock = MockUpstream::start().unwrap();
    run(&plan(&mock, &Mode::Echo.to_string(), false)).await.unwrap();
    assert!(mock.seen().iter().all(|seen| seen.headers["authorization"] == "Bearer k"));
}
