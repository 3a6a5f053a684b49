//! Nations witness each other: a gateway cosigns foreign checkpoints, and publishes its own once others cosigned them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use comity_ledger::{
    AddCheckpoint, Checkpoint, KeyKind, Note, SignatureLine, SignedCheckpoint, SigningSeed, Tree, VerifierKey, leaf_hash,
    prove_consistency, signature_lines,
};
use comity_ledger::{Hashes, StoredAt, TreeError};
use http::Method;
use sha2::{Digest as _, Sha256};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::publish::{open_props, open_stage};
use crate::stage::{Reply, Stage, hello};

/// A foreign log with a key of its own.
struct Log {
    seed: SigningSeed,
    hashes: Vec<(StoredAt, comity_vocab::Digest)>,
    tree: Tree,
}

impl Hashes for Log {
    fn hash(&self, at: StoredAt) -> Result<comity_vocab::Digest, TreeError> {
        self.hashes.iter().find(|(place, _)| *place == at).map(|(_, hash)| *hash).ok_or(TreeError::Missing(at))
    }
}

const ORIGIN: &str = "log.example/fr";

// === impl Log ===

impl Log {
    fn new(seed: u8) -> Self {
        Self { seed: SigningSeed::new(&[seed; 32]), hashes: Vec::new(), tree: Tree::new() }
    }

    fn key(&self) -> VerifierKey {
        self.seed.verifier(ORIGIN, KeyKind::Ed25519).unwrap()
    }

    fn grow(&mut self, leaves: std::ops::Range<u64>) -> &Self {
        for leaf in leaves {
            let index = self.tree.size();
            let new = self.tree.append(leaf_hash(&leaf.to_be_bytes())).unwrap();
            let places = (0_u8..).map(|level| StoredAt { level, number: index >> level });
            self.hashes.extend(places.zip(new));
        }
        self
    }

    fn signed(&self) -> SignedCheckpoint {
        let checkpoint = Checkpoint::new(ORIGIN, self.tree.size(), self.tree.root().unwrap()).unwrap();
        let line = checkpoint.sign(&self.seed).unwrap();
        SignedCheckpoint::new(checkpoint, line).unwrap()
    }

    fn request(&self, old: u64) -> String {
        let proof = prove_consistency(self, self.tree.size(), old).unwrap();
        AddCheckpoint { old, proof, checkpoint: self.signed() }.to_string()
    }
}

async fn ask(stage: &Stage, body: impl Into<String>) -> Reply {
    stage.send((Method::POST, "/witness/add-checkpoint"), body.into(), &[]).await
}

async fn kept(stage: &Stage) -> Reply {
    stage.read(&format!("/witness/{}/checkpoint", hex::encode(Sha256::digest(ORIGIN))), None).await
}

fn witness_of(log: &Log) -> Stage {
    open_stage(&format!("origin = \"ledger.de\"\nwitness_name = \"witness.de/1\"\nwitness_for = [\"{}\"]", log.key()), "")
}

#[tokio::test]
async fn a_foreign_log_is_cosigned_as_it_grows() {
    let mut log = Log::new(1);
    let mut stage = witness_of(&log);
    assert_eq!(kept(&stage).await.status, 404);
    let key: VerifierKey = stage.read("/ledger/witness.vkey", None).await.text().trim_end().parse().unwrap();
    assert_eq!((key.name(), key.kind()), ("witness.de/1", KeyKind::Cosignature));
    let (mut old, mut last) = (0, 0);
    for size in [0, 3, 3, 700, 701] {
        let grown = log.grow(log.tree.size()..size).signed();
        let reply = ask(&stage, log.request(old)).await;
        assert_eq!((reply.status, reply.header("content-type")), (200, "text/plain; charset=utf-8"), "{}", reply.text());
        let lines = signature_lines(reply.text()).unwrap();
        let (cosigned, verified) = grown.with_cosignatures(&lines, &[&key]).unwrap();
        let time = verified[0].time.unwrap().seconds();
        assert!(time >= last && lines.len() == 1);
        assert_eq!(kept(&stage).await.text(), cosigned.to_string());
        (old, last) = (size, time);
    }
    // What was cosigned is not forgotten.
    stage.restart();
    let reply = ask(&stage, log.request(700)).await;
    assert_eq!((reply.status, reply.header("content-type"), reply.text()), (409, "text/x.tlog.size", "701\n"));
    assert!(kept(&stage).await.text().contains("\n701\n"));
}

