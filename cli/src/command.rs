//! The commands: what may be written on the command line, and which file answers it.
//!
//! A command is one file: an `Args` struct and `run`, which returns how the process ends. None of them prints an error itself.

mod ask;
mod catalogue;
mod demo;
mod detect;
mod doctor;
mod generate;
mod keys;
mod ledger;
mod model;
mod prove;
mod refuse;
mod terms;
mod up;

use clap::{Parser, Subcommand};

use crate::exit::Exit;
use crate::output::Output;

/// Use any country's AI on your own country's terms.
#[derive(Debug, Parser)]
#[command(name = "comity", version, after_help = EXAMPLES, max_term_width = 100, disable_help_subcommand = true)]
pub(crate) struct Cli {
    /// How data is written to stdout: human or json
    #[arg(long, global = true, value_enum, default_value_t, value_name = "FORM", hide_possible_values = true)]
    pub(crate) output: Output,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXAMPLES: &str = "\
Examples:
  comity demo                  governed calls on this machine, in a minute
  comity up                    a gateway with what is found here
  comity ask 'What is comity in law?'
  comity terms why 4f2a        why a call was permitted or denied

Exit codes: 0 ok, permitted or proved, 1 failed or unknown, 2 usage, 3 denied or violated,
4 terms, catalogue or configuration invalid, 5 verification failed, 130 interrupted.";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Up(up::Args),
    Demo(demo::Args),
    Ask(ask::Args),
    Terms(terms::Args),
    Prove(Box<prove::Args>),
    Catalogue(catalogue::Args),
    Detect(Box<detect::Args>),
    Ledger(ledger::Args),
    Keys(keys::Args),
    Model(model::Args),
    Doctor(doctor::Args),
    #[command(name = "__gen", hide = true)]
    Generate(generate::Args),
}

impl Cli {
    /// What the person wrote; `--help` and `--version` print and end the process.
    pub(crate) fn read() -> anyhow::Result<Self> {
        Self::try_parse().map_err(|error| refuse::refuse(&error))
    }
}

/// Runs the command.
pub(crate) fn run(cli: Cli) -> anyhow::Result<Exit> {
    match cli.command {
        Command::Up(args) => up::run(&args, cli.output),
        Command::Demo(args) => demo::run(&args, cli.output),
        Command::Ask(args) => ask::run(&args, cli.output),
        Command::Terms(args) => terms::run(args, cli.output),
        Command::Prove(args) => prove::run(&args, cli.output),
        Command::Catalogue(args) => catalogue::run(args, cli.output),
        Command::Detect(args) => detect::run(&args, cli.output),
        Command::Ledger(args) => ledger::run(args, cli.output),
        Command::Keys(args) => keys::run(args, cli.output),
        Command::Model(args) => model::run(args, cli.output),
        Command::Doctor(args) => doctor::run(&args, cli.output),
        Command::Generate(args) => generate::run(&args),
    }
}
