//! Which request is what. Handlers only unwrap the request; the work is in the rooms that they call.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{MethodRouter, get, post};
use comity_vocab::Action;
use http::{Method, Request};

use crate::error::{CallError, Decided};
use crate::pipeline::{self, Incoming};
use crate::shared::Worker;
use crate::{admin, health, models};

/// Who is at the other end of a connection.
#[derive(Clone, Copy)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// Every address that the gateway answers.
pub(crate) fn router(worker: Arc<Worker>) -> Router {
    Router::new()
        .route("/v1/chat/completions", only(Method::POST, post(|s: State<Arc<Worker>>, r: Request<Body>| call(s, Action::Infer, r))))
        .route("/v1/embeddings", only(Method::POST, post(|s: State<Arc<Worker>>, r: Request<Body>| call(s, Action::Embed, r))))
        .route("/v1/models", only(Method::GET, get(models::list)))
        .route("/api/v1/reload", only(Method::POST, post(admin::reload)))
        .route("/healthz", only(Method::GET, get(health::alive)))
        .route("/readyz", only(Method::GET, get(health::ready)))
        .route("/metrics", only(Method::GET, get(health::metrics)))
        .fallback(|request: Request<Body>| async move {
            let message = format!("there is nothing at `{}`: the API is below `/v1`", request.uri().path());
            CallError::NoOffering(message).into_response(Decided::default())
        })
        .with_state(worker)
}

async fn call(State(worker): State<Arc<Worker>>, action: Action, request: Request<Body>) -> Response {
    let Some(peer) = peer(&request) else {
        return CallError::Internal("a connection without a peer").into_response(Decided::default());
    };
    pipeline::run(&worker, Incoming { action, peer, request }).await
}

/// The address of the caller's end of the connection.
pub(crate) fn peer(request: &Request<Body>) -> Option<SocketAddr> {
    request.extensions().get::<Peer>().map(|peer| peer.0)
}

fn only(method: Method, router: MethodRouter<Arc<Worker>, Infallible>) -> MethodRouter<Arc<Worker>, Infallible> {
    router.fallback(move |request: Request<Body>| async move {
        let message = format!("`{}` takes {method}, not {}", request.uri().path(), request.method());
        let mut response = CallError::invalid(message).into_response(Decided::default());
        *response.status_mut() = http::StatusCode::METHOD_NOT_ALLOWED;
        response
    })
}
