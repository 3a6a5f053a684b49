//! What a gateway does to its store, made up from a seed: decisions side by side, outcomes, states, generations, folding, closing and opening.
//!
//! It never asks for what a gateway could not, and remembers every index that was given, so that none is given twice.

use std::collections::BTreeMap;
use std::path::Path;

use comity_ledger::Verdict;
use comity_store::StoreError;
use comity_vocab::Instant;
use fastrand::Rng;

use super::CrashError;
use super::journal::{self, Event};
use super::ledger::{Call, Head, Ledger, Setting};

/// Every so many'th recording has records so large that SQLite folds its write-ahead log by itself.
const HEAVY_EVERY: u64 = 20;

/// States that never expire here, in microseconds.
const LATE: Instant = Instant(i64::MAX);

struct Run<'a> {
    folder: &'a Path,
    setting: Setting,
    ledger: Option<Ledger>,
    random: Rng,
    heavy: bool,
    next: u64,
    unended: Vec<Call>,
    given: BTreeMap<u64, u64>,
    head: Head,
}

/// Works in `folder`, which must be empty, as `seed` says; gives everything that was done to its files, and promised.
///
/// # Errors
/// That the store refused what it should have taken, or gave an index twice.
pub fn record(folder: &Path, seed: u64, setting: Setting) -> Result<Vec<Event>, CrashError> {
    journal::start(folder);
    let worked = work(folder, seed, setting);
    let events = journal::stop();
    worked.map(|()| events)
}

fn work(folder: &Path, seed: u64, setting: Setting) -> Result<(), CrashError> {
    let mut run = Run {
        folder,
        setting,
        ledger: Some(Ledger::open(folder, setting).map_err(|error| refused("a new store", &error))?),
        random: Rng::with_seed(seed),
        heavy: seed % HEAVY_EVERY == HEAVY_EVERY - 1,
        next: 1,
        unended: Vec::new(),
        given: BTreeMap::new(),
        head: (0, comity_ledger::EMPTY_ROOT),
    };
    let steps = run.random.usize(20..50);
    for step in 0..steps {
        if step == steps / 2 {
            run.reopen()?;
        }
        run.step()?;
    }
    if run.random.bool() { run.reopen() } else { Ok(()) }
}

/// A refusal in a store that nothing is wrong with.
pub(crate) fn refused(what: &str, error: &StoreError) -> CrashError {
    CrashError::broken(format!("the store refused {what}: {error}"))
}

// === impl Run ===

impl Run<'_> {
    fn step(&mut self) -> Result<(), CrashError> {
        match self.random.u8(..100) {
            0..40 => self.decide(),
            40..55 => self.end(),
            55..65 => self.end_later(),
            65..70 => self.leave(),
            70..76 => self.remember(),
            76..80 => self.keep(),
            80..92 => self.publish(),
            92..97 => self.fold(),
            _ => self.reopen(),
        }
    }

    fn ledger(&self) -> Result<&Ledger, CrashError> {
        self.ledger.as_ref().ok_or_else(|| CrashError::harness("the store is closed"))
    }

    fn call(&mut self) -> Call {
        let number = self.next;
        self.next += 1;
        let verdict = if self.random.u8(..4) == 0 { Verdict::Denial } else { Verdict::Permit };
        let record_bytes = if self.heavy { self.random.usize(100_000..600_000) } else { self.random.usize(20..3000) };
        Call { number, verdict, record_bytes }
    }

    fn decide(&mut self) -> Result<(), CrashError> {
        let count = self.random.usize(1..8);
        let calls: Vec<_> = (0..count).map(|_| self.call()).collect();
        for (call, index) in self.ledger()?.decide(&calls) {
            let index = index.map_err(|error| refused("a decision", &error))?;
            self.give(index, call)?;
            if call.verdict == Verdict::Permit {
                self.unended.push(call);
            }
        }
        Ok(())
    }

    fn give(&mut self, index: u64, call: Call) -> Result<(), CrashError> {
        match self.given.insert(index, call.number) {
            Some(other) => Err(CrashError::broken(format!("index {index} was given to call {} after call {other}", call.number))),
            None => Ok(()),
        }
    }

    fn end(&mut self) -> Result<(), CrashError> {
        let Some(call) = self.unended.pop() else { return Ok(()) };
        let index = self.ledger()?.outcome(call).map_err(|error| refused("an outcome", &error))?;
        self.give(index, call)
    }

    fn end_later(&mut self) -> Result<(), CrashError> {
        let Some(call) = self.unended.pop() else { return Ok(()) };
        self.ledger()?.outcome_later(call);
        Ok(())
    }

    fn leave(&mut self) -> Result<(), CrashError> {
        let call = self.call();
        self.ledger()?.decide_and_leave(call);
        Ok(())
    }

    fn remember(&mut self) -> Result<(), CrashError> {
        let count = self.random.u64(1..20);
        let ledger = self.ledger()?;
        (0..count).for_each(|number| ledger.remember(number, LATE));
        Ok(())
    }

    fn keep(&mut self) -> Result<(), CrashError> {
        let number = self.random.u64(1..100);
        self.ledger()?.keep(number).map_err(|error| refused("a generation", &error))
    }

    fn publish(&mut self) -> Result<(), CrashError> {
        let head = self.ledger()?.publish().map_err(|error| refused("to be published", &error))?;
        self.grown(head)
    }

    fn grown(&mut self, head: Head) -> Result<(), CrashError> {
        if head.0 < self.head.0 || (head.0 == self.head.0 && head.1 != self.head.1) {
            return Err(CrashError::broken(format!("a checkpoint of {} leaves came after one of {}", head.0, self.head.0)));
        }
        self.head = head;
        Ok(())
    }

    fn fold(&mut self) -> Result<(), CrashError> {
        let how = *self.random.choice(["PASSIVE", "FULL", "RESTART", "TRUNCATE"].iter()).unwrap_or(&"FULL");
        self.ledger()?.fold(how)
    }

    fn reopen(&mut self) -> Result<(), CrashError> {
        let Some(ledger) = self.ledger.take() else { return Ok(()) };
        let head = ledger.close_and_publish(self.folder).map_err(|error| refused("to be closed", &error))?;
        self.grown(head)?;
        // Their calls got the outcome `unknown` or have one already.
        self.unended.clear();
        self.ledger = Some(Ledger::open(self.folder, self.setting).map_err(|error| refused("to be opened again", &error))?);
        Ok(())
    }
}
