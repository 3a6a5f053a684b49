//! The ledger as outsiders see it: its checkpoint, its tiles, and the leaves about the gateway itself.

use std::collections::BTreeMap;

use comity_bench::Mode;
use comity_enforce::{Config, Gateway, Options};
use comity_ledger::{
    BundleAt, ChangedKeys, Checkpoint, DecisionLeaf, Event, KeyKind, Leaf, Served, SignedCheckpoint, Stopped, TileAt, VerifierKey, audit,
    bundles, commitment, tiles,
};
use comity_store::Reader;
use http::Method;

use crate::stage::{Props, Reply, Stage, hello};

pub(crate) const AUDITOR: &str = "auditor-auditor-auditor-auditor-1";
pub(crate) const ADMIN: &str = "admin-admin-admin-admin-admin-admin";

/// What a caller keeps of an answer.
pub(crate) struct Receipt {
    pub(crate) leaf: u64,
    pub(crate) sequence: u64,
    pub(crate) salt: [u8; 32],
}

/// A stage on which auditors and admins have their tokens; `ledger` is added to `[ledger]`.
pub(crate) fn open_stage(ledger: &str, config: &str) -> Stage {
    Stage::with(open_props(ledger, config))
}

pub(crate) fn open_props(ledger: &str, config: &str) -> Props {
    let files = vec![("auditor", AUDITOR.to_owned()), ("admin", ADMIN.to_owned())];
    let tokens = "[ledger]\nauditor_token = { file = \"auditor\" }\n";
    let config = format!("{tokens}{ledger}\n[admin]\ntoken = {{ file = \"admin\" }}\n{config}");
    Props { config, files, ..Props::default() }
}

// === impl Receipt ===

impl Receipt {
    #[track_caller]
    pub(crate) fn of(reply: &Reply) -> Self {
        let text = reply.header("comity-leaf");
        let (leaf, rest) = text.split_once("; sequence=").unwrap_or_else(|| panic!("{text}"));
        let (sequence, salt) = rest.split_once("; salt=").unwrap();
        let mut bytes = [0; 32];
        hex::decode_to_slice(salt, &mut bytes).unwrap();
        Self { leaf: leaf.parse().unwrap(), sequence: sequence.parse().unwrap(), salt: bytes }
    }

    /// What the leaf must commit to.
    fn commitment(&self) -> comity_vocab::Digest {
        commitment("sequence", &self.salt, &self.sequence.to_be_bytes())
    }
}

// === impl Stage ===

impl Stage {
    pub(crate) async fn read(&self, path: &str, token: Option<&str>) -> Reply {
        let bearer = token.map(|token| format!("Bearer {token}"));
        let headers: Vec<_> = bearer.iter().map(|bearer| ("authorization", bearer.as_str())).collect();
        self.send((Method::GET, path), "", &headers).await
    }

    /// The published checkpoint, once it covers every leaf.
    pub(crate) async fn published(&self) -> SignedCheckpoint {
        loop {
            let reply = self.read("/ledger/checkpoint", None).await;
            let leaves = self.store().metrics().leaves;
            if reply.status == 200 {
                assert_eq!((reply.header("content-type"), reply.header("cache-control")), ("text/plain; charset=utf-8", "no-store"));
                let signed: SignedCheckpoint = reply.text().parse().unwrap();
                if signed.unverified().size() >= leaves {
                    return signed;
                }
            }
        }
    }

    /// What `/healthz` says of the ledger, once it says `what`.
    pub(crate) async fn unhealthy(&self, what: &str) -> String {
        loop {
            let reply = self.read("/healthz", None).await;
            assert_eq!((reply.status, reply.text().lines().next()), (200, Some("ok")));
            if reply.text().contains(what) {
                assert_eq!(self.read("/readyz", None).await.status, 200, "being unpublished is no reason to take no calls");
                return reply.text().to_owned();
            }
        }
    }

