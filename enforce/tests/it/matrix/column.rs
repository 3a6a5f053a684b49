//! The upstreams: the columns of the page. The configuration of each is the example in the page; only addresses and secrets are the mock's.

use std::fmt::Write as _;
use std::path::Path;

use comity_bench::MockUpstream;
use comity_bench::mock::{AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, Dialect};

pub(super) struct Column {
    pub(super) name: &'static str,
    /// Its head in the tables.
    pub(super) head: &'static str,
    /// What its example is for; empty where the page needs none.
    pub(super) about: &'static str,
    dialect: Dialect,
    /// The model as the upstream knows it.
    pub(super) model: &'static str,
    pub(super) config: &'static str,
}

pub(super) const COLUMNS: [Column; 6] = [
    Column {
        name: "openai",
        head: "openai",
        about: "OpenAI, and everything compatible (Mistral, DeepSeek, Groq, Together, OpenRouter, vLLM, llama.cpp, Ollama …): `openai` is the \
                default dialect, and `chat` and `embeddings` are the default APIs. With `apis = [\"chat\", \"responses\", \"embeddings\"]` each \
                client is answered in its own dialect; the column *openai, responses* is an upstream with `apis = [\"responses\"]` alone. For a server that knows only the older name of the limit, add \
                `output_limit = \"max_tokens\"`; for one that refuses thoughts (Groq, Mistral), `thoughts = \"leave_out\"`; for one without TLS on another machine, `plain_http = true`.",
        dialect: Dialect::OpenAi,
        model: "gpt-5-mini",
        config: r#"[[upstream]]
name = "openai"
base_url = "https://api.openai.com/v1"
credential = { env = "OPENAI_API_KEY" }
serves = ["openai/*@global"]
"#,
    },
    Column {
        name: "responses",
        head: "openai, responses",
        about: "",
        dialect: Dialect::OpenAi,
        model: "gpt-5-mini",
        config: r#"[[upstream]]
name = "openai-responses"
base_url = "https://api.openai.com/v1"
apis = ["responses"]
credential = { env = "OPENAI_API_KEY" }
serves = ["openai/*@global"]
"#,
    },
    Column {
        name: "azure",
        head: "azure",
        about: "Azure OpenAI. Leave `api_version` out for the newer addresses below `/openai/v1`, and `deployment` where it has the model's name.",
        dialect: Dialect::Azure,
        model: "our-gpt",
        config: r#"[[upstream]]
name = "azure"
dialect = "azure"
base_url = "https://our-resource.openai.azure.com"
apis = ["chat", "responses", "embeddings"]
api_version = "2025-04-01-preview"
deployment = "our-gpt"
credential = { env = "AZURE_OPENAI_API_KEY" }
serves = ["azure/*@swedencentral"]
"#,
    },
    Column {
        name: "anthropic",
        head: "anthropic",
        about: "Anthropic.",
        dialect: Dialect::Anthropic,
        model: "claude-opus-4-8",
        config: r#"[[upstream]]
name = "anthropic"
dialect = "anthropic"
base_url = "https://api.anthropic.com/v1"
credential = { env = "ANTHROPIC_API_KEY" }
serves = ["anthropic/*@global"]
"#,
    },
    Column {
        name: "gemini",
        head: "gemini",
        about: "Google Gemini, in its own dialect.",
        dialect: Dialect::Gemini,
        model: "gemini-3-pro-preview",
        config: r#"[[upstream]]
name = "gemini"
dialect = "gemini"
base_url = "https://generativelanguage.googleapis.com/v1beta"
credential = { env = "GEMINI_API_KEY" }
serves = ["gemini/*@global"]
"#,
    },
    Column {
        name: "bedrock",
        head: "bedrock",
        about: "Amazon Bedrock: `Converse` and `ConverseStream`. With `access_key_id` calls are signed (SigV4), and `session_token` stands beside it \
                for temporary keys; without it `credential` is sent as a bearer token.",
        dialect: Dialect::Bedrock,
        model: "eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
        config: r#"[[upstream]]
name = "bedrock"
dialect = "bedrock"
base_url = "https://bedrock-runtime.eu-central-1.amazonaws.com"
region = "eu-central-1"
access_key_id = { env = "AWS_ACCESS_KEY_ID" }
credential = { env = "AWS_SECRET_ACCESS_KEY" }
serves = ["aws/*@eu-central-1"]
"#,
    },
];

/// The upstreams' tables, with the mock in place of the operators.
pub(super) fn upstreams(mock: &MockUpstream, secrets: &Path) -> String {
    std::fs::write(secrets.join("access_key_id"), AWS_ACCESS_KEY_ID).unwrap();
    std::fs::write(secrets.join("credential"), AWS_SECRET_ACCESS_KEY).unwrap();
    let line = |column: &Column, line: &str| match line.split(' ').next() {
        Some("base_url") => format!("base_url = \"{}\"\n", mock.dialect_url(column.dialect)),
        Some(key @ ("credential" | "access_key_id")) => format!("{key} = {{ file = \"{}\" }}\n", secrets.join(key).display()),
        Some("serves") => format!("serves = [\"{}\"]\n", column.offering()),
        Some(_) | None => format!("{line}\n"),
    };
    COLUMNS.iter().flat_map(|column| column.config.lines().map(move |text| line(column, text))).collect()
}

/// One offering for each upstream.
pub(super) fn catalogue() -> String {
    let mut text = CATALOGUE.to_owned();
    for column in &COLUMNS {
        let (id, model) = (column.offering(), column.model);
        writeln!(
            text,
            "[[offering]]\nid = \"{id}\"\nupstream_model = \"{model}\"\nsurfaces = [\"chat\", \"embeddings\"]\nprocessed_in = \"unknown\""
        )
        .unwrap();
    }
    text
}

const CATALOGUE: &str = r#"
[operator]
id = "alpha"
name = "Alpha"
source = "a contract"
read = "a test"
as_of = 2026-01-01
strength = "contract"
operator = "GB"
"#;

// === impl Column ===

impl Column {
    pub(super) fn offering(&self) -> String {
        format!("alpha/matrix@{}", self.name)
    }
}
