//! The log of the process, to stderr, so that stdout stays data.
//!
//! `COMITY_LOG` sets it as `tracing` filters do (`debug`, `comity_enforce=trace`). It never logs what is in a call.

use std::io::IsTerminal as _;
use std::panic::PanicHookInfo;

use tracing_subscriber::EnvFilter;

use crate::command::{Cli, Command};

/// The environment variable that sets what is logged.
pub(crate) const VARIABLE: &str = "COMITY_LOG";

/// Starts the log. A gateway says what it does; other commands speak only of trouble.
pub(crate) fn start(cli: &Cli) {
    let is_gateway = matches!(cli.command, Command::Up(_));
    let default = if is_gateway { "info" } else { "error" };
    let filter = EnvFilter::try_from_env(VARIABLE).unwrap_or_else(|_| EnvFilter::new(default));
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    // A second start can only happen inside a test; the first log stays.
    // A log that cannot be written, on a full disk say, is lost without a word: saying so would panic, since the words go the same way.
    let log = tracing_subscriber::fmt().log_internal_errors(false);
    let _ = log.with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colour).with_target(false).try_init();
    if is_gateway {
        std::panic::set_hook(Box::new(panicked));
    }
}

/// Says where, and not the message: it may quote the text of a call that was worked on.
fn panicked(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    tracing::error!(place, "a thread panicked");
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[test]
    fn a_panic_is_logged_without_its_message() {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let writer = Arc::clone(&lines);
        let file = move || Lines(Arc::clone(&writer));
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(panicked));
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(file).finish();
        let caught = tracing::subscriber::with_default(subscriber, || std::panic::catch_unwind(|| panic!("ada@example.org")));
        std::panic::set_hook(usual);
        let log = String::from_utf8(lines.lock().unwrap().clone()).unwrap();
        assert!(caught.is_err() && log.contains("a thread panicked") && log.contains("log.rs") && !log.contains("ada"), "{log}");
    }

    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
}
