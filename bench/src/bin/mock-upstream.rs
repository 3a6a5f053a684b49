//! The mock upstream as a process: prints its address on the first line of standard output and serves until it is killed.
//! Must never listen on anything but loopback.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use comity_bench::cassette::Cassette;
use comity_bench::mock::{MockOptions, MockUpstream};
use comity_bench::{BenchError, Mode};

/// A mock of an OpenAI-compatible upstream on loopback.
///
/// The first path segment (`/status-503/v1/…`) or the model (`mock-status-503`) names how a call is answered; `GET /_seen` tells what came in.
#[derive(Parser)]
struct Args {
    /// Loopback port; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Folders of recorded exchanges (*.yaml) for the mode `replay`.
    #[arg(long, value_name = "FOLDER")]
    recorded: Vec<PathBuf>,
    /// Print the names of all modes and end.
    #[arg(long)]
    modes: bool,
}

fn main() -> ExitCode {
    match run(Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: Args) -> Result<(), BenchError> {
    if args.modes {
        Mode::all().iter().for_each(|mode| println!("{mode}"));
        return Ok(());
    }
    let mut cassettes = Vec::new();
    for folder in &args.recorded {
        cassettes.extend(Cassette::read_folder(folder)?);
    }
    let mock = MockUpstream::start_with(MockOptions { port: args.port, cassettes })?;
    println!("http://{}", mock.address());
    std::io::stdout().flush().map_err(BenchError::Start)?;
    mock.join();
    Ok(())
}
