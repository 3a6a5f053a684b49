//! A stage with one offering for each dialect of upstreams, all of them one mock: what a promise about dialects is tried with.

use std::path::Path;

use bytes::Bytes;
use comity_bench::cassette::{Cassette, Interaction, Request, Response};
use comity_bench::mock::{Dialect, MockOptions};
use comity_bench::{MockUpstream, Mode};
use comity_ledger::OutcomeLeaf;
use http::Method;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tempfile::TempDir;

use crate::stage::{Props, Reply, Stage};

/// The credential of every upstream that has one.
pub(crate) const SECRET: &str = "sk-secret-of-the-gateway";

/// Prices in millionths of a pound per million tokens, so that a token costs a whole number of millionths.
const CATALOGUE: &str = r#"
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
processed_in = ["GB"]
stored_in = ["GB"]
training = 2
price.currency = "GBP"
price.input_micros_per_mtok = 10_000_000
price.output_micros_per_mtok = 100_000_000
price.cache_read_micros_per_mtok = 1_000_000
price.cache_write_micros_per_mtok = 20_000_000
price.cache_write_hour_micros_per_mtok = 40_000_000
price.reasoning_micros_per_mtok = 300_000_000
"#;

/// Name of the offering (`alpha/m@…`), dialect, and what else its upstream has.
const UPSTREAMS: [(&str, Dialect, &str); 7] = [
    ("openai", Dialect::OpenAi, "apis = [\"chat\", \"responses\", \"embeddings\"]"),
    ("second", Dialect::OpenAi, "apis = [\"chat\", \"responses\", \"embeddings\"]"),
    ("chat", Dialect::OpenAi, "apis = [\"chat\"]"),
    ("zero", Dialect::OpenAi, "apis = [\"chat\", \"responses\"]\nunretained = \"store_false\""),
    ("anthropic", Dialect::Anthropic, "dialect = \"anthropic\""),
    ("gemini", Dialect::Gemini, "dialect = \"gemini\""),
    ("bedrock", Dialect::Bedrock, "dialect = \"bedrock\""),
];

/// A mock with a gateway before it.
pub(crate) struct World {
    pub(crate) mock: MockUpstream,
    pub(crate) stage: Stage,
    _secrets: TempDir,
}

// === impl World ===

impl World {
    pub(crate) fn new() -> Self {
        Self::with("")
    }

    /// `config` is added to `comity.toml`.
    pub(crate) fn with(config: &str) -> Self {
        Self::build(Props { config: config.to_owned(), ..Props::default() }, Vec::new())
    }

    pub(crate) fn under(terms: &str) -> Self {
        Self::build(Props { terms: terms.to_owned(), ..Props::default() }, Vec::new())
    }

    /// Every call gets this answer; the mock sends it byte for byte.
    pub(crate) fn answering(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::answering_with((status, content_type, body.into()), Props::default())
    }

    pub(crate) fn answering_with((status, content_type, body): (u16, &str, Vec<u8>), props: Props) -> Self {
        let request = Request { method: "POST".to_owned(), url: String::new(), body: String::new() };
        let headers = [("content-type".to_owned(), vec![content_type.to_owned()])].into();
        let answer = Interaction { request, response: Response { code: status, body, headers } };
        let world = Self::build(props, vec![Cassette { name: "answer".to_owned(), interactions: vec![answer] }]);
        world.mock.stand(Mode::Replay(Some("answer".to_owned())));
        world
    }

    fn build(props: Props, cassettes: Vec<Cassette>) -> Self {
        let mock = MockUpstream::start_with(MockOptions { port: 0, cassettes }).unwrap();
        let secrets = TempDir::new().unwrap();
        std::fs::write(secrets.path().join("secret"), SECRET).unwrap();
        let upstreams = if props.upstreams.is_empty() { upstreams(&mock, secrets.path()) } else { props.upstreams.clone() };
        let stage = Stage::with(Props { upstreams, catalogue: catalogue(), ..props });
        Self { mock, stage, _secrets: secrets }
    }

    /// A call as an SDK of that API makes it.
    pub(crate) async fn ask(&self, api: Api, offering: &str, rest: &str) -> Reply {
        self.stage.post(api.path(), api.hello(offering, rest), &[]).await
    }

