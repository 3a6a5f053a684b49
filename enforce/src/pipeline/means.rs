//! Step 8: apply the means that the permit names, and say the call in the upstream's dialect. A call that stays in its dialect leaves byte for
//! byte, but for the few edits that the way to the upstream needs.

use std::sync::Arc;

use bytes::Bytes;
use comity_decide::Permit;
use comity_dialect::{Api, CannotHonour, Stamp, Target, translate_ask};
use comity_upstream::{Endpoint, Prepared, Translation, UsageFrames};
use comity_vocab::{Means, MeansSet};
use http::{HeaderMap, Method};

use super::pseudonymise::{Hidden, NotHidden};
use crate::asked::{Asked, StoreAsked};
use crate::clock;
use crate::config::{UnretainedBy, UsageInStream};
use crate::edit::{Edit, add_field, apply};
use crate::generation::Way;

/// What this gateway can do to a call. A permit that names another means is not sent.
pub const PERFORMED: MeansSet = MeansSet::NONE.with(Means::Unretained).with(Means::Pseudonymised);

/// Why a permitted call cannot be made ready.
#[derive(Debug)]
pub(crate) enum Unready {
    /// A means that the permit names and nobody here can perform: the call fails.
    Means(Means),
    /// The upstream has nothing like the caller's API.
    NoEndpoint(Api),
    /// A value would leave in clear.
    Plain(NotHidden),
    /// A field cannot be said in the upstream's dialect.
    Dialect(CannotHonour),
}

/// The call as it came in.
#[derive(Clone, Copy)]
pub(crate) struct Original<'a> {
    pub(crate) asked: &'a Asked,
    pub(crate) api: Api,
    pub(crate) body: &'a Bytes,
    /// Headers of the caller that belong to its dialect.
    pub(crate) headers: &'a HeaderMap,
    /// Something that the operator keeps, instead of a new call.
    pub(crate) kept: Option<&'a KeptCall>,
    /// The upstream that keeps what the call continues.
    pub(crate) upstream: Option<&'a str>,
    /// The body under pseudonyms, where the permit asks for that.
    pub(crate) hidden: Option<&'a Arc<Hidden>>,
    /// Unique for this call.
    pub(crate) seed: &'a str,
}

/// A call for something that the operator keeps.
#[derive(Clone)]
pub(crate) struct KeptCall {
    pub(crate) id: String,
    pub(crate) method: Method,
}

/// Headers that are part of a dialect: versions and features. No other header of a caller goes anywhere.
pub(crate) const ANTHROPIC_HEADERS: [&str; 2] = ["anthropic-version", "anthropic-beta"];
pub(crate) const OPENAI_HEADERS: [&str; 1] = ["openai-beta"];

/// Makes the call that leaves on one way. `upstream_model` is the name that the catalogue has for the model there.
///
/// INVARIANT: under pseudonyms, no body comes out of here that was not looked at once more.
pub(crate) async fn prepare(original: &Original<'_>, permit: &Permit, (way, upstream_model): (&Way, &str)) -> Result<Prepared, Unready> {
    if let Some(means) = permit.means().iter().find(|means| !PERFORMED.contains(*means)) {
        return Err(Unready::Means(means));
    }
    if permit.means().contains(Means::Pseudonymised) != original.hidden.is_some() {
        return Err(Unready::Means(Means::Pseudonymised));
    }
    let model = way.deployment.as_deref().unwrap_or(upstream_model);
    let endpoint = endpoint(original, way)?;
    // Only these two APIs of OpenAI know `store`; elsewhere nobody could ask for no retention that way.
    let asks = permit.means().contains(Means::Unretained) && way.unretained == UnretainedBy::StoreFalse;
    if asks && !matches!(endpoint, Endpoint::Chat | Endpoint::Responses) {
        return Err(Unready::Means(Means::Unretained));
    }
    let (body, translation) = if original.kept.is_some() || endpoint.wire() == original.api.wire() {
        (same(original, permit, (way, model)), None)
    } else {
        let body = translated(original, permit, (way, model), &endpoint)?;
        (body, Some(Translation { api: original.api, stamp: stamp(original) }))
    };
    if let Some(hidden) = original.hidden {
        hidden.check(&body).await.map_err(Unready::Plain)?;
    }
    let headers = if translation.is_none() { dialect_headers(original.headers, original.api) } else { HeaderMap::new() };
    Ok(Prepared {
        decision: permit.decision(),
        offering: permit.offering().clone(),
        means: permit.means(),
        endpoint,
        model: model.to_owned(),
        headers,
        stream: original.asked.stream.as_ref().map(|stream| if stream.wants_usage { UsageFrames::Keep } else { UsageFrames::Strip }),
        translation,
        body,
    })
}

