//! `comity detect kinds`: what the detectors know.

use comity_redact::KindInfo;
use serde_json::{Value, json};

use super::scan;
use super::using::Lists;
use crate::exit::{Exit, Failure};
use crate::output::{self, Output, Table, styled};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only the kinds of this country (ISO 3166-1: `BR`); `any` for those of no country
    #[arg(long, value_name = "COUNTRY")]
    country: Option<String>,
    #[command(flatten)]
    lists: Lists,
}

pub(super) fn run(args: &Args, output: Output) -> anyhow::Result<Exit> {
    let kinds = args.lists.kinds()?;
    let wanted = |info: &&KindInfo| args.country.as_ref().is_none_or(|country| country.eq_ignore_ascii_case(country_of(info)));
    let mut infos: Vec<&KindInfo> = kinds.iter().map(|(_, info)| info).filter(wanted).collect();
    infos.sort_by_key(|info| (info.country.clone(), info.name.clone()));
    if let (Some(country), true) = (&args.country, infos.is_empty()) {
        let failure = Failure::new(Exit::Failed, format!("no kind belongs to `{country}`"));
        return Err(failure.hint("`comity detect kinds` lists all; `--kinds FILE` brings more").into());
    }
    match output {
        Output::Json => output::json(&infos.iter().map(|info| as_json(info)).collect::<Vec<_>>())?,
        Output::Human => human(&infos)?,
    }
    Ok(Exit::Ok)
}

fn country_of(info: &KindInfo) -> &str {
    info.country.as_deref().unwrap_or("any")
}

fn as_json(info: &KindInfo) -> Value {
    json!({
        "kind": info.name, "label": info.label.as_str(), "title": info.title, "class": scan::class(info.class).0, "country": info.country,
    })
}

fn human(infos: &[&KindInfo]) -> anyhow::Result<()> {
    let mut table = Table::new(&["country", "kind", "label", "class", "what it is"]);
    for info in infos {
        let (class, style) = scan::class(info.class);
        table.row(vec![
            country_of(info).to_owned(),
            info.name.clone(),
            info.label.as_str().to_owned(),
            styled(style, class),
            info.title.clone(),
        ]);
    }
    output::data(&table.render(output::width()))?;
    output::say("\nThe label stands in pseudonyms: PII_PER_…");
    Ok(())
}
