//! What the model makes up: personal data in an answer that was not in the call is passed, counted, masked or refused.

mod said;

use std::sync::Arc;

use comity_enforce::{Depth, Detect};
use comity_ledger::Outcome;
use comity_redact::{Detector, Finding, Kinds};
use serde_json::{Value, json};

use crate::dialects::{Api, World};
use crate::stage::{Props, Reply, log};
use said::{Answer, arguments, stream, text, whole};

const TERMS: &str = r#"
@id("everything")
@goal("openness")
@reason("everything may go")
permit (principal, action in [Action::"infer", Action::"embed"], resource);
"#;

const MADE_UP: &str = "grace@example.com";
const ASKED: &str = "ada@example.org";
/// What the tool is to be given: an address that the call had, one that it had not, and a card.
const ARGUMENTS: &str = r#"{"from":"ada@example.org","to":"grace@example.com","card":4111111111111111}"#;
const APIS: [Api; 3] = [Api::Chat, Api::Responses, Api::Messages];

fn said() -> String {
    format!("You gave {ASKED}. {} Write to {MADE_UP} today.", "Some words. ".repeat(60))
}

fn world(mode: &str, answer: Answer) -> World {
    world_with(mode, answer, None)
}

fn world_with(mode: &str, answer: Answer, detector: Option<Arc<dyn Detect>>) -> World {
    let config = if mode.is_empty() { String::new() } else { format!("[answers]\npersonal = \"{mode}\"\n") };
    World::answering_with(answer, Props { terms: TERMS.to_owned(), config, detector, ..Props::default() })
}

/// Every API with its answer, whole and as a stream.
fn answers() -> Vec<(Api, Answer, bool)> {
    APIS.into_iter().flat_map(|api| [(api, whole(api), false), (api, stream(api), true)]).collect()
}

async fn ask(world: &World, api: Api, stream: bool) -> Reply {
    let question = format!("Who is {ASKED}?");
    let mut body = match api {
        Api::Responses => json!({ "input": question }),
        Api::Chat | Api::Messages | Api::Embeddings | Api::CountTokens => json!({ "messages": [{ "role": "user", "content": question }] }),
    };
    if api.is_anthropic() {
        body["max_tokens"] = json!(4000);
    }
    (body["model"], body["stream"]) = (json!(api.at_home()), json!(stream));
    world.stage.post(api.path(), body.to_string(), &[]).await
}

async fn counted(world: &World) -> Vec<String> {
    let metrics = world.stage.get("/metrics").await;
    assert!(!metrics.text().contains(MADE_UP));
    metrics.text().lines().filter(|line| line.starts_with("comity_answer_findings_total{")).map(str::to_owned).collect()
}

const COUNTED: [&str; 2] = ["comity_answer_findings_total{kind=\"email\"} 1", "comity_answer_findings_total{kind=\"payment_card\"} 1"];

#[tokio::test]
async fn nothing_is_looked_at_unless_it_is_asked_for() {
    for mode in ["", "pass"] {
        for (api, answer, is_stream) in answers() {
            let world = world(mode, answer);
            assert_eq!(text(api, &ask(&world, api, is_stream).await), said());
            assert!(counted(&world).await.is_empty());
        }
    }
}

#[tokio::test]
async fn a_report_counts_and_changes_nothing() {
    for (api, answer, is_stream) in answers() {
        let world = world("report", answer);
        let reply = ask(&world, api, is_stream).await;
        assert_eq!((reply.status, text(api, &reply)), (200, said()), "{}", reply.text());
        assert_eq!(arguments(api, &reply), serde_json::from_str::<Value>(ARGUMENTS).unwrap(), "{api:?}");
        assert_eq!(counted(&world).await, COUNTED, "{api:?}");
    }
}

#[tokio::test]
async fn a_mask_stands_for_what_was_not_in_the_call() {
    for (api, answer, is_stream) in answers() {
        let world = world("mask", answer);
        let reply = ask(&world, api, is_stream).await;
        assert_eq!((reply.status, text(api, &reply)), (200, said().replace(MADE_UP, "[email]")), "{api:?} {}", reply.text());
        assert_eq!(arguments(api, &reply), json!({ "from": ASKED, "to": "[email]", "card": "[payment_card]" }), "{api:?}");
        assert!(!reply.text().contains(MADE_UP) && !reply.text().contains("4111"), "also not beside the text: {}", reply.text());
        assert_eq!(counted(&world).await, COUNTED, "{api:?}");
    }
}

