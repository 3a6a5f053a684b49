//! `/ledger/`: the published ledger as C2SP tlog-tiles has it. The checkpoint and the keys are for everybody, tiles and entries for auditors.
//!
//! INVARIANT: nothing is served that the published checkpoint does not cover. Read on connections of its own, never on a thread that serves.

use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use comity_ledger::{BundleAt, StoredAt, TileAt};
use comity_store::{Reader, Store, StoreError};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, StatusCode};
use tokio::sync::Semaphore;

use crate::admin::bears;
use crate::apart::apart;
use crate::limits::LEDGER_READS_MAX;
use crate::shared::{Shared, Worker};

/// Connections that read the ledger, and places for those who use them.
pub(crate) struct Readers {
    places: Arc<Semaphore>,
    idle: Mutex<Vec<Reader>>,
}

/// A part of the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Tile(TileAt),
    Bundle(BundleAt),
}

/// Tiles and bundles never change; who holds the token must not share them with others on the way.
const FOR_EVER: &str = "private, max-age=31536000, immutable";
/// For what changes at any time.
pub(crate) const NOT_KEPT: &str = "no-store";
const TEXT: &str = "text/plain; charset=utf-8";

/// `GET /ledger/checkpoint`: what is published. From memory.
pub(crate) async fn checkpoint(State(worker): State<Arc<Worker>>) -> Response {
    match worker.shared.store.published() {
        Some(published) => text(StatusCode::OK, published.note.clone()),
        None => text(StatusCode::NOT_FOUND, "no checkpoint is published yet: `/healthz` says why if this lasts\n"),
    }
}

/// `GET /ledger/log.vkey`: the key that verifies checkpoints.
pub(crate) async fn log_key(State(worker): State<Arc<Worker>>) -> Response {
    text(StatusCode::OK, format!("{}\n", worker.shared.name.log_key()))
}

/// `GET /ledger/witness.vkey`: the key that verifies cosignatures of others' checkpoints.
pub(crate) async fn witness_key(State(worker): State<Arc<Worker>>) -> Response {
    match worker.shared.name.witness_key(&worker.shared.generation.load().ledger) {
        Some(key) => text(StatusCode::OK, format!("{key}\n")),
        None => text(StatusCode::NOT_FOUND, "this gateway has no key that cosigns\n"),
    }
}

/// `GET /ledger/tile/…`: tiles and entry bundles of the published tree.
pub(crate) async fn tile(State(worker): State<Arc<Worker>>, Path(path): Path<String>, headers: HeaderMap) -> Response {
    if let Some(refused) = refused(&worker.shared, &headers) {
        return refused;
    }
    let published = worker.shared.store.published().map_or(0, |published| published.head.size);
    let part = match Part::find(&format!("tile/{path}"), published) {
        Ok(part) => part,
        Err(why) => return text(StatusCode::NOT_FOUND, why),
    };
    match worker.shared.readers.read(&worker.shared.store, move |reader| part.bytes(reader)).await {
        Some(Ok(bytes)) => bytes_of(bytes),
        Some(Err(StoreError::Pruned { minimum, .. })) => {
            text(StatusCode::NOT_FOUND, format!("entries before {minimum} were pruned: proofs of later ones stay as they are\n"))
        }
        Some(Err(error)) => {
            tracing::error!(%error, "a part of the ledger cannot be read");
            text(StatusCode::SERVICE_UNAVAILABLE, "the ledger cannot be read now: try again in a moment\n")
        }
        None => text(StatusCode::INTERNAL_SERVER_ERROR, "this part of the ledger could not be read: the gateway's log says more\n"),
    }
}

/// What to answer to who is no auditor.
fn refused(shared: &Shared, headers: &HeaderMap) -> Option<Response> {
    let generation = shared.generation.load();
    let Some(token) = &generation.ledger.auditor_token else {
        let why = "tiles and entries are not served: set `auditor_token` under `[ledger]` in `comity.toml`\n";
        return Some(text(StatusCode::FORBIDDEN, why));
    };
    if bears(headers, token) {
        return None;
    }
    let mut refused = text(StatusCode::UNAUTHORIZED, "tiles and entries need the auditor's token: send `authorization: Bearer …`\n");
    refused.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    Some(refused)
}

