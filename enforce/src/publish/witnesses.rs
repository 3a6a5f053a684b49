//! Asks witnesses for cosignatures (C2SP tlog-witness, the log's side).
//!
//! Never believes a cosignature unverified, never follows a redirect, and never forgets that a witness contradicted this ledger until that
//! witness cosigns it.

use std::collections::HashMap;

use bytes::Bytes;
use comity_ledger::{AddCheckpoint, Policy, SignatureLine, SignedCheckpoint, signature_lines};
use comity_store::StoreError;
use comity_upstream::{TimedConnector, Tls};
use comity_vocab::Digest;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use http::header::{CONTENT_TYPE, USER_AGENT};
use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::Instant;

use super::Trouble;
use crate::generation::WitnessAddress;
use crate::limits::{WITNESS_ANSWER_BYTES_MAX, WITNESS_CONNECT, WITNESS_GRACE, WITNESS_IDLE, WITNESS_TIMEOUT};

/// Connections to witnesses, and what is known of each.
pub(super) struct Witnesses {
    http: Http,
    /// By public key: a policy may call it otherwise tomorrow.
    known: HashMap<[u8; 32], Known>,
}

/// Proves that the new checkpoint begins with the first so many leaves.
type Prove<'a> = dyn Fn(u64) -> Result<Vec<Digest>, StoreError> + 'a;

type Http = legacy::Client<TimedConnector, Full<Bytes>>;

/// One witness.
struct Known {
    /// The size that it cosigned last, as far as is known here.
    size: u64,
    /// How it contradicted this ledger, unless it cosigned it since.
    contradiction: Option<String>,
}

/// What a witness answered.
enum Said {
    /// Signature lines, not verified yet.
    Cosigned(Vec<SignatureLine>),
    /// It saw another size last.
    Conflict(u64),
    /// It saw something that this ledger does not continue.
    Inconsistent,
}

/// What came of asking one witness.
enum Outcome {
    Cosigned(Vec<SignatureLine>),
    Contradicts(String),
    /// Nothing, and why.
    Nothing(String),
}

// === impl Witnesses ===

impl Witnesses {
    pub(super) fn new(tls: &Tls) -> Self {
        let http = legacy::Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(1)
            .pool_idle_timeout(WITNESS_IDLE)
            .pool_timer(TokioTimer::new())
            .build(TimedConnector::new(tls, WITNESS_CONNECT));
        Self { http, known: HashMap::new() }
    }

    /// The checkpoint with cosignatures that satisfy `policy`: as soon as the quorum is met, and with those of others that come soon after.
    /// `published` is a size that witnesses may have seen. With it comes what witnesses hold against this ledger nevertheless.
    pub(super) async fn gather(
        &mut self,
        (signed, published): (SignedCheckpoint, u64),
        (policy, witnesses): (&Policy, &[WitnessAddress]),
        prove: &Prove<'_>,
    ) -> Result<(SignedCheckpoint, Option<String>), Trouble> {
        let (http, size) = (self.http.clone(), signed.unverified().size());
        self.know(witnesses, published);
        let mut asked: FuturesUnordered<_> =
            witnesses.iter().map(|witness| ask(&http, witness, (&signed, self.size(witness)), prove)).collect();
        let (mut best, mut silent) = (signed.clone(), Vec::new());
        let mut over = policy.satisfied_by(&best).is_ok().then(|| Instant::now() + WITNESS_GRACE);
        while let Some((witness, outcome)) = next(&mut asked, over).await {
            match self.heard((witness, size), outcome, &best) {
                Ok(better) => best = better,
                Err(why) => silent.push(why),
            }
            if over.is_none() && policy.satisfied_by(&best).is_ok() {
                over = Some(Instant::now() + WITNESS_GRACE);
            }
        }
        // The policy says whose word counts: one witness, which may lie or be lied for, has no veto, but is told of.
        let contradiction = self.contradiction(witnesses);
        match (policy.satisfied_by(&best), contradiction) {
            (Ok(_), contradiction) => Ok((best, contradiction)),
            (Err(_), Some(contradiction)) => Err(Trouble::Contradicted(contradiction)),
            (Err(unsatisfied), None) => {
                // In the same order every time, so that the same trouble reads the same.
                silent.sort();
                let why: Vec<String> = std::iter::once(unsatisfied.to_string()).chain(silent).collect();
                Err(Trouble::Waits(why.join("; ")))
            }
        }
    }

    /// Takes over a cosignature that holds, or says why there is none.
    fn heard(
        &mut self,
        (witness, size): (&WitnessAddress, u64),
        outcome: Outcome,
        best: &SignedCheckpoint,
    ) -> Result<SignedCheckpoint, String> {
        match outcome {
            Outcome::Cosigned(lines) => match best.clone().with_cosignatures(&lines, &[&witness.key]) {
                Ok((better, _)) => {
                    self.known.insert(*witness.key.public(), Known { size, contradiction: None });
                    Ok(better)
                }
                Err(_) => Err(format!("`{}` answered with no cosignature of its key that holds", witness.name)),
            },
            Outcome::Contradicts(how) => {
                if let Some(known) = self.known.get_mut(witness.key.public()) {
                    known.contradiction = Some(how.clone());
                }
                Err(how)
            }
            Outcome::Nothing(why) => Err(format!("`{}` {why}", witness.name)),
        }
    }

    /// Forgets witnesses of other policies. A new one may have seen what was published.
    fn know(&mut self, witnesses: &[WitnessAddress], published: u64) {
        self.known.retain(|key, _| witnesses.iter().any(|witness| witness.key.public() == key));
        for witness in witnesses {
            self.known.entry(*witness.key.public()).or_insert(Known { size: published, contradiction: None });
        }
    }

