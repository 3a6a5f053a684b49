//! `comity ledger erase`: destroys the keys of private records, so that they open for nobody, and says so in a leaf. There is no way back.
//!
//! A running gateway does it, over its admin API, since a store has one writer; without one, this command does. Nobody's name is printed or
//! written anywhere.

use std::io::Read as _;

use anyhow::Context as _;
use comity_ledger::{ErasureReason, ErasureScope, Month, commitment};
use comity_store::{Erasing, Erasure, ErasureOrder};
use comity_vocab::{Plain, UnitId, WorkloadId};
use jiff::civil::Date;
use serde_json::{Value, json};

use crate::exit::{Exit, Failure};
use crate::output::{self, Output};
use crate::place::{self, Place};

use super::writer::Writer;

const EXAMPLES: &str = "\
Examples:
  comity ledger erase --data-subject 4711 --reason request
  echo 4711 | comity ledger erase --data-subject -     keeps the name out of the shell's history
  comity ledger erase --workload casework
  comity ledger erase --before 2026-01-01 --reason retention

What was erased opens for nobody, here or with the file of keys. A backup of that file undoes it:
keep `<store>.keys` out of backups of data (docs/reference/ledger.md).";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
#[group(id = "which", required = true, multiple = false)]
pub(crate) struct Which {
    /// All about one person, as callers name it in `comity-data-subject`; `-` reads the name from stdin
    #[arg(long, value_name = "NAME")]
    data_subject: Option<String>,
    /// All of one workload
    #[arg(long, value_name = "NAME")]
    workload: Option<WorkloadId>,
    /// All of a root unit: its records, its pseudonyms and what it made at upstreams
    #[arg(long, value_name = "UNIT")]
    tenant: Option<UnitId>,
    /// All records of months before this day, which must be the first of a month
    #[arg(long, value_name = "DATE")]
    before: Option<Date>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    which: Which,
    /// Why: request, retention, order or other
    #[arg(long, value_name = "REASON", default_value_t)]
    reason: ErasureReason,
    #[command(flatten)]
    place: Place,
}

/// What is said when it is done.
struct Done {
    erasing: Erasing,
    scope: ErasureScope,
    salt: String,
}

/// Erases.
pub(crate) fn run(args: Args, output: Output) -> anyhow::Result<Exit> {
    let named = args.which.named()?;
    let done = match Writer::open(&args.place)? {
        Writer::Here(store) => {
            let salt = salt()?;
            let which = named.erasure()?;
            let (scope, selector) = (which.scope(), commitment("erased", &salt, named.text.expose().as_bytes()));
            let order = ErasureOrder { which, reason: args.reason, selector };
            Done { erasing: store.erase(order).map_err(place::failure)?, scope, salt: hex::encode(salt) }
        }
        Writer::Gateway(gateway) => {
            let body = json!({ named.field: named.text.expose(), "reason": args.reason.name() });
            named.done(&gateway.post("/api/v1/ledger/erase", &body)?)?
        }
    };
    done.tell(output)
}

/// Which of the four, and the name.
struct Named {
    field: &'static str,
    text: Plain<String>,
}

// === impl Which ===

impl Which {
    fn named(self) -> anyhow::Result<Named> {
        let (field, text) = match self {
            Self { data_subject: Some(subject), .. } => ("data_subject", if subject == "-" { from_stdin()? } else { subject }),
            Self { workload: Some(workload), .. } => ("workload", workload.as_str().to_owned()),
            Self { tenant: Some(tenant), .. } => ("tenant", tenant.as_str().to_owned()),
            Self { before: Some(date), .. } => ("before", date.to_string()),
            Self { .. } => anyhow::bail!("name what to erase"),
        };
        Ok(Named { field, text: Plain::new(text) })
    }
}

// === impl Named ===

impl Named {
    fn erasure(&self) -> anyhow::Result<Erasure> {
        let text = self.text.expose().clone();
        Ok(match self.field {
            "data_subject" => Erasure::DataSubject(Plain::new(text)),
            "workload" => Erasure::Workload(text),
            "tenant" => Erasure::Tenant(text),
            _ => Erasure::Before(month(text.parse()?)?),
        })
    }

    /// What a gateway answered.
    fn done(&self, answer: &Value) -> anyhow::Result<Done> {
        let number = |name: &str| answer.get(name).and_then(Value::as_u64).with_context(|| format!("the gateway's answer lacks `{name}`"));
        let folded = answer.get("folded").and_then(Value::as_bool).unwrap_or(false);
        let erasing = Erasing { keys: number("keys")?, leaf: number("leaf")?, folded };
        let salt = answer.get("salt").and_then(Value::as_str).unwrap_or_default().to_owned();
        Ok(Done { erasing, scope: self.erasure()?.scope(), salt })
    }
}

fn month(date: Date) -> anyhow::Result<Month> {
    Ok(Month::beginning(date).ok_or_else(|| {
        Failure::new(Exit::Usage, format!("`{date}` is not the first day of a month"))
            .hint(format!("keys last for a month: say `--before {}`", date.first_of_month()))
    })?)
}

fn from_stdin() -> anyhow::Result<String> {
    let mut text = String::new();
    std::io::stdin().take(4096).read_to_string(&mut text).context("cannot read the name from stdin")?;
    Ok(text.trim().to_owned())
}

fn salt() -> anyhow::Result<[u8; 32]> {
    let mut salt = [0; 32];
    getrandom::fill(&mut salt).map_err(|error| anyhow::anyhow!("the operating system gave no random numbers: {error}"))?;
    Ok(salt)
}

// === impl Done ===

impl Done {
    fn tell(&self, output: Output) -> anyhow::Result<Exit> {
        let Erasing { keys, leaf, folded } = self.erasing;
        match output {
            Output::Json => {
                output::json(&json!({ "scope": self.scope.name(), "keys": keys, "leaf": leaf, "folded": folded, "salt": self.salt }))?;
            }
            Output::Human => {
                output::data(&format!("{keys} keys destroyed; leaf {leaf} says so"))?;
                if keys == 0 {
                    output::say("Nothing was found under that name.");
                }
                output::say(&format!("Salt of the leaf's commitment to the name, for whoever asked: {}", self.salt));
            }
        }
        if !folded {
            output::say("Somebody reads the store: its write-ahead log, which still holds the keys, is emptied when that ends.");
        }
        Ok(Exit::Ok)
    }
}
