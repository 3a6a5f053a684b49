//! No byte that a gateway writes has anything of what its callers say: not the log at its most talkative, not the store, not the metrics, nor
//! what commands show of the ledger. Under terms that ask for pseudonyms, nor has any byte that leaves.
//!
//! Calls of every kind carry values that exist nowhere else, in every place that a call has; then everything is searched for them.

mod flock;

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use comity_bench::cassette::{Cassette, Interaction, Request, Response};
use comity_bench::mock::{Dialect, MockOptions};
use comity_bench::{MockUpstream, Mode};
use comity_store::FactRecord;
use serde_json::{Value, json};

use self::flock::{Flock, Search, escaped};
use crate::harness::{Gateway, Machine, text};

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

const CHAT: &str = "/v1/chat/completions";
const RESPONSES: &str = "/v1/responses";
const MESSAGES: &str = "/v1/messages";
const APIS: [&str; 3] = [CHAT, RESPONSES, MESSAGES];

/// A gateway at its most talkative, and a mock behind it.
struct Stage {
    machine: Machine,
    mock: MockUpstream,
    gateway: Gateway,
    flock: Flock,
}

struct Reply {
    status: u16,
    /// Head and body.
    text: String,
}

// === impl Stage ===

impl Stage {
    /// `store` and `limits` are lines for those tables.
    fn new(store: &str, limits: &str) -> Self {
        let mut flock = Flock::default();
        let mock = MockUpstream::start_with(MockOptions { port: 0, cassettes: cassettes(&mut flock) }).unwrap();
        let machine = Machine::new();
        configure(&machine, &mock, (store, limits));
        std::fs::create_dir(machine.folder().join("tmp")).unwrap();
        let gateway = Gateway::start_talking(&machine, &["--config", "comity.toml"]);
        Self { machine, mock, gateway, flock }
    }

    /// A call with these lines of headers.
    fn post(&self, path: &str, body: impl AsRef<[u8]>, headers: &str) -> Reply {
        read(self.begin(path, body.as_ref(), headers))
    }

    fn begin(&self, path: &str, body: &[u8], headers: &str) -> TcpStream {
        let authorization =
            if headers.contains("authorization:") { String::new() } else { format!("authorization: Bearer {}\r\n", self.gateway.key) };
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: gateway\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n{authorization}{headers}\r\n",
            body.len()
        );
        self.raw(&[head.as_bytes(), body].concat())
    }

    /// Bytes as they are.
    fn raw(&self, bytes: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(self.gateway.url.trim_start_matches("http://")).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        // Whoever refuses a call early may not take all of it.
        let _ = stream.write_all(bytes);
        stream
    }

    fn get(&self, path: &str) -> Reply {
        let key = &self.gateway.key;
        read(
            self.raw(
                format!("GET {path} HTTP/1.1\r\nhost: gateway\r\nconnection: close\r\nauthorization: Bearer {key}\r\n\r\n").as_bytes(),
            ),
        )
    }

    /// Everything that the mock got, with the heads.
    fn received(&self) -> Vec<u8> {
        let call =
            |seen: comity_bench::Seen| [seen.path.into_bytes(), format!("{:?}", seen.headers).into_bytes(), seen.body.to_vec()].concat();
        self.mock.seen().into_iter().map(call).collect::<Vec<_>>().concat()
    }

    /// A plain call of an API with two values in it, for what happens to it afterwards.
    fn plain(&mut self, api: &str, place: &str, (offering, stream): (&str, bool)) -> String {
        let place = format!("{place} {api}{}", if stream { ", streamed" } else { "" });
        let said = format!("Write to {} or pay {}.", self.flock.email(&place), self.flock.iban(&place));
        say(api, offering, &said, stream)
    }
}

