//! The reference of `comity.toml`, in the order of the file. A test holds it equal to the keys that the code reads.

use std::fmt::Write as _;

struct Key {
    table: &'static str,
    key: &'static str,
    kind: &'static str,
    default: &'static str,
    meaning: &'static str,
}

const fn key(table: &'static str, key: &'static str, kind: &'static str, (default, meaning): (&'static str, &'static str)) -> Key {
    Key { table, key, kind, default, meaning }
}

const KEYS: &[Key] = &[
    key("", "listen", "address:port", ("127.0.0.1:8460", "where the gateway listens; port 0 takes a free one")),
    key(
        "",
        "dev_open",
        "true or false",
        ("false", "calls without a key from this machine are answered, as the workload `dev`; for development only"),
    ),
    key("", "catalogue", "list of paths", ("[]", "folders or files of the organisation's own catalogue, read after the shipped one")),
    key("[store]", "path", "path", ("`comity.db` in the data folder", "the database of ledger, fact records and keys")),
    key(
        "[store]",
        "durability",
        "commit or os",
        ("commit", "`commit`: a decision is on disk before its call leaves; `os`: handed to the operating system"),
    ),
    key("[store]", "size_max_bytes", "bytes", ("no bound", "the largest size of the database; calls are refused when it is full")),
    key(
        "[store]",
        "passphrase",
        "{ env = … } or { file = … }",
        (
            "none",
            "the passphrase of the file with the master key (age, scrypt); a file in clear is encrypted at the next start; without it only the file's owner can read it",
        ),
    ),
    key(
        "[ledger]",
        "origin",
        "text",
        (
            "made from the public key",
            "the ledger's name in every checkpoint, an address without `https://`; it never changes: a store that bears another name is refused",
        ),
    ),
    key("[ledger]", "keep_content", "true or false", ("false", "keeps bodies of calls and answers, encrypted, beside their decisions")),
    key(
        "[ledger]",
        "auditor_token",
        "{ env = … } or { file = … }",
        (
            "none",
            "the bearer token that opens tiles and entries below `/ledger/tile/`; at least 32 characters, and not the admin token; without it they are not served, while `/ledger/checkpoint` is always open",
        ),
    ),
    key(
        "[ledger]",
        "policy",
        "path",
        (
            "none",
            "a file in the form of C2SP tlog-policy: its witnesses are asked, and no checkpoint is published before its quorum has cosigned; `log` lines in it are not looked at",
        ),
    ),
    key(
        "[ledger]",
        "witness_name",
        "text",
        ("the origin", "the name under which this gateway cosigns the checkpoints of others; `/ledger/witness.vkey` gives its key"),
    ),
    key(
        "[ledger]",
        "witness_for",
        "list of verifier keys",
        (
            "[]",
            "logs whose checkpoints this gateway cosigns at `/witness/add-checkpoint`; another gateway gives its own key at `/ledger/log.vkey`",
        ),
    ),
    key("[[layer]]", "name", "text", ("the pack's or file's name", "what people call the layer")),
    key("[[layer]]", "pack", "text", ("", "a shipped pack of terms, for example `uk-public`")),
    key("[[layer]]", "path", "path", ("", "a file of Cedar policies; a layer has either `pack` or `path`")),
    key(
        "[[layer]]",
        "parameters",
        "table of text, number or list",
        (
            "the pack's",
            "parameters, for example `{ home = \"FR\" }`: those that `comity terms packs` lists, or that a `pack.toml` beside the file declares",
        ),
    ),
    key("[[upstream]]", "name", "text", ("required", "its name in logs and metrics")),
    key("[[upstream]]", "base_url", "address", ("required", "where, up to and including the version: `https://api.example.org/v1`")),
    key(
        "[[upstream]]",
        "dialect",
        "openai, azure, anthropic, gemini or bedrock",
        ("openai", "what it speaks; `openai` is everything compatible too"),
    ),
    key(
        "[[upstream]]",
        "apis",
        "list of chat, responses, embeddings",
        ("[\"chat\", \"embeddings\"]", "`openai` and `azure`: the APIs that it has; a call in a dialect that it lacks is translated"),
    ),
    key(
        "[[upstream]]",
        "api_version",
        "text",
        ("none", "`azure`: the version in its addresses; without it the newer ones below `/openai/v1` are used"),
    ),
    key("[[upstream]]", "deployment", "text", ("the model's name", "`azure`: the deployment, where it has another name than the model")),
    key("[[upstream]]", "region", "text", ("none", "`bedrock`: the region of the address, which the signature names")),
    key(
        "[[upstream]]",
        "credential",
        "{ env = … } or { file = … }",
        ("none", "what opens it; sent to the host of `base_url` and to no other"),
    ),
    key(
        "[[upstream]]",
        "access_key_id",
        "{ env = … } or { file = … }",
        ("none", "`bedrock`: the id of the key whose secret half is `credential`; without it `credential` is a bearer token"),
    ),
    key("[[upstream]]", "session_token", "{ env = … } or { file = … }", ("none", "`bedrock`: for temporary keys")),
    key(
        "[[upstream]]",
        "serves",
        "list of patterns",
        (
            "required",
            "offerings that are really served at this address, since terms rely on their places: ids in which `*` stands for anything",
        ),
    ),
    key("[[upstream]]", "usage_in_stream", "ask or given", ("ask", "whether `stream_options.include_usage` must be asked for")),
    key(
        "[[upstream]]",
        "output_limit",
        "max_completion_tokens or max_tokens",
        (
            "max_completion_tokens",
            "how a translated chat says the most tokens of its answer; many compatible servers know `max_tokens` alone",
        ),
    ),
    key(
        "[[upstream]]",
        "thoughts",
        "send, leave_out or refuse",
        (
            "send",
            "what becomes of thoughts that a caller hands back in a translated chat: `leave_out` or `refuse` for a server that does not know `reasoning_content` (Groq, Mistral)",
        ),
    ),
    key(
        "[[upstream]]",
        "calls_max",
        "number",
        ("256", "calls to it at once; one more goes to another upstream or offering, or is refused with 429"),
    ),
    key(
        "[[upstream]]",
        "unretained",
        "contract or store_false",
        ("contract", "how the means `unretained` is performed: the contract covers every call, or `\"store\": false` is added"),
    ),
    key("[[upstream]]", "plain_http", "true or false", ("false", "allows `http` beyond this machine")),
    key(
        "[route.NAME]",
        "offerings",
        "list of offerings",
        ("", "the offerings behind the name, in the order in which they are to be tried"),
    ),
    key(
        "[route.NAME]",
        "select",
        "pattern",
        ("", "all offerings that match are behind the name; a route has either `offerings` or `select`"),
    ),
    key("[detectors]", "kinds", "list of paths", ("[]", "files of the organisation's own kinds, in the form of those in `packs/kinds`")),
    key("[detectors]", "trained", "path", ("none", "a model of names, made by `comity detect train` from texts of your own")),
    key(
        "[[detectors.gazetteer]]",
        "kind",
        "text",
        ("required", "what the names in the list are of: `person`, `location`, `organisation` or any other kind"),
    ),
    key(
        "[[detectors.gazetteer]]",
        "path",
        "path",
        ("required", "a list with one name in a line; a line that begins with `#` is a comment"),
    ),
    key("[detectors.gliner]", "model", "path", ("required", "a GLiNER model in ONNX form; [gliner.md](gliner.md) says how to bring one")),
    key("[detectors.gliner]", "tokenizer", "path", ("required", "the `tokenizer.json` of the model")),
    key("[detectors.gliner]", "runtime", "path", ("`ORT_DYLIB_PATH`", "the library of ONNX Runtime, 1.17 or newer")),
    key("[detectors.gliner]", "threshold", "number", ("0.5", "the least probability of a finding, above 0 and below 1; lower leaks less")),
    key(
        "[detectors.gliner]",
        "labels",
        "table of label and kind",
        (
            "person, organization, location, address, date of birth",
            "what the model is asked for, in its words, and the kind that each is found as: `{ \"street address\" = \"address\" }`",
        ),
    ),
    key(
        "[pseudonyms]",
        "rotate_days",
        "number",
        (
            "90",
            "days after which pseudonyms get another key; a conversation that names its epoch in `comity-pseudonym-epoch` keeps the old one",
        ),
    ),
    key(
        "[pseudonyms]",
        "keep_shape",
        "list of kinds",
        (
            "[]",
            "kinds whose pseudonyms are other digits in the places of the value's digits (FF1), where the shape matters to the model; at least six digits, and the model does not see that it is a pseudonym",
        ),
    ),
    key(
        "[answers]",
        "personal",
        "pass, report, mask or refuse",
        (
            "pass",
            "what becomes of personal data and credentials in an answer that were not in its call: nobody looks; counted in log and metrics; each replaced by `[KIND]`; the answer ends with an error (`mask` and `refuse` hold a stream back, see [pseudonyms.md](pseudonyms.md))",
        ),
    ),
    key("[findings]", "personal", "class", ("internal", "the least class of a call with personal data")),
    key("[findings]", "opaque", "class", ("internal", "the least class of a call with parts that no detector can read")),
    key("[findings]", "secrets", "class", ("confidential", "the least class of a call with credentials")),
    key("[findings]", "remote", "class", ("public", "the least class of a call that makes the operator reach out")),
    key("[findings]", "KIND", "class", ("public", "the least class of a call with this kind of finding, for example `email`")),
    key("[local]", "model", "path", ("required", "a GGUF file of the `llama` architecture")),
    key("[local]", "name", "text", ("from the file", "the model's name in its offering `self/<name>@<place>`")),
    key("[local]", "place", "country", ("XX", "where this machine stands, in two capital letters; XX: unknown")),
    key("[local]", "own_machine", "true or false", ("false", "asserts that this machine is the organisation's own (possession 3)")),
    key("[local]", "threads", "number", ("half of the cores", "threads that compute an answer")),
    key("[local]", "queue", "number", ("set by the model", "chats that may wait; one more is refused with 429")),
    key("[local]", "context_max", "tokens", ("set by the model", "tokens of a chat and its answer")),
    key("[admin]", "token", "{ env = … } or { file = … }", ("required", "the bearer token of the admin API; at least 32 characters")),
    key("[tls]", "roots", "list of paths", ("[]", "PEM files of certificates to trust beside the system's")),
    key("[limits]", "threads", "number", ("0", "threads that serve calls; 0: one for each core")),
    key("[limits]", "connections_max", "number", ("4096", "connections at once")),
    key("[limits]", "calls_max", "number", ("1024", "calls at once; one more is refused with 429")),
    key("[limits]", "body_bytes_max", "bytes", ("20971520", "one body")),
    key("[limits]", "bodies_bytes_max", "bytes", ("268435456", "all bodies being read or held at once")),
    key("[limits]", "head_ms", "ms", ("60000", "reading the head of a request, and waiting for the next one on a connection")),
    key("[limits]", "body_ms", "ms", ("60000", "reading a body")),
    key("[limits]", "write_ms", "ms", ("60000", "handing a piece of an answer to a client that does not take it")),
    key("[limits]", "connect_ms", "ms", ("5000", "TCP and TLS to an upstream")),
    key("[limits]", "first_byte_ms", "ms", ("300000", "from the request to the first event or the answer's head")),
    key("[limits]", "idle_ms", "ms", ("120000", "between two pieces of an answer")),
    key("[limits]", "total_ms", "ms", ("900000", "one whole call to an upstream")),
    key("[limits]", "hops_max", "number", ("3", "offerings tried for one call")),
    key("[limits]", "retries_max", "number", ("2", "attempts more at the same offering, where no other is left and the failure may pass")),
    key(
        "[limits]",
        "circuit_failures",
        "number",
        ("5", "failures in a row after which no call goes to an upstream for 15 s, then one to probe it; 0: never"),
    ),
    key("[limits]", "drain_ms", "ms", ("30000", "finishing running calls when the gateway stops")),
];

