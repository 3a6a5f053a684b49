//! The load generator as a process, so that its own CPU time stays apart from that of what it measures. Loopback only.

use std::net::SocketAddr;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use comity_bench::BenchError;
use comity_bench::load::{Plan, Report, body_for, run};

/// Sends chat calls over keep-alive connections and reports calls a second, latencies and the CPU time of a process.
#[derive(Parser)]
struct Args {
    /// Target, for example 127.0.0.1:8080.
    #[arg(long)]
    address: SocketAddr,
    /// Path of the call; its end says which API the body is for (chat/completions, messages, responses).
    #[arg(long, default_value = "/v1/chat/completions")]
    path: String,
    /// Model to ask for.
    #[arg(long, default_value = "mock-fixed")]
    model: String,
    /// Environment variable that holds the API key.
    #[arg(long, value_name = "VARIABLE")]
    key_env: Option<String>,
    /// Size of the request body in bytes.
    #[arg(long, default_value_t = 1024)]
    body: usize,
    /// Ask for a stream.
    #[arg(long)]
    stream: bool,
    /// Connections.
    #[arg(long, short, default_value_t = 1)]
    connections: u32,
    /// Calls in all.
    #[arg(long, short = 'n', default_value_t = 1000)]
    calls: u64,
    /// Process to measure.
    #[arg(long)]
    pid: Option<u32>,
    /// How to print the report.
    #[arg(long, value_enum, default_value_t = Output::Human)]
    output: Output,
}

#[derive(Clone, Copy, ValueEnum)]
enum Output {
    Human,
    Json,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let output = args.output;
    match measure(args) {
        Ok(report) => {
            print(&report, output);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(args: Args) -> Result<Report, BenchError> {
    if !args.address.ip().is_loopback() {
        return Err(BenchError::Load(format!("`{}` is not a loopback address", args.address)));
    }
    let key = args.key_env.and_then(|name| std::env::var(name).ok());
    let body = body_for(&args.path, &args.model, args.body, args.stream);
    let (address, path, connections, calls, pid) = (args.address, args.path, args.connections, args.calls, args.pid);
    let plan = Plan { address, path, key, body, connections, calls, pid };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(BenchError::Start)?;
    runtime.block_on(run(&plan))
}

fn print(report: &Report, output: Output) {
    match output {
        Output::Json => println!("{}", serde_json::to_string(report).unwrap_or_default()),
        Output::Human => {
            println!("calls       {} ({:.0}/s), events {}", report.calls, report.calls_per_second, report.events);
            println!("latency     p50 {} µs, p99 {} µs", report.p50_us, report.p99_us);
            if let Some(first) = report.first_p50_us {
                println!("first event p50 {first} µs");
            }
            if let (Some(cpu), Some(rss)) = (report.cpu_us_per_call, report.rss_kib) {
                println!("process     {cpu:.1} µs CPU a call, {rss} KiB resident");
            }
        }
    }
}
