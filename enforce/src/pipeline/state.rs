//! Step 4, before the facts: what the call continues or refers to at its operator. It belongs to the workload that made it: for any other it
//! does not exist.

use std::sync::Arc;

use comity_upstream::Kept;
use comity_vocab::{Data, OfferingId, Workload};

use super::find::{Findings, Reference};
use crate::apart::apart;
use crate::clock;
use crate::error::CallError;
use crate::shared::Shared;
use crate::states::Made;

/// What the call continues.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Chain {
    /// The one offering that has it, and the upstream of that.
    pub(crate) pinned: Option<(OfferingId, String)>,
    /// The worst that was in the calls before.
    pub(crate) data: Option<Data>,
    /// The pseudonyms that the sealed parts were made with.
    pub(crate) seals: Seals,
    /// Long base64 that did not come through this gateway: nobody can say what is in it.
    pub(crate) opaque: bool,
}

/// With which pseudonyms the sealed parts of a call were made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Seals {
    /// There are none.
    #[default]
    None,
    /// All of them in one epoch.
    Of(u32),
    /// Without pseudonyms, or in epochs that differ.
    Other,
}

/// Looks up everything that the call names. In memory for what is recent, else in the store, on a thread of its own.
pub(crate) async fn follow(shared: &Arc<Shared>, workload: &Workload, findings: &mut Findings) -> Result<Chain, CallError> {
    if findings.refers.is_empty() && findings.blobs.is_empty() {
        return Ok(Chain::default());
    }
    let (refers, blobs) = (std::mem::take(&mut findings.refers), std::mem::take(&mut findings.blobs));
    let (fields, mut kept): (Vec<_>, Vec<_>) = refers.into_iter().map(|Reference { field, kept }| (field, kept)).unzip();
    kept.extend(blobs);
    let found = look_up(shared, workload, kept).await?;
    let mut chain = Chain::default();
    let (referred, sealed) = found.split_at(fields.len().min(found.len()));
    for (field, made) in fields.into_iter().zip(referred) {
        let made = made.as_ref().ok_or(CallError::UnknownId(field))?;
        chain.pin(field, made)?;
        chain.join(&made.data);
    }
    for made in sealed {
        match made {
            Some(made) => {
                chain.join(&made.data);
                chain.seals = chain.seals.and(made.pseudonyms);
            }
            None => chain.opaque = true,
        }
    }
    Ok(chain)
}

async fn look_up(shared: &Arc<Shared>, workload: &Workload, kept: Vec<Kept>) -> Result<Vec<Option<Arc<Made>>>, CallError> {
    let recent = shared.states.recent(workload, &kept);
    if recent.iter().all(Option::is_some) {
        return Ok(recent);
    }
    let (shared, workload, now) = (Arc::clone(shared), workload.clone(), clock::now());
    let reading = apart("what an operator keeps could not be looked up: the call is refused", move || {
        shared.states.stored((&shared.store, &workload), &kept, now)
    });
    let stored = reading.await.ok_or(CallError::Internal("what the operator keeps could not be looked up"))?;
    let stored = stored.map_err(|error| {
        tracing::error!(%error, "what an operator keeps cannot be looked up: the call is refused");
        CallError::LedgerUnavailable("what the operator keeps cannot be looked up")
    })?;
    Ok(recent.into_iter().zip(stored).map(|(recent, stored)| recent.or(stored)).collect())
}

// === impl Seals ===

impl Seals {
    /// With one part more.
    fn and(self, epoch: Option<u32>) -> Self {
        match (self, epoch) {
            (Self::None, Some(epoch)) => Self::Of(epoch),
            (Self::Of(before), Some(epoch)) if before == epoch => self,
            (Self::None | Self::Of(_) | Self::Other, _) => Self::Other,
        }
    }
}

// === impl Chain ===

impl Chain {
    fn pin(&mut self, field: &str, made: &Made) -> Result<(), CallError> {
        match &self.pinned {
            Some((other, upstream)) if *other != made.offering || *upstream != made.upstream => {
                let message =
                    format!("`{field}` is kept by `{}`, and something else in this call elsewhere: name one of them", made.offering);
                Err(CallError::invalid_field(field, message))
            }
            Some(_) => Ok(()),
            None => {
                self.pinned = Some((made.offering.clone(), made.upstream.clone()));
                Ok(())
            }
        }
    }

    fn join(&mut self, data: &Data) {
        self.data = Some(self.data.as_ref().map_or_else(|| data.clone(), |known| known.worst(data)));
    }
}
