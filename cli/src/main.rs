//! The `comity` command: parse, log, dispatch.
//!
//! It holds no behaviour: each command is one file below `command`, `exit` alone prints errors, `output` alone prints everything else.

mod catalogue_files;
mod client;
mod clock;
mod command;
mod config;
mod data_folder;
mod exit;
mod invocation;
mod log;
mod model_files;
mod output;
mod past;
mod place;
mod refusal;
mod runtime;

use std::process::ExitCode;

fn main() -> ExitCode {
    let outcome = command::Cli::read().and_then(|cli| {
        log::start(&cli);
        command::run(cli)
    });
    outcome.unwrap_or_else(|error| exit::report(&error)).into()
}
