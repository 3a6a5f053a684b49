//! Calls that the upstream refuses, that break, that their caller leaves, or that take too long.

use std::io::Read as _;
use std::net::Shutdown;

use comity_bench::Mode;

use super::stage::{APIS, CHAT, MESSAGES, RESPONSES, Stage, expect, read, replay, say};

pub(super) fn broken(stage: &mut Stage) {
    let modes = [400, 401, 403, 404, 413, 422, 429, 500, 503, 529].map(Mode::Status).into_iter().chain([
        Mode::Reset,
        Mode::ResetAfter,
        Mode::Cut,
        Mode::Truncated,
        Mode::BadUtf8,
        Mode::Redirect,
        Mode::NotJson,
        Mode::ErrorStream,
        Mode::ErrorFirst,
        Mode::Comments,
        Mode::Refuse,
        Mode::NoUsage,
        Mode::RetryAfter(1),
    ]);
    for mode in modes {
        for (api, offering) in [(CHAT, "openai"), (RESPONSES, "openai"), (MESSAGES, "anthropic"), (MESSAGES, "bedrock")] {
            for stream in [false, true] {
                stage.mock.script([mode.clone()]);
                let body = stage.plain(api, &format!("{mode} at {offering}"), (offering, stream));
                stage.post(api, body, "");
            }
        }
    }
    for (name, status) in [
        ("unknown-whole", 502),
        ("unknown-stream", 200),
        ("says-whole", 200),
        ("says-stream", 200),
        ("says-400", 400),
        ("says-401", 502),
        ("says-500", 502),
        ("says-broken", 502),
        ("says-broken-stream", 200),
        ("says-error-event", 200),
        ("says-html", 502),
    ] {
        for api in APIS {
            stage.mock.script([replay(name)]);
            let is_stream = ["unknown-stream", "says-stream", "says-broken-stream", "says-error-event"].contains(&name);
            let said = format!("Write to {}.", stage.flock.email(&format!("{name} {api}")));
            let offering = if api == CHAT { "openai" } else { "gemini" };
            let reply = stage.post(api, say(api, offering, &said, is_stream), "");
            if api == CHAT && name != "says-broken-stream" {
                expect(reply, status, name);
            }
        }
    }
}

/// Clients that leave, in the middle of what they say and of what they are told.
pub(super) fn gone(stage: &mut Stage) {
    for api in APIS {
        let body = stage.plain(api, "half of a call", ("openai", false));
        let key = &stage.gateway.key;
        let head = format!("POST {api} HTTP/1.1\r\nhost: g\r\nauthorization: Bearer {key}\r\ncontent-length: {}\r\n\r\n", body.len());
        stage.raw(&[head.as_bytes(), &body.as_bytes()[..body.len() - 2]].concat()).shutdown(Shutdown::Both).unwrap();
        for (mode, is_stream) in [(Mode::Hold, false), (Mode::HoldStream, true)] {
            let before = stage.mock.tally();
            stage.mock.script([mode.clone()]);
            let body = stage.plain(api, &format!("gone at {mode}"), ("openai", is_stream));
            let mut waiting = stage.begin(api, body.as_bytes(), "");
            stage.mock.wait_until(|tally| tally.calls > before.calls).expect("a call");
            if is_stream {
                waiting.read_exact(&mut [0; 16]).unwrap();
            }
            drop(waiting);
            stage.mock.wait_until(|tally| tally.cancelled > before.cancelled).expect("a call that is left");
        }
    }
}

/// Upstreams that say nothing more, and clients that stop to speak.
pub(super) fn late(stage: &mut Stage) {
    for (api, stream) in APIS.into_iter().flat_map(|api| [(api, false), (api, true)]) {
        stage.mock.script([Mode::Stall]);
        let body = stage.plain(api, "never answered", ("openai", stream));
        expect(stage.post(api, body, ""), 504, api);
        stage.mock.script([Mode::StallStream]);
        let body = stage.plain(api, "answered by half", ("openai", stream));
        let reply = stage.post(api, body, "");
        assert!(reply.text.contains("upstream_timeout"), "{}", reply.text);
        let body = stage.plain(api, "half of a call, and then nothing", ("openai", stream));
        let key = &stage.gateway.key;
        let head = format!("POST {api} HTTP/1.1\r\nhost: g\r\nauthorization: Bearer {key}\r\ncontent-length: {}\r\n\r\n", body.len());
        let half = [head.as_bytes(), &body.as_bytes()[..body.len() - 2]].concat();
        expect(read(stage.raw(&half)), 408, api);
    }
}
