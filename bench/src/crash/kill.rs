//! SIGKILL under load: a child works on the store until it is killed, and the next one goes on where it was.
//!
//! The page cache outlives a killed process, so this shows nothing about flushes; `model` does.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fastrand::Rng;

use super::CrashError;
use super::ledger::{Call, Head, Ledger, Log, Setting};
use super::model::fresh;
use super::workload::refused;

/// Calls that are under way at once.
const CALLERS: u64 = 8;

/// Numbers of calls that one round may use.
const CALLS_PER_ROUND: u64 = 1 << 20;

/// The whole log is verified after every so many rounds, and at the end.
const VERIFY_EVERY: u64 = 100;

/// What to run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// This program, of which `kill-child --folder FOLDER --round N` calls [`child`].
    pub program: PathBuf,
    /// Kills.
    pub rounds: u64,
    /// The moments of the kills.
    pub seed: u64,
    /// Where to work; nothing else may be there.
    pub folder: PathBuf,
}

/// What was run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Kills.
    pub rounds: u64,
    /// Leaves that were acknowledged, all of which are there.
    pub acknowledged: u64,
    /// Leaves in the log.
    pub leaves: u64,
    /// How long opening the store took after each kill, shortest first.
    pub ready: Vec<Duration>,
}

struct Run<'a> {
    plan: &'a Plan,
    random: Rng,
    acknowledged: BTreeMap<u64, u64>,
    heads: Vec<Head>,
    ready: Vec<Duration>,
}

/// Kills children; tells `progress` after each round.
///
/// # Errors
/// An acknowledged leaf that is lost or another, a log that does not begin with an earlier one, a store that does not open.
pub fn run(plan: &Plan, progress: impl Fn(u64)) -> Result<Tally, CrashError> {
    fresh(&plan.folder)?;
    let mut run = Run { plan, random: Rng::with_seed(plan.seed), acknowledged: BTreeMap::new(), heads: Vec::new(), ready: Vec::new() };
    for round in 0..plan.rounds {
        run.round(round).map_err(|error| in_round(round, error))?;
        progress(round + 1);
    }
    run.finish()
}

fn in_round(round: u64, error: CrashError) -> CrashError {
    match error {
        CrashError::Broken(what) => CrashError::Broken(format!("round {round}: {what}")),
        CrashError::Harness(what) => CrashError::Harness(what),
    }
}

/// Works on the store in `folder` until killed, with calls that belong to `round`, and tells every acknowledgement in a line `INDEX CALL.`
///
/// # Errors
/// What the store or the way out says.
pub fn child(folder: &Path, round: u64) -> Result<(), CrashError> {
    let ledger = Ledger::open(folder, Setting::COMMIT).map_err(|error| refused("to be opened", &error))?;
    let first = round * CALLS_PER_ROUND;
    for number in (first..first + CALLS_PER_ROUND).step_by(usize::try_from(CALLERS).unwrap_or(1)) {
        let calls: Vec<_> = (number..number + CALLERS).map(Call::permit).collect();
        for (call, index) in ledger.decide(&calls) {
            let index = index.map_err(|error| refused("a decision", &error))?;
            let line = format!("{index} {}.\n", call.number);
            std::io::stdout().lock().write_all(line.as_bytes()).map_err(CrashError::harness)?;
            if call.number.is_multiple_of(3) {
                ledger.outcome_later(call);
            }
        }
    }
    Ok(())
}

// === impl Run ===

