//! `comity keys`: who may call.
//!
//! A key's text is shown once, to stdout, when it is created; the store keeps a digest of it. A running gateway takes note by itself.

use clap::Subcommand;
use comity_store::{ApiKey, KeyState, NewKey, PresentedKey};
use comity_vocab::{Classification, Instant, KeyId, UnitId, Workload, WorkloadId};
use serde_json::json;

use crate::clock;
use crate::exit::{Exit, Failure};
use crate::output::{self, Output, Table};
use crate::place::{self, Place};

const EXAMPLES: &str = "\
Examples:
  comity keys create --workload casework --unit ministry/health \\
      --clearance confidential --floor internal --purpose casework --days 90
  comity keys list
  comity keys revoke c105d62bdc02";

/// API keys: who may call, and what they may send
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Make a key for a workload; its text is printed once, to stdout
    Create(Create),
    /// Every key of the store, without its text
    List(List),
    /// Make a key useless, for good
    Revoke(Revoke),
}

const CREATE_EXAMPLES: &str = "\
Examples:
  comity keys create --workload casework --unit ministry/health \\
      --clearance confidential --floor internal
  comity keys create --workload assistant --unit ministry --sector public \\
      --clearance internal --floor public --purpose drafting --purpose search \\
      --days 30";

#[derive(Debug, clap::Args)]
#[command(after_help = CREATE_EXAMPLES)]
struct Create {
    /// The application or service that will call
    #[arg(long, value_name = "NAME")]
    workload: WorkloadId,
    /// The part of the organisation that it belongs to: `a/b` lies within `a`
    #[arg(long, value_name = "NAME")]
    unit: UnitId,
    /// The unit's sector, as the terms name it, for example `public`
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    sector: String,
    /// The highest class that it may send: public, internal, confidential or secret
    #[arg(long, value_name = "CLASS")]
    clearance: Classification,
    /// The class that each of its calls has at least
    #[arg(long, value_name = "CLASS")]
    floor: Classification,
    /// A purpose that it may declare; may be given several times
    #[arg(long = "purpose", value_name = "NAME")]
    purposes: Vec<String>,
    /// Others depend on it
    #[arg(long)]
    critical: bool,
    /// Days until the key expires; without it, never
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    days: Option<u16>,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, clap::Args)]
struct List {
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, clap::Args)]
struct Revoke {
    /// The key's id, as `comity keys list` shows it; the whole key will do
    #[arg(value_parser = id_of)]
    id: KeyId,
    #[command(flatten)]
    place: Place,
}

/// Creates, lists or revokes.
pub(crate) fn run(args: Args, output: Output) -> anyhow::Result<Exit> {
    match args.what {
        What::Create(args) => create(args, output),
        What::List(args) => list(&args, output),
        What::Revoke(args) => revoke(&args, output),
    }
}

fn create(args: Create, output: Output) -> anyhow::Result<Exit> {
    if args.clearance < args.floor {
        let message =
            format!("the clearance `{}` is below the floor `{}`: no call with this key could ever be admitted", args.clearance, args.floor);
        return Err(Failure::new(Exit::Usage, message).hint(format!("use `--clearance {}` or higher", args.floor)).into());
    }
    let keys = args.place.keys_to_write()?;
    let now = clock::now();
    let workload = Workload { id: args.workload, unit: args.unit, sector: args.sector, clearance: args.clearance, critical: args.critical };
    let expires = args.days.map(|days| clock::after_days(now, days));
    let new = NewKey { workload, floor: args.floor, purposes: args.purposes, expires };
    let (key, text) = keys.create(new, now).map_err(place::failure)?;
    match output {
        Output::Human => {
            output::say(&output::wrap(&described(&key), "", ""));
            output::say("This is the only time that its text is shown:");
            output::data(text.expose())?;
        }
        Output::Json => {
            let mut record = record(&key, now);
            if let Some(fields) = record.as_object_mut() {
                fields.insert("key".to_owned(), json!(text.expose()));
            }
            output::json(&record)?;
        }
    }
    Ok(Exit::Ok)
}

fn described(key: &ApiKey) -> String {
    let Workload { id, unit, clearance, .. } = &key.workload;
    format!("Key {} for workload {id} of unit {unit}: cleared for {clearance}, every call at least {}.", key.id, key.floor)
}

fn list(args: &List, output: Output) -> anyhow::Result<Exit> {
    let keys = args.place.keys()?.list().map_err(place::failure)?.keys;
    let now = clock::now();
    match output {
        Output::Json => output::json(&keys.iter().map(|key| record(key, now)).collect::<Vec<_>>())?,
        Output::Human if keys.is_empty() => output::say("There are no keys. Make one with `comity keys create`."),
        Output::Human => output::data(&table(&keys, now).render(output::width()))?,
    }
    Ok(Exit::Ok)
}

fn table(keys: &[ApiKey], now: Instant) -> Table {
    let mut table = Table::new(&["key", "workload", "unit", "sends", "purposes", "valid"]);
    for key in keys {
        table.row(vec![
            key.id.to_string(),
            key.workload.id.to_string(),
            key.workload.unit.to_string(),
            format!("{} to {}", key.floor, key.workload.clearance),
            if key.purposes.is_empty() { "-".into() } else { key.purposes.join(", ") },
            validity(key, now),
        ]);
    }
    table
}

/// Until when, or why not.
fn validity(key: &ApiKey, now: Instant) -> String {
    match (key.state(now), key.expires) {
        (KeyState::Usable, Some(expires)) => format!("to {}", clock::date(expires)),
        (KeyState::Usable, None) => "always".to_owned(),
        (KeyState::Expired | KeyState::Revoked, _) => state(key, now).to_owned(),
    }
}

/// The id in what was given: a whole key must never be repeated in a message.
fn id_of(text: &str) -> Result<KeyId, comity_vocab::InvalidName> {
    PresentedKey::parse(text).map_or_else(|| text.parse(), |key| Ok(key.id().clone()))
}

fn revoke(args: &Revoke, output: Output) -> anyhow::Result<Exit> {
    let now = clock::now();
    let key = args.place.keys()?.revoke(&args.id, now).map_err(place::failure)?;
    match output {
        Output::Human => output::say(&format!(
            "Key {} of workload {} is revoked. A running gateway refuses it within a second.",
            key.id, key.workload.id
        )),
        Output::Json => output::json(&record(&key, now))?,
    }
    Ok(Exit::Ok)
}

fn record(key: &ApiKey, now: Instant) -> serde_json::Value {
    json!({
        "id": key.id, "workload": key.workload, "floor": key.floor, "purposes": key.purposes,
        "created": clock::second(key.created), "expires": key.expires.map(clock::second), "revoked": key.revoked.map(clock::second),
        "state": state(key, now),
    })
}

fn state(key: &ApiKey, now: Instant) -> &'static str {
    match key.state(now) {
        KeyState::Usable => "usable",
        KeyState::Expired => "expired",
        KeyState::Revoked => "revoked",
    }
}
