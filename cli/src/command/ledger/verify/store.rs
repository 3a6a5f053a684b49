//! This store, checked against itself and against what outsiders bring along. It is read as it is at one moment, also while a gateway writes.

use std::fmt::Write as _;
use std::path::Path;

use comity_ledger::SignedCheckpoint;
use comity_store::{Reader, Verified};
use serde_json::{Value, json};

use super::{Args, not_a_beginning, not_of_this_log, wrong};
use crate::command::ledger::checkpoint::key_of;
use crate::command::ledger::given::{checkpoint_in, published, signed};
use crate::exit::Exit;
use crate::output::{self, Output};
use crate::place;

/// Verifies, and says what was found.
pub(super) fn verify(args: &Args, output: Output) -> anyhow::Result<Exit> {
    let reader = args.place.reader()?;
    let verified = reader.verify().map_err(place::failure)?;
    if let Some(policy) = args.trust.policy()? {
        let checkpoint = signed(&published(&reader)?)?;
        policy.satisfied_by(&checkpoint).map_err(|error| wrong(format!("the published checkpoint is not to be trusted: {error}")))?;
    }
    if let Some(path) = &args.from {
        check_beginning(&reader, &verified, path)?;
    }
    match output {
        Output::Json => output::json(&verified_json(&verified))?,
        Output::Human => {
            output::data(&format!("root {}", verified.root))?;
            output::data(&counted(&verified))?;
        }
    }
    if verified.generations_missing > 0 {
        let message = format!("{} decisions name terms or a catalogue that the store does not hold", verified.generations_missing);
        return Err(wrong(message).hint("the ledger itself is whole; restore the store from a backup to explain them").into());
    }
    Ok(Exit::Ok)
}

/// Whether the store begins with what a checkpoint covers. Without the master key its signature cannot be checked; its root always is.
fn check_beginning(reader: &Reader, verified: &Verified, path: &Path) -> anyhow::Result<()> {
    let old = checkpoint_in(path)?;
    let own = signed(&published(reader)?)?;
    let own = own.unverified();
    let of_another = |old: &SignedCheckpoint| key_of(reader, own.origin()).is_some_and(|key| old.verify(&key).is_err());
    if old.unverified().origin() != own.origin() || of_another(&old) {
        return Err(not_of_this_log(path, (old.unverified(), own)).into());
    }
    let old = old.unverified();
    if old.size() > verified.size || reader.root(old.size()).map_err(place::failure)? != old.root() {
        return Err(not_a_beginning(old).into());
    }
    Ok(())
}

/// A whole ledger in numbers; the demo prints them too.
pub(crate) fn counted(verified: &Verified) -> String {
    let permits = verified.decisions.saturating_sub(verified.denials);
    let mut line = format!("leaves {}: permits {permits}, denials {}, outcomes {}", verified.size, verified.denials, verified.outcomes);
    let extras = [
        (verified.events, "events"),
        (verified.checkpoints, "checkpoints"),
        (verified.minimum, "leaves pruned"),
        (verified.unknown_outcomes, "outcomes unknown"),
        (verified.open, "calls under way"),
        (verified.erased, "records erased"),
        (verified.sealed, "records sealed"),
    ];
    for (count, what) in extras.into_iter().filter(|(count, _)| *count > 0) {
        let _ = write!(line, ", {what} {count}");
    }
    line
}

fn verified_json(verified: &Verified) -> Value {
    json!({
        "root": verified.root, "size": verified.size, "decisions": verified.decisions, "denials": verified.denials,
        "outcomes": verified.outcomes, "unknown_outcomes": verified.unknown_outcomes, "open": verified.open,
        "events": verified.events, "checkpoints": verified.checkpoints, "minimum": verified.minimum,
        "records": verified.records, "erased": verified.erased, "sealed": verified.sealed,
        "generations_missing": verified.generations_missing,
    })
}