/// A call that says one thing.
fn say(api: &str, offering: &str, said: &str, stream: bool) -> String {
    let model = format!("alpha/m@{offering}");
    let turn = json!([{ "role": "user", "content": said }]);
    match api {
        RESPONSES => json!({ "model": model, "stream": stream, "input": turn }),
        MESSAGES => json!({ "model": model, "stream": stream, "max_tokens": 50, "messages": turn }),
        _ => json!({ "model": model, "stream": stream, "messages": turn }),
    }
    .to_string()
}

fn read(mut stream: TcpStream) -> Reply {
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

fn replay(name: &str) -> Mode {
    Mode::Replay(Some(name.to_owned()))
}

#[test]
fn nothing_of_what_callers_say_is_written_anywhere_or_leaves() {
    let mut stage = Stage::new("", "body_bytes_max = 300000\n");
    permitted(&mut stage);
    refused(&mut stage);
    malformed(&mut stage);
    broken(&mut stage);
    gone(&mut stage);
    expect_silent(stage);
}

#[test]
fn nor_of_calls_that_take_too_long() {
    let mut stage = Stage::new("", "first_byte_ms = 300\nidle_ms = 300\nbody_ms = 300\n");
    late(&mut stage);
    expect_silent(stage);
}

/// Ends the gateway, and searches all that it wrote, all that left, and all that commands show of it.
fn expect_silent(stage: Stage) {
    let sinks = ["/metrics", "/healthz", "/readyz", "/v1/models"].map(|path| (path, stage.get(path).text.into_bytes()));
    let mut sinks = Vec::from(sinks);
    assert!(text(&sinks[0].1).contains("comity_"));
    let received = stage.received();
    assert!(received.windows(4).any(|four| four == b"PII_"), "what left is not looked at");
    sinks.push(("what left", received));
    let mut files = files_of(stage.machine.folder());
    assert!(files.iter().any(|(path, _)| path.ends_with("data/comity.db-wal")), "the store is looked at while it is written");
    let Stage { machine, mock, gateway, flock } = stage;
    assert_eq!(gateway.stop(), Some(0));
    drop(mock);
    sinks.extend(commands(&machine).into_iter().map(|output| ("a command", output)));
    files.extend(files_of(machine.folder()));

    let search = flock.search();
    let mut leaks: Vec<String> = Vec::new();
    sinks.iter().for_each(|(sink, bytes)| note(&search, (sink, bytes), &mut leaks));
    files.iter().for_each(|(path, bytes)| note(&search, (&path.file_name().unwrap().to_string_lossy(), bytes), &mut leaks));
    leaks.sort();
    leaks.dedup();
    assert!(leaks.is_empty(), "{} leaks of {} values:\n{}", leaks.len(), flock.len(), leaks.join("\n"));
    expect_talkative(&machine);
}

fn note(search: &Search<'_>, (sink, bytes): (&str, &[u8]), leaks: &mut Vec<String>) {
    leaks.extend(search.find(bytes).into_iter().map(|found| format!("{sink}: {found}")));
}

/// Every file below a folder.
fn files_of(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_of(&path));
        } else if let Ok(bytes) = std::fs::read(&path) {
            // What is gone by now was looked at by another call, or is a file of the moment.
            found.push((path, bytes));
        }
    }
    found
}

/// A search in a log that says nothing would find nothing.
fn expect_talkative(machine: &Machine) {
    let log = std::fs::read_to_string(machine.folder().join("stderr.txt")).unwrap();
    for part in ["TRACE", "DEBUG", "WARN", "draining"] {
        assert!(log.contains(part), "the log has no {part}");
    }
}

