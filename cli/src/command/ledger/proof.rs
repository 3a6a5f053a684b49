//! `comity ledger proof DECISION`: one text file (C2SP tlog-proof) that proves a leaf offline. The leaf itself lies in its `extra` line.

use comity_ledger::ProofFile;
use comity_store::{Published, Reader};
use serde_json::{Value, json};

use super::given::{Trust, published, signed};
use super::verify::wrong;
use crate::exit::{Exit, Failure};
use crate::output::{self, GOOD, Output, harmless, styled};
use crate::place::{self, Place};

const EXAMPLES: &str = "\
Examples:
  comity ledger proof 4f2a91 > 4f2a91.tlog-proof
  comity ledger proof 4f2a91 --outcome           what became of the call
  comity ledger proof --leaf 17                  any leaf by its index
  comity ledger verify 4f2a91.tlog-proof --key log.vkey";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The decision: its digest or the first digits of it, at least 4
    #[arg(required_unless_present = "leaf")]
    decision: Option<String>,
    /// Prove the leaf of the call's outcome instead
    #[arg(long, requires = "decision")]
    outcome: bool,
    /// Prove the leaf with this index
    #[arg(long, value_name = "INDEX", conflicts_with = "decision")]
    leaf: Option<u64>,
    #[command(flatten)]
    place: Place,
}

/// Prints the proof.
pub(crate) fn run(args: &Args, output: Output) -> anyhow::Result<Exit> {
    let reader = args.place.reader()?;
    let index = args.index(&reader)?;
    let proof = proof_of(&reader, index)?;
    match output {
        Output::Json => output::json(&json!({ "index": index, "proof": proof.to_string() }))?,
        Output::Human => output::piece(&proof.to_string())?,
    }
    Ok(Exit::Ok)
}

// === impl Args ===

impl Args {
    fn index(&self, reader: &Reader) -> anyhow::Result<u64> {
        if let Some(leaf) = self.leaf {
            return Ok(leaf);
        }
        let found = reader.find_decision(self.decision.as_deref().unwrap_or_default()).map_err(place::failure)?;
        if !self.outcome {
            return Ok(found.index);
        }
        let outcome = found.outcome.map(|(index, _)| index);
        Ok(outcome.ok_or_else(|| Failure::new(Exit::Failed, "the call has no outcome: it was denied, or is under way"))?)
    }
}

/// The proof of one leaf under the last checkpoint that others saw.
pub(crate) fn proof_of(reader: &Reader, index: u64) -> anyhow::Result<ProofFile> {
    let published = covering(reader, index)?;
    let leaf = reader.leaf(index).map_err(place::failure)?;
    let leaf = leaf.ok_or_else(|| Failure::new(Exit::Failed, format!("there is no leaf {index}")))?;
    let hashes = reader.prove_inclusion(index, published.head.size).map_err(place::failure)?;
    Ok(ProofFile { extra: Some(leaf.bytes), index, hashes, checkpoint: signed(&published)? })
}

fn covering(reader: &Reader, index: u64) -> anyhow::Result<Published> {
    let published = published(reader)?;
    if published.head.size > index {
        return Ok(published);
    }
    let failure =
        Failure::new(Exit::Failed, format!("leaf {index} is not published yet: the last checkpoint covers {}", published.head.size));
    Err(failure.hint("a running gateway publishes every second, or as soon as its witnesses agree: `/healthz` says which").into())
}

// === the outsider's side ===

/// Checks a proof offline.
pub(crate) fn verify(trust: &Trust, bytes: &[u8], output: Output) -> anyhow::Result<Exit> {
    let proof = ProofFile::from_bytes(bytes).map_err(|error| {
        if bytes.starts_with(b"c2sp.org/tlog-proof@") {
            return wrong(format!("the proof is damaged: {error}"));
        }
        Failure::new(Exit::Usage, format!("neither a proof nor a disclosure: {error}"))
            .hint("name a folder, an address, or what `proof` or `disclose` printed; a store is named with `--store`")
    })?;
    let policy = trust.required("a proof")?;
    let leaf = proof.extra.clone().ok_or_else(|| wrong("the proof does not bring its leaf: it has no line `extra`"))?;
    let satisfied = proof.verify(&leaf, &policy).map_err(|error| wrong(format!("the proof does not hold: {error}")))?;
    let checkpoint = proof.checkpoint.unverified();
    let text = String::from_utf8_lossy(&leaf).into_owned();
    match output {
        Output::Json => output::json(&json!({
            "origin": checkpoint.origin(), "index": proof.index, "size": checkpoint.size(),
            "leaf": serde_json::from_str::<Value>(&text).unwrap_or(Value::String(text)), "cosigned": satisfied.cosigned.len(),
        }))?,
        Output::Human => {
            output::data(&format!("log {}", harmless(checkpoint.origin())))?;
            output::data(&format!("leaf {} of {}: {}", proof.index, checkpoint.size(), styled(GOOD, "proven")))?;
            output::data(&harmless(&text))?;
        }
    }
    Ok(Exit::Ok)
}
