//! When one offering gives no answer.

use comity_bench::{MockUpstream, Mode};
use comity_ledger::{Outcome, Verdict};

use crate::stage::{Props, Stage, hello, hello_stream};

const BOTH: &str = "[route.both]\nofferings = [\"alpha/model@one\", \"alpha/model@two\"]\n";

#[tokio::test]
async fn the_next_offering_gets_its_own_decision() {
    let mut stage = Stage::with_config(BOTH);
    stage.mock.script([Mode::Status(503)]);
    let reply = stage.chat(&hello("both")).await;
    assert_eq!((reply.status, reply.header("comity-offering")), (200, "alpha/model@two"), "{}", reply.text());
    let sent: Vec<_> = stage.mock.seen().iter().map(|seen| seen.json()["model"].as_str().unwrap().to_owned()).collect();
    assert_eq!(sent, ["alpha-upstream", "beta-upstream"]);
    let leaves = stage.stop();
    leaves.expect_one_outcome_each();
    let hops: Vec<_> =
        leaves.decisions.iter().map(|leaf| (leaf.hop, leaf.previous, leaf.offering.as_ref().unwrap().as_str().to_owned())).collect();
    assert_eq!(hops, [(0, None, "alpha/model@one".to_owned()), (1, Some(Outcome::UpstreamFailed), "alpha/model@two".to_owned())]);
    assert_eq!(leaves.decisions[0].call, leaves.decisions[1].call);
    assert_ne!(leaves.decisions[0].decision, leaves.decisions[1].decision);
    assert_eq!(reply.header("comity-decision"), leaves.decisions[1].decision.to_string());
    assert_eq!((leaves.ends(), leaves.outcomes[0].hop), (vec![Outcome::Ok], 1));
}

#[tokio::test]
async fn whatever_kept_the_first_from_answering() {
    for mode in [Mode::Reset, Mode::Status(429), Mode::Status(401), Mode::NotJson, Mode::Redirect, Mode::Truncated, Mode::Cut] {
        let stage = Stage::with_config(BOTH);
        stage.mock.script([mode.clone()]);
        let reply = stage.chat(&hello("both")).await;
        assert_eq!((reply.status, reply.header("comity-offering")), (200, "alpha/model@two"), "{mode:?}");
    }
    let stage = Stage::with_config(&format!("{BOTH}[limits]\nfirst_byte_ms = 1000"));
    stage.mock.script([Mode::Stall]);
    assert_eq!(stage.chat(&hello("both")).await.header("comity-offering"), "alpha/model@two");
}

#[tokio::test]
async fn an_upstream_that_is_not_there() {
    let gone = MockUpstream::start().unwrap();
    let base_url = gone.base_url();
    drop(gone);
    let other = Stage::new();
    let upstreams = format!(
        "[[upstream]]\nname = \"gone\"\nbase_url = \"{base_url}\"\nserves = [\"alpha/model@one\"]\n\
         [[upstream]]\nname = \"here\"\nbase_url = \"{}\"\nserves = [\"alpha/model@two\"]\n",
        other.mock.base_url()
    );
    let stage = Stage::with(Props { upstreams, config: BOTH.to_owned(), ..Props::default() });
    assert_eq!(stage.chat(&hello("both")).await.header("comity-offering"), "alpha/model@two");
    stage.chat(&hello("alpha/model@one")).await.expect_error(502, "upstream_failed", "cannot be reached");
}

#[tokio::test]
async fn not_when_the_call_itself_is_at_fault() {
    let mut stage = Stage::with_config(BOTH);
    stage.mock.script([Mode::Status(400)]);
    assert_eq!(stage.chat(&hello("both")).await.status, 400);
    assert_eq!(stage.mock.tally().calls, 1);
    assert_eq!(stage.stop().ends(), [Outcome::Refused]);
}

#[tokio::test]
async fn not_after_the_first_byte() {
    let mut stage = Stage::with_config(BOTH);
    stage.mock.script([Mode::ResetAfter]);
    let reply = stage.chat(&hello_stream("both")).await;
    assert_eq!((reply.status, reply.header("comity-offering")), (200, "alpha/model@one"));
    assert!(reply.text().contains("upstream_failed"));
    assert_eq!(stage.mock.tally().calls, 1);
    assert_eq!(stage.stop().ends(), [Outcome::UpstreamFailed]);
}

#[tokio::test]
async fn not_beyond_the_bound_on_hops() {
    let mut stage = Stage::with_config(&format!("{BOTH}[limits]\nhops_max = 1"));
    stage.mock.script([Mode::Status(500)]);
    stage.chat(&hello("both")).await.expect_error(502, "upstream_failed", "status 500");
    assert_eq!(stage.mock.tally().calls, 1);
    stage.stop().expect_one_outcome_each();
}

#[tokio::test]
async fn when_nobody_answers_the_last_failure_is_told() {
    let mut stage = Stage::with_config(&format!("{BOTH}[limits]\nfirst_byte_ms = 300"));
    stage.mock.script([Mode::Status(500), Mode::Stall]);
    stage.chat(&hello("both")).await.expect_error(504, "upstream_timeout", "`alpha/model@two`: no answer within 300 ms");
    let leaves = stage.stop();
    assert_eq!(leaves.ends(), [Outcome::UpstreamTimeout]);
    leaves.expect_one_outcome_each();
}

#[tokio::test]
async fn never_across_a_border_that_the_terms_close() {
    // `far` is on the route, but no term permits it.
    let mut stage = Stage::with_config("[route.both]\nofferings = [\"alpha/model@one\", \"alpha/far@three\"]\n[limits]\nretries_max = 0");
    stage.mock.script([Mode::Status(503)]);
    stage.chat(&hello("both")).await.expect_error(502, "upstream_failed", "status 503");
    assert_eq!(stage.mock.tally().calls, 1);
    let leaves = stage.stop();
    assert!(leaves.decisions.iter().all(|leaf| leaf.verdict == Verdict::Permit));
    leaves.expect_one_outcome_each();
}

#[tokio::test]
async fn an_admitted_offering_without_upstream_is_passed_over() {
    let stage = Stage::new();
    let upstreams = format!("[[upstream]]\nname = \"two\"\nbase_url = \"{}\"\nserves = [\"alpha/model@two\"]\n", stage.mock.base_url());
    let mut partly = Stage::with(Props { upstreams, config: BOTH.to_owned(), ..Props::default() });
    assert_eq!(partly.chat(&hello("both")).await.header("comity-offering"), "alpha/model@two");
    let reply = partly.chat(&hello("alpha/model@one")).await;
    reply.expect_error(404, "no_offering", "the terms admit `alpha/model@one`, but this gateway has no upstream for it");
    assert!(!reply.header("comity-decision").is_empty());
    let leaves = partly.stop();
    assert_eq!(leaves.ends(), [Outcome::Ok, Outcome::UpstreamFailed]);
    leaves.expect_one_outcome_each();
}
