//! `comity up`: the gateway, with what is found on this machine if nobody configured one.
//!
//! It writes a configuration only where there is none and never changes one. A key's text is printed once, when the store has no keys yet.

use std::net::SocketAddr;
use std::path::PathBuf;

use comity_enforce::{Config, Gateway, LISTEN_DEFAULT, Options, Running, Starter, StarterUpstream, known_upstreams};
use comity_store::{Keys, NewKey};
use comity_vocab::{Classification, OfferingId, Workload};
use serde_json::json;

use crate::clock;
use crate::command::ask::DEFAULT_MODEL;
use crate::config;
use crate::data_folder;
use crate::exit::Exit;
use crate::invocation::{self, own_name};
use crate::model_files;
use crate::output::{self, Output, STRONG, styled};
use crate::place;

const EXAMPLES: &str = "\
Examples:
  comity up                    with what is found here; writes comity.toml
  comity up --config ./comity.toml
  comity up --check            check the configuration without starting

Signals: SIGTERM and Ctrl-C finish the calls under way and end; SIGHUP reads the
configuration again.";

/// Start the gateway
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The configuration; without it, `comity.toml` in the data folder, written if there is none
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Listen here instead of where the configuration says; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Check the configuration and end
    #[arg(long)]
    check: bool,
}

/// The pack whose terms decide until somebody writes others.
const PACK: &str = "uk-public";
/// A country that nobody named.
const PLACE_UNKNOWN: &str = "XX";

/// Starts the gateway and waits for a signal.
pub(crate) fn run(args: &Args, output: Output) -> anyhow::Result<Exit> {
    let found = Found::look(args)?;
    if args.check {
        return check(&found, output);
    }
    let written = found.write()?;
    let config = found.config(args.listen)?;
    let store = place::store_of(&config)?;
    let gateway = Gateway::build(Options { config, store: store.clone(), detector: None }).map_err(config::build_failure)?;
    let key = first_key(&gateway.store().keys().map_err(place::failure)?)?;
    let reachable = gateway.reachable();
    let running = gateway.start().map_err(config::build_failure)?;
    let started = Started { config: found.path.clone(), written, store, key, reachable, url: format!("http://{}", running.address()) };
    let told = match output {
        Output::Human => started.tell(&found),
        Output::Json => started.json(),
    };
    // A gateway serves on when nobody reads what it says.
    if let Err(error) = told {
        tracing::warn!(%error, "cannot print where the gateway listens");
    }
    wait(running)
}

/// Serves until a signal, and drains.
pub(crate) fn wait(running: Running) -> anyhow::Result<Exit> {
    let drained = running.run_until_signal()?;
    if !drained.complete {
        output::say("The time for calls under way ran out; the rest were cut off. The ledger has their outcome.");
    }
    Ok(Exit::Ok)
}

fn check(found: &Found, output: Output) -> anyhow::Result<Exit> {
    let checked = found.config(None)?.check().map_err(|problems| config::failure(&problems))?;
    match output {
        Output::Json => output::json(&json!({
            "valid": true, "config": found.path, "terms": checked.terms, "catalogue": checked.catalogue, "layers": checked.layers,
            "offerings": checked.offerings, "reachable": checked.reachable, "warnings": checked.warnings,
        }))?,
        Output::Human => {
            checked.warnings.iter().for_each(|warning| output::say(&format!("{}: {warning}", styled(output::NOTE, "warning"))));
            output::data(&format!("{} is valid", found.shown()))?;
            output::data(&format!("layers {}; terms {}", checked.layers.join(", "), checked.terms.short()))?;
            output::data(&format!(
                "{} offerings, {} reachable; catalogue {}",
                checked.offerings,
                checked.reachable.len(),
                checked.catalogue.short()
            ))?;
        }
    }
    Ok(Exit::Ok)
}

// === what there is ===

/// The configuration to use: a file, or the text that will be written.
struct Found {
    path: PathBuf,
    /// The text of a configuration that is not on the disk yet.
    text: Option<String>,
    upstreams: Vec<StarterUpstream>,
    model: Option<PathBuf>,
}

// === impl Found ===

impl Found {
    fn look(args: &Args) -> anyhow::Result<Self> {
        let folder = data_folder::locate()?;
        let model = model_files::installed(&folder);
        let in_environment = |upstream: &StarterUpstream| std::env::var_os(&upstream.credential_env).is_some_and(|key| !key.is_empty());
        let upstreams: Vec<_> = known_upstreams().into_iter().filter(in_environment).collect();
        let path = args.config.clone().unwrap_or_else(|| data_folder::config(&folder));
        let absent = args.config.is_none() && !path.exists();
        let text = absent.then(|| starter_text(model.clone(), upstreams.clone()));
        Ok(Self { path, text, upstreams, model })
    }

    fn config(&self, listen: Option<SocketAddr>) -> anyhow::Result<Config> {
        let config = match &self.text {
            Some(text) => Config::parse(&self.path, text),
            None => Config::load(&self.path),
        };
        let config = config.map_err(|problems| config::failure(&problems))?;
        Ok(match listen {
            Some(listen) => config.with_listen(listen),
            None => config,
        })
    }

