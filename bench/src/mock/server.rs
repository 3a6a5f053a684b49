//! Accepts connections, reads calls, plays answers, and serves the control paths (`/_seen`, `/_wait`, `/_script`, `/_stand`,
//! `/_release`, `/_clear`). It is on its own thread with a current-thread runtime, so that its cost is measurable apart.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::TcpListener;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use super::answer::{self, Ask};
use super::binary::EVENT_STREAM;
use super::call::{Call, Dialect};
use super::memory::Memory;
use super::score::{BrokenOff, Player, Score, ScoreBody, Step};
use super::seen::{Book, Fate, Seen, Tally};
use super::{Mode, PATIENCE};
use crate::cassette::{Cassette, Interaction};

type Answer = Response<UnsyncBoxBody<Bytes, BrokenOff>>;

/// What every connection shares.
#[derive(Clone)]
pub(super) struct Server {
    pub(super) book: Arc<Book>,
    pub(super) memory: Arc<Memory>,
    pub(super) cassettes: Arc<[Cassette]>,
}

impl Server {
    /// Serves until `stopped` resolves; then every connection dies with the runtime.
    pub(super) async fn serve(self, listener: TcpListener, stopped: oneshot::Receiver<()>) {
        let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
        let accept = async {
            loop {
                if let Ok((stream, _peer)) = listener.accept().await {
                    self.book.connected();
                    tokio::spawn(self.clone().connection(stream));
                }
            }
        };
        tokio::select! {
            () = accept => {}
            _sender_gone = stopped => {}
        }
    }

    async fn connection(self, stream: TcpStream) {
        let _kept_default = stream.set_nodelay(true);
        let reset = Arc::new(AtomicBool::new(false));
        let io = ResettableIo { inner: TokioIo::new(stream), reset: Arc::clone(&reset) };
        let service = service_fn(move |request| {
            let (server, reset) = (self.clone(), Arc::clone(&reset));
            async move { server.call(request, reset).await }
        });
        let _client_gone_or_broken_off = hyper::server::conn::http1::Builder::new().serve_connection(io, service).await;
    }

    async fn call(self, request: Request<Incoming>, reset: Arc<AtomicBool>) -> Result<Answer, BrokenOff> {
        if request.uri().path().starts_with("/_") {
            return Ok(self.control(request).await);
        }
        let (head, body) = request.into_parts();
        let Ok(body) = body.collect().await else {
            self.book.aborted();
            return Err(BrokenOff);
        };
        let body = body.to_bytes();
        let (named, path) = split_mode(head.uri.path());
        let json = named.as_ref().filter(|mode| mode.is_load()).map_or_else(|| parse(&body), |_| glance(&body));
        let call = Call::read(&head.method, path, head.uri.query().unwrap_or_default(), head.headers.contains_key("anthropic-version"));
        let mode = self.book.next_mode(named.or_else(|| mode_of_model(&json, &call)));
        let seen = seen(&head, &body, &mode);
        let player = Player::new(&self.book, reset);
        let mut guard = self.book.enter(seen, !mode.is_load());
        let score = self.score(&mode, &Ask { call: &call, head: &head, raw: &body, body: &json, memory: &self.memory });
        for step in &score.before {
            if let Err(broken) = player.wait(step).await {
                guard.settle(Fate::Faulted);
                return Err(broken);
            }
        }
        let head = head_of(&score);
        Ok(head.map(|()| ScoreBody::new(score, player, guard).boxed_unsync()))
    }

    fn score(&self, mode: &Mode, ask: &Ask<'_>) -> Score {
        let Mode::Replay(name) = mode else { return answer::answer(mode, ask) };
        let numbered = name.as_deref().and_then(|name| name.rsplit_once('@')).and_then(|(name, n)| Some((name, n.parse::<usize>().ok()?)));
        let (name, number) = numbered.map_or((name.as_deref(), None), |(name, number)| (Some(name), Some(number)));
        let among: Vec<&Cassette> = self.cassettes.iter().filter(|cassette| name.is_none_or(|name| name == cassette.name)).collect();
        let mut all = among.iter().flat_map(|cassette| &cassette.interactions);
        let found = match number {
            Some(number) => all.nth(number),
            None => all.find(|recorded| recorded.records(ask.head.uri.path(), ask.body)),
        };
        let first = || name.and_then(|_| among.first()).and_then(|cassette| cassette.interactions.first());
        found.or_else(first).map_or_else(|| answer::answer(mode, ask), replayed)
    }