#[tokio::test]
async fn a_mask_also_stands_in_what_an_upstream_says_of_a_call() {
    let said = json!({ "error": { "message": format!("not {ASKED}, ask {MADE_UP}"), "type": "invalid_request_error" } });
    let world = world("mask", (400, "application/json", said.to_string().into_bytes()));
    let reply = ask(&world, Api::Chat, false).await;
    assert_eq!((reply.status, reply.json()["error"]["message"].as_str().unwrap()), (400, &*format!("not {ASKED}, ask [email]")));
    assert_eq!(counted(&world).await, COUNTED[..1]);
}

#[tokio::test]
async fn a_refused_answer_ends_with_an_error_before_the_finding() {
    const WHY: &str = "the answer has personal data that was not in the call (email)";
    for api in APIS {
        let mut refused = world("refuse", whole(api));
        ask(&refused, api, false).await.expect_error(502, "upstream_failed", WHY);
        assert_eq!(refused.stage.stop().ends(), [Outcome::UpstreamFailed]);
        let mut refused = world("refuse", stream(api));
        let reply = ask(&refused, api, true).await;
        assert!(reply.text().contains(WHY) && reply.text().contains("upstream_failed") && !is_complete(&reply), "{}", reply.text());
        let given = text(api, &reply);
        assert!(given.starts_with(&format!("You gave {ASKED}. Some")) && said().starts_with(&given) && !given.contains("grace"), "{given}");
        assert_eq!(refused.stage.stop().ends(), [Outcome::UpstreamFailed]);
    }
}

fn is_complete(reply: &Reply) -> bool {
    ["[DONE]", "message_stop", "response.completed"].iter().any(|end| reply.text().contains(end))
}

/// The shipped patterns; what is asked of them for answers goes another way.
struct Planted {
    patterns: Detector,
    for_answers: fn(&Detector, &str) -> Result<Vec<Finding>, String>,
}

fn planted(for_answers: fn(&Detector, &str) -> Result<Vec<Finding>, String>) -> Option<Arc<dyn Detect>> {
    Some(Arc::new(Planted { patterns: Detector::new().unwrap(), for_answers }))
}

fn shipped(patterns: &Detector, text: &str) -> Result<Vec<Finding>, String> {
    patterns.scan(text).map_err(|error| error.to_string())
}

impl Detect for Planted {
    fn kinds(&self) -> &Kinds {
        self.patterns.kinds()
    }

    fn level(&self) -> u8 {
        3
    }

    fn is_slow(&self) -> bool {
        true
    }

    fn scan(&self, text: &str, depth: Depth) -> Result<Vec<Finding>, String> {
        match depth {
            Depth::Full => {
                assert!(!text.contains("Some words."), "answers are not looked at by slow tiers");
                shipped(&self.patterns, text)
            }
            Depth::Patterns => shipped(&self.patterns, text),
            Depth::Quick => (self.for_answers)(&self.patterns, text),
        }
    }
}

#[tokio::test]
async fn slow_tiers_look_at_calls_alone() {
    for (api, answer, is_stream) in answers() {
        let world = world_with("mask", answer, planted(shipped));
        let reply = ask(&world, api, is_stream).await;
        assert_eq!((reply.status, text(api, &reply)), (200, said().replace(MADE_UP, "[email]")), "{api:?} {}", reply.text());
    }
}

#[tokio::test]
async fn an_answer_that_cannot_be_looked_at_is_withheld() {
    const WHY: &str = "the answer could not be searched for personal data, so it is withheld";
    const REASON: &str = "no memory for 4711 vectors";
    log();
    for mode in ["report", "mask", "refuse"] {
        for (api, answer, is_stream) in answers() {
            let mut world = world_with(mode, answer, planted(|_, _| Err(REASON.to_owned())));
            let reply = ask(&world, api, is_stream).await;
            if is_stream {
                assert!(reply.text().contains(WHY) && reply.text().contains("answer_withheld") && !is_complete(&reply), "{}", reply.text());
                assert!(mode == "report" || text(api, &reply).is_empty(), "{}", reply.text());
            } else {
                reply.expect_error(500, "answer_withheld", WHY);
            }
            assert!(!reply.text().contains(REASON) && !reply.text().contains("try again"), "{}", reply.text());
            assert_eq!(world.stage.stop().ends(), [Outcome::Withheld], "{mode} {api:?} {is_stream}");
        }
    }
    let lines: Vec<_> = log().lines().filter(|line| line.contains(REASON)).map(str::to_owned).collect();
    assert!(lines.len() == 18 && lines.iter().all(|line| line.contains("ERROR") && !line.contains(MADE_UP)), "{lines:?}");
}
