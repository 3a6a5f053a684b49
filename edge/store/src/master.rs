//! The master key that wraps the tenants' keys: 32 random bytes in a file of its own beside the database.
//!
//! It is never made anew for a store that has one already, and never used when others could have read it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use comity_vocab::Digest;

use crate::StoreError;
use crate::file::{beside, draft_of, publish, write_private};

/// The key. It has no `Debug`.
pub(crate) struct MasterKey([u8; 32]);

pub(crate) const OPEN_TO_OTHERS: &str = "can be read by other users";
const MISSING: &str = "is missing";
const MALFORMED: &str = "does not hold 64 hex digits";
const ANOTHER: &str = "belongs to another store";

/// Where the master key of the store at `path` lies.
pub(crate) fn path_of(path: &Path) -> PathBuf {
    beside(path, ".master")
}

// === impl MasterKey ===

impl MasterKey {
    /// The key of the store at `path`, made if the store (`known` is its check value) never had one.
    pub(crate) fn load_or_create(path: &Path, known: Option<Digest>) -> Result<Self, StoreError> {
        let name = path_of(path);
        if known.is_none() && !name.exists() {
            Self::create(&name)?;
        }
        Self::load(path, known)?.ok_or(StoreError::MasterKey { path: name, reason: MISSING })
    }

    /// The key of the store at `path`, if it is here.
    pub(crate) fn load(path: &Path, known: Option<Digest>) -> Result<Option<Self>, StoreError> {
        let name = path_of(path);
        let text = match fs::read_to_string(&name) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StoreError::file(&name, error)),
        };
        refuse_open_to_others(&name)?;
        let mut bytes = [0; 32];
        hex::decode_to_slice(text.trim(), &mut bytes).map_err(|_| StoreError::MasterKey { path: name.clone(), reason: MALFORMED })?;
        let key = Self(bytes);
        if known.is_some_and(|known| known != key.check()) {
            return Err(StoreError::MasterKey { path: name, reason: ANOTHER });
        }
        Ok(Some(key))
    }

    /// Tells this key from another without giving it away.
    pub(crate) fn check(&self) -> Digest {
        Digest::of("comity master key check v1", &[&self.0])
    }

    pub(crate) const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    fn create(name: &Path) -> Result<(), StoreError> {
        let mut bytes = [0; 32];
        aws_lc_rs::rand::fill(&mut bytes).map_err(|_| StoreError::Encryption)?;
        let draft = draft_of(name);
        let text = format!("{}\n", hex::encode(bytes));
        write_private(&draft, text.as_bytes()).and_then(|()| publish(&draft, name)).map_err(|error| StoreError::file(name, error))
    }
}

#[cfg(unix)]
fn refuse_open_to_others(name: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::PermissionsExt;
    let mode = fs::metadata(name).map_err(|error| StoreError::file(name, error))?.permissions().mode();
    if mode & 0o077 == 0 { Ok(()) } else { Err(StoreError::MasterKey { path: name.to_owned(), reason: OPEN_TO_OTHERS }) }
}

#[cfg(not(unix))]
fn refuse_open_to_others(_name: &Path) -> Result<(), StoreError> {
    Ok(())
}
