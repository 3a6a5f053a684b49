//! Power cuts, kills, failing disks and jumping clocks against the ledger's store; exit code 1 and the seed when it breaks a promise.
//!
//! The file functions of the C library are replaced in this binary alone (`interpose.rs`).

mod interpose;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::{Parser, Subcommand};
use comity_bench::crash::planted::{self, Bug};
use comity_bench::crash::{CrashError, clock, faults, journal, kill, model};

const EXAMPLES: &str = "\
Examples:
  crash model --seeds 10000                       10,000 power cuts
  crash model --seed 4711                         one of them again
  crash planted                                   the harness finds bugs (build with --features planted-bugs)
  crash kill --rounds 1000                        SIGKILL under load
  crash faults --seeds 500                        disk full, EIO, read-only
  crash clock                                     the clock jumps by days";

/// Breaks the ledger's store in every way that it must survive.
#[derive(Parser)]
#[command(after_help = EXAMPLES)]
struct Args {
    #[command(subcommand)]
    command: Command,
    /// Folder to work in; a new one in the system's folder for temporary files if none is given.
    #[arg(long, global = true)]
    folder: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Command {
    /// Power cuts: what was flushed is kept, of the rest any 512-byte sectors.
    Model {
        /// How many power cuts.
        #[arg(long, default_value_t = 300)]
        seeds: u64,
        /// Only this one.
        #[arg(long)]
        seed: Option<u64>,
    },
    /// Plants five bugs one after the other; each must be caught within 100 seeds.
    Planted,
    /// SIGKILL under load.
    Kill {
        /// How many kills.
        #[arg(long, default_value_t = 12)]
        rounds: u64,
        /// Another one kills at other moments.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Disks that fail for a while: full, EIO on write and on flush, read-only, forbidden.
    Faults {
        /// How many runs; each takes the next kind of fault.
        #[arg(long, default_value_t = 30)]
        seeds: u64,
        /// Only this one.
        #[arg(long)]
        seed: Option<u64>,
    },
    /// A clock that jumps by days, forwards and back.
    Clock {
        /// How many jumps.
        #[arg(long, default_value_t = 100)]
        jumps: u64,
        /// Another one jumps otherwise.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// The process that `kill` kills.
    #[command(hide = true)]
    KillChild {
        #[arg(long)]
        round: u64,
    },
}

fn main() -> ExitCode {
    let args = Args::parse();
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<(), CrashError> {
    let temporary = tempfile::tempdir().map_err(harness)?;
    let folder = args.folder.as_deref().unwrap_or(temporary.path());
    let done = sees_files().and_then(|()| match &args.command {
        Command::Model { seeds, seed } => model(folder, *seeds, *seed),
        Command::Planted => plant(folder),
        Command::Kill { rounds, seed } => kill(folder, *rounds, *seed),
        Command::Faults { seeds, seed } => faults(folder, *seeds, *seed),
        Command::Clock { jumps, seed } => {
            let leaves = clock::run(&folder.join("run"), *seed, *jumps)?;
            println!("clock jumps  {jumps}, {leaves} leaves, every checkpoint a beginning of the next");
            Ok(())
        }
        Command::KillChild { round } => kill::child(folder, *round),
    });
    if done.is_err() && args.folder.is_none() {
        eprintln!("kept: {}", temporary.keep().display());
    }
    done
}

fn harness(error: std::io::Error) -> CrashError {
    CrashError::Harness(error.to_string())
}

/// If the linker had taken the C library's functions, nothing would be recorded and every check would pass.
fn sees_files() -> Result<(), CrashError> {
    let probe = tempfile::tempdir().map_err(harness)?;
    journal::start(probe.path());
    let written = std::fs::write(probe.path().join("file"), b"seen");
    let events = journal::stop();
    written.map_err(harness)?;
    let seen = events.iter().any(|event| matches!(event, journal::Event::Written(_, 0, bytes) if bytes == b"seen"));
    if seen { Ok(()) } else { Err(CrashError::Harness("file operations are not seen".to_owned())) }
}

fn model(folder: &Path, seeds: u64, seed: Option<u64>) -> Result<(), CrashError> {
    let (first, seeds) = seed.map_or((0, seeds), |seed| (seed, 1));
    let plan = model::Plan { first, seeds, bug: None, folder: folder.to_owned() };
    let start = Instant::now();
    let tally = model::run(&plan, |tally| {
        if tally.seeds.is_multiple_of(500) {
            eprintln!("{} of {seeds} power cuts, 0 losses, {:.0} s", tally.seeds, start.elapsed().as_secs_f64());
        }
    });
    let tally = tally.map_err(|failed| told("model", failed))?;
    println!("power cuts   {}, 0 losses ({:.0}/s)", tally.seeds, f64_of(tally.seeds) / start.elapsed().as_secs_f64());
    println!("recordings   {} with {} file operations", tally.recordings, tally.events);
    println!("promises     {} checked", tally.promises);
    Ok(())
}

fn told(command: &str, failed: model::Failed) -> CrashError {
    let model::Failed { seed, error, state } = failed;
    let state = state.map(|state| format!("\nstate: {}", state.display())).unwrap_or_default();
    CrashError::Broken(format!("seed {seed}: {error}{state}\n\nhint: again with `crash {command} --seed {seed}`"))
}

fn kill(folder: &Path, rounds: u64, seed: u64) -> Result<(), CrashError> {
    let program = std::env::current_exe().map_err(harness)?;
    let plan = kill::Plan { program, rounds, seed, folder: folder.join("killed") };
    let tally = kill::run(&plan, |round| {
        if round.is_multiple_of(100) {
            eprintln!("{round} of {rounds} kills, 0 losses");
        }
    })?;
    println!("kills        {}, 0 losses, 0 forks", tally.rounds);
    println!("leaves       {}, {} of them acknowledged decisions", tally.leaves, tally.acknowledged);
    println!("ready again  p50 {:?}, p99 {:?}", tally.ready_within(50), tally.ready_within(99));
    Ok(())
}

fn faults(folder: &Path, seeds: u64, seed: Option<u64>) -> Result<(), CrashError> {
    let (first, seeds) = seed.map_or((0, seeds), |seed| (seed, 1));
    let plan = faults::Plan { first, seeds, folder: folder.to_owned() };
    let tally = faults::run(&plan, |tally| {
        if tally.runs.is_multiple_of(100) {
            eprintln!("{} of {seeds} runs", tally.runs);
        }
    });
    let tally = tally.map_err(|failed| told("faults", failed))?;
    println!("runs         {} of disks that failed {} times, 0 losses", tally.runs, tally.met);
    println!("meanwhile    {} requests refused, {} leaves acknowledged", tally.refused, tally.acknowledged);
    println!("went on      by itself; {} times the store had been closed meanwhile", tally.closed);
    Ok(())
}

fn f64_of(count: u64) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

fn plant(folder: &Path) -> Result<(), CrashError> {
    for bug in Bug::ALL {
        let (seeds, how) = planted::catch(bug, &folder.join(format!("{bug:?}")))?;
        println!("{:<18} caught by seed {seeds}: {how}", format!("{bug:?}"));
    }
    Ok(())
}