const UPSTREAM_NOTE: &str = "An example for each dialect, and what works with it: [dialects.md](dialects.md).\n\n";

/// Every key of `comity.toml` as Markdown: type, default, meaning.
#[must_use]
pub fn config_reference() -> String {
    let mut text = String::new();
    let mut table = None;
    for key in KEYS {
        if table != Some(key.table) {
            let title = if key.table.is_empty() { "At the top" } else { key.table };
            let quote = if key.table.is_empty() { "" } else { "`" };
            // Writing to a string cannot fail.
            let note = if key.table == "[[upstream]]" { UPSTREAM_NOTE } else { "" };
            let _ = write!(text, "\n## {quote}{title}{quote}\n\n{note}| key | type | default | meaning |\n|---|---|---|---|\n");
            table = Some(key.table);
        }
        let _ = writeln!(text, "| `{}` | {} | {} | {} |", key.key, key.kind, key.default, key.meaning);
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;
    use crate::config::Config;
    use crate::config::problem::Problems;

    /// What the code itself says it reads in a table: the names in its refusal of an unknown key.
    fn read_by_code(table: &str) -> BTreeSet<String> {
        let header = table.replace("NAME", "x");
        let error = toml::from_str::<Config>(&format!("{header}\nno_such_key_at_all = 1\n")).unwrap_err();
        let expected = error.message().split_once("expected ").unwrap().1.to_owned();
        expected.split('`').skip(1).step_by(2).map(str::to_owned).collect()
    }

    #[test]
    fn every_key_that_is_read_is_documented_and_no_other() {
        let tables: BTreeSet<_> = KEYS.iter().map(|key| key.table).filter(|table| *table != "[findings]").collect();
        for table in tables {
            let mut documented: BTreeSet<_> = KEYS.iter().filter(|key| key.table == table).map(|key| key.key.to_owned()).collect();
            if table.is_empty() {
                let named = KEYS.iter().filter(|key| !key.table.is_empty());
                documented.extend(named.map(|key| key.table.trim_matches(['[', ']']).split('.').next().unwrap().to_owned()));
            }
            let outer = format!("{}.", table.trim_matches(['[', ']']));
            let inner = KEYS.iter().filter_map(|key| key.table.trim_matches(['[', ']']).strip_prefix(&outer));
            documented.extend(inner.map(str::to_owned));
            assert_eq!(documented, read_by_code(table), "{table}");
        }
    }

    #[test]
    fn documented_limits_are_the_defaults() {
        let lines: String = KEYS.iter().filter(|k| k.table == "[limits]").map(|k| format!("{} = {}\n", k.key, k.default)).collect();
        let config = Config::parse(Path::new("c"), &format!("[limits]\n{lines}"));
        assert_eq!(config.map(|config| config.limits), Ok::<_, Problems>(crate::limits::Limits::default()));
    }
}
