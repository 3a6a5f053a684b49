//! What goes wrong on purpose below the store: writes that fail or are short, flushes that fail or are forgotten, a clock that jumps.
//!
//! Only watched files are touched, and only while somebody asked for it. Everything returns to normal with [`heal`].

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use fastrand::Rng;

use super::journal::{self, Handle};

/// How long a flush of a watched file takes when none is real: as on a good disk. What is answered too early is answered within it.
const FLUSH: Duration = Duration::from_micros(200);

/// A way in which a disk fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// No space: nothing grows (`ENOSPC`).
    Full,
    /// Writes fail (`EIO`).
    Write,
    /// Flushes fail (`EIO`), and leave nobody knowing what is on the disk.
    Flush,
    /// The file system became read-only (`EROFS`).
    ReadOnly,
    /// Opening a file to write is forbidden (`EACCES`), as after a change of owner.
    Forbidden,
}

/// What happens to writes that the disk takes only a part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Short {
    /// All are whole.
    Never,
    /// One in so many is cut, and says so.
    Told(u32),
    /// One in so many is cut, and claims to be whole: a bug.
    Hidden(u32),
}

/// What a flush does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flush {
    /// It is recorded.
    Recorded,
    /// It is forgotten: a bug.
    Forgotten,
}

/// What is done to watched files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sabotage {
    /// The fault that is on, and the chance of each operation to meet it: one in so many.
    pub fault: Option<(Fault, u32)>,
    /// Short writes.
    pub short: Short,
    /// Flushes.
    pub flush: Flush,
}

/// One operation on a watched file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Opening a file to read.
    OpenToRead,
    /// Opening a file to write, one that is there.
    OpenToWrite,
    /// Opening a file that may be made by it.
    Create,
    /// Writing.
    Write,
    /// Changing the length.
    Resize,
    /// Flushing.
    Flush,
    /// Giving a name, or taking it.
    Name,
}

struct State {
    sabotage: Sabotage,
    random: Rng,
    met: u64,
}

const NONE: Sabotage = Sabotage { fault: None, short: Short::Never, flush: Flush::Recorded };

static STATE: Mutex<Option<State>> = Mutex::new(None);
static FLUSHES_ARE_REAL: AtomicBool = AtomicBool::new(true);
static CLOCK_SECONDS: AtomicI64 = AtomicI64::new(0);

/// From now on `sabotage` happens, with the chances of `seed`.
pub fn begin(sabotage: Sabotage, seed: u64) {
    *STATE.lock().unwrap_or_else(PoisonError::into_inner) = Some(State { sabotage, random: Rng::with_seed(seed), met: 0 });
}

/// From now on nothing goes wrong; gives how many operations met a fault or were cut.
pub fn heal() -> u64 {
    STATE.lock().unwrap_or_else(PoisonError::into_inner).take().map_or(0, |state| state.met)
}

/// From now on no flush of this process reaches a real disk: what it would have made durable is in the journal.
pub fn flush_only_in_the_journal() {
    FLUSHES_ARE_REAL.store(false, Ordering::SeqCst);
}

/// Moves the clock that tells the date by so many seconds.
pub fn set_clock(seconds: i64) {
    CLOCK_SECONDS.store(seconds, Ordering::SeqCst);
}

// === called by the functions in front of the C library's ===

/// By how many seconds the clock is wrong.
#[must_use]
pub fn clock() -> i64 {
    CLOCK_SECONDS.load(Ordering::Relaxed)
}

/// Whether flushes reach the disk.
#[must_use]
pub fn flushes_are_real() -> bool {
    FLUSHES_ARE_REAL.load(Ordering::Relaxed)
}

/// The error number with which `operation` fails, if it does.
///
/// # Errors
/// That number.
pub fn fate(operation: Operation) -> Result<(), i32> {
    with(|state| match state.sabotage.fault {
        Some((fault, one_in)) => fault.of(operation).filter(|_| state.meets(one_in)).map_or(Ok(()), Err),
        None => Ok(()),
    })
    .unwrap_or(Ok(()))
}

