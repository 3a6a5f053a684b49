//! Disks that fail for a while: full, errors on write, errors on flush, read-only, forbidden.
//!
//! While it lasts nothing may be acknowledged that is not durable; once it is over, the open store goes on by itself. Power cuts at any moment of
//! it show whether an acknowledgement was worth anything. Never count a refusal as a fault of the store while the disk fails.

use std::path::{Path, PathBuf};

use comity_store::StoreError;
use comity_vocab::Instant;
use fastrand::Rng;

use super::CrashError;
use super::journal::{self, Event, Promise};
use super::ledger::{Call, Head, Ledger, Log, Setting};
use super::model::{Failed, fresh, power_cut};
use super::sabotage::{self, Fault, Sabotage};
use super::workload::refused;

/// Power cuts in each run.
const CUTS: u64 = 6;

/// What to run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The first seed; each seed takes the next fault.
    pub first: u64,
    /// How many.
    pub seeds: u64,
    /// Where to work; nothing else may be there.
    pub folder: PathBuf,
}

/// What was run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Runs.
    pub runs: u64,
    /// Operations that failed because of a fault.
    pub met: u64,
    /// Leaves that were acknowledged while the disk failed.
    pub acknowledged: u64,
    /// Requests that were refused while the disk failed.
    pub refused: u64,
    /// Runs in which the store had to be opened by hand, because it had been closed and could not be opened while the disk failed.
    pub closed: u64,
}

struct Run<'a> {
    folder: &'a Path,
    random: Rng,
    ledger: Option<Ledger>,
    next: u64,
    heads: Vec<Head>,
    tally: Tally,
}

/// Runs all seeds of `plan`; tells `progress` after each.
///
/// # Errors
/// The first seed that broke the store.
pub fn run(plan: &Plan, progress: impl Fn(&Tally)) -> Result<Tally, Failed> {
    sabotage::flush_only_in_the_journal();
    let mut tally = Tally::default();
    for seed in plan.first..plan.first.saturating_add(plan.seeds) {
        let failed = |error| Failed { seed, error, state: None };
        let folder = plan.folder.join("run");
        fresh(&folder).map_err(failed)?;
        let (events, one) = fail_for_a_while(&folder, seed).map_err(failed)?;
        for cut in 0..CUTS {
            power_cut(&plan.folder.join(format!("state-{seed}-{cut}")), seed * CUTS + cut, (&events, Setting::COMMIT))
                .map_err(|failed| Failed { seed, ..failed })?;
        }
        tally.add(one);
        progress(&tally);
    }
    Ok(tally)
}

fn fail_for_a_while(folder: &Path, seed: u64) -> Result<(Vec<Event>, Tally), CrashError> {
    journal::start(folder);
    let result = Ledger::open(folder, Setting::COMMIT).map_err(|error| refused("a new store", &error)).and_then(|ledger| {
        let random = Rng::with_seed(seed);
        let run = Run { folder, random, ledger: Some(ledger), next: 1, heads: Vec::new(), tally: Tally::default() };
        run.all(seed)
    });
    sabotage::heal();
    let events = journal::stop();
    result.map(|tally| (events, tally))
}

// === impl Run ===

