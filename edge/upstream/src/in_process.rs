//! Sends a call to the model in this process, under the same bounds on time as any other upstream.

use bytes::Bytes;
use futures_util::StreamExt;
use tokio::time::Instant;

use crate::answer::Answer;
use crate::dialect::Endpoint;
use crate::error::{SendError, StreamError};
use crate::limits::Timeouts;
use crate::local::openai::LocalAnswer;
use crate::local::{LocalError, LocalModel};
use crate::paced::Paced;
use crate::prepared::Prepared;

/// Answers the call. Dropping the future or the answer cancels it.
pub(crate) async fn send(model: &LocalModel, prepared: &Prepared, timeouts: Timeouts) -> Result<Answer, SendError> {
    if prepared.endpoint != Endpoint::Chat {
        let message = "the demonstration model generates text and nothing else".to_owned();
        return Err(SendError::CannotHonour { field: "model".to_owned(), message });
    }
    let begun = Instant::now();
    let first_byte = begun + timeouts.first_byte.min(timeouts.total);
    let late = |_| SendError::FirstByteTimeout(timeouts.first_byte.as_millis());
    match tokio::time::timeout_at(first_byte, model.chat(&prepared.body)).await.map_err(late)?? {
        LocalAnswer::Whole(bytes) => Answer::whole(prepared, bytes),
        LocalAnswer::Stream(events) => {
            let events = events.map(|event| -> Result<Bytes, StreamError> { Ok(event) });
            let mut answer = Answer::events(prepared, Paced::new(Box::pin(events), begun, (timeouts.idle, timeouts.total)))?;
            tokio::time::timeout_at(first_byte, answer.wait_for_first_event()).await.map_err(late)??;
            Ok(answer)
        }
    }
}

impl From<LocalError> for SendError {
    fn from(error: LocalError) -> Self {
        let message = error.to_string();
        match error {
            LocalError::Busy => Self::Busy,
            LocalError::CannotHonour { field, .. } => Self::CannotHonour { field, message },
            LocalError::Context { .. } | LocalError::Json(_) | LocalError::Field { .. } => Self::BadCall(message),
            LocalError::Read { .. }
            | LocalError::Damaged { .. }
            | LocalError::Unsupported { .. }
            | LocalError::Threads(_)
            | LocalError::Stopped
            | LocalError::Failed(_) => Self::Reset(message),
        }
    }
}