/// A plain answer that nobody keeps.
pub(crate) fn text(status: StatusCode, text: impl Into<Body>) -> Response {
    (status, [(CONTENT_TYPE, TEXT), (CACHE_CONTROL, NOT_KEPT)], text.into()).into_response()
}

fn bytes_of(bytes: Vec<u8>) -> Response {
    ([(CONTENT_TYPE, "application/octet-stream"), (CACHE_CONTROL, FOR_EVER)], bytes).into_response()
}

// === impl Part ===

impl Part {
    /// The part at `path` of a ledger with so many published leaves; else why there is none.
    fn find(path: &str, published: u64) -> Result<Self, String> {
        let part = match path.parse() {
            Ok(bundle) => Self::Bundle(bundle),
            Err(_) => path.parse().map(Self::Tile).map_err(|error: comity_ledger::TileError| format!("{error}\n"))?,
        };
        let (width, there) = match part {
            Self::Tile(at) => (at.width(), TileAt::in_tree(at.level(), at.number(), published).map_or(0, TileAt::width)),
            Self::Bundle(at) => (at.width(), BundleAt::in_log(at.number(), published).map_or(0, BundleAt::width)),
        };
        if width <= there { Ok(part) } else { Err(format!("the published checkpoint covers {published} leaves: `{path}` is beyond\n")) }
    }

    fn bytes(self, reader: &Reader) -> Result<Vec<u8>, StoreError> {
        match self {
            Self::Tile(at) => {
                let first = StoredAt { level: at.level().saturating_mul(8), number: at.number().saturating_mul(256) };
                let hashes = reader.hashes(first, at.width())?;
                Ok(hashes.iter().flat_map(|hash| *hash.as_bytes()).collect())
            }
            Self::Bundle(at) => {
                let entries = reader.entries(at.first(), usize::from(at.width()))?;
                // Looked at last: what was pruned in between is empty now.
                let minimum = reader.minimum()?;
                if at.first() < minimum {
                    return Err(StoreError::Pruned { index: at.first(), minimum });
                }
                at.encode(entries.iter().map(Vec::as_slice)).map_err(|error| StoreError::Unreadable(error.to_string().into()))
            }
        }
    }
}

// === impl Readers ===

impl Readers {
    pub(crate) fn new() -> Self {
        Self { places: Arc::new(Semaphore::new(LEDGER_READS_MAX)), idle: Mutex::default() }
    }

    /// Does `work` with a reader of `store`, once there is a place for it; nothing if it panicked.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        store: &Store,
        work: impl FnOnce(&Reader) -> Result<T, StoreError> + Send + 'static,
    ) -> Option<Result<T, StoreError>> {
        let place = Arc::clone(&self.places).acquire_owned().await.ok()?;
        let (idle, store) = (self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop(), store.clone());
        let done = apart("the ledger could not be read", move || {
            // Held by the work, not by whoever waits: they may go away.
            let _place = place;
            let reader = match idle {
                Some(reader) => reader,
                None => store.reader()?,
            };
            let done = work(&reader)?;
            Ok((done, reader))
        });
        // A reader that failed is closed.
        let (done, reader) = match done.await? {
            Ok(done) => done,
            Err(error) => return Some(Err(error)),
        };
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(reader);
        Some(Ok(done))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_published_is_there() {
        let check = |path: &str, published: u64, there: bool| assert_eq!(Part::find(path, published).is_ok(), there, "{path} {published}");
        check("tile/0/000", 255, false);
        check("tile/0/000", 256, true);
        check("tile/0/000.p/255", 255, true);
        check("tile/0/000.p/255", 254, false);
        check("tile/0/000.p/1", 0, false);
        check("tile/1/000.p/1", 255, false);
        check("tile/1/000.p/1", 256, true);
        check("tile/entries/001", 512, true);
        check("tile/entries/001", 511, false);
        check("tile/entries/001.p/3", 259, true);
        check("tile/entries/1", 1000, false);
        check("tile/9/000", 1000, false);
        check("tile/../../comity.db", 1000, false);
    }
}