impl Run<'_> {
    fn all(mut self, seed: u64) -> Result<Tally, CrashError> {
        let kinds = u64::try_from(Fault::ALL.len()).unwrap_or(1);
        let kind = usize::try_from(seed % kinds).ok().and_then(|kind| Fault::ALL.get(kind));
        let fault = *kind.ok_or_else(|| CrashError::harness("no such fault"))?;
        for _ in 0..2 {
            self.work(10, false)?;
            let one_in = *self.random.choice([1, 1, 3, 10, 40].iter()).unwrap_or(&1);
            sabotage::begin(Sabotage { fault: Some((fault, one_in)), ..Sabotage::default() }, seed);
            let before = promised().len();
            self.work(20, true)?;
            self.tally.met += sabotage::heal();
            let acknowledged = promised().len() - before;
            self.tally.acknowledged += u64::try_from(acknowledged).unwrap_or(u64::MAX);
            // A file that is open stays open.
            if one_in == 1 && fault != Fault::Forbidden && acknowledged > 0 {
                return Err(CrashError::broken(format!("a leaf was acknowledged although every operation failed ({fault:?})")));
            }
            self.recovers()?;
        }
        self.tally.runs = 1;
        Ok(self.tally)
    }

    /// `failing` says that refusals are in order.
    fn work(&mut self, steps: usize, failing: bool) -> Result<(), CrashError> {
        for _ in 0..steps {
            let done = self.step(failing);
            match done {
                Ok(()) => {}
                Err(_) if failing => self.tally.refused += 1,
                Err(error) => return Err(refused("a write on a good disk", &error)),
            }
        }
        Ok(())
    }

    fn step(&mut self, failing: bool) -> Result<(), StoreError> {
        let kind = self.random.u8(..100);
        if kind >= 95 {
            return self.reopen(failing);
        }
        let Some(ledger) = self.ledger.take() else { return self.reopen(failing) };
        let done = match kind {
            0..45 => self.decide(&ledger),
            45..60 => self.decide_and_end(&ledger),
            60..80 => {
                ledger.remember(self.random.u64(..50), Instant(i64::MAX));
                ledger.settle()
            }
            80..87 => self.publish(&ledger),
            _ => ledger.keep(self.random.u64(1..100)),
        };
        self.ledger = Some(ledger);
        done
    }

    fn call(&mut self) -> Call {
        self.next += 1;
        Call { record_bytes: self.random.usize(20..3000), ..Call::permit(self.next) }
    }

    fn decide(&mut self, ledger: &Ledger) -> Result<(), StoreError> {
        let calls: Vec<_> = (0..self.random.usize(1..6)).map(|_| self.call()).collect();
        ledger.decide(&calls).into_iter().try_for_each(|(_, index)| index.map(|_| ()))
    }

    fn decide_and_end(&mut self, ledger: &Ledger) -> Result<(), StoreError> {
        let call = self.call();
        for (_, index) in ledger.decide(&[call]) {
            index?;
        }
        if self.random.bool() {
            ledger.outcome_later(call);
            return Ok(());
        }
        ledger.outcome(call).map(|_| ())
    }

    fn publish(&mut self, ledger: &Ledger) -> Result<(), StoreError> {
        self.heads.push(ledger.publish()?);
        Ok(())
    }

    /// Closes the store and opens it; it may refuse while the disk fails, and then stays closed.
    fn reopen(&mut self, failing: bool) -> Result<(), StoreError> {
        drop(self.ledger.take());
        let opened = Ledger::open(self.folder, Setting::COMMIT);
        if failing && opened.is_ok() {
            // Opening what needs no repair writes nothing.
            self.ledger = opened.ok();
            return self.ledger.as_ref().map_or(Ok(()), Ledger::settle);
        }
        self.ledger = Some(opened?);
        Ok(())
    }

    /// The disk is good again: the store goes on without a hand on it, and holds what it promised.
    fn recovers(&mut self) -> Result<(), CrashError> {
        if self.ledger.is_none() {
            self.tally.closed += 1;
            self.reopen(false).map_err(|error| refused("to open on a good disk", &error))?;
        }
        let Some(ledger) = self.ledger.take() else { return Ok(()) };
        self.decide(&ledger).map_err(|error| refused("a leaf although the disk is good again", &error))?;
        let head = ledger.head().map_err(|error| refused("to be read", &error))?;
        self.ledger = Some(ledger);
        let log = Log::open(self.folder).map_err(|error| refused("to be read", &error))?;
        let verified = log.verify().map_err(|error| CrashError::broken(format!("after the fault: {error}")))?;
        if (verified.size, verified.root) != head {
            return Err(CrashError::broken("what the store says about itself is not what it holds"));
        }
        self.heads.push(head);
        self.heads.iter().try_for_each(|old| log.extends(head, *old)).map_err(|error| CrashError::broken(format!("a fork: {error}")))?;
        holds(&log)
    }
}

/// Every leaf that was promised is there.
fn holds(log: &Log) -> Result<(), CrashError> {
    for (index, bytes) in promised() {
        if log.leaf(index).map_err(|error| refused("to be read", &error))? != Some(bytes) {
            return Err(CrashError::broken(format!("acknowledged leaf {index} is lost")));
        }
    }
    Ok(())
}

/// Every leaf that was promised so far: index and bytes.
fn promised() -> Vec<(u64, Vec<u8>)> {
    let leaf = |event| if let Event::Promised(Promise::Leaf(index, bytes)) = event { Some((index, bytes)) } else { None };
    journal::so_far().into_iter().filter_map(leaf).collect()
}

// === impl Tally ===

impl Tally {
    fn add(&mut self, one: Self) {
        self.runs += one.runs;
        self.met += one.met;
        self.acknowledged += one.acknowledged;
        self.refused += one.refused;
        self.closed += one.closed;
    }
}
