//! The demonstration model behind the gateway: an upstream like any other, without a network.

use std::path::PathBuf;

use comity_ledger::Outcome;

use crate::stage::{Props, Stage};

const OFFERING: &str = "self/tiny@gb";

/// `$COMITY_TEST_MODEL`, or where `comity model install smollm2` puts it. Tests never fetch it.
fn model() -> PathBuf {
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap()).join(".local/share/comity");
    let data = std::env::var_os("COMITY_DATA").map_or_else(home, PathBuf::from);
    let path = std::env::var_os("COMITY_TEST_MODEL").map_or_else(|| data.join("models/smollm2.gguf"), PathBuf::from);
    assert!(path.is_file(), "this test needs the demonstration model at `{}`: run `cargo run -- model install smollm2`", path.display());
    path
}

fn stage() -> Stage {
    let local = format!("[local]\nmodel = \"{}\"\nname = \"tiny\"\nplace = \"GB\"\nown_machine = true\n", model().display());
    Stage::with(Props { config: local, ..Props::default() })
}

fn body(rest: &str) -> String {
    format!(
        "{{\"model\":\"{OFFERING}\",\"max_tokens\":8,\"temperature\":0,\
         \"messages\":[{{\"role\":\"user\",\"content\":\"Say hello.\"}}]{rest}}}"
    )
}

#[tokio::test]
async fn the_local_model_answers_like_any_upstream() {
    let mut stage = stage();
    let whole = stage.chat(&body("")).await;
    assert_eq!((whole.status, whole.header("comity-offering")), (200, OFFERING), "{}", whole.text());
    assert!(!whole.json()["choices"][0]["message"]["content"].as_str().unwrap().is_empty());
    let stream = stage.chat(&body(",\"stream\":true")).await;
    assert!(stream.text().ends_with("data: [DONE]\n\n"), "{}", stream.text());
    assert!(!stream.text().contains("\"choices\":[]"), "usage that nobody asked for");
    let tools = stage.chat(&body(",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}]")).await;
    tools.expect_error(422, "cannot_honour", "`tools`");
    let models = stage.get("/v1/models").await.json();
    let ours = models["data"].as_array().unwrap().iter().find(|model| model["id"] == OFFERING).unwrap();
    assert_eq!((&ours["owned_by"], &ours["comity"]["demonstration"]), (&"self".into(), &true.into()));
    assert_eq!(stage.mock.tally().connections, 0);
    let leaves = stage.stop();
    leaves.expect_one_outcome_each();
    assert_eq!(leaves.ends(), [Outcome::Ok, Outcome::Ok, Outcome::Refused]);
    assert!(leaves.outcomes[..2].iter().all(|leaf| leaf.tokens_out.is_some_and(|tokens| tokens > 0)));
}
