//! `comity detect`: what the detectors see in a text, how good they are, and how to teach them names.
//!
//! It shows a text to the person who gave it and to nobody else: nothing is stored, sent or logged, and no error quotes it.

mod dataset_files;
mod eval;
mod kinds;
mod language;
mod scan;
mod train;
mod using;

use crate::exit::Exit;
use crate::output::Output;

const EXAMPLES: &str = "\
Examples:
  comity detect letter.txt                         findings in colour, and where they are
  comity detect - --output json < letter.txt
  comity detect --gazetteer person=staff.txt --model names.crf letter.txt
  comity detect --fail-if-found prompt.txt         exit code 1 if there is anything
  comity detect kinds --country BR
  comity detect train annotated/ --languages es --out names.crf
  comity detect eval annotated-too/ --model names.crf

A file that is called `eval`, `train` or `kinds` is written `./eval`.";

/// Find personal data and secrets in a text; measure and train what finds them
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten)]
    look: scan::Look,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Measure on annotated texts: what leaks, what is found, what is found in vain
    Eval(eval::Args),
    /// Train a model on annotated texts of your own, so that it finds names in others like them
    Train(train::Args),
    /// The kinds of data that are known, by country
    Kinds(kinds::Args),
}

/// Looks, measures, trains or lists.
pub(crate) fn run(args: &Args, output: Output) -> anyhow::Result<Exit> {
    match &args.what {
        None => scan::run(&args.look, output),
        Some(What::Eval(args)) => eval::run(args, output),
        Some(What::Train(args)) => train::run(args, output),
        Some(What::Kinds(args)) => kinds::run(args, output),
    }
}