    /// Reads the whole published ledger over HTTP; gives what its bundles and tiles are.
    async fn fetched(&self, size: u64) -> Fetched {
        let mut fetched = Fetched::default();
        let paths = tiles(size).map(|at| at.to_string()).chain(bundles(size).map(|at| at.to_string()));
        for path in paths {
            let reply = self.read(&format!("/ledger/{path}"), Some(AUDITOR)).await;
            assert_eq!((reply.status, reply.header("content-type")), (200, "application/octet-stream"), "{path}");
            assert_eq!(reply.header("cache-control"), "private, max-age=31536000, immutable");
            fetched.0.insert(path, reply.body.to_vec());
        }
        fetched
    }

    /// The leaves about the gateway itself, with their places, as far as they are written.
    pub(crate) fn events(&self) -> Vec<(u64, Event)> {
        let leaves = Reader::open(&self.path("comity.db")).unwrap().leaves(0, 10_000).unwrap();
        let event = |leaf| if let Leaf::Event(leaf) = leaf { Some(leaf.event) } else { None };
        leaves.into_iter().filter_map(|stored| Some((stored.index, event(stored.leaf)?))).collect()
    }

    /// Waits until so many of them are written.
    async fn happened(&self, events: usize) {
        while self.events().len() < events {
            self.get("/healthz").await;
        }
    }

    pub(crate) fn decision(&self, index: u64) -> DecisionLeaf {
        match Reader::open(&self.path("comity.db")).unwrap().leaf(index).unwrap().map(|stored| stored.leaf) {
            Some(Leaf::Decision(leaf)) => leaf,
            other => panic!("leaf {index} is no decision: {other:?}"),
        }
    }

    /// Rewrites a file of the configuration.
    pub(crate) fn edit(&self, name: &str, edit: impl FnOnce(String) -> String) {
        let text = std::fs::read_to_string(self.path(name)).unwrap_or_default();
        std::fs::write(self.path(name), edit(text)).unwrap();
    }
}

/// A ledger as it was served.
#[derive(Default)]
struct Fetched(BTreeMap<String, Vec<u8>>);

impl Served for Fetched {
    fn tile(&self, at: TileAt) -> Result<Vec<u8>, String> {
        self.0.get(&at.to_string()).cloned().ok_or_else(|| "not served".to_owned())
    }

    fn entries(&self, at: BundleAt) -> Result<Vec<u8>, String> {
        self.0.get(&at.to_string()).cloned().ok_or_else(|| "not served".to_owned())
    }
}

/// Checks the whole ledger as it is served against its checkpoint; gives its leaves.
async fn audited(stage: &Stage) -> (Checkpoint, Vec<Vec<u8>>) {
    let signed = stage.published().await;
    let key: VerifierKey = stage.read("/ledger/log.vkey", None).await.text().trim_end().parse().unwrap();
    assert_eq!(&key, stage.running().log_key());
    let checkpoint = signed.verify(&key).unwrap().clone();
    let fetched = stage.fetched(checkpoint.size()).await;
    let mut leaves = Vec::new();
    audit(&fetched, (&checkpoint, 0), &mut |_, bytes| {
        Leaf::from_bytes(bytes).map_err(|error| error.to_string())?;
        leaves.push(bytes.to_vec());
        Ok(())
    })
    .unwrap();
    (checkpoint, leaves)
}

#[tokio::test]
async fn what_is_served_is_the_ledger_and_leads_to_its_checkpoint() {
    let mut stage = open_stage("", "");
    let reply = stage.chat(&hello("alpha/model@one")).await;
    let (small, _) = audited(&stage).await;
    assert!(small.origin().starts_with("comity.invalid/") && small.origin().len() == "comity.invalid/".len() + 16, "{}", small.origin());
    // Over the border of a tile and of a bundle.
    for _ in 0..130 {
        stage.chat(&hello("alpha/model@one")).await;
    }
    let (large, leaves) = audited(&stage).await;
    assert!(large.size() > 260 && large.origin() == small.origin(), "{large:?}");
    let at = usize::try_from(Receipt::of(&reply).leaf).unwrap();
    stage.stop();
    assert_eq!(leaves[at], stage.decision(Receipt::of(&reply).leaf).to_bytes());
    let reader = Reader::open(&stage.path("comity.db")).unwrap();
    assert_eq!(reader.root(large.size()).unwrap(), large.root());
    let last = reader.published().unwrap().unwrap();
    assert_eq!(last.head.size, reader.size().unwrap(), "the last leaf, that the gateway stopped, is published too");
}

