//! `comity ledger`: what was decided, that nobody changed it since, and what outsiders need to check that for themselves.
//!
//! All but `erase` and `prune` only read, also while a gateway runs.

mod checkpoint;
mod disclose;
mod erase;
mod export;
mod given;
mod log;
mod proof;
mod prune;
mod receipts;
mod show;
mod verify;
pub(crate) mod writer;

use clap::Subcommand;

use crate::exit::Exit;
use crate::output::Output;

pub(crate) use verify::counted;

const EXAMPLES: &str = "\
Examples:
  comity ledger show                     the last 20 leaves
  comity ledger verify                   recompute every hash: exit code 5 if one is wrong
  comity ledger proof 4f2a91 > 4f2a91.tlog-proof
  comity ledger verify 4f2a91.tlog-proof --key \"$(cat log.vkey)\"
  comity ledger export ./log             a folder that any static host can serve
  comity ledger verify https://ledger.example.org/ledger --key \"$(cat log.vkey)\"
  comity ledger erase --data-subject 4711 --reason request";

/// The ledger: every decision, what became of it, and proofs for outsiders
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Leaves of the ledger, or all about one decision
    Show(show::Args),
    /// Recompute a ledger from its leaves: this one, an exported one, or one on the net; or check a proof
    Verify(verify::Args),
    /// The checkpoint that others see now
    Checkpoint(checkpoint::Args),
    /// One text file that proves a decision offline
    Proof(proof::Args),
    /// Open chosen fields of a decision to an auditor
    Disclose(disclose::Args),
    /// Write the ledger as a folder of tiles that any static host can serve
    Export(export::Args),
    /// Destroy the keys of private records, and say so in the ledger
    Erase(erase::Args),
    /// Take away the oldest leaves; later proofs stay valid
    Prune(prune::Args),
}

/// Runs the subcommand.
pub(crate) fn run(args: Args, output: Output) -> anyhow::Result<Exit> {
    match args.what {
        What::Show(args) => show::run(&args, output),
        What::Verify(args) => verify::run(&args, output),
        What::Checkpoint(args) => checkpoint::run(&args, output),
        What::Proof(args) => proof::run(&args, output),
        What::Disclose(args) => disclose::run(&args, output),
        What::Export(args) => export::run(&args, output),
        What::Erase(args) => erase::run(args, output),
        What::Prune(args) => prune::run(&args, output),
    }
}
