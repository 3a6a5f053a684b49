//! `comity.toml`: what the gateway is told by the people who run it.
//!
//! Unknown keys are refused, every problem names file, line and remedy, and no secret ever stands in the file. Reading starts nothing.

mod ledger;
mod problem;
mod reference;
mod secret;
mod starter;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use comity_dialect::Api;
use comity_redact::Kinds;
use comity_vocab::{Classification, Instant, Jurisdiction};
use serde::Deserialize;
use toml::Spanned;

use crate::limits::{Limits, ROTATE_DAYS_DEFAULT, UPSTREAM_CALLS_MAX};

pub(crate) use ledger::{LedgerConfig, StoreConfig};
pub(crate) use problem::Source;
pub use problem::{ConfigProblem, Problems};
pub use reference::config_reference;
pub use secret::SecretSource;
pub use starter::{Starter, StarterUpstream, known_upstreams, starter};

/// Where `comity up` listens unless told otherwise.
pub const LISTEN_DEFAULT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8460);

/// One configuration, read but not yet checked against terms and catalogue.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Address and port; port 0 takes a free one.
    #[serde(default = "listen_default")]
    pub listen: SocketAddr,
    /// Calls without a key from this machine are answered, as the workload `dev`.
    #[serde(default)]
    pub dev_open: bool,
    /// The ledger's store.
    #[serde(default)]
    pub store: StoreConfig,
    /// What outsiders may see of the ledger, and who vouches for it.
    #[serde(default)]
    pub ledger: LedgerConfig,
    /// Ordered layers of terms, outermost first. None: everything is denied.
    #[serde(default, rename = "layer")]
    pub layers: Vec<LayerConfig>,
    /// Folders or files of the organisation's own catalogue, read after the shipped one.
    #[serde(default)]
    pub catalogue: Vec<Spanned<PathBuf>>,
    /// Network addresses of offerings.
    #[serde(default, rename = "upstream")]
    pub upstreams: Vec<UpstreamConfig>,
    /// Names that callers may ask for as `model`.
    #[serde(default, rename = "route")]
    pub routes: BTreeMap<String, RouteConfig>,
    /// The least class of a call in which something was found.
    #[serde(default)]
    pub findings: FindingClasses,
    /// What looks for personal data, beside the shipped kinds.
    #[serde(default)]
    pub detectors: DetectorsConfig,
    /// Pseudonyms.
    #[serde(default)]
    pub pseudonyms: PseudonymConfig,
    /// What the model says beyond the call.
    #[serde(default)]
    pub answers: AnswersConfig,
    /// The model in this process.
    pub local: Option<LocalConfig>,
    /// The admin API.
    pub admin: Option<AdminConfig>,
    /// Trust in upstreams.
    #[serde(default)]
    pub tls: TlsConfig,
    /// Bounds.
    #[serde(default)]
    pub limits: Limits,
    #[serde(skip)]
    file: File,
}

/// `[[layer]]`: a shipped pack or a file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerConfig {
    /// The layer's name; the pack's or the file's unless set.
    pub name: Option<String>,
    /// A shipped pack.
    pub pack: Option<Spanned<String>>,
    /// A file of Cedar policies.
    pub path: Option<Spanned<PathBuf>>,
    /// Values of parameters that the `pack.toml` of the pack, or beside the file, declares.
    #[serde(default)]
    pub parameters: BTreeMap<String, Spanned<toml::Value>>,
}

/// `[[upstream]]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpstreamConfig {
    /// Its name in logs and metrics.
    pub name: Spanned<String>,
    /// Where, up to and including the version: `https://api.example.org/v1`.
    pub base_url: Spanned<String>,
    /// What it speaks.
    #[serde(default)]
    pub dialect: DialectName,
    /// The APIs that it has, for the dialects of OpenAI.
    #[serde(default = "apis_default")]
    pub apis: Vec<ApiName>,
    /// Azure: the version in its addresses; without it the newer ones below `/openai/v1` are used.
    pub api_version: Option<String>,
    /// Azure: the deployment, where it has another name than the model.
    pub deployment: Option<String>,
    /// Bedrock: the region of the address, which the signature names.
    pub region: Option<String>,
    /// What opens it. It is sent to the host of `base_url` and to no other.
    pub credential: Option<Spanned<SecretSource>>,
    /// Bedrock: the id of the key whose secret half is `credential`. Without it `credential` is sent as a bearer token.
    pub access_key_id: Option<Spanned<SecretSource>>,
    /// Bedrock: for temporary keys.
    pub session_token: Option<Spanned<SecretSource>>,
    /// Offerings that it serves: ids in which `*` stands for anything.
    pub serves: Vec<Spanned<String>>,
    /// Whether usage in a stream must be asked for.
    #[serde(default)]
    pub usage_in_stream: UsageInStream,
    /// How a translated chat says the most tokens of its answer.
    #[serde(default)]
    pub output_limit: OutputLimit,
    /// What becomes of thoughts in a translated chat.
    #[serde(default)]
    pub thoughts: ThoughtsBack,
    /// Calls to it at once.
    #[serde(default = "calls_max_default")]
    pub calls_max: usize,
    /// How the means `unretained` is performed here.
    #[serde(default)]
    pub unretained: UnretainedBy,
    /// Allows `http` beyond this machine.
    #[serde(default)]
    pub plain_http: bool,
}

