//! Cosigns the checkpoints of foreign logs that the configuration names (C2SP tlog-witness, the witness's side). Nations witness each other.
//!
//! INVARIANT: no cosignature leaves before what it covers is on the disk, and only if nothing else was cosigned since it was judged.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use comity_ledger::{
    AddCheckpoint, Note, NoteError, PosixSeconds, SignatureLine, SignedCheckpoint, VerifierKey, WitnessRefusal, cosigned_message, judge,
};
use comity_store::{Head, Reader, Store, StoreError, Witnessed};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Request, StatusCode};

use crate::clock;
use crate::ledger_files::{NOT_KEPT, text};
use crate::ledger_name::origin_hash;
use crate::limits::{WITNESS_AGAIN_SECONDS, WITNESS_REQUEST, WITNESS_REQUEST_BYTES_MAX};
use crate::shared::Worker;

/// Why a request got no cosignature.
enum NotCosigned {
    Refused(WitnessRefusal),
    /// Not the log's fault.
    Failed(StoreError),
}

/// A witness at work.
struct Witness {
    store: Store,
    /// Signs cosignatures.
    key: VerifierKey,
    /// Keys of the log that asks; none for one that is not followed.
    log: Vec<VerifierKey>,
    now: PosixSeconds,
}

/// `POST /witness/add-checkpoint`
pub(crate) async fn add_checkpoint(State(worker): State<Arc<Worker>>, request: Request<Body>) -> Response {
    let Ok(_place) = worker.shared.foreign_logs.try_acquire() else {
        return text(StatusCode::TOO_MANY_REQUESTS, "as many logs ask at once as may: try again in a moment\n");
    };
    let request = match read(request).await {
        Ok(request) => request,
        Err(response) => return response,
    };
    let witness = match witness(&worker, request.checkpoint.unverified().origin()) {
        Ok(witness) => witness,
        Err(not_cosigned) => return not_cosigned.answer(),
    };
    let cosigned = worker.shared.readers.read(&worker.shared.store, move |reader| Ok(witness.cosign(reader, &request))).await;
    match cosigned {
        Some(Ok(Ok(line))) => text(StatusCode::OK, line.to_string()),
        Some(Ok(Err(not_cosigned))) => not_cosigned.answer(),
        Some(Err(error)) => NotCosigned::Failed(error).answer(),
        None => failed(),
    }
}

/// `GET /witness/<sha256 of the origin>/checkpoint`: what was cosigned last of that log.
pub(crate) async fn checkpoint(State(worker): State<Arc<Worker>>, Path(hash): Path<String>) -> Response {
    let generation = worker.shared.generation.load_full();
    let origin = generation.ledger.witness_for.iter().map(VerifierKey::name).find(|origin| origin_hash(origin) == hash);
    let Some(origin) = origin.map(str::to_owned) else {
        return text(StatusCode::NOT_FOUND, "no log of this name is witnessed here\n");
    };
    match worker.shared.readers.read(&worker.shared.store, move |reader| reader.witnessed(&origin)).await {
        Some(Ok(Some(seen))) => text(StatusCode::OK, seen.note),
        Some(Ok(None)) => text(StatusCode::NOT_FOUND, "nothing of this log was cosigned yet\n"),
        Some(Err(error)) => {
            tracing::error!(%error, "what was cosigned cannot be read");
            failed()
        }
        None => failed(),
    }
}

async fn read(request: Request<Body>) -> Result<AddCheckpoint, Response> {
    let body = tokio::time::timeout(WITNESS_REQUEST, to_bytes(request.into_body(), WITNESS_REQUEST_BYTES_MAX)).await;
    let body = body.map_err(|_| text(StatusCode::REQUEST_TIMEOUT, "the request did not arrive in time\n"))?;
    let too_large = |_| text(StatusCode::PAYLOAD_TOO_LARGE, format!("a request has at most {WITNESS_REQUEST_BYTES_MAX} bytes\n"));
    AddCheckpoint::from_bytes(&body.map_err(too_large)?).map_err(|refusal| refused(&refusal))
}

fn witness(worker: &Worker, origin: &str) -> Result<Witness, NotCosigned> {
    let rules = &worker.shared.generation.load_full().ledger;
    let log: Vec<_> = rules.witness_for.iter().filter(|key| key.name() == origin).cloned().collect();
    if log.is_empty() {
        return Err(NotCosigned::Refused(WitnessRefusal::UnknownOrigin(origin.to_owned())));
    }
    let key = worker.shared.name.witness_key(rules).ok_or(NotCosigned::Failed(StoreError::Encryption))?;
    let now = PosixSeconds::of(clock::now())
        .ok_or_else(|| NotCosigned::Failed(StoreError::Unavailable("the clock stands before 1970".into())))?;
    Ok(Witness { store: worker.shared.store.clone(), key, log, now })
}

fn refused(refusal: &WitnessRefusal) -> Response {
    let (body, kind) = refusal.body();
    let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::BAD_REQUEST);
    (status, [(CONTENT_TYPE, HeaderValue::from_static(kind)), (CACHE_CONTROL, HeaderValue::from_static(NOT_KEPT))], body).into_response()
}

fn failed() -> Response {
    text(StatusCode::SERVICE_UNAVAILABLE, "nothing can be cosigned now: try again in a moment\n")
}

// === impl NotCosigned ===

impl NotCosigned {
    fn answer(self) -> Response {
        match self {
            Self::Refused(refusal) => refused(&refusal),
            Self::Failed(error) => {
                tracing::error!(%error, "a foreign checkpoint could not be cosigned");
                failed()
            }
        }
    }
}

// === impl Witness ===