#[tokio::test]
async fn what_cannot_be_cosigned_is_refused_as_the_specification_says() {
    let mut log = Log::new(1);
    let stage = witness_of(&log);
    log.grow(0..5);
    let check = async |body: String, status: u16, text: &str| {
        let reply = ask(&stage, body.clone()).await;
        assert_eq!(reply.status, status, "{body} {}", reply.text());
        assert!(reply.text().contains(text), "{}", reply.text());
    };
    check("hello".to_owned(), 400, "not an add-checkpoint request").await;
    check("x".repeat(300_000), 413, "at most").await;
    check(log.request(0).replace(ORIGIN, "log.example/other"), 404, "`log.example/other` is not known here").await;
    let mut impostor = Log::new(2);
    check(impostor.grow(0..5).request(0), 403, "no signature of a known key").await;
    check(log.request(0).replacen("old 0\n", "old 6\n", 1), 400, "above the size 5").await;
    check(log.request(3), 409, "0\n").await;
    assert_eq!(kept(&stage).await.status, 404, "nothing of this was cosigned");
    assert_eq!(ask(&stage, log.request(0)).await.status, 200);
    log.grow(5..9);
    let proof = log.request(5);
    let mut lines: Vec<&str> = proof.split('\n').collect();
    lines.remove(1);
    check(lines.join("\n"), 422, "not consistent").await;
    // Another tree under the same key.
    let mut fork = Log::new(1);
    fork.grow(100..105);
    check(fork.request(5), 422, "not consistent").await;
    fork.grow(105..109);
    check(fork.request(5), 422, "not consistent").await;
    let only_what_was_cosigned = kept(&stage).await;
    assert!(only_what_was_cosigned.text().contains("\n5\n"), "{}", only_what_was_cosigned.text());
    assert_eq!(ask(&stage, log.request(5)).await.status, 200);
    assert_eq!(stage.read("/witness/0000/checkpoint", None).await.status, 404);
}

#[tokio::test]
async fn what_strangers_add_to_a_checkpoint_is_not_kept() {
    let mut log = Log::new(1);
    let stage = witness_of(&log);
    let signed = log.grow(0..2).signed();
    let stranger = SigningSeed::new(&[9; 32]);
    let key = stranger.verifier("stranger", KeyKind::Ed25519).unwrap();
    let line = SignatureLine::ed25519(&key, &stranger.sign(signed.note().text().as_bytes()));
    let request = AddCheckpoint { old: 0, proof: Vec::new(), checkpoint: signed.with(line).unwrap() };
    assert_eq!(ask(&stage, request.to_string()).await.status, 200);
    let note: Note = kept(&stage).await.text().parse().unwrap();
    assert_eq!(note.lines().iter().map(SignatureLine::name).collect::<Vec<_>>(), [ORIGIN, "witness.de/1"]);
}

#[tokio::test]
async fn of_requests_at_once_one_is_cosigned() {
    let mut log = Log::new(1);
    let stage = witness_of(&log);
    let small = log.grow(0..4).request(0);
    let large = log.grow(4..9).request(0);
    let (one, two, three) = tokio::join!(ask(&stage, small.clone()), ask(&stage, large), ask(&stage, small));
    let mut statuses = [one.status, two.status, three.status];
    statuses.sort_unstable();
    assert!(statuses == [200, 409, 409], "{statuses:?}");
}

// === witnessing each other ===

/// Lets `stage` publish only what `other` has cosigned, and cosign what `other` publishes.
fn befriend(stage: &Stage, (name, other): (&str, &Stage)) {
    let (witness, log) = (other.running().witness_key().unwrap(), other.running().log_key());
    let policy = format!("witness {name} {witness} http://{}/witness\ngroup friends 1 {name}\nquorum friends\n", other.address());
    stage.edit("policy", |_| policy);
    stage
        .edit("comity.toml", |text| text.replacen("[ledger]\n", &format!("[ledger]\npolicy = \"policy\"\nwitness_for = [\"{log}\"]\n"), 1));
}

/// Two gateways that cosign each other's checkpoints.
fn friends() -> (Stage, Stage) {
    let (de, fr) = (open_stage("origin = \"ledger.de\"", ""), open_stage("origin = \"ledger.fr\"", ""));
    befriend(&de, ("FR", &fr));
    befriend(&fr, ("DE", &de));
    de.running().reload().unwrap();
    fr.running().reload().unwrap();
    (de, fr)
}

