//! `GET /v1/models`: what a caller may name as `model` here, and what of it can be reached.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use comity_vocab::OfferingId;
use http::{HeaderMap, Request};
use serde::Serialize;

use crate::clock;
use crate::error::{CallError, Decided};
use crate::generation::Generation;
use crate::pipeline::{Knock, identify};
use crate::router::peer;
use crate::shared::Worker;

#[derive(Serialize)]
struct List {
    object: &'static str,
    data: Vec<Model>,
}

#[derive(Serialize)]
struct Model {
    id: String,
    object: &'static str,
    created: u64,
    owned_by: String,
    comity: About,
}

#[derive(Serialize)]
struct About {
    kind: &'static str,
    /// The reachable offerings behind a route, or the offering itself.
    offerings: Vec<String>,
    /// The model shows the plumbing; its answers are not to be relied on.
    demonstration: bool,
}

/// Lists routes and reachable offerings, for callers with a key.
pub(crate) async fn list(State(worker): State<Arc<Worker>>, request: Request<Body>) -> Response {
    let (peer, headers) = (peer(&request), request.into_parts().0.headers);
    match allowed(&worker, peer, &headers).await {
        Ok(generation) => Json(List { object: "list", data: models(&generation) }).into_response(),
        Err(error) => error.into_response(Decided::default()),
    }
}

async fn allowed(worker: &Worker, peer: Option<SocketAddr>, headers: &HeaderMap) -> Result<Arc<Generation>, CallError> {
    let generation = worker.shared.generation.load_full();
    let peer = peer.ok_or(CallError::Internal("a connection without a peer"))?;
    let knock = Knock { headers, peer, now: clock::now() };
    identify(&worker.shared.keys, &generation.config, &knock).await?;
    Ok(generation)
}

fn models(generation: &Generation) -> Vec<Model> {
    let routes = generation.routes.route_names().iter().map(|name| {
        let reachable = |id: &&OfferingId| generation.targets.contains_key(*id);
        let offerings: Vec<_> = generation.routes.offerings(name).into_iter().filter(reachable).collect();
        let demonstration = !offerings.is_empty() && offerings.iter().all(|id| is_demonstration(generation, id));
        let offerings = offerings.into_iter().map(ToString::to_string).collect();
        model(name.clone(), "comity".to_owned(), About { kind: "route", offerings, demonstration })
    });
    let offerings = generation.targets.keys().map(|id| {
        let about = About { kind: "offering", offerings: vec![id.to_string()], demonstration: is_demonstration(generation, id) };
        model(id.to_string(), id.operator().to_owned(), about)
    });
    routes.chain(offerings).collect()
}

fn is_demonstration(generation: &Generation, id: &OfferingId) -> bool {
    generation.targets.get(id).is_some_and(|target| target.is_local())
}

fn model(id: String, owned_by: String, comity: About) -> Model {
    Model { id, object: "model", created: 0, owned_by, comity }
}
