//! One sequencer per store: a lock file that the system gives back when its holder dies, however it dies.
//!
//! Two sequencers would give out the same leaf index twice. Readers and `comity keys` need no lock.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;

use crate::StoreError;
use crate::file::beside;

/// Held as long as this lives.
pub(crate) struct Lock(#[expect(dead_code, reason = "the lock is given back when the file is closed")] File);

// === impl Lock ===

impl Lock {
    /// Takes the lock of the store at `path`, or says who has it.
    pub(crate) fn take(path: &Path) -> Result<Self, StoreError> {
        let name = beside(path, ".lock");
        let failed = |error: std::io::Error| StoreError::file(&name, error);
        // The file is never deleted: two processes could then hold locks on two files of one name.
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&name).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StoreError::InUse { path: path.to_owned(), pid: holder(&mut file) }),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        file.set_len(0).and_then(|()| file.rewind()).and_then(|()| writeln!(file, "{}", std::process::id())).map_err(failed)?;
        Ok(Self(file))
    }
}

fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(32).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}
