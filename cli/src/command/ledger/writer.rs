//! Who may write the ledger: this command, if no gateway runs, else the gateway, asked over its admin API.

use comity_enforce::Config;
use comity_store::{Options, Store, StoreError};
use serde_json::Value;

use crate::client::{Call, Client, whole};
use crate::config;
use crate::exit::{Exit, Failure};
use crate::place::{self, Place};
use crate::runtime;

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
    pub(crate) fn open(place: &Place) -> anyhow::Result<Self> {
        let path = place.existing_store()?;
        match Store::open(Options { unlock: place.unlock()?, ..Options::new(path) }) {
            Ok(store) => Ok(Self::Here(store)),
            Err(error @ StoreError::InUse { .. }) => Gateway::of(place, &error).map(Self::Gateway),
            Err(error) => Err(place::failure(error).into()),
        }
    }
}

// === impl Gateway ===

impl Gateway {
    fn of(place: &Place, in_use: &StoreError) -> anyhow::Result<Self> {
        let config = place.config()?.map(|path| config::load(&path)).transpose()?;
        let admin = config.as_ref().and_then(|config| Some((config, config.admin.as_ref()?)));
        let Some((config, admin)) = admin else {
            let hint = "stop the gateway, or give it an admin API: set `token` under `[admin]` in `comity.toml`";
            return Err(Failure::new(Exit::Failed, in_use.to_string()).hint(hint).into());
        };
        let token = admin.token.get_ref().read(config.folder()).map_err(|message| Failure::new(Exit::Invalid, message))?;
        Ok(Self(Client::new(&format!("http://{}", reachable(config)), Some(token.expose().clone()))?))
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
        let message =
            answer.pointer("/error/message").and_then(Value::as_str).map_or_else(|| format!("it answers {status}"), str::to_owned);
        Err(Failure::new(Exit::Failed, format!("the gateway did not do it: {message}")).into())
    }
}

/// An address at which this machine reaches a gateway that may listen on all of its addresses.
fn reachable(config: &Config) -> std::net::SocketAddr {
    let mut address = config.listen;
    if address.ip().is_unspecified() {
        address.set_ip(if address.is_ipv4() { std::net::Ipv4Addr::LOCALHOST.into() } else { std::net::Ipv6Addr::LOCALHOST.into() });
    }
    address
}
