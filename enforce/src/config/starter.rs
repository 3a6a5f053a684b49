//! The configuration that `comity up` writes on its first start: complete, commented, and valid as it stands.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;

use super::{ApiName, DialectName, UsageInStream};

/// What was found on this machine.
#[derive(Debug, Clone)]
pub struct Starter {
    /// Where to listen.
    pub listen: SocketAddr,
    /// A shipped pack of terms.
    pub pack: String,
    /// The demonstration model, if installed.
    pub local_model: Option<PathBuf>,
    /// Whether the operator asserts that this machine is the organisation's own.
    pub own_machine: bool,
    /// The country in which this machine stands, `XX` when nobody said.
    pub place: String,
    /// Upstreams whose credentials are in the environment.
    pub upstreams: Vec<StarterUpstream>,
}

/// An upstream whose credential is in the environment.
#[derive(Debug, Clone)]
pub struct StarterUpstream {
    /// Its name.
    pub name: String,
    /// Where.
    pub base_url: String,
    /// The variable with its credential.
    pub credential_env: String,
    /// Offerings that it serves.
    pub serves: Vec<String>,
    /// What it speaks.
    pub dialect: DialectName,
    /// The APIs that it has, where its dialect is OpenAI's.
    pub apis: Vec<ApiName>,
    /// How usage comes in a stream.
    pub usage_in_stream: UsageInStream,
}

/// Upstreams that `comity up` looks for in the environment.
#[must_use]
pub fn known_upstreams() -> Vec<StarterUpstream> {
    let known = |name: &str, base_url: &str, env: &str| StarterUpstream {
        name: name.to_owned(),
        base_url: base_url.to_owned(),
        credential_env: env.to_owned(),
        // Offerings at other places have another host, or ask for the place in each call.
        serves: vec![format!("{name}/*@global")],
        dialect: DialectName::OpenAi,
        apis: vec![ApiName::Chat, ApiName::Embeddings],
        usage_in_stream: UsageInStream::Ask,
    };
    let openai = known("openai", "https://api.openai.com/v1", "OPENAI_API_KEY");
    let mistral = known("mistral", "https://api.mistral.ai/v1", "MISTRAL_API_KEY");
    vec![
        StarterUpstream { apis: vec![ApiName::Chat, ApiName::Responses, ApiName::Embeddings], ..openai },
        StarterUpstream { dialect: DialectName::Anthropic, ..known("anthropic", "https://api.anthropic.com/v1", "ANTHROPIC_API_KEY") },
        // It refuses fields that it does not know, and counts tokens without being asked.
        StarterUpstream { usage_in_stream: UsageInStream::Given, ..mistral },
    ]
}

/// The text of a first `comity.toml`.
#[must_use]
pub fn starter(found: &Starter) -> String {
    let mut text = format!(
        "# comity.toml: what this gateway is told by the people who run it.\n\
         # Unknown keys are refused. Check it without starting: `comity doctor`. Changes count at once; `listen`, `[store]` and the numbers of places at the next start.\n\
         \n\
         # Only this machine can reach the gateway at this address.\n\
         listen = \"{}\"\n\
         \n\
         # true: calls from this machine need no key. For development only.\n\
         dev_open = false\n\
         \n\
         # Terms, outermost layer first. Every layer must permit; an organisation can narrow the terms above it, never widen them.\n\
         [[layer]]\n\
         pack = {}\n\
         \n\
         # [[layer]]\n\
         # name = \"organisation\"\n\
         # path = \"terms/organisation.cedar\"\n",
        found.listen,
        quote(&found.pack)
    );
    local(&mut text, found);
    for upstream in &found.upstreams {
        upstream_table(&mut text, upstream);
    }
    if found.upstreams.is_empty() {
        text.push_str(
            "\n# An upstream: the address of offerings in the catalogue (`comity catalogue list`), with the credential for that host alone.\n\
             # [[upstream]]\n\
             # name = \"openai\"\n\
             # base_url = \"https://api.openai.com/v1\"\n\
             # credential = { env = \"OPENAI_API_KEY\" }\n\
             # serves = [\"openai/*@global\"]\n",
        );
    }
    text.push_str(
        "\n# A route: a name that callers may ask for as `model`. Without one they ask for a model or an offering by its own name.\n\
         # [route.default]\n\
         # offerings = [\"operator/model@place\"]\n\
         \n\
         # The least class of a call in which something was found.\n\
         [findings]\n\
         personal = \"internal\"\n\
         opaque = \"internal\"\n\
         secrets = \"confidential\"\n",
    );
    text
}