/// What an upstream speaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DialectName {
    /// OpenAI, and everything compatible.
    #[default]
    OpenAi,
    /// OpenAI's models on Azure.
    Azure,
    /// Anthropic.
    Anthropic,
    /// Google's own.
    Gemini,
    /// Amazon's `Converse`.
    Bedrock,
}

/// An API that an upstream of OpenAI's dialect has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ApiName {
    /// `chat/completions`
    Chat,
    /// `responses`
    Responses,
    /// `embeddings`
    Embeddings,
}

/// The field in which a chat upstream reads the most tokens of an answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputLimit {
    /// OpenAI's newer name.
    #[default]
    MaxCompletionTokens,
    /// The older name, which many compatible servers know alone.
    MaxTokens,
}

/// What becomes of thoughts that a caller hands back to a chat upstream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThoughtsBack {
    /// They go along in `reasoning_content`.
    #[default]
    Send,
    /// They are left out: some servers refuse the member.
    LeaveOut,
    /// The call is refused, by the name of the field.
    Refuse,
}

/// How usage comes in a stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UsageInStream {
    /// With `stream_options.include_usage`, which the gateway adds.
    #[default]
    Ask,
    /// Always; the upstream may refuse a call that asks.
    Given,
}

/// How the means `unretained` is performed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnretainedBy {
    /// The contract covers every call of this credential: nothing is added.
    #[default]
    Contract,
    /// `"store": false` is added to the call.
    StoreFalse,
}

/// `[route.NAME]`: a list of offerings in order, or a selector.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteConfig {
    /// Offerings in the order in which they are to be tried.
    pub offerings: Option<Vec<Spanned<String>>>,
    /// An offering id in which `*` stands for anything; all that match are equal.
    pub select: Option<Spanned<String>>,
}

/// `[local]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LocalConfig {
    /// A GGUF file.
    pub model: PathBuf,
    /// The model's name in its offering; from the file unless set.
    pub name: Option<String>,
    /// The country in which this machine stands.
    #[serde(default = "place_default")]
    pub place: Jurisdiction,
    /// Asserts that this machine is the organisation's own: possession 3 instead of 0.
    #[serde(default)]
    pub own_machine: bool,
    /// Threads that compute an answer.
    pub threads: Option<usize>,
    /// Chats that may wait.
    pub queue: Option<usize>,
    /// Tokens of a chat and its answer.
    pub context_max: Option<usize>,
}

/// `[admin]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdminConfig {
    /// The bearer token of the admin API.
    pub token: Spanned<SecretSource>,
}

/// `[tls]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TlsConfig {
    /// PEM files of certificates to trust beside the system's.
    pub roots: Vec<PathBuf>,
}

/// `[detectors]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DetectorsConfig {
    /// Files of the organisation's own kinds.
    pub kinds: Vec<Spanned<PathBuf>>,
    /// Lists of names.
    #[serde(rename = "gazetteer")]
    pub gazetteers: Vec<GazetteerConfig>,
    /// A model made by `comity detect train`.
    pub trained: Option<Spanned<PathBuf>>,
    /// A general model that the organisation brings.
    pub gliner: Option<GlinerConfig>,
}

/// `[[detectors.gazetteer]]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GazetteerConfig {
    /// What the names are of.
    pub kind: Spanned<String>,
    /// A file with one name in a line.
    pub path: Spanned<PathBuf>,
}

/// `[detectors.gliner]`: read by every build, and performed by those with the feature `gliner`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GlinerConfig {
    /// An ONNX file.
    pub model: Spanned<PathBuf>,
    /// The `tokenizer.json` of the model.
    pub tokenizer: Spanned<PathBuf>,
    /// The library of ONNX Runtime; without it `ORT_DYLIB_PATH` names one.
    pub runtime: Option<Spanned<PathBuf>>,
    /// The least probability of a finding.
    pub threshold: Option<f32>,
    /// What the model is asked for, in its words, and the kind that each is found as.
    #[serde(default)]
    pub labels: BTreeMap<String, Spanned<String>>,
}