    /// The same, with its answer still coming.
    pub(crate) async fn open(&self, api: Api, offering: &str, rest: &str) -> Incoming {
        let bearer = format!("Bearer {}", self.stage.key);
        let headers = [("authorization", bearer.as_str())];
        let answer = self.stage.open((Method::POST, api.path()), Bytes::from(api.hello(offering, rest)), &headers).await;
        assert_eq!(answer.status(), 200);
        answer.into_body()
    }

    /// Stops the gateway; the outcome of its only permitted call.
    pub(crate) fn outcome(&mut self) -> OutcomeLeaf {
        let mut leaves = self.stage.stop();
        leaves.expect_one_outcome_each();
        assert_eq!(leaves.outcomes.len(), 1);
        leaves.outcomes.remove(0)
    }
}

/// The upstreams' tables.
pub(crate) fn upstreams(mock: &MockUpstream, secrets: &Path) -> String {
    let secret = secrets.join("secret").display().to_string();
    let table = |(name, dialect, more): (&str, Dialect, &str)| {
        let url = mock.dialect_url(dialect);
        format!(
            "[[upstream]]\nname = \"{name}\"\nbase_url = \"{url}\"\ncredential = {{ file = \"{secret}\" }}\nserves = [\"alpha/m@{name}\"]\n{more}\n"
        )
    };
    UPSTREAMS.into_iter().map(table).collect()
}

/// One offering for each upstream; at `zero` nothing is kept of calls that say so.
pub(crate) fn catalogue() -> String {
    let offering = |(name, ..): (&str, Dialect, &str)| {
        let unretained = if name == "zero" { "unretained_on_request = true\n" } else { "" };
        format!(
            "[[offering]]\nid = \"alpha/m@{name}\"\nupstream_model = \"up-{name}\"\nsurfaces = [\"chat\", \"embeddings\"]\n{unretained}"
        )
    };
    CATALOGUE.to_owned() + &UPSTREAMS.into_iter().map(offering).collect::<String>()
}

/// The next piece of an answer as text; nothing at its end. A test that waits longer than a minute has failed.
pub(crate) async fn piece(answer: &mut Incoming) -> Option<String> {
    let frame = tokio::time::timeout(std::time::Duration::from_secs(60), answer.frame()).await.expect("nothing comes")?;
    Some(String::from_utf8(frame.unwrap().into_data().unwrap().to_vec()).unwrap())
}

/// The rest of an answer.
pub(crate) async fn rest(answer: &mut Incoming) -> String {
    let mut text = String::new();
    while let Some(piece) = piece(answer).await {
        text.push_str(&piece);
    }
    text
}

/// The API that a caller speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Api {
    Chat,
    Responses,
    Messages,
    Embeddings,
    CountTokens,
}

// === impl Api ===

impl Api {
    pub(crate) const ALL: [Self; 5] = [Self::Chat, Self::Responses, Self::Messages, Self::Embeddings, Self::CountTokens];

    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Chat => "/v1/chat/completions",
            Self::Responses => "/v1/responses",
            Self::Messages => "/v1/messages",
            Self::Embeddings => "/v1/embeddings",
            Self::CountTokens => "/v1/messages/count_tokens",
        }
    }

    /// The offering whose upstream speaks the same dialect.
    pub(crate) fn at_home(self) -> &'static str {
        match self {
            Self::Chat | Self::Responses | Self::Embeddings => "alpha/m@openai",
            Self::Messages | Self::CountTokens => "alpha/m@anthropic",
        }
    }

    pub(crate) fn is_anthropic(self) -> bool {
        matches!(self, Self::Messages | Self::CountTokens)
    }

    /// A call that says hello; `rest` is added to its end.
    pub(crate) fn hello(self, model: &str, rest: &str) -> String {
        let said = match self {
            Self::Chat | Self::CountTokens => "\"messages\":[{\"role\":\"user\",\"content\":\"hello you there\"}]",
            Self::Messages => "\"max_tokens\":4000,\"messages\":[{\"role\":\"user\",\"content\":\"hello you there\"}]",
            Self::Responses | Self::Embeddings => "\"input\":\"hello you there\"",
        };
        format!("{{\"model\":\"{model}\",{said}{rest}}}")
    }
}
