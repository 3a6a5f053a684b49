//! `comity ledger erase`: destroys the keys of private records, so that they open for nobody, and says so in a leaf. There is no way back.
//!
//! A running gateway does it, over its admin API, since a store has one writer; without one, this command does. Nobody's name is printed or
//! written anywhere.

use std::io::Read as _;

use anyhow::Context as _;
use comity_ledger::{ErasureReason, ErasureScope, Month, commitment};
use comity_store::{Erasing, Erasure, ErasureOrder};
use comity_vocab::{Plain, UnitId, WorkloadId};
use jiff::ToSpan as _;
use jiff::civil::Date;
use serde_json::{Value, json};

use crate::exit::{Exit, Failure};
use crate::output::{self, Output};
use crate::place::{self, Place};

use super::given::{day, in_the_future, today};
use super::writer::{Reach, Writer};

const EXAMPLES: &str = "\
Examples:
  comity ledger erase --data-subject 4711 --reason request
  echo 4711 | comity ledger erase --data-subject -     keeps the name out of the shell's history
  comity ledger erase --workload casework
  comity ledger erase --before 2026-01-01 --reason retention

What was erased opens for nobody. Only a backup of the file of keys, beside a backup of the data
from before, would: keep `<store>.keys` out of backups of data (docs/reference/ledger.md).";

/// The gateway refuses calls with a longer `comity-data-subject`.
const SUBJECT_BYTES_MAX: usize = 256;
/// More than any name with white space around it.
const STDIN_BYTES_MAX: u64 = 4096;

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
    #[arg(long, value_name = "DATE", value_parser = day)]
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
    #[command(flatten)]
    reach: Reach,
}

/// What is said when it is done.
struct Done {
    erasing: Erasing,
    salt: String,
}

/// Erases.
pub(crate) fn run(args: Args, output: Output) -> anyhow::Result<Exit> {
    let (which, name) = args.which.read()?;
    let scope = which.scope();
    let done = match Writer::open((&args.place, &args.reach))? {
        Writer::Here(store) => {
            let salt = salt()?;
            let selector = commitment("erased", &salt, name.expose().as_bytes());
            let order = ErasureOrder { which, reason: args.reason, selector };
            Done { erasing: store.erase(order).map_err(place::failure)?, salt: hex::encode(salt) }
        }
        Writer::Gateway(gateway) => {
            let body = json!({ (scope.name()): name.expose(), "reason": args.reason.name() });
            Done::answered(&gateway.post("/api/v1/ledger/erase", &body)?)?
        }
    };
    done.tell(scope, output)
}

// === impl Which ===

impl Which {
    /// What to erase, and the name that the leaf commits to.
    fn read(self) -> anyhow::Result<(Erasure, Plain<String>)> {
        let (which, name) = match self {
            Self { data_subject: Some(subject), .. } => {
                let subject = subject_of(&subject)?;
                (Erasure::DataSubject(Plain::new(subject.clone())), subject)
            }
            Self { workload: Some(workload), .. } => (Erasure::Workload(workload.as_str().to_owned()), workload.as_str().to_owned()),
            Self { tenant: Some(tenant), .. } => (Erasure::Tenant(tenant.as_str().to_owned()), tenant.as_str().to_owned()),
            Self { before: Some(date), .. } => (Erasure::Before(month(date)?), date.to_string()),
            Self { data_subject: None, workload: None, tenant: None, before: None } => anyhow::bail!("name what to erase"),
        };
        Ok((which, Plain::new(name)))
    }
}

/// The name of a person as the header had it: white space at its ends does not count there.
fn subject_of(argument: &str) -> anyhow::Result<String> {
    let text = if argument == "-" { from_stdin()? } else { argument.to_owned() };
    let subject = text.trim();
    let what = if subject.is_empty() {
        "no data subject is named".to_owned()
    } else if subject.len() > SUBJECT_BYTES_MAX {
        format!("no call can name a data subject of {} bytes", subject.len())
    } else if !subject.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
        "no call can name a data subject by other than plain ASCII text".to_owned()
    } else {
        return Ok(subject.to_owned());
    };
    Err(Failure::new(Exit::Usage, what)
        .hint(format!("give what callers send in the header `comity-data-subject`: 1 to {SUBJECT_BYTES_MAX} characters of ASCII"))
        .into())
}

/// The month that is not over may be erased too, by the first day of the next.
fn month(date: Date) -> anyhow::Result<Month> {
    if date > today().first_of_month().saturating_add(1.month()) {
        return Err(in_the_future(date));
    }
    Ok(Month::beginning(date).ok_or_else(|| {
        Failure::new(Exit::Usage, format!("`{date}` is not the first day of a month"))
            .hint(format!("keys last for a month: say `--before {}`", date.first_of_month()))
    })?)
}

fn from_stdin() -> anyhow::Result<String> {
    let mut text = String::new();
    std::io::stdin().take(STDIN_BYTES_MAX).read_to_string(&mut text).context("cannot read the name from stdin")?;
    Ok(text.trim().to_owned())
}

fn salt() -> anyhow::Result<[u8; 32]> {
    let mut salt = [0; 32];
    getrandom::fill(&mut salt).map_err(|error| anyhow::anyhow!("the operating system gave no random numbers: {error}"))?;
    Ok(salt)
}

// === impl Done ===

impl Done {
    /// What a gateway answered.
    fn answered(answer: &Value) -> anyhow::Result<Self> {
        let lacks = |name: &str| format!("the gateway's answer lacks `{name}`");
        let number = |name: &str| answer.get(name).and_then(Value::as_u64).with_context(|| lacks(name));
        let folded = answer.get("folded").and_then(Value::as_bool).with_context(|| lacks("folded"))?;
        let salt = answer.get("salt").and_then(Value::as_str).with_context(|| lacks("salt"))?.to_owned();
        Ok(Self { erasing: Erasing { keys: number("keys")?, leaf: number("leaf")?, folded }, salt })
    }

    fn tell(&self, scope: ErasureScope, output: Output) -> anyhow::Result<Exit> {
        let Erasing { keys, leaf, folded } = self.erasing;
        match output {
            Output::Json => {
                output::json(&json!({ "scope": scope.name(), "keys": keys, "leaf": leaf, "folded": folded, "salt": self.salt }))?;
            }
            Output::Human => {
                let keys_said = if keys == 1 { "1 key".to_owned() } else { format!("{keys} keys") };
                output::data(&format!("{keys_said} destroyed; leaf {leaf} says so"))?;
                if keys == 0 {
                    output::say(nothing_found(scope));
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

const fn nothing_found(scope: ErasureScope) -> &'static str {
    match scope {
        ErasureScope::Before => "No private record of those months was left.",
        ErasureScope::DataSubject | ErasureScope::Tenant | ErasureScope::Workload => "Nothing was found under that name.",
    }
}