    async fn control(&self, request: Request<Incoming>) -> Answer {
        let (head, body) = request.into_parts();
        let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        match (&head.method, head.uri.path()) {
            (&Method::GET, "/_seen") => reply(StatusCode::OK, &json!({ "tally": self.book.tally(), "calls": self.book.calls() })),
            (&Method::GET, "/_wait") => self.wait(head.uri.query().unwrap_or_default()).await,
            (&Method::POST, "/_script") => self.set_modes(&body, |modes| self.book.script(modes)),
            (&Method::POST, "/_stand") => self.set_modes(&body, |modes| modes.into_iter().for_each(|mode| self.book.stand(mode))),
            (&Method::POST, "/_release") => {
                self.book.release();
                reply(StatusCode::OK, &json!({}))
            }
            (&Method::POST, "/_clear") => {
                self.book.clear();
                self.memory.clear();
                reply(StatusCode::OK, &json!({}))
            }
            _ => reply(StatusCode::NOT_FOUND, &json!({ "error": "no such control path" })),
        }
    }

    /// `cancelled=1&calls=2`: answers when every named count is reached, or 504 after a while.
    async fn wait(&self, query: &str) -> Answer {
        let wanted: Vec<(&str, u64)> =
            query.split('&').filter_map(|pair| pair.split_once('=')).filter_map(|(name, n)| Some((name, n.parse().ok()?))).collect();
        let mut tally = self.book.watch_tally();
        let reached = tally.wait_for(|now| wanted.iter().all(|(name, count)| of(now, name) >= *count));
        match tokio::time::timeout(PATIENCE, reached).await {
            Ok(Ok(now)) => reply(StatusCode::OK, &json!(*now)),
            Ok(Err(_)) | Err(_) => reply(StatusCode::GATEWAY_TIMEOUT, &json!(self.book.tally())),
        }
    }

    /// The body is a JSON list of mode names.
    fn set_modes(&self, body: &Bytes, set: impl FnOnce(Vec<Mode>)) -> Answer {
        let names: Vec<String> = serde_json::from_slice(body).unwrap_or_default();
        let modes: Result<Vec<Mode>, _> = names.iter().map(|name| name.parse()).collect();
        match modes {
            Ok(modes) if !modes.is_empty() => {
                set(modes);
                reply(StatusCode::OK, &json!({}))
            }
            Ok(_) => reply(StatusCode::BAD_REQUEST, &json!({ "error": "expected a list of mode names" })),
            Err(error) => reply(StatusCode::BAD_REQUEST, &json!({ "error": error.to_string() })),
        }
    }
}

fn of(tally: &Tally, name: &str) -> u64 {
    match name {
        "connections" => tally.connections,
        "calls" => tally.calls,
        "answered" => tally.answered,
        "faulted" => tally.faulted,
        "cancelled" => tally.cancelled,
        _ => 0,
    }
}

/// `/status-503/v1/models` → the mode and `/v1/models`; a first segment that is no mode stays in the path.
fn split_mode(path: &str) -> (Option<Mode>, &str) {
    let rest = path.strip_prefix('/').unwrap_or(path);
    let Some((first, _)) = rest.split_once('/') else { return (None, path) };
    match first.parse() {
        Ok(mode) => (Some(mode), rest.strip_prefix(first).unwrap_or(path)),
        Err(_) => (None, path),
    }
}

fn mode_of_model(body: &Value, call: &Call) -> Option<Mode> {
    let in_body = body.get("model").and_then(Value::as_str);
    in_body.unwrap_or_else(|| own_name(call)).strip_prefix("mock-")?.parse().ok()
}

/// The model's name in the path; at Bedrock without its developer and what stands before (`eu.anthropic.`).
fn own_name(call: &Call) -> &str {
    let developed = call.model.split_once("anthropic.").filter(|_| call.dialect == Dialect::Bedrock);
    developed.map_or(&call.model, |(_, name)| name)
}

fn parse(body: &Bytes) -> Value {
    serde_json::from_slice(body).unwrap_or_default()
}

