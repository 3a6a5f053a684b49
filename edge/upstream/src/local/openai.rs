//! The OpenAI chat completion shapes around the demonstration model: request body in, JSON or SSE out.
//!
//! Every field is either honoured, known to mean nothing here, or an error that names it: none is dropped in silence.
//! Source: OpenAI API reference, "Create chat completion" and "The chat completion chunk object".

mod answer;
mod request;

use bytes::Bytes;

pub use answer::AnswerStream;

use answer::{Head, whole};
use request::Request;

use super::{LocalError, LocalModel};

/// A chat completion, whole or as it is written.
pub enum LocalAnswer {
    /// `chat.completion`, `application/json`.
    Whole(Bytes),
    /// `chat.completion.chunk` events up to `data: [DONE]`, `text/event-stream`. Dropping it cancels the answer.
    Stream(AnswerStream),
}

// === impl LocalModel ===

impl LocalModel {
    /// Answers the body of a `POST /v1/chat/completions`. Needs a tokio runtime; dropping the future cancels the answer.
    ///
    /// The answer's `model` is the body's. An error after the first SSE byte comes as an event with an `error` object, without `[DONE]`.
    ///
    /// # Errors
    /// [`LocalError::Json`] and [`LocalError::Field`] for a wrong body, [`LocalError::CannotHonour`] for a field that means what this
    /// model cannot do, and all of [`LocalModel::submit`].
    pub async fn chat(&self, body: &[u8]) -> Result<LocalAnswer, LocalError> {
        let request = Request::read(body)?;
        let model = self.clone();
        // A long chat takes milliseconds to read into tokens: not on a thread that serves others.
        let submit = tokio::task::spawn_blocking(move || model.submit(request.chat));
        let events = submit.await.map_err(|error| LocalError::Failed(error.to_string()))??;
        let head = Head::new(request.model)?;
        if request.stream {
            return Ok(LocalAnswer::Stream(AnswerStream::new(head, events, request.include_usage)));
        }
        Ok(LocalAnswer::Whole(whole(&head, events).await?))
    }
}