fn endpoint(original: &Original<'_>, way: &Way) -> Result<Endpoint, Unready> {
    let found = way.upstream.dialect.endpoint(original.api, &way.apis);
    match (original.kept, found) {
        (Some(kept), Some(Endpoint::Responses)) => Ok(Endpoint::Kept { id: kept.id.clone(), method: kept.method.clone() }),
        (None, Some(endpoint)) => Ok(endpoint),
        (Some(_), Some(_)) | (_, None) => Err(Unready::NoEndpoint(original.api)),
    }
}

/// The call in its own dialect, with the few edits that are needed.
fn same(original: &Original<'_>, permit: &Permit, (way, model): (&Way, &str)) -> Bytes {
    if original.kept.is_some() {
        return Bytes::new();
    }
    let mut edits = Vec::new();
    if original.asked.model != model {
        let text = serde_json::Value::from(model).to_string();
        edits.push(Edit { place: original.asked.model_place.clone(), text });
    }
    if let Some(stream) = original.asked.stream.as_ref().filter(|_| way.usage_in_stream == UsageInStream::Ask) {
        edits.extend(stream.ask_usage.clone());
    }
    if permit.means().contains(Means::Unretained) {
        edits.extend(unretained(original, way));
    }
    edits.extend(original.hidden.iter().flat_map(|hidden| hidden.edits.iter().cloned()));
    apply(original.body, edits)
}

/// Asks for no retention, where the contract does not cover every call anyway.
fn unretained(original: &Original<'_>, way: &Way) -> Option<Edit> {
    match (way.unretained, &original.asked.store) {
        (UnretainedBy::Contract, _) | (UnretainedBy::StoreFalse, StoreAsked::Yes) => None,
        (UnretainedBy::StoreFalse, StoreAsked::No(place)) => Some(Edit { place: place.clone(), text: "false".to_owned() }),
        (UnretainedBy::StoreFalse, StoreAsked::Nothing) => Some(add_field(original.body, "store", "false")),
    }
}

/// The call in the upstream's dialect.
fn translated(original: &Original<'_>, permit: &Permit, (way, model): (&Way, &str), endpoint: &Endpoint) -> Result<Bytes, Unready> {
    let target = Target { wire: endpoint.wire(), model, limit: way.limit, thoughts: way.thoughts };
    let body = original.hidden.map_or_else(|| original.body.clone(), |hidden| apply(original.body, hidden.edits.clone()));
    let body = Bytes::from(translate_ask(original.api, &body, target).map_err(Unready::Dialect)?);
    // Responses are always sent with `store: false`; a chat is only where the way needs it.
    let edit = permit.means().contains(Means::Unretained) && way.unretained == UnretainedBy::StoreFalse && *endpoint == Endpoint::Chat;
    Ok(if edit { apply(&body, vec![add_field(&body, "store", "false")]) } else { body })
}

fn stamp(original: &Original<'_>) -> Stamp {
    Stamp {
        created: u64::try_from(clock::now().seconds()).unwrap_or_default(),
        seed: original.seed.to_owned(),
        model: original.asked.model.clone(),
        wants_usage: original.asked.stream.as_ref().is_some_and(|stream| stream.wants_usage),
    }
}

fn dialect_headers(headers: &HeaderMap, api: Api) -> HeaderMap {
    let along: &[&str] = if api.is_anthropic() { &ANTHROPIC_HEADERS } else { &OPENAI_HEADERS };
    let mut out = HeaderMap::new();
    for (name, value) in headers.iter().filter(|(name, _)| along.contains(&name.as_str())) {
        out.append(name.clone(), value.clone());
    }
    out
}