/// Load modes only need to know whether a stream is asked for: no parsing there.
fn glance(body: &Bytes) -> Value {
    let find = |needle: &[u8]| body.windows(needle.len()).any(|window| window == needle);
    let near_the_end = body.len() <= 4096 && (find(b"\"stream\":true") || find(b"\"stream\": true"));
    json!({ "stream": near_the_end })
}

fn seen(head: &http::request::Parts, body: &Bytes, mode: &Mode) -> Seen {
    let mut headers: BTreeMap<String, String> = BTreeMap::new();
    if !mode.is_load() {
        for (name, value) in &head.headers {
            let value = String::from_utf8_lossy(value.as_bytes());
            headers
                .entry(name.as_str().to_owned())
                .and_modify(|all| *all = format!("{all}, {value}"))
                .or_insert_with(|| value.into_owned());
        }
    }
    let path = head.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
    Seen { number: 0, method: head.method.to_string(), path, mode: mode.to_string(), headers, body: body.clone(), fate: Fate::Open }
}

fn head_of(score: &Score) -> Response<()> {
    let mut head = Response::builder().status(score.status);
    for (name, value) in &score.headers {
        head = head.header(name, value);
    }
    // Only a recorded file could hold a header that is not valid; then it is the fixture that is broken, and 500 says so.
    head.header("x-request-id", "req_mock").body(()).unwrap_or_else(|_| {
        let mut broken = Response::new(());
        *broken.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        broken
    })
}

/// A recorded answer as it came, but for the headers that describe its transport.
fn replayed(recorded: &Interaction) -> Score {
    let response = &recorded.response;
    let transport = ["content-length", "transfer-encoding", "content-encoding", "connection", "date", "alt-svc", "x-request-id"];
    let kept = response.headers.iter().filter(|(name, _)| !transport.contains(&name.to_ascii_lowercase().as_str()));
    let headers: Vec<(String, String)> = kept.flat_map(|(name, values)| values.iter().map(|value| (name.clone(), value.clone()))).collect();
    let kind = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type")).map(|(_, kind)| kind.as_str());
    let pieces = match kind {
        Some(kind) if kind.starts_with("text/event-stream") => events(&response.body),
        Some(EVENT_STREAM) => messages(&response.body),
        Some(_) | None => vec![response.body.as_slice()],
    };
    let whole = pieces.len() == 1;
    let body = pieces.into_iter().map(|piece| Step::Chunk(Bytes::copy_from_slice(piece))).collect();
    Score { status: response.code, headers, before: Vec::new(), body, whole }
}

/// Server-sent events, each with the empty line that ends it.
fn events(body: &[u8]) -> Vec<&[u8]> {
    let (mut pieces, mut start) = (Vec::new(), 0);
    for end in 1..=body.len() {
        let piece = body.get(start..end).unwrap_or_default();
        if piece.ends_with(b"\n\n") || piece.ends_with(b"\r\n\r\n") || end == body.len() {
            pieces.push(piece);
            start = end;
        }
    }
    pieces
}

/// AWS messages: each begins with its length.
fn messages(body: &[u8]) -> Vec<&[u8]> {
    let (mut pieces, mut rest) = (Vec::new(), body);
    while let Some((length, _)) = rest.split_first_chunk() {
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX).clamp(1, rest.len());
        let (piece, after) = rest.split_at(length);
        pieces.push(piece);
        rest = after;
    }
    pieces
}

fn reply(status: StatusCode, body: &Value) -> Answer {
    let full = Full::new(Bytes::from(body.to_string())).map_err(|never: Infallible| match never {});
    let mut answer = Response::new(full.boxed_unsync());
    *answer.status_mut() = status;
    answer.headers_mut().insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    answer
}

/// A connection that can end in a TCP reset instead of an orderly close.
struct ResettableIo {
    inner: TokioIo<TcpStream>,
    reset: Arc<AtomicBool>,
}

// === impl ResettableIo ===

impl Drop for ResettableIo {
    fn drop(&mut self) {
        if self.reset.load(Ordering::Acquire) {
            let _closed_in_order_then = self.inner.inner().set_zero_linger();
        }
    }
}

impl hyper::rt::Read for ResettableIo {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: hyper::rt::ReadBufCursor<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(context, buffer)
    }
}

impl hyper::rt::Write for ResettableIo {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(context, slices)
    }
}
