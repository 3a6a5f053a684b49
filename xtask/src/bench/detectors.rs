//! `cargo xtask bench detectors`: Comity's detectors and Presidio on the same texts, in one run, judged by one scorer; writes
//! `docs/reference/detectors.md`. The page is written only by a run that measured both sides, because ratios of different runs mean nothing.

mod comity;
mod dataset;
mod disguise;
mod labels;
mod measured;
mod page;
mod presidio;
mod score;

use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use clap::ValueEnum;

use crate::project::Project;
use comity::Scanner;
use labels::Labels;
use measured::Measured;

const LABELS: &str = "bench/detectors/labels.toml";
const TEMPLATE: &str = "bench/detectors/page.md";
const PAGE: &str = "docs/reference/detectors.md";
/// Where the data sets are if nothing else is said: beside the repository, relative to its root.
const DATA: &str = "../shared/fixtures/personal-data";

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Folder of the data sets [default: beside the repository]
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// A model that `comity detect train` made from meddocan-train-sample, for the tier `trained` [default: train one now]
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// CPU time for which Comity reads each data set
    #[arg(long, value_name = "SECONDS", default_value_t = 2.0)]
    seconds: f64,
    /// Measure one side only and print what came out; the page stays as it is
    #[arg(long, value_enum, conflicts_with = "presidio")]
    only: Option<Only>,
    /// Take Presidio's findings and times from an earlier run (`bench-detectors/presidio.json` below the target folder), and print the page
    /// instead of writing it
    #[arg(long, value_name = "FILE")]
    presidio: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Only {
    Comity,
    Presidio,
}

pub(crate) fn run(project: &Project, args: &Args) -> anyhow::Result<bool> {
    let labels = project.text(LABELS)?.with_context(|| format!("`{LABELS}` is not UTF-8"))?;
    let labels: Labels = toml::from_str(&labels).with_context(|| format!("`{LABELS}` is not as expected"))?;
    let folder = args.data.clone().unwrap_or_else(|| project.root.join(DATA));
    ensure!(folder.is_dir(), "there is no folder `{}`\nhint: name the folder of the data sets with --data", folder.display());
    let scanner = Scanner::build(project)?;
    let sets = measured::read(&scanner, &folder, &labels)?;
    match args.only {
        Some(Only::Presidio) => {
            measured::presidio(project, &labels, &sets)?;
            eprintln!("wrote bench-detectors/presidio.json below the target folder");
            return Ok(true);
        }
        Some(Only::Comity) => {
            let comity = measured::comity(&scanner, &labels, &sets, args)?;
            print!("{}", page::comity_alone(&comity));
            return Ok(true);
        }
        None => {}
    }
    let presidio = match &args.presidio {
        Some(file) => presidio::read(file)?,
        None => measured::presidio(project, &labels, &sets)?,
    };
    let comity = measured::comity(&scanner, &labels, &sets, args)?;
    let measured = Measured::new(&labels, &sets, comity, &presidio)?;
    let template = project.text(TEMPLATE)?.with_context(|| format!("`{TEMPLATE}` is not UTF-8"))?;
    let page = page::render(&template, &measured)?;
    if args.presidio.is_some() {
        print!("{page}");
    } else {
        std::fs::write(project.root.join(PAGE), page).with_context(|| format!("cannot write `{PAGE}`"))?;
        eprintln!("wrote {PAGE}");
    }
    Ok(true)
}
