//! The terms and catalogue of a decision's day, from the store. They are checked against the leaf: others would explain nothing.

use comity_decide::{Engine, Generation};
use comity_ledger::DecisionLeaf;
use comity_store::{Generation as Kind, Reader};
use comity_vocab::Digest;

use crate::exit::{Exit, Failure};
use crate::place;

/// The engine that made the decision of `leaf`.
pub(crate) fn engine(reader: &Reader, leaf: &DecisionLeaf) -> anyhow::Result<Engine> {
    let kept = |kind: Kind, digest: Digest| -> anyhow::Result<Vec<u8>> {
        let bytes = reader.generation(kind, digest).map_err(place::failure)?;
        bytes.ok_or_else(|| Failure::new(Exit::Failed, format!("the store does not keep the generation {digest} of this decision")).into())
    };
    let generation = Generation { terms: kept(Kind::Terms, leaf.terms)?, catalogue: kept(Kind::Catalogue, leaf.catalogue)? };
    let engine = Engine::restore(&generation)?;
    let same = engine.terms().digest() == leaf.terms && engine.catalogue().digest() == leaf.catalogue;
    if same {
        return Ok(engine);
    }
    Err(Failure::new(Exit::VerificationFailed, "the kept terms or catalogue are not those that the leaf names").into())
}
