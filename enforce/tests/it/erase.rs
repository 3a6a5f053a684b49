//! Erasure and retention through the admin API: nothing opens any more, and every proof stays.

use comity_ledger::{Event, ProofVerdict, commitment};
use comity_store::{Content, FactRecord, Reader};
use http::Method;
use serde_json::{Value, json};

use crate::publish::{ADMIN, AUDITOR, Receipt, open_stage};
use crate::stage::{Reply, Stage};

const CANARY: &str = "kanarienvogel-im-bergwerk";

async fn order(stage: &Stage, path: &str, body: Value) -> Reply {
    let (bearer, path) = (format!("Bearer {ADMIN}"), format!("/api/v1/ledger/{path}"));
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    stage.send((Method::POST, &path), body.to_string(), &headers).await
}

fn say(text: &str) -> String {
    json!({ "model": "alpha/model@one", "messages": [{ "role": "user", "content": text }] }).to_string()
}

async fn say_about(stage: &Stage, text: &str, subject: Option<&str>) -> Receipt {
    let headers: Vec<_> = subject.iter().map(|subject| ("comity-data-subject", *subject)).collect();
    let reply = stage.post("/v1/chat/completions", say(text), &headers).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    Receipt::of(&reply)
}

/// What a reader of the store can still open of a call: its record, its body, its answer.
fn opens(stage: &Stage, receipt: &Receipt) -> [bool; 3] {
    let reader = Reader::open(&stage.path("comity.db")).unwrap();
    let found = reader.find_decision(&stage.decision(receipt.leaf).decision.to_string()).unwrap();
    let content = |part| {
        reader.content(receipt.leaf, part).unwrap().is_some_and(|content| String::from_utf8_lossy(content.expose()).contains(CANARY))
    };
    [matches!(found.record, FactRecord::Open(_)), content(Content::Call), content(Content::Answer)]
}

/// Waits until all of a call is kept: its answer is written after the caller has it.
async fn kept(stage: &Stage, receipt: &Receipt) {
    while opens(stage, receipt) != [true; 3] {
        stage.get("/healthz").await;
    }
}

/// Whether any file of the store holds `what`.
fn lies_in_a_file(stage: &Stage, what: &[u8]) -> bool {
    let files = std::fs::read_dir(stage.folder.path()).unwrap();
    let mut files =
        files.map(|entry| entry.unwrap().path()).filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("comity.db"));
    // A log that was emptied meanwhile is gone.
    files.any(|path| std::fs::read(path).unwrap_or_default().windows(what.len()).any(|part| part == what))
}

/// The leaf of an erasure, and that the salt of the answer opens its commitment to `name`.
fn check_leaf(stage: &Stage, done: &Value, (scope, name): (&str, &str)) {
    let at = done["leaf"].as_u64().unwrap();
    let (_, event) = stage.events().into_iter().find(|(place, _)| *place == at).unwrap();
    let Event::Erased(erased) = event else { panic!("{event:?}") };
    let mut salt = [0; 32];
    hex::decode_to_slice(done["salt"].as_str().unwrap(), &mut salt).unwrap();
    assert_eq!((erased.scope.name(), erased.selector), (scope, commitment("erased", &salt, name.as_bytes())));
    assert_eq!(erased.keys, done["keys"].as_u64().unwrap());
}

#[tokio::test]
async fn a_data_subjects_calls_are_erased_alone() {
    let mut stage = open_stage("keep_content = true", "");
    let ada = say_about(&stage, CANARY, Some("patient-4711")).await;
    let bob = say_about(&stage, CANARY, Some("patient-4712")).await;
    let nobody = say_about(&stage, CANARY, None).await;
    let before = stage.published().await;
    for receipt in [&ada, &bob, &nobody] {
        kept(&stage, receipt).await;
    }
    let reply = order(&stage, "erase", json!({ "data_subject": "patient-4711", "reason": "request" })).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let done = reply.json();
    assert_eq!(done["keys"], 1);
    assert!(!reply.text().contains("4711"));
    check_leaf(&stage, &done, ("data_subject", "patient-4711"));
    assert_eq!(opens(&stage, &ada), [false; 3]);
    assert_eq!(opens(&stage, &bob), [true; 3]);
    assert_eq!(opens(&stage, &nobody), [true; 3]);
    // A later call about the same person opens.
    let again = say_about(&stage, CANARY, Some("patient-4711")).await;
    kept(&stage, &again).await;
    let after = stage.published().await;
    let reader = Reader::open(&stage.path("comity.db")).unwrap();
    let (old, new) = (before.unverified(), after.unverified());
    let proof = reader.prove_consistency(old.size(), new.size()).unwrap();
    comity_ledger::check_consistency(&proof, (new.size(), new.root()), (old.size(), old.root())).unwrap();
    drop(reader);
    stage.stop();
    assert!(!lies_in_a_file(&stage, b"4711") && !lies_in_a_file(&stage, CANARY.as_bytes()));
}

