//! Under which name and key others know this gateway's ledger.
//!
//! INVARIANT: a ledger has one name for ever. Who follows a log knows it by its origin, so another name would be another log that nobody follows.

use comity_ledger::{Checkpoint, KeyKind, SignatureLine, SignedCheckpoint, VerifierKey};
use comity_store::{Fact, Head, Store, StoreError};
use sha2::{Digest as _, Sha256};

use crate::config::{Config, ConfigProblem};
use crate::gateway::BuildError;
use crate::generation::LedgerRules;

/// The name, and the key that signs under it.
pub(crate) struct LedgerName {
    key: VerifierKey,
}

/// Bytes of the key's hash in a name that is made from it: nobody meets another one by accident.
const HASH_BYTES: usize = 8;

// === impl LedgerName ===

impl LedgerName {
    /// The name that the store bears. One that bears none yet gets the configured name, or one made from its public key. Blocks.
    pub(crate) fn of(store: &Store, config: &Config) -> Result<Self, BuildError> {
        let public = store.public_key();
        let borne = borne(store)?;
        let configured = config.ledger.origin.as_ref().map(|origin| origin.get_ref().clone());
        let origin = borne.clone().or(configured).unwrap_or_else(|| made_from(&public));
        let problem = |error: comity_ledger::KeyError| config.source().problem(None, error.to_string());
        let name =
            Self { key: VerifierKey::new(&origin, KeyKind::Ed25519, &public).map_err(problem).map_err(crate::config::Problems::from)? };
        name.check(config).map_err(crate::config::Problems::from)?;
        if borne.is_none() {
            store.note(Fact::Origin, origin.into_bytes())?;
        }
        Ok(name)
    }

    /// Refuses a configuration that names this ledger otherwise.
    pub(crate) fn check(&self, config: &Config) -> Result<(), ConfigProblem> {
        let Some(origin) = config.ledger.origin.as_ref().filter(|origin| origin.get_ref() != self.origin()) else { return Ok(()) };
        let message = format!("the checkpoints of this ledger bear the name `{}`, not `{}`", self.origin(), origin.get_ref());
        let hint = format!(
            "write `origin = \"{}\"` or take the key out: a ledger keeps its name; another name needs another store",
            self.origin()
        );
        Err(config.source().problem(Some(origin.span()), message).hint(hint))
    }

    /// The name in the first line of every checkpoint.
    pub(crate) fn origin(&self) -> &str {
        self.key.name()
    }

    /// The key that verifies checkpoints.
    pub(crate) fn log_key(&self) -> &VerifierKey {
        &self.key
    }

    /// The key that verifies cosignatures of others' checkpoints. Its name was checked when `rules` were loaded.
    pub(crate) fn witness_key(&self, rules: &LedgerRules) -> Option<VerifierKey> {
        let name = rules.witness_name.as_deref().unwrap_or(self.origin());
        VerifierKey::new(name, KeyKind::Cosignature, self.key.public()).ok()
    }

    /// The signed checkpoint of what `store` has on the disk.
    pub(crate) fn sign(&self, store: &Store, head: Head) -> Result<SignedCheckpoint, StoreError> {
        let unsigned = |error: comity_ledger::CheckpointError| StoreError::Unavailable(error.to_string().into());
        let checkpoint = Checkpoint::new(self.origin(), head.size, head.root).map_err(unsigned)?;
        let signature = store.sign(&checkpoint.message())?;
        SignedCheckpoint::new(checkpoint, SignatureLine::ed25519(&self.key, &signature)).map_err(unsigned)
    }
}

/// The name that was noted, or that a checkpoint bears which was published before names were noted.
fn borne(store: &Store) -> Result<Option<String>, StoreError> {
    let noted = store.reader()?.noted(Fact::Origin)?.and_then(|bytes| String::from_utf8(bytes).ok());
    let published = || store.published().and_then(|published| published.note.lines().next().map(str::to_owned));
    Ok(noted.or_else(published))
}

fn made_from(public: &[u8; 32]) -> String {
    let hash: [u8; 32] = Sha256::digest(public).into();
    format!("comity.invalid/{}", hash.iter().take(HASH_BYTES).map(|byte| format!("{byte:02x}")).collect::<String>())
}

/// What a log is called in addresses: SHA-256 of its origin in hex (C2SP tlog-witness).
pub(crate) fn origin_hash(origin: &str) -> String {
    hex::encode(Sha256::digest(origin))
}
