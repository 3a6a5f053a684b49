//! A ledger from outside: an exported folder, or a gateway or static host on the net (C2SP tlog-tiles). Nobody vouches for what comes from it.

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
}

/// A tile is 8 KiB; a bundle of the largest leaves is 16 MiB.
const ANSWER_BYTES_MAX: usize = 17 << 20;
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
        let failure = Failure::new(Exit::Usage, format!("`{place}` is no exported ledger: it has no file `checkpoint`"));
        Err(failure.hint("name the folder that `comity ledger export` wrote, or an address that ends before `/checkpoint`").into())
    }

    /// The bytes of the checkpoint.
    pub(crate) fn checkpoint(&self) -> anyhow::Result<Vec<u8>> {
        self.get("checkpoint").map_err(|reason| Failure::new(Exit::Failed, format!("cannot read the checkpoint: {reason}")).into())
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

fn read(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| error.to_string())
}

// === impl Net ===

impl Net {
    fn open(place: &str, token: Option<String>) -> anyhow::Result<Self> {
        let connector = HttpsConnectorBuilder::new().with_native_roots().context("the system's certificates cannot be read")?;
        let client = Client::builder(TokioExecutor::new()).build(connector.https_or_http().enable_http1().build());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start")?;
        Ok(Self { base: place.trim_end_matches('/').to_owned(), token, client, runtime })
    }

    fn get(&self, path: &str) -> Result<Vec<u8>, String> {
        self.runtime.block_on(async {
            tokio::time::timeout(ANSWER_TIME_MAX, self.ask(path)).await.unwrap_or_else(|_| Err("no answer in a minute".to_owned()))
        })
    }

    async fn ask(&self, path: &str) -> Result<Vec<u8>, String> {
        let uri: Uri = format!("{}/{path}", self.base).parse().map_err(|_| format!("`{}` is not an address", self.base))?;
        let mut request = Request::get(uri);
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = request.body(Empty::new()).map_err(|_| "the token cannot be sent over HTTP".to_owned())?;
        let answer = self.client.request(request).await.map_err(|error| chain(&error))?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect().await.map_err(|error| error.to_string())?.to_bytes();
        match status {
            StatusCode::OK => Ok(body.to_vec()),
            StatusCode::UNAUTHORIZED => Err("it wants an auditor's token: set COMITY_AUDITOR_TOKEN".to_owned()),
            _ => Err(format!("it answers {status}: {}", String::from_utf8_lossy(&body).lines().next().unwrap_or_default())),
        }
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
