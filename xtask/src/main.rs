//! The chores of this repository as one command, `cargo xtask`: what continuous integration runs, and what a person runs before it.
//! Nothing here is shipped, and nothing here changes a file outside the target folder unless the command says so.

mod bench;
mod cvc5;
mod debian;
mod generate;
mod go;
mod project;
mod python;
mod shell;
mod test;
mod tidy;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use project::Project;

/// Checks and chores of this repository.
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Args {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Check the shape of the tree: imports between rooms, crates, file names, first lines, paths
    Tidy,
    /// Write the generated pages anew
    Gen(generate::Args),
    /// Run every check and test, as continuous integration does
    Test(test::Args),
    /// Measure
    Bench(bench::Args),
}

fn main() -> ExitCode {
    match run(Args::parse().task) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// False: the task ran and found something wrong, and has said what.
fn run(task: Task) -> anyhow::Result<bool> {
    let project = Project::find()?;
    match task {
        Task::Tidy => tidy::run(&project),
        Task::Gen(args) => generate::run(&project, &args),
        Task::Test(args) => test::run(&project, &args),
        Task::Bench(args) => bench::run(&project, &args),
    }
}