    /// Where a proof for this witness begins.
    fn size(&self, witness: &WitnessAddress) -> u64 {
        self.known.get(witness.key.public()).map_or(0, |known| known.size)
    }

    /// What witnesses hold against this ledger.
    fn contradiction(&self, witnesses: &[WitnessAddress]) -> Option<String> {
        let against = witnesses.iter().filter_map(|witness| self.known.get(witness.key.public())?.contradiction.clone());
        let against: Vec<String> = against.collect();
        (!against.is_empty()).then(|| against.join("; "))
    }
}

/// The next that answered; none after the last, or when it is `over`.
async fn next<F: Future>(asked: &mut FuturesUnordered<F>, over: Option<Instant>) -> Option<F::Output> {
    match over {
        None => asked.next().await,
        Some(over) => tokio::time::timeout_at(over, asked.next()).await.ok().flatten(),
    }
}

/// Asks one witness, and once more when it saw another size than was thought.
async fn ask<'w>(
    http: &Http,
    witness: &'w WitnessAddress,
    (signed, old): (&SignedCheckpoint, u64),
    prove: &Prove<'_>,
) -> (&'w WitnessAddress, Outcome) {
    let asking = exchanges(http, witness, (signed, old), prove);
    let late = || Err(format!("did not answer within {} s", WITNESS_TIMEOUT.as_secs()));
    let outcome = tokio::time::timeout(WITNESS_TIMEOUT, asking).await.unwrap_or_else(|_| late());
    (witness, outcome.unwrap_or_else(Outcome::Nothing))
}

async fn exchanges(
    http: &Http,
    witness: &WitnessAddress,
    (signed, old): (&SignedCheckpoint, u64),
    prove: &Prove<'_>,
) -> Result<Outcome, String> {
    let (name, size) = (&witness.name, signed.unverified().size());
    let mut old = old.min(size);
    for _ in 0..2 {
        let proof = prove(old).map_err(|_| "could not be sent a proof: the ledger cannot be read now".to_owned())?;
        let request = AddCheckpoint { old, proof, checkpoint: signed.clone() };
        match post(http, &witness.add_checkpoint, request.to_string()).await? {
            Said::Cosigned(lines) => return Ok(Outcome::Cosigned(lines)),
            Said::Conflict(latest) if latest > size => {
                return Ok(Outcome::Contradicts(format!("`{name}` has seen {latest} leaves of this ledger, which has {size}")));
            }
            Said::Conflict(latest) => old = latest,
            Said::Inconsistent => {
                return Ok(Outcome::Contradicts(format!("`{name}` has seen another beginning of this ledger than its first {old} leaves")));
            }
        }
    }
    Err("saw yet another size: does another gateway publish this ledger?".to_owned())
}

/// One exchange; else what to say of the witness after its name.
async fn post(http: &Http, to: &Uri, body: String) -> Result<Said, String> {
    let request = Request::post(to.clone())
        .header(CONTENT_TYPE, "text/plain; charset=utf-8")
        .header(USER_AGENT, concat!("comity/", env!("CARGO_PKG_VERSION")))
        .body(Full::new(Bytes::from(body)))
        .map_err(|_| "has an address that cannot be asked".to_owned())?;
    let response = http.request(request).await.map_err(|error| {
        tracing::debug!(%to, %error, "a witness was not reached");
        if error.is_connect() { "cannot be reached".to_owned() } else { "broke the connection off".to_owned() }
    })?;
    let status = response.status();
    let body = Limited::new(response.into_body(), WITNESS_ANSWER_BYTES_MAX).collect().await;
    let body = body.map_err(|_| "broke its answer off, or sent too much".to_owned())?.to_bytes();
    said(status, &body)
}

fn said(status: StatusCode, body: &[u8]) -> Result<Said, String> {
    let text = std::str::from_utf8(body).ok();
    match status.as_u16() {
        200 => text.and_then(|text| signature_lines(text).ok()).map(Said::Cosigned).ok_or_else(|| "sent no signature lines".to_owned()),
        409 => text.and_then(size).map(Said::Conflict).ok_or_else(|| "answered 409 without a size".to_owned()),
        422 => Ok(Said::Inconsistent),
        403 => Err("answered 403: it knows this ledger under another key".to_owned()),
        404 => Err("answered 404: it does not witness this ledger".to_owned()),
        other => Err(format!("answered {other}")),
    }
}

/// The size in an answer of 409: a decimal number and a newline.
fn size(text: &str) -> Option<u64> {
    let digits = text.strip_suffix('\n').unwrap_or(text);
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_digits() {
        assert_eq!(
            [size("12\n"), size("0"), size(""), size("+1\n"), size("1 2"), size("99999999999999999999")],
            [Some(12), Some(0), None, None, None, None]
        );
    }

    #[test]
    fn what_is_no_answer_is_said() {
        let check = |status: u16, body: &[u8], expected: &str| match said(StatusCode::from_u16(status).unwrap(), body) {
            Err(why) => assert_eq!(why, expected),
            Ok(_) => panic!("{status} was taken for an answer"),
        };
        check(200, b"hello\n", "sent no signature lines");
        check(200, b"\xff", "sent no signature lines");
        check(302, b"", "answered 302");
        check(404, b"", "answered 404: it does not witness this ledger");
        check(409, b"many\n", "answered 409 without a size");
        check(500, b"", "answered 500");
    }
}