impl Run<'_> {
    fn round(&mut self, round: u64) -> Result<(), CrashError> {
        let acknowledged = self.kill(round)?;
        let start = Instant::now();
        let ledger = Ledger::open(&self.plan.folder, Setting::COMMIT).map_err(|error| refused("to open after the kill", &error))?;
        self.ready.push(start.elapsed());
        drop(ledger);
        let log = self.log()?;
        let head = log.head().map_err(|error| refused("to be read", &error))?;
        for (index, number) in acknowledged {
            if let Some(other) = self.acknowledged.insert(index, number) {
                return Err(CrashError::broken(format!("index {index} was given to call {number} after call {other}")));
            }
            is_there(&log, (index, number))?;
        }
        if let Some(last) = self.heads.last() {
            extends(&log, head, *last)?;
        }
        self.heads.push(head);
        if (round + 1).is_multiple_of(VERIFY_EVERY) { self.verify() } else { Ok(()) }
    }

    /// Kills a child some acknowledgements, and some instructions, after its start; gives all that it had acknowledged: index and call.
    fn kill(&mut self, round: u64) -> Result<Vec<(u64, u64)>, CrashError> {
        let mut child = self.start(round)?;
        let (acknowledgements, spins) = (self.random.usize(..80), self.random.u64(..3_000_000));
        let stdout = child.stdout.take().ok_or_else(|| CrashError::harness("the child has no way out"))?;
        let mut lines = BufReader::new(stdout).split(b'\n').map_while(Result::ok);
        let mut seen: Vec<_> = lines.by_ref().take(acknowledgements).collect();
        (0..spins).for_each(|_| std::hint::spin_loop());
        child.kill().map_err(CrashError::harness)?;
        seen.extend(lines);
        let status = child.wait().map_err(CrashError::harness)?;
        if status.code().is_some() {
            return Err(CrashError::broken("the child ended by itself"));
        }
        Ok(seen.iter().filter_map(|line| acknowledgement(line)).collect())
    }

    fn start(&self, round: u64) -> Result<Child, CrashError> {
        let mut command = Command::new(&self.plan.program);
        command.arg("kill-child").arg("--folder").arg(&self.plan.folder).arg("--round").arg(round.to_string());
        command.stdout(Stdio::piped()).spawn().map_err(CrashError::harness)
    }

    fn log(&self) -> Result<Log, CrashError> {
        Log::open(&self.plan.folder).map_err(|error| refused("to be read", &error))
    }

    /// Everything that was ever acknowledged is there, and every earlier head is that of a beginning of the log.
    fn verify(&self) -> Result<(), CrashError> {
        let log = self.log()?;
        let verified = log.verify().map_err(|error| CrashError::broken(error.to_string()))?;
        if verified.open > 0 {
            return Err(CrashError::broken(format!("{} calls have no outcome", verified.open)));
        }
        self.heads.iter().try_for_each(|old| extends(&log, (verified.size, verified.root), *old))?;
        self.acknowledged.iter().try_for_each(|(index, number)| is_there(&log, (*index, *number)))
    }

    fn finish(mut self) -> Result<Tally, CrashError> {
        self.verify()?;
        self.ready.sort_unstable();
        Ok(Tally {
            rounds: self.plan.rounds,
            acknowledged: u64::try_from(self.acknowledged.len()).unwrap_or(u64::MAX),
            leaves: self.heads.last().map_or(0, |head| head.0),
            ready: self.ready,
        })
    }
}

// === impl Tally ===

impl Tally {
    /// Opening took no longer than this after so many percent of the kills.
    #[must_use]
    pub fn ready_within(&self, percent: usize) -> Duration {
        let last = self.ready.len().saturating_sub(1);
        self.ready.get(last * percent / 100).copied().unwrap_or_default()
    }
}

/// None for a line that the kill cut.
fn acknowledgement(line: &[u8]) -> Option<(u64, u64)> {
    let (index, number) = std::str::from_utf8(line).ok()?.strip_suffix('.')?.split_once(' ')?;
    Some((index.parse().ok()?, number.parse().ok()?))
}

fn is_there(log: &Log, (index, number): (u64, u64)) -> Result<(), CrashError> {
    let found = log.leaf(index).map_err(|error| refused("to be read", &error))?;
    match found {
        Some(bytes) if Call::permit(number).is_leaf(&bytes, Setting::COMMIT) => Ok(()),
        Some(_) => Err(CrashError::broken(format!("acknowledged leaf {index} is another one"))),
        None => Err(CrashError::broken(format!("acknowledged leaf {index} is lost"))),
    }
}

fn extends(log: &Log, new: Head, old: Head) -> Result<(), CrashError> {
    log.extends(new, old)
        .map_err(|error| CrashError::broken(format!("the log of {} leaves does not extend that of {}: {error}", new.0, old.0)))
}