/// The published checkpoint of `stage`, once it covers everything and `other` has cosigned it.
async fn cosigned(stage: &Stage, other: &Stage) -> SignedCheckpoint {
    let (log, witness) = (stage.running().log_key(), other.running().witness_key().unwrap());
    loop {
        let signed = stage.published().await;
        signed.verify(log).unwrap();
        if signed.note().lines().len() == 2 {
            assert!(signed.note().verify(&[&witness]).unwrap()[0].time.is_some());
            return signed;
        }
    }
}

#[tokio::test]
async fn two_gateways_cosign_each_other_and_one_that_comes_back_is_waited_for() {
    let (mut de, mut fr) = friends();
    let (first, _) = (cosigned(&de, &fr).await, cosigned(&fr, &de).await);
    de.chat(&hello("alpha/model@one")).await;
    let second = cosigned(&de, &fr).await;
    assert!(second.unverified().size() > first.unverified().size());
    // One is down: the other goes on, and publishes nothing.
    fr.take().shutdown();
    assert_eq!(de.chat(&hello("alpha/model@one")).await.status, 200);
    let said = de.unhealthy("ledger:").await;
    assert!(said.contains("are not published: the quorum is not reached: `friends` has 0 of the 1 it needs, missing are `FR`"), "{said}");
    assert!(said.contains("`FR` cannot be reached") && !said.contains(&fr.address().port().to_string()), "{said}");
    let shown = de.read("/ledger/checkpoint", None).await;
    assert_eq!(shown.text(), second.to_string(), "the last good checkpoint stays");
    // It comes back, with what it has cosigned before.
    fr.restart();
    let third = cosigned(&de, &fr).await;
    assert!(third.unverified().size() > second.unverified().size());
    assert_eq!(de.read("/healthz", None).await.text(), "ok\n");
    cosigned(&fr, &de).await;
    // So does the log itself, which no more knows what the witness saw last.
    de.restart();
    let fourth = cosigned(&de, &fr).await;
    assert!(fourth.unverified().size() > third.unverified().size());
    de.stop().expect_one_outcome_each();
    fr.stop();
}

/// A witness that answers every request with what `answer` makes of its body; gives its prefix. None: it never answers.
async fn witness_that(answer: impl Fn(&str) -> Option<(u16, String)> + Send + 'static) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let prefix = format!("http://{}/w", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let mut silent = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut seen = Vec::new();
            while !is_whole(&seen) && stream.read_buf(&mut seen).await.unwrap_or_default() > 0 {}
            let text = String::from_utf8_lossy(&seen).into_owned();
            let Some((status, body)) = answer(text.split_once("\r\n\r\n").map_or("", |(_, body)| body)) else {
                silent.push(stream);
                continue;
            };
            let head =
                format!("HTTP/1.1 {status} X\r\nlocation: /elsewhere\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
            // A gateway that has had enough may be gone.
            let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
        }
    });
    prefix
}

/// Whether a request has come with all of its body.
fn is_whole(seen: &[u8]) -> bool {
    let text = String::from_utf8_lossy(seen);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ").map(str::to_owned));
    length.is_some_and(|length| body.len() >= length.parse().unwrap())
}

/// What `seed` cosigns of the checkpoint in a request.
fn cosignature(seed: &SigningSeed, name: &str, request: &str) -> String {
    let request: AddCheckpoint = request.parse().unwrap();
    let time = comity_ledger::PosixSeconds::new(1_800_000_000).unwrap();
    comity_ledger::cosign(seed, name, (request.checkpoint.note().text(), time)).unwrap().to_string()
}

