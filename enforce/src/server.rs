//! One thread of the gateway: accepts connections on a listener that all threads share, and serves them on a runtime of its own.
//!
//! A call stays on its thread, so nothing is handed between cores; `TCP_NODELAY` is on, or pieces of a stream would wait 40 ms.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::task::JoinSet;
use tokio_io_timeout::TimeoutStream;
use tower_service::Service as _;

use crate::limits::{ACCEPT_BACKOFF, HEAD_BYTES_MAX, HEADERS_MAX, Limits};
use crate::router::{Peer, router};
use crate::shared::Worker;

/// How far stopping has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stop {
    /// Not at all.
    Running,
    /// No new connections or calls; running calls finish.
    Draining,
    /// At once.
    Now,
}

/// Serves until told to stop, then drains. Whether every call could finish.
pub(crate) async fn serve(listener: TcpListener, worker: Arc<Worker>, mut stop: watch::Receiver<Stop>) -> bool {
    let limits = worker.shared.generation.load().config.limits;
    let router = router(Arc::clone(&worker));
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            biased;
            () = reached(&mut stop, Stop::Draining) => break,
            accepted = accept(&listener, &worker) => accepted,
        };
        while connections.try_join_next().is_some() {}
        if let Some((stream, peer, place)) = accepted {
            connections.spawn(connection(Link { stream, peer, limits, _place: place }, router.clone(), stop.clone()));
        }
    }
    drop(listener);
    let finished = async { while connections.join_next().await.is_some() {} };
    let complete = tokio::select! {
        drained = tokio::time::timeout(Duration::from_millis(limits.drain_ms), finished) => drained.is_ok(),
        () = reached(&mut stop, Stop::Now) => false,
    };
    if !complete {
        worker.shared.cut_off.store(true, Ordering::Relaxed);
    }
    // What is left is dropped here, which cancels it upstream and writes its outcome.
    connections.shutdown().await;
    complete
}

/// Waits until stopping has come that far. A gateway that is gone has come all the way.
pub(crate) async fn reached(stop: &mut watch::Receiver<Stop>, far: Stop) {
    let _ = stop.wait_for(|stop| *stop >= far).await;
}

async fn accept(listener: &TcpListener, worker: &Worker) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let place = Arc::clone(&worker.shared.connections).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => Some((stream, peer, place)),
        Err(error) => {
            tracing::warn!(%error, "a connection could not be accepted");
            tokio::time::sleep(ACCEPT_BACKOFF).await;
            None
        }
    }
}

struct Link {
    stream: TcpStream,
    peer: SocketAddr,
    limits: Limits,
    _place: OwnedSemaphorePermit,
}

/// A client that takes nothing for too long is as good as gone: its call must not be held for ever.
fn patient(stream: TcpStream, limits: &Limits) -> TimeoutStream<TcpStream> {
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(Duration::from_millis(limits.write_ms)));
    stream
}

async fn connection(link: Link, router: Router, mut stop: watch::Receiver<Stop>) {
    if let Err(error) = link.stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection was gone at once");
        return;
    }
    let peer = link.peer;
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(Peer(peer));
        let mut router = router.clone();
        async move { router.call(request.map(Body::new)).await }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_millis(link.limits.head_ms))
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(Box::pin(patient(link.stream, &link.limits))), service);
    let mut connection = pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = reached(&mut stop, Stop::Draining) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "a connection broke");
    }
}
