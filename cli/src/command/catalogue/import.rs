//! `comity catalogue import`: takes prices over from litellm's list, from the package or from its JSON, and shows what changes.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use comity_catalogue::{Catalogue, Import, ImportNote, ImportSource, PriceList};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::civil::Date;
use serde_json::json;

use super::invalid;
use crate::catalogue_files;
use crate::exit::{Exit, Failure};
use crate::output::{self, FAINT, GOOD, NOTE, Output, Table, styled};

const HELP: &str = "\
Get the list first; nothing is fetched from here:
  pip download litellm --no-deps
  comity catalogue import litellm-*.whl --into ./our-catalogue --dry-run

An offering names its entry in the list with `list_price = \"…\"`. Prices are written to imported/litellm.toml in the folder, each with its source;
the next import writes that file anew. A price that stands in any other file was made by hand: it stays, and counts.";

#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Args {
    /// The package of litellm from PyPI (`litellm-….whl`), or the JSON file of model prices in it
    list: PathBuf,
    /// The catalogue's folder
    #[arg(long, value_name = "DIR")]
    into: PathBuf,
    /// The day of the list [default: today]
    #[arg(long, value_name = "DATE")]
    as_of: Option<Date>,
    /// Show what would change, write nothing
    #[arg(long)]
    dry_run: bool,
    /// Every offering, also those that stay as they are
    #[arg(long)]
    all: bool,
}

/// Everything in the list is in dollars.
const CURRENCY: &str = "USD";
/// The list has some megabytes; more is something else.
const LIST_BYTES_MAX: u64 = 64 << 20;

pub(super) fn run(args: &Args, output: Output) -> anyhow::Result<Exit> {
    let (json, read) = read_list(&args.list)?;
    let list = PriceList::parse(&json, CURRENCY.parse()?).map_err(|error| {
        Failure::new(Exit::Invalid, format!("{}: {error}", args.list.display())).hint("give the package or its JSON file")
    })?;
    if !args.into.is_dir() {
        return Err(Failure::new(Exit::Failed, format!("there is no folder `{}`", args.into.display())).hint("create it first").into());
    }
    let catalogue = Catalogue::parse(catalogue_files::to_import_into(&args.into)?).map_err(|problems| invalid(&problems))?;
    let today = jiff::Zoned::now().with_time_zone(jiff::tz::TimeZone::UTC).date();
    let as_of = args.as_of.unwrap_or(today);
    if as_of > today {
        return Err(Failure::new(Exit::Usage, format!("`--as-of {as_of}` is a day to come")).hint("give the day of the list").into());
    }
    let import = catalogue.import(&list, &ImportSource { read, as_of });
    if !import.prices.is_empty() && import.prices.iter().all(|price| price.listed.is_none()) {
        let message = format!("{} has none of the prices that the catalogue asks for", args.list.display());
        return Err(Failure::new(Exit::Invalid, message)
            .hint("is it the list of litellm? `list_price` of each offering names its key")
            .into());
    }
    let path = args.into.join(Import::PATH);
    let written = !args.dry_run && std::fs::read_to_string(&path).ok().as_ref() != Some(&import.file);
    if written {
        write(&path, &import.file)?;
    }
    match output {
        Output::Json => output::json(&as_json(&import, &list, written))?,
        Output::Human => print(args, &import, &list, written)?,
    }
    Ok(Exit::Ok)
}

/// The text of the list, and how it was read.
fn read_list(path: &Path) -> anyhow::Result<(String, String)> {
    let missing = || format!("cannot read `{}`", path.display());
    let file = File::open(path).with_context(missing)?;
    let bar = ProgressBar::new(file.metadata().with_context(missing)?.len());
    bar.set_style(ProgressStyle::with_template("reading the list {bar:30} {bytes}/{total_bytes}")?);
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let mut json = String::new();
    let read = if path.extension().is_some_and(|extension| extension == "whl" || extension == "zip") {
        let mut package = zip::ZipArchive::new(file).with_context(|| format!("`{name}` is no package"))?;
        let member = package.by_name(Import::MEMBER).map_err(|_| {
            Failure::new(Exit::Invalid, format!("`{name}` does not hold `{}`", Import::MEMBER))
                .hint("get it with `pip download litellm --no-deps`")
        })?;
        bar.set_length(member.size());
        bar.wrap_read(member).take(LIST_BYTES_MAX).read_to_string(&mut json).with_context(missing)?;
        package_name(&name)
    } else {
        bar.wrap_read(file).take(LIST_BYTES_MAX).read_to_string(&mut json).with_context(missing)?;
        format!("file {name}")
    };
    bar.finish_and_clear();
    Ok((json, read))
}

