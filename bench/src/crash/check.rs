//! What must hold of a store that a crash left behind.
//!
//! It asks the store only for what was promised before the crash; that more is there is no fault, as long as all of it is whole.

use std::path::Path;

use comity_ledger::Durability;
use comity_store::StoreError;

use super::CrashError;
use super::journal::Promise;
use super::ledger::{Call, Head, Ledger, Log, Setting, database};
use super::workload::refused;

/// A call that no workload makes.
const LATER: u64 = 1 << 40;

/// What was promised before the crash.
struct Promises<'a> {
    all: Vec<&'a Promise>,
    durability: Durability,
}

/// Opens what lies in `folder` and checks it against `promises`, in their order; then writes more.
///
/// # Errors
/// The first promise that was broken.
pub fn recovered(folder: &Path, promises: &[&Promise], setting: Setting) -> Result<(), CrashError> {
    let promises = Promises { all: promises.to_vec(), durability: setting.durability };
    let found = promises.found(folder)?;
    // The bug lies in the program that crashed, not in the one that looks at what it left.
    let ledger = Ledger::open(folder, Setting { bug: None, ..setting }).map_err(|error| refused("to open after the crash", &error))?;
    let head = ledger.head().map_err(unreadable)?;
    if head.0 < found.0 {
        return Err(CrashError::broken(format!("opening lost leaves: {} of {}", head.0, found.0)));
    }
    promises.kept(&Log::open(folder).map_err(unreadable)?, (head, found.0))?;
    go_on(&ledger, head)?;
    drop(ledger);
    let log = Log::open(folder).map_err(unreadable)?;
    let verified = log.verify().map_err(|error| CrashError::broken(format!("after going on: {error}")))?;
    log.extends((verified.size, verified.root), head).map_err(|error| CrashError::broken(format!("going on forked the log: {error}")))
}

/// New leaves go to new indices.
fn go_on(ledger: &Ledger, head: Head) -> Result<(), CrashError> {
    let calls = [Call::permit(LATER), Call::permit(LATER + 1)];
    for (call, index) in ledger.decide(&calls) {
        let index = index.map_err(|error| refused("a leaf after the crash", &error))?;
        if index < head.0 {
            return Err(CrashError::broken(format!("index {index} was given again, to call {}", call.number)));
        }
    }
    ledger.outcome(Call::permit(LATER)).map(|_| ()).map_err(|error| refused("an outcome after the crash", &error))
}

fn unreadable(error: StoreError) -> CrashError {
    CrashError::broken(format!("the store cannot be read after the crash: {error}"))
}

// === impl Promises ===

impl Promises<'_> {
    /// What a reader finds before any gateway was started again.
    fn found(&self, folder: &Path) -> Result<Head, CrashError> {
        let nothing = (0, comity_ledger::EMPTY_ROOT);
        if !database(folder).exists() {
            return if self.is_any_due() { Err(CrashError::broken("the database is gone")) } else { Ok(nothing) };
        }
        match Log::open(folder).and_then(|log| log.verify()) {
            Ok(verified) => Ok((verified.size, verified.root)),
            Err(error) => Err(unreadable(error)),
        }
    }

    fn is_any_due(&self) -> bool {
        self.all.iter().any(|promise| match promise {
            Promise::Published(size, _) => *size > 0,
            Promise::Leaf(..) | Promise::Generation(_) => self.durability == Durability::Commit,
        })
    }

    /// `found` leaves were there before the store was opened.
    fn kept(&self, log: &Log, (head, found): (Head, u64)) -> Result<(), CrashError> {
        let published = self.all.iter().filter_map(|promise| match promise {
            Promise::Published(size, root) => Some((*size, *root)),
            Promise::Leaf(..) | Promise::Generation(_) => None,
        });
        let mut due = 0;
        for old in published {
            log.extends(head, old).map_err(|error| {
                CrashError::broken(format!("the published checkpoint of {} leaves is not in the log of {}: {error}", old.0, head.0))
            })?;
            due = due.max(old.0);
        }
        let due = match self.durability {
            Durability::Commit => u64::MAX,
            // What is there must be what was promised; more than what was published need not be there.
            Durability::Os => due.max(found),
        };
        self.all.iter().try_for_each(|promise| self.is_kept(log, promise, due))
    }

    fn is_kept(&self, log: &Log, promise: &Promise, due: u64) -> Result<(), CrashError> {
        match promise {
            Promise::Leaf(index, bytes) if *index < due => match log.leaf(*index).map_err(unreadable)? {
                Some(found) if found == *bytes => Ok(()),
                Some(_) => Err(CrashError::broken(format!("acknowledged leaf {index} is another one"))),
                None => Err(CrashError::broken(format!("acknowledged leaf {index} is lost"))),
            },
            Promise::Generation(digest) if self.durability == Durability::Commit => {
                let kept = log.keeps(*digest).map_err(unreadable)?;
                if kept { Ok(()) } else { Err(CrashError::broken(format!("generation `{}` is lost", digest.short()))) }
            }
            Promise::Leaf(..) | Promise::Generation(_) | Promise::Published(..) => Ok(()),
        }
    }
}