/// What commands show of the ledger: every leaf, and decisions made again, with the fact records behind them.
fn commands(machine: &Machine) -> Vec<Vec<u8>> {
    let mut outputs = Vec::new();
    let reader = comity_store::Reader::open(&machine.data().join("comity.db")).unwrap();
    let mut run = |args: &[&str]| {
        let output = machine.run(&[args, &["--config", "comity.toml"]].concat());
        outputs.push([output.stdout.clone(), output.stderr.clone()].concat());
        output
    };
    let shown = run(&["ledger", "show", "--output", "json", "--from", "0", "--count", "5000"]);
    let ledger: Value = serde_json::from_slice(&shown.stdout).unwrap_or_else(|_| panic!("{}", text(&shown.stderr)));
    let decisions: Vec<&str> = ledger["leaves"].as_array().unwrap().iter().filter_map(|leaf| leaf["leaf"]["decision"].as_str()).collect();
    assert!(decisions.len() >= 10, "{}", decisions.len());
    run(&["ledger", "show"]);
    assert!(run(&["ledger", "verify", "--output", "json"]).status.success());
    run(&["doctor", "--output", "json"]);
    run(&["keys", "list", "--output", "json"]);
    for decision in decisions.iter().step_by(20) {
        let why = run(&["terms", "why", decision, "--output", "json"]);
        assert!(why.status.success(), "{}", text(&why.stderr));
        run(&["terms", "why", decision]);
        run(&["ledger", "show", decision]);
    }
    for decision in decisions {
        // In the file it is encrypted; whoever has the key may not find anything either.
        match reader.find_decision(decision).unwrap().record {
            FactRecord::Open(record) => outputs.push(record.expose().clone()),
            FactRecord::Erased | FactRecord::Sealed => panic!("a fact record that cannot be read"),
        }
    }
    outputs
}

// === calls that are answered ===

/// Values in every place that a call has.
fn permitted(stage: &mut Stage) {
    for offering in ["openai", "secrets"] {
        let is_secret = offering == "secrets";
        let bodies = [
            (CHAT, full_chat(&mut stage.flock, is_secret)),
            (RESPONSES, full_response(&mut stage.flock, is_secret)),
            ("/v1/embeddings", full_embedding(&mut stage.flock, is_secret)),
        ];
        for (api, body) in bodies {
            answered(stage, api, &body.replace("OFFERING", offering), "");
        }
    }
    let body = full_message(&mut stage.flock).replace("OFFERING", "anthropic");
    answered(stage, MESSAGES, &body, "anthropic-version: 2023-06-01\r\n");
    answered(stage, "/v1/messages/count_tokens", &body.replacen("\"max_tokens\":50,", "", 1), "");
    let streamed = |body: &str| body.replacen("{", "{\"stream\":true,", 1);
    answered(stage, MESSAGES, &streamed(&body), "");
    let body = full_chat(&mut stage.flock, false).replace("OFFERING", "openai");
    answered(stage, CHAT, &streamed(&body), "");
    let body = full_response(&mut stage.flock, false).replace("OFFERING", "openai");
    answered(stage, RESPONSES, &streamed(&body), "");
    translated(stage);
    headers(stage);
}

#[track_caller]
fn answered(stage: &Stage, path: &str, body: &str, headers: &str) {
    let before = stage.mock.tally().calls;
    let reply = stage.post(path, body, headers);
    let means = reply.text.to_lowercase().contains("comity-means: pseudonymised");
    assert!(reply.status == 200 && means, "{path}: {}", reply.text);
    assert_eq!(stage.mock.tally().calls, before + 1);
}

/// Every API over every dialect, whole and streamed, small and so large that another thread reads it.
fn translated(stage: &mut Stage) {
    for mode in [Mode::Echo, Mode::Pieces(3)] {
        stage.mock.stand(mode.clone());
        for offering in ["openai", "anthropic", "gemini", "bedrock"] {
            for (api, stream) in APIS.into_iter().flat_map(|api| [(api, false), (api, true)]) {
                let body = stage.plain(api, &format!("{mode} to {offering}"), (offering, stream));
                answered(stage, api, &body, "");
            }
        }
    }
    stage.mock.stand(Mode::Echo);
    for api in APIS {
        let said = format!("{} {} {}", "word ".repeat(20_000), stage.flock.email("a large call"), "word ".repeat(10_000));
        answered(stage, api, &say(api, "openai", &said, false), "");
    }
}

