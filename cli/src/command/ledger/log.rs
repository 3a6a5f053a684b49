//! A ledger from outside: an exported folder, or a gateway or static host on the net (C2SP tlog-tiles). Nobody vouches for what comes from it.

use std::cell::Cell;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use comity_ledger::{BundleAt, Served, TileAt};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::{Request, StatusCode, Uri, header};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::runtime::Runtime;

use crate::exit::{Exit, Failure};
use crate::output;

/// A whole log.
pub(crate) enum Log {
    /// A folder.
    Folder(PathBuf),
    /// An address.
    Net(Box<Net>),
}

/// A log on the net.
pub(crate) struct Net {
    base: String,
    token: Option<String>,
    client: Client<HttpsConnector<HttpConnector>, Empty<Bytes>>,
    runtime: Runtime,
    silence: Cell<Option<Silence>>,
}

/// Why a log on the net said nothing about itself: nothing is refuted by that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Silence {
    /// It answers only to auditors.
    Token,
    /// It did not answer, or with an error of its own.
    Unanswered,
}

/// A tile is 8 KiB; a bundle of the largest leaves is 16 MiB.
const ANSWER_BYTES_MAX: u64 = 17 << 20;
/// Static hosts answer at once.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(60);

// === impl Log ===

impl Log {
    /// The log at an address, or in a folder.
    pub(crate) fn open(place: &str, token: Option<String>) -> anyhow::Result<Self> {
        if place.starts_with("http://") || place.starts_with("https://") {
            return Ok(Self::Net(Box::new(Net::open(place, token)?)));
        }
        let folder = PathBuf::from(place);
        if folder.join("checkpoint").is_file() {
            return Ok(Self::Folder(folder));
        }
        let what = match place.split_once("://") {
            Some((scheme, _)) => format!("a log cannot be read over `{scheme}`"),
            None if folder.exists() => format!("`{place}` is no exported ledger: it has no file `checkpoint`"),
            None => format!("there is no `{place}`"),
        };
        let hint = "name the folder that `comity ledger export` wrote, or an address (http or https) that ends before `/checkpoint`";
        Err(Failure::new(Exit::Usage, what).hint(hint).into())
    }

    /// The bytes of the checkpoint.
    pub(crate) fn checkpoint(&self) -> anyhow::Result<Vec<u8>> {
        self.get("checkpoint").map_err(|reason| {
            let hint = self.silence().map_or("name the address above it, for a gateway `http://HOST:PORT/ledger`", Silence::hint);
            Failure::new(Exit::Failed, format!("the checkpoint cannot be read: {reason}")).hint(hint).into()
        })
    }

    /// Why the log could not be asked, if that is so.
    pub(crate) fn silence(&self) -> Option<Silence> {
        match self {
            Self::Folder(_) => None,
            Self::Net(net) => net.silence.get(),
        }
    }

    /// The verifier key that came with the log, if one did.
    pub(crate) fn key(&self) -> Option<String> {
        self.get("log.vkey").ok().and_then(|bytes| String::from_utf8(bytes).ok())
    }

    fn get(&self, path: &str) -> Result<Vec<u8>, String> {
        match self {
            Self::Folder(folder) => read(&folder.join(path)),
            Self::Net(net) => net.get(path),
        }
    }
}

impl Served for Log {
    fn tile(&self, at: TileAt) -> Result<Vec<u8>, String> {
        self.get(&at.to_string()).or_else(|reason| {
            // A log may drop a partial tile once the full one is there.
            let full = self.get(&at.full().to_string()).map_err(|_| reason)?;
            let wanted = usize::from(at.width()).saturating_mul(32);
            full.get(..wanted).map(<[u8]>::to_vec).ok_or_else(|| "the full tile is too short".to_owned())
        })
    }

    fn entries(&self, at: BundleAt) -> Result<Vec<u8>, String> {
        self.get(&at.to_string()).or_else(|reason| {
            let full = at.full();
            let bytes = self.get(&full.to_string()).map_err(|_| reason)?;
            let entries = full.decode(&bytes).map_err(|error| error.to_string())?;
            at.encode(entries.into_iter().take(usize::from(at.width()))).map_err(|error| error.to_string())
        })
    }
}

