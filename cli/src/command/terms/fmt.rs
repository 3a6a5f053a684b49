//! `comity terms fmt`: canonical format, in place or as a check. A file that does not parse is left as it is.

use std::path::PathBuf;

use anyhow::Context as _;
use comity_terms::format;

use super::source;
use crate::exit::{Exit, Failure};
use crate::output;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Files of terms
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Change nothing; fail if a file is not in canonical format
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Exit> {
    let mut differing = Vec::new();
    for file in &args.files {
        let shown = file.display().to_string();
        let text = std::fs::read_to_string(file).with_context(|| format!("cannot read `{shown}`"))?;
        let formatted = format(&text).map_err(|error| unparsable(&shown, &error.to_string()))?;
        if formatted == text {
            continue;
        }
        if args.check {
            differing.push(shown);
        } else {
            std::fs::write(file, formatted).with_context(|| format!("cannot write `{shown}`"))?;
            output::say(&format!("formatted `{shown}`"));
        }
    }
    if differing.is_empty() {
        return Ok(Exit::Ok);
    }
    let files = differing.join("`, `");
    Err(Failure::new(Exit::Failed, format!("not in canonical format: `{files}`"))
        .hint(format!("comity terms fmt {}", differing.join(" ")))
        .into())
}

/// The loader knows the place and the hint; the formatter does not.
fn unparsable(shown: &str, fallback: &str) -> anyhow::Error {
    let loaded = source::layer(shown).and_then(|layer| source::load(vec![layer]));
    loaded.err().unwrap_or_else(|| Failure::new(Exit::Invalid, fallback.to_owned()).into())
}
