//! One call of the demo over HTTP, and everything that the gateway said.

use hyper::StatusCode;
use serde_json::{Value, json};

use crate::client::{self, Call, Client};
use crate::exit::{Exit, Failure};
use crate::refusal::Refusal;

use super::cases::Case;
use super::ground::ROUTE;

/// Enough for a sentence or two from a small model.
const ANSWER_TOKENS_MAX: u32 = 60;

/// What came back.
pub(super) struct Outcome {
    pub(super) status: StatusCode,
    /// 64 hex digits.
    pub(super) decision: String,
    pub(super) leaf: String,
    pub(super) ended: Ended,
}

/// An answer, or the reason why there is none.
pub(super) enum Ended {
    Answered { offering: String, means: String, text: String },
    Refused(Refusal),
}

/// Sends the call. A refusal by the terms is an outcome; any other failure ends the demo.
pub(super) async fn send(client: &Client, case: &Case) -> anyhow::Result<Outcome> {
    let body = json!({
        "model": case.offering.unwrap_or(ROUTE), "messages": [{ "role": "user", "content": case.question }],
        "max_tokens": ANSWER_TOKENS_MAX, "temperature": 0,
    });
    let headers: Vec<_> = case.class.map(|class| ("comity-classification", class.to_string())).into_iter().collect();
    let call = Call { path: "/v1/chat/completions", headers: &headers, body: &body };
    let answer = client.send(&call).await?;
    let text = |name| client::header_text(&answer, name);
    let (status, decision, leaf) = (answer.status(), text("comity-decision"), client::leaf_of(&text("comity-leaf")));
    let (offering, means) = (text("comity-offering"), text("comity-means"));
    let body: Value = serde_json::from_slice(&client::whole(answer.into_body()).await?).unwrap_or_default();
    let ended = if status.is_success() {
        Ended::Answered { offering, means, text: answer_text(&body) }
    } else {
        Ended::Refused(refused(status, &body)?)
    };
    Ok(Outcome { status, decision, leaf, ended })
}

/// The answer on one line; `…` where the limit of tokens cut it off.
pub(super) fn answer_text(body: &Value) -> String {
    let text = |path: &str| body.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
    let words = text("/choices/0/message/content").split_whitespace().map(str::to_owned).collect::<Vec<_>>().join(" ");
    if text("/choices/0/finish_reason") == "length" { format!("{words} …") } else { words }
}

fn refused(status: StatusCode, body: &Value) -> anyhow::Result<Refusal> {
    let refusal = Refusal::read(status, body);
    if refusal.is_denial() {
        return Ok(refusal);
    }
    Err(Failure::new(Exit::Failed, format!("the gateway of the demo failed: {}", refusal.sentence())).into())
}