#[tokio::test]
async fn after_an_erasure_nothing_of_a_call_is_in_any_file() {
    let mut stage = open_stage("keep_content = true", "");
    let receipt = say_about(&stage, CANARY, None).await;
    kept(&stage, &receipt).await;
    // What lies there is opened by a key in a file of its own: the key must go.
    let key = wrapped_key(&stage);
    assert!(lies_in_a_file(&stage, &key));
    let done = order(&stage, "erase", json!({ "workload": "desk", "reason": "retention" })).await.json();
    assert_eq!((&done["keys"], &done["folded"]), (&1.into(), &true.into()));
    check_leaf(&stage, &done, ("workload", "desk"));
    assert_eq!(opens(&stage, &receipt), [false; 3]);
    assert!(!lies_in_a_file(&stage, &key), "the destroyed key lies in a file or log");
    assert!(!lies_in_a_file(&stage, CANARY.as_bytes()));
    stage.restart();
    assert_eq!(opens(&stage, &receipt), [false; 3]);
    stage.stop().expect_one_outcome_each();
    assert!(!lies_in_a_file(&stage, &key) && !lies_in_a_file(&stage, CANARY.as_bytes()));
}

/// The key of the only workload, as it lies in the file of keys.
fn wrapped_key(stage: &Stage) -> Vec<u8> {
    let keys = rusqlite::Connection::open(stage.path("comity.db.keys")).unwrap();
    keys.query_row("SELECT wrapped FROM data_keys", [], |row| row.get(0)).unwrap()
}

#[tokio::test]
async fn whole_tenants_and_months_are_erased() {
    let stage = open_stage("keep_content = true", "");
    let receipt = say_about(&stage, CANARY, Some("patient-4711")).await;
    kept(&stage, &receipt).await;
    // A month long before any of it: nothing to destroy, and still a leaf.
    let done = order(&stage, "erase", json!({ "before": "2020-02-01", "reason": "retention" })).await.json();
    assert_eq!(done["keys"], 0);
    check_leaf(&stage, &done, ("before", "2020-02-01"));
    assert_eq!(opens(&stage, &receipt), [true; 3]);
    let done = order(&stage, "erase", json!({ "tenant": "ministry", "reason": "order" })).await.json();
    assert_eq!(done["keys"], 2, "the records' and the tenant's own");
    check_leaf(&stage, &done, ("tenant", "ministry"));
    assert_eq!(opens(&stage, &receipt), [false; 3]);
    let again = say_about(&stage, CANARY, None).await;
    kept(&stage, &again).await;
    let done = order(&stage, "erase", json!({ "before": "9999-01-01", "reason": "retention" })).await.json();
    assert_eq!(done["keys"], 1);
    assert_eq!(opens(&stage, &again), [false; 3]);
}

