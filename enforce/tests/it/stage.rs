//! A stage for one test: a gateway with its own store, terms, catalogue and mock upstream, and a plain HTTP client.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use bytes::Bytes;
use comity_bench::MockUpstream;
use comity_enforce::{Config, Detect, Gateway, Options, Running};
use comity_ledger::{DecisionLeaf, Leaf, Outcome, OutcomeLeaf};
use comity_store::{NewKey, Reader, Store};
use comity_vocab::{Classification, Instant, Workload};
use http::{HeaderMap, Method, Request};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpStream;

pub(crate) const CATALOGUE: &str = r#"
[operator]
id = "alpha"
name = "Alpha"
source = "a contract"
read = "a test"
as_of = 2026-01-01
strength = "contract"
operator = "GB"
control = "GB"
governing_law = "GB"

[[offering]]
id = "alpha/model@one"
upstream_model = "alpha-upstream"
surfaces = ["chat", "embeddings"]
processed_in = ["GB"]
stored_in = ["GB"]
training = 2
price = { input_micros_per_mtok = 1000000, output_micros_per_mtok = 2000000, currency = "GBP" }

[[offering]]
id = "alpha/model@two"
upstream_model = "beta-upstream"
surfaces = ["chat"]
processed_in = ["FR"]
stored_in = ["FR"]
training = 2

[[offering]]
id = "alpha/far@three"
upstream_model = "far"
surfaces = ["chat"]
processed_in = ["US"]
stored_in = ["US"]

[[offering]]
id = "alpha/zero@four"
upstream_model = "zero"
surfaces = ["chat"]
processed_in = ["GB"]
stored_in = ["GB"]
training = 2
unretained_on_request = true
"#;

pub(crate) const TERMS: &str = r#"
@id("everything")
@goal("openness")
@reason("everything may go to an offering that does not train on it")
permit (principal, action in [Action::"infer", Action::"embed"], resource)
when { resource.assurance.level.training >= 2 };

@id("credentials-never-leave")
@goal("security")
@reason("credentials are never sent")
@basis("house rule 1")
forbid (principal, action in [Action::"infer", Action::"embed"], resource)
when { context.data.secrets };

@id("personal-stays")
@goal("privacy")
@reason("personal data goes only where nothing is kept")
forbid (principal, action in [Action::"infer", Action::"embed"], resource)
when { context.data.personal && !context.means.unretained };
"#;

/// How a stage differs from the usual one.
pub(crate) struct Props {
    /// Added to `comity.toml`, before the first table.
    pub(crate) top: String,
    /// Added to its end.
    pub(crate) config: String,
    /// The upstream's tables; made from the mock's address when empty.
    pub(crate) upstreams: String,
    pub(crate) terms: String,
    pub(crate) catalogue: String,
    pub(crate) detector: Option<Arc<dyn Detect>>,
    pub(crate) expires: Option<Instant>,
    /// Beside `comity.toml`, by name.
    pub(crate) files: Vec<(&'static str, String)>,
}

impl Default for Props {
    fn default() -> Self {
        Self {
            top: String::new(),
            config: String::new(),
            upstreams: String::new(),
            terms: TERMS.to_owned(),
            catalogue: CATALOGUE.to_owned(),
            detector: None,
            expires: None,
            files: Vec::new(),
        }
    }
}

pub(crate) struct Stage {
    pub(crate) mock: MockUpstream,
    pub(crate) folder: TempDir,
    pub(crate) key: String,
    address: SocketAddr,
    running: Option<Running>,
}

pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Both leaves of every call, in order.
pub(crate) struct Leaves {
    pub(crate) decisions: Vec<DecisionLeaf>,
    pub(crate) outcomes: Vec<OutcomeLeaf>,
}

// === impl Stage ===

impl Stage {
    pub(crate) fn new() -> Self {
        Self::with(Props::default())
    }

    pub(crate) fn with_config(config: &str) -> Self {
        Self::with(Props { config: config.to_owned(), ..Props::default() })
    }

    pub(crate) fn with(props: Props) -> Self {
        let (mock, folder) = (MockUpstream::start().unwrap(), TempDir::new().unwrap());
        let config = write(&mock, folder.path(), &props);
        let options = Options { config: Config::load(&config).unwrap(), store: folder.path().join("comity.db"), detector: props.detector };
        let gateway = Gateway::build(options).unwrap_or_else(|error| panic!("{error}"));
        let key = make_key(gateway.store(), props.expires);
        Self { mock, folder, key, address: gateway.address(), running: Some(gateway.start().unwrap()) }
    }

