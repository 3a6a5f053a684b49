//! Which configuration and which store a command means.
//!
//! `--store`, else what `--config` names, else what `comity.toml` in the data folder names, else the store of a gateway that nobody
//! configured. A command that only looks never makes a store.

use std::path::PathBuf;

use comity_enforce::Config;
use comity_store::{Keys, Reader, StoreError, Unlock};

use crate::config;
use crate::data_folder;
use crate::exit::{Exit, Failure};
use crate::output;

/// The two arguments that say it.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Place {
    /// The store's file; without it, the one that the configuration names
    #[arg(long, value_name = "FILE")]
    store: Option<PathBuf>,
    /// The configuration; without it, `comity.toml` in the data folder if there is one
    #[arg(long, value_name = "FILE", conflicts_with = "store")]
    config: Option<PathBuf>,
}

// === impl Place ===

impl Place {
    /// The ledger, to read. Without the passphrase that the configuration names, private records stay sealed, and all else is there.
    pub(crate) fn reader(&self) -> anyhow::Result<Reader> {
        let store = self.existing_store()?;
        let unlock = self.unlock().unwrap_or_else(|error| {
            let reason = error.to_string();
            output::say(&format!("note: private records stay sealed: {}", reason.lines().next().unwrap_or_default()));
            Unlock::default()
        });
        Ok(Reader::open_with(&store, &unlock).map_err(failure)?)
    }

    /// The keys of a store that is there.
    pub(crate) fn keys(&self) -> anyhow::Result<Keys> {
        Ok(Keys::open(&self.existing_store()?).map_err(failure)?)
    }

    /// The keys; the store is made if need be.
    pub(crate) fn keys_to_write(&self) -> anyhow::Result<Keys> {
        let store = self.store()?;
        if let Some(folder) = store.parent() {
            data_folder::make_private(folder)?;
        }
        Ok(Keys::open(&store).map_err(failure)?)
    }

    /// The store's file, which need not exist.
    pub(crate) fn store(&self) -> anyhow::Result<PathBuf> {
        match (&self.store, self.config()?) {
            (Some(store), _) => Ok(store.clone()),
            (None, Some(config)) => store_of(&config::load(&config)?),
            (None, None) => Ok(data_folder::store(&data_folder::locate()?)),
        }
    }

    /// The configuration, if there is one.
    pub(crate) fn config(&self) -> anyhow::Result<Option<PathBuf>> {
        match &self.config {
            Some(config) => Ok(Some(config.clone())),
            None => found_config(),
        }
    }

    /// How the file with the master key is opened: as the configuration says, if there is one.
    pub(crate) fn unlock(&self) -> anyhow::Result<Unlock> {
        match (&self.store, self.config()?) {
            (None, Some(path)) => Ok(config::load(&path)?.unlock().map_err(|problems| config::failure(&problems))?),
            (Some(_), _) | (None, None) => Ok(Unlock::default()),
        }
    }

    /// The store's file, which is there.
    pub(crate) fn existing_store(&self) -> anyhow::Result<PathBuf> {
        let store = self.store()?;
        if store.exists() {
            return Ok(store);
        }
        let failure = Failure::new(Exit::Failed, format!("there is no store at `{}`", store.display()));
        Err(failure.hint("start a gateway with `comity up`, or name another store with `--store`").into())
    }
}

/// The configuration that `comity up` wrote, if it did.
pub(crate) fn found_config() -> anyhow::Result<Option<PathBuf>> {
    let config = data_folder::config(&data_folder::locate()?);
    Ok(config.exists().then_some(config))
}

/// What the store says, and how the process ends for it.
pub(crate) fn failure(error: StoreError) -> Failure {
    let exit = if matches!(error, StoreError::Tampered { .. }) { Exit::VerificationFailed } else { Exit::Failed };
    Failure::new(exit, error.to_string()).maybe_hint(error.hint())
}

/// The store that a configuration means: its own, else the data folder's.
pub(crate) fn store_of(config: &Config) -> anyhow::Result<PathBuf> {
    match &config.store.path {
        Some(path) => Ok(config.folder().join(path)),
        None => Ok(data_folder::store(&data_folder::locate()?)),
    }
}
