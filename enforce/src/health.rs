//! Three different questions: is the process alive, can it take calls, and what has it counted.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde::Serialize;

use crate::apart::apart;
use crate::clock;
use crate::generation::Generation;
use crate::metrics::{Gauges, UpstreamGauges};
use crate::shared::{Shared, Worker};

#[derive(Serialize)]
struct Ready {
    ready: bool,
    problems: Vec<&'static str>,
}

/// `GET /healthz`: the process answers. Never asks anything else, so that an outage elsewhere restarts nobody.
/// What keeps the ledger from being published stands there in words; it is no reason to restart anybody.
pub(crate) async fn alive(State(worker): State<Arc<Worker>>) -> String {
    let line = worker.shared.progress.line(&worker.shared.store.metrics());
    line.map_or_else(|| "ok\n".to_owned(), |line| format!("ok\n{line}\n"))
}

/// `GET /readyz`: the ledger can be written and terms are loaded.
pub(crate) async fn ready(State(worker): State<Arc<Worker>>) -> Response {
    let mut problems = Vec::new();
    if !ledger_writable(&worker.shared).await {
        problems.push("the ledger cannot be written");
    }
    if worker.shared.generation.load().engine.terms().layers().is_empty() {
        problems.push("there are no terms: every call is denied");
    }
    let status = if problems.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Ready { ready: problems.is_empty(), problems })).into_response()
}

/// After a failure a write is tried here, so that a gateway that gets no calls for not being ready still notices a recovery.
async fn ledger_writable(shared: &Arc<Shared>) -> bool {
    if shared.store.metrics().last_error.is_none() {
        return true;
    }
    let shared = Arc::clone(shared);
    let written = apart("the ledger could not be tried", move || shared.store.try_disk());
    written.await.is_some_and(|written| written.is_ok())
}

/// `GET /metrics`: counters for Prometheus.
pub(crate) async fn metrics(State(worker): State<Arc<Worker>>) -> Response {
    let shared = &worker.shared;
    let calls_running = shared.calls_max.saturating_sub(shared.calls.available_permits());
    let store = shared.store.metrics();
    let unpublished = shared.progress.waited(&store);
    let gauges = Gauges { calls_running, unpublished, store, upstreams: upstreams(&shared.generation.load()) };
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], shared.metrics.render(&gauges)).into_response()
}

/// Every upstream once, whatever it serves.
fn upstreams(generation: &Generation) -> Vec<UpstreamGauges> {
    let ways = generation.targets.values().flat_map(|target| target.ways());
    let named: BTreeMap<_, _> = ways.map(|way| (way.upstream.name.as_str(), way)).collect();
    let now = clock::now();
    let gauges = named.into_iter().map(|(name, way)| UpstreamGauges {
        name: name.to_owned(),
        running: way.health.running(),
        latency_us: way.health.latency_us().unwrap_or_default(),
        errors_ppm: way.health.errors_ppm(),
        healthy: way.is_healthy(now),
    });
    gauges.collect()
}
