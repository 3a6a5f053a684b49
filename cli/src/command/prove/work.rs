//! Proves on a thread of its own, so that a person sees how far it is.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use comity_prove::{Progress, Property, ProveError, Prover, Report, Solver, Subject};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::exit::{Exit, Failure};

/// Who waits no longer than this needs no bar.
const QUIET: Duration = Duration::from_secs(2);
const TICK: Duration = Duration::from_millis(100);

/// Every property in turn.
pub(crate) fn prove(subject: Subject, solver: Option<Solver>, properties: &[Property]) -> anyhow::Result<Vec<Report>> {
    let mut prover = Prover::new(subject, solver).map_err(|error| Failure::new(Exit::Failed, error.to_string()))?;
    properties.iter().map(|property| watched(&mut prover, property)).collect()
}

fn watched(prover: &mut Prover, property: &Property) -> anyhow::Result<Report> {
    let (sender, receiver) = mpsc::channel();
    let progress = prover.progress();
    let proved = std::thread::scope(|scope| {
        scope.spawn(move || sender.send(prover.prove(property)).is_ok());
        watch(&receiver, &progress, property.name())
    });
    let proved = proved.ok_or_else(|| bug("the proof ended without an answer"))?;
    proved.map_err(|error| bug(&error.to_string()))
}

/// What the thread says; nothing if it died.
fn watch(answers: &mpsc::Receiver<Proved>, progress: &Progress, name: &str) -> Option<Proved> {
    let begun = Instant::now();
    match answers.recv_timeout(QUIET) {
        Ok(answer) => return Some(answer),
        Err(mpsc::RecvTimeoutError::Disconnected) => return None,
        Err(mpsc::RecvTimeoutError::Timeout) => {}
    }
    // Nothing is drawn where there is no terminal.
    let shown = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()).with_elapsed(begun.elapsed());
    let whole = ProgressStyle::with_template("{spinner} proving {msg} {elapsed}").ok()?;
    let steps = ProgressStyle::with_template("{spinner} proving {msg} {bar:30} {pos}/{len} terms {elapsed}").ok()?;
    shown.set_message(name.to_owned());
    let answer = loop {
        match progress.now() {
            Some((done, of)) => {
                shown.set_style(steps.clone());
                shown.set_length(u64::try_from(of).unwrap_or(u64::MAX));
                shown.set_position(u64::try_from(done).unwrap_or(u64::MAX));
            }
            None => shown.set_style(whole.clone()),
        }
        shown.tick();
        match answers.recv_timeout(TICK) {
            Ok(answer) => break Some(answer),
            Err(mpsc::RecvTimeoutError::Disconnected) => break None,
            Err(mpsc::RecvTimeoutError::Timeout) => {}
        }
    };
    shown.finish_and_clear();
    answer
}

/// What a proof ends with.
type Proved = Result<Report, ProveError>;

/// Nothing that a person did wrong.
fn bug(what: &str) -> anyhow::Error {
    let hint = "this is a bug of Comity, and nothing was proved: please report it with these terms and this command line";
    Failure::new(Exit::Failed, what).hint(hint).into()
}
