//! A clock that jumps by days, forwards and back: indices go on, checkpoints grow.

use std::path::Path;
use std::time::{Duration, SystemTime};

use comity_vocab::Instant;
use fastrand::Rng;

use super::CrashError;
use super::ledger::{Call, Head, Ledger, Log, Setting};
use super::model::fresh;
use super::sabotage;
use super::workload::refused;

const DAY: i64 = 86_400;
const JUMPS: [i64; 6] = [0, DAY, -DAY, 2 * DAY, -2 * DAY, 400 * DAY];

struct Run {
    ledger: Ledger,
    random: Rng,
    next: u64,
    /// The index that comes next at the earliest.
    index: u64,
    heads: Vec<Head>,
}

/// Works in `folder` with `jumps` jumps of the clock; gives how many leaves there are in the end.
///
/// # Errors
/// An index that was given twice or went back, a checkpoint that shrank, a write that was refused.
pub fn run(folder: &Path, seed: u64, jumps: u64) -> Result<u64, CrashError> {
    sabotage::flush_only_in_the_journal();
    fresh(folder)?;
    let ledger = open(folder)?;
    let mut run = Run { ledger, random: Rng::with_seed(seed), next: 1, index: 0, heads: Vec::new() };
    for _ in 0..jumps {
        let to = *run.random.choice(JUMPS.iter()).unwrap_or(&0);
        jump(to)?;
        run.step()?;
        if run.random.u8(..8) == 0 {
            let Run { ledger, .. } = run;
            drop(ledger);
            run.ledger = open(folder)?;
        }
    }
    sabotage::set_clock(0);
    run.finish(folder)
}

fn open(folder: &Path) -> Result<Ledger, CrashError> {
    Ledger::open(folder, Setting::COMMIT).map_err(|error| refused("to be opened", &error))
}

/// Sets the clock and sees that it was set.
fn jump(seconds: i64) -> Result<(), CrashError> {
    sabotage::set_clock(0);
    let before = SystemTime::now();
    sabotage::set_clock(seconds);
    let (now, by) = (SystemTime::now(), Duration::from_secs(seconds.unsigned_abs()));
    let jumped = match seconds {
        0 => true,
        1.. => now.duration_since(before).is_ok_and(|since| since >= by),
        _ => before.duration_since(now).is_ok_and(|since| since + Duration::from_secs(3600) >= by),
    };
    if jumped { Ok(()) } else { Err(CrashError::harness("the clock does not jump")) }
}

fn now() -> Instant {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Instant(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

// === impl Run ===

impl Run {
    fn step(&mut self) -> Result<(), CrashError> {
        let calls: Vec<_> = (0..self.random.u64(1..5)).map(|n| Call::permit(self.next + n)).collect();
        self.next += 10;
        let mut indices = Vec::new();
        for (_, index) in self.ledger.decide(&calls) {
            indices.push(index.map_err(|error| refused("a decision", &error))?);
        }
        if let Some(call) = calls.first() {
            indices.push(self.ledger.outcome(*call).map_err(|error| refused("an outcome", &error))?);
        }
        self.ledger.remember(self.next, Instant(now().0 + self.random.i64(-10..10) * 1_000_000));
        self.ledger.decide_and_leave(Call::permit(self.next - 1));
        // Calls of one batch are answered in any order.
        indices.sort_unstable();
        indices.into_iter().try_for_each(|index| self.comes_next(index))?;
        self.publish()
    }

    fn comes_next(&mut self, index: u64) -> Result<(), CrashError> {
        if index < self.index {
            return Err(CrashError::broken(format!("index {index} came after {}", self.index - 1)));
        }
        self.index = index + 1;
        Ok(())
    }

    fn publish(&mut self) -> Result<(), CrashError> {
        let head = self.ledger.publish().map_err(|error| refused("to be published", &error))?;
        if self.heads.last().is_some_and(|last| last.0 > head.0) {
            return Err(CrashError::broken(format!("the checkpoint shrank to {} leaves", head.0)));
        }
        self.heads.push(head);
        Ok(())
    }

    fn finish(self, folder: &Path) -> Result<u64, CrashError> {
        let Self { ledger, heads, .. } = self;
        drop(ledger);
        let log = Log::open(folder).map_err(|error| refused("to be read", &error))?;
        let verified = log.verify().map_err(|error| CrashError::broken(error.to_string()))?;
        let head = (verified.size, verified.root);
        heads.iter().try_for_each(|old| log.extends(head, *old)).map_err(|error| CrashError::broken(format!("a fork: {error}")))?;
        Ok(verified.size)
    }
}
