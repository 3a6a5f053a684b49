//! What is tried again, where and how often; when an upstream is spared; and how two upstreams share one offering.

use std::time::{Duration, Instant};

use comity_bench::{MockUpstream, Mode};
use comity_ledger::{Outcome, Verdict};
use futures_util::future::join_all;

use crate::dialects::{Api, World};
use crate::stage::{Props, Reply, Stage, hello, hello_stream};

/// One offering, one upstream: how often is it asked, and what becomes of the call?
async fn check(first: Mode, (config, stream): (&str, bool), expected: (u64, u16, Outcome)) {
    let mut stage = Stage::with_config(&format!("[limits]\nfirst_byte_ms = 500\n{config}"));
    let what = format!("{first:?} stream {stream}");
    stage.mock.script([first]);
    let body = if stream { hello_stream("alpha/model@one") } else { hello("alpha/model@one") };
    let reply = stage.chat(&body).await;
    let (calls, status, outcome) = expected;
    assert_eq!((stage.mock.tally().calls, reply.status), (calls, status), "{what} {}", reply.text());
    let leaves = stage.stop();
    leaves.expect_one_outcome_each();
    let hops: Vec<_> = leaves.decisions.iter().map(|leaf| (u64::from(leaf.hop), leaf.verdict)).collect();
    assert_eq!(hops, (0..calls).map(|hop| (hop, Verdict::Permit)).collect::<Vec<_>>(), "{what}: an attempt without its own decision");
    assert!(leaves.decisions.iter().skip(1).all(|leaf| leaf.previous == Some(Outcome::UpstreamFailed)), "{what}");
    assert!(leaves.decisions.windows(2).all(|pair| pair[0].decision != pair[1].decision && pair[0].call == pair[1].call), "{what}");
    assert_eq!((leaves.ends(), u64::from(leaves.outcomes[0].hop)), (vec![outcome], calls - 1), "{what}");
}

#[tokio::test]
async fn what_may_pass_is_tried_again_at_the_same_offering() {
    let modes = [408, 409, 500, 502, 504, 520].map(Mode::Status).into_iter().chain([Mode::RetryAfter(0), Mode::Reset]);
    join_all(modes.map(|mode| check(mode, ("", false), (2, 200, Outcome::Ok)))).await;
    join_all([Mode::Status(500), Mode::ErrorFirst].map(|mode| check(mode, ("", true), (2, 200, Outcome::Ok)))).await;
    let none = "retries_max = 0";
    join_all([408, 409, 500].map(Mode::Status).map(|mode| check(mode, (none, false), (1, 502, Outcome::UpstreamFailed)))).await;
}

#[tokio::test]
async fn what_stays_wrong_is_not_tried_again() {
    let rows = [
        (Mode::Status(400), 400, Outcome::Refused),
        (Mode::Status(401), 502, Outcome::UpstreamFailed),
        (Mode::Status(403), 502, Outcome::UpstreamFailed),
        (Mode::Status(404), 502, Outcome::UpstreamFailed),
        (Mode::Status(413), 413, Outcome::Refused),
        (Mode::Status(422), 422, Outcome::Refused),
        (Mode::Redirect, 502, Outcome::UpstreamFailed),
        (Mode::NotJson, 502, Outcome::UpstreamFailed),
        (Mode::Stall, 504, Outcome::UpstreamTimeout),
    ];
    join_all(rows.map(|(mode, status, outcome)| check(mode, ("", false), (1, status, outcome)))).await;
    let mut stage = Stage::new();
    assert_eq!(stage.chat(&hello("alpha/far@three")).await.status, 403);
    assert_eq!(stage.mock.tally().calls, 0);
    assert_eq!(stage.stop().decisions.len(), 1, "a refusal by terms is final");
}

#[tokio::test]
async fn no_more_often_than_allowed() {
    for (limits, calls) in
        [("", 3), ("[limits]\nretries_max = 1", 2), ("[limits]\nhops_max = 1", 1), ("[limits]\nhops_max = 9\nretries_max = 3", 4)]
    {
        let mut stage = Stage::with_config(limits);
        stage.mock.stand(Mode::Status(500));
        stage.chat(&hello("alpha/model@one")).await.expect_error(502, "upstream_failed", "status 500");
        assert_eq!(stage.mock.tally().calls, calls, "{limits}");
        let leaves = stage.stop();
        leaves.expect_one_outcome_each();
        assert_eq!(leaves.decisions.len(), usize::try_from(calls).unwrap());
    }
}

#[tokio::test]
async fn the_wait_that_an_upstream_asks_for_is_kept_up_to_a_bound() {
    let stage = Stage::new();
    stage.mock.script([Mode::RetryAfter(1)]);
    let begun = Instant::now();
    assert_eq!(stage.chat(&hello("alpha/model@one")).await.status, 200);
    assert!(begun.elapsed() >= Duration::from_secs(1), "tried again before the upstream's time");
    stage.mock.script([Mode::RetryAfter(600)]);
    let reply = stage.chat(&hello("alpha/model@one")).await;
    reply.expect_error(429, "rate_limited", "limits the rate");
    assert_eq!((reply.header("retry-after"), stage.mock.tally().calls), ("600", 3), "the caller waits, not the gateway");
}

