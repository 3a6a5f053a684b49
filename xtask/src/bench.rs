//! `cargo xtask bench`: Comity beside what it is compared with, in one run. `proxy` is the gateway, nginx and no proxy at all in front of one
//! mock upstream (here); the others have files of their own. Medians of several rounds, because a machine is never quiet; only ratios within
//! one run mean anything.

mod detectors;
mod ledger;
mod nginx;
mod side;
mod table;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context as _;
use clap::{Subcommand, ValueEnum};
use serde::{Deserialize, Serialize};

use crate::project::{Project, cargo};
use crate::shell;
use side::{Side, Sides};

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// CPU time a call, added latency and memory, against nginx
    Proxy(ProxyArgs),
    /// What the detectors leave in clear and what they cost, against Presidio; writes docs/reference/detectors.md
    Detectors(detectors::Args),
    /// 100,000 leaves of a real gateway through verifiers of others and ours, and 24 forgeries of them
    Ledger,
}

#[derive(clap::Args)]
struct ProxyArgs {
    /// Rounds; the median of them is reported
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=99))]
    rounds: u32,
    /// Per cent of the usual number of calls
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=1000))]
    calls: u64,
    /// How to print the result
    #[arg(long, value_enum, default_value_t = Output::Human)]
    output: Output,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    Human,
    Json,
}

/// One kind of load.
#[derive(Clone, Copy)]
struct Scenario {
    name: &'static str,
    /// The API that the load calls, and the one of the upstream where that is another.
    api: &'static str,
    upstream_api: &'static str,
    body_bytes: usize,
    /// Mode of the mock, and the model behind which the gateway has it.
    mode: &'static str,
    stream: bool,
    connections: u32,
    calls: u64,
}

const CHAT: &str = "chat/completions";
const MESSAGES: &str = "messages";
const RESPONSES: &str = "responses";

/// One call of 1 KB in the chat dialect; what differs is said beside it.
const ONE: Scenario = Scenario {
    name: "1 KB, one at a time",
    api: CHAT,
    upstream_api: CHAT,
    body_bytes: 1024,
    mode: "fixed",
    stream: false,
    connections: 1,
    calls: 3000,
};
const MANY: Scenario = Scenario { name: "1 KB, 32 at once", connections: 32, calls: 20_000, ..ONE };
const EVENTS: Scenario = Scenario { name: "51 events at once, 16 streams", stream: true, connections: 16, calls: 2000, ..ONE };

const SCENARIOS: [Scenario; 10] = [
    ONE,
    MANY,
    Scenario { name: "32 KB, 32 at once", body_bytes: 32 * 1024, calls: 8000, ..MANY },
    EVENTS,
    Scenario { name: "51 events each 20 ms, 100 streams", mode: "paced-20", connections: 100, calls: 200, ..EVENTS },
    Scenario { name: "messages, 1 KB, 32 at once", api: MESSAGES, upstream_api: MESSAGES, ..MANY },
    Scenario { name: "responses, 1 KB, 32 at once", api: RESPONSES, upstream_api: RESPONSES, ..MANY },
    Scenario { name: "messages said as chat, 1 KB, 32 at once", api: MESSAGES, ..MANY },
    Scenario { name: "messages said as chat, 51 events at once, 16 streams", api: MESSAGES, ..EVENTS },
    Scenario { name: "51 events at once, one at a time", connections: 1, ..EVENTS },
];

/// What the load generator reports (`comity_bench::load::Report`).
#[derive(Clone, Deserialize, Serialize)]
struct Report {
    calls_per_second: f64,
    p50_us: u64,
    p99_us: u64,
    first_p50_us: Option<u64>,
    cpu_us_per_call: Option<f64>,
    cpu_us_per_event: Option<f64>,
    rss_kib: Option<u64>,
}

/// Reports of all rounds, by scenario and side.
type Reports = BTreeMap<(usize, Side), Vec<Report>>;

pub(crate) fn run(project: &Project, args: &Args) -> anyhow::Result<bool> {
    match &args.what {
        What::Proxy(args) => proxy(project, args),
        What::Detectors(args) => detectors::run(project, args),
        What::Ledger => ledger::run(project),
    }
}

fn proxy(project: &Project, args: &ProxyArgs) -> anyhow::Result<bool> {
    nginx::ensure()?;
    build_release(project)?;
    let sides = Sides::start(project)?;
    let load = Load { program: project.program("release", "load"), sides: &sides, percent: args.calls };
    let mut reports = Reports::new();
    for round in 0..args.rounds {
        for (index, scenario) in SCENARIOS.iter().enumerate() {
            for side in Side::in_round(round) {
                eprintln!("round {}: {}, {}", round.saturating_add(1), scenario.name, side.name());
                reports.entry((index, side)).or_default().push(load.measure(side, scenario)?);
            }
        }
    }
    let rows = table::rows(&reports);
    match args.output {
        Output::Json => println!("{}", serde_json::to_string_pretty(&rows)?),
        Output::Human => print!("{}", table::human(&rows)),
    }
    Ok(true)
}

fn build_release(project: &Project) -> anyhow::Result<()> {
    eprintln!("building with the release profile");
    let mut build = Command::new(cargo());
    build.current_dir(&project.root).args(["build", "--release", "--quiet", "--package", "comity", "--package", "comity-bench"]);
    shell::run(&mut build)
}

struct Load<'a> {
    program: PathBuf,
    sides: &'a Sides,
    percent: u64,
}

// === impl Load ===

impl Load<'_> {
    /// One run after a short one that warms connections and caches.
    fn measure(&self, side: Side, scenario: &Scenario) -> anyhow::Result<Report> {
        let calls = (scenario.calls.saturating_mul(self.percent) / 100).max(u64::from(scenario.connections));
        self.run(side, scenario, (calls / 10).max(u64::from(scenario.connections)))?;
        self.run(side, scenario, calls)
    }

    fn run(&self, side: Side, scenario: &Scenario, calls: u64) -> anyhow::Result<Report> {
        let target = self.sides.target(side, scenario);
        let mut load = Command::new(&self.program);
        load.env("COMITY_BENCH_KEY", &target.key).args(["--key-env", "COMITY_BENCH_KEY", "--output", "json"]);
        load.args(["--address", &target.address, "--path", &target.path, "--model", &target.model]);
        load.args(["--pid", &target.pid.to_string(), "--body", &scenario.body_bytes.to_string()]);
        load.args(["--connections", &scenario.connections.to_string(), "--calls", &calls.to_string()]);
        if scenario.stream {
            load.arg("--stream");
        }
        serde_json::from_str(&shell::output(&mut load)?).context("the load generator's report is not as expected")
    }
}
