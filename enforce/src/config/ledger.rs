//! `[store]` and `[ledger]`: where the ledger lies, how its keys are kept, what outsiders may see of it, and who vouches for it.

use std::path::PathBuf;
use std::sync::Arc;

use comity_ledger::Durability;
use comity_store::Unlock;
use serde::Deserialize;
use toml::Spanned;

use super::{Config, Problems, SecretSource};

/// `[store]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreConfig {
    /// The database file; the data folder's `comity.db` unless set.
    pub path: Option<PathBuf>,
    /// What "written" means: `commit` or `os`.
    pub durability: Durability,
    /// The largest size of the database, in bytes.
    pub size_max_bytes: Option<u64>,
    /// The passphrase of the file with the master key; without it the file is in clear, for its owner only.
    pub passphrase: Option<Spanned<SecretSource>>,
}

/// `[ledger]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LedgerConfig {
    /// The log's name in every checkpoint; made from the public key unless set. It never changes.
    pub origin: Option<Spanned<String>>,
    /// Bodies of calls and answers are kept, encrypted, beside their decisions.
    pub keep_content: bool,
    /// The bearer token of auditors, who may read tiles and entries.
    pub auditor_token: Option<Spanned<SecretSource>>,
    /// A file in the form of C2SP tlog-policy: no checkpoint is published before its quorum cosigned.
    pub policy: Option<Spanned<PathBuf>>,
    /// The name under which this gateway cosigns the checkpoints of others; the origin unless set.
    pub witness_name: Option<Spanned<String>>,
    /// Foreign logs whose checkpoints this gateway cosigns: their verifier keys.
    pub witness_for: Vec<Spanned<String>>,
}

// === impl Config ===

impl Config {
    /// How the file with the master key is opened.
    ///
    /// # Errors
    /// When the passphrase cannot be read from where the configuration says it is.
    pub fn unlock(&self) -> Result<Unlock, Problems> {
        let Some(source) = &self.store.passphrase else { return Ok(Unlock::default()) };
        let read = source.get_ref().read(self.folder());
        let passphrase = read.map_err(|message| self.source().problem(Some(source.span()), message))?;
        Ok(Unlock { passphrase: Some(Arc::new(passphrase)) })
    }
}
