//! `comity terms`: what the people do who write terms and read decisions.

mod check;
mod diff;
mod fmt;
mod packs;
pub(crate) mod settings;
pub(crate) mod source;
mod test;
mod why;

use crate::exit::Exit;
use crate::output::Output;

const EXAMPLES: &str = "\
Examples:
  comity terms check terms/nation.cedar terms/own.cedar   check layers, outermost first
  comity terms packs                                      list the shipped packs
  comity terms check uk-domestic --set home=FR            check a shipped pack
  comity terms fmt --check terms/*.cedar                  fail if a file is not in canonical format
  comity terms test packs/uk-public/tests                 run the tests of a pack
  comity terms diff uk-public eu-gdpr,own.cedar           what other terms decide otherwise
  comity terms why 3f9a2c                                 explain a decision of the ledger";

/// Check, format, test and explain terms
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Check that layers of terms load, and that the catalogue knows every name in them
    Check(check::Args),
    /// Rewrite files of terms in canonical format
    Fmt(fmt::Args),
    /// Run tests of terms: a call, a catalogue, an expected decision with reasons
    Test(test::Args),
    /// Compare two terms: which offerings, for which data, change their verdict, and which terms make the difference
    Diff(diff::Args),
    /// List the shipped packs of terms, with what can be set in each
    Packs(packs::Args),
    /// Explain a decision from the ledger, under the terms and facts of its day
    Why(why::Args),
}

pub(crate) fn run(args: Args, output: Output) -> anyhow::Result<Exit> {
    match args.command {
        Command::Check(args) => check::run(&args, output),
        Command::Fmt(args) => fmt::run(&args),
        Command::Test(args) => test::run(&args, output),
        Command::Diff(args) => diff::run(&args, output),
        Command::Packs(args) => packs::run(&args, output),
        Command::Why(args) => why::run(&args, output),
    }
}
