//! Who holds the keys that everything else hangs on: wraps the keys of private records, and signs checkpoints.
//!
//! The seam is small so that a hardware module or a key service can stand behind it. Behind it now is a file of its own beside the database,
//! encrypted with age where a passphrase is given. The key is never made anew for a store that has one, never used when others could have read it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use age::secrecy::SecretString;
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use comity_vocab::{Digest, Plain};

use crate::StoreError;
use crate::file::{beside, draft_of, publish, write_private};
use crate::limits::{WORK_FACTOR, WORK_FACTOR_MAX};
use crate::record::{open, seal};

/// What a store asks of whoever holds its keys. No method gives a key away.
pub trait Custody: Send + Sync {
    /// Tells these keys from others without giving them away.
    fn check(&self) -> Digest;

    /// Encrypts a key for `purpose`, bound to `context`.
    ///
    /// # Errors
    /// [`StoreError::Encryption`] when it cannot be done now.
    fn wrap(&self, purpose: &[u8], context: &[u8], key: &[u8; 32]) -> Result<Vec<u8>, StoreError>;

    /// The key again; none when it was changed or wrapped for something else.
    fn unwrap(&self, purpose: &[u8], context: &[u8], wrapped: &[u8]) -> Option<Plain<[u8; 32]>>;

    /// The Ed25519 public key of checkpoints.
    fn public_key(&self) -> [u8; 32];

    /// Signs a checkpoint with Ed25519 (RFC 8032).
    ///
    /// # Errors
    /// [`StoreError::Encryption`] when it cannot be done now.
    fn sign(&self, message: &[u8]) -> Result<[u8; 64], StoreError>;
}

/// How the file with the master key is opened.
#[derive(Clone, Default)]
pub struct Unlock {
    /// The passphrase under which the file is encrypted (age, scrypt); none for a file in clear that only its owner may read.
    pub passphrase: Option<Arc<Plain<String>>>,
}

/// The master key in a file.
pub(crate) struct FileCustody {
    master: [u8; 32],
    signer: Ed25519KeyPair,
}

pub(crate) const OPEN_TO_OTHERS: &str = "can be read by other users";
pub(crate) const LOCKED: &str = "is encrypted, and no passphrase was given";
pub(crate) const WRONG_PASSPHRASE: &str = "does not open with the passphrase that was given";
const MISSING: &str = "is missing";
const MALFORMED: &str = "does not hold 64 hex digits";
const DAMAGED: &str = "is damaged, or not encrypted with one passphrase";
const ANOTHER: &str = "belongs to another store";

const SIGNER_USE: &[u8] = b"comity checkpoint signer v1";
const AGE_HEADER: &[u8] = b"age-encryption.org/";

/// Where the master key of the store at `path` lies.
pub(crate) fn path_of(path: &Path) -> PathBuf {
    beside(path, ".master")
}

// === impl FileCustody ===

impl FileCustody {
    /// The keys of the store at `path`, made if the store (`known` is their check value) never had any. A file in clear is encrypted when a
    /// passphrase is given.
    pub(crate) fn load_or_create(path: &Path, known: Option<Digest>, unlock: &Unlock) -> Result<Self, StoreError> {
        let name = path_of(path);
        if known.is_none() && !name.exists() {
            create(&name, unlock)?;
        }
        let custody = Self::load(path, known, unlock)?.ok_or_else(|| wrong(&name, MISSING))?;
        if let Some(passphrase) = &unlock.passphrase
            && !is_encrypted(&read(&name)?)
        {
            replace(&name, &encrypted(&custody.master, passphrase)?)?;
        }
        Ok(custody)
    }

    /// The keys of the store at `path`, if they are here.
    pub(crate) fn load(path: &Path, known: Option<Digest>, unlock: &Unlock) -> Result<Option<Self>, StoreError> {
        let name = path_of(path);
        let bytes = match fs::read(&name) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StoreError::file(&name, error)),
        };
        refuse_open_to_others(&name)?;
        let master = match (is_encrypted(&bytes), &unlock.passphrase) {
            (true, Some(passphrase)) => decrypted(&bytes, passphrase).map_err(|reason| wrong(&name, reason))?,
            (true, None) => return Err(wrong(&name, LOCKED)),
            (false, _) => parsed(&bytes).ok_or_else(|| wrong(&name, MALFORMED))?,
        };
        let custody = Self { signer: signer(&master)?, master };
        if known.is_some_and(|known| known != custody.check()) {
            return Err(wrong(&name, ANOTHER));
        }
        Ok(Some(custody))
    }
}

impl Custody for FileCustody {
    fn check(&self) -> Digest {
        Digest::of("comity master key check v1", &[&self.master])
    }

