//! Power cuts by seed: a recorded run, a moment in it, one of the states that the disk may be in then, and the store opened on it.
//!
//! A seed names its recording and all its chances, so it can be run again alone; which writes shared a commit depends on threads, so the state
//! that failed is kept as well.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use comity_ledger::Durability;
use fastrand::Rng;

use super::CrashError;
use super::disk::{Image, after_power_cut};
use super::journal::{Event, Promise};
use super::ledger::Setting;
use super::planted::Bug;
use super::sabotage::{self, Flush, Sabotage, Short};
use super::{check, workload};

/// Power cuts of one recording.
pub const SEEDS_PER_RECORDING: u64 = 25;

/// One write in so many is taken in two parts by the system.
const SHORT_ONE_IN: u32 = 40;

/// What to run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The first seed.
    pub first: u64,
    /// How many.
    pub seeds: u64,
    /// What is wrong, on purpose.
    pub bug: Option<Bug>,
    /// Where to work; nothing else may be there.
    pub folder: PathBuf,
}

/// What was run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Power cuts.
    pub seeds: u64,
    /// Runs that were recorded.
    pub recordings: u64,
    /// File operations in them.
    pub events: usize,
    /// Promises that were checked, once for each power cut after them.
    pub promises: u64,
}

/// A seed that broke the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// Which one.
    pub seed: u64,
    /// What broke.
    pub error: CrashError,
    /// The state that the disk was in, if it was a power cut that showed it.
    pub state: Option<PathBuf>,
}

/// Runs all seeds of `plan`; tells `progress` after each recording.
///
/// # Errors
/// The first seed that broke the store.
pub fn run(plan: &Plan, progress: impl Fn(&Tally)) -> Result<Tally, Failed> {
    sabotage::flush_only_in_the_journal();
    let mut tally = Tally::default();
    let (mut seed, end) = (plan.first, plan.first.saturating_add(plan.seeds));
    while seed < end {
        let until = ((seed / SEEDS_PER_RECORDING + 1) * SEEDS_PER_RECORDING).min(end);
        run_recording(plan, seed..until, &mut tally)?;
        progress(&tally);
        seed = until;
    }
    Ok(tally)
}

fn run_recording(plan: &Plan, seeds: std::ops::Range<u64>, tally: &mut Tally) -> Result<(), Failed> {
    let recording = seeds.start / SEEDS_PER_RECORDING;
    let setting = setting(recording, plan.bug);
    let failed = |error| Failed { seed: seeds.start, error, state: None };
    let folder = plan.folder.join("run");
    fresh(&folder).map_err(failed)?;
    sabotage::begin(sabotage_for(plan.bug), recording);
    let recorded = workload::record(&folder, recording, setting);
    sabotage::heal();
    let events = recorded.map_err(failed)?;
    tally.recordings += 1;
    tally.events += events.len();
    tally.seeds += seeds.end - seeds.start;
    tally.promises += cut_all(plan, seeds, (&events, setting))?;
    Ok(())
}

fn setting(recording: u64, bug: Option<Bug>) -> Setting {
    let durability = match bug {
        Some(Bug::PublishEarly) => Durability::Os,
        Some(Bug::SkipFlush | Bug::IgnoreShortWrite | Bug::AcknowledgeEarly | Bug::ReuseIndex) => Durability::Commit,
        None if recording % 3 == 2 => Durability::Os,
        None => Durability::Commit,
    };
    Setting { durability, bug }
}

fn sabotage_for(bug: Option<Bug>) -> Sabotage {
    match bug {
        Some(Bug::SkipFlush) => Sabotage { flush: Flush::Forgotten, ..Sabotage::default() },
        Some(Bug::IgnoreShortWrite) => Sabotage { short: Short::Hidden(SHORT_ONE_IN), ..Sabotage::default() },
        Some(Bug::AcknowledgeEarly | Bug::PublishEarly | Bug::ReuseIndex) | None => {
            Sabotage { short: Short::Told(SHORT_ONE_IN), ..Sabotage::default() }
        }
    }
}

/// Checks the seeds on as many threads as there are cores; gives how many promises were checked.
fn cut_all(plan: &Plan, seeds: std::ops::Range<u64>, recorded: (&[Event], Setting)) -> Result<u64, Failed> {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let (next, promises) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let first: Mutex<Option<Failed>> = Mutex::new(None);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let step = u64::try_from(next.fetch_add(1, Ordering::Relaxed)).unwrap_or(u64::MAX);
                    let Some(seed) = seeds.start.checked_add(step).filter(|seed| *seed < seeds.end) else { return };
                    match power_cut(&plan.folder.join(format!("state-{seed}")), seed, recorded) {
                        Ok(checked) => promises.fetch_add(checked, Ordering::Relaxed),
                        Err(failed) => return keep_first(&first, failed),
                    };
                }
            });
        }
    });
    let promises = u64::try_from(promises.into_inner()).unwrap_or(u64::MAX);
    first.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(promises), Err)
}

fn keep_first(first: &Mutex<Option<Failed>>, failed: Failed) {
    let mut first = first.lock().unwrap_or_else(PoisonError::into_inner);
    if first.as_ref().is_none_or(|other| failed.seed < other.seed) {
        *first = Some(failed);
    }
}

/// One power cut, with the store opened in the folder `state`; gives how many promises were checked.
///
/// # Errors
/// The promise that was broken; the state of the disk is kept in `state` then.
pub(crate) fn power_cut(state: &Path, seed: u64, (events, setting): (&[Event], Setting)) -> Result<usize, Failed> {
    let mut random = Rng::with_seed(seed);
    let at = moment(events, &mut random);
    let image = after_power_cut(events, at, &mut random);
    let promises: Vec<&Promise> = events.iter().take(at).filter_map(promised).collect();
    let checked = write(state, &image).and_then(|()| check::recovered(state, &promises, setting));
    match checked {
        Ok(()) => {
            // What is left over costs space, nothing else.
            drop(fs::remove_dir_all(state));
            Ok(promises.len())
        }
        Err(error) => {
            // Opening has changed it.
            let kept = write(state, &image).is_ok().then(|| state.to_owned());
            Err(Failed { seed, error, state: kept })
        }
    }
}

/// When the power goes: anywhere, or, half of the times, right after a promise, which is when early promises show.
fn moment(events: &[Event], random: &mut Rng) -> usize {
    let at = random.usize(..=events.len());
    if random.bool() {
        return at;
    }
    let promise = events.iter().skip(at).position(|event| promised(event).is_some());
    promise.map_or(at, |offset| at + offset + 1)
}

fn promised(event: &Event) -> Option<&Promise> {
    if let Event::Promised(promise) = event { Some(promise) } else { None }
}

/// An empty folder.
pub(crate) fn fresh(folder: &Path) -> Result<(), CrashError> {
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(CrashError::harness)?;
    }
    fs::create_dir_all(folder).map_err(CrashError::harness)
}

/// Writes the files of `image`, readable by their owner only, into `folder`, and nothing else.
pub(crate) fn write(folder: &Path, image: &Image) -> Result<(), CrashError> {
    fresh(folder)?;
    for (name, bytes) in image {
        let file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(folder.join(name));
        file.and_then(|mut file| file.write_all(bytes)).map_err(CrashError::harness)?;
    }
    Ok(())
}
