//! Loads another generation and swaps it in whole. What is bad never replaces what is good; the log says why.

use std::sync::{Arc, Mutex, PoisonError};

use crate::config::{Config, ConfigProblem, Problems};
use crate::generation::{Checked, Generation, Given, LocalOffering};
use crate::ledger_events;
use crate::shared::Shared;

/// One reload at a time: two at once could swap in the older one last.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Reads the configuration again, and everything that it names. Blocks.
pub(crate) fn reload(shared: &Shared) -> Result<Checked, Problems> {
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let result = load(shared);
    shared.metrics.reloaded(result.is_ok());
    match &result {
        Ok(checked) => tracing::info!(terms = %checked.terms.short(), catalogue = %checked.catalogue.short(), "a new generation decides"),
        Err(problems) => tracing::error!("the configuration was not taken over, the old one stays:\n{problems}"),
    }
    result
}

fn load(shared: &Shared) -> Result<Checked, Problems> {
    let before = shared.generation.load_full();
    let config = Config::load(before.config.path())?.with_listen(before.config.listen);
    shared.name.check(&config)?;
    let local = match &before.local {
        Some(local) => local.again(&config)?,
        None => LocalOffering::open(&config)?,
    };
    let generation = Generation::load(config, Given { local: local.as_ref(), detector: shared.detector.as_ref(), before: Some(&before) })?;
    let kept = generation.keep(&shared.store).and_then(|()| ledger_events::changed(&shared.store, (&before, &generation)));
    kept.map_err(|error| ConfigProblem {
        hint: error.hint(),
        ..ConfigProblem::anywhere(shared.store.path().display().to_string(), error.to_string())
    })?;
    let checked = generation.checked();
    for warning in &checked.warnings {
        tracing::warn!("{warning}");
    }
    shared.generation.store(Arc::new(generation));
    Ok(checked)
}
