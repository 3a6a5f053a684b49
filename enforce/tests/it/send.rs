//! No send without a permit, a receipt and a call that belong together.

use std::sync::Arc;

use bytes::Bytes;
use comity_bench::MockUpstream;
use comity_catalogue::{Catalogue, SourceFile};
use comity_decide::{Candidates, Decision, Engine, Permit, Query};
use comity_ledger::{Classes, Commitments, DecisionLeaf, Durability, Minute, Verdict, call_digest, facts_digest};
use comity_store::{Draft, Options, Receipt, Sequence, Store, Whose};
use comity_terms::{LayerSource, Terms};
use comity_upstream::{CONNECT, Client, Dialect, Endpoint, Mismatch, Prepared, SendError, Timeouts, Tls, Transport, Upstream, Via, send};
use comity_vocab::{Action, Call, Classification, Data, Digest, Instant, Means, MeansSet, OfferingId, UnitId, Workload};
use http::HeaderMap;
use tempfile::TempDir;

use crate::stage::{CATALOGUE, TERMS};

/// Permits and receipts as only the engine and the store give them.
struct Desk {
    engine: Engine,
    store: Store,
    mock: MockUpstream,
    client: Client,
    _folder: TempDir,
}

impl Desk {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let layer = LayerSource { name: "t".to_owned(), path: "t".to_owned(), text: TERMS.to_owned() };
        let mut files = comity_catalogue::shipped();
        files.push(SourceFile { path: "alpha.toml".to_owned(), text: CATALOGUE.to_owned() });
        let (terms, catalogue) = (Terms::load(vec![layer]).unwrap(), Catalogue::parse(files).unwrap());
        Self {
            engine: Engine::new(Arc::new(terms), Arc::new(catalogue)),
            store: Store::open(Options::new(folder.path().join("s.db"))).unwrap(),
            mock: MockUpstream::start().unwrap(),
            client: Client::new(&Tls::load(&[]).unwrap(), CONNECT),
            _folder: folder,
        }
    }

    fn decide(&self, offering: &str, number: u8) -> Decision {
        let unit: UnitId = "u".parse().unwrap();
        let workload =
            Workload { id: "w".parse().unwrap(), unit, sector: String::new(), clearance: Classification::Public, critical: false };
        let data = Data {
            classification: Classification::Public,
            personal: false,
            special_category: false,
            secrets: false,
            opaque: false,
            ..Data::default()
        };
        let call = Call { workload, action: Action::Infer, data, purpose: String::new() };
        let candidates = Candidates::new(vec![offering.parse().unwrap()]);
        let query =
            Query { call: &call, performable: MeansSet::NONE, candidates: &candidates, instant: Instant::from_seconds(1_790_000_000) };
        self.engine.admit(&query).decide([number; 16])
    }

    fn permit(&self, offering: &str, number: u8) -> Permit {
        self.decide(offering, number).permits.pop().unwrap()
    }

    async fn receipt(&self, decision: Digest, offering: &str, (verdict, number): (Verdict, u8)) -> Receipt {
        let none = Digest::of("none", &[&[number]]);
        let leaf = DecisionLeaf {
            call: call_digest(&[number; 16]),
            hop: 0,
            previous: None,
            decision,
            terms: none,
            catalogue: none,
            facts: facts_digest(b"{}"),
            candidates: None,
            offering: Some(offering.parse().unwrap()),
            verdict,
            means: MeansSet::NONE,
            term_ids: Vec::new(),
            classes: Classes::of(&Data::default()),
            size_class: 0,
            commitments: Commitments { call: none, workload: none, caller: none, sequence: none },
            durability: Durability::Commit,
            minute: Minute::of(Instant::from_seconds(1_790_000_000)),
        };
        let whose = Whose { tenant: "u".to_owned(), workload: "w".to_owned(), subject: None };
        let sequence = Sequence { key: String::new(), salt: [0; 32], number: None };
        self.store.decide(Draft { leaf, record: b"{}".to_vec(), whose, sequence, content: None }).await.unwrap()
    }

    async fn refused(&self, permit: Permit, receipt: Receipt, prepared: Prepared) -> Mismatch {
        let base = self.mock.base_url().parse().unwrap();
        let transport = Transport::Http { base, credential: None };
        let upstream = Upstream { name: "mock".to_owned(), transport, dialect: Dialect::OpenAi, timeouts: Timeouts::default() };
        match send(permit, receipt, prepared, Via { client: &self.client, upstream: &upstream }).await {
            Err(SendError::Refused(mismatch)) => mismatch,
            Err(error) => panic!("{error}"),
            Ok(_) => panic!("sent"),
        }
    }
}

fn prepared(decision: Digest, offering: &str, means: MeansSet) -> Prepared {
    let offering: OfferingId = offering.parse().unwrap();
    Prepared {
        decision,
        offering,
        means,
        endpoint: Endpoint::Chat,
        model: "m".to_owned(),
        headers: HeaderMap::new(),
        stream: None,
        translation: None,
        body: Bytes::from_static(b"{\"model\":\"m\"}"),
    }
}

#[tokio::test]
async fn nothing_is_sent_unless_all_three_belong_together() {
    let (desk, one, two) = (Desk::new(), "alpha/model@one", "alpha/model@two");
    let none = MeansSet::NONE;

    let (permit, other) = (desk.permit(one, 1), desk.permit(one, 2));
    let receipt = desk.receipt(other.decision(), one, (Verdict::Permit, 2)).await;
    let call = prepared(permit.decision(), one, none);
    assert_eq!(desk.refused(permit, receipt, call).await, Mismatch::Receipt);

    let permit = desk.permit(one, 3);
    let receipt = desk.receipt(permit.decision(), two, (Verdict::Permit, 3)).await;
    let call = prepared(permit.decision(), one, none);
    assert_eq!(desk.refused(permit, receipt, call).await, Mismatch::Receipt);

    let permit = desk.permit(one, 4);
    let receipt = desk.receipt(permit.decision(), one, (Verdict::Denial, 4)).await;
    let call = prepared(permit.decision(), one, none);
    assert_eq!(desk.refused(permit, receipt, call).await, Mismatch::Receipt);

    let permit = desk.permit(one, 5);
    let receipt = desk.receipt(permit.decision(), one, (Verdict::Permit, 5)).await;
    let call = prepared(Digest::of("other", &[]), one, none);
    assert_eq!(desk.refused(permit, receipt, call).await, Mismatch::Decision);

    let permit = desk.permit(one, 6);
    let receipt = desk.receipt(permit.decision(), one, (Verdict::Permit, 6)).await;
    let call = prepared(permit.decision(), two, none);
    assert_eq!(desk.refused(permit, receipt, call).await, Mismatch::Offering);

    let permit = desk.permit(one, 7);
    let receipt = desk.receipt(permit.decision(), one, (Verdict::Permit, 7)).await;
    let call = prepared(permit.decision(), one, none.with(Means::Unretained));
    assert_eq!(desk.refused(permit, receipt, call).await, Mismatch::Means);

    assert_eq!(desk.mock.tally().connections, 0);
}
