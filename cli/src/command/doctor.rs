//! `comity doctor`: what is here, what is missing, and the command that mends it.
//!
//! It only looks: it starts nothing, writes nothing, calls nobody, and shows no credential.

use std::path::{Path, PathBuf};

use comity_enforce::{Config, known_upstreams};
use comity_store::Reader;
use serde::Serialize;

use crate::config;
use crate::data_folder;
use crate::exit::Exit;
use crate::invocation::own_name;
use crate::model_files;
use crate::output::{self, BAD, GOOD, NOTE, Output, Table, styled};
use crate::place;

const EXAMPLES: &str = "\
Examples:
  comity doctor
  comity doctor --config ./comity.toml --output json";

/// Look at this machine: configuration, store, model, credentials
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The configuration; without it, `comity.toml` in the data folder if there is one
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// One thing that was looked at.
#[derive(Serialize)]
struct Look {
    what: &'static str,
    state: State,
    found: String,
    hint: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Good,
    Absent,
    Broken,
}

/// Looks, and fails if something is broken; what is merely absent is no failure.
pub(crate) fn run(args: &Args, output: Output) -> anyhow::Result<Exit> {
    let folder = data_folder::locate()?;
    let path = args.config.clone().or_else(|| Some(data_folder::config(&folder)).filter(|path| path.exists()));
    let looks = looks(&folder, path.as_deref())?;
    match output {
        Output::Json => output::json(&looks)?,
        Output::Human => tell(&looks)?,
    }
    let broken = |what| looks.iter().any(|look| look.state == State::Broken && (look.what == what) == (what == "config"));
    Ok(if broken("config") {
        Exit::Invalid
    } else if broken("") {
        Exit::Failed
    } else {
        Exit::Ok
    })
}

fn looks(folder: &Path, path: Option<&Path>) -> anyhow::Result<Vec<Look>> {
    let config = path.map(Config::load);
    let store = match &config {
        Some(Ok(config)) => place::store_of(config)?,
        Some(Err(_)) | None => data_folder::store(folder),
    };
    let mut looks = vec![data(folder), configuration(path, config.as_ref()), ledger(&store), model(folder)];
    looks.extend(known_upstreams().into_iter().map(|upstream| {
        let set = std::env::var_os(&upstream.credential_env).is_some_and(|key| !key.is_empty());
        let found = format!("{} {}", upstream.credential_env, if set { "is set" } else { "is not set" });
        Look { what: "credential", state: if set { State::Good } else { State::Absent }, found, hint: None }
    }));
    Ok(looks)
}

fn data(folder: &Path) -> Look {
    let shown = folder.display().to_string();
    match std::fs::metadata(folder) {
        Ok(data) if data.is_dir() && !data.permissions().readonly() => {
            Look { what: "data folder", state: State::Good, found: shown, hint: None }
        }
        Ok(_) => {
            let hint = format!("set `{}` to a folder that Comity may write to", data_folder::VARIABLE);
            Look { what: "data folder", state: State::Broken, found: format!("{shown} cannot be written to"), hint: Some(hint) }
        }
        Err(_) => Look { what: "data folder", state: State::Absent, found: format!("{shown} is not there yet"), hint: Some(start()) },
    }
}

fn configuration(path: Option<&Path>, config: Option<&Result<Config, comity_enforce::Problems>>) -> Look {
    let (Some(path), Some(config)) = (path, config) else {
        let found = "none yet: `comity up` writes one".to_owned();
        return Look { what: "config", state: State::Absent, found, hint: Some(start()) };
    };
    let checked = config.as_ref().map_err(Clone::clone).and_then(Config::check);
    match checked {
        Ok(checked) => {
            let found = format!(
                "{}; layers {}; {} offerings, {} reachable",
                path.display(),
                checked.layers.join(", "),
                checked.offerings,
                checked.reachable.len()
            );
            Look { what: "config", state: State::Good, found, hint: None }
        }
        Err(problems) => Look {
            what: "config",
            state: State::Broken,
            found: config::failure(&problems).to_string(),
            hint: problems.0.into_iter().find_map(|problem| problem.hint),
        },
    }
}

fn ledger(store: &Path) -> Look {
    let shown = store.display();
    if !store.exists() {
        return Look { what: "store", state: State::Absent, found: format!("{shown} is not there yet"), hint: Some(start()) };
    }
    match Reader::open(store).and_then(|reader| reader.size()) {
        Ok(size) => Look { what: "store", state: State::Good, found: format!("{shown}; {size} leaves"), hint: None },
        Err(error) => Look { what: "store", state: State::Broken, found: error.to_string(), hint: error.hint() },
    }
}

fn model(folder: &Path) -> Look {
    match model_files::installed(folder) {
        Some(path) => Look { what: "model", state: State::Good, found: path.display().to_string(), hint: None },
        None => Look {
            what: "model",
            state: State::Absent,
            found: "the demonstration model is not installed".to_owned(),
            hint: Some(format!("run `{} model install smollm2`", own_name())),
        },
    }
}

fn start() -> String {
    format!("run `{} up`", own_name())
}

fn tell(looks: &[Look]) -> anyhow::Result<()> {
    let mut table = Table::new(&["what", "state", "found"]);
    for look in looks {
        let state = match look.state {
            State::Good => styled(GOOD, "good"),
            State::Absent => styled(NOTE, "absent"),
            State::Broken => styled(BAD, "broken"),
        };
        let hint = look.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
        table.row(vec![look.what.to_owned(), state, format!("{}{hint}", look.found)]);
    }
    output::data(&table.render(output::width()))
}
