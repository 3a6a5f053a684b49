//! Runs what waits for the network, until it is done or the person interrupts.
//!
//! One thread: a command waits for one gateway. The gateway itself brings its own runtimes.

use std::future::Future;

use anyhow::Context as _;

use crate::exit::Exit;

/// Runs `work` to its end.
pub(crate) fn wait<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start")?.block_on(work)
}

/// Runs `work`; Ctrl-C drops it, which closes its connections.
pub(crate) fn until_interrupted(work: impl Future<Output = anyhow::Result<Exit>>) -> anyhow::Result<Exit> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start")?;
    runtime.block_on(async {
        tokio::select! {
            outcome = work => outcome,
            _ = tokio::signal::ctrl_c() => Ok(Exit::Interrupted),
        }
    })
}
