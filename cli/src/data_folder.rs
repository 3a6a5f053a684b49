//! Where Comity keeps what must outlive a process: the store, the configuration that it wrote, models.
//!
//! `$COMITY_DATA` if set, else `comity` in the platform's folder for user data. It never falls back to the current folder.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use etcetera::BaseStrategy as _;

use crate::exit::{Exit, Failure};

/// The environment variable that moves the folder.
pub(crate) const VARIABLE: &str = "COMITY_DATA";

/// The data folder. It need not exist yet.
pub(crate) fn locate() -> anyhow::Result<PathBuf> {
    if let Some(folder) = std::env::var_os(VARIABLE).filter(|folder| !folder.is_empty()) {
        return std::path::absolute(PathBuf::from(folder)).context("cannot read the current folder");
    }
    let strategy = etcetera::choose_base_strategy().map_err(|_| {
        Failure::new(Exit::Failed, "cannot find your home folder").hint(format!("set `{VARIABLE}` to a folder that Comity may write to"))
    })?;
    Ok(strategy.data_dir().join("comity"))
}

/// The data folder, made if need be and readable by its owner only: it holds the store's keys.
pub(crate) fn make() -> anyhow::Result<PathBuf> {
    let folder = locate()?;
    make_private(&folder)?;
    Ok(folder)
}

/// Makes `folder` for its owner only.
pub(crate) fn make_private(folder: &Path) -> anyhow::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|error| {
        Failure::new(Exit::Failed, format!("cannot make the data folder `{}`: {error}", folder.display()))
            .hint(format!("set `{VARIABLE}` to a folder that Comity may write to"))
            .into()
    })
}

/// The store of a gateway that nobody configured.
pub(crate) fn store(folder: &Path) -> PathBuf {
    folder.join("comity.db")
}

/// The configuration that `comity up` writes.
pub(crate) fn config(folder: &Path) -> PathBuf {
    folder.join("comity.toml")
}
