//! Every recorded exchange is read and replayed byte for byte: our own always, `../shared/fixtures` beside the project where present.

use std::path::{Path, PathBuf};

use comity_bench::MockUpstream;
use comity_bench::cassette::{Cassette, Interaction};
use comity_bench::mock::MockOptions;
use serde_json::Value;

use crate::client::Client;

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

#[tokio::test]
async fn our_own_exchanges_replay() {
    assert!(replay_all(&project().join("examples/recorded")).await >= 13);
}

#[tokio::test]
async fn exchanges_recorded_by_others_replay() {
    let folder = project().join("../shared/fixtures/openai-recorded");
    if folder.is_dir() {
        assert!(replay_all(&folder).await >= 20);
    } else {
        eprintln!("skipped: no recorded exchanges of others beside the project");
    }
}

#[tokio::test]
async fn exchanges_of_every_dialect_replay() {
    let mut replayed = 0;
    for dialect in ["anthropic", "bedrock", "gemini", "responses"] {
        replayed += replay_all(&project().join("tests/recorded").join(dialect)).await;
    }
    assert!(replayed >= 25);
}

async fn replay_all(folder: &Path) -> usize {
    let cassettes = Cassette::read_folder(folder).unwrap();
    let mock = MockUpstream::start_with(MockOptions { port: 0, cassettes: cassettes.clone() }).unwrap();
    let mut client = Client::connect(&mock).await;
    let mut replayed = 0;
    for cassette in &cassettes {
        for (number, recorded) in cassette.interactions.iter().enumerate() {
            replay(&mut client, &format!("{}@{number}", cassette.name), recorded).await;
            replayed += 1;
        }
    }
    replayed
}

async fn replay(client: &mut Client, name: &str, recorded: &Interaction) {
    let path = recorded.request.url.splitn(4, '/').last().unwrap();
    let body: Value = serde_json::from_str(&recorded.request.body).unwrap_or_default();
    let got = client.post(&format!("/replay-{name}/{path}"), &body).await.unwrap();
    assert_eq!(got.status, recorded.response.code, "{name}");
    assert_eq!(got.body, recorded.response.body, "{name}");
    if got.content_type.starts_with("text/event-stream") {
        assert!(got.text().ends_with("\n\n") || got.text().ends_with("\r\n\r\n"), "{name}");
    } else if got.content_type.ends_with("json") {
        got.json();
    }
}
