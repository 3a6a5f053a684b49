//! `comity ledger verify`: this store, an exported folder, a log on the net, a proof file or a disclosure.
//!
//! Integrity (no byte was changed) and completeness (no call is missing) are two questions and get two answers. No tile is ever trusted: every
//! hash is recomputed from the entries, up to the root that was signed.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use comity_ledger::{AuditError, Census, Checkpoint, Counts, Policy, ProofFile, Satisfied, SignedCheckpoint, audit, check_growth};
use comity_store::Verified;
use comity_vocab::Instant;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::disclose;
use super::given::{Trust, checkpoint_in, key_of, policy_of, read};
use super::log::Log;
use super::receipts::{Checked, Receipts};
use crate::clock;
use crate::exit::{Exit, Failure};
use crate::output::{self, GOOD, Output, styled};
use crate::place::{self, Place};

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
    #[arg(value_name = "DIR|URL|FILE")]
    target: Option<String>,
    #[command(flatten)]
    trust: Trust,
    /// A checkpoint seen before: the log must begin with what it covers
    #[arg(long, value_name = "CHECKPOINT")]
    from: Option<PathBuf>,
    /// A file with `comity-leaf` headers that a client kept: each must be in the log
    #[arg(long, value_name = "FILE", requires = "target")]
    receipts: Option<PathBuf>,
    /// The first leaf that is left in a log that was pruned
    #[arg(long, value_name = "INDEX", default_value_t = 0, hide_default_value = true, requires = "target")]
    minimum: u64,
    /// The token of an auditor, for a log on the net
    #[arg(long, value_name = "TOKEN", env = "COMITY_AUDITOR_TOKEN", hide_env_values = true)]
    token: Option<String>,
    #[command(flatten)]
    place: Place,
}

/// Verifies.
pub(crate) fn run(args: &Args, output: Output) -> anyhow::Result<Exit> {
    let Some(target) = &args.target else { return verify_store(args, output) };
    let path = Path::new(target);
    if !path.is_file() {
        return verify_log(args, target, output);
    }
    let bytes = read(path)?;
    if disclose::is_disclosure(&bytes) { disclose::verify(&args.trust, &bytes, output) } else { verify_proof(args, &bytes, output) }
}

// === a store ===

