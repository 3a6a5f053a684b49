//! Proves on a thread of its own, so that a person sees for how long already.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use comity_prove::{Property, ProveError, Prover, Report, Solver, Subject};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::exit::{Exit, Failure};

/// Who waits no longer than this needs no spinner.
const QUIET: Duration = Duration::from_secs(2);
const TICK: Duration = Duration::from_millis(100);

/// Every property in turn.
pub(crate) fn prove(subject: Subject, solver: Option<Solver>, properties: &[Property]) -> anyhow::Result<Vec<Report>> {
    let mut prover = Prover::new(subject, solver).map_err(|error| Failure::new(Exit::Failed, error.to_string()))?;
    properties.iter().map(|property| watched(&mut prover, property)).collect()
}

fn watched(prover: &mut Prover, property: &Property) -> anyhow::Result<Report> {
    let (sender, receiver) = mpsc::channel();
    let proved = std::thread::scope(|scope| {
        scope.spawn(move || sender.send(prover.prove(property)).is_ok());
        watch(&receiver, property.name())
    });
    let proved = proved.ok_or_else(|| bug("the proof ended without an answer"))?;
    proved.map_err(|error| bug(&error.to_string()))
}

/// What the thread says; nothing if it died.
fn watch(answers: &mpsc::Receiver<Result<Report, ProveError>>, name: &str) -> Option<Result<Report, ProveError>> {
    let begun = Instant::now();
    match answers.recv_timeout(QUIET) {
        Ok(answer) => return Some(answer),
        Err(mpsc::RecvTimeoutError::Disconnected) => return None,
        Err(mpsc::RecvTimeoutError::Timeout) => {}
    }
    // Nothing is drawn where there is no terminal.
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()).with_elapsed(begun.elapsed());
    let style = ProgressStyle::with_template("{spinner} proving {msg} {elapsed}").ok()?;
    bar.set_style(style);
    bar.set_message(name.to_owned());
    bar.enable_steady_tick(TICK);
    let answer = answers.recv().ok();
    bar.finish_and_clear();
    answer
}

/// Nothing that a person did wrong.
fn bug(what: &str) -> anyhow::Error {
    let hint = "this is a bug of Comity, and nothing was proved: please report it with these terms and this command line";
    Failure::new(Exit::Failed, what).hint(hint).into()
}
