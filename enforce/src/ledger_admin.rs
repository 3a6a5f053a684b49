//! `/api/v1/ledger/`: destroys the keys of private records, and takes away leaves whose time is over.
//!
//! No message, log line or answer repeats whom an erasure was about: the ledger holds a commitment, and who asked gets its salt.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use comity_ledger::{ErasureReason, Event, EventLeaf, Minute, Month, ProofDone, commitment};
use comity_store::{Erasure, ErasureOrder, StoreError};
use comity_vocab::Plain;
use http::{HeaderMap, Request};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::admin::{admin, refuse, unprocessable};
use crate::apart::apart;
use crate::clock;
use crate::error::CallError;
use crate::gateway::Running;
use crate::limits::{ORDER_BYTES_MAX, SUBJECT_BYTES_MAX};
use crate::shared::{Shared, Worker};

/// An erasure that is done.
#[derive(Clone)]
pub struct ErasureDone {
    /// The index of the leaf that says so.
    pub leaf: u64,
    /// Keys destroyed.
    pub keys: u64,
    /// The write-ahead logs are empty too. If not, somebody reads the store: they are emptied as soon as that ends.
    pub folded: bool,
    /// The salt of the leaf's commitment to the name that was given (domain `erased`): who asked can show by it what was erased.
    pub salt: [u8; 32],
}

/// What is asked for: exactly one of the first four.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EraseWire {
    data_subject: Option<String>,
    workload: Option<String>,
    tenant: Option<String>,
    before: Option<String>,
    reason: ErasureReason,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PruneWire {
    minimum: u64,
}

const ERASE: &str = "send JSON with one of `data_subject`, `workload`, `tenant` and `before` (the first day of a month: `2026-11-01`), and a \
                     `reason`: `request`, `retention`, `order` or `other`";
const PRUNE: &str = "send JSON with `minimum`, the index of the first leaf that is to stay";

const PROOF: &str = "send JSON with the `property` (its name), its `verdict` (`proved`, `violated` or `unknown`) and digests: `proof` (of `proof.json`), \
                     `terms` (a list) and `catalogue`";

/// `POST /api/v1/ledger/erase`
pub(crate) async fn erase(State(worker): State<Arc<Worker>>, request: Request<Body>) -> Response {
    let asked = match order::<EraseWire>(&worker.shared, request, ERASE).await {
        Ok(wire) => wire.read(),
        Err(error) => Err(error),
    };
    let (which, reason) = match asked {
        Ok(asked) => asked,
        Err(error) => return refuse(error),
    };
    let shared = Arc::clone(&worker.shared);
    let done = apart("an erasure failed", move || shared.erase(which, reason)).await;
    answer(done, |done| json!({ "leaf": done.leaf, "keys": done.keys, "folded": done.folded, "salt": hex::encode(done.salt) }))
}

/// `POST /api/v1/ledger/prune`
pub(crate) async fn prune(State(worker): State<Arc<Worker>>, request: Request<Body>) -> Response {
    let minimum = match order::<PruneWire>(&worker.shared, request, PRUNE).await {
        Ok(wire) => wire.minimum,
        Err(error) => return refuse(error),
    };
    let store = worker.shared.store.clone();
    let done = apart("leaves could not be pruned", move || store.prune(minimum)).await;
    answer(done, |minimum| json!({ "minimum": minimum }))
}

/// `POST /api/v1/ledger/proof`
pub(crate) async fn proof(State(worker): State<Arc<Worker>>, request: Request<Body>) -> Response {
    let proof = match order::<ProofDone>(&worker.shared, request, PROOF).await {
        Ok(proof) => proof,
        Err(error) => return refuse(error),
    };
    let store = worker.shared.store.clone();
    let leaf = EventLeaf { event: Event::Proof(proof), minute: Minute::of(clock::now()) };
    let done = apart("a proof could not be recorded", move || store.event(leaf)).await;
    answer(done, |leaf| json!({ "leaf": leaf }))
}

fn answer<T>(done: Option<Result<T, StoreError>>, json: impl FnOnce(T) -> serde_json::Value) -> Response {
    match done {
        Some(Ok(done)) => Json(json(done)).into_response(),
        Some(Err(error)) if error.is_unavailable() => {
            tracing::error!(%error, "an order to the ledger could not be carried out");
            refuse(CallError::LedgerUnavailable("the ledger cannot be written"))
        }
        Some(Err(error @ StoreError::NotPrunable { .. })) => {
            unprocessable(&error.hint().map_or_else(|| error.to_string(), |hint| format!("{error}\nhint: {hint}")))
        }
        Some(Err(error)) => {
            tracing::error!(%error, "an order to the ledger could not be carried out");
            refuse(CallError::Internal("the order could not be carried out"))
        }
        None => refuse(CallError::Internal("the order could not be carried out")),
    }
}