/// `[pseudonyms]`
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PseudonymConfig {
    /// Days after which the key changes.
    pub rotate_days: NonZeroU32,
    /// Kinds whose pseudonyms keep the shape of the value: other digits in the places of its digits.
    pub keep_shape: Vec<Spanned<String>>,
}

/// `[answers]`
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AnswersConfig {
    /// What becomes of personal data and secrets in an answer that were not in its call.
    pub personal: AnswerFindings,
}

/// What becomes of findings in answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerFindings {
    /// Nobody looks.
    #[default]
    Pass,
    /// They are counted.
    Report,
    /// The names of their kinds take their places.
    Mask,
    /// The answer ends with an error.
    Refuse,
}

/// `[findings]`: the least class of a call in which something was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindingClasses(BTreeMap<String, Classification>);

#[derive(Debug, Clone, Default)]
struct File {
    path: PathBuf,
    text: String,
}

// === impl Config ===

impl Config {
    /// Reads a file. Relative paths in it begin at its folder.
    ///
    /// # Errors
    /// The first problem of the text, with its place.
    pub fn load(path: &Path) -> Result<Self, Problems> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            ConfigProblem::anywhere(path.display().to_string(), format!("cannot read the configuration: {error}"))
                .hint("`comity up` without `--config` writes one and starts with it")
        })?;
        Self::parse(path, &text)
    }

    /// Reads a text that came from `path`.
    ///
    /// # Errors
    /// The first problem of the text, with its place.
    pub fn parse(path: &Path, text: &str) -> Result<Self, Problems> {
        let mut config: Self = toml::from_str(text).map_err(|error| explain(Source { path, text }, &error))?;
        config.file = File { path: path.to_owned(), text: text.to_owned() };
        Ok(config)
    }

    /// The file that it was read from.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.file.path
    }

    /// Where relative paths begin.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.file.path.parent().unwrap_or_else(|| Path::new(""))
    }

    /// The same with another place to listen.
    #[must_use]
    pub fn with_listen(mut self, listen: SocketAddr) -> Self {
        self.listen = listen;
        self
    }

    pub(crate) fn source(&self) -> Source<'_> {
        Source { path: &self.file.path, text: &self.file.text }
    }
}

fn listen_default() -> SocketAddr {
    LISTEN_DEFAULT
}

fn apis_default() -> Vec<ApiName> {
    vec![ApiName::Chat, ApiName::Embeddings]
}

fn calls_max_default() -> usize {
    UPSTREAM_CALLS_MAX
}

fn place_default() -> Jurisdiction {
    Jurisdiction::UNKNOWN
}

// === impl ApiName ===

impl ApiName {
    pub(crate) const fn api(self) -> Api {
        match self {
            Self::Chat => Api::Chat,
            Self::Responses => Api::Responses,
            Self::Embeddings => Api::Embeddings,
        }
    }
}

// === impl PseudonymConfig ===

impl PseudonymConfig {
    /// The number of the current epoch, counted from 1970.
    pub(crate) fn epoch(&self, now: Instant) -> u32 {
        let days = now.seconds() / (24 * 3600) / i64::from(self.rotate_days.get());
        u32::try_from(days).unwrap_or_default()
    }
}

impl Default for PseudonymConfig {
    fn default() -> Self {
        Self { rotate_days: ROTATE_DAYS_DEFAULT, keep_shape: Vec::new() }
    }
}

// === impl FindingClasses ===

/// What may be found beside the detectors' kinds.
const GROUPS: [&str; 4] = ["personal", "secrets", "opaque", "remote"];

impl FindingClasses {
    /// The least class of a call with these findings, named as in `[findings]`.
    pub(crate) fn class_of<'a>(&self, findings: impl Iterator<Item = &'a str>) -> Classification {
        findings.filter_map(|name| self.0.get(name)).copied().max().unwrap_or_default()
    }

    /// Names that are neither a group nor one of `kinds`, with what was probably meant.
    pub(crate) fn unknown(&self, kinds: &Kinds) -> Vec<(&str, String)> {
        let known: Vec<&str> = GROUPS.into_iter().chain(kinds.iter().map(|(_, kind)| kind.name.as_str())).collect();
        let unknown = self.0.keys().filter(|name| !known.contains(&name.as_str()));
        unknown.map(|name| (name.as_str(), near_kind(name, &known))).collect()
    }
}

/// The kind that was probably meant.
pub(crate) fn near_kind(given: &str, known: &[&str]) -> String {
    let hint = suggestion(given, known);
    if hint.starts_with("did") { hint } else { "`comity detect kinds` lists what can be found".to_owned() }
}

