//! `comity ledger verify`: this store, an exported folder, a log on the net, a proof file or a disclosure.
//!
//! Exit code 5 means that something is refuted; what could not be looked at ends with 1. Nothing is trusted because it came with what it vouches
//! for.

mod audited;
mod store;

use std::path::{Path, PathBuf};

use comity_ledger::Checkpoint;

use super::given::{Trust, read};
use super::{disclose, proof};
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::place::Place;

pub(crate) use store::counted;

const EXAMPLES: &str = "\
Examples:
  comity ledger verify                            this store, also while a gateway runs
  comity ledger verify --store backup/comity.db   a copy from elsewhere
  comity ledger verify ./log --key log.vkey       what `comity ledger export` wrote
  comity ledger verify https://ledger.example.org/ledger --policy witnesses.policy \\
      --from last-year.checkpoint
  comity ledger verify ./log --key log.vkey --receipts receipts.txt
  comity ledger verify 4f2a91.tlog-proof --key log.vkey

Exit code 5 if a hash or signature is wrong, an outcome or a receipt's leaf is missing,
or the store lacks terms that a decision names.";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// A folder or an address of a log, a proof file, or a disclosure; without it, this store
    #[arg(value_name = "DIR|URL|FILE", conflicts_with_all = ["store", "config"])]
    target: Option<String>,
    #[command(flatten)]
    trust: Trust,
    /// A checkpoint seen before: the log must begin with what it covers
    #[arg(long, value_name = "CHECKPOINT")]
    from: Option<PathBuf>,
    /// A file with `comity-leaf` headers of one key that a client kept: each must be in the log
    #[arg(long, value_name = "FILE", requires = "target")]
    receipts: Option<PathBuf>,
    /// The first leaf that is left in a log that was pruned
    #[arg(long, value_name = "INDEX", requires = "target")]
    minimum: Option<u64>,
    /// The token of an auditor, for a log on the net
    #[arg(long, value_name = "TOKEN", env = "COMITY_AUDITOR_TOKEN", hide_env_values = true)]
    token: Option<String>,
    #[command(flatten)]
    place: Place,
}

/// Verifies.
pub(crate) fn run(args: &Args, output: Output) -> anyhow::Result<Exit> {
    let Some(target) = &args.target else { return store::verify(args, output) };
    if target.is_empty() {
        return Err(Failure::new(Exit::Usage, "the log to verify has no name").hint("for the current folder, say `.`").into());
    }
    let path = Path::new(target);
    if !path.is_file() {
        return audited::verify(args, target, output);
    }
    args.refuse_what_is_for_logs(path)?;
    let bytes = read(path)?;
    if disclose::is_disclosure(&bytes) { disclose::verify(&args.trust, &bytes, output) } else { proof::verify(&args.trust, &bytes, output) }
}

// === impl Args ===

impl Args {
    /// What would silently not be looked at.
    fn refuse_what_is_for_logs(&self, path: &Path) -> anyhow::Result<()> {
        let given = [("--from", self.from.is_some()), ("--receipts", self.receipts.is_some()), ("--minimum", self.minimum.is_some())];
        let Some((option, _)) = given.into_iter().find(|(_, given)| *given) else { return Ok(()) };
        let failure = Failure::new(Exit::Usage, format!("`{option}` is about a whole log, and `{}` is one file", path.display()));
        Err(failure.hint("name the folder or the address of the log").into())
    }
}

/// What was looked at is not what it should be.
pub(super) fn wrong(message: impl Into<String>) -> Failure {
    Failure::new(Exit::VerificationFailed, message.into())
}

/// The log is not a continuation of what was seen before.
fn not_a_beginning(old: &Checkpoint) -> Failure {
    let leaves = if old.size() == 1 { "one leaf that was".to_owned() } else { format!("{} leaves that were", old.size()) };
    wrong(format!("the log does not begin with the {leaves} seen before: its past was changed or cut off"))
        .hint("keep both checkpoints: together they prove it to anybody")
}

/// A checkpoint that says nothing about this log.
fn not_of_this_log(path: &Path, (old, new): (&Checkpoint, &Checkpoint)) -> Failure {
    if old.origin() == new.origin() {
        return wrong(format!("the checkpoint in `{}` is not signed by this log", path.display()));
    }
    wrong(format!("the checkpoint in `{}` is of the log `{}`, this one is `{}`", path.display(), old.origin(), new.origin()))
}
