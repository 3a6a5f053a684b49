//! `comity ask`: one question to a running gateway, from the command line.
//!
//! The answer goes to stdout as it comes, what was decided to stderr. It decides nothing itself and knows no upstream.

use std::io::Read as _;

use hyper::StatusCode;
use serde_json::{Value, json};

use crate::client::{self, Call, Client, Events};
use crate::exit::{Exit, Failure};
use crate::output::{self, Output};
use crate::refusal::Refusal;
use crate::runtime;

/// The environment variable that holds the caller's key.
pub(crate) const KEY_VARIABLE: &str = "COMITY_API_KEY";
const QUESTION_BYTES_MAX: u64 = 4 << 20;

const EXAMPLES: &str = "\
Examples:
  export COMITY_API_KEY=…      the key that `comity up` printed
  comity ask 'What is comity in law?'
  comity ask --classification confidential --purpose casework 'Summarise: …'
  comity ask --model openai/gpt-5.4-mini@global - < letter.txt";

/// Ask a running gateway one question
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The question; `-` reads it from stdin
    question: String,
    /// A route, a model or an offering
    #[arg(long, value_name = "NAME", default_value = DEFAULT_MODEL)]
    model: String,
    /// What the model should be
    #[arg(long, value_name = "TEXT")]
    system: Option<String>,
    /// Declare a class: public, internal, confidential or secret; it can only raise what the key says
    #[arg(long, value_name = "CLASS")]
    classification: Option<comity_vocab::Classification>,
    /// Declare a purpose out of the key's list
    #[arg(long, value_name = "NAME")]
    purpose: Option<String>,
    /// The longest answer, in tokens
    #[arg(long, value_name = "N")]
    max_tokens: Option<u32>,
    /// The gateway
    #[arg(long, value_name = "URL", env = "COMITY_URL", default_value = DEFAULT_URL)]
    url: String,
}

/// The route that `comity up` makes when nobody configured one.
pub(crate) const DEFAULT_MODEL: &str = "any";
/// Where `comity up` listens when nobody says otherwise.
pub(crate) const DEFAULT_URL: &str = "http://127.0.0.1:8460";

/// Asks, and prints the answer or why there is none.
pub(crate) fn run(args: &Args, output: Output) -> anyhow::Result<Exit> {
    let question = question(&args.question)?;
    let body = body(args, &question, output);
    let headers = headers(args);
    let key = std::env::var(KEY_VARIABLE).ok().filter(|key| !key.is_empty());
    let client = Client::new(&args.url, key)?;
    let call = Call { path: "/v1/chat/completions", headers: &headers, body: &body };
    runtime::until_interrupted(async {
        let answer = client.send(&call).await?;
        if !answer.status().is_success() {
            return Err(refused(answer).await);
        }
        match output {
            Output::Human => stream(answer).await?,
            Output::Json => whole(answer).await?,
        }
        Ok(Exit::Ok)
    })
}

fn question(argument: &str) -> anyhow::Result<String> {
    if argument != "-" {
        return Ok(argument.to_owned());
    }
    let mut text = String::new();
    std::io::stdin().lock().take(QUESTION_BYTES_MAX).read_to_string(&mut text)?;
    Ok(text)
}

fn body(args: &Args, question: &str, output: Output) -> Value {
    let system = args.system.iter().map(|text| json!({ "role": "system", "content": text }));
    let messages: Vec<_> = system.chain([json!({ "role": "user", "content": question })]).collect();
    let mut body = json!({ "model": args.model, "messages": messages, "stream": output == Output::Human });
    if let (Some(max_tokens), Some(fields)) = (args.max_tokens, body.as_object_mut()) {
        fields.insert("max_tokens".to_owned(), json!(max_tokens));
    }
    body
}

fn headers(args: &Args) -> Vec<(&'static str, String)> {
    let class = args.classification.map(|class| ("comity-classification", class.to_string()));
    let purpose = args.purpose.clone().map(|purpose| ("comity-purpose", purpose));
    class.into_iter().chain(purpose).collect()
}

async fn stream(answer: hyper::Response<hyper::body::Incoming>) -> anyhow::Result<()> {
    let decided = Decided::of(&answer);
    let mut events = Events::new(answer.into_body());
    while let Some(event) = events.next().await? {
        let event: Value = serde_json::from_str(&event).unwrap_or_default();
        if let Some(message) = event.pointer("/error/message").and_then(Value::as_str) {
            output::data("")?;
            return Err(Failure::new(Exit::Failed, message).into());
        }
        if let Some(text) = event.pointer("/choices/0/delta/content").and_then(Value::as_str) {
            output::piece(text)?;
        }
    }
    output::data("")?;
    output::say(&format!("\n{}", output::styled(output::FAINT, decided.line())));
    Ok(())
}

async fn whole(answer: hyper::Response<hyper::body::Incoming>) -> anyhow::Result<()> {
    let decided = Decided::of(&answer);
    let bytes = client::whole(answer.into_body()).await?;
    let answer: Value = serde_json::from_slice(&bytes)?;
    let comity = json!({ "decision": decided.decision, "offering": decided.offering, "means": decided.means, "leaf": decided.leaf });
    output::json(&json!({ "answer": answer, "comity": comity }))
}

/// What the answer's headers say.
struct Decided {
    decision: String,
    offering: String,
    means: String,
    leaf: String,
}

// === impl Decided ===

impl Decided {
    fn of<B>(answer: &hyper::Response<B>) -> Self {
        let text = |name| client::header_text(answer, name);
        Self {
            decision: text("comity-decision"),
            offering: text("comity-offering"),
            means: text("comity-means"),
            leaf: client::leaf_of(&text("comity-leaf")),
        }
    }

    fn line(&self) -> String {
        let decision: String = self.decision.chars().take(12).collect();
        format!("{}, means {}, decision {decision}, leaf {}", self.offering, self.means, self.leaf)
    }
}

async fn refused(answer: hyper::Response<hyper::body::Incoming>) -> anyhow::Error {
    let status = answer.status();
    let body = match client::whole(answer.into_body()).await {
        Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_default(),
        Err(error) => return error,
    };
    let refusal = Refusal::read(status, &body);
    let failure = Failure::new(if refusal.is_denial() { Exit::Denied } else { Exit::Failed }, refusal.sentence());
    failure.maybe_hint(hint(&refusal)).into()
}

fn hint(refusal: &Refusal) -> Option<String> {
    match &refusal.decision {
        Some(decision) if refusal.is_denial() => Some(format!("run `comity terms why {}`", decision.chars().take(12).collect::<String>())),
        Some(_) => None,
        None if refusal.status == StatusCode::UNAUTHORIZED => {
            Some(format!("set `{KEY_VARIABLE}` to a key that `comity keys create` printed"))
        }
        None if refusal.status == StatusCode::NOT_FOUND => Some("run `comity catalogue list` for the offerings".to_owned()),
        None => None,
    }
}
