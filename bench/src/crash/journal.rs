//! What a process did to the files of one folder, and what it promised meanwhile, in order.
//!
//! Filled by the functions that the binary puts in front of the C library's. A write is recorded once the system has taken it; a flush covers
//! what was recorded before it began, and never more. A promise is recorded after it was made, so a check never asks for too much.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use comity_vocab::Digest;

/// One file, whatever names it has.
pub type FileId = usize;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A file appeared under a name.
    Created(String, FileId),
    /// A file has one more name.
    Linked(String, FileId),
    /// A name is gone.
    Unlinked(String),
    /// A file changed its name.
    Renamed(String, String),
    /// Bytes were written at an offset.
    Written(FileId, u64, Vec<u8>),
    /// A file was cut or extended to a length.
    Truncated(FileId, u64),
    /// What was recorded of a file before this many events is on the disk.
    Synced(FileId, usize),
    /// A flush of what was recorded of a file before this many events failed: nobody knows what of it is on the disk, and later flushes of the
    /// same pages say nothing about it (Linux takes them for clean).
    Doubtful(FileId, usize),
    /// Names that were given or taken before this many events are on the disk.
    FolderSynced(usize),
    /// The store promised something.
    Promised(Promise),
}

/// What the store told somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Promise {
    /// The leaf with these bytes has this index.
    Leaf(u64, Vec<u8>),
    /// A checkpoint over this many leaves, with this root, was shown to others.
    Published(u64, Digest),
    /// A generation is kept under this digest.
    Generation(Digest),
}

/// What an open file is to the harness.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handle {
    /// A file whose content is recorded.
    File(FileId),
    /// The watched folder.
    Folder,
    /// SQLite's index of the write-ahead log: rebuilt after every crash, so it can fail but needs no recording.
    Memory,
}

#[derive(Default)]
struct State {
    folder: Option<PathBuf>,
    events: Vec<Event>,
    names: BTreeMap<String, FileId>,
    handles: HashMap<i32, Handle>,
    files: usize,
}

static WATCHING: AtomicBool = AtomicBool::new(false);
static STATE: Mutex<Option<State>> = Mutex::new(None);

/// Starts to record what happens in `folder`, which must be empty. One folder is watched at a time.
pub fn start(folder: &Path) {
    *lock() = Some(State { folder: Some(folder.to_owned()), ..State::default() });
    WATCHING.store(true, Ordering::SeqCst);
}

/// Ends the recording and gives it.
#[must_use]
pub fn stop() -> Vec<Event> {
    WATCHING.store(false, Ordering::SeqCst);
    lock().take().map(|state| state.events).unwrap_or_default()
}

/// What was recorded so far.
#[must_use]
pub fn so_far() -> Vec<Event> {
    lock().as_ref().map(|state| state.events.clone()).unwrap_or_default()
}

/// Records a promise; forgotten when nothing is recorded.
pub fn promise(promise: Promise) {
    record(Event::Promised(promise));
}

// === called by the functions in front of the C library's ===

/// Whether `path` lies in the watched folder, or is it.
#[must_use]
pub fn watches(path: &[u8]) -> bool {
    WATCHING.load(Ordering::Relaxed) && with(|state| state.kind(path).is_some()).unwrap_or(false)
}

/// What the open file `fd` is, where it is watched.
#[must_use]
pub fn handle(fd: i32) -> Option<Handle> {
    if !WATCHING.load(Ordering::Relaxed) {
        return None;
    }
    with(|state| state.handles.get(&fd).copied()).flatten()
}

/// `path` was opened as `fd`; `truncated` says that it was opened to be emptied.
pub fn opened(fd: i32, path: &[u8], truncated: Truncation) {
    with(|state| state.opened(fd, path, truncated));
}

/// Whether opening a file emptied it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Truncation {
    /// It kept what it held.
    None,
    /// It is empty now.
    Emptied,
}

/// `fd` was closed.
pub fn closed(fd: i32) {
    with(|state| state.handles.remove(&fd));
}

