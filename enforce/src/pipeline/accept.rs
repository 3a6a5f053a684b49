//! Step 1: accept a call within its limits. Nothing is held for a stranger: the head is judged before a byte of the body is read.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use http_body_util::BodyExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::CallError;
use crate::limits::Limits;
use crate::shared::Shared;

/// A body and the room that it takes.
pub(crate) struct Accepted {
    pub(crate) body: Bytes,
    /// Given back when this is dropped.
    _room: Room,
}

/// Part of the memory for bodies.
struct Room {
    pool: Arc<Semaphore>,
    held: Option<OwnedSemaphorePermit>,
    kib: usize,
}

/// A place among the calls at once; given back when the call ends.
pub(crate) fn slot(shared: &Shared) -> Result<OwnedSemaphorePermit, CallError> {
    Arc::clone(&shared.calls).try_acquire_owned().map_err(|_| CallError::Busy("the gateway serves as many calls at once as it may"))
}

/// Reads the whole body within its bounds of size, memory and time.
pub(crate) async fn body(shared: &Shared, headers: &HeaderMap, body: Body, limits: &Limits) -> Result<Accepted, CallError> {
    if headers.get(CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
        return Err(CallError::invalid("the body is compressed: send it without `content-encoding`"));
    }
    let announced = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok()).unwrap_or_default();
    if announced > limits.body_bytes_max {
        return Err(CallError::TooLarge(limits.body_bytes_max));
    }
    let mut room = Room { pool: Arc::clone(&shared.bodies), held: None, kib: 0 };
    room.grow_to(announced)?;
    let reading = read(body, limits.body_bytes_max, &mut room);
    let body = tokio::time::timeout(Duration::from_millis(limits.body_ms), reading).await.map_err(|_| CallError::TooSlow)??;
    Ok(Accepted { body, _room: room })
}

async fn read(mut body: Body, bytes_max: usize, room: &mut Room) -> Result<Bytes, CallError> {
    let mut first = None;
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| CallError::invalid("the body broke off: send the call again"))?;
        let Ok(piece) = frame.into_data() else { continue };
        let length = first.as_ref().map_or(0, Bytes::len).max(whole.len()).saturating_add(piece.len());
        if length > bytes_max {
            return Err(CallError::TooLarge(bytes_max));
        }
        room.grow_to(length)?;
        // Most bodies come in one piece, which is then not copied.
        match first.take() {
            None if whole.is_empty() => first = Some(piece),
            before => {
                whole.extend_from_slice(&before.unwrap_or_default());
                whole.extend_from_slice(&piece);
            }
        }
    }
    Ok(first.unwrap_or_else(|| whole.freeze()))
}

// === impl Room ===

impl Room {
    fn grow_to(&mut self, bytes: usize) -> Result<(), CallError> {
        let kib = bytes.div_ceil(1024);
        let more = kib.saturating_sub(self.kib);
        if more == 0 {
            return Ok(());
        }
        let busy = || CallError::Busy("the gateway holds as many large calls at once as it may");
        let count = u32::try_from(more).map_err(|_| busy())?;
        let permit = Arc::clone(&self.pool).try_acquire_many_owned(count).map_err(|_| busy())?;
        match &mut self.held {
            Some(held) => held.merge(permit),
            None => self.held = Some(permit),
        }
        self.kib = kib;
        Ok(())
    }
}
