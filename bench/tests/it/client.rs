//! The smallest HTTP client that shows what tests need: the status, the bytes that came, and whether the answer ended in order.

use bytes::{Bytes, BytesMut};
use comity_bench::MockUpstream;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

pub struct Client {
    sender: SendRequest<Full<Bytes>>,
    connection: JoinHandle<()>,
}

pub struct Got {
    pub status: u16,
    pub content_type: String,
    pub body: Bytes,
    /// False if the connection broke before the end of the answer.
    pub complete: bool,
}

impl Got {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

impl Client {
    pub async fn connect(mock: &MockUpstream) -> Client {
        let stream = TcpStream::connect(mock.address()).await.unwrap();
        let (sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
        let connection = tokio::spawn(async move {
            let _broken = connection.await;
        });
        Client { sender, connection }
    }

    pub async fn open(&mut self, path: &str, body: &Value) -> hyper::Result<Response<Incoming>> {
        let request = Request::post(path).header("host", "mock").header("content-type", "application/json");
        self.sender.send_request(request.body(Full::new(Bytes::from(body.to_string()))).unwrap()).await
    }

    pub async fn post(&mut self, path: &str, body: &Value) -> Option<Got> {
        let answer = self.open(path, body).await.ok()?;
        Some(collect(answer).await)
    }

    pub async fn send(&mut self, request: Request<Full<Bytes>>) -> Option<Got> {
        let answer = self.sender.send_request(request).await.ok()?;
        Some(collect(answer).await)
    }

    pub async fn get(&mut self, path: &str) -> Value {
        let request = Request::get(path).header("host", "mock").body(Full::default()).unwrap();
        let answer = self.sender.send_request(request).await.unwrap();
        serde_json::from_slice(&answer.into_body().collect().await.unwrap().to_bytes()).unwrap()
    }

    /// The client goes away: its connection is closed.
    pub async fn leave(self) {
        self.connection.abort();
        let _aborted = self.connection.await;
    }
}

async fn collect(answer: Response<Incoming>) -> Got {
    let status = answer.status().as_u16();
    let content_type = answer.headers().get("content-type").map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
    let (mut incoming, mut body, mut complete) = (answer.into_body(), BytesMut::new(), true);
    while let Some(frame) = incoming.frame().await {
        match frame {
            Ok(frame) => body.extend_from_slice(frame.data_ref().unwrap()),
            Err(_) => complete = false,
        }
    }
    Got { status, content_type, body: body.freeze(), complete }
}

pub fn chat(stream: bool) -> Value {
    json!({ "model": "any", "stream": stream, "stream_options": { "include_usage": true }, "messages": [{ "role": "user", "content": "hello there" }] })
}

/// One call in one mode on its own connection.
pub async fn in_mode(mock: &MockUpstream, mode: &str, stream: bool) -> Option<Got> {
    Client::connect(mock).await.post(&format!("/{mode}/v1/chat/completions"), &chat(stream)).await
}
