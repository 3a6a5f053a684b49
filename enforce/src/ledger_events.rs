//! Leaves about the gateway itself: when it starts and stops, and when what decides or who may call changes.
//!
//! All of it blocks for a commit, so none of it is ever called on a thread that serves.

use comity_ledger::{Changed, ChangedKeys, Event, EventLeaf, KeyChanged, Minute, Started, Stopped};
use comity_store::{Fact, Store, StoreError};
use comity_vocab::Digest;

use crate::clock;
use crate::generation::Generation;

/// The gateway starts, and by what it decides. Before that: whether another key signs than before.
pub(crate) fn started(store: &Store, generation: &Generation) -> Result<(), StoreError> {
    signer(store)?;
    let started = Started {
        catalogue: generation.engine.catalogue().digest(),
        durability: store.durability(),
        program: env!("CARGO_PKG_VERSION").to_owned(),
        terms: generation.engine.terms().digest(),
    };
    write(store, Event::Started(started))
}

/// The gateway stops. That it cannot be said is no reason to go on: the next start tells it from a crash no more.
pub(crate) fn stopped(store: &Store, stopped: Stopped) {
    if let Err(error) = write(store, Event::Stopped(stopped)) {
        tracing::warn!(%error, "the ledger does not say that the gateway stopped");
    }
}

/// Another generation is about to decide.
pub(crate) fn changed(store: &Store, (before, after): (&Generation, &Generation)) -> Result<(), StoreError> {
    let terms = Changed { after: after.engine.terms().digest(), before: before.engine.terms().digest() };
    let catalogue = Changed { after: after.engine.catalogue().digest(), before: before.engine.catalogue().digest() };
    if terms.after != terms.before {
        write(store, Event::TermsChanged(terms))?;
    }
    if catalogue.after == catalogue.before { Ok(()) } else { write(store, Event::CatalogueChanged(catalogue)) }
}

/// Callers' keys are not those that the ledger told of last.
pub(crate) fn api_keys(store: &Store, digest: Digest) -> Result<(), StoreError> {
    write(store, Event::KeyChanged(KeyChanged { digest, what: ChangedKeys::ApiKeys }))?;
    // In this order: after a crash between the two it is told twice, never not at all.
    store.note(Fact::ApiKeys, digest.as_bytes().to_vec())
}

fn signer(store: &Store) -> Result<(), StoreError> {
    let (before, now) = (store.reader()?.noted(Fact::Signer)?, store.public_key());
    if before.as_deref() == Some(now.as_slice()) {
        return Ok(());
    }
    if before.is_some() {
        let digest = Digest::of("comity signer v1", &[&now]);
        write(store, Event::KeyChanged(KeyChanged { digest, what: ChangedKeys::Signer }))?;
    }
    store.note(Fact::Signer, now.to_vec())
}

fn write(store: &Store, event: Event) -> Result<(), StoreError> {
    store.event(EventLeaf { event, minute: Minute::of(clock::now()) }).map(|_| ())
}
