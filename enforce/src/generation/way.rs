//! One upstream of an offering, and how it has done lately: its circuit, its places, its retries. Guides where calls go, never whether one
//! is admitted.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use comity_dialect::chat::{LimitField, Thoughts};
use comity_upstream::{Apis, Upstream};
use comity_vocab::Instant;

use crate::config::{UnretainedBy, UsageInStream};
use crate::limits::{CIRCUIT_OPEN, RETRY_COST, RETRY_SAVINGS_MAX};

/// How calls get to one upstream.
pub(crate) struct Way {
    pub(crate) upstream: Arc<Upstream>,
    pub(crate) apis: Apis,
    /// Azure's name of the model, where it is another.
    pub(crate) deployment: Option<String>,
    pub(crate) limit: LimitField,
    pub(crate) thoughts: Thoughts,
    pub(crate) usage_in_stream: UsageInStream,
    pub(crate) unretained: UnretainedBy,
    pub(crate) calls_max: usize,
    /// Failures in a row that open its circuit; 0: it never opens.
    pub(crate) circuit_failures: u32,
    pub(crate) health: Arc<Health>,
}

/// How an upstream has done lately. Shared by all generations that name it.
#[derive(Default)]
pub(crate) struct Health {
    running: AtomicU32,
    /// Failures in a row.
    failures: AtomicU32,
    last_failure: AtomicI64,
    probing: AtomicBool,
    latency_us: AtomicU64,
    /// The share of calls that failed lately, in millionths.
    errors_ppm: AtomicU64,
    /// What was saved up for retries, in calls.
    savings: Mutex<Savings>,
}

struct Savings(u32);

/// Half a second to the first byte.
const ORDINARY_LATENCY_US: u64 = 500_000;

/// Why no call may go this way now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Closed {
    /// Its circuit is open after failures.
    Open,
    /// All of its places are taken.
    Full,
    /// The upstream that the call needs is no longer configured.
    Gone,
}

/// One call that goes this way; given back when the call ends.
pub(crate) struct Pass {
    health: Arc<Health>,
    probe: bool,
}

// === impl Way ===

impl Way {
    /// A place for one call.
    pub(crate) fn enter(&self, now: Instant) -> Result<Pass, Closed> {
        self.health.enter((self.calls_max, self.circuit_failures), now)
    }

    /// Whether calls go there: not while the circuit is open.
    pub(crate) fn is_healthy(&self, now: Instant) -> bool {
        self.health.circuit(self.circuit_failures, now) != Circuit::Open
    }
}

// === impl Health ===

impl Health {
    fn enter(self: &Arc<Self>, (calls_max, circuit_failures): (usize, u32), now: Instant) -> Result<Pass, Closed> {
        let probe = match self.circuit(circuit_failures, now) {
            Circuit::Shut => false,
            Circuit::HalfOpen if !self.probing.swap(true, Ordering::AcqRel) => true,
            Circuit::HalfOpen | Circuit::Open => return Err(Closed::Open),
        };
        let running = self.running.fetch_add(1, Ordering::AcqRel);
        // From here on the pass gives back what was taken.
        let pass = Pass { health: Arc::clone(self), probe };
        if usize::try_from(running).unwrap_or(usize::MAX) < calls_max { Ok(pass) } else { Err(Closed::Full) }
    }

    fn circuit(&self, opens_after: u32, now: Instant) -> Circuit {
        if opens_after == 0 || self.failures.load(Ordering::Relaxed) < opens_after {
            return Circuit::Shut;
        }
        let pause = i64::try_from(CIRCUIT_OPEN.as_micros()).unwrap_or(i64::MAX);
        let over = now.0.saturating_sub(self.last_failure.load(Ordering::Relaxed)) >= pause;
        if over { Circuit::HalfOpen } else { Circuit::Open }
    }

