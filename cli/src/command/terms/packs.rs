//! `comity terms packs`: the packs that ship with Comity, and what can be set in each.

use comity_terms::{Pack, shipped_pack, shipped_pack_names};
use serde::Serialize;

use crate::exit::Exit;
use crate::output::{self, FAINT, Output, STRONG, styled};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

#[derive(Serialize)]
struct Shown {
    name: String,
    title: String,
    law: String,
    parameters: Vec<ShownParameter>,
}

#[derive(Serialize)]
struct ShownParameter {
    name: String,
    #[serde(rename = "type")]
    kind: &'static str,
    default: String,
    about: String,
}

pub(crate) fn run(_args: &Args, output: Output) -> anyhow::Result<Exit> {
    let packs: Vec<Shown> = shipped_pack_names().into_iter().filter_map(shipped_pack).map(|pack| Shown::of(&pack)).collect();
    match output {
        Output::Json => output::json(&packs)?,
        Output::Human => packs.iter().try_for_each(Shown::print)?,
    }
    Ok(Exit::Ok)
}

// === impl Shown ===

impl Shown {
    fn of(pack: &Pack) -> Self {
        let parameter = |(name, parameter): (&str, &comity_terms::Parameter)| ShownParameter {
            name: name.to_owned(),
            kind: parameter.kind.name(),
            default: parameter.default.to_string(),
            about: parameter.about.clone(),
        };
        Self {
            name: pack.name().to_owned(),
            title: pack.title().to_owned(),
            law: pack.law().to_owned(),
            parameters: pack.parameters().map(parameter).collect(),
        }
    }

    fn print(&self) -> anyhow::Result<()> {
        output::data(&styled(STRONG, &self.name))?;
        output::data(&output::wrap(&self.title, "  ", "  "))?;
        output::data(&styled(FAINT, output::wrap(&format!("law: {}", self.law), "  ", "    ")))?;
        for parameter in &self.parameters {
            let line = format!("{} = {}: {}", parameter.name, parameter.default, parameter.about);
            output::data(&output::wrap(&line, "  ", "    "))?;
        }
        Ok(())
    }
}
