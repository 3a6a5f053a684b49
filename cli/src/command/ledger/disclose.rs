//! `comity ledger disclose DECISION --field …`: opens chosen commitments of a leaf to an auditor, and proves the leaf. Other fields stay closed.
//!
//! A commitment is SHA-256 over its domain, a salt of 32 random bytes and the field; whoever gets salt and field can check it alone.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::ValueEnum;
use comity_decide::FactRecord;
use comity_ledger::{Commitments, Leaf, ProofFile, commitment};
use comity_store::{Content, FactRecord as Stored, FoundDecision, Reader};
use comity_vocab::Digest;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::given::Trust;
use super::proof::proof_of;
use super::verify::wrong;
use crate::exit::{Exit, Failure};
use crate::output::{self, GOOD, Output, harmless, styled};
use crate::place::{self, Place};

const EXAMPLES: &str = "\
Examples:
  comity ledger disclose 4f2a91 --field workload --field sequence > 4f2a91.disclosure.json
  comity ledger disclose 4f2a91 --field call       the body too, where it is kept
  comity ledger verify 4f2a91.disclosure.json --key log.vkey";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The decision: its digest or the first digits of it, at least 4
    decision: String,
    /// What to open; may be given several times
    #[arg(long = "field", value_name = "FIELD", required = true)]
    fields: Vec<Field>,
    #[command(flatten)]
    place: Place,
}

/// What a leaf commits to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Field {
    /// The body of the call
    Call,
    /// The id of the caller's API key
    Caller,
    /// The workload
    Workload,
    /// The number of the call among those of its key
    Sequence,
    /// The answer
    Answer,
}

/// What the auditor gets.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Disclosure {
    /// 1.
    comity_disclosure: u32,
    /// The proof of the decision's leaf (C2SP tlog-proof, with the leaf in `extra`).
    decision: String,
    /// The proof of the outcome's leaf, where the answer is opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    outcome: Option<String>,
    opened: Vec<Opened>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Opened {
    field: Field,
    /// 64 hex digits.
    salt: String,
    /// The bytes that were committed to, in base64; none where they are not kept here: then the auditor brings them along.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bytes: Option<String>,
    /// The same for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
}

/// Prints the disclosure.
pub(crate) fn run(args: &Args, _: Output) -> anyhow::Result<Exit> {
    let reader = args.place.reader()?;
    let found = reader.find_decision(&args.decision).map_err(place::failure)?;
    let record = record_of(&found)?;
    let mut fields = args.fields.clone();
    fields.sort();
    fields.dedup();
    let opened = fields.iter().map(|field| open(&reader, (&found, &record), *field)).collect::<anyhow::Result<_>>()?;
    let outcome = match found.outcome.as_ref().filter(|_| fields.contains(&Field::Answer)) {
        Some((index, _)) => Some(proof_of(&reader, *index)?.to_string()),
        None => None,
    };
    let decision = proof_of(&reader, found.index)?.to_string();
    output::json(&Disclosure { comity_disclosure: 1, decision, outcome, opened })?;
    Ok(Exit::Ok)
}

fn record_of(found: &FoundDecision) -> anyhow::Result<FactRecord> {
    match &found.record {
        Stored::Open(plain) => Ok(FactRecord::from_bytes(plain.expose())?),
        Stored::Erased => {
            Err(Failure::new(Exit::Failed, "the private record of this decision was erased: nothing of it can be opened").into())
        }
        Stored::Sealed => {
            Err(Failure::new(Exit::Failed, "the private record is sealed: the master key or the file of keys with its key is not here")
                .hint("run this where the gateway's store lies, with the passphrase that `comity.toml` names")
                .into())
        }
    }
}

fn open(reader: &Reader, (found, record): (&FoundDecision, &FactRecord), field: Field) -> anyhow::Result<Opened> {
    let content = |part| reader.content(found.index, part).map_err(place::failure);
    let (salt, bytes) = match field {
        Field::Call => (record.salts.call, content(Content::Call)?.map(|body| body.expose().clone())),
        Field::Caller => (record.salts.caller, Some(record.key.clone().into_bytes())),
        Field::Workload => (record.salts.workload, Some(record.call.workload.id.as_str().as_bytes().to_vec())),
        Field::Sequence => (record.salts.sequence, found.sequence.map(|number| number.to_be_bytes().to_vec())),
        Field::Answer => {
            let salt = record.salts.answer.filter(|_| found.outcome.as_ref().is_some_and(|(_, leaf)| leaf.answer.is_some()));
            let salt = salt.ok_or_else(|| Failure::new(Exit::Failed, "the ledger holds no commitment to an answer of this call"))?;
            (salt, content(Content::Answer)?.map(|answer| answer.expose().clone()))
        }
    };
    let text = bytes.as_deref().and_then(|bytes| shown(field, bytes));
    Ok(Opened { field, salt: hex::encode(salt), bytes: bytes.map(|bytes| STANDARD.encode(bytes)), text })
}

fn shown(field: Field, bytes: &[u8]) -> Option<String> {
    match field {
        Field::Sequence => Some(u64::from_be_bytes(bytes.try_into().ok()?).to_string()),
        Field::Call | Field::Caller | Field::Workload | Field::Answer => String::from_utf8(bytes.to_vec()).ok(),
    }
}

