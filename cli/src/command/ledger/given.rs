//! What a verifier brings along: keys that it trusts, and checkpoints that it has seen before.
//!
//! Nothing that comes with a log is trusted because it came with it; where nothing else is given, that is said.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use comity_ledger::{KeyError, Policy, SignedCheckpoint, VerifierKey};
use comity_store::{Published, Reader};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::exit::{Exit, Failure};
use crate::place;

/// More than a disclosure of a body and an answer of 16 MiB each, and more than ten million receipts take.
const FILE_BYTES_MAX: u64 = 1 << 30;

/// Whose signatures count.
#[derive(Debug, clap::Args)]
pub(crate) struct Trust {
    /// The log's verifier key (C2SP vkey), or a file with it
    #[arg(long, value_name = "VKEY|FILE")]
    key: Option<String>,
    /// A file in the form of C2SP tlog-policy: logs, witnesses and the quorum that must have cosigned; with `--key`, of that log
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
}

// === impl Trust ===

impl Trust {
    /// The policy that was given; none when nothing was.
    pub(crate) fn policy(&self) -> anyhow::Result<Option<Policy>> {
        match (&self.key, &self.policy) {
            (Some(key), None) => Ok(Some(policy_of(key_of(key)?)?)),
            (Some(key), Some(path)) => Ok(Some(policy_in(path)?.for_log(key_of(key)?))),
            (None, Some(path)) => {
                let policy = policy_in(path)?;
                if policy.logs().is_empty() {
                    let failure =
                        Failure::new(Exit::Usage, format!("`{}` says who must cosign, and of which log it does not", path.display()));
                    return Err(failure.hint("give the log's key with `--key` too, or add a line `log VKEY`").into());
                }
                Ok(Some(policy))
            }
            (None, None) => Ok(None),
        }
    }

    /// The policy, without which `what` proves nothing: it does not bring a key along as a log does.
    pub(crate) fn required(&self, what: &str) -> anyhow::Result<Policy> {
        Ok(self.policy()?.ok_or_else(|| {
            Failure::new(Exit::Usage, format!("{what} proves nothing without a key"))
                .hint("give the log's verifier key with `--key`, or a policy with `--policy`")
        })?)
    }
}

fn policy_in(path: &Path) -> anyhow::Result<Policy> {
    Ok(Policy::from_bytes(&read(path)?).map_err(|error| {
        Failure::new(Exit::Invalid, format!("`{}`, line {}: {}", path.display(), error.line, error.problem))
            .maybe_hint(error.hint().map(str::to_owned))
    })?)
}

/// The policy that asks for one log's signature and for no witness.
pub(crate) fn policy_of(key: VerifierKey) -> anyhow::Result<Policy> {
    let policy = Policy::from_bytes(format!("log {key}\nquorum none\n").as_bytes());
    Ok(policy.map_err(|error| Failure::new(Exit::Usage, format!("`{key}` cannot be the key of a log: {}", error.problem)))?)
}

/// A verifier key as text, or the file that holds it.
pub(crate) fn key_of(text: &str) -> anyhow::Result<VerifierKey> {
    let path = Path::new(text);
    if path.is_file() {
        let text = String::from_utf8_lossy(&read(path)?).into_owned();
        // What else it holds is nobody's business here, and may be long.
        return text.trim().parse().map_err(|_: KeyError| not_a_key(format!("`{}` holds no verifier key", path.display())));
    }
    if !text.contains('+') {
        return Err(not_a_key(format!("`{text}` is neither a file nor a verifier key")));
    }
    text.trim().parse().map_err(|error: KeyError| not_a_key(error.to_string()))
}

fn not_a_key(message: String) -> anyhow::Error {
    Failure::new(Exit::Usage, message).hint("give the key, or the name of a file with it").into()
}

/// A signed checkpoint in a file.
pub(crate) fn checkpoint_in(path: &Path) -> anyhow::Result<SignedCheckpoint> {
    let checkpoint = SignedCheckpoint::from_bytes(&read(path)?);
    Ok(checkpoint.map_err(|error| {
        Failure::new(Exit::Usage, format!("`{}` is not a checkpoint: {error}", path.display())).hint(
            "name a file that holds what `comity ledger checkpoint` printed, or what an address of a log answered below `/checkpoint`",
        )
    })?)
}

/// A day on the command line.
pub(crate) fn day(text: &str) -> Result<Date, String> {
    text.parse().map_err(|_| format!("`{text}` is not a day: write it like `2026-01-31`"))
}

/// This day (UTC).
pub(crate) fn today() -> Date {
    Timestamp::now().to_zoned(TimeZone::UTC).date()
}

/// What goes for ever is asked for with a day that has come.
pub(crate) fn in_the_future(date: Date) -> anyhow::Error {
    Failure::new(Exit::Usage, format!("`{date}` lies in the future")).hint("is it another year that you mean?").into()
}

/// The checkpoint of a store that others see now.
pub(crate) fn published(reader: &Reader) -> anyhow::Result<Published> {
    let published = reader.published().map_err(place::failure)?;
    Ok(published.ok_or_else(|| {
        Failure::new(Exit::Failed, "this ledger has no checkpoint yet")
            .hint("start the gateway with `comity up`: it publishes one within a second, or as soon as its witnesses agree")
    })?)
}

/// The signed checkpoint in what was published.
pub(crate) fn signed(published: &Published) -> anyhow::Result<SignedCheckpoint> {
    let signed = SignedCheckpoint::from_bytes(published.note.as_bytes());
    Ok(signed.map_err(|error| Failure::new(Exit::VerificationFailed, format!("the published checkpoint cannot be read: {error}")))?)
}

/// The whole file, which somebody else may have written.
pub(crate) fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let failed = |error: &dyn std::fmt::Display| Failure::new(Exit::Usage, format!("cannot read `{}`: {error}", path.display()));
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| failed(&error).hint("check the name of the file"))?;
    file.take(FILE_BYTES_MAX.saturating_add(1)).read_to_end(&mut bytes).map_err(|error| failed(&error))?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= FILE_BYTES_MAX) { Ok(bytes) } else { Err(failed(&"it is too large").into()) }
}
