//! Runs a gateway until the operating system says stop: SIGTERM and SIGINT drain, a second one stops at once, SIGHUP reloads.
//! Changed files of configuration, terms and catalogue reload too.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::MissedTickBehavior;

use crate::gateway::{Drained, Running};
use crate::limits::{ENDED_POLL, WATCH_POLL};
use crate::server::Stop;

impl Running {
    /// Blocks until a signal has stopped the gateway.
    ///
    /// # Errors
    /// When signals cannot be received.
    pub fn run_until_signal(self) -> std::io::Result<Drained> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(follow(&self))?;
        Ok(self.join())
    }
}

async fn follow(running: &Running) -> std::io::Result<()> {
    let (mut end, mut hangup) = (End::new()?, signal(SignalKind::hangup())?);
    let mut watched = Watched::now(running);
    let mut tick = tokio::time::interval(WATCH_POLL);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let reload = tokio::select! {
            () = end.asked() => break,
            _ = hangup.recv() => true,
            _ = tick.tick() => watched.changed(),
        };
        if reload {
            // What came of it stands in the log and the metrics.
            let _ = running.reload();
            watched = Watched::now(running);
        }
    }
    tracing::info!("draining: running calls finish, new ones are not accepted");
    running.stop(Stop::Draining);
    let mut tick = tokio::time::interval(ENDED_POLL);
    while !running.has_ended() {
        tokio::select! {
            () = end.asked() => running.stop(Stop::Now),
            _ = tick.tick() => {}
        }
    }
    Ok(())
}

/// The signals that end a gateway.
struct End {
    terminate: Signal,
    interrupt: Signal,
}

impl End {
    fn new() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn asked(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// The files of the generation that decides, and when each was last changed.
struct Watched(Vec<(PathBuf, Option<SystemTime>)>);

impl Watched {
    fn now(running: &Running) -> Self {
        let generation: Arc<_> = running.generation();
        Self(generation.files.iter().map(|path| (path.clone(), changed_at(path))).collect())
    }

    fn changed(&self) -> bool {
        self.0.iter().any(|(path, before)| changed_at(path) != *before)
    }
}

fn changed_at(path: &std::path::Path) -> Option<SystemTime> {
    std::fs::metadata(path).and_then(|meta| meta.modified()).ok()
}
