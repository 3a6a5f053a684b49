//! A small HTTP client for `ask` and `demo`: one call to a gateway, whole or streamed.
//!
//! Plain HTTP/1 only, meant for loopback and trusted networks. It follows no redirect, retries nothing and logs no body.

use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::{Request, Response, Uri, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::exit::{Exit, Failure};

/// Long enough for any machine that is there at all.
const CONNECT_SECONDS_MAX: u64 = 5;
/// A gateway's answer is text; more than this is not an answer.
const ANSWER_BYTES_MAX: usize = 16 << 20;

/// Where the gateway is and who asks.
#[derive(Clone)]
pub(crate) struct Client {
    host: String,
    port: u16,
    key: Option<String>,
}

/// A call to a gateway.
pub(crate) struct Call<'a> {
    pub(crate) path: &'a str,
    /// Beside the key and the content type.
    pub(crate) headers: &'a [(&'static str, String)],
    pub(crate) body: &'a serde_json::Value,
}

// === impl Client ===

impl Client {
    /// The gateway at `url`, for example `http://127.0.0.1:8460`.
    pub(crate) fn new(url: &str, key: Option<String>) -> anyhow::Result<Self> {
        let wrong = |what: &str| Failure::new(Exit::Usage, format!("`{url}` {what}")).hint("write it as `http://127.0.0.1:8460`");
        let uri: Uri = url.parse().map_err(|_| wrong("is not an address"))?;
        if uri.scheme_str() != Some("http") {
            return Err(wrong("is not an http address").into());
        }
        let host = uri.host().ok_or_else(|| wrong("names no host"))?.to_owned();
        Ok(Self { host, port: uri.port_u16().unwrap_or(80), key })
    }

    /// Sends `call` and returns the head of the answer with the body still to be read.
    pub(crate) async fn send(&self, call: &Call<'_>) -> anyhow::Result<Response<Incoming>> {
        let connect = TcpStream::connect((self.host.trim_matches(['[', ']']), self.port));
        let stream = tokio::time::timeout(Duration::from_secs(CONNECT_SECONDS_MAX), connect)
            .await
            .map_err(|_| self.absent("it does not answer"))?
            .map_err(|error| self.absent(&reason(&error)))?;
        stream.set_nodelay(true)?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.context("the gateway hung up")?;
        tokio::spawn(connection);
        sender.send_request(self.request(call)?).await.context("the gateway hung up")
    }

    fn request(&self, call: &Call<'_>) -> anyhow::Result<Request<Full<Bytes>>> {
        let mut request = Request::post(call.path)
            .header(header::HOST, format!("{}:{}", self.host, self.port))
            .header(header::CONTENT_TYPE, "application/json");
        if let Some(key) = &self.key {
            request = request.header(header::AUTHORIZATION, format!("Bearer {key}"));
        }
        for (name, value) in call.headers {
            request = request.header(*name, value);
        }
        request.body(Full::new(Bytes::from(serde_json::to_vec(call.body)?))).context("the key or a header cannot be sent over HTTP")
    }

    fn absent(&self, why: &str) -> Failure {
        Failure::new(Exit::Failed, format!("no gateway at `{}:{}`: {why}", self.host, self.port))
            .hint("start one with `comity up`, or name another with `--url`")
    }
}

fn reason(error: &std::io::Error) -> String {
    if error.kind() == std::io::ErrorKind::ConnectionRefused { "nothing listens there".to_owned() } else { error.to_string() }
}

/// The whole body of an answer.
pub(crate) async fn whole(body: Incoming) -> anyhow::Result<Bytes> {
    let limited = http_body_util::Limited::new(body, ANSWER_BYTES_MAX);
    let collected = limited.collect().await.map_err(|error| anyhow::anyhow!("the answer broke off: {error}"))?;
    Ok(collected.to_bytes())
}

/// A header of an answer as text; empty when absent.
pub(crate) fn header_text<B>(answer: &Response<B>, name: &str) -> String {
    answer.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}

/// The index of a leaf in the header `comity-leaf`; what follows it is the caller's receipt.
pub(crate) fn leaf_of(header: &str) -> String {
    header.split(';').next().unwrap_or_default().to_owned()
}

/// The events of a stream (`text/event-stream`): what follows `data:` of each, as it comes.
pub(crate) struct Events {
    body: Incoming,
    carry: Vec<u8>,
}

// === impl Events ===

impl Events {
    pub(crate) const fn new(body: Incoming) -> Self {
        Self { body, carry: Vec::new() }
    }

    /// The next event's data, or nothing at the end (the `[DONE]` event counts as the end).
    pub(crate) async fn next(&mut self) -> anyhow::Result<Option<String>> {
        loop {
            while let Some(line) = take_line(&mut self.carry) {
                match line.strip_prefix("data:").map(str::trim) {
                    Some("[DONE]") => return Ok(None),
                    Some(data) => return Ok(Some(data.to_owned())),
                    None => {}
                }
            }
            let Some(frame) = self.body.frame().await else { return Ok(None) };
            if let Ok(bytes) = frame.context("the answer broke off")?.into_data() {
                self.carry.extend_from_slice(&bytes);
            }
            if self.carry.len() > ANSWER_BYTES_MAX {
                anyhow::bail!("the gateway sent an event that is too long");
            }
        }
    }
}

/// Takes the first whole line out of `carry`.
fn take_line(carry: &mut Vec<u8>) -> Option<String> {
    let end = carry.iter().position(|byte| *byte == b'\n')?;
    let line: Vec<u8> = carry.drain(..=end).collect();
    Some(String::from_utf8_lossy(&line).trim_end().to_owned())
}