/// A stage whose policy has the witnesses FR and JP at these prefixes, any of which suffices.
fn stage_with(witnesses: [(&SigningSeed, &str); 2]) -> Stage {
    let [fr, jp] = witnesses.map(|(seed, prefix)| format!("{} {prefix}", seed.verifier("w.example", KeyKind::Cosignature).unwrap()));
    let mut props = open_props("policy = \"policy\"", "");
    props.files.push(("policy", format!("witness FR {fr}\nwitness JP {jp}\ngroup friends any FR JP\nquorum friends\n")));
    Stage::with(props)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_witness_answers_is_not_believed_before_it_verifies() {
    let (fr, jp) = (SigningSeed::new(&[5; 32]), SigningSeed::new(&[6; 32]));
    let gone = "http://127.0.0.1:9/w";
    let stranger = |body: &str| Some((200, cosignature(&SigningSeed::new(&[7; 32]), "w.example", body)));
    let another =
        |body: &str| Some((200, cosignature(&SigningSeed::new(&[5; 32]), "w.example", &body.replacen("comity.invalid", "other", 1))));
    for (prefix, expected) in [
        (witness_that(stranger).await, "`FR` answered with no cosignature of its key that holds"),
        (witness_that(another).await, "`FR` answered with no cosignature of its key that holds"),
        (witness_that(|_| Some((200, "thank you\n".to_owned()))).await, "`FR` sent no signature lines"),
        (witness_that(|_| Some((200, "x".repeat(200_000)))).await, "`FR` broke its answer off, or sent too much"),
        (witness_that(|_| Some((307, String::new()))).await, "`FR` answered 307"),
        (witness_that(|_| Some((404, String::new()))).await, "`FR` answered 404: it does not witness this ledger"),
        (witness_that(|_| Some((409, "0\n".to_owned()))).await, "`FR` saw yet another size"),
        (witness_that(|_| Some((409, "99999\n".to_owned()))).await, "`FR` has seen 99999 leaves of this ledger, which has"),
        (witness_that(|_| Some((422, String::new()))).await, "`FR` has seen another beginning of this ledger than its first 0 leaves"),
    ] {
        let stage = stage_with([(&fr, &prefix), (&jp, gone)]);
        stage.unhealthy(expected).await;
        assert_eq!(stage.read("/ledger/checkpoint", None).await.status, 404, "{expected}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quorum_does_not_wait_for_those_that_are_silent_and_who_contradicts_it_is_told_of() {
    let (fr, jp) = (SigningSeed::new(&[5; 32]), SigningSeed::new(&[6; 32]));
    let good = witness_that(|body| Some((200, cosignature(&SigningSeed::new(&[5; 32]), "w.example", body)))).await;
    let silent = witness_that(|_| None).await;
    let stage = stage_with([(&fr, &good), (&jp, &silent)]);
    let signed = stage.published().await;
    signed.note().verify(&[&fr.verifier("w.example", KeyKind::Cosignature).unwrap()]).unwrap();
    assert_eq!(signed.note().lines().len(), 2);
    // One knows better, and falls silent; the other cosigns from then on.
    let (told, cosigned) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let telling = Arc::clone(&told);
    let knows_better = witness_that(move |_| (!telling.swap(true, Relaxed)).then(|| (409, "99999\n".to_owned()))).await;
    let seen = Arc::clone(&cosigned);
    let good = witness_that(move |body| {
        if !told.load(Relaxed) {
            return Some((500, String::new()));
        }
        seen.store(true, Relaxed);
        Some((200, cosignature(&SigningSeed::new(&[5; 32]), "w.example", body)))
    });
    let stage = stage_with([(&fr, &good.await), (&jp, &knows_better)]);
    while !cosigned.load(Relaxed) {
        stage.unhealthy("ledger:").await;
    }
    let signed = stage.published().await;
    signed.note().verify(&[&fr.verifier("w.example", KeyKind::Cosignature).unwrap()]).unwrap();
    stage.unhealthy("ledger: published, but a witness contradicts it: `JP` has seen 99999 leaves").await;
}

const STORE_FILES: [&str; 3] = ["comity.db", "comity.db.keys", "comity.db.master"];

#[tokio::test]
async fn a_store_that_was_set_back_is_refused_by_its_witness() {
    let (mut de, fr) = friends();
    cosigned(&de, &fr).await;
    de.stop();
    let backup = tempfile::tempdir().unwrap();
    for name in STORE_FILES {
        std::fs::copy(de.path(name), backup.path().join(name)).unwrap();
    }
    de.restart();
    for _ in 0..8 {
        de.chat(&hello("alpha/model@one")).await;
    }
    let seen = cosigned(&de, &fr).await.unverified().size();
    de.take().shutdown();
    for name in STORE_FILES {
        std::fs::copy(backup.path().join(name), de.path(name)).unwrap();
    }
    de.restart();
    let said = de.unhealthy("never will be").await;
    let told: u64 = said.split("`FR` has seen ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
    assert!(told >= seen && said.contains("leaves of this ledger, which has"), "{said}");
    let before = de.read("/ledger/checkpoint", None).await.text().to_owned();
    // Growing beyond what the witness saw makes it no better: it is another ledger.
    while de.store().metrics().leaves <= told + 4 {
        assert_eq!(de.chat(&hello("alpha/model@one")).await.status, 200, "calls go on");
    }
    let said = de.unhealthy("another beginning").await;
    assert!(said.contains(&format!("`FR` has seen another beginning of this ledger than its first {told} leaves")), "{said}");
    assert_eq!(de.read("/ledger/checkpoint", None).await.text(), before, "nothing was published");
    let metrics = de.get("/metrics").await;
    assert!(metrics.text().contains("comity_ledger_published_leaves"), "{}", metrics.text());
}
