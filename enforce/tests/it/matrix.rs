//! `docs/reference/dialects.md`: every feature of every surface before every upstream dialect. Each cell of the page is one call over loopback,
//! judged by what the upstream saw and what the caller got.
//!
//! A cell must be byte for byte, translated, or an error that names the field. Anything else, above all a feature that the upstream never
//! saw, fails the test. With `COMITY_GEN=1` the page is written instead of compared; `cargo xtask gen` does that.

mod answer;
mod asks;
mod column;
mod feature;
mod judge;
mod page;
mod trace;

use std::path::Path;

use comity_bench::{Fate, MockUpstream, Seen};
use futures_util::StreamExt as _;
use http_body_util::BodyExt as _;

use crate::stage::{Props, Reply, Stage};
use asks::Surface;
use column::{COLUMNS, Column};
use feature::Feature;
use judge::Verdict;

const PAGE: &str = "docs/reference/dialects.md";

/// Calls at once: enough to keep two cores busy.
const AT_ONCE: usize = 32;

/// One place in the page.
#[derive(Clone, Copy)]
struct Cell {
    surface: Surface,
    feature: Feature,
    column: &'static Column,
}

/// A cell after its call.
struct Played {
    cell: Cell,
    /// What was sent.
    body: String,
    reply: Reply,
}