fn local(text: &mut String, found: &Starter) {
    let Some(model) = &found.local_model else {
        text.push_str(
            "\n# The demonstration model in this process; `comity model install smollm2` gets it.\n# [local]\n# model = \"smollm2.gguf\"\n",
        );
        return;
    };
    // Writing to a string cannot fail.
    let _ = write!(
        text,
        "\n# The demonstration model in this process.\n\
         [local]\n\
         model = {}\n\
         # The country in which this machine stands; XX: nobody said.\n\
         place = {}\n\
         # true asserts that this machine is the organisation's own, so that it may serve every class of data.\n\
         own_machine = {}\n",
        quote(&model.display().to_string()),
        quote(&found.place),
        found.own_machine
    );
}

fn upstream_table(text: &mut String, upstream: &StarterUpstream) {
    let serves: Vec<_> = upstream.serves.iter().map(|pattern| quote(pattern)).collect();
    let usage = match upstream.usage_in_stream {
        UsageInStream::Ask => "ask",
        UsageInStream::Given => "given",
    };
    let _ = write!(
        text,
        "\n[[upstream]]\n\
         name = {}\n\
         base_url = {}\n\
         # The credential stays in the environment and goes to this host alone.\n\
         credential = {{ env = {} }}\n\
         serves = [{}]\n",
        quote(&upstream.name),
        quote(&upstream.base_url),
        quote(&upstream.credential_env),
        serves.join(", ")
    );
    let _ = match upstream.dialect {
        DialectName::OpenAi => writeln!(text, "{}usage_in_stream = \"{usage}\"", apis(&upstream.apis)),
        DialectName::Azure => write!(text, "dialect = \"azure\"\n{}", apis(&upstream.apis)),
        DialectName::Anthropic => writeln!(text, "dialect = \"anthropic\""),
        DialectName::Gemini => writeln!(text, "dialect = \"gemini\""),
        DialectName::Bedrock => writeln!(text, "dialect = \"bedrock\""),
    };
}

fn apis(apis: &[ApiName]) -> String {
    let names: Vec<_> = apis.iter().map(|api| quote(api.api().name())).collect();
    format!("apis = [{}]\n", names.join(", "))
}

fn quote(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Config;

    #[test]
    fn what_is_written_can_be_read() {
        let mut found = Starter {
            listen: super::super::LISTEN_DEFAULT,
            pack: "uk-public".to_owned(),
            local_model: Some("a \"quoted\"/smollm2.gguf".into()),
            own_machine: true,
            place: "GB".to_owned(),
            upstreams: known_upstreams(),
        };
        let config = Config::parse(Path::new("comity.toml"), &starter(&found)).unwrap();
        let local = config.local.unwrap();
        assert_eq!((local.model, local.own_machine), (PathBuf::from("a \"quoted\"/smollm2.gguf"), true));
        assert_eq!(config.upstreams.len(), 3);
        assert_eq!(config.upstreams[0].apis, [ApiName::Chat, ApiName::Responses, ApiName::Embeddings]);
        assert_eq!(config.upstreams[1].dialect, DialectName::Anthropic);
        assert_eq!(config.upstreams[2].usage_in_stream, UsageInStream::Given);
        (found.local_model, found.upstreams) = (None, Vec::new());
        let config = Config::parse(Path::new("comity.toml"), &starter(&found)).unwrap();
        assert!(config.local.is_none() && config.upstreams.is_empty());
    }
}