/// In what goes along with a call and is nobody's business here.
fn headers(stage: &mut Stage) {
    let query = stage.flock.email("a query").replace('@', "%40");
    let plain = stage.plain(CHAT, "with headers", ("openai", false));
    let lines: String =
        ["user-agent", "cookie", "referer", "x-request-id", "x-stainless-os", "traceparent", "x-custom", "idempotency-key", "accept"]
            .into_iter()
            .map(|name| format!("{name}: {} {}\r\n", stage.flock.email(name), stage.flock.secret(name)))
            .collect();
    answered(stage, CHAT, &plain, &lines);
    let body = stage.plain(CHAT, "with a query", ("openai", false));
    stage.post(&format!("{CHAT}?user={query}"), body, "");
}

/// Texts, definitions of tools, arguments with escapes, results, names of members, long numbers, ids of end users. `more` adds credentials.
fn full_chat(flock: &mut Flock, more: bool) -> String {
    let (escape, number) = (flock.email("chat: escapes in arguments"), flock.card("chat: a number in arguments"));
    let arguments =
        json!({ "to": escape, "account": "NUMBER", flock.email("chat: a name in arguments"): [flock.phone("chat: nested arguments")] });
    let arguments = arguments.to_string().replace(&escape, &escaped(&escape)).replace("\"NUMBER\"", &number.replace(' ', ""));
    let outer = flock.email("chat: escapes in a text");
    let far = flock.card("chat: a number in a field that nobody knows");
    let mut body = json!({
        "model": "alpha/m@OFFERING",
        "messages": [
            { "role": "system", "content": format!("Bill {}.", flock.iban("chat: system")) },
            { "role": "developer", "content": format!("Not {}.", flock.email("chat: developer")) },
            { "role": "user", "name": "n", "content": [{ "type": "text", "text": format!("Call {}.", flock.phone("chat: a part")) }, { "type": "text", "text": format!("Or {outer}.") }] },
            { "role": "assistant", "content": format!("Card {}.", flock.card("chat: assistant")), "tool_calls": [{ "id": "call_1", "type": "function", "function": { "name": "mail", "arguments": arguments } }] },
            { "role": "tool", "tool_call_id": "call_1", "content": json!({ "sent": flock.email("chat: a result"), "from": flock.iban("chat: JSON in a result") }).to_string() },
            { "role": "user", "content": format!("And {}?", flock.email("chat: the last turn")) },
        ],
        "tools": [{ "type": "function", "function": { "name": "mail", "description": format!("Never {}.", flock.email("chat: a tool")), "parameters": {
            "type": "object",
            "properties": { "to": { "type": "string", "enum": [flock.email("chat: an enum")], "description": flock.phone("chat: a parameter"), "default": flock.iban("chat: a default") }, flock.email("chat: a parameter's name"): { "type": "string" } },
        } } }],
        "metadata": { "case": flock.iban("chat: metadata"), flock.email("chat: a name in metadata"): "x" },
        "user": flock.user("chat: user"),
        "safety_identifier": flock.user("chat: safety_identifier"),
        "prompt_cache_key": flock.user("chat: prompt_cache_key"),
        "stop": [flock.email("chat: stop"), "."],
        "x_account": "TOP",
        flock.email("chat: the name of a field"): true,
        "x_unknown": { "number": "NUMBER", "deep": [[{ "list": [flock.phone("chat: a field that nobody knows")] }]] },
    });
    if more {
        body["messages"][0]["content"] = json!(format!("Key {} and {}", flock.secret("chat: a credential"), flock.token("chat: a token")));
    }
    let top = flock.card("chat: a number at the top");
    let digits = |card: &str| card.replace(' ', "");
    body.to_string().replace(&outer, &escaped(&outer)).replace("\"NUMBER\"", &digits(&far)).replace("\"TOP\"", &digits(&top))
}

