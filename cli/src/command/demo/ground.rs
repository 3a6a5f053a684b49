//! What the demo stands on: a folder made anew, the shipped terms and catalogue, a store, two keys and the model on this machine.
//!
//! It touches only its own subfolder of the data folder, and never one that another demo is using.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use comity_enforce::{Config, Gateway, Options, Running, Starter};
use comity_store::{Keys, NewKey};
use comity_vocab::{OfferingId, UnitId, Workload, WorkloadId};

use crate::client::Client;
use crate::clock;
use crate::command::{ask, up};
use crate::config;
use crate::data_folder;
use crate::exit::{Exit, Failure};
use crate::model_files;
use crate::place;

use super::cases::Caller;
use super::far_end::{self, FarEnd};

/// The pack whose terms decide.
pub(super) const PACK: &str = "uk-public";
/// Where the demo says that this machine stands: the pack's own country.
pub(super) const PLACE: &str = "GB";
/// The route that every call asks for: any offering that the terms admit.
pub(super) const ROUTE: &str = ask::DEFAULT_MODEL;

/// A folder, a configuration and keys; no process yet.
pub(super) struct Ground {
    pub(super) folder: PathBuf,
    pub(super) config: PathBuf,
    pub(super) store: PathBuf,
    pub(super) far_end: FarEnd,
    keys: Vec<(Caller, String)>,
}

/// The gateway over it.
pub(super) struct Served {
    pub(super) running: Running,
    pub(super) url: String,
    /// What answers here.
    pub(super) reachable: Vec<OfferingId>,
}

// === impl Served ===

impl Served {
    /// The offering that is the model on this machine.
    pub(super) fn own_model(&self) -> String {
        self.reachable.iter().find(|offering| offering.as_str() != far_end::OFFERING).map(ToString::to_string).unwrap_or_default()
    }
}

// === impl Ground ===

impl Ground {
    /// Makes everything anew.
    pub(super) fn prepare(model: Option<&Path>) -> anyhow::Result<Self> {
        let data = data_folder::make()?;
        let model = match model {
            Some(model) => std::path::absolute(model)?,
            None => model_files::ensure(&data)?,
        };
        let folder = data.join("demo");
        let store = data_folder::store(&folder);
        clear(&folder, &store)?;
        data_folder::make_private(&folder)?;
        let config = data_folder::config(&folder);
        let far_end = FarEnd::bind()?;
        let write = |path: &Path, text: String| std::fs::write(path, text).with_context(|| format!("cannot write `{}`", path.display()));
        write(&config, config_text(model) + &far_end.upstream()?)?;
        write(&folder.join(far_end::FILE), FarEnd::catalogue())?;
        let keys = make_keys(&store)?;
        Ok(Self { folder, config, store, far_end, keys })
    }

    /// Starts the gateway on a free loopback port.
    pub(super) fn serve(&self) -> anyhow::Result<Served> {
        let config = Config::load(&self.config).map_err(|problems| config::failure(&problems))?;
        let options = Options { config, store: self.store.clone(), detector: None };
        let gateway = Gateway::build(options).map_err(config::build_failure)?;
        let reachable = gateway.reachable();
        let running = gateway.start().map_err(config::build_failure)?;
        let url = format!("http://{}", running.address());
        Ok(Served { running, url, reachable })
    }

    /// A client that calls as `caller`.
    pub(super) fn client(&self, served: &Served, caller: Caller) -> anyhow::Result<Client> {
        Client::new(&served.url, Some(self.key(caller).to_owned()))
    }

    /// The text of a key.
    pub(super) fn key(&self, caller: Caller) -> &str {
        self.keys.iter().find(|(owner, _)| *owner == caller).map_or("", |(_, key)| key)
    }
}

/// Removes what the last demo left, unless it is still running.
fn clear(folder: &Path, store: &Path) -> anyhow::Result<()> {
    if !folder.exists() {
        return Ok(());
    }
    let lock = PathBuf::from(format!("{}.lock", store.display()));
    let in_use = std::fs::File::open(lock).is_ok_and(|lock| matches!(lock.try_lock(), Err(std::fs::TryLockError::WouldBlock)));
    if in_use {
        return Err(Failure::new(Exit::Failed, "another demo is running here")
            .hint(format!("stop it with Ctrl-C, or set `{}` to another folder for this one", data_folder::VARIABLE))
            .into());
    }
    std::fs::remove_dir_all(folder).with_context(|| format!("cannot clear `{}`", folder.display()))
}

fn config_text(model: PathBuf) -> String {
    let starter = Starter {
        listen: std::net::SocketAddr::from(([127, 0, 0, 1], 0)),
        pack: PACK.to_owned(),
        local_model: Some(model),
        own_machine: true,
        place: PLACE.to_owned(),
        upstreams: Vec::new(),
    };
    format!(
        "catalogue = [\"{}\"]\n{}{}\n[store]\npath = \"comity.db\"\n",
        far_end::FILE,
        comity_enforce::starter(&starter),
        up::open_route()
    )
}

fn make_keys(store: &Path) -> anyhow::Result<Vec<(Caller, String)>> {
    let keys = Keys::open(store).map_err(place::failure)?;
    let make = |caller: Caller| -> anyhow::Result<(Caller, String)> {
        let workload = Workload {
            id: caller.workload().parse::<WorkloadId>()?,
            unit: caller.unit().parse::<UnitId>()?,
            sector: "public".to_owned(),
            clearance: caller.clearance(),
            critical: false,
        };
        let new = NewKey { workload, floor: caller.floor(), purposes: Vec::new(), expires: None };
        let (_, text) = keys.create(new, clock::now()).map_err(place::failure)?;
        Ok((caller, text.expose().clone()))
    };
    Caller::ALL.into_iter().map(make).collect()
}
