//! `GET /api/v1/openapi.json`: what this gateway answers, as an OpenAPI document. The APIs of others are named there, not repeated.

use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;

/// The document, as it is tested against the gateway.
const DOCUMENT: &str = include_str!("openapi.json");

pub(crate) async fn document() -> Response {
    ([(CONTENT_TYPE, "application/json")], DOCUMENT).into_response()
}
