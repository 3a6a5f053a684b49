//! What stands between the load and the mock upstream: nothing, nginx, the gateway. All run at once, each is asked in turn; all end with
//! this process.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use anyhow::{Context as _, bail};
use serde_json::Value;

use super::{CHAT, MESSAGES, RESPONSES, Scenario, nginx};
use crate::project::Project;
use crate::shell;

/// What is in the way of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Side {
    /// Nothing: the mock itself.
    Direct,
    /// nginx as a bare reverse proxy.
    Nginx,
    /// The gateway, leaves handed to the operating system.
    ComityOs,
    /// The gateway as it is shipped: leaves on disk before a call leaves.
    ComityCommit,
}

/// Where to send a call, and which process to watch.
pub(super) struct Target {
    pub(super) address: String,
    pub(super) path: String,
    pub(super) model: String,
    pub(super) key: String,
    pub(super) pid: u32,
}

/// Everything that runs during a measurement.
pub(super) struct Sides {
    mock: Running,
    nginx: Running,
    comity_os: Running,
    comity_commit: Running,
}

struct Running {
    process: Child,
    address: String,
    key: String,
    // Kept open, so that the process can go on writing.
    _output: Option<BufReader<ChildStdout>>,
}

// === impl Side ===

impl Side {
    pub(super) const ALL: [Side; 4] = [Side::Direct, Side::Nginx, Side::ComityOs, Side::ComityCommit];

    /// All sides, each round beginning with another one.
    pub(super) fn in_round(round: u32) -> impl Iterator<Item = Side> {
        let count = Side::ALL.len();
        let first = usize::try_from(round).unwrap_or_default() % count;
        Side::ALL.into_iter().cycle().skip(first).take(count)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Side::Direct => "direct",
            Side::Nginx => "nginx",
            Side::ComityOs => "comity (os)",
            Side::ComityCommit => "comity (commit)",
        }
    }
}

// === impl Sides ===

impl Sides {
    pub(super) fn start(project: &Project) -> anyhow::Result<Sides> {
        let folder = project.target.join("bench-proxy");
        // Of an earlier run: its ledger would only grow.
        let _absent = std::fs::remove_dir_all(&folder);
        let mock = start_mock(project)?;
        let nginx = start_nginx(&folder.join("nginx"), &mock.address)?;
        let comity_os = start_comity(project, &folder.join("os"), &mock.address)?;
        let comity_commit = start_comity(project, &folder.join("commit"), &mock.address)?;
        Ok(Sides { mock, nginx, comity_os, comity_commit })
    }

    /// The gateway is called as the load speaks, everything else as the upstream does.
    pub(super) fn target(&self, side: Side, scenario: &Scenario) -> Target {
        let Scenario { api, upstream_api, mode, .. } = scenario;
        let plain = (format!("/{mode}/v1/{upstream_api}"), "any".to_owned());
        let governed = (format!("/v1/{api}"), offering(mode, upstream_api));
        let (running, (path, model)) = match side {
            Side::Direct => (&self.mock, plain),
            Side::Nginx => (&self.nginx, plain),
            Side::ComityOs => (&self.comity_os, governed),
            Side::ComityCommit => (&self.comity_commit, governed),
        };
        Target { address: running.address.clone(), path, model, key: running.key.clone(), pid: running.process.id() }
    }
}

// === impl Running ===

impl Drop for Running {
    fn drop(&mut self) {
        let _ended_already = self.process.kill();
        let _reaped = self.process.wait();
    }
}

fn start_mock(project: &Project) -> anyhow::Result<Running> {
    let (process, mut output) = spawn(&mut Command::new(project.program("release", "mock-upstream")))?;
    let mut line = String::new();
    output.read_line(&mut line).context("the mock upstream said nothing")?;
    let address = line.trim().trim_start_matches("http://").to_owned();
    Ok(Running { process, address, key: "unused".to_owned(), _output: Some(output) })
}

fn start_nginx(folder: &Path, upstream: &str) -> anyhow::Result<Running> {
    let program = nginx::program().context("nginx is not installed")?;
    std::fs::create_dir_all(folder).context("cannot make the folder for nginx")?;
    let port = free_port()?;
    let file = folder.join("nginx.conf");
    std::fs::write(&file, nginx::configuration(folder, port, upstream)).context("cannot write nginx.conf")?;
    let process =
        Command::new(program).arg("-p").arg(folder).arg("-c").arg(&file).stdin(Stdio::null()).spawn().context("cannot start nginx")?;
    let mut running = Running { process, address: format!("127.0.0.1:{port}"), key: "unused".to_owned(), _output: None };
    while TcpStream::connect(&running.address).is_err() {
        if let Some(status) = running.process.try_wait().context("cannot watch nginx")? {
            bail!("nginx ended with {status}");
        }
        std::thread::yield_now();
    }
    Ok(running)
}