impl Witness {
    /// Judges a request and persists what it leads to; anew if another was quicker. Blocks for a commit.
    fn cosign(&self, reader: &Reader, request: &AddCheckpoint) -> Result<SignatureLine, NotCosigned> {
        match self.try_cosign(reader, request) {
            Err(NotCosigned::Failed(StoreError::WitnessedMore { .. })) => match self.try_cosign(reader, request) {
                Err(NotCosigned::Failed(StoreError::WitnessedMore { size })) => {
                    Err(NotCosigned::Refused(WitnessRefusal::Conflict { latest: size }))
                }
                judged => judged,
            },
            judged => judged,
        }
    }

    fn try_cosign(&self, reader: &Reader, request: &AddCheckpoint) -> Result<SignatureLine, NotCosigned> {
        let seen = reader.witnessed(request.checkpoint.unverified().origin()).map_err(NotCosigned::Failed)?;
        let latest = seen.as_ref().map(|seen| seen.head);
        let keys: Vec<&VerifierKey> = self.log.iter().collect();
        let judged = judge(request, &keys, latest.map(|head| (head.size, head.root))).map_err(|refusal| self.say(request, refusal))?;
        let head = Head { size: judged.size(), root: judged.root() };
        let before = seen.as_ref().and_then(|seen| self.last(&seen.note));
        if let Some((line, time)) = before.as_ref().filter(|_| latest == Some(head))
            && self.now.seconds().saturating_sub(time.seconds()) < WITNESS_AGAIN_SECONDS
        {
            return Ok(line.clone());
        }
        // The clock may have been set back; what was said last stays said.
        let time = before.map_or(self.now, |(_, last)| self.now.max(last));
        let line = self.sign(request, time).map_err(NotCosigned::Failed)?;
        let note = self.note(request, &line).map_err(|error| NotCosigned::Failed(StoreError::Unavailable(error.to_string().into())))?;
        let seen = Witnessed { origin: judged.origin().to_owned(), head, note: note.to_string() };
        self.store.witness(seen, latest).map_err(NotCosigned::Failed)?;
        Ok(line)
    }

    /// A log that contradicts itself is worth a line in the log.
    fn say(&self, request: &AddCheckpoint, refusal: WitnessRefusal) -> NotCosigned {
        if refusal == WitnessRefusal::Inconsistent {
            let checkpoint = request.checkpoint.unverified();
            tracing::warn!(
                origin = checkpoint.origin(),
                old = request.old,
                size = checkpoint.size(),
                "a foreign log asked to cosign a checkpoint that does not continue what was cosigned before"
            );
        }
        NotCosigned::Refused(refusal)
    }

    fn sign(&self, request: &AddCheckpoint, time: PosixSeconds) -> Result<SignatureLine, StoreError> {
        let signature = self.store.sign(&cosigned_message(request.checkpoint.note().text(), time))?;
        Ok(SignatureLine::cosignature(&self.key, time, &signature))
    }

    /// What others may fetch: the text, the signatures of the log that were verified, and ours. Nothing that a stranger added.
    fn note(&self, request: &AddCheckpoint, ours: &SignatureLine) -> Result<Note, NoteError> {
        let signed = request.checkpoint.note();
        let of_log = |line: &&SignatureLine| self.log.iter().any(|key| line.name() == key.name() && line.id() == key.id());
        let mut lines = signed.lines().iter().filter(of_log).chain(std::iter::once(ours)).cloned();
        let first = lines.next().ok_or(NoteError::NoSignatures)?;
        lines.try_fold(Note::new(signed.text(), first)?, Note::with)
    }

    /// Our cosignature in a note that was kept, and when it was made.
    fn last(&self, note: &str) -> Option<(SignatureLine, PosixSeconds)> {
        let kept: SignedCheckpoint = note.parse().ok()?;
        let time = kept.note().verify(&[&self.key]).ok()?.iter().filter_map(|verified| verified.time).max()?;
        let line = kept.note().lines().iter().find(|line| line.name() == self.key.name() && line.id() == self.key.id())?;
        Some((line.clone(), time))
    }
}

#[cfg(test)]
mod tests {
    use comity_ledger::{Checkpoint, EMPTY_ROOT, KeyKind, SigningSeed};
    use comity_store::Options;

    use super::*;

    fn at(seconds: u64) -> PosixSeconds {
        PosixSeconds::new(seconds).unwrap()
    }

    #[test]
    fn cosignatures_go_forward_in_time_and_are_not_made_twice_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(Options::new(folder.path().join("ledger.db"))).unwrap();
        let (reader, seed) = (store.reader().unwrap(), SigningSeed::new(&[1; 32]));
        let checkpoint = Checkpoint::new("log.example", 0, EMPTY_ROOT).unwrap();
        let line = checkpoint.sign(&seed).unwrap();
        let request = AddCheckpoint { old: 0, proof: Vec::new(), checkpoint: SignedCheckpoint::new(checkpoint, line).unwrap() };
        let cosign = |now| {
            let key = VerifierKey::new("witness.example", KeyKind::Cosignature, &store.public_key()).unwrap();
            let log = vec![seed.verifier("log.example", KeyKind::Ed25519).unwrap()];
            let witness = Witness { store: store.clone(), key, log, now };
            let Ok(line) = witness.cosign(&reader, &request) else { panic!("not cosigned") };
            let kept = reader.witnessed("log.example").unwrap().unwrap();
            let (last, time) = witness.last(&kept.note).unwrap();
            assert_eq!(last, line, "what is answered is on the disk");
            (time, line)
        };
        let first = cosign(at(2000));
        assert_eq!(first.0, at(2000));
        assert_eq!(cosign(at(2009)), first, "a repeated request is answered with what is there");
        assert_eq!(cosign(at(2010)).0, at(2010));
        assert_eq!(cosign(at(1000)).0, at(2010), "the clock was set back");
    }
}
