//! What `[ledger]` says: who may read the ledger, whose cosignatures its checkpoints need, and whose checkpoints are cosigned here.
//!
//! A policy that cannot be read never counts as none: the generation is refused.

use std::path::PathBuf;

use comity_ledger::{KeyKind, Policy, VerifierKey};
use comity_upstream::BaseUrl;
use comity_vocab::Plain;
use http::Uri;
use toml::Spanned;

use crate::config::{Config, ConfigProblem, SecretSource};
use crate::limits::TOKEN_BYTES_MIN;

/// Everything about the ledger that a reload may change.
#[derive(Default)]
pub(crate) struct LedgerRules {
    /// What opens tiles and entries; without it nobody reads them.
    pub(crate) auditor_token: Option<Plain<String>>,
    /// What a checkpoint needs before it is published; none for our signature alone.
    pub(crate) policy: Option<Witnessing>,
    /// The name under which others' checkpoints are cosigned; the origin unless set.
    pub(crate) witness_name: Option<String>,
    /// The keys of logs whose checkpoints are cosigned.
    pub(crate) witness_for: Vec<VerifierKey>,
}

/// A policy, and the witnesses of it that can be asked.
pub(crate) struct Witnessing {
    pub(crate) policy: Policy,
    pub(crate) witnesses: Vec<WitnessAddress>,
}

/// A witness, and where it takes checkpoints.
pub(crate) struct WitnessAddress {
    /// Its name in the policy.
    pub(crate) name: String,
    pub(crate) key: VerifierKey,
    pub(crate) add_checkpoint: Uri,
}

/// Reads and checks all of `[ledger]`. What is odd goes to `warnings`.
pub(super) fn build(
    config: &Config,
    files: &mut Vec<PathBuf>,
    (problems, warnings): (&mut Vec<ConfigProblem>, &mut Vec<String>),
) -> LedgerRules {
    let ledger = &config.ledger;
    for name in [&ledger.origin, &ledger.witness_name].into_iter().flatten() {
        if let Err(error) = VerifierKey::check_name(name.get_ref()) {
            let hint = "take an address without `https://`, for example `ledger.health.example`";
            problems.push(config.source().problem(Some(name.span()), error.to_string()).hint(hint));
        }
    }
    LedgerRules {
        auditor_token: ledger.auditor_token.as_ref().and_then(|source| token(config, (source, "auditor"), problems)),
        policy: policy(config, files, (problems, warnings)),
        witness_name: ledger.witness_name.as_ref().map(|name| name.get_ref().clone()),
        witness_for: ledger
            .witness_for
            .iter()
            .filter_map(|key| log_key(key).map_err(|why| problems.push(problem(config, key, why))).ok())
            .collect(),
    }
}

/// A bearer token that cannot be guessed; `whose` it is goes into the problem.
pub(super) fn token(
    config: &Config,
    (source, whose): (&Spanned<SecretSource>, &str),
    problems: &mut Vec<ConfigProblem>,
) -> Option<Plain<String>> {
    let problem = |message: String| config.source().problem(Some(source.span()), message);
    match source.get_ref().read(config.folder()) {
        Ok(token) if token.expose().len() >= TOKEN_BYTES_MIN => return Some(token),
        Ok(_) => problems.push(
            problem(format!("the {whose} token is shorter than {TOKEN_BYTES_MIN} characters and could be guessed"))
                .hint("make one with `openssl rand -hex 32`"),
        ),
        Err(message) => problems.push(problem(message)),
    }
    None
}

fn problem(config: &Config, at: &Spanned<String>, (message, hint): (String, &str)) -> ConfigProblem {
    config.source().problem(Some(at.span()), message).hint(hint)
}

fn log_key(text: &Spanned<String>) -> Result<VerifierKey, (String, &'static str)> {
    let key: VerifierKey = text
        .get_ref()
        .parse()
        .map_err(|error: comity_ledger::KeyError| (error.to_string(), "a gateway gives its own at `/ledger/log.vkey`"))?;
    match key.kind() {
        KeyKind::Ed25519 => Ok(key),
        KeyKind::Cosignature => {
            let message = format!("the key of `{}` cosigns: here the key that signs the log's own checkpoints is due", key.name());
            Err((message, "a gateway gives it at `/ledger/log.vkey`"))
        }
    }
}

fn policy(
    config: &Config,
    files: &mut Vec<PathBuf>,
    (problems, warnings): (&mut Vec<ConfigProblem>, &mut Vec<String>),
) -> Option<Witnessing> {
    let path = config.ledger.policy.as_ref()?;
    let full = config.folder().join(path.get_ref());
    files.push(full.clone());
    let shown = full.display().to_string();
    let bytes = match std::fs::read(&full) {
        Ok(bytes) => bytes,
        Err(error) => {
            problems.push(config.source().problem(Some(path.span()), format!("cannot read the policy in `{shown}`: {error}")));
            return None;
        }
    };
    let policy = match Policy::from_bytes(&bytes) {
        Ok(policy) => policy,
        Err(error) => {
            let problem = ConfigProblem { place: Some((error.line, 1)), ..ConfigProblem::anywhere(shown, error.problem.to_string()) };
            problems.push(ConfigProblem { hint: error.hint().map(str::to_owned), ..problem });
            return None;
        }
    };
    let mut witnesses = Vec::new();
    for (name, party) in policy.witnesses() {
        match party.url().map(submission) {
            None => warnings.push(format!("{shown}: the witness `{name}` has no address, so it is never asked")),
            Some(Err(message)) => problems.push(ConfigProblem::anywhere(&shown, format!("the witness `{name}`: {message}"))),
            Some(Ok(add_checkpoint)) => {
                witnesses.push(WitnessAddress { name: name.to_string(), key: party.key().clone(), add_checkpoint });
            }
        }
    }
    Some(Witnessing { policy, witnesses })
}

/// The address below a submission prefix (C2SP tlog-witness).
fn submission(prefix: &str) -> Result<Uri, String> {
    let checked: Result<BaseUrl, _> = prefix.parse();
    checked.map_err(|error| error.to_string())?;
    format!("{}/add-checkpoint", prefix.trim_end_matches('/')).parse().map_err(|_| format!("`{prefix}` is not an address"))
}
