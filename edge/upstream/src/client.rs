//! The one way out. [`send`] consumes what allows a call to leave, so that nothing can leave twice or without it.
//!
//! Never follows a redirect, never repeats a call, never sends a credential to another origin than its own.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use comity_decide::Permit;
use comity_dialect::{Wire, read_problem};
use comity_store::Receipt;
use comity_vocab::Plain;
use futures_util::{StreamExt, TryStreamExt};
use http::header::{ACCEPT, CONTENT_TYPE, HeaderValue, USER_AGENT};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyDataStream, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::Instant;

use crate::answer::{Answer, filtered};
use crate::connect::{TimedConnector, Tls};
use crate::dialect::{Address, Dialect};
use crate::error::{Mismatch, SendError, StreamError, UpstreamStatus};
use crate::limits::{ANSWER_BYTES_MAX, ANSWER_HEADERS_MAX, ERROR_BYTES_MAX, IDLE_CONNECTION, IDLE_CONNECTIONS_MAX, Timeouts};
use crate::paced::Paced;
use crate::prepared::Prepared;
use crate::upstream::{BaseUrl, Credential, Outgoing, Transport, Upstream};

/// Connections to upstreams. Make one for each runtime: its connections live on the runtime that opened them.
#[derive(Clone)]
pub struct Client {
    http: legacy::Client<TimedConnector, Full<Bytes>>,
}

/// Which way a call goes.
pub struct Via<'a> {
    /// The connections of this runtime.
    pub client: &'a Client,
    /// The upstream of the permitted offering.
    pub upstream: &'a Upstream,
}

/// Sends one call. Dropping the future or the answer cancels it at the upstream.
///
/// INVARIANT: nothing leaves unless permit, receipt and call bear the same decision, offering and means.
///
/// # Errors
/// Nothing of an answer was given out; [`SendError::may_fall_back`] says whether another offering may be tried.
pub async fn send(permit: Permit, receipt: Receipt, prepared: Prepared, via: Via<'_>) -> Result<Answer, SendError> {
    check(&permit, &receipt, &prepared).map_err(SendError::Refused)?;
    match &via.upstream.transport {
        Transport::Http { base, credential } => {
            let request = request((base, &via.upstream.dialect), credential.as_ref(), &prepared)?;
            via.client.exchange(request, &prepared, via.upstream.timeouts).await
        }
        #[cfg(feature = "local-model")]
        Transport::Local(model) => crate::in_process::send(model, &prepared, via.upstream.timeouts).await,
    }
}

fn check(permit: &Permit, receipt: &Receipt, prepared: &Prepared) -> Result<(), Mismatch> {
    if receipt.decision() != permit.decision() || receipt.offering() != Some(permit.offering()) {
        return Err(Mismatch::Receipt);
    }
    if prepared.decision != permit.decision() {
        return Err(Mismatch::Decision);
    }
    if prepared.offering != *permit.offering() {
        return Err(Mismatch::Offering);
    }
    if prepared.means != permit.means() {
        return Err(Mismatch::Means);
    }
    Ok(())
}

fn request(
    (base, dialect): (&BaseUrl, &Dialect),
    credential: Option<&Credential>,
    prepared: &Prepared,
) -> Result<Request<Full<Bytes>>, SendError> {
    let address = Address { endpoint: &prepared.endpoint, model: &prepared.model, stream: prepared.stream.is_some() };
    let uri = base.uri(dialect, address).map_err(|error| SendError::Connect(error.to_string()))?;
    let method = prepared.endpoint.method();
    let mut headers = prepared.headers.clone();
    headers.insert(ACCEPT, HeaderValue::from_static(expected(prepared)));
    headers.insert(USER_AGENT, HeaderValue::from_static(concat!("comity/", env!("CARGO_PKG_VERSION"))));
    if method == Method::POST {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    if *dialect == Dialect::Anthropic && !headers.contains_key(ANTHROPIC_VERSION) {
        headers.insert(ANTHROPIC_VERSION, HeaderValue::from_static(ANTHROPIC_VERSION_DEFAULT));
    }
    if let Some(credential) = credential {
        let outgoing = Outgoing { method: method.as_str(), uri: &uri, body: &prepared.body };
        if !credential.authorise(&outgoing, &mut headers) {
            return Err(SendError::Refused(Mismatch::Credential));
        }
    }
    let mut request = Request::new(Full::new(prepared.body.clone()));
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;
    Ok(request)
}

const ANTHROPIC_VERSION: &str = "anthropic-version";
/// For callers of other dialects; Anthropic's own send theirs.
const ANTHROPIC_VERSION_DEFAULT: &str = "2023-06-01";

/// The content type of a proper answer.
fn expected(prepared: &Prepared) -> &'static str {
    match (&prepared.stream, prepared.endpoint.wire()) {
        (None, _) => "application/json",
        (Some(_), Wire::Bedrock) => "application/vnd.amazon.eventstream",
        (Some(_), Wire::Chat | Wire::Responses | Wire::Messages | Wire::CountTokens | Wire::Embeddings | Wire::Gemini) => {
            "text/event-stream"
        }
    }
}

