//! `comity ledger checkpoint`: the signed note that others see, and the key that verifies it.

use comity_ledger::{KeyKind, VerifierKey};
use comity_store::Reader;
use serde_json::json;

use super::given::{published, signed};
use crate::exit::{Exit, Failure};
use crate::output::{self, Output};
use crate::place::Place;

const EXAMPLES: &str = "\
Examples:
  comity ledger checkpoint > today.checkpoint    keep it: nobody can change the past behind it
  comity ledger verify --from today.checkpoint   a year later
  comity ledger checkpoint --key                 the key to give to auditors and witnesses";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Print the verifier key instead
    #[arg(long)]
    key: bool,
    #[command(flatten)]
    place: Place,
}

/// Prints it.
pub(crate) fn run(args: &Args, output: Output) -> anyhow::Result<Exit> {
    let reader = args.place.reader()?;
    let published = published(&reader)?;
    let key = key_of(&reader, signed(&published)?.unverified().origin());
    match output {
        Output::Json => output::json(&json!({
            "size": published.head.size, "root": published.head.root, "note": published.note, "key": key.map(|key| key.to_string()),
        }))?,
        Output::Human if args.key => match key {
            Some(key) => output::data(&key.to_string())?,
            None => return Err(no_key()),
        },
        Output::Human => output::piece(&published.note)?,
    }
    Ok(Exit::Ok)
}

fn no_key() -> anyhow::Error {
    let failure = Failure::new(Exit::Failed, "the key cannot be read: the file with the master key, or its passphrase, is not here");
    failure.hint("run this where the gateway's store lies, with its `comity.toml`, or get `/ledger/log.vkey` from the gateway").into()
}

/// The log's verifier key under its origin; none when the master key is not here.
pub(crate) fn key_of(reader: &Reader, origin: &str) -> Option<VerifierKey> {
    VerifierKey::new(origin, KeyKind::Ed25519, &reader.public_key()?).ok()
}
