//! Calls that are answered, with values in every place that a call has.

use comity_bench::Mode;

use super::bodies::{full_chat, full_embedding, full_message, full_response};
use super::stage::{APIS, CHAT, MESSAGES, RESPONSES, Stage, say};

/// Values in every place that a call has.
pub(super) fn permitted(stage: &mut Stage) {
    for offering in ["openai", "secrets"] {
        let is_secret = offering == "secrets";
        let bodies = [
            (CHAT, full_chat(&mut stage.flock, is_secret)),
            (RESPONSES, full_response(&mut stage.flock, is_secret)),
            ("/v1/embeddings", full_embedding(&mut stage.flock, is_secret)),
        ];
        for (api, body) in bodies {
            answered(stage, api, &body.replace("OFFERING", offering), "");
        }
    }
    let body = full_message(&mut stage.flock).replace("OFFERING", "anthropic");
    answered(stage, MESSAGES, &body, "anthropic-version: 2023-06-01\r\n");
    answered(stage, "/v1/messages/count_tokens", &body.replacen("\"max_tokens\":50,", "", 1), "");
    let streamed = |body: &str| body.replacen("{", "{\"stream\":true,", 1);
    answered(stage, MESSAGES, &streamed(&body), "");
    let body = full_chat(&mut stage.flock, false).replace("OFFERING", "openai");
    answered(stage, CHAT, &streamed(&body), "");
    let body = full_response(&mut stage.flock, false).replace("OFFERING", "openai");
    answered(stage, RESPONSES, &streamed(&body), "");
    translated(stage);
    headers(stage);
}

#[track_caller]
fn answered(stage: &Stage, path: &str, body: &str, headers: &str) {
    let before = stage.mock.tally().calls;
    let reply = stage.post(path, body, headers);
    let means = reply.text.to_lowercase().contains("comity-means: pseudonymised");
    assert!(reply.status == 200 && means, "{path}: {}", reply.text);
    assert_eq!(stage.mock.tally().calls, before + 1);
}

/// Every API over every dialect, whole and streamed, small and so large that another thread reads it.
fn translated(stage: &mut Stage) {
    for mode in [Mode::Echo, Mode::Pieces(3)] {
        stage.mock.stand(mode.clone());
        for offering in ["openai", "anthropic", "gemini", "bedrock"] {
            for (api, stream) in APIS.into_iter().flat_map(|api| [(api, false), (api, true)]) {
                let body = stage.plain(api, &format!("{mode} to {offering}"), (offering, stream));
                answered(stage, api, &body, "");
            }
        }
    }
    stage.mock.stand(Mode::Echo);
    for api in APIS {
        let said = format!("{} {} {}", "word ".repeat(20_000), stage.flock.email("a large call"), "word ".repeat(10_000));
        answered(stage, api, &say(api, "openai", &said, false), "");
    }
}

/// In what goes along with a call and is nobody's business here.
fn headers(stage: &mut Stage) {
    let query = stage.flock.email("a query").replace('@', "%40");
    let plain = stage.plain(CHAT, "with headers", ("openai", false));
    let lines: String =
        ["user-agent", "cookie", "referer", "x-request-id", "x-stainless-os", "traceparent", "x-custom", "idempotency-key", "accept"]
            .into_iter()
            .map(|name| format!("{name}: {} {}\r\n", stage.flock.email(name), stage.flock.secret(name)))
            .collect();
    answered(stage, CHAT, &plain, &lines);
    let body = stage.plain(CHAT, "with a query", ("openai", false));
    stage.post(&format!("{CHAT}?user={query}"), body, "");
}
