//! What an upstream answered, before anything is done with it.

use bytes::Bytes;
use comity_dialect::{Usage, translate_reply};
use futures_util::Stream;
use http::header::{CONTENT_TYPE, HeaderName, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, StatusCode};

use crate::error::{SendError, StreamError};
use crate::prepared::{Prepared, UsageFrames};
use crate::stream::AnswerStream;
use crate::watch::{self, Kept};

/// A successful answer.
pub struct Answer {
    /// 2xx.
    pub status: StatusCode,
    /// Only the headers of the allow-list.
    pub headers: HeaderMap,
    /// The answer itself, in the caller's dialect.
    pub body: AnswerBody,
}

/// The two kinds of answer.
pub enum AnswerBody {
    /// JSON, complete.
    Whole(Whole),
    /// Server-sent events.
    Stream(AnswerStream),
}

/// A complete JSON answer.
pub struct Whole {
    /// The JSON: the upstream's own bytes, unless the caller's dialect is another.
    pub bytes: Bytes,
    /// What the upstream counted, where it said so.
    pub usage: Option<Usage>,
    /// What the upstream keeps of it.
    pub kept: Vec<Kept>,
}

// === impl Answer ===

impl Answer {
    /// A whole answer to `prepared`, said in the caller's dialect.
    pub(crate) fn whole(prepared: &Prepared, bytes: Bytes) -> Result<Self, SendError> {
        let malformed = SendError::BadAnswer("the JSON is malformed");
        // The parser does not look into strings that it skips.
        if std::str::from_utf8(&bytes).is_err() {
            return Err(malformed);
        }
        let wire = prepared.endpoint.wire();
        let whole = if let Some(translation) = &prepared.translation {
            let translated =
                translate_reply((wire, translation.api), &bytes, &translation.stamp).map_err(|bad| SendError::BadAnswer(bad.0))?;
            let kept = translated.sealed.into_iter().map(Kept::Sealed).collect();
            Whole { bytes: translated.body.into(), usage: watch::counted(translated.usage), kept }
        } else {
            let seen = watch::whole(wire, &bytes).ok_or(malformed)?;
            Whole { bytes, usage: watch::counted(seen.usage), kept: seen.kept }
        };
        Ok(Self { status: StatusCode::OK, headers: content_type("application/json"), body: AnswerBody::Whole(whole) })
    }

    /// A streamed answer to `prepared`. `source` yields raw bytes of the upstream's stream, cut anywhere.
    pub(crate) fn events(
        prepared: &Prepared,
        source: impl Stream<Item = Result<Bytes, StreamError>> + Send + 'static,
    ) -> Result<Self, SendError> {
        let wire = prepared.endpoint.wire();
        let stream = match &prepared.translation {
            Some(translation) => {
                AnswerStream::translated(source, wire, translation).ok_or(SendError::BadAnswer("nothing translates this stream"))?
            }
            None => AnswerStream::same(source, wire, prepared.stream.unwrap_or(UsageFrames::Keep)),
        };
        Ok(Self { status: StatusCode::OK, headers: content_type("text/event-stream"), body: AnswerBody::Stream(stream) })
    }

    /// Waits for the first event of a stream, so that a fallback is still possible when it is an error.
    pub(crate) async fn wait_for_first_event(&mut self) -> Result<(), SendError> {
        match &mut self.body {
            AnswerBody::Stream(stream) => stream.wait_for_first_event().await,
            AnswerBody::Whole(_) => Ok(()),
        }
    }

    /// With the upstream's headers, as far as they may be seen. Those of another dialect say nothing to the caller.
    pub(crate) fn with_headers(mut self, prepared: &Prepared, headers: &HeaderMap) -> Self {
        if prepared.translation.is_none() {
            self.headers = filtered(headers);
        }
        self
    }
}

fn content_type(value: &'static str) -> HeaderMap {
    HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(value))])
}

/// The headers that a caller may see. Everything else stays here: cookies, and the organisation that the credential belongs to.
pub(crate) fn filtered(headers: &HeaderMap) -> HeaderMap {
    let allowed = headers.iter().filter(|(name, _)| is_allowed(name));
    allowed.map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn is_allowed(name: &HeaderName) -> bool {
    let text = name.as_str();
    *name == CONTENT_TYPE
        || *name == RETRY_AFTER
        || text.starts_with("x-ratelimit-")
        || text.starts_with("anthropic-ratelimit-")
        || matches!(text, "x-request-id" | "request-id" | "retry-after-ms" | "openai-processing-ms" | "openai-version")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listed_headers_pass() {
        let given =
            ["content-type", "set-cookie", "openai-organization", "x-ratelimit-remaining-tokens", "retry-after", "server", "x-request-id"];
        let headers = given.into_iter().map(|name| (HeaderName::from_static(name), HeaderValue::from_static("x"))).collect();
        let mut passed: Vec<_> = filtered(&headers).keys().map(ToString::to_string).collect();
        passed.sort();
        assert_eq!(passed, ["content-type", "retry-after", "x-ratelimit-remaining-tokens", "x-request-id"]);
    }
}
