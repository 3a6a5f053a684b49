//! `comity ask` against a gateway whose upstream is on this machine.

use comity_bench::{MockUpstream, Mode};

use crate::harness::{Gateway, Machine, snapshot, text};
use crate::up::config;

/// A gateway that can answer.
fn serving(mock: &MockUpstream) -> (Machine, Gateway) {
    let machine = Machine::new();
    let path = config(&machine, &mock.base_url());
    let gateway = Gateway::start(&machine, &["--config", path.to_str().unwrap()]);
    (machine, gateway)
}

#[test]
fn an_answer_streams_to_stdout_and_the_decision_to_stderr() {
    let mock = MockUpstream::start().unwrap();
    let (machine, gateway) = serving(&mock);
    let args = ["hello there", "--system", "be brief"];
    snapshot!("ask_answered", gateway.seen(&machine, &args));
    let sent = mock.seen().pop().unwrap().json();
    assert_eq!(sent["stream"], true);
    assert_eq!(sent["messages"][0]["role"], "system");
    gateway.stop();
}

#[test]
fn an_answer_as_json_carries_the_decision() {
    let mock = MockUpstream::start().unwrap();
    let (machine, gateway) = serving(&mock);
    let output = gateway.ask(&machine, &["hello", "--output", "json"]);
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["answer"]["choices"][0]["message"]["content"], "You said: hello");
    assert_eq!(answer["comity"]["offering"], "example/small@gb");
    assert_eq!(answer["comity"]["decision"].as_str().unwrap().len(), 64);
    gateway.stop();
}

#[test]
fn a_question_comes_from_stdin() {
    let mock = MockUpstream::start().unwrap();
    let (machine, gateway) = serving(&mock);
    let output = machine.run_with_key(&["ask", "-", "--url", &gateway.url], &gateway.key, "from a letter");
    assert_eq!(text(&output.stdout).trim(), "You said: from a letter");
    gateway.stop();
}

#[test]
fn refusals_say_why_and_end_with_their_code() {
    let mock = MockUpstream::start().unwrap();
    let (machine, gateway) = serving(&mock);
    let seen = |args: &[&str]| gateway.seen(&machine, args);
    snapshot!("ask_denied", seen(&["hello", "--classification", "secret"]));
    snapshot!("ask_unknown_model", seen(&["hello", "--model", "nobody/nothing@nowhere"]));
    snapshot!("ask_unknown_purpose", seen(&["hello", "--purpose", "other"]));
    mock.stand(Mode::Status(503));
    snapshot!("ask_upstream_failed", seen(&["hello"]));
    mock.script([Mode::Cut]);
    snapshot!("ask_broke_off", seen(&["hello there"]));
    gateway.stop();
}

#[test]
fn without_a_good_key_nothing_is_answered() {
    let mock = MockUpstream::start().unwrap();
    let (machine, gateway) = serving(&mock);
    snapshot!("ask_no_key", machine.seen(&["ask", "hello", "--url", &gateway.url]));
    let config = machine.folder().join("comity.toml");
    let revoke = ["keys", "revoke", gateway.key.split('_').nth(1).unwrap(), "--config", config.to_str().unwrap()];
    assert!(machine.run(&revoke).status.success());
    gateway.until_refused(&machine);
    snapshot!("ask_revoked_key", gateway.seen(&machine, &["hello"]));
    gateway.stop();
}

#[test]
fn an_interrupted_question_ends_with_130() {
    let mock = MockUpstream::start().unwrap();
    let (machine, gateway) = serving(&mock);
    mock.stand(Mode::Hold);
    let mut asking = machine.command(&["ask", "hello", "--url", &gateway.url]).env("COMITY_API_KEY", &gateway.key).spawn().unwrap();
    assert!(mock.wait_until(|tally| tally.calls == 1).is_some());
    assert!(std::process::Command::new("kill").args(["-INT", &asking.id().to_string()]).status().unwrap().success());
    assert_eq!(asking.wait().unwrap().code(), Some(130));
    // The gateway notices that nobody waits, and cancels upstream.
    assert!(mock.wait_until(|tally| tally.cancelled == 1).is_some());
    gateway.stop();
}