/// `bytes` were written to `file`.
pub fn wrote(file: FileId, offset: u64, bytes: &[u8]) {
    record(Event::Written(file, offset, bytes.to_vec()));
}

/// `file` was cut or extended.
pub fn truncated(file: FileId, length: u64) {
    record(Event::Truncated(file, length));
}

/// How many events a flush that begins now covers.
#[must_use]
pub fn position() -> usize {
    with(|state| state.events.len()).unwrap_or_default()
}

/// A flush of `handle` that began at `position` ended.
pub fn synced(handle: Handle, position: usize) {
    match handle {
        Handle::File(file) => record(Event::Synced(file, position)),
        Handle::Folder => record(Event::FolderSynced(position)),
        Handle::Memory => {}
    }
}

/// A flush of `handle` that began at `position` failed.
pub fn sync_failed(handle: Handle, position: usize) {
    match handle {
        Handle::File(file) => record(Event::Doubtful(file, position)),
        Handle::Folder | Handle::Memory => {}
    }
}

/// The name `path` is gone.
pub fn unlinked(path: &[u8]) {
    with(|state| {
        if let Some(name) = state.recorded_name(path) {
            state.names.remove(&name);
            state.events.push(Event::Unlinked(name));
        }
    });
}

/// `new` names the same file as `old`.
pub fn linked(old: &[u8], new: &[u8]) {
    with(|state| {
        let file = state.recorded_name(old).and_then(|name| state.names.get(&name).copied());
        if let (Some(file), Some(name)) = (file, state.recorded_name(new)) {
            state.names.insert(name.clone(), file);
            state.events.push(Event::Linked(name, file));
        }
    });
}

/// `old` is called `new` now.
pub fn renamed(old: &[u8], new: &[u8]) {
    with(|state| {
        if let (Some(old), Some(new)) = (state.recorded_name(old), state.recorded_name(new))
            && let Some(file) = state.names.remove(&old)
        {
            state.names.insert(new.clone(), file);
            state.events.push(Event::Renamed(old, new));
        }
    });
}

fn record(event: Event) {
    with(|state| state.events.push(event));
}

fn with<T>(act: impl FnOnce(&mut State) -> T) -> Option<T> {
    if !WATCHING.load(Ordering::Relaxed) {
        return None;
    }
    lock().as_mut().map(act)
}

fn lock() -> MutexGuard<'static, Option<State>> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

// === impl State ===

/// What a path in the watched folder is.
enum Kind {
    Folder,
    Memory,
    Named(String),
}

impl State {
    fn kind(&self, path: &[u8]) -> Option<Kind> {
        let path = Path::new(std::str::from_utf8(path).ok()?);
        let inside = path.strip_prefix(self.folder.as_ref()?).ok()?;
        let name = inside.to_str()?;
        match name {
            "" | "." => Some(Kind::Folder),
            _ if name.ends_with("-shm") => Some(Kind::Memory),
            _ => Some(Kind::Named(name.to_owned())),
        }
    }

    fn recorded_name(&self, path: &[u8]) -> Option<String> {
        match self.kind(path)? {
            Kind::Named(name) => Some(name),
            Kind::Folder | Kind::Memory => None,
        }
    }

    fn opened(&mut self, fd: i32, path: &[u8], truncated: Truncation) {
        let handle = match self.kind(path) {
            None => return,
            Some(Kind::Folder) => Handle::Folder,
            Some(Kind::Memory) => Handle::Memory,
            Some(Kind::Named(name)) => Handle::File(self.file(name, truncated)),
        };
        self.handles.insert(fd, handle);
    }

    fn file(&mut self, name: String, truncated: Truncation) -> FileId {
        if let Some(&file) = self.names.get(&name) {
            if truncated == Truncation::Emptied {
                self.events.push(Event::Truncated(file, 0));
            }
            return file;
        }
        let file = self.files;
        self.files += 1;
        self.names.insert(name.clone(), file);
        self.events.push(Event::Created(name, file));
        file
    }
}