    fn wrap(&self, purpose: &[u8], context: &[u8], key: &[u8; 32]) -> Result<Vec<u8>, StoreError> {
        seal((&self.master, purpose), context, key)
    }

    fn unwrap(&self, purpose: &[u8], context: &[u8], wrapped: &[u8]) -> Option<Plain<[u8; 32]>> {
        open((&self.master, purpose), context, wrapped)?.try_into().ok().map(Plain::new)
    }

    fn public_key(&self) -> [u8; 32] {
        let mut key = [0; 32];
        key.iter_mut().zip(self.signer.public_key().as_ref()).for_each(|(to, from)| *to = *from);
        key
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], StoreError> {
        self.signer.sign(message).as_ref().try_into().map_err(|_| StoreError::Encryption)
    }
}

/// The signer is derived, so that one secret is kept and backed up, not two.
fn signer(master: &[u8; 32]) -> Result<Ed25519KeyPair, StoreError> {
    let mut seed = [0; 32];
    let (derived, uses) = (Salt::new(HKDF_SHA256, &[]).extract(master), [SIGNER_USE]);
    derived.expand(&uses, HKDF_SHA256).and_then(|okm| okm.fill(&mut seed)).map_err(|_| StoreError::Encryption)?;
    Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| StoreError::Encryption)
}

fn create(name: &Path, unlock: &Unlock) -> Result<(), StoreError> {
    let mut master = [0; 32];
    aws_lc_rs::rand::fill(&mut master).map_err(|_| StoreError::Encryption)?;
    let bytes = match &unlock.passphrase {
        Some(passphrase) => encrypted(&master, passphrase)?,
        None => text(&master).into_bytes(),
    };
    let draft = draft_of(name);
    write_private(&draft, &bytes).and_then(|()| publish(&draft, name)).map_err(|error| StoreError::file(name, error))
}

/// Puts other bytes in the place of a file, whole or not at all.
fn replace(name: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let draft = draft_of(name);
    let written = write_private(&draft, bytes).and_then(|()| fs::rename(&draft, name)).and_then(|()| crate::file::sync_folder(name));
    written.map_err(|error| StoreError::file(name, error))
}

fn read(name: &Path) -> Result<Vec<u8>, StoreError> {
    fs::read(name).map_err(|error| StoreError::file(name, error))
}

fn wrong(name: &Path, reason: &'static str) -> StoreError {
    StoreError::MasterKey { path: name.to_owned(), reason }
}

fn text(master: &[u8; 32]) -> String {
    format!("{}\n", hex::encode(master))
}

fn parsed(bytes: &[u8]) -> Option<[u8; 32]> {
    let mut master = [0; 32];
    hex::decode_to_slice(std::str::from_utf8(bytes).ok()?.trim(), &mut master).ok().map(|()| master)
}

fn is_encrypted(bytes: &[u8]) -> bool {
    bytes.starts_with(AGE_HEADER)
}

fn encrypted(master: &[u8; 32], passphrase: &Plain<String>) -> Result<Vec<u8>, StoreError> {
    let mut recipient = age::scrypt::Recipient::new(SecretString::from(passphrase.expose().clone()));
    // Not age's own guess, which a busy machine makes weaker.
    recipient.set_work_factor(WORK_FACTOR);
    age::encrypt(&recipient, text(master).as_bytes()).map_err(|_| StoreError::Encryption)
}

/// The key, or what is wrong with the file.
fn decrypted(bytes: &[u8], passphrase: &Plain<String>) -> Result<[u8; 32], &'static str> {
    let mut identity = age::scrypt::Identity::new(SecretString::from(passphrase.expose().clone()));
    // Not age's own guess: a machine that is busy at the start would refuse its own file.
    identity.set_max_work_factor(WORK_FACTOR_MAX);
    match age::decrypt(&identity, bytes) {
        Ok(text) => parsed(&text).ok_or(MALFORMED),
        Err(age::DecryptError::KeyDecryptionFailed | age::DecryptError::DecryptionFailed) => Err(WRONG_PASSPHRASE),
        Err(_) => Err(DAMAGED),
    }
}

#[cfg(unix)]
fn refuse_open_to_others(name: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::PermissionsExt;
    let mode = fs::metadata(name).map_err(|error| StoreError::file(name, error))?.permissions().mode();
    if mode & 0o077 == 0 { Ok(()) } else { Err(wrong(name, OPEN_TO_OTHERS)) }
}

#[cfg(not(unix))]
fn refuse_open_to_others(_name: &Path) -> Result<(), StoreError> {
    Ok(())
}
