//! `--ledger`: a leaf for each proof, so that nobody can say later that it came out otherwise. The leaf has digests; who holds the folder of the
//! proof can show what they stand for.

use comity_ledger::{Event, EventLeaf, Minute, ProofDone, ProofVerdict};
use comity_prove::{Report, Verdict};
use comity_vocab::Digest;
use serde_json::Value;

use super::folder::Kept;
use crate::clock;
use crate::command::ledger::writer::{Reach, Writer};
use crate::exit::{Exit, Failure};
use crate::output;
use crate::place::{self, Place};

/// Writes the leaves, in the order of the properties, and says where they are. A proof that is not kept is not recorded: nobody could show
/// what the leaf is about.
pub(super) fn proofs(reports: &[Report], kept: &[Kept]) -> anyhow::Result<()> {
    if kept.len() != reports.len() {
        let failure = Failure::new(Exit::Failed, "a proof that is not kept cannot be recorded");
        return Err(failure.hint("name a folder that can be written with `--proof`").into());
    }
    let place = Place::default();
    let store = place.store()?;
    if !store.exists() {
        let failure = Failure::new(Exit::Failed, format!("there is no ledger at `{}`", store.display()));
        return Err(failure.hint("start a gateway with `comity up`, or leave out `--ledger`").into());
    }
    let writer = Writer::open((&place, &Reach::of_environment()))?;
    for (report, kept) in reports.iter().zip(kept) {
        let leaf = record(&writer, done(report, kept)?)?;
        output::say(&format!("leaf {leaf}: {} {}", kept.name, verdict(report).name()));
    }
    Ok(())
}

fn record(writer: &Writer, done: ProofDone) -> anyhow::Result<u64> {
    match writer {
        Writer::Here(store) => {
            let leaf = EventLeaf { event: Event::Proof(done), minute: Minute::of(clock::now()) };
            Ok(store.event(leaf).map_err(place::failure)?)
        }
        Writer::Gateway(gateway) => {
            let answer = gateway.post("/api/v1/ledger/proof", &serde_json::to_value(done)?)?;
            Ok(answer.get("leaf").and_then(Value::as_u64).unwrap_or_default())
        }
    }
}

fn done(report: &Report, kept: &Kept) -> anyhow::Result<ProofDone> {
    let digest = |text: &str| text.parse::<Digest>().map_err(anyhow::Error::msg);
    Ok(ProofDone {
        catalogue: digest(&report.catalogue)?,
        proof: digest(&kept.sha256)?,
        property: kept.name.parse().map_err(anyhow::Error::msg)?,
        terms: report.terms.iter().map(|terms| digest(&terms.digest)).collect::<anyhow::Result<_>>()?,
        verdict: verdict(report),
    })
}

fn verdict(report: &Report) -> ProofVerdict {
    match report.verdict() {
        Verdict::Proved => ProofVerdict::Proved,
        Verdict::Violated => ProofVerdict::Violated,
        Verdict::Unknown => ProofVerdict::Unknown,
    }
}
