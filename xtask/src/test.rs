//! Everything that must hold before a change lands, in one command: the same on a person's machine and in continuous integration.
//! A step that fails does not hide the next ones; the last line counts all tests of all steps.

mod clients;
pub(crate) mod ledger;
mod tally;

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::bail;
use clap::ValueEnum;

use crate::project::{Project, cargo};
use crate::{cvc5, generate, shell, tidy};
use tally::Tally;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Steps to run, in their usual order; all if none is named
    steps: Vec<Step>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Step {
    /// cargo fmt --check
    Format,
    /// cargo clippy, warnings denied
    Lint,
    /// Shape of the tree
    Tidy,
    /// Build the programs
    Build,
    /// Generated pages are fresh
    Pages,
    /// The demonstration model is installed, for tests only
    Model,
    /// Unit and integration tests
    Tests,
    /// Examples in the documentation
    Doctests,
    /// Real client packages (Python and Node) against a gateway
    Clients,
    /// An exported ledger, checked by verifiers of others (Python and Go)
    Ledger,
    /// comity demo
    Demo,
}

/// Exports into S3-compatible storage: tests/ledger/ runs them. One build has it in all steps, so that nothing is built twice.
const S3: &str = "comity/s3";

/// The folder of texts of others that tests read (CONTRIBUTING.md), and where it is looked for, from the root.
const FIXTURES: &str = "COMITY_FIXTURES";
const FIXTURES_BESIDE: &str = "../shared/fixtures";
/// The library of ONNX Runtime.
const RUNTIME: &str = "ORT_DYLIB_PATH";

/// What a step did: tests that it counted, and whether it passed.
struct Done {
    step: Step,
    tally: Tally,
    passed: bool,
    time: Duration,
}

pub(crate) fn run(project: &Project, args: &Args) -> anyhow::Result<bool> {
    let mut all = Vec::new();
    for step in Step::value_variants() {
        if args.steps.is_empty() || args.steps.contains(step) {
            all.push(run_step(project, *step));
        }
    }
    Ok(summarise(&all))
}

fn run_step(project: &Project, step: Step) -> Done {
    eprintln!("\n=== {} ===", name(step));
    let start = Instant::now();
    let outcome = perform(project, step);
    let (tally, passed) = match outcome {
        Ok(tally) => (tally, tally.failed == 0),
        Err(error) => {
            eprintln!("error: {error:#}");
            (Tally { passed: 0, failed: 1 }, false)
        }
    };
    Done { step, tally, passed, time: start.elapsed() }
}

fn perform(project: &Project, step: Step) -> anyhow::Result<Tally> {
    match step {
        Step::Format => check(cargo_in(project).args(["fmt", "--all", "--check"])),
        Step::Lint => {
            check(cargo_in(project).args(["clippy", "--workspace", "--all-targets", "--all-features", "--quiet", "--", "-D", "warnings"]))
        }
        Step::Tidy => Ok(Tally::one(tidy::run(project)?)),
        // With the tests, so that features are the same in all steps and nothing is built twice.
        Step::Build => check(cargo_in(project).args(["build", "--workspace", "--bins", "--tests", "--features", S3])),
        Step::Pages => Ok(Tally::one(generate::check(project)?)),
        Step::Model => check(comity(project).args(["model", "install", "smollm2"])),
        Step::Tests => tests(project),
        Step::Doctests => counted(cargo_in(project).args(["test", "--workspace", "--doc", "--quiet", "--features", S3])),
        Step::Clients => clients::run(project),
        Step::Ledger => ledger::run(project),
        Step::Demo => check(comity(project).arg("demo")),
    }
}

/// With nextest where it is installed, because it runs the tests of all crates side by side.
fn tests(project: &Project) -> anyhow::Result<Tally> {
    let mut command = cargo_in(project);
    if shell::has("cargo-nextest", "--version") {
        command.args(["nextest", "run", "--workspace", "--features", S3, "--no-fail-fast", "--status-level", "slow", "--color", "never"]);
    } else {
        command.args(["test", "--workspace", "--features", S3, "--lib", "--bins", "--tests", "--no-fail-fast"]);
    }
    command.env("COMITY_DATA", data_folder(project)).env(cvc5::VARIABLE, cvc5::program(project)?).arg("--");
    outside(project, &mut command);
    counted(&mut command)
}

/// What is not in the repository. A test that needs some of it is either run, and fails without it, or is left out and not counted.
fn outside(project: &Project, command: &mut Command) {
    let named = |variable| std::env::var_os(variable).is_some_and(|path| !path.is_empty());
    let beside = project.root.join(FIXTURES_BESIDE);
    match (named(FIXTURES), beside.is_dir()) {
        (true, _) => {}
        (false, true) => {
            command.env(FIXTURES, beside);
        }
        (false, false) => {
            eprintln!("note: tests on texts of others are left out: {FIXTURES} names no folder of them");
            command.args(["--skip", "of_others"]);
        }
    }
    if !named(RUNTIME) {
        eprintln!("note: tests of models on ONNX Runtime are left out: {RUNTIME} names no library");
        command.args(["--skip", "on_onnx_runtime"]);
    }
}

/// A command that is one test by itself.
fn check(command: &mut Command) -> anyhow::Result<Tally> {
    shell::run(command)?;
    Ok(Tally::one(true))
}

/// A command that runs tests and says how many.
fn counted(command: &mut Command) -> anyhow::Result<Tally> {
    let (status, lines) = shell::tee(command)?;
    let tally = Tally::of(&lines);
    if !status.success() && tally.failed == 0 {
        bail!("the tests ended with {status}");
    }
    Ok(tally)
}

fn cargo_in(project: &Project) -> Command {
    let mut command = Command::new(cargo());
    command.current_dir(&project.root);
    command
}

fn comity(project: &Project) -> Command {
    let mut command = Command::new(project.program("debug", "comity"));
    command.current_dir(&project.target).env("COMITY_DATA", data_folder(project));
    command
}

/// The user's data folder for all tests: holds the demonstration model, which is a large download.
fn data_folder(project: &Project) -> std::path::PathBuf {
    project.target.join("comity-data")
}

fn name(step: Step) -> String {
    step.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

/// Prints one line a step and the count of all tests; true if every step passed.
fn summarise(all: &[Done]) -> bool {
    eprintln!("\n=== summary ===");
    let mut sum = Tally::default();
    for done in all {
        let verdict = if done.passed { "ok" } else { "FAILED" };
        let (passed, failed) = (done.tally.passed, done.tally.failed);
        eprintln!("{:<10} {verdict:<7} {passed:>5} passed, {failed} failed {:>7.1} s", name(done.step), done.time.as_secs_f64());
        sum.add(done.tally);
    }
    println!("{} passed, {} failed", sum.passed, sum.failed);
    all.iter().all(|done| done.passed)
}
