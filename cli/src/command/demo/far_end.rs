//! The far end of the demo: an operator of whom nothing is known, played on this machine, so that what leaves the gateway can be shown.
//!
//! It keeps what arrived and hands it to the model on this machine as it is. It is no mock: the answer is that model's, over real HTTP.

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, header};
use hyper_util::rt::TokioIo;
use serde_json::Value;

use crate::client::{self, Call, Client};

/// The offering that it is called by.
pub(super) const OFFERING: &str = "the-far-end/smollm2@xx";
/// Its file in the catalogue of the demo.
pub(super) const FILE: &str = "far-end.toml";

/// A socket that waits for the gateway's calls.
pub(super) struct FarEnd {
    listener: TcpListener,
}

/// What passed by, the last call's.
#[derive(Clone, Default)]
pub(super) struct Passed(Arc<Mutex<Option<(Value, Value)>>>);

// === impl FarEnd ===

impl FarEnd {
    /// Takes a free port.
    pub(super) fn bind() -> anyhow::Result<Self> {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).context("cannot listen on this machine")?;
        listener.set_nonblocking(true)?;
        Ok(Self { listener })
    }

    /// The catalogue's file: what is known of it is that it does not train on calls, so that terms have something to go by.
    pub(super) fn catalogue() -> String {
        format!(
            "[operator]\nid = \"the-far-end\"\nname = \"The far end of the demo\"\nsource = \"the demo plays it; it is nobody's\"\nread = \"the demo\"\n\
             as_of = 2026-11-23\nstrength = \"contract\"\n\n[[offering]]\nid = \"{OFFERING}\"\nupstream_model = \"smollm2\"\nsurfaces = [\"chat\"]\nprocessed_in = \"unknown\"\nstored_in = \"unknown\"\ntraining = 2\n"
        )
    }

    /// The table of its upstream in `comity.toml`.
    pub(super) fn upstream(&self) -> anyhow::Result<String> {
        let address = self.listener.local_addr()?;
        Ok(format!("\n[[upstream]]\nname = \"far-end\"\nbase_url = \"http://{address}/v1\"\nserves = [\"{OFFERING}\"]\n"))
    }

    /// Serves until the runtime ends, and hands every call to `offering`, the model on this machine.
    pub(super) fn serve(&self, model: Client, offering: &str) -> anyhow::Result<Passed> {
        let passed = Passed::default();
        let listener = tokio::net::TcpListener::from_std(self.listener.try_clone()?)?;
        let (kept, offering) = (passed.clone(), offering.to_owned());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (model, kept, offering) = (model.clone(), kept.clone(), offering.clone());
                let service = service_fn(move |request| pass((model.clone(), offering.clone()), kept.clone(), request));
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        Ok(passed)
    }
}

// === impl Passed ===

impl Passed {
    /// What arrived at the far end, and what it answered.
    pub(super) fn take(&self) -> Option<(Value, Value)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

async fn pass((model, offering): (Client, String), passed: Passed, request: Request<Incoming>) -> anyhow::Result<Response<Full<Bytes>>> {
    let arrived: Value = serde_json::from_slice(&request.into_body().collect().await?.to_bytes())?;
    let mut handed = arrived.clone();
    if let Some(members) = handed.as_object_mut() {
        members.insert("model".to_owned(), Value::from(offering));
    }
    let answer = model.send(&Call { path: "/v1/chat/completions", headers: &[], body: &handed }).await?;
    let status = answer.status();
    let bytes = client::whole(answer.into_body()).await?;
    if status == StatusCode::OK {
        let said = serde_json::from_slice(&bytes)?;
        *passed.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((arrived, said));
    }
    Ok(Response::builder().status(status).header(header::CONTENT_TYPE, "application/json").body(Full::new(bytes))?)
}
