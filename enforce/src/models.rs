//! `GET /v1/models` and `/v1/models/{id}`: what a caller may name as `model` here, and what of it can be reached. In OpenAI's shape, or in
//! Anthropic's for callers who name its version.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use comity_vocab::OfferingId;
use http::{HeaderMap, Request};
use serde::Serialize;

use crate::clock;
use crate::error::{CallError, Decided};
use crate::generation::Generation;
use crate::pipeline::{Knock, identify};
use crate::router::{dialect_of, peer};
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

/// Anthropic's page; there is only one.
#[derive(Serialize)]
struct Page {
    data: Vec<Info>,
    has_more: bool,
    first_id: Option<String>,
    last_id: Option<String>,
}

#[derive(Serialize)]
struct Info {
    r#type: &'static str,
    id: String,
    display_name: String,
    created_at: &'static str,
    lifecycle: &'static str,
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
    answer(&worker, request, |generation, anthropic| {
        let models = models(generation);
        Ok(if anthropic { Json(page(models)).into_response() } else { Json(List { object: "list", data: models }).into_response() })
    })
    .await
}

/// One of them.
pub(crate) async fn one(State(worker): State<Arc<Worker>>, Path(id): Path<String>, request: Request<Body>) -> Response {
    answer(&worker, request, |generation, anthropic| {
        let model = models(generation).into_iter().find(|model| model.id == id);
        let unknown = || CallError::NoOffering(format!("`{id}` is no route or reachable offering here: `GET /v1/models` lists them"));
        let model = model.ok_or_else(unknown)?;
        Ok(if anthropic { Json(Info::from(model)).into_response() } else { Json(model).into_response() })
    })
    .await
}

async fn answer(worker: &Worker, request: Request<Body>, find: impl FnOnce(&Generation, bool) -> Result<Response, CallError>) -> Response {
    let (peer, api) = (peer(&request), dialect_of(&request));
    let headers = request.into_parts().0.headers;
    let found = allowed(worker, peer, &headers).await.and_then(|generation| find(&generation, api.is_anthropic()));
    found.unwrap_or_else(|error| error.into_response(Decided::default(), api))
}

fn page(models: Vec<Model>) -> Page {
    let data: Vec<_> = models.into_iter().map(Info::from).collect();
    let id = |info: &Info| info.id.clone();
    Page { has_more: false, first_id: data.first().map(id), last_id: data.last().map(id), data }
}

impl From<Model> for Info {
    fn from(model: Model) -> Self {
        // When a model was published is not known here; Anthropic's own list says so with this instant.
        let created_at = "1970-01-01T00:00:00Z";
        Self { r#type: "model", display_name: model.id.clone(), id: model.id, created_at, lifecycle: "active", comity: model.comity }
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