fn full_response(flock: &mut Flock, more: bool) -> String {
    let escape = flock.email("responses: escapes in arguments");
    let arguments = json!({ "to": escape, "call": flock.phone("responses: arguments") }).to_string().replace(&escape, &escaped(&escape));
    let far = flock.card("responses: a number");
    let mut body = json!({
        "model": "alpha/m@OFFERING",
        "instructions": format!("Bill {}.", flock.iban("responses: instructions")),
        "input": [
            { "role": "user", "content": format!("Call {}.", flock.phone("responses: user")) },
            { "role": "assistant", "content": [{ "type": "output_text", "text": format!("Card {}.", flock.card("responses: assistant")) }] },
            { "type": "function_call", "call_id": "call_1", "name": "mail", "arguments": arguments },
            { "type": "function_call_output", "call_id": "call_1", "output": format!("sent to {}", flock.email("responses: a result")) },
            { "role": "user", "content": [{ "type": "input_text", "text": format!("And {}?", flock.email("responses: the last turn")) }] },
        ],
        "tools": [{ "type": "function", "name": "mail", "description": flock.email("responses: a tool"), "parameters": { "type": "object", "properties": { "to": { "type": "string", "description": flock.phone("responses: a parameter") } } } }],
        "metadata": { "case": flock.iban("responses: metadata"), flock.email("responses: a name in metadata"): "x" },
        "user": flock.user("responses: user id"),
        "safety_identifier": flock.user("responses: safety_identifier"),
        "prompt_cache_key": flock.user("responses: prompt_cache_key"),
        "x_unknown": { "number": "NUMBER" },
    });
    if more {
        body["instructions"] = json!(format!("Key {} and {}", flock.secret("responses: a credential"), flock.token("responses: a token")));
    }
    body.to_string().replace("\"NUMBER\"", &far.replace(' ', ""))
}

fn full_message(flock: &mut Flock) -> String {
    let escape = flock.email("messages: escapes in a text");
    let far = flock.card("messages: a number in the input of a tool");
    let body = json!({
        "model": "alpha/m@OFFERING",
        "max_tokens": 50,
        "system": [{ "type": "text", "text": format!("Bill {}.", flock.iban("messages: system")) }],
        "messages": [
            { "role": "user", "content": [
                { "type": "text", "text": format!("Call {}, {escape}.", flock.phone("messages: user")) },
            ] },
            { "role": "assistant", "content": [
                { "type": "text", "text": format!("Card {}.", flock.card("messages: assistant")) },
                { "type": "tool_use", "id": "toolu_1", "name": "mail", "input": { "to": flock.email("messages: the input of a tool"), "number": "NUMBER", flock.email("messages: a name in the input"): [{ "x": flock.phone("messages: deep in the input") }] } },
            ] },
            { "role": "user", "content": [{ "type": "tool_result", "tool_use_id": "toolu_1", "content": [{ "type": "text", "text": format!("sent to {}", flock.email("messages: a result")) }] }] },
            { "role": "assistant", "content": "Yes." },
            { "role": "user", "content": format!("And {}?", flock.email("messages: the last turn")) },
        ],
        "tools": [{ "name": "mail", "description": flock.email("messages: a tool"), "input_schema": { "type": "object", "properties": { "to": { "type": "string", "description": flock.phone("messages: a parameter") } } } }],
        "metadata": { "user_id": flock.user("messages: user_id") },
        "stop_sequences": [flock.email("messages: stop_sequences")],
    });
    body.to_string().replace(&escape, &escaped(&escape)).replace("\"NUMBER\"", &far.replace(' ', ""))
}

fn full_embedding(flock: &mut Flock, more: bool) -> String {
    let mut input =
        vec![flock.email("embeddings"), format!("pay {}", flock.iban("embeddings")), format!("call {}", flock.phone("embeddings"))];
    if more {
        input.push(flock.token("embeddings"));
    }
    json!({ "model": "alpha/m@OFFERING", "input": input, "user": flock.user("embeddings: user") }).to_string()
}

// === calls that are refused here ===