    /// The upstream answered, its first byte after `latency`.
    pub(crate) fn answered(&self, latency: Duration) {
        self.failures.store(0, Ordering::Relaxed);
        average(&self.errors_ppm, 0);
        let new = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX).max(1);
        if self.latency_us.load(Ordering::Relaxed) == 0 {
            self.latency_us.store(new, Ordering::Relaxed);
        }
        average(&self.latency_us, new);
        let mut savings = self.savings.lock().unwrap_or_else(PoisonError::into_inner);
        savings.0 = savings.0.saturating_add(1).min(RETRY_SAVINGS_MAX);
    }

    /// The upstream answered, if only to refuse the call: it is not in trouble.
    pub(crate) fn refused(&self) {
        self.failures.store(0, Ordering::Relaxed);
    }

    /// The upstream failed.
    pub(crate) fn failed(&self, now: Instant) {
        self.failures.fetch_add(1, Ordering::Relaxed);
        self.last_failure.store(now.0, Ordering::Relaxed);
        average(&self.errors_ppm, 1_000_000);
    }

    /// Whether one more retry is within the budget; if so it is spent.
    pub(crate) fn may_retry(&self) -> bool {
        let mut savings = self.savings.lock().unwrap_or_else(PoisonError::into_inner);
        let left = savings.0.checked_sub(RETRY_COST);
        savings.0 = left.unwrap_or(savings.0);
        left.is_some()
    }

    /// Recent time to the first byte, where measured.
    pub(crate) fn latency_us(&self) -> Option<u64> {
        Some(self.latency_us.load(Ordering::Relaxed)).filter(|latency| *latency > 0)
    }

    /// The share of calls that failed lately, in millionths.
    pub(crate) fn errors_ppm(&self) -> u64 {
        self.errors_ppm.load(Ordering::Relaxed)
    }

    /// Calls at this moment.
    pub(crate) fn running(&self) -> u32 {
        self.running.load(Ordering::Relaxed)
    }

    /// What a call must expect here: who is busy counts as slower. For the choice between two upstreams of one offering.
    pub(crate) fn load(&self) -> u64 {
        // What was never measured is taken to be ordinary, or it would win every draw until its first answer.
        let latency = self.latency_us().unwrap_or(ORDINARY_LATENCY_US);
        // Who fails fast must not look quick: at all failures it counts as eleven times as slow.
        let slowed = latency.saturating_add(latency.saturating_mul(self.errors_ppm()) / 100_000);
        slowed.saturating_mul(u64::from(self.running()).saturating_add(1))
    }
}

/// A moving average over about eight calls; a lost update only makes it a little older.
fn average(cell: &AtomicU64, new: u64) {
    let old = cell.load(Ordering::Relaxed);
    let next = old.saturating_sub(old / 8).saturating_add(new / 8);
    cell.store(next, Ordering::Relaxed);
}

#[derive(PartialEq, Eq)]
enum Circuit {
    /// Calls go through.
    Shut,
    /// One call may try.
    HalfOpen,
    /// None may.
    Open,
}

impl Default for Savings {
    /// A gateway that has just started may retry like one that has run for an hour.
    fn default() -> Self {
        Self(RETRY_SAVINGS_MAX)
    }
}

// === impl Pass ===

impl Pass {
    /// The answer broke off.
    pub(crate) fn broke(&self, now: Instant) {
        self.health.failed(now);
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.health.running.fetch_sub(1, Ordering::AcqRel);
        if self.probe {
            self.health.probing.store(false, Ordering::Release);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: fn(i64) -> Instant = Instant::from_seconds;

    #[test]
    fn a_circuit_opens_after_failures_and_one_probe_may_shut_it() {
        let health = Arc::new(Health::default());
        (0..3).for_each(|_| health.failed(AT(100)));
        assert_eq!(health.enter((9, 3), AT(101)).err(), Some(Closed::Open));
        assert!(health.enter((9, 0), AT(101)).is_ok(), "this one never opens");
        let probe = health.enter((9, 3), AT(200)).unwrap();
        assert_eq!(health.enter((9, 3), AT(200)).err(), Some(Closed::Open), "one probe at a time");
        drop(probe);
        assert!(health.enter((9, 3), AT(200)).is_ok(), "a probe that ended without a word frees its place");
        health.refused();
        assert!(health.enter((9, 3), AT(101)).is_ok(), "who refuses a call is not in trouble");
        (0..3).for_each(|_| health.failed(AT(100)));
        health.answered(Duration::from_millis(8));
        assert!(health.enter((9, 3), AT(101)).is_ok());
        assert_eq!(health.latency_us(), Some(8000));
    }

    #[test]
    fn places_are_bounded_and_given_back() {
        let health = Arc::new(Health::default());
        let (one, two) = (health.enter((2, 3), AT(0)).unwrap(), health.enter((2, 3), AT(0)).unwrap());
        assert_eq!(health.enter((2, 3), AT(0)).err(), Some(Closed::Full));
        assert_eq!(health.running(), 2);
        drop((one, two));
        assert!(health.enter((2, 3), AT(0)).is_ok());
    }

    #[test]
    fn retries_are_a_tenth_of_calls() {
        let health = Health::default();
        let at_once = (0..1000).filter(|_| health.may_retry()).count();
        assert_eq!(at_once, 10);
        (0..25).for_each(|_| health.answered(Duration::from_millis(1)));
        assert_eq!((0..1000).filter(|_| health.may_retry()).count(), 2);
    }

    #[test]
    fn who_is_busy_or_slow_counts_as_loaded() {
        let (quick, slow) = (Arc::new(Health::default()), Health::default());
        quick.answered(Duration::from_millis(10));
        slow.answered(Duration::from_millis(15));
        assert!(quick.load() < slow.load());
        let busy = quick.enter((9, 3), AT(0)).unwrap();
        assert!(quick.load() > slow.load());
        drop(busy);
        (0..4).for_each(|_| quick.failed(AT(0)));
        assert!(quick.load() > slow.load(), "failing fast is not being quick");
        assert!(Health::default().load() > slow.load(), "not measured is not quick");
    }
}
