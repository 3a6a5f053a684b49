//! Commands that we print for a person to copy: they work as they stand, however this program was started.

use serde_json::json;

/// `comity`, or the way through cargo that started this process.
pub(crate) fn own_name() -> &'static str {
    if std::env::var_os("CARGO").is_none() {
        "comity"
    } else if cfg!(debug_assertions) {
        "cargo run -q --"
    } else {
        "cargo run -q --release --"
    }
}

/// A command line that streams an answer; `key` may be a shell variable.
pub(crate) fn curl(url: &str, key: &str, model: &str) -> String {
    let body =
        json!({ "model": model, "stream": true, "messages": [{ "role": "user", "content": "Name three uses of a public library." }] });
    format!(
        "  curl -N {url}/v1/chat/completions \\\n    -H \"authorization: Bearer {key}\" \\\n    -H 'content-type: application/json' \\\n    -d '{body}'"
    )
}

/// A path that a shell takes as one word.
pub(crate) fn shell_quoted(path: &std::path::Path) -> String {
    let path = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-');
    if path.chars().all(plain) { path } else { format!("'{}'", path.replace('\'', "'\\''")) }
}