    /// Stops the gateway, if it runs, and starts another with the same files, store and port.
    pub(crate) fn restart(&mut self) {
        if self.running.is_some() {
            self.take().shutdown();
        }
        let config = Config::load(&self.path("comity.toml")).unwrap().with_listen(self.address);
        let gateway = Gateway::build(Options { config, store: self.path("comity.db"), detector: None });
        self.running = Some(gateway.unwrap_or_else(|error| panic!("{error}")).start().unwrap());
    }

    /// A key of another workload.
    pub(crate) fn key_of(&self, workload: &str) -> String {
        make_key_of(self.store(), workload, None)
    }

    pub(crate) fn running(&self) -> &Running {
        self.running.as_ref().unwrap()
    }

    pub(crate) fn store(&self) -> &Store {
        self.running().store()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A chat with the usual key.
    pub(crate) async fn chat(&self, body: &str) -> Reply {
        self.post("/v1/chat/completions", body.as_bytes().to_vec(), &[]).await
    }

    pub(crate) async fn post(&self, path: &str, body: impl Into<Bytes>, headers: &[(&str, &str)]) -> Reply {
        let bearer = format!("Bearer {}", self.key);
        let mut all = vec![("authorization", bearer.as_str()), ("content-type", "application/json")];
        all.extend(headers);
        self.send((Method::POST, path), body, &all).await
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        let bearer = format!("Bearer {}", self.key);
        self.send((Method::GET, path), Bytes::new(), &[("authorization", &bearer)]).await
    }

    pub(crate) async fn send(&self, what: (Method, &str), body: impl Into<Bytes>, headers: &[(&str, &str)]) -> Reply {
        let (head, body) = self.open(what, body.into(), headers).await.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Reply { status: head.status.as_u16(), headers: head.headers, body }
    }

    /// The answer with its body still coming; dropping it closes the connection.
    pub(crate) async fn open(&self, what: (Method, &str), body: Bytes, headers: &[(&str, &str)]) -> http::Response<Incoming> {
        Self::exchange(self.address(), self.request(what, body, headers)).await.unwrap()
    }

    pub(crate) fn request(&self, (method, path): (Method, &str), body: Bytes, headers: &[(&str, &str)]) -> Request<Full<Bytes>> {
        let mut request = Request::builder().method(method).uri(path).header("host", "gateway");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(Full::new(body)).unwrap()
    }

    pub(crate) async fn exchange(address: SocketAddr, request: Request<Full<Bytes>>) -> Result<http::Response<Incoming>, hyper::Error> {
        let stream = TcpStream::connect(address).await.unwrap();
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        sender.send_request(request).await
    }

    /// Stops the gateway, so that everything owed to the ledger is in it, and reads the ledger.
    pub(crate) fn stop(&mut self) -> Leaves {
        let (complete, leaves) = self.stop_anyhow();
        assert!(complete, "a call did not end");
        leaves
    }

    /// The gateway alone, to be stopped elsewhere.
    pub(crate) fn take(&mut self) -> Running {
        self.running.take().unwrap()
    }

    /// The same, and whether every call could end by itself.
    pub(crate) fn stop_anyhow(&mut self) -> (bool, Leaves) {
        let drained = self.take().shutdown();
        (drained.complete, leaves(&self.path("comity.db")))
    }
}

pub(crate) fn leaves(store: &Path) -> Leaves {
    let reader = Reader::open(store).unwrap();
    reader.verify().unwrap();
    let mut leaves = Leaves { decisions: Vec::new(), outcomes: Vec::new() };
    for stored in reader.leaves(0, 10_000).unwrap() {
        match stored.leaf {
            Leaf::Decision(leaf) => leaves.decisions.push(leaf),
            Leaf::Outcome(leaf) => leaves.outcomes.push(leaf),
            Leaf::Event(_) => {}
        }
    }
    leaves
}

/// What all gateways of the tests warned of since this was called first.
pub(crate) fn log() -> String {
    static LINES: OnceLock<Arc<Mutex<Vec<u8>>>> = OnceLock::new();
    let lines = LINES.get_or_init(|| {
        let lines = Arc::<Mutex<Vec<u8>>>::default();
        let writer = Arc::clone(&lines);
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_max_level(tracing::Level::WARN);
        subscriber.with_writer(move || Lines(Arc::clone(&writer))).init();
        lines
    });
    String::from_utf8(lines.lock().unwrap().clone()).unwrap()
}

struct Lines(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Writes the files of a stage; gives the path of `comity.toml`.
pub(crate) fn write(mock: &MockUpstream, folder: &Path, props: &Props) -> PathBuf {
    let upstreams = if props.upstreams.is_empty() {
        format!("[[upstream]]\nname = \"mock\"\nbase_url = \"{}\"\nserves = [\"alpha/model@*\", \"alpha/zero@*\"]\n", mock.base_url())
    } else {
        props.upstreams.clone()
    };
    let text = format!(
        "listen = \"127.0.0.1:0\"\ncatalogue = [\"alpha.toml\"]\n{}\n[[layer]]\npath = \"terms.cedar\"\n{upstreams}\n{}\n",
        props.top, props.config
    );
    std::fs::write(folder.join("alpha.toml"), &props.catalogue).unwrap();
    std::fs::write(folder.join("terms.cedar"), &props.terms).unwrap();
    for (name, text) in &props.files {
        std::fs::write(folder.join(name), text).unwrap();
    }
    let path = folder.join("comity.toml");
    std::fs::write(&path, text).unwrap();
    path
}

pub(crate) fn make_key(store: &Store, expires: Option<Instant>) -> String {
    make_key_of(store, "desk", expires)
}

fn make_key_of(store: &Store, workload: &str, expires: Option<Instant>) -> String {
    let workload = Workload {
        id: workload.parse().unwrap(),
        unit: "ministry/health".parse().unwrap(),
        sector: "public".to_owned(),
        clearance: Classification::Confidential,
        critical: false,
    };
    let new = NewKey { workload, floor: Classification::Public, purposes: vec!["support".to_owned()], expires };
    let (_, secret) = store.keys().unwrap().create(new, Instant::from_seconds(1_700_000_000)).unwrap();
    secret.expose().clone()
}

/// A body for `model` that says `hello`.
pub(crate) fn hello(model: &str) -> String {
    format!("{{\"model\":\"{model}\",\"messages\":[{{\"role\":\"user\",\"content\":\"hello\"}}]}}")
}

/// The same as a stream.
pub(crate) fn hello_stream(model: &str) -> String {
    format!("{{\"model\":\"{model}\",\"stream\":true,\"messages\":[{{\"role\":\"user\",\"content\":\"hello\"}}]}}")
}

// === impl Reply ===

impl Reply {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{} {}", self.status, self.text()))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Status, code and message of an error.
    pub(crate) fn error(&self) -> (u16, String, String) {
        let json = self.json();
        let text = |name: &str| json["error"][name].as_str().unwrap_or_default().to_owned();
        (self.status, text("code"), text("message"))
    }

    #[track_caller]
    pub(crate) fn expect_error(&self, status: u16, code: &str, message: &str) {
        let (given_status, given_code, given_message) = self.error();
        assert_eq!((given_status, given_code.as_str()), (status, code), "{given_message}");
        assert!(given_message.contains(message), "{given_message}");
        assert!(self.json()["error"]["comity"].is_object());
    }
}

// === impl Leaves ===

impl Leaves {
    /// How every call ended, in order of the outcomes.
    pub(crate) fn ends(&self) -> Vec<Outcome> {
        self.outcomes.iter().map(|leaf| leaf.outcome).collect()
    }

    /// INVARIANT: every permitted call has exactly one outcome, and no other has any.
    #[track_caller]
    pub(crate) fn expect_one_outcome_each(&self) {
        let mut owed: BTreeMap<_, usize> = BTreeMap::new();
        for leaf in self.decisions.iter().filter(|leaf| leaf.verdict == comity_ledger::Verdict::Permit) {
            owed.entry(leaf.call).or_default();
        }
        for leaf in &self.outcomes {
            *owed.get_mut(&leaf.call).expect("an outcome without a permit") += 1;
        }
        assert!(owed.values().all(|count| *count == 1), "{owed:?}");
    }
}
