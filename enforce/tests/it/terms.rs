//! What the terms say is what happens.

use std::sync::Arc;

use comity_enforce::{Depth, Detect};
use comity_redact::{Finding, Kinds};

use crate::stage::{Props, Stage, TERMS, hello};

fn say(model: &str, text: &str) -> String {
    format!("{{\"model\":\"{model}\",\"messages\":[{{\"role\":\"user\",\"content\":\"{text}\"}}]}}")
}

#[tokio::test]
async fn a_refusal_says_why_and_what_would_help() {
    let stage = Stage::new();
    let reply = stage.chat(&say("alpha/model@one", "my key is ghp_abcdefghijklmnopqrstuvwxyz0123456789 and ada@example.org")).await;
    reply.expect_error(403, "terms_refused", "credentials are never sent; personal data goes only where nothing is kept");
    let comity = &reply.json()["error"]["comity"];
    let ids: Vec<_> = comity["reasons"].as_array().unwrap().iter().map(|reason| reason["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["credentials-never-leave", "personal-stays"]);
    assert_eq!(comity["reasons"][0]["goal"], "security");
    assert_eq!(comity["reasons"][0]["basis"], "house rule 1");
    let ways = comity["would_help"].to_string();
    assert!(ways.contains("without its credentials"), "{ways}");
    assert!(!reply.text().contains("ghp_") && !reply.text().contains("ada@"));
    assert_eq!(stage.mock.tally().connections, 0);
}

#[tokio::test]
async fn the_least_means_among_the_candidates_decides() {
    let stage = Stage::with_config("[route.any]\nselect = \"alpha/*\"");
    let reply = stage.chat(&say("any", "write to ada@example.org")).await;
    assert_eq!((reply.status, reply.header("comity-offering")), (200, "alpha/zero@four"), "{}", reply.text());
    assert_eq!(reply.header("comity-means"), "unretained");
}

#[tokio::test]
async fn a_detector_that_fails_denies_whatever_the_terms_say() {
    struct Panics(Kinds);
    impl Detect for Panics {
        fn kinds(&self) -> &Kinds {
            &self.0
        }
        fn level(&self) -> u8 {
            1
        }
        fn scan(&self, _: &str, _: Depth) -> Result<Vec<Finding>, String> {
            panic!("planted")
        }
    }
    let terms =
        "@id(\"all\") @goal(\"openness\") @reason(\"all\") permit(principal, action in [Action::\"infer\", Action::\"embed\"], resource);"
            .to_owned();
    let mut stage = Stage::with(Props { terms, detector: Some(Arc::new(Panics(Kinds::built_in()))), ..Props::default() });
    let reply = stage.chat(&hello("alpha/model@one")).await;
    reply.expect_error(403, "terms_refused", "the detectors failed");
    assert_eq!(stage.mock.tally().connections, 0);
    let leaves = stage.stop();
    assert_eq!((leaves.decisions.len(), leaves.outcomes.len()), (1, 0));
    assert!(leaves.decisions[0].classes.opaque());
}

#[tokio::test]
async fn no_terms_deny_everything() {
    let stage = Stage::with(Props { terms: String::new(), ..Props::default() });
    stage.chat(&hello("alpha/model@one")).await.expect_error(403, "terms_refused", "none of them permits it");
    assert_eq!(stage.mock.tally().connections, 0);
}

#[tokio::test]
async fn bad_terms_never_replace_good_ones() {
    let stage = Stage::new();
    std::fs::write(stage.path("terms.cedar"), format!("{TERMS}\npermit(principal, action, resource;")).unwrap();
    let problems = stage.running().reload().unwrap_err().to_string();
    assert!(problems.contains("terms.cedar:"), "{problems}");
    assert_eq!(stage.chat(&hello("alpha/model@one")).await.status, 200);

    std::fs::write(stage.path("terms.cedar"), TERMS).unwrap();
    std::fs::write(stage.path("comity.toml"), "lisen = 3").unwrap();
    let problems = stage.running().reload().unwrap_err().to_string();
    assert!(problems.contains("did you mean `listen`?"), "{problems}");
    assert_eq!(stage.chat(&hello("alpha/model@one")).await.status, 200);
    assert!(stage.get("/metrics").await.text().contains("comity_reloads_total{result=\"kept\"} 2"));
}

#[tokio::test]
async fn good_terms_replace_the_old_ones_whole() {
    let mut stage = Stage::new();
    assert_eq!(stage.chat(&hello("alpha/model@one")).await.status, 200);
    let closed = "@id(\"closed\") @goal(\"security\") @reason(\"closed for today\") forbid(principal, action in [Action::\"infer\", Action::\"embed\"], resource);";
    std::fs::write(stage.path("terms.cedar"), closed).unwrap();
    stage.running().reload().unwrap();
    stage.chat(&hello("alpha/model@one")).await.expect_error(403, "terms_refused", "closed for today");
    let leaves = stage.stop();
    assert_ne!(leaves.decisions[0].terms, leaves.decisions[1].terms);
}

#[tokio::test]
async fn a_declaration_only_raises() {
    let mut stage = Stage::with_config("[findings]\nemail = \"confidential\"");
    for (declared, expected) in [("public", "confidential"), ("secret", "secret")] {
        let body = say("alpha/zero@four", "ada@example.org");
        assert_eq!(stage.post("/v1/chat/completions", body, &[("comity-classification", declared)]).await.status, 200);
        let _ = expected;
    }
    let classes: Vec<_> = stage.stop().decisions.iter().map(|leaf| leaf.classes.classification().name()).collect();
    assert_eq!(classes, ["confidential", "secret"]);
}