// === impl Client ===

impl Client {
    /// `connect` bounds TCP and TLS together.
    #[must_use]
    pub fn new(tls: &Tls, connect: Duration) -> Self {
        let http = legacy::Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
            .pool_idle_timeout(IDLE_CONNECTION)
            .pool_timer(TokioTimer::new())
            .http1_max_headers(ANSWER_HEADERS_MAX)
            .build(TimedConnector::new(tls, connect));
        Self { http }
    }

    async fn exchange(&self, request: Request<Full<Bytes>>, prepared: &Prepared, timeouts: Timeouts) -> Result<Answer, SendError> {
        let begun = Instant::now();
        let first_byte = begun + timeouts.first_byte.min(timeouts.total);
        let late = |_| SendError::FirstByteTimeout(timeouts.first_byte.as_millis());
        let response = tokio::time::timeout_at(first_byte, self.http.request(request)).await.map_err(late)?.map_err(failed)?;
        let (head, body) = response.into_parts();
        let reset: fn(hyper::Error) -> StreamError = |error| StreamError::Reset(chain(&error));
        let body = Paced::new(BodyDataStream::new(body).map_err(reset), begun, (timeouts.idle, timeouts.total));
        let head = Response::from_parts(head, ());
        if head.status() != StatusCode::OK {
            return Err(status(&head, body, prepared).await);
        }
        if !is_content_type(head.headers(), expected(prepared)) {
            return Err(SendError::BadAnswer("another content type than was asked for"));
        }
        if prepared.stream.is_none() {
            return Ok(whole(body, prepared).await?.with_headers(prepared, head.headers()));
        }
        let mut answer = Answer::events(prepared, body)?;
        tokio::time::timeout_at(first_byte, answer.wait_for_first_event()).await.map_err(late)??;
        Ok(answer.with_headers(prepared, head.headers()))
    }
}

type PacedBody = Paced<futures_util::stream::MapErr<BodyDataStream<Incoming>, fn(hyper::Error) -> StreamError>>;

/// An answer that is not a success, redirects among them.
async fn status(head: &Response<()>, body: PacedBody, prepared: &Prepared) -> SendError {
    let (bytes, _) = collect(body, ERROR_BYTES_MAX).await.unwrap_or_default();
    let translated = prepared.translation.is_some();
    let problem = prepared.translation.as_ref().and_then(|_| read_problem(prepared.endpoint.wire(), &bytes)).map(Plain::new);
    let status = UpstreamStatus { code: head.status(), headers: filtered(head.headers()), body: Plain::new(bytes), translated, problem };
    SendError::Status(Box::new(status))
}

async fn whole(body: PacedBody, prepared: &Prepared) -> Result<Answer, SendError> {
    let (bytes, cut) = collect(body, ANSWER_BYTES_MAX).await?;
    if cut {
        return Err(SendError::TooLarge(ANSWER_BYTES_MAX));
    }
    Answer::whole(prepared, bytes)
}

/// The body up to `bytes_max`, and whether there was more.
async fn collect(mut body: PacedBody, bytes_max: usize) -> Result<(Bytes, bool), SendError> {
    let mut whole = BytesMut::new();
    while let Some(piece) = body.next().await {
        let piece = piece?;
        let room = bytes_max.saturating_sub(whole.len());
        whole.extend_from_slice(piece.get(..room).unwrap_or(&piece));
        if piece.len() > room {
            return Ok((whole.freeze(), true));
        }
    }
    Ok((whole.freeze(), false))
}

fn is_content_type(headers: &HeaderMap, wanted: &str) -> bool {
    let given = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    given.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case(wanted))
}

fn failed(error: legacy::Error) -> SendError {
    if error.is_connect() { SendError::Connect(chain(&error)) } else { SendError::Reset(chain(&error)) }
}

/// An error's innermost cause: the outer ones say less.
fn chain(error: &dyn std::error::Error) -> String {
    let mut inner = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}