/// Writes `bytes` at `offset` of a watched file through `write`, which takes a part of the bytes and gives how many the system took. Gives what
/// the caller is told, and how many bytes less the system took.
///
/// # Errors
/// The error number of an injected failure; those of the system are negative counts, as `write` gave them.
pub fn write(handle: Handle, (offset, bytes): (u64, &[u8]), write: impl FnOnce(&[u8]) -> isize) -> Result<(isize, usize), i32> {
    fate(Operation::Write)?;
    let (part, hidden) = with(|state| state.part(bytes)).unwrap_or((bytes.len(), false));
    let taken = write(bytes.get(..part).unwrap_or(bytes));
    let Ok(count) = usize::try_from(taken) else { return Ok((taken, 0)) };
    record(handle, offset, bytes.get(..count).unwrap_or(bytes));
    if !hidden {
        return Ok((taken, 0));
    }
    let missing = bytes.len() - count.min(bytes.len());
    Ok((isize::try_from(bytes.len()).unwrap_or(taken), missing))
}

fn record(handle: Handle, offset: u64, bytes: &[u8]) {
    match handle {
        Handle::File(file) => journal::wrote(file, offset, bytes),
        Handle::Folder | Handle::Memory => {}
    }
}

/// A watched file got another length.
pub fn resized(handle: Handle, length: u64) {
    match handle {
        Handle::File(file) => journal::truncated(file, length),
        Handle::Folder | Handle::Memory => {}
    }
}

/// Flushes a watched file through `flush`, which gives the system's answer.
///
/// # Errors
/// The error number of an injected failure.
pub fn flush(handle: Handle, flush: impl FnOnce() -> i32) -> Result<i32, i32> {
    let position = journal::position();
    if let Err(number) = fate(Operation::Flush) {
        journal::sync_failed(handle, position);
        return Err(number);
    }
    let done = if flushes_are_real() {
        flush()
    } else {
        std::thread::sleep(FLUSH);
        0
    };
    let recorded = with(|state| state.sabotage.flush).unwrap_or(Flush::Recorded);
    match recorded {
        Flush::Recorded if done == 0 => journal::synced(handle, position),
        Flush::Recorded => journal::sync_failed(handle, position),
        Flush::Forgotten => {}
    }
    Ok(done)
}

fn with<T>(act: impl FnOnce(&mut State) -> T) -> Option<T> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner).as_mut().map(act)
}

// === impl Sabotage ===

impl Default for Sabotage {
    fn default() -> Self {
        NONE
    }
}

// === impl Fault ===

impl Fault {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Full, Self::Write, Self::Flush, Self::ReadOnly, Self::Forbidden];

    fn of(self, operation: Operation) -> Option<i32> {
        let (hit, number) = match self {
            Self::Full => (matches!(operation, Operation::Create | Operation::Write | Operation::Resize), libc::ENOSPC),
            Self::Write => (operation == Operation::Write, libc::EIO),
            Self::Flush => (operation == Operation::Flush, libc::EIO),
            Self::ReadOnly => (!matches!(operation, Operation::OpenToRead | Operation::Flush), libc::EROFS),
            Self::Forbidden => (matches!(operation, Operation::OpenToWrite | Operation::Create | Operation::Name), libc::EACCES),
        };
        hit.then_some(number)
    }
}

// === impl State ===

impl State {
    fn meets(&mut self, one_in: u32) -> bool {
        let met = self.random.u32(..one_in.max(1)) == 0;
        self.met += u64::from(met);
        met
    }

    /// How much of `bytes` is written, and whether the rest is passed over in silence.
    fn part(&mut self, bytes: &[u8]) -> (usize, bool) {
        let (one_in, hidden) = match self.sabotage.short {
            Short::Never => return (bytes.len(), false),
            Short::Told(one_in) => (one_in, false),
            Short::Hidden(one_in) => (one_in, true),
        };
        if bytes.len() < 2 || !self.meets(one_in) {
            return (bytes.len(), false);
        }
        (self.random.usize(1..bytes.len()), hidden)
    }
}
