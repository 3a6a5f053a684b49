//! What an upstream answered, before anything is done with it.

use bytes::Bytes;
use futures_util::Stream;
use http::header::{CONTENT_TYPE, HeaderName, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, StatusCode};

use crate::error::StreamError;
use crate::stream::AnswerStream;
use crate::usage::{self, Usage};

/// A successful answer.
pub struct Answer {
    /// 2xx.
    pub status: StatusCode,
    /// Only the headers of the allow-list.
    pub headers: HeaderMap,
    /// The answer itself.
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
    /// The JSON, byte for byte.
    pub bytes: Bytes,
    /// What the upstream counted, where it said so.
    pub usage: Option<Usage>,
}

// === impl Answer ===

impl Answer {
    /// A JSON answer with status 200; its usage is read from the bytes.
    #[must_use]
    pub fn json(bytes: Bytes) -> Self {
        let usage = usage::read(&bytes).and_then(|read| read.usage);
        Self::whole(bytes, usage)
    }

    /// The same for bytes that nobody vouches for; nothing when they are not one JSON object in UTF-8.
    pub(crate) fn checked(bytes: Bytes) -> Option<Self> {
        // The parser does not look into strings that it skips.
        std::str::from_utf8(&bytes).ok()?;
        let usage = usage::read(&bytes)?.usage;
        Some(Self::whole(bytes, usage))
    }

    fn whole(bytes: Bytes, usage: Option<Usage>) -> Self {
        Self { status: StatusCode::OK, headers: content_type("application/json"), body: AnswerBody::Whole(Whole { bytes, usage }) }
    }

    /// A streamed answer with status 200. `source` yields raw bytes of server-sent events, cut anywhere, and ends with `data: [DONE]`.
    #[must_use]
    pub fn events(source: impl Stream<Item = Result<Bytes, StreamError>> + Send + 'static) -> Self {
        Self { status: StatusCode::OK, headers: content_type("text/event-stream"), body: AnswerBody::Stream(AnswerStream::new(source)) }
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
        || matches!(text, "x-request-id" | "retry-after-ms" | "openai-processing-ms" | "openai-version")
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