/// The body of an admin's request. What is wrong with it is not quoted: it may name a person.
async fn order<T: DeserializeOwned>(shared: &Shared, request: Request<Body>, how: &str) -> Result<T, CallError> {
    let (head, body) = request.into_parts();
    admin(shared, &head.headers)?;
    json_only(&head.headers)?;
    let time = Duration::from_millis(shared.generation.load().config.limits.body_ms);
    let body = tokio::time::timeout(time, to_bytes(body, ORDER_BYTES_MAX)).await.map_err(|_| CallError::TooSlow)?;
    let body = body.map_err(|_| CallError::TooLarge(ORDER_BYTES_MAX))?;
    serde_json::from_slice(&body).map_err(|_| CallError::invalid(format!("the order is not understood: {how}")))
}

/// A page in somebody's browser cannot send this type elsewhere unasked.
fn json_only(headers: &HeaderMap) -> Result<(), CallError> {
    let kind = headers.get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let json = kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"));
    if json { Ok(()) } else { Err(CallError::invalid("send `content-type: application/json`")) }
}

/// Whether a call can name a person so, in its header.
fn is_subject(name: &str) -> bool {
    (1..=SUBJECT_BYTES_MAX).contains(&name.len()) && name.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())
}

// === impl EraseWire ===

impl EraseWire {
    fn read(self) -> Result<(Erasure, ErasureReason), CallError> {
        let which = match (self.data_subject, self.workload, self.tenant, self.before) {
            (Some(subject), None, None, None) if is_subject(subject.trim()) => Erasure::DataSubject(Plain::new(subject.trim().to_owned())),
            (None, Some(workload), None, None) if !workload.is_empty() => Erasure::Workload(workload),
            (None, None, Some(tenant), None) if !tenant.is_empty() => Erasure::Tenant(tenant),
            (None, None, None, Some(day)) => {
                let month = day.parse().ok().and_then(Month::beginning);
                Erasure::Before(
                    month.ok_or_else(|| {
                        CallError::invalid_field("before", "`before` is the first day of a month, for example `2026-11-01`")
                    })?,
                )
            }
            _ => return Err(CallError::invalid(format!("the order is not understood: {ERASE}"))),
        };
        Ok((which, self.reason))
    }
}

// === impl Shared ===

impl Shared {
    /// Erases, and forgets in memory what was erased. Blocks.
    fn erase(&self, which: Erasure, reason: ErasureReason) -> Result<ErasureDone, StoreError> {
        let mut salt = [0; 32];
        getrandom::fill(&mut salt).map_err(|_| StoreError::Encryption)?;
        let selector = commitment("erased", &salt, &named(&which));
        let whole_tenant = matches!(which, Erasure::Tenant(_));
        let done = self.store.erase(ErasureOrder { which, reason, selector });
        // Also after a failure: what was begun is finished at the next start.
        if whole_tenant {
            self.pseudonym_keys.forget();
            self.states.forget();
        }
        let done = done?;
        tracing::info!(leaf = done.leaf, keys = done.keys, folded = done.folded, "keys of private records were destroyed");
        Ok(ErasureDone { leaf: done.leaf, keys: done.keys, folded: done.folded, salt })
    }
}

/// What the leaf commits to: the name as it was given, and a month by its first day.
fn named(which: &Erasure) -> Vec<u8> {
    match which {
        Erasure::DataSubject(subject) => subject.expose().clone().into_bytes(),
        Erasure::Workload(name) | Erasure::Tenant(name) => name.clone().into_bytes(),
        Erasure::Before(month) => {
            let (year, month) = (month.number().div_euclid(12), month.number().rem_euclid(12).saturating_add(1));
            format!("{year:04}-{month:02}-01").into_bytes()
        }
    }
}

// === impl Running ===

impl Running {
    /// Destroys the keys of private records. Blocks for some commits.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the disk cannot take it; what was begun is finished at the next start.
    pub fn erase(&self, which: Erasure, reason: ErasureReason) -> Result<ErasureDone, StoreError> {
        self.shared().erase(which, reason)
    }

    /// Takes away leaves before `minimum`, rounded down to whole bundles of 256; gives the first that is left. Blocks for some commits.
    ///
    /// # Errors
    /// [`StoreError::NotPrunable`] beyond what is published, or with calls under way before it.
    pub fn prune(&self, minimum: u64) -> Result<u64, StoreError> {
        self.shared().store.prune(minimum)
    }
}