/// By the terms, and by those who read headers and fields.
fn refused(stage: &mut Stage) {
    let before = stage.mock.tally().calls;
    for api in APIS {
        for stream in [false, true] {
            let body = stage.plain(api, "refused by the terms", ("refused", stream));
            expect(stage.post(api, body, ""), 403, api);
            let said =
                format!("Why {} and {}?", stage.flock.secret("a credential that is refused"), stage.flock.token("a token that is refused"));
            expect(stage.post(api, say(api, "openai", &said, stream), ""), 403, api);
        }
        let picture = format!("https://{}.example/a.png", stage.flock.secret("the address of a picture"));
        let said = json!([{ "type": "image_url", "image_url": { "url": picture } }, { "type": "text", "text": stage.flock.email("beside a picture") }]);
        let body = say(api, "openai", "SAID", false).replace("\"SAID\"", &said.to_string());
        stage.post(api, body, "");
        for (name, value) in [
            ("comity-classification", stage.flock.email("comity-classification")),
            ("comity-purpose", stage.flock.email("comity-purpose")),
            ("comity-pseudonym-epoch", stage.flock.iban("comity-pseudonym-epoch")),
            ("comity-subject", stage.flock.email("an unknown header")),
            ("openai-project", stage.flock.email("openai-project")),
            ("openai-organization", stage.flock.secret("openai-organization")),
            ("anthropic-beta", stage.flock.email("anthropic-beta")),
            ("anthropic-beta", stage.flock.card("digits in anthropic-beta").replace(' ', "-")),
            ("openai-beta", stage.flock.card("digits in openai-beta").replace(' ', "")),
            ("openai-beta", stage.flock.email("openai-beta")),
            ("anthropic-version", stage.flock.email("anthropic-version")),
        ] {
            let body = stage.plain(api, name, ("openai", false));
            let reply = stage.post(api, body, &format!("{name}: {value}\r\n"));
            assert!((400..500).contains(&reply.status), "{name}: {}", reply.text);
        }
        let (bearer, key) = (stage.flock.token("a key that nobody made"), stage.flock.secret("a key in another header"));
        let body = stage.plain(api, "a stranger", ("openai", false));
        expect(stage.post(api, &body, &format!("authorization: Bearer {bearer}\r\n")), 401, api);
        expect(stage.post(api, &body, &format!("authorization: Basic {bearer}\r\nx-api-key: {key}\r\n")), 401, api);
    }
    for path in ["/v1/responses/", "/v1/models/", "/v1/files/", "/", "/v1/v1/"] {
        let path = format!("{path}{}", stage.flock.email("a path").replace('@', "%40"));
        expect(stage.get(&path), 404, &path);
        let query = stage.flock.email("a query that nobody reads").replace('@', "%40");
        stage.get(&format!("{path}?q={query}"));
        let body = stage.plain(CHAT, "at an unknown address", ("openai", false));
        stage.post(&path, body, "");
    }
    assert_eq!(stage.mock.tally().calls, before, "a call was sent that is refused");
}

#[track_caller]
fn expect(reply: Reply, status: u16, what: &str) {
    assert_eq!(reply.status, status, "{what}: {}", reply.text);
}

