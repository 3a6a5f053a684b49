//! A gateway that can answer, with its configuration in the data folder, and what its calls leave behind.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use comity_bench::MockUpstream;
use serde_json::{Value, json};

use crate::harness::{EXAMPLE, Gateway, Machine, text};

/// The token of the admin API, in a file.
pub(super) const ADMIN: &str = "[admin]\ntoken = { file = \"admin.token\" }\n";
/// What auditors send.
pub(super) const AUDITOR_TOKEN: &str = "the-token-of-an-auditor-0123456789";
const ADMIN_TOKEN: &str = "the-token-of-an-admin-0123456789abc";

pub(super) struct Site {
    pub(super) machine: Machine,
    mock: Rc<MockUpstream>,
    pub(super) key: String,
}

/// What a client keeps of a call.
pub(super) struct Kept {
    pub(super) decision: String,
    /// The header `comity-leaf`.
    pub(super) receipt: String,
}

// === impl Site ===

impl Site {
    /// With more lines under `[ledger]`, and more tables.
    pub(super) fn new((ledger, tables): (&str, &str)) -> Self {
        let (machine, mock) = (Machine::new(), Rc::new(MockUpstream::start().unwrap()));
        let config = format!(
            "listen = \"127.0.0.1:0\"\ncatalogue = [\"own\"]\n\n[ledger]\norigin = \"ledger.example.org/comity\"\n{ledger}\n\n{tables}\n\
             [[layer]]\npack = \"uk-public\"\n\n[[upstream]]\nname = \"mock\"\nbase_url = \"{}\"\nserves = [\"example/*\"]\n\n\
             [route.any]\nselect = \"example/*\"\n",
            mock.base_url()
        );
        machine.file("data/comity.toml", &config);
        machine.file("data/own/example.toml", EXAMPLE);
        machine.file("data/admin.token", ADMIN_TOKEN);
        machine.file("data/auditor.token", AUDITOR_TOKEN);
        Self { machine, mock, key: String::new() }
    }

    /// One whose gateway answered so many calls and stopped.
    pub(super) fn after(calls: usize, more: (&str, &str)) -> (Self, Vec<Kept>) {
        let mut site = Self::new(more);
        let kept = site.serve(calls);
        (site, kept)
    }

    /// The data folder as it is now, on another machine: what a backup is.
    pub(super) fn copy(&self) -> Self {
        let machine = Machine::new();
        copy(&self.machine.data(), &machine.data());
        Self { machine, mock: Rc::clone(&self.mock), key: self.key.clone() }
    }

    /// Brings a file or folder from another machine.
    pub(super) fn bring(&self, other: &Self, name: &str) {
        copy(&other.path(name), &self.path(name));
    }

    pub(super) fn up(&mut self) -> Gateway {
        let gateway = Gateway::start(&self.machine, &[]);
        if !gateway.key.is_empty() {
            self.key.clone_from(&gateway.key);
        }
        gateway
    }

    /// A run of the gateway with so many calls.
    pub(super) fn serve(&mut self, calls: usize) -> Vec<Kept> {
        let gateway = self.up();
        let kept = (0..calls).map(|number| self.call(&gateway, (&format!("call {number}"), ""))).collect();
        assert_eq!(gateway.stop(), Some(0));
        kept
    }

    /// One call, with more headers (each ends its line).
    pub(super) fn call(&self, gateway: &Gateway, (words, headers): (&str, &str)) -> Kept {
        let body = json!({ "model": "any", "messages": [{ "role": "user", "content": words }] }).to_string();
        let address = gateway.url.trim_start_matches("http://");
        let mut stream = TcpStream::connect(address).unwrap();
        write!(
            stream,
            "POST /v1/chat/completions HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\nauthorization: Bearer {}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n{headers}\r\n{body}",
            self.key,
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        let headers: BTreeMap<&str, &str> = answer.lines().filter_map(|line| line.split_once(": ")).collect();
        Kept { decision: headers["comity-decision"].to_owned(), receipt: headers["comity-leaf"].to_owned() }
    }

    /// Waits until others can see this leaf.
    pub(super) fn until_published(&self, leaf: u64) {
        let covers = || {
            let seen = self.machine.run(&["ledger", "checkpoint", "--output", "json"]);
            let json: Option<Value> = serde_json::from_slice(&seen.stdout).ok();
            json.is_some_and(|json| json["size"].as_u64() > Some(leaf))
        };
        assert!((0..600).any(|_| covers()), "leaf {leaf} is not published");
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.machine.folder().join(name)
    }

    /// Its stdout, once it has succeeded.
    pub(super) fn ok(&self, args: &[&str]) -> String {
        let output = self.machine.run(args);
        assert!(output.status.success(), "{args:?}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    /// The same as JSON.
    pub(super) fn json(&self, args: &[&str]) -> Value {
        serde_json::from_str(&self.ok(&[args, &["--output", "json"]].concat())).unwrap()
    }

    /// Keeps its stdout in a file beside the data folder.
    pub(super) fn keep(&self, name: &str, args: &[&str]) {
        self.machine.file(name, &self.ok(args));
    }

    /// All that a person sees.
    pub(super) fn seen(&self, args: &[&str]) -> String {
        self.machine.seen(args)
    }

    /// Its exit code, once what it says has been compared with what a person should read.
    pub(super) fn refused(&self, args: &[&str], says: &str) -> i32 {
        let output = self.machine.run(args);
        let said = text(&output.stderr);
        assert!(said.contains(says), "{args:?} should say `{says}`, and says:\n{said}");
        output.status.code().unwrap()
    }
}

// === impl Kept ===

impl Kept {
    /// The first digits of the decision, as a person writes them.
    pub(super) fn short(&self) -> &str {
        self.decision.get(..10).unwrap()
    }

    /// The index of the decision's leaf.
    pub(super) fn leaf(&self) -> u64 {
        self.receipt.split(';').next().unwrap().parse().unwrap()
    }
}

/// The first day of the next month (UTC): up to there everything may be erased.
pub(super) fn next_month() -> String {
    use jiff::ToSpan as _;
    today().first_of_month().saturating_add(1.month()).to_string()
}

/// The day after this one (UTC): up to there everything may be pruned.
pub(super) fn tomorrow() -> String {
    use jiff::ToSpan as _;
    today().saturating_add(1.day()).to_string()
}

fn today() -> jiff::civil::Date {
    jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date()
}

/// A copy of a file or folder.
pub(super) fn copy(from: &Path, to: &Path) {
    if from.is_file() {
        std::fs::copy(from, to).unwrap();
        return;
    }
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        copy(&entry.path(), &to.join(entry.file_name()));
    }
}

/// All files below a folder.
pub(super) fn files(folder: &Path) -> Vec<PathBuf> {
    let below = |path: PathBuf| if path.is_dir() { files(&path) } else { vec![path] };
    let mut found: Vec<_> = std::fs::read_dir(folder).unwrap().flat_map(|entry| below(entry.unwrap().path())).collect();
    found.sort();
    found
}