impl Default for FindingClasses {
    fn default() -> Self {
        let classes =
            [("personal", Classification::Internal), ("opaque", Classification::Internal), ("secrets", Classification::Confidential)];
        Self(classes.into_iter().map(|(name, class)| (name.to_owned(), class)).collect())
    }
}

impl<'de> Deserialize<'de> for FindingClasses {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut classes = Self::default();
        classes.0.extend(BTreeMap::<String, Classification>::deserialize(deserializer)?);
        Ok(classes)
    }
}

/// Turns a parser's error into a problem in our words, with the nearest name that exists.
fn explain(source: Source<'_>, error: &toml::de::Error) -> ConfigProblem {
    let message = error.message();
    let (first, rest) = message.split_once(", expected ").unwrap_or((message, ""));
    let mut problem = source.problem(error.span(), first.replace("unknown field", "unknown key").replace("missing field", "missing key"));
    if first.starts_with("unknown field") || first.starts_with(secret::IN_TEXT) {
        problem = problem.without_value();
    }
    let known = quoted(rest);
    if let Some(given) = quoted(first).first().filter(|_| !known.is_empty()) {
        return problem.hint(suggestion(given, &known));
    }
    if rest.is_empty() { problem } else { ConfigProblem { message: format!("{}: expected {rest}", problem.message), ..problem } }
}

/// "did you mean", or everything that would be possible.
pub(crate) fn suggestion(given: &str, known: &[&str]) -> String {
    let near = known.iter().map(|name| (strsim::jaro_winkler(given, name), name)).filter(|(score, _)| *score > 0.8);
    match near.max_by(|a, b| a.0.total_cmp(&b.0)) {
        Some((_, name)) => format!("did you mean `{name}`?"),
        None if known.is_empty() => "there is none to choose from".to_owned(),
        None => format!("use one of `{}`", known.join("`, `")),
    }
}

fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let problems = Config::parse(Path::new("comity.toml"), text).unwrap_err();
        assert_eq!(problems.to_string(), expected);
    }

    #[test]
    fn an_empty_file_is_a_configuration() {
        let config = Config::parse(Path::new("comity.toml"), "").unwrap();
        assert_eq!(config.listen, LISTEN_DEFAULT);
        assert!(config.layers.is_empty() && !config.dev_open);
        assert_eq!(config.limits, Limits::default());
    }

    #[test]
    fn an_unknown_key_is_refused_with_the_nearest() {
        check(
            "listen = \"127.0.0.1:1\"\ndev_opne = true\n",
            "comity.toml:2:1: unknown key `dev_opne`\n  |\n2 | dev_opne = …\n  | ^\nhint: did you mean `dev_open`?",
        );
        check(
            "[limits]\nbody_max = 3\n",
            "comity.toml:2:1: unknown key `body_max`\n  |\n2 | body_max = …\n  | ^\nhint: did you mean `body_ms`?",
        );
    }

    #[test]
    fn a_secret_in_the_text_is_refused_and_not_shown() {
        for line in ["credential = \"sk-12345678\"", "credential = { value = \"sk-12345678\" }", "api_key = \"sk-12345678\""] {
            let text = format!("[[upstream]]\nname = \"a\"\nbase_url = \"https://a.org\"\nserves = []\n{line}\n");
            let problems = Config::parse(Path::new("comity.toml"), &text).unwrap_err().to_string();
            assert!(!problems.contains("sk-1234"), "{problems}");
            assert!(problems.starts_with("comity.toml:5:"), "{problems}");
        }
    }

    #[test]
    fn wrong_types_and_values_name_their_place() {
        check("dev_open = 3\n", "comity.toml:1:12: invalid type: integer `3`: expected a boolean\n  |\n1 | dev_open = 3\n  |            ^");
    }

    #[test]
    fn findings_given_stand_beside_the_defaults() {
        let config = Config::parse(Path::new("c"), "[findings]\niban = \"secret\"\nopaque = \"public\"").unwrap();
        let class = |names: &[&str]| config.findings.class_of(names.iter().copied());
        assert_eq!(class(&["iban", "personal"]), Classification::Secret);
        assert_eq!(class(&["email", "personal"]), Classification::Internal);
        assert_eq!(class(&["opaque"]), Classification::Public);
        assert_eq!(class(&[]), Classification::Public);
        assert_eq!(config.findings.unknown(&Kinds::built_in()), []);
        let config = Config::parse(Path::new("c"), "[findings]\nemial = \"secret\"").unwrap();
        assert_eq!(config.findings.unknown(&Kinds::built_in()), [("emial", "did you mean `email`?".to_owned())]);
    }
}
