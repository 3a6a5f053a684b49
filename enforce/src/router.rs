//! Which request is what. Handlers only unwrap the request; the work is in the rooms that they call.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{MethodRouter, get, post};
use comity_dialect::Api;
use http::{Method, Request};

use crate::error::{CallError, Decided};
use crate::pipeline::{self, Incoming, KeptCall};
use crate::shared::Worker;
use crate::{admin, health, ledger_admin, ledger_files, models, openapi, witness};

/// Who is at the other end of a connection.
#[derive(Clone, Copy)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// Every address that the gateway answers.
pub(crate) fn router(worker: Arc<Worker>) -> Router {
    Router::new()
        .route("/v1/chat/completions", carries(Api::Chat))
        .route("/v1/responses", carries(Api::Responses))
        .route("/v1/responses/{id}", only(Method::GET, get(kept).delete(kept)))
        .route("/v1/embeddings", carries(Api::Embeddings))
        .route("/v1/messages", carries(Api::Messages))
        .route("/v1/messages/count_tokens", carries(Api::CountTokens))
        .route("/v1/models", only(Method::GET, get(models::list)))
        .route("/v1/models/{*id}", only(Method::GET, get(models::one)))
        .route("/api/v1/openapi.json", only(Method::GET, get(openapi::document)))
        .route("/api/v1/reload", only(Method::POST, post(admin::reload)))
        .route("/api/v1/ledger/erase", only(Method::POST, post(ledger_admin::erase)))
        .route("/api/v1/ledger/prune", only(Method::POST, post(ledger_admin::prune)))
        .route("/api/v1/ledger/proof", only(Method::POST, post(ledger_admin::proof)))
        .route("/ledger/checkpoint", only(Method::GET, get(ledger_files::checkpoint)))
        .route("/ledger/log.vkey", only(Method::GET, get(ledger_files::log_key)))
        .route("/ledger/witness.vkey", only(Method::GET, get(ledger_files::witness_key)))
        .route("/ledger/tile/{*path}", only(Method::GET, get(ledger_files::tile)))
        .route("/witness/add-checkpoint", only(Method::POST, post(witness::add_checkpoint)))
        .route("/witness/{hash}/checkpoint", only(Method::GET, get(witness::checkpoint)))
        .route("/healthz", only(Method::GET, get(health::alive)))
        .route("/readyz", only(Method::GET, get(health::ready)))
        .route("/metrics", only(Method::GET, get(health::metrics)))
        .fallback(|request: Request<Body>| async move {
            let path = request.uri().path();
            let message = match path {
                _ if path.starts_with("/v1/v1/") => format!("there is nothing at `{path}`: take `/v1` out of the client's base address"),
                _ if path.starts_with("/v1/") => format!("`{path}` is not offered here: `GET /api/v1/openapi.json` lists what is"),
                _ => format!("there is nothing at `{path}`: the API is below `/v1`"),
            };
            CallError::NoOffering(message).into_response(Decided::default(), dialect_of(&request))
        })
        .with_state(worker)
}

fn carries(api: Api) -> MethodRouter<Arc<Worker>, Infallible> {
    let call = move |State(worker): State<Arc<Worker>>, request: Request<Body>| async move { call(&worker, (api, None), request).await };
    let other = MethodRouter::<Arc<Worker>, Infallible>::new().post(call);
    only(Method::POST, other)
}

/// What an operator keeps under an id: fetched or deleted there, for the workload that made it.
async fn kept(State(worker): State<Arc<Worker>>, Path(id): Path<String>, request: Request<Body>) -> Response {
    if request.uri().query().is_some() {
        let message = "parameters of `/v1/responses/{id}` mean nothing here yet: ask without";
        return CallError::cannot_honour("query", message).into_response(Decided::default(), Api::Responses);
    }
    if request.method() == Method::HEAD {
        return CallError::invalid("ask with GET").into_response(Decided::default(), Api::Responses);
    }
    let kept = KeptCall { id, method: request.method().clone() };
    call(&worker, (Api::Responses, Some(kept)), request).await
}

async fn call(worker: &Worker, (api, kept): (Api, Option<KeptCall>), request: Request<Body>) -> Response {
    let Some(peer) = peer(&request) else {
        return CallError::Internal("a connection without a peer").into_response(Decided::default(), api);
    };
    pipeline::run(worker, Incoming { api, kept, peer, request }).await
}

/// The dialect in which somebody asked who did not reach a call: Anthropic's SDKs name their version.
pub(crate) fn dialect_of(request: &Request<Body>) -> Api {
    let anthropic = request.headers().contains_key("anthropic-version") || request.uri().path().starts_with("/v1/messages");
    if anthropic { Api::Messages } else { Api::Chat }
}

/// The address of the caller's end of the connection.
pub(crate) fn peer(request: &Request<Body>) -> Option<SocketAddr> {
    request.extensions().get::<Peer>().map(|peer| peer.0)
}

fn only(method: Method, router: MethodRouter<Arc<Worker>, Infallible>) -> MethodRouter<Arc<Worker>, Infallible> {
    router.fallback(move |request: Request<Body>| async move {
        let message = format!("`{}` takes {method}, not {}", request.uri().path(), request.method());
        let mut response = CallError::invalid(message).into_response(Decided::default(), dialect_of(&request));
        *response.status_mut() = http::StatusCode::METHOD_NOT_ALLOWED;
        response
    })
}