#[tokio::test]
async fn the_checkpoint_is_for_everybody_and_tiles_are_for_auditors() {
    let stage = open_stage("", "");
    let size = stage.published().await.unverified().size();
    let tile = format!("/ledger/{}", tiles(size).next().unwrap());
    let entries = format!("/ledger/{}", bundles(size).next().unwrap());
    for path in [&tile, &entries] {
        assert_eq!(stage.read(path, Some(AUDITOR)).await.status, 200);
        for token in [None, Some(ADMIN), Some(&stage.key), Some("auditor-auditor-auditor-auditor-2"), Some("")] {
            let refused = stage.read(path, token).await;
            assert_eq!((refused.status, refused.header("content-type")), (401, "text/plain; charset=utf-8"), "{token:?}");
            assert!(refused.text().contains("auditor's token") && refused.header("www-authenticate") == "Bearer");
        }
    }
    // And the auditor's token opens nothing else.
    stage.send((Method::POST, "/api/v1/reload"), "", &[("authorization", &format!("Bearer {AUDITOR}"))]).await.expect_error(
        401,
        "unknown_key",
        "admin token",
    );
    let closed = Stage::new();
    let refused = closed.read("/ledger/tile/0/000", Some(AUDITOR)).await;
    assert_eq!(refused.status, 403);
    assert!(refused.text().contains("set `auditor_token` under `[ledger]`"), "{}", refused.text());
    assert_eq!(closed.published().await.unverified().origin(), closed.running().log_key().name());
}

#[tokio::test]
async fn leaves_that_are_not_published_are_not_served() {
    // A quorum that nobody can meet: a witness without an address.
    let witness = comity_ledger::SigningSeed::new(&[3; 32]).verifier("w.example", KeyKind::Cosignature).unwrap();
    let mut props = open_props("policy = \"policy\"", "");
    props.files.push(("policy", format!("witness FR {witness}\nquorum FR\n")));
    let mut stage = Stage::with(props);
    stage.chat(&hello("alpha/model@one")).await;
    let said = stage.unhealthy("FR").await;
    assert!(said.contains("are not published: the quorum is not reached: `FR` has 0 of the 1 it needs"), "{said}");
    assert!(stage.store().metrics().leaves > 1);
    assert_eq!(stage.read("/ledger/checkpoint", None).await.status, 404);
    for path in ["/ledger/tile/0/000.p/1", "/ledger/tile/entries/000.p/1", "/ledger/tile/0/000"] {
        let reply = stage.read(path, Some(AUDITOR)).await;
        assert_eq!(reply.status, 404, "{path}");
        assert!(reply.text().contains("covers 0 leaves"), "{}", reply.text());
    }
    let metrics = stage.get("/metrics").await;
    assert!(metrics.text().contains("comity_ledger_published_leaves 0\n"), "{}", metrics.text());
    let waited = metrics.text().lines().find_map(|line| line.strip_prefix("comity_ledger_unpublished_seconds ")).unwrap().to_owned();
    assert!(waited.parse::<f64>().unwrap() > 0.0, "{waited}");
    // Calls go on, and without the policy everything is published.
    assert_eq!(stage.chat(&hello("alpha/model@one")).await.status, 200);
    stage.edit("policy", |text| text.replace("quorum FR", "quorum none"));
    stage.running().reload().unwrap();
    let size = stage.published().await.unverified().size();
    assert_eq!(stage.read("/healthz", None).await.text(), "ok\n");
    assert_eq!(stage.read(&format!("/ledger/tile/0/000.p/{size}"), Some(AUDITOR)).await.status, 200);
    assert_eq!(stage.read(&format!("/ledger/tile/0/000.p/{}", size + 1), Some(AUDITOR)).await.status, 404);
    stage.stop().expect_one_outcome_each();
}