#[tokio::test]
async fn orders_need_the_admin_token_and_sense() {
    let stage = open_stage("", "");
    let good = json!({ "data_subject": "patient-4711", "reason": "request" }).to_string();
    let json_type = ("content-type", "application/json");
    for bearer in ["", AUDITOR, stage.key.as_str()] {
        let bearer = format!("Bearer {bearer}");
        for path in ["/api/v1/ledger/erase", "/api/v1/ledger/prune", "/api/v1/ledger/proof"] {
            let reply = stage.send((Method::POST, path), good.clone(), &[("authorization", &bearer), json_type]).await;
            reply.expect_error(401, "unknown_key", "admin token");
        }
    }
    let off = Stage::new();
    off.post("/api/v1/ledger/erase", good.clone(), &[]).await.expect_error(404, "no_offering", "the admin API is off");
    for bad in [
        json!({ "reason": "request" }),
        json!({ "data_subject": "patient-4711" }),
        json!({ "data_subject": "patient-4711", "workload": "desk", "reason": "request" }),
        json!({ "data_subject": "patient-4711", "reason": "patient-4711 asked" }),
        json!({ "data_subject": ["patient-4711"], "reason": "request" }),
        json!({ "data_subject": "", "reason": "request" }),
        json!({ "before": "2026-11-02", "reason": "request" }),
        json!({ "before": "patient-4711", "reason": "request" }),
        json!({ "data_subject": "patient-4711", "why": "x", "reason": "request" }),
    ] {
        let reply = order(&stage, "erase", bad.clone()).await;
        assert_eq!(reply.status, 400, "{bad} {}", reply.text());
        assert!(!reply.text().contains("4711"), "an error names a person: {}", reply.text());
    }
    let bearer = format!("Bearer {ADMIN}");
    let form =
        stage.send((Method::POST, "/api/v1/ledger/erase"), good, &[("authorization", &bearer), ("content-type", "text/plain")]).await;
    form.expect_error(400, "invalid_request", "content-type: application/json");
    let large = order(&stage, "erase", json!({ "data_subject": "x".repeat(20_000), "reason": "request" })).await;
    assert_eq!(large.status, 413);
    assert!(!stage.events().iter().any(|(_, event)| event.kind() == "erased"));
}

#[tokio::test]
async fn pruned_leaves_are_gone_and_the_rest_is_as_it_was() {
    let mut stage = open_stage("", "");
    for _ in 0..135 {
        say_about(&stage, "hello", None).await;
    }
    let before = stage.published().await;
    let size = before.unverified().size();
    let beyond = order(&stage, "prune", json!({ "minimum": size + 1000 })).await;
    assert_eq!(beyond.status, 422);
    assert!(beyond.json()["problems"].as_str().unwrap().contains("a published checkpoint must cover them"), "{}", beyond.text());
    assert_eq!(order(&stage, "prune", json!({ "minimum": -1 })).await.status, 400);
    assert_eq!(stage.read("/ledger/tile/entries/000", Some(AUDITOR)).await.status, 200);
    let done = order(&stage, "prune", json!({ "minimum": 260 })).await;
    assert_eq!(done.json(), json!({ "minimum": 256 }));
    for path in ["/ledger/tile/entries/000", "/ledger/tile/entries/000.p/9"] {
        let gone = stage.read(path, Some(AUDITOR)).await;
        assert_eq!(gone.status, 404);
        assert!(gone.text().contains("entries before 256 were pruned"), "{}", gone.text());
    }
    assert_eq!(stage.read("/ledger/tile/0/000", Some(AUDITOR)).await.status, 200, "hashes stay: they prove what is left");
    let rest = stage.read(&format!("/ledger/tile/entries/001.p/{}", size - 256), Some(AUDITOR)).await;
    assert_eq!(rest.status, 200);
    say_about(&stage, "hello", None).await;
    stage.published().await;
    stage.stop();
    assert_eq!(Reader::open(&stage.path("comity.db")).unwrap().verify().unwrap().minimum, 256);
}

#[tokio::test]
async fn a_proof_is_recorded_as_a_leaf_that_holds_nothing_else() {
    let stage = open_stage("", "");
    let digest = |digit: &str| digit.repeat(64);
    let (catalogue, terms) = (digest("a"), [digest("b")]);
    let body =
        json!({ "property": "equal-treatment", "verdict": "violated", "proof": digest("c"), "terms": terms, "catalogue": catalogue });
    let done = order(&stage, "proof", body.clone()).await;
    assert_eq!(done.status, 200, "{}", done.text());
    let at = done.json()["leaf"].as_u64().unwrap();
    let (_, event) = stage.events().into_iter().find(|(place, _)| *place == at).unwrap();
    let Event::Proof(proof) = event else { panic!("{event:?}") };
    assert_eq!((proof.property.as_str(), proof.verdict, proof.terms.len()), ("equal-treatment", ProofVerdict::Violated, 1));
    for (field, wrong) in [("property", json!("Anna Smith")), ("verdict", json!("maybe")), ("proof", json!("c")), ("more", json!(1))] {
        let mut body = body.clone();
        body[field] = wrong;
        assert_eq!(order(&stage, "proof", body).await.status, 400, "{field}");
    }
}
