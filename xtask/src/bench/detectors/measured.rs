//! Runs both sides on all sets and scores them: everything that the page says in numbers comes from here, and from one run.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};

use super::Args;
use super::comity::{self, Model, Names, Scanner, Tiers};
use super::dataset::{Gold, Set, Text};
use super::disguise::{DISGUISES, Disguise};
use super::labels::{self, Group, Labels, SetSpec};
use super::presidio::{self, Variant};
use super::score::{Score, Tally, real, score};
use crate::project::Project;

/// The set whose values are disguised, and whose first half gives the list of names for the second.
const SYNTH: &str = "presidio-synth-v2";
/// The set that the trained tier reads.
const CLINICAL: &str = "meddocan-dev";

/// All texts.
pub(super) struct Sets<'a> {
    folder: PathBuf,
    plain: Vec<(Set, &'a SetSpec)>,
    /// Of the first set's values.
    disguised: Vec<(&'static Disguise, Set)>,
    synth: &'a SetSpec,
    second_half: Set,
    names: Vec<Names>,
}

/// One side on one set.
pub(super) struct Side {
    pub(super) score: Score,
    cpu_seconds: f64,
    characters: usize,
    bytes: usize,
}

/// Comity's side of all that is measured.
pub(super) struct ComitySide {
    /// In the order of the sets.
    pub(super) patterns: Vec<(String, Side)>,
    pub(super) disguised: Vec<(&'static str, Tally)>,
    pub(super) gazetteer: Option<Gazetteer>,
    pub(super) trained: Option<Trained>,
}

/// A model, read on texts of the kind that it was trained on.
pub(super) struct Trained {
    pub(super) side: Side,
    /// CPU time of training, if this run did it.
    pub(super) train_seconds: Option<f64>,
}

/// A list of the names of one half, read on the other.
pub(super) struct Gazetteer {
    pub(super) listed: usize,
    /// The names of the second half that are on the list.
    pub(super) known: Tally,
    pub(super) without: Side,
    pub(super) with: Side,
}

/// One data set, both sides.
pub(super) struct MeasuredSet {
    pub(super) name: String,
    pub(super) language: String,
    pub(super) texts: usize,
    pub(super) characters: usize,
    pub(super) entities: usize,
    pub(super) comity: Side,
    pub(super) defaults: Side,
    pub(super) everything: Side,
    pub(super) patterns: Side,
}

pub(super) struct Measured {
    pub(super) threshold: f64,
    pub(super) sets: Vec<MeasuredSet>,
    /// Title, Comity's tally, Presidio's.
    pub(super) disguised: Vec<(&'static str, Tally, Tally)>,
    pub(super) gazetteer: Option<Gazetteer>,
    pub(super) trained: Option<Trained>,
    pub(super) versions: Vec<(String, String)>,
    /// Of Presidio as installed, and with everything, for English.
    pub(super) recognisers: (usize, usize),
}

pub(super) fn read<'a>(scanner: &Scanner, folder: &Path, labels: &'a Labels) -> anyhow::Result<Sets<'a>> {
    let plain: Vec<_> = scanner.read(folder, &labels.set)?.into_iter().zip(&labels.set).collect();
    let (synth, spec) = plain.iter().find(|(set, _)| set.name == SYNTH).with_context(|| format!("labels.toml has no `{SYNTH}`"))?;
    let disguised = DISGUISES.iter().map(|disguise| (disguise, disguise.of(synth, spec))).collect();
    let (first, second) = synth.texts.split_at(synth.texts.len() / 2);
    let half = |texts: &[_], name| Set { name: format!("{SYNTH}, {name} half"), language: synth.language.clone(), texts: texts.to_vec() };
    let (names, second_half, spec) = (names(&half(first, "first"), spec), half(second, "second"), *spec);
    Ok(Sets { folder: folder.to_owned(), plain, disguised, synth: spec, second_half, names })
}

/// The values of all rows that go into a gazetteer, by kind.
fn names(set: &Set, spec: &SetSpec) -> Vec<Names> {
    let mut lists = Vec::new();
    for row in &spec.row {
        let Some(kind) = &row.gazetteer else { continue };
        let of_row = |text: &Text| {
            let gold = text.gold.iter().filter(|gold| row.labels.contains(&gold.label));
            gold.map(|gold| text.value(gold)).collect::<Vec<_>>()
        };
        let values: BTreeSet<String> = set.texts.iter().flat_map(of_row).collect();
        lists.push(Names { kind: kind.clone(), names: values.into_iter().collect() });
    }
    lists
}

// === Sides ===

pub(super) fn presidio(project: &Project, labels: &Labels, sets: &Sets<'_>) -> anyhow::Result<presidio::Report> {
    let all: &[Variant] = &[Variant::Defaults, Variant::Everything, Variant::Patterns];
    let most: &[Variant] = &[Variant::Everything];
    let plain = sets.plain.iter().map(|(set, _)| (set, all));
    let disguised = sets.disguised.iter().map(|(_, set)| (set, most));
    presidio::scan(project, labels.presidio_threshold, &plain.chain(disguised).collect::<Vec<_>>())
}

pub(super) fn comity(scanner: &Scanner, labels: &Labels, sets: &Sets<'_>, args: &Args) -> anyhow::Result<ComitySide> {
    eprintln!("Comity, patterns");
    let plain: Vec<&Set> = sets.plain.iter().map(|(set, _)| set).chain([&sets.second_half]).collect();
    let report = scanner.scan(&plain, &Tiers::default(), args.seconds)?;
    for name in labels.unknown(&report.kinds) {
        eprintln!("warning: labels.toml names the kind `{name}`, which the detectors do not know");
    }
    let patterns = sets.plain.iter().map(|(set, spec)| Ok((set.name.clone(), side(&report, set, spec)?)));
    let patterns = patterns.collect::<anyhow::Result<Vec<_>>>()?;
    let disguised: Vec<&Set> = sets.disguised.iter().map(|(_, set)| set).collect();
    let seen = scanner.scan(&disguised, &Tiers::default(), 0.0)?;
    let disguised = sets.disguised.iter().map(|(disguise, set)| Ok((disguise.title, side(&seen, set, sets.synth)?.structured())));
    let disguised = disguised.collect::<anyhow::Result<Vec<_>>>()?;
    let gazetteer = report.has("gazetteer").then(|| gazetteer(scanner, sets, &report, args.seconds)).transpose()?;
    let trained = report.has("trained").then(|| trained(scanner, sets, args)).transpose()?;
    Ok(ComitySide { patterns, disguised, gazetteer, trained })
}

fn gazetteer(scanner: &Scanner, sets: &Sets<'_>, patterns: &comity::Report, seconds: f64) -> anyhow::Result<Gazetteer> {
    eprintln!("Comity, gazetteer");
    let listed: BTreeSet<&String> = sets.names.iter().flat_map(|list| &list.names).collect();
    // The same texts, marked with the names that are on the list and no others.
    let mut known = sets.second_half.texts.clone();
    for text in &mut known {
        let mut gold = std::mem::take(&mut text.gold);
        let listable = |gold: &Gold| sets.synth.row_of(&gold.label).is_some_and(|row| row.gazetteer.is_some());
        gold.retain(|gold| listable(gold) && listed.contains(&text.value(gold)));
        text.gold = gold;
    }
    let tiers = Tiers { names: sets.names.clone(), model: None };
    let report = scanner.scan(&[&sets.second_half], &tiers, seconds)?;
    let found = report.run(&sets.second_half.name)?.findings(&sets.second_half);
    Ok(Gazetteer {
        listed: listed.len(),
        known: score(sets.synth, labels::Side::Comity, &known, &found).all(),
        without: side(patterns, &sets.second_half, sets.synth)?,
        with: side(&report, &sets.second_half, sets.synth)?,
    })
}

fn trained(scanner: &Scanner, sets: &Sets<'_>, args: &Args) -> anyhow::Result<Trained> {
    eprintln!("Comity, trained");
    let (set, spec) =
        sets.plain.iter().find(|(set, _)| set.name == CLINICAL).with_context(|| format!("labels.toml has no `{CLINICAL}`"))?;
    let texts = || Some(sets.folder.join(spec.train.as_ref()?));
    let model = match &args.model {
        Some(file) => Model::File(file.clone()),
        None => Model::Train(texts().with_context(|| format!("labels.toml has no `train` for `{CLINICAL}`"))?, set.language.clone()),
    };
    let report = scanner.scan(&[set], &Tiers { names: Vec::new(), model: Some(model) }, args.seconds)?;
    Ok(Trained { side: side(&report, set, spec)?, train_seconds: report.train_seconds })
}

fn side(report: &comity::Report, set: &Set, spec: &SetSpec) -> anyhow::Result<Side> {
    let run = report.run(&set.name)?;
    let score = score(spec, labels::Side::Comity, &set.texts, &run.findings(set));
    Ok(Side { score, cpu_seconds: run.cpu_seconds, characters: set.characters(), bytes: set.bytes() })
}

fn presidio_side(run: &presidio::Run, set: &Set, spec: &SetSpec) -> Side {
    let score = score(spec, labels::Side::Presidio, &set.texts, &run.findings());
    Side { score, cpu_seconds: run.cpu_seconds, characters: set.characters(), bytes: set.bytes() }
}

// === impl Measured ===

impl Measured {
    pub(super) fn new(labels: &Labels, sets: &Sets<'_>, comity: ComitySide, presidio: &presidio::Report) -> anyhow::Result<Measured> {
        let ComitySide { patterns, disguised, gazetteer, trained } = comity;
        ensure!(patterns.len() == sets.plain.len() && disguised.len() == sets.disguised.len(), "a set was not measured");
        let mut measured = Vec::new();
        for ((set, spec), (_, comity)) in sets.plain.iter().zip(patterns) {
            let of = |variant| Ok::<_, anyhow::Error>(presidio_side(presidio.run(set, variant)?, set, spec));
            measured.push(MeasuredSet {
                name: set.name.clone(),
                language: set.language.clone(),
                texts: set.texts.len(),
                characters: set.characters(),
                entities: comity.score.all().entities,
                comity,
                defaults: of(Variant::Defaults)?,
                everything: of(Variant::Everything)?,
                patterns: of(Variant::Patterns)?,
            });
        }
        let mut both = Vec::new();
        for ((title, ours), (_, set)) in disguised.into_iter().zip(&sets.disguised) {
            let theirs = presidio_side(presidio.run(set, Variant::Everything)?, set, sets.synth).structured();
            both.push((title, ours, theirs));
        }
        let (synth, _) = sets.plain.first().context("no set")?;
        let recognisers = (presidio.run(synth, Variant::Defaults)?.recognisers, presidio.run(synth, Variant::Everything)?.recognisers);
        let mut versions: Vec<_> = presidio.versions.iter().map(|(name, version)| (name.clone(), version.clone())).collect();
        versions.push(("Python".to_owned(), presidio.python.clone()));
        let threshold = labels.presidio_threshold;
        Ok(Measured { threshold, sets: measured, disguised: both, gazetteer, trained, versions, recognisers })
    }

    pub(super) fn set(&self, name: &str) -> anyhow::Result<&MeasuredSet> {
        self.sets.iter().find(|set| set.name == name).with_context(|| format!("`{name}` was not measured"))
    }

    pub(super) fn synth(&self) -> anyhow::Result<&MeasuredSet> {
        self.set(SYNTH)
    }

    pub(super) fn clinical(&self) -> anyhow::Result<&MeasuredSet> {
        self.set(CLINICAL)
    }
}

// === impl Side ===

impl Side {
    pub(super) fn structured(&self) -> Tally {
        self.score.group(Group::Structured)
    }

    /// Milliseconds of CPU time for 1,000 characters.
    pub(super) fn ms_per_1000(&self) -> f64 {
        self.cpu_seconds * 1e6 / real(self.characters)
    }

    /// 10^6 bytes of UTF-8 in a second of CPU time.
    pub(super) fn mb_per_second(&self) -> f64 {
        real(self.bytes) / 1e6 / self.cpu_seconds
    }

    /// How many times faster than another on the same set.
    pub(super) fn times(&self, slower: &Side) -> f64 {
        slower.cpu_seconds / self.cpu_seconds
    }
}