/// `PyPI litellm 1.109.1`, from `litellm-1.109.1-….whl`.
fn package_name(file: &str) -> String {
    let mut parts = file.split('-');
    match (parts.next(), parts.next()) {
        (Some(name), Some(version)) => format!("PyPI {name} {version}"),
        (Some(_), None) | (None, _) => format!("file {file}"),
    }
}

/// The file appears whole or not at all.
fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let folder = path.parent().context("a file in a folder")?;
    std::fs::create_dir_all(folder).with_context(|| format!("cannot create `{}`", folder.display()))?;
    let scratch = path.with_extension("new");
    std::fs::write(&scratch, text)
        .and_then(|()| std::fs::rename(&scratch, path))
        .inspect_err(|_| _ = std::fs::remove_file(&scratch))
        .with_context(|| format!("cannot write `{}`", path.display()))
}

fn print(args: &Args, import: &Import, list: &PriceList, written: bool) -> anyhow::Result<()> {
    let mut table = Table::new(&["offering", "before", "list", ""]);
    let as_before = |note: ImportNote| matches!(note, ImportNote::Same | ImportNote::HandMadeAgrees);
    let shown: Vec<_> = import.prices.iter().filter(|price| args.all || !as_before(price.note)).collect();
    for price in &shown {
        let dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        let note = match price.note {
            ImportNote::New => styled(GOOD, "new"),
            ImportNote::Changed => styled(NOTE, "changed"),
            ImportNote::Same => styled(FAINT, "same"),
            ImportNote::HandMadeAgrees => styled(FAINT, "made by hand, agrees"),
            ImportNote::HandMadeDiffers => styled(NOTE, "made by hand, stays"),
            ImportNote::OtherCurrency => styled(NOTE, "not taken: the operator bills in another currency"),
            ImportNote::NotListed | ImportNote::Gone => {
                let near = list.nearest(&price.key).map(|near| format!("; is it `{near}`?")).unwrap_or_default();
                let gone = if price.note == ImportNote::Gone { "gone: " } else { "" };
                styled(NOTE, format!("{gone}no price under `{}`{near}", price.key))
            }
        };
        table.row(vec![price.offering.to_string(), dash(&price.before), dash(&price.listed), note]);
    }
    output::data(&if shown.is_empty() { "no price changes".to_owned() } else { table.render(output::width()) })?;
    let count = |note: ImportNote| import.prices.iter().filter(|price| price.note == note).count();
    output::say(&format!(
        "\n{} new, {} changed, {} gone, {} same, {} by hand, {} without a price to take; of {} models in the list the catalogue has {} not",
        count(ImportNote::New),
        count(ImportNote::Changed),
        count(ImportNote::Gone),
        count(ImportNote::Same),
        count(ImportNote::HandMadeAgrees) + count(ImportNote::HandMadeDiffers),
        count(ImportNote::NotListed) + count(ImportNote::OtherCurrency),
        list.len(),
        import.unused,
    ));
    if !import.dearer_when_long.is_empty() {
        output::say(&format!("charging more for long prompts, which the catalogue does not hold: {}", import.dearer_when_long.len()));
    }
    output::say(&match (args.dry_run, written) {
        (true, _) => "nothing written: --dry-run".to_owned(),
        (false, true) => format!("written: every imported price, to {}", args.into.join(Import::PATH).display()),
        (false, false) => "nothing to write".to_owned(),
    });
    Ok(())
}

fn as_json(import: &Import, list: &PriceList, written: bool) -> serde_json::Value {
    let prices = import.prices.iter().map(|price| {
        json!({ "offering": price.offering, "key": price.key, "before": price.before, "listed": price.listed, "note": price.note.name() })
    });
    json!({
        "prices": prices.collect::<Vec<_>>(), "dearer_when_long": import.dearer_when_long, "unused": import.unused,
        "models": list.len(), "written": written,
    })
}