/// A regular file, and no more of it than a log's files can be: whoever sent the folder may have put anything there.
fn read(path: &Path) -> Result<Vec<u8>, String> {
    let is_file = std::fs::metadata(path).map_err(|error| error.to_string())?.is_file();
    if !is_file {
        return Err("it is not a file".to_owned());
    }
    let file = File::open(path).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    file.take(ANSWER_BYTES_MAX.saturating_add(1)).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    match u64::try_from(bytes.len()) {
        Ok(length) if length <= ANSWER_BYTES_MAX => Ok(bytes),
        Ok(_) | Err(_) => Err("it is larger than any file of a log".to_owned()),
    }
}

// === impl Net ===

impl Net {
    fn open(place: &str, token: Option<String>) -> anyhow::Result<Self> {
        let connector = HttpsConnectorBuilder::new().with_native_roots().context("the system's certificates cannot be read")?;
        let client = Client::builder(TokioExecutor::new()).build(connector.https_or_http().enable_http1().build());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start")?;
        let silence = Cell::new(None);
        if token.is_some() && is_open(place) {
            output::say("note: the token goes there in clear, over plain HTTP: whoever is on the way can read it");
        }
        Ok(Self { base: place.trim_end_matches('/').to_owned(), token, client, runtime, silence })
    }

    fn get(&self, path: &str) -> Result<Vec<u8>, String> {
        let asked = self.runtime.block_on(async { tokio::time::timeout(ANSWER_TIME_MAX, self.ask(path)).await });
        let (status, body) = match asked.unwrap_or_else(|_| Err("no answer in a minute".to_owned())) {
            Ok(answer) => answer,
            Err(reason) => {
                self.silence.set(Some(Silence::Unanswered));
                return Err(reason);
            }
        };
        match status {
            StatusCode::OK => return Ok(body.to_vec()),
            // A log that lacks a file has said so.
            StatusCode::NOT_FOUND | StatusCode::GONE => {}
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => self.silence.set(Some(Silence::Token)),
            _ => self.silence.set(Some(Silence::Unanswered)),
        }
        Err(format!("it answers {status}{}", sentence(&body)))
    }

    async fn ask(&self, path: &str) -> Result<(StatusCode, Bytes), String> {
        let uri: Uri = format!("{}/{path}", self.base).parse().map_err(|_| format!("`{}` is not an address", self.base))?;
        let mut request = Request::get(uri);
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = request.body(Empty::new()).map_err(|_| "the token cannot be sent over HTTP".to_owned())?;
        let answer = self.client.request(request).await.map_err(|error| chain(&error))?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), usize::try_from(ANSWER_BYTES_MAX).unwrap_or(usize::MAX))
            .collect()
            .await
            .map_err(|error| error.to_string())?;
        Ok((status, body.to_bytes()))
    }
}

/// Whether others can read what is sent there.
fn is_open(place: &str) -> bool {
    let uri = place.parse::<Uri>().ok();
    let host = uri.as_ref().and_then(Uri::host).unwrap_or_default().trim_matches(['[', ']']);
    let is_here = host == "localhost" || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback());
    place.starts_with("http://") && !is_here
}

// === impl Silence ===

impl Silence {
    /// What to do about it.
    pub(crate) const fn hint(self) -> &'static str {
        match self {
            Self::Token => "get the auditor's token from whoever runs the gateway, and set it as COMITY_AUDITOR_TOKEN",
            Self::Unanswered => "nothing is refuted by that: check the address, and try again",
        }
    }
}

/// What an answer says for people, if it does.
fn sentence(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let line = text.lines().next().unwrap_or_default();
    if line.is_empty() || line.starts_with(['{', '<']) { String::new() } else { format!(": {line}") }
}

/// The causes of an error; the error itself only says that there is one.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    let text = causes.map(ToString::to_string).collect::<Vec<_>>().join(": ");
    if text.is_empty() { error.to_string() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_by_others_over_plain_http_only() {
        let open = ["http://example.org/ledger", "http://10.0.0.7:8787/ledger", "http://[2001:db8::1]/ledger"];
        let safe = ["https://example.org/ledger", "http://localhost:8787/ledger", "http://127.0.0.1:8787", "http://[::1]:8787/ledger"];
        assert!(open.iter().all(|place| is_open(place)) && !safe.iter().any(|place| is_open(place)));
    }
}
