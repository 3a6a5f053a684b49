//! `comity catalogue`: what is known about offerings, from whom, and how strongly.
//!
//! It shows the shipped catalogue with the organisation's own folder over it. Unknown is shown as unknown, never guessed.

mod check;
mod diff;
mod filter;
mod import;
mod list;
mod show;
pub(crate) mod words;

use std::path::PathBuf;

use comity_catalogue::{Catalogue, Problem, Severity};
use comity_vocab::Instant;

use crate::catalogue_files;
use crate::clock;
use crate::exit::{Exit, Failure, Note};
use crate::output::{self, NOTE, Output, styled};

const EXAMPLES: &str = "\
Examples:
  comity catalogue list --country FR --sort price
  comity catalogue list --control US --attestation 1 --csv
  comity catalogue list --serves \"personal under eu-gdpr\"
  comity catalogue show mistral/mistral-small-latest@eu --why
  comity catalogue show eu_adequate                        who is in a bloc, since when, by which source
  comity catalogue check ./our-catalogue
  comity catalogue diff shipped ./our-catalogue
  comity catalogue import litellm-1.109.1-py3-none-any.whl --into ./our-catalogue --dry-run";

/// The catalogue: facts about offerings, each with its source
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Every offering: whose, where, and what protects
    List(Box<list::Args>),
    /// Everything about one offering, bloc, law or country, with its sources
    Show(show::Args),
    /// Check the files: exit code 4 if a fact has no source or a line is wrong
    Check(check::Args),
    /// What one catalogue says otherwise than another
    Diff(diff::Args),
    /// Take over prices from an open price list; hand-made prices stay
    Import(import::Args),
}

/// Which catalogue.
#[derive(Debug, clap::Args)]
struct From {
    /// A folder of catalogue files: over the shipped catalogue, unless it has lists of its own
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct At {
    /// The blocs, laws and unexpired facts of this day instead of today's
    #[arg(long, value_name = "DATE", value_parser = clock::parse)]
    at: Option<Instant>,
}

/// Lists, shows, checks, compares or imports.
pub(crate) fn run(args: Args, output: Output) -> anyhow::Result<Exit> {
    match args.what {
        What::List(args) => list::run(&args, output),
        What::Show(args) => show::run(&args, output),
        What::Check(args) => check::run(&args, output),
        What::Diff(args) => diff::run(&args, output),
        What::Import(args) => import::run(&args, output),
    }
}

/// Every error of a catalogue that does not load, for `exit` to print; warnings are printed on the way.
pub(crate) fn invalid(problems: &[Problem]) -> Failure {
    let (errors, warnings): (Vec<_>, Vec<_>) = problems.iter().partition(|problem| problem.severity == Severity::Error);
    warnings.into_iter().for_each(warn);
    let note = |problem: &Problem| Note { message: problem.to_string(), hint: problem.hint.clone() };
    Failure::all(Exit::Invalid, errors.into_iter().map(note).collect())
}

fn warn(problem: &Problem) {
    output::say(&format!("{}: {problem}", styled(NOTE, "warning")));
    if let Some(hint) = &problem.hint {
        output::say(&format!("  {hint}"));
    }
}

// === impl From ===

impl From {
    /// The catalogue, or every problem in it.
    fn load(&self) -> anyhow::Result<Catalogue> {
        let files = catalogue_files::over_shipped(self.folder.as_deref())?;
        Catalogue::parse(files).map_err(|problems| invalid(&problems).into())
    }
}

// === impl At ===

impl At {
    fn instant(&self) -> Instant {
        self.at.unwrap_or_else(clock::now)
    }
}
