//! Runs the built command in a data folder of its own and writes down all that a person sees.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

/// An operator and an offering that tests bring along, with the least that a file must say.
pub(crate) const EXAMPLE: &str = "\
[operator]
id = \"example\"
name = \"Example Ltd\"
source = \"their contract of 2026-01-31\"
read = \"by us\"
as_of = 2026-01-31
strength = \"contract\"
operator = \"GB\"
control = \"GB\"

[[offering]]
id = \"example/small@gb\"
upstream_model = \"small\"
surfaces = [\"chat\"]
processed_in = [\"GB\"]
training = 2
";

/// A machine with an empty data folder and no provider keys.
pub(crate) struct Machine {
    folder: tempfile::TempDir,
}

impl Machine {
    pub(crate) fn new() -> Self {
        // Paths of one length, wherever the tests run: what is printed wraps the same.
        Self { folder: tempfile::Builder::new().prefix("comity-").rand_bytes(6).tempdir_in("/tmp").unwrap() }
    }

    /// The data folder; it need not exist yet.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A file beside the data folder, and its path.
    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The command, ready to start: no colour, 80 columns, no variable of this shell that would change what it does.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_comity"));
        command.args(args).current_dir(self.folder.path()).stdin(Stdio::null());
        for variable in [
            "OPENAI_API_KEY",
            "MISTRAL_API_KEY",
            "COMITY_API_KEY",
            "COMITY_URL",
            "COMITY_AUDITOR_TOKEN",
            "COMITY_PASSPHRASE",
            "COMITY_LOG",
            "CARGO",
        ] {
            command.env_remove(variable);
        }
        command.env("COMITY_DATA", self.data()).env("NO_COLOR", "1").env("COLUMNS", "80");
        command
    }

    /// Runs it to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Runs it with a key in the environment and `input` on stdin.
    pub(crate) fn run_with_key(&self, args: &[&str], key: &str, input: &str) -> Output {
        let mut command = self.command(args);
        command.env("COMITY_API_KEY", key).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }

    /// All that a person sees of it, with what differs from run to run taken out.
    pub(crate) fn seen(&self, args: &[&str]) -> String {
        self.written(args, &self.run(args))
    }

    pub(crate) fn written(&self, args: &[&str], output: &Output) -> String {
        let code = output.status.code().map_or_else(|| "killed".to_owned(), |code| code.to_string());
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        let seen = format!("$ comity {}\nexit {code}\n--- stdout\n{stdout}--- stderr\n{stderr}", args.join(" "));
        seen.replace(&self.folder.path().display().to_string(), "[HERE]")
    }
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// What differs from run to run: keys, digests, times, ports.
pub(crate) const SCRUB: &[(&str, &str)] = &[
    (r"ck_[A-Za-z0-9]+_[A-Za-z0-9_-]+", "[KEY]"),
    (r"\b[0-9a-f]{64}\b", "[DIGEST]"),
    (r"\b[0-9a-f]{12}\b", "[DIGEST12]"),
    (r"\b20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ\b", "[TIME]"),
    (r"\b20\d\d-\d\d-\d\d \d\d:\d\d\b", "[MINUTE]"),
    (r"cvc5 \d+(\.\d+)+", "cvc5 [VERSION]"),
    (r"127\.0\.0\.1:\d+", "127.0.0.1:[PORT]"),
    (r"\+[0-9a-f]{8}\+[A-Za-z0-9+/]{44}", "+[KEY ID]+[KEY]"),
];

macro_rules! snapshot {
    ($name:literal, $seen:expr) => {
        insta::with_settings!({ filters => crate::harness::SCRUB.to_vec(), omit_expression => true, prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!($name, $seen)
        })
    };
}
pub(crate) use snapshot;

/// A gateway that `comity up` started, on a free port.
pub(crate) struct Gateway {
    child: Child,
    pub(crate) url: String,
    pub(crate) key: String,
    /// What it printed when it started.
    pub(crate) started: serde_json::Value,
}

// === impl Gateway ===

impl Gateway {
    /// Starts `comity up` with these arguments and waits until it listens.
    pub(crate) fn start(machine: &Machine, args: &[&str]) -> Self {
        let mut all = vec!["up", "--listen", "127.0.0.1:0", "--output", "json"];
        all.extend(args);
        let mut child = machine.command(&all).env("COMITY_LOG", "error").stdout(Stdio::piped()).spawn().unwrap();
        let started = first_json(&mut child);
        let text = |name: &str| started[name].as_str().unwrap_or_default().to_owned();
        Self { child, url: text("url"), key: text("key"), started }
    }

    /// The same with a log that says everything, and all that it writes in `stdout.txt` and `stderr.txt` beside the data folder.
    pub(crate) fn start_talking(machine: &Machine, args: &[&str]) -> Self {
        let mut all = vec!["up", "--listen", "127.0.0.1:0", "--output", "json"];
        all.extend(args);
        let open = |name: &str| std::fs::File::create_new(machine.folder().join(name)).unwrap();
        let mut command = machine.command(&all);
        command.env("COMITY_LOG", "trace").env("RUST_LOG", "trace").env("RUST_BACKTRACE", "full").env("MOCK_KEY", "mock-secret");
        command.env("TMPDIR", machine.folder().join("tmp")).stdout(open("stdout.txt")).stderr(open("stderr.txt"));
        let mut child = command.spawn().unwrap();
        let started: serde_json::Value = loop {
            let read = |name: &str| std::fs::read_to_string(machine.folder().join(name)).unwrap();
            if let Ok(started) = serde_json::from_str(&read("stdout.txt")) {
                break started;
            }
            assert!(child.try_wait().unwrap().is_none(), "the gateway did not start:\n{}", read("stderr.txt"));
            std::thread::yield_now();
        };
        let text = |name: &str| started[name].as_str().unwrap_or_default().to_owned();
        Self { child, url: text("url"), key: text("key"), started }
    }

    /// Runs a demo until it says on stderr, for a person, how to call the gateway that it keeps.
    pub(crate) fn demo(machine: &Machine, args: &[&str]) -> Self {
        let mut child = machine.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let started = first_json(&mut child);
        let (mut url, mut key) = (String::new(), String::new());
        for line in BufReader::new(child.stderr.take().unwrap()).lines() {
            let line = line.unwrap();
            if let Some(rest) = line.trim().strip_prefix("curl -N ") {
                url = rest.split("/v1/").next().unwrap().to_owned();
            }
            if let Some((_, rest)) = line.split_once("Bearer ") {
                key = rest.split(['"', '\'']).next().unwrap().to_owned();
                break;
            }
        }
        Self { child, url, key, started }
    }

    /// All that `comity up` prints to stdout up to the line with `last`; then it is stopped.
    pub(crate) fn start_for_a_person(machine: &Machine, args: &[&str], last: &str) -> String {
        let mut all = vec!["up", "--listen", "127.0.0.1:0"];
        all.extend(args);
        let mut child = machine.command(&all).env("COMITY_LOG", "error").stdout(Stdio::piped()).spawn().unwrap();
        let mut shown = String::new();
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            shown.push_str(&line);
            shown.push('\n');
            if line.contains(last) {
                break;
            }
        }
        let gateway = Self { child, url: String::new(), key: String::new(), started: serde_json::Value::Null };
        assert_eq!(gateway.stop(), Some(0), "{shown}");
        shown.replace(&machine.folder().display().to_string(), "[HERE]")
    }

    /// A gateway says where it listens a moment before it listens to signals; the system knows when it does.
    fn until_signals_are_caught(&mut self) {
        const SIGTERM_BIT: u64 = 1 << 14;
        let id = self.child.id();
        let caught = || {
            let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
            let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap().trim().to_owned();
            u64::from_str_radix(&mask, 16).unwrap() & SIGTERM_BIT != 0
        };
        while !caught() {
            assert!(self.child.try_wait().unwrap().is_none(), "the gateway ended by itself");
            std::thread::yield_now();
        }
    }

    /// The process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Asks until its key is refused: a running gateway takes note of a revoked key by itself.
    pub(crate) fn until_refused(&self, machine: &Machine) {
        let refused = (0..600).any(|_| self.ask(machine, &["hello"]).status.code() == Some(1));
        assert!(refused, "the key still works");
    }

    /// Runs `comity ask` against it.
    pub(crate) fn ask(&self, machine: &Machine, args: &[&str]) -> Output {
        let mut all = vec!["ask", "--url", &self.url];
        all.extend(args);
        machine.command(&all).env("COMITY_API_KEY", &self.key).output().unwrap()
    }

    /// All that a person sees of `comity ask`.
    pub(crate) fn seen(&self, machine: &Machine, args: &[&str]) -> String {
        let shown: Vec<_> = ["ask"].iter().chain(args).copied().collect();
        machine.written(&shown, &self.ask(machine, args))
    }

    /// SIGTERM, and how it ended.
    pub(crate) fn stop(mut self) -> Option<i32> {
        self.until_signals_are_caught();
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        self.child.wait().unwrap().code()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // Ended already, or the test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The first JSON document that it writes to stdout.
fn first_json(child: &mut Child) -> serde_json::Value {
    let mut values = serde_json::Deserializer::from_reader(child.stdout.take().unwrap()).into_iter();
    values.next().expect("a JSON document").unwrap()
}