/// What is no call, or no HTTP.
fn malformed(stage: &mut Stage) {
    for api in APIS {
        for (field, value) in [
            ("model", json!(stage.flock.email("as a model"))),
            ("model", json!([stage.flock.email("in a list of models")])),
            ("stream", json!(stage.flock.email("as `stream`"))),
            ("store", json!(stage.flock.email("as `store`"))),
            ("tools", json!([{ "type": stage.flock.email("as a type of tool") }])),
            ("tools", json!(stage.flock.email("as tools"))),
            ("messages", json!(stage.flock.email("as messages"))),
            ("messages", json!([{ "role": stage.flock.email("as a role"), "content": "hello" }])),
            ("previous_response_id", json!(stage.flock.secret("as the id of a response"))),
        ] {
            let body = stage.plain(api, &format!("with a wrong {field}"), ("openai", false));
            let mut body: Value = serde_json::from_str(&body).unwrap();
            body[field] = value;
            let offending = body.to_string();
            let reply = stage.post(api, offending, "");
            // What the upstream may make of it is not for this gateway to say, as long as it gets no value.
            let is_taken = reply.status == 200 && ["messages", "previous_response_id", "tools"].contains(&field);
            assert!(is_taken || (400..500).contains(&reply.status), "{api} {field}: {}", reply.text);
        }
        let said = || "{\"model\":\"alpha/m@openai\",\"x\":";
        let (a, b) = (stage.flock.email("a body that ends early"), stage.flock.email("a field that stands twice"));
        let (c, d) = (stage.flock.email("a body that is not UTF-8"), stage.flock.iban("a body that is a text"));
        let (e, f) = (stage.flock.email("a body that is deep"), stage.flock.email("a body that is too large"));
        let wrong = [
            format!("{} \"{a}", said()).into_bytes(),
            format!("{} 1, \"{b}\": 1, \"{b}\": 2}}", said()).into_bytes(),
            [format!("{} \"{c}", said()).as_bytes(), b"\xff\xfe\"}"].concat(),
            format!("\"{d}\"").into_bytes(),
            format!("{}{}\"{e}\"{}}}", said(), "[".repeat(5000), "]".repeat(5000)).into_bytes(),
            format!("{} \"{f} {}\"}}", said(), "a".repeat(300_000)).into_bytes(),
        ];
        for body in wrong {
            let reply = stage.post(api, body, "");
            assert!((400..500).contains(&reply.status), "{}", reply.text);
        }
    }
    for what in ["a line of a request", "a version of HTTP", "a header that is none", "a chunk that is none"] {
        let email = stage.flock.email(what);
        let bytes = match what {
            "a line of a request" => format!("{email} / HTTP/1.1\r\n\r\n"),
            "a version of HTTP" => format!("GET /{email} HTTP/9.9\r\n\r\n"),
            "a header that is none" => format!("GET /healthz HTTP/1.1\r\nhost: g\r\n{email} {email}\r\n\r\n"),
            _ => format!(
                "POST {CHAT} HTTP/1.1\r\nhost: g\r\nauthorization: Bearer {}\r\ntransfer-encoding: chunked\r\n\r\n{email}\r\n{email}\r\n\r\n",
                stage.gateway.key
            ),
        };
        read(stage.raw(bytes.as_bytes()));
    }
}

// === calls that the upstream refuses, or that break ===

fn broken(stage: &mut Stage) {
    let modes = [400, 401, 403, 404, 413, 422, 429, 500, 503, 529].map(Mode::Status).into_iter().chain([
        Mode::Reset,
        Mode::ResetAfter,
        Mode::Cut,
        Mode::Truncated,
        Mode::BadUtf8,
        Mode::Redirect,
        Mode::NotJson,
        Mode::ErrorStream,
        Mode::ErrorFirst,
        Mode::Comments,
        Mode::Refuse,
        Mode::NoUsage,
        Mode::RetryAfter(1),
    ]);
    for mode in modes {
        for (api, offering) in [(CHAT, "openai"), (RESPONSES, "openai"), (MESSAGES, "anthropic"), (MESSAGES, "bedrock")] {
            for stream in [false, true] {
                stage.mock.script([mode.clone()]);
                let body = stage.plain(api, &format!("{mode} at {offering}"), (offering, stream));
                stage.post(api, body, "");
            }
        }
    }
    for (name, status) in [
        ("unknown-whole", 502),
        ("unknown-stream", 200),
        ("says-whole", 200),
        ("says-stream", 200),
        ("says-400", 400),
        ("says-401", 502),
        ("says-500", 502),
        ("says-broken", 502),
        ("says-broken-stream", 200),
        ("says-error-event", 200),
        ("says-html", 502),
    ] {
        for api in APIS {
            stage.mock.script([replay(name)]);
            let is_stream = ["unknown-stream", "says-stream", "says-broken-stream", "says-error-event"].contains(&name);
            let said = format!("Write to {}.", stage.flock.email(&format!("{name} {api}")));
            let offering = if api == CHAT { "openai" } else { "gemini" };
            let reply = stage.post(api, say(api, offering, &said, is_stream), "");
            if api == CHAT && name != "says-broken-stream" {
                expect(reply, status, name);
            }
        }
    }
}

