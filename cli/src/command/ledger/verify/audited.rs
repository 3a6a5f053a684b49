//! An exported folder or a log on the net, audited.
//!
//! Integrity (no byte was changed) and completeness (no call is missing) are two questions and get two answers. No tile is ever trusted: every
//! hash is recomputed from the entries, up to the root that was signed.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::path::Path;

use comity_ledger::{AuditError, Audited, Census, Checkpoint, Counts, Policy, Satisfied, SignedCheckpoint, audit, check_growth};
use comity_vocab::Instant;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::{Args, not_a_beginning, not_of_this_log, wrong};
use crate::clock;
use crate::command::ledger::given::{checkpoint_in, key_of, policy_of};
use crate::command::ledger::log::Log;
use crate::command::ledger::receipts::{Checked, Receipts};
use crate::exit::{Exit, Failure};
use crate::output::{self, GOOD, Output, harmless, styled};

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
    /// Why the log is not complete; the first reason.
    incomplete: Option<String>,
    receipts: Option<Receipts>,
}

/// Audits, and says what was found.
pub(super) fn verify(args: &Args, target: &str, output: Output) -> anyhow::Result<Exit> {
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
        let given = args.trust.policy()?;
        let receipts = args.receipts.as_deref().map(Receipts::read).transpose()?;
        let signed =
            SignedCheckpoint::from_bytes(&log.checkpoint()?).map_err(|error| wrong(format!("the checkpoint is malformed: {error}")))?;
        let key_came_along = given.is_none();
        let policy = given.map_or_else(|| policy_that_came_along(log), Ok)?;
        let satisfied = policy.satisfied_by(&signed).map_err(|error| wrong(format!("the checkpoint is not to be trusted: {error}")))?;
        let checkpoint = signed.unverified();
        let old = args.from.as_deref().map(|path| seen_before(path, (&satisfied, checkpoint))).transpose()?;
        let (audited, seen) = pass(log, (checkpoint, args.minimum.unwrap_or(0)), receipts)?;
        if let Some(old) = &old {
            check_beginning(log, checkpoint, old.unverified())?;
        }
        Ok(Self {
            satisfied,
            tiles: audited.tiles,
            first: audited.first,
            counts: seen.incomplete.map_or(Ok(seen.census.finish()), Err),
            receipts: seen.receipts.map(|receipts| receipts.finish()),
            from: old.map(|old| old.unverified().size()),
            signed,
            key_came_along,
        })
    }

    fn tell(&self) -> anyhow::Result<()> {
        let checkpoint = self.signed.unverified();
        output::data(&format!("log {}", harmless(checkpoint.origin())))?;
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
        let tiles = if self.tiles == 1 { "1 tile".to_owned() } else { format!("{} tiles", self.tiles) };
        output::data(&format!("integrity {good}: every entry{pruned}, {tiles} and the root recomputed{from}"))?;
        if let Ok(counts) = &self.counts {
            output::data(&format!("completeness {good}: {}", said(counts)))?;
        }
        if let Some(Ok(checked)) = &self.receipts {
            let good = if checked.not_covered.is_empty() { format!(" {good}") } else { String::new() };
            output::data(&format!("receipts{good}: {}", receipts_said(checked)))?;
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
                let not_covered: Vec<_> =
                    checked.not_covered.iter().map(|(leaf, number)| json!({ "leaf": leaf, "number": number })).collect();
                json!({
                    "ok": not_covered.is_empty(), "found": checked.found, "not_covered": not_covered,
                    "without_receipt": checked.without_receipt,
                })
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
        let Some(receipts) = self.receipts else { return Ok(Exit::Ok) };
        let checked = receipts.map_err(|problem| wrong(format!("a receipt is not borne out: {problem}")))?;
        match checked.not_covered.first() {
            Some(first) => Err(not_compared(checked.not_covered.len(), *first, self.signed.unverified().size()).into()),
            None => Ok(Exit::Ok),
        }
    }
}

/// Receipts of leaves that nobody could look at say nothing, for or against. `leaf` and `number` are those of the first of `count`.
fn not_compared(count: usize, (leaf, number): (u64, u64), size: u64) -> Failure {
    let (why, hint) = if leaf < size {
        ("its leaf was pruned", "ask for an export from before that")
    } else {
        ("this checkpoint does not cover it", "verify again with a later checkpoint: it must be there then")
    };
    let were = if count == 1 { "receipt was" } else { "receipts were" };
    Failure::new(Exit::Failed, format!("{count} {were} not compared, the first that of call {number}, leaf {leaf}: {why}")).hint(hint)
}

/// One pass over all entries.
fn pass(log: &Log, (checkpoint, minimum): (&Checkpoint, u64), receipts: Option<Receipts>) -> anyhow::Result<(Audited, Seen)> {
    let first = minimum / 256 * 256;
    let seen = RefCell::new(Seen { census: Census::from(first), incomplete: None, receipts });
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
    let audited = audited.map_err(|error| audit_failure(log, &error, minimum))?;
    Ok((audited, seen.into_inner()))
}

// === impl Seen ===

impl Seen {
    /// What is wrong is kept, and integrity is checked to the end.
    fn look(&mut self, index: u64, entry: &[u8]) {
        if self.incomplete.is_none() {
            self.incomplete = self.census.count(index, entry).err().map(|error| error.to_string());
        }
        if let Some(receipts) = &mut self.receipts {
            receipts.compare(index, entry);
        }
    }
}

fn receipts_said(checked: &Checked) -> String {
    let mut line = format!("{} in the log", checked.found);
    if !checked.not_covered.is_empty() {
        let _ = write!(line, ", {} not compared", checked.not_covered.len());
    }
    if checked.without_receipt > 0 {
        let first = checked.first_without.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
        let _ = write!(line, "; calls in between without a receipt here: {} ({first}", checked.without_receipt);
        line.push_str(if checked.without_receipt > u64::try_from(checked.first_without.len()).unwrap_or(u64::MAX) {
            ", …)"
        } else {
            ")"
        });
    }
    line
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

/// A checkpoint seen before, if the same log signed it.
fn seen_before(path: &Path, (satisfied, new): (&Satisfied, &Checkpoint)) -> anyhow::Result<SignedCheckpoint> {
    let old = checkpoint_in(path)?;
    let same = old.unverified().origin() == new.origin() && old.verify(&satisfied.log).is_ok();
    if same { Ok(old) } else { Err(not_of_this_log(path, (old.unverified(), new)).into()) }
}

/// Whether the log begins with what `old` covers. Asked after the audit: then every tile follows from the entries.
fn check_beginning(log: &Log, new: &Checkpoint, old: &Checkpoint) -> Result<(), Failure> {
    match check_growth(log, new, old) {
        Ok(_) => Ok(()),
        Err(AuditError::Proof(_)) => Err(not_a_beginning(old)),
        Err(error) => Err(audit_failure(log, &error, 0)),
    }
}

/// A log that does not answer is not refuted; one that lacks a file, or has another, is.
fn audit_failure(log: &Log, error: &AuditError, minimum: u64) -> Failure {
    if let Some(silence) = log.silence() {
        return Failure::new(Exit::Failed, error.to_string()).hint(silence.hint());
    }
    if let AuditError::Minimum { .. } = error {
        return Failure::new(Exit::Usage, error.to_string());
    }
    // Only what is full is ever pruned.
    let may_be_pruned = minimum == 0 && matches!(error, AuditError::Unserved { path, .. } if !path.contains(".p/"));
    let hint = may_be_pruned.then_some("if the log was pruned, name the first leaf that is left with `--minimum`");
    wrong(error.to_string()).maybe_hint(hint)
}