/// A gateway with one upstream for each dialect, all of them one mock.
struct Field {
    mock: MockUpstream,
    stage: Stage,
    /// Thoughts that the mock signed.
    thought: String,
    seal: String,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_of_dialects_is_what_every_cell_does() {
    let field = Field::new().await;
    let played: Vec<Played> = futures_util::stream::iter(cells()).map(|cell| field.play(cell)).buffered(AT_ONCE).collect().await;
    let seen = field.mock.seen();
    let mut verdicts: Vec<_> = played.iter().map(|played| (played.cell, judge::judge(played, &seen, &field.seal))).collect();
    for ((cell, verdict), played) in verdicts.iter_mut().zip(&played).filter(|((_, verdict), _)| *verdict == Ok(Verdict::Same)) {
        let seen = seen.iter().find(|seen| judge::contains(seen, &cell.mark())).unwrap();
        let straight = field.straight(seen).await;
        if judge::masked(&straight) != judge::masked(played.reply.text()) {
            *verdict = Err(format!("the answer is not byte for byte: {straight}\nbecame {}", played.reply.text()));
        }
    }
    let failures: Vec<_> =
        verdicts.iter().filter_map(|(cell, verdict)| Some(format!("{}: {}", cell.mark(), verdict.as_ref().err()?))).collect();
    assert!(failures.is_empty(), "{} of {} cells fail\n{}", failures.len(), verdicts.len(), failures.join("\n"));
    let verdicts: Vec<(Cell, Verdict)> = verdicts.into_iter().filter_map(|(cell, verdict)| Some((cell, verdict.ok()?))).collect();
    compare(&page::page(&verdicts));
}

#[test]
fn a_planted_bug_is_caught() {
    let body = |seed: &str| format!("{{\"contents\":[{{\"role\":\"user\",\"parts\":[{{\"text\":\"#Chat-Seed-gemini# hello\"}}]}}]{seed}}}");
    let seen = |body: String| Seen {
        number: 0,
        method: "POST".to_owned(),
        path: "/v1beta/models/m:generateContent".to_owned(),
        mode: "echo".to_owned(),
        headers: std::collections::BTreeMap::new(),
        body: body.into(),
        fate: Fate::Answered,
    };
    let cell = cells().into_iter().find(|cell| cell.mark() == "#Chat-Seed-gemini#").unwrap();
    let judged = |status: u16, answer: &str, seen: &[Seen]| {
        let reply = Reply { status, headers: http::HeaderMap::new(), body: answer.to_owned().into() };
        judge::judge(&Played { cell, body: String::new(), reply }, seen, "seal")
    };
    let said = r#"{"choices":[{"message":{"content":"You said: #"},"finish_reason":"stop"}]}"#;
    let (dropped, kept) = ([seen(body(""))], [seen(body(",\"generationConfig\":{\"seed\":7}"))]);
    assert_eq!(judged(200, said, &kept), Ok(Verdict::Translated));
    assert!(judged(200, said, &dropped).unwrap_err().contains("did not see `\"seed\":7`"));
    assert!(judged(200, "{}", &kept).is_err(), "no answer");
    assert!(judged(502, "{}", &[]).is_err(), "a failure");
    let refused = r#"{"error":{"code":"cannot_honour","param":"seed"}}"#;
    assert_eq!(judged(422, refused, &[]), Ok(Verdict::No("seed".to_owned())));
    assert!(judged(422, refused, &kept).is_err(), "sent all the same");
    assert!(judged(422, &refused.replace("param", "other"), &[]).is_err(), "no field");
}

fn cells() -> Vec<Cell> {
    let rows = Surface::ALL.into_iter().flat_map(|surface| surface.rows().iter().map(move |(feature, _)| (surface, *feature)));
    rows.flat_map(|(surface, feature)| COLUMNS.iter().map(move |column| Cell { surface, feature, column })).collect()
}

fn compare(page: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(PAGE);
    if std::env::var_os("COMITY_GEN").is_some() {
        std::fs::write(&path, page).unwrap();
        return;
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = kept.lines().zip(page.lines()).position(|(kept, wanted)| kept != wanted);
    let line = differs.unwrap_or_else(|| kept.lines().count().min(page.lines().count())) + 1;
    assert!(kept == page, "{PAGE}:{line} differs from what the gateway does\nhint: run `cargo xtask gen` and look at the difference");
}

// === impl Cell ===

impl Cell {
    /// Stands in the call, so that it is found among those that the mock saw.
    fn mark(&self) -> String {
        format!("#{:?}-{:?}-{}#", self.surface, self.feature, self.column.name)
    }
}

// === impl Field ===

impl Field {
    async fn new() -> Self {
        let (mock, secrets) = (MockUpstream::start().unwrap(), tempfile::TempDir::new().unwrap());
        let props = Props {
            upstreams: column::upstreams(&mock, secrets.path()),
            terms: TERMS.to_owned(),
            catalogue: column::catalogue(),
            ..Props::default()
        };
        let stage = Stage::with(props);
        let mut field = Self { mock, stage, thought: String::new(), seal: String::new() };
        let body = r#"{"model":"alpha/matrix@anthropic","max_tokens":5000,"thinking":{"type":"enabled","budget_tokens":1024},"messages":[{"role":"user","content":"think"}]}"#;
        let reply = field.stage.post(Surface::Messages.path(), body, &[]).await;
        let json = reply.json();
        let text = |name: &str| json["content"][0][name].as_str().unwrap_or_else(|| panic!("{json}")).to_owned();
        (field.thought, field.seal) = (text("thinking"), text("signature"));
        field
    }

    async fn play(&self, cell: Cell) -> Played {
        let mut previous = String::new();
        if cell.feature == Feature::StoredState && cell.surface == Surface::Responses {
            let first = self.body(cell, "\"input\":\"before\"", "");
            let reply = self.stage.post(cell.surface.path(), first, &[]).await;
            previous = reply.json()["id"].as_str().unwrap_or_default().to_owned();
        }
        let members = cell.surface.members(cell.feature);
        let body = self.body(cell, &members, &previous);
        let reply = self.stage.post(cell.surface.path(), body.clone(), &[]).await;
        Played { cell, body, reply }
    }

    /// What the mock says to the same bytes without a gateway between.
    async fn straight(&self, seen: &Seen) -> String {
        let headers: Vec<_> = seen.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let headers: Vec<_> = headers.into_iter().filter(|(name, _)| !["host", "content-length"].contains(name)).collect();
        let request = self.stage.request((http::Method::POST, &seen.path), seen.body.clone(), &headers);
        let answer = Stage::exchange(self.mock.address(), request).await.unwrap();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        String::from_utf8(body.to_vec()).unwrap()
    }

    /// White space as nobody would write it: it must survive where nothing is translated.
    fn body(&self, cell: Cell, members: &str, previous: &str) -> String {
        let members = members
            .replace("$MARK", &cell.mark())
            .replace("$PNG", asks::PNG)
            .replace("$PDF", asks::PDF)
            .replace("$WAV", asks::WAV)
            .replace("$LONG", &"rules ".repeat(1100))
            .replace("$SCHEMA", asks::SCHEMA)
            .replace("$THOUGHT", &self.thought)
            .replace("$SEAL", &self.seal)
            .replace("$PREVIOUS", previous);
        format!("{{ \"model\" : \"{}\",\n\t{members} }}\n", cell.column.offering())
    }
}

const TERMS: &str = r#"
@id("everything")
@goal("openness")
@reason("the page shows what dialects can say, not what terms admit")
permit (principal, action in [Action::"infer", Action::"embed"], resource);
"#;