fn verify_store(args: &Args, output: Output) -> anyhow::Result<Exit> {
    let reader = args.place.reader()?;
    let verified = reader.verify().map_err(place::failure)?;
    if let Some(path) = &args.from {
        let old = checkpoint_in(path)?;
        let old = old.unverified();
        if old.size() > verified.size || reader.root(old.size()).map_err(place::failure)? != old.root() {
            return Err(not_a_beginning(old).into());
        }
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
        return Err(Failure::new(Exit::VerificationFailed, message)
            .hint("the ledger itself is whole; restore the store from a backup to explain them")
            .into());
    }
    Ok(Exit::Ok)
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

// === a log ===

/// What an audit of a log came to.
struct Report {
    satisfied: Satisfied,
    signed: SignedCheckpoint,
    tiles: u64,
    first: u64,
    counts: Result<Counts, String>,
    receipts: Option<Result<Checked, String>>,
    /// The size of the checkpoint that was seen before.
    from: Option<u64>,
    key_came_along: bool,
}

/// What the visitor of an audit fills.
struct Seen {
    census: Census,
    wrong: Option<String>,
    receipts: Option<(Receipts, Checked)>,
    receipt_wrong: Option<String>,
}

fn verify_log(args: &Args, target: &str, output: Output) -> anyhow::Result<Exit> {
    let log = Log::open(target, args.token.clone())?;
    let report = Report::of(args, &log)?;
    match output {
        Output::Json => output::json(&report.json())?,
        Output::Human => report.tell()?,
    }
    report.exit()
}

// === impl Report ===

impl Report {
    fn of(args: &Args, log: &Log) -> anyhow::Result<Self> {
        let signed =
            SignedCheckpoint::from_bytes(&log.checkpoint()?).map_err(|error| wrong(format!("the checkpoint is malformed: {error}")))?;
        let given = args.trust.policy()?;
        let key_came_along = given.is_none();
        let policy = given.map_or_else(|| policy_that_came_along(log), Ok)?;
        let satisfied = policy.satisfied_by(&signed).map_err(|error| wrong(format!("the checkpoint is not to be trusted: {error}")))?;
        let checkpoint = signed.unverified().clone();
        let from = args.from.as_deref().map(|path| grown(log, (&checkpoint, &policy), path)).transpose()?;
        let receipts = args.receipts.as_deref().map(Receipts::read).transpose()?;
        let (audited, seen) = pass(log, &checkpoint, args.minimum, receipts)?;
        Ok(Self {
            satisfied,
            tiles: audited.tiles,
            first: audited.first,
            counts: seen.wrong.map_or(Ok(seen.census.finish()), Err),
            receipts: seen.receipts.map(|(left, mut checked)| match seen.receipt_wrong {
                Some(wrong) => Err(wrong),
                None => left.finish(checkpoint.size(), &mut checked).map(|()| checked),
            }),
            signed,
            from,
            key_came_along,
        })
    }

    fn tell(&self) -> anyhow::Result<()> {
        let checkpoint = self.signed.unverified();
        output::data(&format!("log {}", checkpoint.origin()))?;
        output::data(&format!("leaves {}, root {}", checkpoint.size(), checkpoint.root()))?;
        if self.key_came_along {
            output::say(&format!(
                "The key `{}` came with the log: compare it with one that you got elsewhere, and give that with `--key`.",
                self.satisfied.log
            ));
        }
        for (name, time) in &self.satisfied.cosigned {
            output::data(&format!("cosigned by {name} at {}", clock::second(Instant::from_seconds(time.seconds().cast_signed()))))?;
        }
        let from = self.from.map(|size| format!("; it begins with the {size} leaves seen before")).unwrap_or_default();
        let pruned = if self.first > 0 { format!(" from leaf {} on", self.first) } else { String::new() };
        let good = styled(GOOD, "ok");
        output::data(&format!("integrity {good}: every entry{pruned}, {} tiles and the root recomputed{from}", self.tiles))?;
        if let Ok(counts) = &self.counts {
            output::data(&format!("completeness {good}: {}", said(counts)))?;
        }
        if let Some(Ok(checked)) = &self.receipts {
            output::data(&format!("receipts {good}: {}", checked.said()))?;
        }
        Ok(())
    }

    fn json(&self) -> Value {
        let checkpoint = self.signed.unverified();
        let cosigned: Vec<_> =
            self.satisfied.cosigned.iter().map(|(name, time)| json!({ "name": name.to_string(), "time": time.seconds() })).collect();
        let completeness = match &self.counts {
            Ok(counts) => json!({
                "ok": true, "permits": counts.permits, "denials": counts.denials, "outcomes": counts.outcomes,
                "unknown_outcomes": counts.unknown_outcomes, "open": counts.open, "begun_before": counts.begun_before, "events": counts.events,
            }),
            Err(wrong) => json!({ "ok": false, "problem": wrong }),
        };
        let receipts = self.receipts.as_ref().map(|receipts| match receipts {
            Ok(checked) => {
                json!({ "ok": true, "found": checked.found, "later": checked.later, "without_receipt": checked.without_receipt })
            }
            Err(wrong) => json!({ "ok": false, "problem": wrong }),
        });
        json!({
            "origin": checkpoint.origin(), "size": checkpoint.size(), "root": checkpoint.root(), "key": self.satisfied.log.to_string(),
            "key_came_along": self.key_came_along, "cosigned": cosigned,
            "integrity": { "ok": true, "first": self.first, "tiles": self.tiles, "from": self.from },
            "completeness": completeness, "receipts": receipts,
        })
    }

    fn exit(self) -> anyhow::Result<Exit> {
        if let Err(problem) = self.counts {
            let failure = wrong(format!("the log is not complete: {problem}"));
            return Err(failure.hint("its hashes are right: it was written so, which is for whoever runs the gateway to explain").into());
        }
        if let Some(Err(problem)) = self.receipts {
            return Err(wrong(format!("a receipt is not borne out: {problem}")).into());
        }
        Ok(Exit::Ok)
    }
}

/// One pass over all entries.
fn pass(log: &Log, checkpoint: &Checkpoint, minimum: u64, receipts: Option<Receipts>) -> anyhow::Result<(comity_ledger::Audited, Seen)> {
    let first = minimum / 256 * 256;
    let receipts = receipts.map(|receipts| {
        let without_receipt = receipts.gaps();
        (receipts, Checked { found: 0, later: 0, without_receipt })
    });
    let seen = RefCell::new(Seen { census: Census::from(first), wrong: None, receipts, receipt_wrong: None });
    let bar = ProgressBar::new(checkpoint.size());
    bar.set_style(ProgressStyle::with_template("verifying {bar:30} {human_pos}/{human_len} leaves, {per_sec}")?);
    bar.set_position(first);
    let audited = audit(log, (checkpoint, minimum), &mut |index, entry| {
        if index % 1024 == 0 {
            bar.set_position(index);
        }
        seen.borrow_mut().look(index, entry);
        Ok(())
    });
    bar.finish_and_clear();
    let audited = audited.map_err(|error| audit_failure(&error, minimum))?;
    Ok((audited, seen.into_inner()))
}

// === impl Seen ===

impl Seen {
    /// What is wrong is kept, and integrity is checked to the end.
    fn look(&mut self, index: u64, entry: &[u8]) {
        if self.wrong.is_none() {
            self.wrong = self.census.count(index, entry).err().map(|error| error.to_string());
        }
        if let Some((receipts, checked)) = self.receipts.as_mut().filter(|_| self.receipt_wrong.is_none()) {
            self.receipt_wrong = receipts.compare(index, entry, checked).err().map(|what| format!("leaf {index}: {what}"));
        }
    }
}

// === impl Checked ===

impl Checked {
    fn said(&self) -> String {
        let mut line = format!("{} in the log", self.found);
        if self.later > 0 {
            let _ = write!(line, ", {} of leaves after this checkpoint", self.later);
        }
        if self.without_receipt > 0 {
            let _ = write!(line, "; {} calls in between without a receipt here", self.without_receipt);
        }
        line
    }
}

fn said(counts: &Counts) -> String {
    let mut line = format!(
        "permits {}, denials {}, outcomes {}: each permitted call has one outcome",
        counts.permits, counts.denials, counts.outcomes
    );
    let extras = [
        (counts.open, "under way or not yet published"),
        (counts.unknown_outcomes, "cut off by a stop of the gateway"),
        (counts.begun_before, "begun among pruned leaves"),
    ];
    for (count, what) in extras.into_iter().filter(|(count, _)| *count > 0) {
        let _ = write!(line, ", {count} {what}");
    }
    for (kind, count) in &counts.events {
        let _ = write!(line, ", {} {count}", kind.replace('_', " "));
    }
    line
}

fn policy_that_came_along(log: &Log) -> anyhow::Result<Policy> {
    let key = log.key().ok_or_else(|| {
        Failure::new(Exit::Usage, "no key to verify with: the log brings none").hint("give the log's verifier key with `--key`")
    })?;
    policy_of(key_of(&key)?)
}

/// The size of a checkpoint seen before, with which the log begins.
fn grown(log: &Log, (new, policy): (&Checkpoint, &Policy), path: &Path) -> anyhow::Result<u64> {
    let old = checkpoint_in(path)?;
    let signed = policy.logs().iter().any(|log| old.verify(log.key()).is_ok());
    if !signed {
        return Err(wrong(format!("the checkpoint in `{}` is not signed by this log", path.display())).into());
    }
    let old = old.unverified();
    check_growth(log, new, old).map_err(|error| {
        let unread = matches!(error, AuditError::Unserved { .. } | AuditError::Malformed { .. });
        if unread { wrong(error.to_string()) } else { not_a_beginning(old) }
    })?;
    Ok(old.size())
}

fn not_a_beginning(old: &Checkpoint) -> Failure {
    let message = format!("the log does not begin with the {} leaves that were seen before: its past was changed or cut off", old.size());
    wrong(message).hint("keep both checkpoints: together they prove it to anybody")
}

fn audit_failure(error: &AuditError, minimum: u64) -> Failure {
    let failure = wrong(error.to_string());
    let may_be_pruned = minimum == 0 && matches!(error, AuditError::Unserved { .. });
    if may_be_pruned { failure.hint("if the log was pruned, name the first leaf that is left with `--minimum`") } else { failure }
}

fn wrong(message: impl Into<String>) -> Failure {
    Failure::new(Exit::VerificationFailed, message.into())
}

// === a proof ===

fn verify_proof(args: &Args, bytes: &[u8], output: Output) -> anyhow::Result<Exit> {
    let proof = ProofFile::from_bytes(bytes).map_err(|error| {
        wrong(format!("neither a proof nor a disclosure: {error}")).hint("name a folder, an address, or what `proof` or `disclose` printed")
    })?;
    let Some(policy) = args.trust.policy()? else {
        return Err(Failure::new(Exit::Usage, "a proof proves nothing without a key")
            .hint("give the log's verifier key with `--key`, or a policy with `--policy`")
            .into());
    };
    let leaf = proof.extra.clone().ok_or_else(|| wrong("the proof does not bring its leaf: it has no line `extra`"))?;
    let satisfied = proof.verify(&leaf, &policy).map_err(|error| wrong(format!("the proof does not hold: {error}")))?;
    let text = String::from_utf8_lossy(&leaf).into_owned();
    match output {
        Output::Json => output::json(&json!({
            "origin": proof.checkpoint.unverified().origin(), "index": proof.index, "size": proof.checkpoint.unverified().size(),
            "leaf": serde_json::from_str::<Value>(&text).unwrap_or(Value::String(text)), "cosigned": satisfied.cosigned.len(),
        }))?,
        Output::Human => {
            output::data(&format!("log {}", proof.checkpoint.unverified().origin()))?;
            output::data(&format!("leaf {} of {}: {}", proof.index, proof.checkpoint.unverified().size(), styled(GOOD, "proven")))?;
            output::data(&text)?;
        }
    }
    Ok(Exit::Ok)
}