#[tokio::test]
async fn another_offering_comes_before_the_same_again() {
    let mut stage = Stage::with_config("[route.both]\nofferings = [\"alpha/model@one\", \"alpha/model@two\"]");
    stage.mock.script([Mode::RetryAfter(5), Mode::Status(500)]);
    let reply = stage.chat(&hello("both")).await;
    assert_eq!((reply.status, reply.header("comity-offering")), (200, "alpha/model@two"));
    let asked: Vec<_> = stage.mock.seen().iter().map(|seen| seen.json()["model"].as_str().unwrap().to_owned()).collect();
    assert_eq!(asked, ["alpha-upstream", "beta-upstream", "beta-upstream"]);
    stage.stop().expect_one_outcome_each();
}

#[tokio::test]
async fn retries_have_a_budget() {
    let stage = Stage::new();
    let mut failed = 0;
    // Ten retries are saved up, and each call that is answered saves a tenth of one.
    for call in 0..20 {
        stage.mock.script([Mode::Status(500), Mode::Echo]);
        let reply = stage.chat(&hello("alpha/model@one")).await;
        if reply.status != 200 {
            failed = call;
            break;
        }
    }
    assert!((10..=12).contains(&failed), "the budget ended after {failed} retries");
}

#[tokio::test]
async fn an_upstream_that_fails_is_spared() {
    let mut world = World::with("[limits]\nretries_max = 0\n[route.both]\nofferings = [\"alpha/m@openai\", \"alpha/m@second\"]");
    world.mock.stand(Mode::Status(500));
    for _ in 0..5 {
        world.ask(Api::Chat, "alpha/m@openai", "").await.expect_error(502, "upstream_failed", "status 500");
    }
    let open = "comity_upstream_circuit_open{upstream=\"openai\"} 1";
    assert!(world.stage.get("/metrics").await.text().contains(open));
    world.mock.stand(Mode::Echo);
    for api in [Api::Chat, Api::Responses, Api::Messages, Api::Embeddings] {
        let reply = world.ask(api, "alpha/m@openai", "").await;
        reply.expect_error(502, "upstream_failed", "failed several times in a row");
    }
    assert_eq!(world.mock.tally().calls, 5, "a call went where the circuit is open");
    let other = world.ask(Api::Chat, "both", "").await;
    assert_eq!((other.status, other.header("comity-offering")), (200, "alpha/m@second"), "{}", other.text());
    world.stage.stop().expect_one_outcome_each();
}

#[tokio::test]
async fn what_is_no_trouble_of_the_upstream_opens_no_circuit() {
    for code in [400, 404, 422, 429] {
        let world = World::with("[limits]\nretries_max = 0");
        world.mock.stand(Mode::Status(code));
        for _ in 0..6 {
            let reply = world.ask(Api::Chat, "alpha/m@openai", "").await;
            assert_eq!(reply.status, if code == 404 { 502 } else { code }, "{}", reply.text());
        }
        assert_eq!(world.mock.tally().calls, 6, "{code}");
        world.mock.stand(Mode::Echo);
        assert_eq!(world.ask(Api::Chat, "alpha/m@openai", "").await.status, 200, "{code}");
    }
    // An answer in between begins the count anew.
    let world = World::with("[limits]\nretries_max = 0");
    world
        .mock
        .script(std::iter::repeat_n([Mode::Status(500), Mode::Status(500), Mode::Status(500), Mode::Status(500), Mode::Echo], 3).flatten());
    for call in 0..15 {
        let reply = world.ask(Api::Chat, "alpha/m@openai", "").await;
        assert_eq!(reply.status, if call % 5 == 4 { 200 } else { 502 });
    }
    assert_eq!(world.mock.tally().calls, 15);
}

/// An answer that nobody holds back. A test that waits longer than a minute has failed.
async fn soon(asking: impl Future<Output = Reply>) -> Reply {
    tokio::time::timeout(Duration::from_secs(60), asking).await.expect("held back")
}

/// One offering with two upstreams.
struct Twins {
    mocks: [MockUpstream; 2],
    stage: Stage,
}

impl Twins {
    fn new(calls_max: usize) -> Self {
        let mocks = [MockUpstream::start().unwrap(), MockUpstream::start().unwrap()];
        let table = |(name, mock): (&str, &MockUpstream)| {
            let url = mock.base_url();
            format!("[[upstream]]\nname = \"{name}\"\nbase_url = \"{url}\"\nserves = [\"alpha/model@one\"]\ncalls_max = {calls_max}\n")
        };
        let upstreams = ["left", "right"].into_iter().zip(&mocks).map(table).collect();
        let stage = Stage::with(Props { upstreams, config: "[limits]\nretries_max = 0".to_owned(), ..Props::default() });
        Self { mocks, stage }
    }

