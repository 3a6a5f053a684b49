//! The admin API. It exists only where a token is configured, and every call needs it.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use comity_dialect::Api;
use comity_vocab::{Digest, Plain};
use http::header::AUTHORIZATION;
use http::{HeaderMap, Request, StatusCode};
use serde_json::json;

use crate::apart::apart;
use crate::error::{CallError, Decided};
use crate::reload;
use crate::shared::{Shared, Worker};

/// `POST /api/v1/reload`: loads configuration, terms and catalogue again. What is wrong is said, and then nothing changes.
pub(crate) async fn reload(State(worker): State<Arc<Worker>>, request: Request<Body>) -> Response {
    let shared = Arc::clone(&worker.shared);
    if let Err(refused) = admin(&shared, request.headers()) {
        return refuse(refused);
    }
    match apart("the configuration could not be loaded", move || reload::reload(&shared)).await {
        Some(Ok(checked)) => {
            Json(json!({ "terms": checked.terms, "catalogue": checked.catalogue, "warnings": checked.warnings })).into_response()
        }
        Some(Err(problems)) => unprocessable(&problems.to_string()),
        None => refuse(CallError::Internal("the configuration could not be loaded")),
    }
}

/// Lets nobody pass without the admin token.
pub(crate) fn admin(shared: &Shared, headers: &HeaderMap) -> Result<(), CallError> {
    let generation = shared.generation.load();
    let Some(token) = &generation.admin_token else {
        return Err(CallError::NoOffering("the admin API is off: set `token` under `[admin]` in `comity.toml`".to_owned()));
    };
    if bears(headers, token) { Ok(()) } else { Err(CallError::UnknownKey("the admin token is missing or wrong".to_owned())) }
}

/// An error in the shape of every other.
pub(crate) fn refuse(error: CallError) -> Response {
    error.into_response(Decided::default(), Api::Chat)
}

/// What was asked is understood, and cannot be.
pub(crate) fn unprocessable(problems: &str) -> Response {
    (StatusCode::UNPROCESSABLE_ENTITY, Json(json!({ "problems": problems }))).into_response()
}

/// Whether a request bears `token`. Compares digests, so that the time taken says nothing about the token.
pub(crate) fn bears(headers: &HeaderMap, token: &Plain<String>) -> bool {
    let digest = |text: &str| Digest::of("comity admin token v1", &[text.as_bytes()]);
    let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(|text| text.strip_prefix("Bearer "));
    given.is_some_and(|given| digest(given) == digest(token.expose()))
}
