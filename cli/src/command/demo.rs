//! `comity demo`: the whole of Comity on a fresh machine, in a minute, over real HTTP.
//!
//! Every answer comes from the model on this machine and says so; nothing is faked. What it prints comes from the gateway's answers and from
//! the ledger's own records, decided again.

mod account;
mod call;
mod cases;
mod far_end;
mod ground;
mod show;
mod tamper;

use std::path::PathBuf;

use comity_store::Reader;
use serde_json::Value;

use crate::command::up;
use crate::exit::Exit;
use crate::output::{self, Output};
use crate::{place, runtime};

use self::account::Account;
use self::cases::Caller;
use self::ground::{Ground, Served};

const EXAMPLES: &str = "\
Examples:
  comity demo
  comity demo --serve          keep the gateway running afterwards
  comity demo --output json    the same as one JSON document";

/// Governed calls on this machine: no key, no server, no configuration
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Keep the gateway running after the last call, until Ctrl-C
    #[arg(long)]
    serve: bool,
    /// Another model to answer with: a GGUF file
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
}

/// Sets up a gateway, calls it, and verifies what it wrote.
pub(crate) fn run(args: &Args, output: Output) -> anyhow::Result<Exit> {
    let ground = Ground::prepare(args.model.as_deref())?;
    let served = ground.serve()?;
    let mut told = Vec::new();
    let exit = runtime::until_interrupted(calls(&ground, &served, output, &mut told));
    // The ledger is whole only after the gateway has written the last outcome.
    served.running.shutdown();
    if exit? == Exit::Interrupted {
        return Ok(Exit::Interrupted);
    }
    verify(&ground, output, told)?;
    if args.serve { serve(&ground) } else { Ok(Exit::Ok) }
}

async fn calls(ground: &Ground, served: &Served, output: Output, told: &mut Vec<Value>) -> anyhow::Result<Exit> {
    if output == Output::Human {
        show::opening(ground, served)?;
    }
    let passed = ground.far_end.serve(ground.client(served, Caller::FarEnd)?, &served.own_model())?;
    for (number, case) in (1..).zip(&cases::CASES) {
        if output == Output::Human {
            show::question(number, case)?;
        }
        let outcome = call::send(&ground.client(served, case.caller)?, case).await?;
        let account = Account::of(&ground.store, &outcome)?;
        let passed = passed.take();
        match output {
            Output::Human => show::decided((case, passed.as_ref()), &outcome, &account)?,
            Output::Json => told.push(show::case_json((case, passed.as_ref()), &outcome, &account)),
        }
    }
    Ok(Exit::Ok)
}

fn verify(ground: &Ground, output: Output, told: Vec<Value>) -> anyhow::Result<()> {
    let reader = Reader::open(&ground.store).map_err(place::failure)?;
    let verified = reader.verify().map_err(place::failure)?;
    let found = tamper::tamper(&reader, &ground.folder)?;
    match output {
        Output::Json => output::json(&show::all_json(told, &verified, &found)),
        Output::Human => {
            show::ledger(&verified, &found)?;
            show::next(ground, &reader)
        }
    }
}

/// Starts the gateway again over the same store.
fn serve(ground: &Ground) -> anyhow::Result<Exit> {
    let served = ground.serve()?;
    show::serving(ground, &served);
    up::wait(served.running)
}
