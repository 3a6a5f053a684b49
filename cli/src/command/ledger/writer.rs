//! Who may write the ledger: this command, if no gateway runs, else the gateway, asked over its admin API.

use comity_enforce::Config;
use comity_store::{Options, Store, StoreError};
use hyper::StatusCode;
use serde_json::Value;

use crate::client::{Call, Client, whole};
use crate::config;
use crate::exit::{Exit, Failure};
use crate::place::{self, Place};
use crate::runtime;

/// Where the gateway is that may have the store.
#[derive(Debug, clap::Args)]
pub(crate) struct Reach {
    /// The running gateway; without it, as the configuration says
    #[arg(long, value_name = "URL", env = "COMITY_URL")]
    url: Option<String>,
}

impl Reach {
    /// As the environment says, for a command that does not ask where.
    pub(crate) fn of_environment() -> Self {
        Self { url: std::env::var("COMITY_URL").ok() }
    }
}

/// The one writer.
pub(crate) enum Writer {
    /// This process.
    Here(Store),
    /// A running gateway.
    Gateway(Gateway),
}

/// The admin API of a running gateway.
pub(crate) struct Gateway(Client);

// === impl Writer ===

impl Writer {
    /// The store, or the gateway that has it.
    pub(crate) fn open((place, reach): (&Place, &Reach)) -> anyhow::Result<Self> {
        let path = place.existing_store()?;
        match Store::open(Options { unlock: place.unlock()?, ..Options::new(path) }) {
            Ok(store) => Ok(Self::Here(store)),
            Err(error @ StoreError::InUse { .. }) => Gateway::of((place, reach), &error).map(Self::Gateway),
            Err(error) => Err(place::failure(error).into()),
        }
    }
}

// === impl Gateway ===

impl Gateway {
    fn of((place, reach): (&Place, &Reach), in_use: &StoreError) -> anyhow::Result<Self> {
        let config = place.config()?.map(|path| config::load(&path)).transpose()?;
        let admin = config.as_ref().and_then(|config| Some((config, config.admin.as_ref()?)));
        let Some((config, admin)) = admin else {
            let hint = "stop the gateway, or give it an admin API: set `token` under `[admin]` in `comity.toml`";
            return Err(Failure::new(Exit::Failed, in_use.to_string()).hint(hint).into());
        };
        let token = admin.token.get_ref().read(config.folder()).map_err(|message| {
            Failure::new(Exit::Invalid, format!("the token of the admin API cannot be read: {message}"))
                .hint("a running gateway does this over its admin API: set what `token` under `[admin]` in `comity.toml` names")
        })?;
        let url = reach.url.clone().unwrap_or_else(|| format!("http://{}", reachable(config)));
        Ok(Self(Client::new(&url, Some(token.expose().clone()))?))
    }

    /// One call; its answer.
    pub(crate) fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let call = Call { path, headers: &[], body };
        let (status, answer) = runtime::wait(async {
            let answer = self.0.send(&call).await?;
            let status = answer.status();
            let bytes = whole(answer.into_body()).await?;
            Ok((status, serde_json::from_slice::<Value>(&bytes).unwrap_or_default()))
        })?;
        if status.is_success() {
            return Ok(answer);
        }
        Err(refused(status, &answer).into())
    }
}

/// What the gateway said, with its hint apart.
fn refused(status: StatusCode, answer: &Value) -> Failure {
    let said = answer.pointer("/error/message").or_else(|| answer.get("problems")).and_then(Value::as_str);
    let said = said.map_or_else(|| format!("it answers {status}"), str::to_owned);
    let (message, hint) = said.split_once("\nhint: ").map_or((said.as_str(), None), |(message, hint)| (message, Some(hint)));
    let failure = Failure::new(Exit::Failed, format!("the gateway did not do it: {}", message));
    if status == StatusCode::UNAUTHORIZED {
        return failure.hint("its token is another one than `token` under `[admin]` in `comity.toml` says here, or it is another gateway");
    }
    failure.maybe_hint(hint)
}

/// An address at which this machine reaches a gateway that may listen on all of its addresses.
fn reachable(config: &Config) -> std::net::SocketAddr {
    let mut address = config.listen;
    if address.ip().is_unspecified() {
        address.set_ip(if address.is_ipv4() { std::net::Ipv4Addr::LOCALHOST.into() } else { std::net::Ipv6Addr::LOCALHOST.into() });
    }
    address
}
