//! The log of the process, to stderr, so that stdout stays data.
//!
//! `COMITY_LOG` sets it as `tracing` filters do (`debug`, `comity_enforce=trace`). It never logs what is in a call.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

use crate::command::{Cli, Command};

/// The environment variable that sets what is logged.
pub(crate) const VARIABLE: &str = "COMITY_LOG";

/// Starts the log. A gateway says what it does; other commands speak only of trouble.
pub(crate) fn start(cli: &Cli) {
    let default = if matches!(cli.command, Command::Up(_)) { "info" } else { "error" };
    let filter = EnvFilter::try_from_env(VARIABLE).unwrap_or_else(|_| EnvFilter::new(default));
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    // A second start can only happen inside a test; the first log stays.
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colour).with_target(false).try_init();
}