    fn stand(&self, mode: &Mode) {
        self.mocks.iter().for_each(|mock| mock.stand(mode.clone()));
    }

    fn calls(&self) -> [u64; 2] {
        self.mocks.each_ref().map(|mock| mock.tally().calls)
    }

    /// Waits until that many calls have arrived at both together.
    async fn until(&self, calls: u64) {
        while self.calls().into_iter().sum::<u64>() < calls {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn what_is_over_the_bound_of_one_upstream_goes_to_the_other() {
    let twins = Twins::new(1);
    twins.stand(&Mode::Hold);
    let body = hello("alpha/model@one");
    let others = async {
        twins.until(2).await;
        assert_eq!(twins.calls(), [1, 1]);
        let full = soon(twins.stage.chat(&body)).await;
        full.expect_error(429, "rate_limited", "as many calls of this gateway at once as it may");
        assert_eq!((full.header("retry-after"), twins.calls()), ("1", [1, 1]));
        twins.mocks.iter().for_each(MockUpstream::release);
    };
    let (one, two, ()) = tokio::join!(twins.stage.chat(&body), twins.stage.chat(&body), others);
    assert_eq!((one.status, two.status), (200, 200));
    twins.stand(&Mode::Echo);
    assert_eq!(twins.stage.chat(&body).await.status, 200, "the places were given back");
}

#[tokio::test]
async fn a_stream_keeps_its_place_until_it_ends() {
    let world = World::with("");
    let upstreams =
        format!("[[upstream]]\nname = \"only\"\nbase_url = \"{}\"\nserves = [\"alpha/model@one\"]\ncalls_max = 1\n", world.mock.base_url());
    let stage = Stage::with(Props { upstreams, ..Props::default() });
    world.mock.script([Mode::HoldStream]);
    let body = hello_stream("alpha/model@one");
    let (streamed, ()) = tokio::join!(stage.chat(&body), async {
        assert!(world.mock.until(|tally| tally.calls == 1).await.is_some());
        let full = soon(stage.chat(&hello("alpha/model@one"))).await;
        full.expect_error(429, "rate_limited", "at once");
        world.mock.release();
    });
    assert!(streamed.text().ends_with("[DONE]\n\n"));
    assert_eq!(stage.chat(&hello("alpha/model@one")).await.status, 200);
}

#[tokio::test]
async fn the_better_upstream_is_full() {
    let twins = Twins::new(1);
    let [quick, slow] = &twins.mocks;
    quick.stand(Mode::Hold);
    slow.stand(Mode::Slow(500));
    let body = hello("alpha/model@one");
    // One call for each shows how long they take.
    let second = async {
        twins.until(1).await;
        twins.stage.chat(&body).await
    };
    let (one, two, ()) = tokio::join!(twins.stage.chat(&body), second, async {
        twins.until(2).await;
        quick.release();
    });
    assert_eq!((one.status, two.status, twins.calls()), (200, 200, [1, 1]));
    slow.stand(Mode::Echo);
    let (held, ()) = tokio::join!(twins.stage.chat(&body), async {
        twins.until(3).await;
        assert_eq!(twins.calls(), [2, 1], "the quicker one comes first");
        assert_eq!(soon(twins.stage.chat(&body)).await.status, 200, "the other has a place");
        assert_eq!(twins.calls(), [2, 2]);
        quick.release();
    });
    assert_eq!(held.status, 200);
}

#[tokio::test]
async fn two_upstreams_share_the_load() {
    let twins = Twins::new(100);
    twins.stand(&Mode::Hold);
    let body = hello("alpha/model@one");
    let mut asking = futures_util::stream::FuturesUnordered::new();
    for call in 1..=8 {
        asking.push(twins.stage.chat(&body));
        tokio::select! {
            _ = futures_util::StreamExt::next(&mut asking) => panic!("held back"),
            () = twins.until(call) => {}
        }
    }
    assert_eq!(twins.calls(), [4, 4], "who has less to do gets the next call");
    twins.mocks.iter().for_each(MockUpstream::release);
    while let Some(reply) = futures_util::StreamExt::next(&mut asking).await {
        assert_eq!(reply.status, 200);
    }
}

#[tokio::test]
async fn a_call_goes_round_an_upstream_that_is_spared() {
    let twins = Twins::new(100);
    twins.mocks[0].stand(Mode::Status(500));
    let body = hello("alpha/model@one");
    let mut failed = 0;
    for _ in 0..40 {
        failed += u32::from(twins.stage.chat(&body).await.status != 200);
    }
    assert!(failed <= 5, "{failed} calls failed although the other upstream answers");
    assert_eq!(twins.calls()[0], u64::from(failed));
    assert!(twins.stage.get("/metrics").await.text().contains("comity_upstream_circuit_open{upstream=\"right\"} 0"));
}
