//! Nothing without a leaf, and nothing left open.

use bytes::Bytes;
use comity_bench::Mode;
use comity_decide::{Engine, FactRecord};
use comity_enforce::{BuildError, Config, Gateway, Options};
use comity_ledger::{Outcome, Verdict};
use comity_store::{FactRecord as Stored, Generation, Reader};
use http::Method;
use http_body_util::BodyExt;

use crate::stage::{Stage, hello, hello_stream, leaves};

#[tokio::test]
async fn without_the_ledger_nothing_leaves_and_it_recovers_by_itself() {
    let mut stage = Stage::new();
    assert_eq!(stage.chat(&hello("alpha/model@one")).await.status, 200);
    // No page more than the database has: the disk is full.
    stage.store().set_size_max(Some(1)).unwrap();
    let mut refused = 0;
    while refused == 0 {
        let reply = stage.chat(&hello("alpha/model@one")).await;
        if reply.status != 200 {
            reply.expect_error(503, "ledger_unavailable", "nothing was sent");
            refused = 1;
        }
    }
    let sent = stage.mock.tally().calls;
    stage.chat(&hello("alpha/model@one")).await.expect_error(503, "ledger_unavailable", "try again");
    assert_eq!(stage.mock.tally().calls, sent, "a call left without its leaf");
    stage.store().set_size_max(None).unwrap();
    assert_eq!(stage.chat(&hello("alpha/model@one")).await.status, 200);
    assert_eq!(stage.get("/readyz").await.status, 200);
    stage.stop().expect_one_outcome_each();
}

#[tokio::test]
async fn a_second_gateway_on_one_store_is_refused() {
    let stage = Stage::new();
    let config = Config::load(&stage.path("comity.toml")).unwrap();
    let second = Gateway::build(Options { config, store: stage.path("comity.db"), detector: None });
    let error = second.err().unwrap();
    assert!(matches!(error, BuildError::Store(comity_store::StoreError::InUse { .. })), "{error}");
    assert!(error.hint().is_some());
    assert_eq!(stage.chat(&hello("alpha/model@one")).await.status, 200);
}

#[tokio::test]
async fn a_client_that_goes_away_cancels_the_call_and_leaves_an_outcome() {
    for (mode, stream) in [(Mode::HoldStream, true), (Mode::Hold, false), (Mode::Hold, true)] {
        let mut stage = Stage::new();
        stage.mock.stand(mode.clone());
        let bearer = format!("Bearer {}", stage.key);
        let body = if stream { hello_stream("alpha/model@one") } else { hello("alpha/model@one") };
        let headers = [("authorization", bearer.as_str())];
        let asking = stage.open((Method::POST, "/v1/chat/completions"), Bytes::from(body), &headers);
        if matches!(mode, Mode::HoldStream) {
            let mut answer = asking.await.into_body();
            assert!(answer.frame().await.unwrap().unwrap().is_data());
            drop(answer);
        } else {
            tokio::select! {
                _ = asking => panic!("held back"),
                arrived = stage.mock.until(|tally| tally.calls == 1) => assert!(arrived.is_some()),
            }
        }
        assert!(stage.mock.until(|tally| tally.cancelled == 1).await.is_some(), "{mode:?}: the upstream call went on");
        let leaves = stage.stop();
        assert_eq!(leaves.ends(), [Outcome::ClientGone], "{mode:?}");
        leaves.expect_one_outcome_each();
    }
}

#[tokio::test]
async fn a_refusal_is_a_leaf_and_has_no_outcome() {
    let mut stage = Stage::new();
    let reply = stage.chat(&hello("alpha/far@three")).await;
    assert_eq!(reply.status, 403);
    let leaves = stage.stop();
    assert_eq!((leaves.decisions.len(), leaves.outcomes.len()), (1, 0));
    assert_eq!(leaves.decisions[0].verdict, Verdict::Denial);
    assert_eq!(reply.header("comity-decision"), leaves.decisions[0].decision.to_string());
    assert_eq!(reply.json()["error"]["comity"]["decision"], leaves.decisions[0].decision.to_string());
}

#[tokio::test]
async fn every_decision_can_be_made_again_from_what_was_kept() {
    let mut stage = Stage::new();
    let body = "{\"model\":\"model\",\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]}";
    let headers = [("comity-classification", "internal"), ("comity-purpose", "support")];
    let permitted = stage.post("/v1/chat/completions", body, &headers).await;
    let refused = stage.chat(&hello("alpha/far@three")).await;
    stage.stop();
    let reader = Reader::open(&stage.path("comity.db")).unwrap();
    for reply in [permitted, refused] {
        let found = reader.find_decision(reply.header("comity-decision")).unwrap();
        let Stored::Open(bytes) = found.record else { panic!("sealed") };
        let record = FactRecord::from_bytes(bytes.expose()).unwrap();
        let kept = comity_decide::Generation {
            terms: reader.generation(Generation::Terms, found.leaf.terms).unwrap().unwrap(),
            catalogue: reader.generation(Generation::Catalogue, found.leaf.catalogue).unwrap().unwrap(),
        };
        let candidates = record.candidates();
        let again = Engine::restore(&kept).unwrap().admit(&record.query(&candidates)).decide(record.call_id);
        assert_eq!(again.digest.to_string(), reply.header("comity-decision"));
        assert_eq!(record.call.workload.id.as_str(), "desk");
    }
}

#[tokio::test]
async fn a_leaf_holds_nothing_of_the_call() {
    let mut stage = Stage::new();
    let body = "{\"model\":\"alpha/zero@four\",\"messages\":[{\"role\":\"user\",\"content\":\"ada@example.org\"}]}";
    assert_eq!(stage.chat(body).await.status, 200);
    stage.stop();
    for name in ["comity.db", "comity.db-wal"] {
        let bytes = std::fs::read(stage.path(name)).unwrap_or_default();
        assert!(!bytes.windows(11).any(|part| part == b"ada@example"), "personal data in {name}");
    }
    assert!(leaves(&stage.path("comity.db")).decisions[0].classes.personal());
}
