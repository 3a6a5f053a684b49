//! A gateway at its most talkative, with a mock behind it, and what the mock says by itself.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use comity_bench::cassette::{Cassette, Interaction, Request, Response};
use comity_bench::mock::{Dialect, MockOptions};
use comity_bench::{MockUpstream, Mode};
use serde_json::json;

use super::flock::Flock;
use crate::harness::{Gateway, Machine};

const TERMS: &str = r#"
@id("everything")
@goal("openness")
@reason("what is neither personal nor secret may go")
permit (principal, action in [Action::"infer", Action::"embed"], resource);

@id("pseudonyms-only")
@goal("privacy")
@reason("personal data goes out pseudonymised")
forbid (principal, action in [Action::"infer", Action::"embed"], resource)
when { context.data.personal && !context.means.pseudonymised };

@id("no-credentials")
@goal("security")
@reason("credentials are never sent, but for testing them, as pseudonyms")
forbid (principal, action in [Action::"infer", Action::"embed"], resource)
when { context.data.secrets && !(context.means.pseudonymised && [Jurisdiction::"FR"].containsAll(resource.origin.processed_in)) };

@id("not-there")
@goal("privacy")
@reason("personal data does not go there")
forbid (principal, action in [Action::"infer", Action::"embed"], resource)
when { context.data.personal && ![Jurisdiction::"FR", Jurisdiction::"GB"].containsAll(resource.origin.processed_in) };
"#;

/// Offering, dialect of its upstream, where it is, and what else its upstream has.
const OFFERINGS: [(&str, Dialect, &str, &str); 6] = [
    ("openai", Dialect::OpenAi, "GB", "apis = [\"chat\", \"responses\", \"embeddings\"]"),
    ("secrets", Dialect::OpenAi, "FR", "apis = [\"chat\", \"responses\", \"embeddings\"]"),
    ("refused", Dialect::OpenAi, "US", "apis = [\"chat\", \"responses\", \"embeddings\"]"),
    ("anthropic", Dialect::Anthropic, "GB", "dialect = \"anthropic\""),
    ("gemini", Dialect::Gemini, "GB", "dialect = \"gemini\""),
    ("bedrock", Dialect::Bedrock, "GB", "dialect = \"bedrock\""),
];

pub(super) const CHAT: &str = "/v1/chat/completions";
pub(super) const RESPONSES: &str = "/v1/responses";
pub(super) const MESSAGES: &str = "/v1/messages";
pub(super) const APIS: [&str; 3] = [CHAT, RESPONSES, MESSAGES];

/// A gateway at its most talkative, and a mock behind it.
pub(super) struct Stage {
    pub(super) machine: Machine,
    pub(super) mock: MockUpstream,
    pub(super) gateway: Gateway,
    pub(super) flock: Flock,
}

pub(super) struct Reply {
    pub(super) status: u16,
    /// Head and body.
    pub(super) text: String,
}

// === impl Stage ===

impl Stage {
    /// `store` and `limits` are lines for those tables.
    pub(super) fn new(store: &str, limits: &str) -> Self {
        let mut flock = Flock::default();
        let mock = MockUpstream::start_with(MockOptions { port: 0, cassettes: cassettes(&mut flock) }).unwrap();
        let machine = Machine::new();
        configure(&machine, &mock, (store, limits));
        std::fs::create_dir(machine.folder().join("tmp")).unwrap();
        let gateway = Gateway::start_talking(&machine, &["--config", "comity.toml"]);
        Self { machine, mock, gateway, flock }
    }

    /// A call with these lines of headers.
    pub(super) fn post(&self, path: &str, body: impl AsRef<[u8]>, headers: &str) -> Reply {
        read(self.begin(path, body.as_ref(), headers))
    }

    pub(super) fn begin(&self, path: &str, body: &[u8], headers: &str) -> TcpStream {
        let authorization =
            if headers.contains("authorization:") { String::new() } else { format!("authorization: Bearer {}\r\n", self.gateway.key) };
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: gateway\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n{authorization}{headers}\r\n",
            body.len()
        );
        self.raw(&[head.as_bytes(), body].concat())
    }

    /// Bytes as they are.
    pub(super) fn raw(&self, bytes: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(self.gateway.url.trim_start_matches("http://")).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        // Whoever refuses a call early may not take all of it.
        let _ = stream.write_all(bytes);
        stream
    }

    pub(super) fn get(&self, path: &str) -> Reply {
        let key = &self.gateway.key;
        read(
            self.raw(
                format!("GET {path} HTTP/1.1\r\nhost: gateway\r\nconnection: close\r\nauthorization: Bearer {key}\r\n\r\n").as_bytes(),
            ),
        )
    }

    /// Everything that the mock got, with the heads.
    pub(super) fn received(&self) -> Vec<u8> {
        let call =
            |seen: comity_bench::Seen| [seen.path.into_bytes(), format!("{:?}", seen.headers).into_bytes(), seen.body.to_vec()].concat();
        self.mock.seen().into_iter().map(call).collect::<Vec<_>>().concat()
    }

    /// A plain call of an API with two values in it, for what happens to it afterwards.
    pub(super) fn plain(&mut self, api: &str, place: &str, (offering, stream): (&str, bool)) -> String {
        let place = format!("{place} {api}{}", if stream { ", streamed" } else { "" });
        let said = format!("Write to {} or pay {}.", self.flock.email(&place), self.flock.iban(&place));
        say(api, offering, &said, stream)
    }
}