// === the auditor's side ===

/// Whether these are the bytes of a disclosure.
pub(crate) fn is_disclosure(bytes: &[u8]) -> bool {
    serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(bytes).is_ok_and(|map| map.contains_key("comity_disclosure"))
}

/// Checks the proofs, and every opening against the commitment in its leaf.
pub(crate) fn verify(trust: &Trust, bytes: &[u8], output: Output) -> anyhow::Result<Exit> {
    let disclosure: Disclosure = serde_json::from_slice(bytes).map_err(|error| wrong(format!("the disclosure cannot be read: {error}")))?;
    if disclosure.comity_disclosure != 1 {
        let what = format!("a disclosure of version {}, this program reads version 1", disclosure.comity_disclosure);
        return Err(Failure::new(Exit::Failed, what).hint("verify it with a newer program").into());
    }
    let policy = trust.required("a disclosure")?;
    let proven = |text: &str| -> anyhow::Result<(u64, Leaf)> {
        let proof: ProofFile = text.parse().map_err(|error| wrong(format!("a proof in it cannot be read: {error}")))?;
        let leaf = proof.extra.clone().ok_or_else(|| wrong("a proof in it does not bring its leaf"))?;
        proof.verify(&leaf, &policy).map_err(|error| wrong(format!("a proof in it does not hold: {error}")))?;
        Ok((proof.index, Leaf::from_bytes(&leaf).map_err(|error| wrong(error.to_string()))?))
    };
    let (index, Leaf::Decision(decision)) = proven(&disclosure.decision)? else {
        return Err(wrong("it proves no decision").into());
    };
    let outcome = disclosure.outcome.as_deref().map(&proven).transpose()?;
    let answer = match outcome {
        Some((_, Leaf::Outcome(leaf))) if leaf.call == decision.call => leaf.answer,
        Some(_) => return Err(wrong("it proves the outcome of another call").into()),
        None => None,
    };
    let checked: Vec<_> =
        disclosure.opened.iter().map(|opened| opened.check(&decision.commitments, answer)).collect::<anyhow::Result<_>>()?;
    tell((index, &decision.decision), &disclosure.opened, (&checked, output))
}

fn tell((index, decision): (u64, &Digest), opened: &[Opened], (checked, output): (&[bool], Output)) -> anyhow::Result<Exit> {
    if let Output::Json = output {
        let opened: Vec<_> = opened
            .iter()
            .zip(checked)
            .map(|(opened, here)| json!({ "field": opened.field, "text": opened.text, "opened": here }))
            .collect();
        output::json(&json!({ "leaf": index, "decision": decision, "opened": opened }))?;
        return Ok(Exit::Ok);
    }
    output::data(&format!("leaf {index}, decision {decision}: {}", styled(GOOD, "proven")))?;
    for (opened, here) in opened.iter().zip(checked) {
        let name = opened.field.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
        let text = match (here, &opened.text) {
            // Its lines must not pass for those of other fields.
            (true, Some(text)) => harmless(text).replace('\n', "\n  "),
            (true, None) => "opened; not text".to_owned(),
            (false, _) => format!("not kept by the gateway: hash your own copy with the salt {}", harmless(&opened.salt)),
        };
        output::data(&format!("{name}: {text}"))?;
    }
    Ok(Exit::Ok)
}

// === impl Opened ===

impl Opened {
    /// Whether the field was shown; an error when it is not what the leaf commits to.
    fn check(&self, commitments: &Commitments, answer: Option<Digest>) -> anyhow::Result<bool> {
        let (domain, committed) = match self.field {
            Field::Call => ("call", Some(commitments.call)),
            Field::Caller => ("caller", Some(commitments.caller)),
            Field::Workload => ("workload", Some(commitments.workload)),
            Field::Sequence => ("sequence", Some(commitments.sequence)),
            Field::Answer => ("answer", answer),
        };
        let mut salt = [0; 32];
        hex::decode_to_slice(&self.salt, &mut salt).map_err(|_| wrong(format!("the salt of `{domain}` is not 64 hex digits")))?;
        let Some(bytes) = &self.bytes else {
            // All else is kept with the decision itself.
            let may_lack = matches!(self.field, Field::Call | Field::Answer) && self.text.is_none() && committed.is_some();
            return if may_lack { Ok(false) } else { Err(wrong(format!("nothing proves `{domain}`: its bytes are not here")).into()) };
        };
        let bytes = STANDARD.decode(bytes).map_err(|_| wrong(format!("the bytes of `{domain}` are not base64")))?;
        // Of an answer its digest is committed to: it may be long.
        let field = if self.field == Field::Answer { Sha256::digest(&bytes).to_vec() } else { bytes.clone() };
        if committed != Some(commitment(domain, &salt, &field)) {
            return Err(wrong(format!("`{domain}` is not what the leaf commits to")).into());
        }
        if shown(self.field, &bytes) != self.text {
            return Err(wrong(format!("the text of `{domain}` is not that of its bytes")).into());
        }
        Ok(true)
    }
}