fn start_comity(project: &Project, folder: &Path, upstream: &str) -> anyhow::Result<Running> {
    let durability = folder.file_name().unwrap_or_default().to_string_lossy();
    std::fs::create_dir_all(folder).context("cannot make the folder for the gateway")?;
    let catalogue = write(folder, "catalogue.toml", &catalogue())?;
    write(folder, "key", "mock-key")?;
    let config = write(folder, "comity.toml", &configuration(&catalogue, &durability, upstream))?;
    let program = project.program("release", "comity");
    let comity = || {
        let mut command = Command::new(&program);
        command.env("COMITY_DATA", folder).args(["--output", "json"]);
        command
    };
    let mut create = comity();
    create.args(["keys", "create", "--workload", "bench", "--unit", "bench", "--clearance", "internal", "--floor", "public", "--config"]);
    let made: Value = serde_json::from_str(&shell::output(create.arg(&config))?).context("`comity keys create` printed no JSON")?;
    let key = made.get("key").and_then(Value::as_str).context("`comity keys create` printed no key")?.to_owned();
    let (process, output) = spawn(comity().args(["up", "--listen", "127.0.0.1:0", "--config"]).arg(&config))?;
    let mut running = Running { process, address: String::new(), key, _output: None };
    let (started, output) = read_object(output)?;
    let url = started.get("url").and_then(Value::as_str).context("`comity up` printed no address")?;
    url.trim_start_matches("http://").clone_into(&mut running.address);
    running._output = Some(output);
    Ok(running)
}

/// The offering behind which the gateway has one API of a mode of the mock.
fn offering(mode: &str, api: &str) -> String {
    format!("bench/{mode}-{}@gb", api.split('/').next().unwrap_or_default())
}

const OPERATOR: &str = r#"[operator]
id = "bench"
name = "The mock upstream"
source = "made for the measurement"
read = "xtask/src/bench/side.rs"
as_of = 2026-01-01
strength = "contract"
operator = "GB"
control = "GB"
processed_in = ["GB"]
stored_in = ["GB"]
training = 2
"#;

/// Mode of the mock, API of the upstream, and what its table says beside name and address.
const UPSTREAMS: [(&str, &str, &str); 4] = [
    ("fixed", CHAT, ""),
    ("paced-20", CHAT, ""),
    ("fixed", RESPONSES, "apis = [\"responses\"]\n"),
    ("fixed", MESSAGES, "dialect = \"anthropic\"\ncredential = { file = \"key\" }\n"),
];

fn catalogue() -> String {
    let offerings = UPSTREAMS.map(|(mode, api, _)| {
        format!("\n[[offering]]\nid = \"{}\"\nupstream_model = \"any\"\nsurfaces = [\"chat\"]\n", offering(mode, api))
    });
    format!("{OPERATOR}{}", offerings.concat())
}

fn configuration(catalogue: &Path, durability: &str, upstream: &str) -> String {
    let tables = UPSTREAMS.map(|(mode, api, more)| {
        let id = offering(mode, api);
        format!("[[upstream]]\nname = \"{id}\"\nbase_url = \"http://{upstream}/{mode}/v1\"\nserves = [\"{id}\"]\n{more}")
    });
    format!(
        "catalogue = [{:?}]\n[store]\ndurability = \"{durability}\"\n[[layer]]\npack = \"uk-public\"\n{}",
        catalogue.display().to_string(),
        tables.concat()
    )
}

fn write(folder: &Path, name: &str, text: &str) -> anyhow::Result<PathBuf> {
    let file = folder.join(name);
    std::fs::write(&file, text).with_context(|| format!("cannot write `{}`", file.display()))?;
    Ok(file)
}

fn spawn(command: &mut Command) -> anyhow::Result<(Child, BufReader<ChildStdout>)> {
    let mut process = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().with_context(|| format!("cannot start {command:?}"))?;
    let output = process.stdout.take().context("no standard output")?;
    Ok((process, BufReader::new(output)))
}

/// The first JSON object that is printed, and what it was read from.
fn read_object(mut output: BufReader<ChildStdout>) -> anyhow::Result<(Value, BufReader<ChildStdout>)> {
    let mut text = String::new();
    while output.read_line(&mut text).context("cannot read what the gateway prints")? > 0 {
        if let Ok(value) = serde_json::from_str(&text) {
            return Ok((value, output));
        }
    }
    bail!("the gateway did not start")
}

/// A port that was free a moment ago: nginx cannot choose one itself.
fn free_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port on loopback")?;
    Ok(listener.local_addr().context("no free port on loopback")?.port())
}