/// A call that says one thing.
pub(super) fn say(api: &str, offering: &str, said: &str, stream: bool) -> String {
    let model = format!("alpha/m@{offering}");
    let turn = json!([{ "role": "user", "content": said }]);
    match api {
        RESPONSES => json!({ "model": model, "stream": stream, "input": turn }),
        MESSAGES => json!({ "model": model, "stream": stream, "max_tokens": 50, "messages": turn }),
        _ => json!({ "model": model, "stream": stream, "messages": turn }),
    }
    .to_string()
}

pub(super) fn read(mut stream: TcpStream) -> Reply {
    let mut bytes = Vec::new();
    // An answer that is cut off is one, too.
    let _ = stream.read_to_end(&mut bytes);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
    Reply { status, text }
}

fn configure(machine: &Machine, mock: &MockUpstream, (store, limits): (&str, &str)) {
    let mut catalogue = "[operator]\nid = \"alpha\"\nname = \"Alpha\"\nsource = \"a contract\"\nread = \"a test\"\nas_of = 2026-01-01\nstrength = \"contract\"\noperator = \"GB\"\ncontrol = \"GB\"\ntraining = 2\n".to_owned();
    let mut upstreams = String::new();
    for (name, dialect, place, lines) in OFFERINGS {
        catalogue += &format!(
            "\n[[offering]]\nid = \"alpha/m@{name}\"\nupstream_model = \"anthropic.{name}\"\nsurfaces = [\"chat\", \"embeddings\"]\nprocessed_in = [\"{place}\"]\nstored_in = [\"{place}\"]\n"
        );
        let url = mock.dialect_url(dialect);
        upstreams += &format!(
            "\n[[upstream]]\nname = \"{name}\"\nbase_url = \"{url}\"\nserves = [\"alpha/m@{name}\"]\ncredential = {{ env = \"MOCK_KEY\" }}\n{lines}\n"
        );
    }
    machine.file("alpha.toml", &catalogue);
    machine.file("terms.cedar", TERMS);
    let limits = format!("[limits]\nretries_max = 0\ncircuit_failures = 0\n{limits}");
    let config = format!(
        "listen = \"127.0.0.1:0\"\ncatalogue = [\"alpha.toml\"]\n\n[store]\npath = \"data/comity.db\"\n{store}\n[[layer]]\npath = \"terms.cedar\"\n{upstreams}\n{limits}"
    );
    machine.file("comity.toml", &config);
}

/// What the mock says by itself: pseudonyms of nobody, and values of its own.
fn cassettes(flock: &mut Flock) -> Vec<Cassette> {
    let unknown = "PII_EML_0123456789ABCDEF";
    let whole = |said: &str| {
        json!({ "id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [{ "index": 0, "message": { "role": "assistant", "content": said }, "finish_reason": "stop" }] }).to_string()
    };
    let chunk = |said: &str| {
        format!(
            "data: {}\n\n",
            json!({ "id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [{ "index": 0, "delta": { "content": said }, "finish_reason": null }] })
        )
    };
    let events = |pieces: &[&str]| pieces.iter().map(|piece| chunk(piece)).collect::<String>();
    let own = flock.email("what the upstream says");
    let in_error = flock.phone("an error of the upstream");
    let error = json!({ "error": { "message": format!("Invalid value: '{in_error}'"), "type": "invalid_request_error", "param": flock.email("the field that an upstream names"), "code": flock.iban("the code of an upstream") } });
    let odd = flock.secret("a broken answer of the upstream");
    let in_event = flock.card("an error event of the upstream");
    let error_event =
        format!("{}data: {}\n\n", chunk("hm"), json!({ "error": { "message": in_event, "type": "server_error", "code": 500 } }));
    [
        ("unknown-whole", 200, "application/json", whole(&format!("Ask {unknown}."))),
        ("unknown-stream", 200, "text/event-stream", events(&["Ask PII_EML_0123", "456789ABCDEF now"])),
        ("says-whole", 200, "application/json", whole(&own)),
        ("says-stream", 200, "text/event-stream", format!("{}data: [DONE]\n\n", events(&["Ask ", &own]))),
        ("says-400", 400, "application/json", error.to_string()),
        ("says-401", 401, "application/json", error.to_string()),
        ("says-500", 500, "application/json", error.to_string()),
        ("says-broken", 200, "application/json", format!("{{\"choices\": [{odd}")),
        ("says-broken-stream", 200, "text/event-stream", format!("data: {{\"choices\": [{odd}\n\n")),
        ("says-error-event", 200, "text/event-stream", error_event),
        ("says-html", 502, "text/html", format!("<html>{odd}</html>")),
    ]
    .into_iter()
    .map(|(name, code, kind, body)| {
        let request = Request { method: "POST".to_owned(), url: String::new(), body: String::new() };
        let headers = [("content-type".to_owned(), vec![kind.to_owned()]), ("x-request-id".to_owned(), vec![own.clone()])].into();
        let interaction = Interaction { request, response: Response { code, body: body.into_bytes(), headers } };
        Cassette { name: name.to_owned(), interactions: vec![interaction] }
    })
    .collect()
}

#[track_caller]
pub(super) fn expect(reply: Reply, status: u16, what: &str) {
    assert_eq!(reply.status, status, "{what}: {}", reply.text);
}

pub(super) fn replay(name: &str) -> Mode {
    Mode::Replay(Some(name.to_owned()))
}