    /// Writes the text, if there is none yet; whether it did.
    fn write(&self) -> anyhow::Result<bool> {
        let Some(text) = &self.text else { return Ok(false) };
        data_folder::make()?;
        // Another process may have been quicker: its file stays.
        let file = std::fs::OpenOptions::new().write(true).create_new(true).open(&self.path);
        match file {
            Ok(mut file) => std::io::Write::write_all(&mut file, text.as_bytes())?,
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => return Ok(false),
            Err(error) => return Err(anyhow::anyhow!("cannot write `{}`: {error}", self.path.display())),
        }
        Ok(true)
    }

    fn shown(&self) -> String {
        match self.text {
            Some(_) => format!("what would be written to `{}`", self.path.display()),
            None => format!("`{}`", self.path.display()),
        }
    }

    /// What is here, but not in a configuration that was there before.
    fn unused(&self, config: &Config) -> Vec<String> {
        let named = |upstream: &&StarterUpstream| !config.upstreams.iter().any(|used| *used.name.get_ref() == upstream.name);
        let keys = self.upstreams.iter().filter(named).map(|upstream| format!("`{}` is set", upstream.credential_env));
        let model =
            self.model.iter().filter(|_| config.local.is_none()).map(|model| format!("the model `{}` is installed", model.display()));
        keys.chain(model).collect()
    }
}

fn starter_text(local_model: Option<PathBuf>, upstreams: Vec<StarterUpstream>) -> String {
    let text = comity_enforce::starter(&Starter {
        listen: LISTEN_DEFAULT,
        pack: PACK.to_owned(),
        local_model,
        own_machine: false,
        place: PLACE_UNKNOWN.to_owned(),
        upstreams,
    });
    format!("{text}{}", open_route())
}

/// A route over everything that the terms admit, so that a first call needs no name of an offering.
pub(crate) fn open_route() -> String {
    format!("\n# Any offering that the terms admit, those that they prefer first.\n[route.{DEFAULT_MODEL}]\nselect = \"*\"\n")
}

/// The first key of a store that has none; its text.
fn first_key(keys: &Keys) -> anyhow::Result<Option<String>> {
    if !keys.list().map_err(place::failure)?.keys.is_empty() {
        return Ok(None);
    }
    let workload = Workload {
        id: "first".parse()?,
        unit: "organisation".parse()?,
        sector: String::new(),
        clearance: Classification::Internal,
        critical: false,
    };
    let new = NewKey { workload, floor: Classification::Public, purposes: Vec::new(), expires: None };
    let (_, text) = keys.create(new, clock::now()).map_err(place::failure)?;
    Ok(Some(text.expose().clone()))
}

// === what is said ===

/// A gateway that listens.
struct Started {
    config: PathBuf,
    written: bool,
    store: PathBuf,
    key: Option<String>,
    reachable: Vec<OfferingId>,
    url: String,
}

// === impl Started ===

impl Started {
    fn tell(&self, found: &Found) -> anyhow::Result<()> {
        output::data(&styled(STRONG, format!("Comity listens at {}", self.url)))?;
        output::data("")?;
        let written = if self.written { " (written now, from what was found here)" } else { "" };
        line("config", &format!("{}{written}", self.config.display()))?;
        line("store", &self.store.display().to_string())?;
        line("answers", &self.answers())?;
        if !self.written {
            self.tell_unused(found)?;
        }
        if let Some(key) = &self.key {
            line("key", "shown this once; its workload is `first`, cleared for internal")?;
            // A key is copied whole: it stands on a line of its own, however narrow the screen.
            output::data(&format!("\n{key}"))?;
        }
        self.tell_curl()
    }

    fn answers(&self) -> String {
        if self.reachable.is_empty() {
            return "nobody yet: no model is installed here and no credential is in the environment".to_owned();
        }
        self.reachable.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }

    fn tell_unused(&self, found: &Found) -> anyhow::Result<()> {
        let unused = found.unused(&config::load(&self.config)?);
        if unused.is_empty() { Ok(()) } else { line("unused", &format!("{}, but the configuration does not use it", unused.join(", "))) }
    }

    fn tell_curl(&self) -> anyhow::Result<()> {
        output::data("")?;
        if self.reachable.is_empty() {
            output::data("Get the demonstration model and start again:")?;
            return output::data(&format!("\n  {name} model install smollm2 && {name} up\n", name = own_name()));
        }
        let model = if self.written { DEFAULT_MODEL } else { self.reachable.first().map_or(DEFAULT_MODEL, OfferingId::as_str) };
        output::data("Try it:\n")?;
        output::data(&invocation::curl(&self.url, self.key.as_deref().unwrap_or("$COMITY_API_KEY"), model))?;
        output::data("\nCtrl-C finishes the calls under way and ends.")
    }

    fn json(&self) -> anyhow::Result<()> {
        output::json(&json!({
            "url": self.url, "config": self.config, "written": self.written, "store": self.store, "reachable": self.reachable, "key": self.key,
        }))
    }
}

fn line(label: &str, text: &str) -> anyhow::Result<()> {
    output::data(&output::wrap(text, &format!("  {} ", styled(output::FAINT, format!("{label:<8}"))), &" ".repeat(11)))
}