/// Clients that leave, in the middle of what they say and of what they are told.
fn gone(stage: &mut Stage) {
    for api in APIS {
        let body = stage.plain(api, "half of a call", ("openai", false));
        let key = &stage.gateway.key;
        let head = format!("POST {api} HTTP/1.1\r\nhost: g\r\nauthorization: Bearer {key}\r\ncontent-length: {}\r\n\r\n", body.len());
        stage.raw(&[head.as_bytes(), &body.as_bytes()[..body.len() - 2]].concat()).shutdown(Shutdown::Both).unwrap();
        for (mode, is_stream) in [(Mode::Hold, false), (Mode::HoldStream, true)] {
            let before = stage.mock.tally();
            stage.mock.script([mode.clone()]);
            let body = stage.plain(api, &format!("gone at {mode}"), ("openai", is_stream));
            let mut waiting = stage.begin(api, body.as_bytes(), "");
            stage.mock.wait_until(|tally| tally.calls > before.calls).expect("a call");
            if is_stream {
                waiting.read_exact(&mut [0; 16]).unwrap();
            }
            drop(waiting);
            stage.mock.wait_until(|tally| tally.cancelled > before.cancelled).expect("a call that is left");
        }
    }
}

/// Upstreams that say nothing more, and clients that stop to speak.
fn late(stage: &mut Stage) {
    for (api, stream) in APIS.into_iter().flat_map(|api| [(api, false), (api, true)]) {
        stage.mock.script([Mode::Stall]);
        let body = stage.plain(api, "never answered", ("openai", stream));
        expect(stage.post(api, body, ""), 504, api);
        stage.mock.script([Mode::StallStream]);
        let body = stage.plain(api, "answered by half", ("openai", stream));
        let reply = stage.post(api, body, "");
        assert!(reply.text.contains("upstream_timeout"), "{}", reply.text);
        let body = stage.plain(api, "half of a call, and then nothing", ("openai", stream));
        let key = &stage.gateway.key;
        let head = format!("POST {api} HTTP/1.1\r\nhost: g\r\nauthorization: Bearer {key}\r\ncontent-length: {}\r\n\r\n", body.len());
        let half = [head.as_bytes(), &body.as_bytes()[..body.len() - 2]].concat();
        expect(read(stage.raw(&half)), 408, api);
    }
}

// === a store that cannot be written ===

#[test]
fn without_a_store_nothing_leaves() {
    let mut stage = Stage::new("size_max_bytes = 1500000\n", "");
    let mut given = 0;
    let full = loop {
        let body = stage.plain(CHAT, "before the store is full", ("openai", false));
        let reply = stage.post(CHAT, body, "");
        if reply.status != 200 {
            break reply;
        }
        given += 1;
        assert!(given < 1000, "the store is never full");
    };
    assert!(full.status == 503 && full.text.contains("ledger_unavailable") && full.text.contains("nothing was sent"), "{}", full.text);
    for (api, stream) in APIS.into_iter().flat_map(|api| [(api, false), (api, true)]) {
        let body = stage.plain(api, "while the store is full", ("openai", stream));
        let reply = stage.post(api, body, "comity-pseudonym-epoch: 3\r\n");
        expect(reply, 503, api);
    }
    assert_eq!(stage.mock.tally().calls, given, "something was sent that no ledger knows of");
    let search = stage.flock.search();
    let mut leaks = Vec::new();
    note(&search, ("what left", &stage.received()), &mut leaks);
    files_of(stage.machine.folder())
        .iter()
        .for_each(|(path, bytes)| note(&search, (&path.file_name().unwrap().to_string_lossy(), bytes), &mut leaks));
    assert!(leaks.is_empty(), "{}", leaks.join("\n"));
}