#[tokio::test]
async fn a_ledger_keeps_its_name() {
    let mut stage = open_stage("origin = \"ledger.health.example\"", "");
    assert_eq!(stage.published().await.unverified().origin(), "ledger.health.example");
    let root = stage.published().await;
    stage.restart();
    let again = stage.published().await;
    assert!(again.unverified().size() > root.unverified().size() && again.unverified().origin() == "ledger.health.example");
    // Not while it runs, and not at a start.
    stage.edit("comity.toml", |text| text.replace("ledger.health", "other"));
    let problems = stage.running().reload().unwrap_err().to_string();
    assert!(problems.contains("bear the name `ledger.health.example`, not `other.example`"), "{problems}");
    stage.take().shutdown();
    let config = Config::load(&stage.path("comity.toml")).unwrap();
    let refused = Gateway::build(Options { config, store: stage.path("comity.db"), detector: None }).err().unwrap().to_string();
    assert!(refused.contains("hint: write `origin = \"ledger.health.example\"` or take the key out"), "{refused}");
    // Without the key in the file it is still the same.
    stage.edit("comity.toml", |text| text.replace("origin = \"other.example\"", ""));
    stage.restart();
    assert_eq!(stage.running().log_key().name(), "ledger.health.example");
}

#[test]
fn what_is_wrong_with_the_ledger_is_told_before_anything_starts() {
    let check = |ledger: &str, files: &[(&'static str, &str)], expected: &str| {
        let (mock, folder) = (comity_bench::MockUpstream::start().unwrap(), tempfile::tempdir().unwrap());
        let mut props = open_props(ledger, "");
        props.files.extend(files.iter().map(|(name, text)| (*name, (*text).to_owned())));
        let config = Config::load(&crate::stage::write(&mock, folder.path(), &props)).unwrap();
        let said = config.check().map_or_else(|problems| problems.to_string(), |checked| checked.warnings.join("\n"));
        assert!(said.contains(expected), "{expected}\n{said}");
    };
    let key = comity_ledger::SigningSeed::new(&[3; 32]).verifier("w.example", KeyKind::Cosignature).unwrap();
    check("origin = \"a b\"", &[], "`a b` cannot be the name of a key");
    check("witness_name = \"a+b\"", &[], "`a+b` cannot be the name of a key");
    check("", &[("auditor", "short")], "the auditor token is shorter than 32 characters");
    check("", &[("auditor", ADMIN)], "the auditor token is the admin token too");
    check("policy = \"nowhere\"", &[], "cannot read the policy in");
    check("policy = \"p\"", &[("p", "quorum FR\n")], "p:1:1: no witness or group `FR` is defined before this line");
    check(
        "policy = \"p\"",
        &[("p", &format!("witness FR {key} gopher://x\nquorum FR\n"))],
        "the witness `FR`: `gopher://x` has the scheme",
    );
    check("policy = \"p\"", &[("p", &format!("witness FR {key}\nquorum FR\n"))], "the witness `FR` has no address, so it is never asked");
    check("witness_for = [\"x\"]", &[], "`x` is not a verifier key");
    check(&format!("witness_for = [\"{key}\"]"), &[], "the key of `w.example` cosigns");
}

#[tokio::test]
async fn starting_stopping_and_every_change_is_a_leaf() {
    let mut stage = open_stage("", "");
    // The key of the stage was made while the gateway started.
    stage.happened(2).await;
    let first = stage.running().generation().checked();
    stage.running().reload().unwrap();
    assert_eq!(stage.events().len(), 2, "the same again is no change: {:?}", stage.events());
    stage.edit("terms.cedar", |terms| terms.replace("house rule 1", "house rule 2"));
    stage.running().reload().unwrap();
    stage.edit("alpha.toml", |catalogue| catalogue.replace("processed_in = [\"US\"]", "processed_in = [\"JP\"]"));
    stage.running().reload().unwrap();
    let second = stage.running().generation().checked();
    stage.edit("terms.cedar", |_| "nonsense".to_owned());
    stage.running().reload().unwrap_err();
    stage.edit("terms.cedar", |_| crate::stage::TERMS.replace("house rule 1", "house rule 2"));
    stage.key_of("other");
    stage.happened(5).await;
    stage.restart();
    stage.published().await;
    stage.stop();
    let events: Vec<Event> = stage.events().into_iter().map(|(_, event)| event).collect();
    let kinds: Vec<&str> = events.iter().map(Event::kind).collect();
    assert_eq!(
        kinds,
        ["started", "key_changed", "terms_changed", "catalogue_changed", "key_changed", "stopped", "started", "stopped"],
        "{events:?}"
    );
    let Event::Started(started) = &events[0] else { panic!("{events:?}") };
    assert_eq!((started.terms, started.catalogue, started.program.as_str()), (first.terms, first.catalogue, env!("CARGO_PKG_VERSION")));
    let Event::TermsChanged(terms) = &events[2] else { panic!("{events:?}") };
    assert_eq!((terms.before, terms.after), (first.terms, second.terms));
    let Event::CatalogueChanged(catalogue) = &events[3] else { panic!("{events:?}") };
    assert_eq!((catalogue.before, catalogue.after), (first.catalogue, second.catalogue));
    let Event::KeyChanged(keys) = &events[4] else { panic!("{events:?}") };
    let digest = comity_store::Keys::open(&stage.path("comity.db")).unwrap().list().unwrap().digest();
    assert_eq!((keys.what, keys.digest), (ChangedKeys::ApiKeys, digest));
    assert_eq!(events[5], Event::Stopped(Stopped { complete: true }));
    let places: Vec<u64> = stage.events().into_iter().map(|(place, _)| place).collect();
    assert_eq!(places[0], 0, "the first leaf says that the gateway started");
}

#[tokio::test]
async fn receipts_show_that_no_call_of_a_key_is_missing() {
    let both = "[route.both]\nofferings = [\"alpha/model@one\", \"alpha/model@two\"]\n[limits]\nretries_max = 0";
    let mut stage = open_stage("", both);
    let other = stage.key_of("other");
    let mut receipts = Vec::new();
    for round in 0..3 {
        receipts.push(Receipt::of(&stage.chat(&hello("alpha/model@one")).await));
        // A refusal has its number too.
        receipts.push(Receipt::of(&stage.chat(&hello("alpha/far@three")).await));
        stage.mock.script([Mode::Status(503)]);
        let fallen_back = stage.chat(&hello("both")).await;
        assert_eq!((fallen_back.status, fallen_back.header("comity-offering")), (200, "alpha/model@two"));
        receipts.push(Receipt::of(&fallen_back));
        let bearer = format!("Bearer {other}");
        let reply = stage.send((Method::POST, "/v1/chat/completions"), hello("alpha/model@one"), &[("authorization", &bearer)]).await;
        assert_eq!(Receipt::of(&reply).sequence, round + 1, "another key counts for itself");
        stage.restart();
    }
    stage.stop();
    assert_eq!(receipts.iter().map(|receipt| receipt.sequence).collect::<Vec<_>>(), (1..=9).collect::<Vec<_>>());
    for receipt in &receipts {
        assert_eq!(stage.decision(receipt.leaf).commitments.sequence, receipt.commitment());
    }
    let hops = Reader::open(&stage.path("comity.db")).unwrap();
    let last = stage.decision(receipts[2].leaf);
    let hops = hops.find_decision(&last.decision.to_string()).unwrap().hops;
    assert_eq!(hops.len(), 2);
    assert_eq!(stage.decision(hops[0]).commitments.sequence, receipts[2].commitment(), "a later hop has the number of the first");
}
