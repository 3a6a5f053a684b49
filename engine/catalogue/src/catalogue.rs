//! A whole catalogue: read from its files, checked, and asked for the world of an instant.
//!
//! It loads whole or not at all, and it never changes: a new generation is a new catalogue with a digest of its own.

use std::collections::{BTreeMap, BTreeSet};

use comity_vocab::{Currency, Digest, Instant, OfferingId};

use crate::bloc::{self, Blocs};
use crate::derive::{self, Members};
use crate::import::Import;
use crate::law::{self, Laws};
use crate::lists::Lists;
use crate::names::Names;
use crate::offering::{Around, Draft, Entry};
use crate::problem::{Problem, Severity};
use crate::provenance::start_of;
use crate::reader::Reader;
use crate::region::Regions;
use crate::statement::{self, Known};
use crate::world::World;

/// One file of a catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Relative, with `/`; used in messages and in the digest.
    pub path: String,
    /// TOML.
    pub text: String,
}

// === impl SourceFile ===

impl SourceFile {
    /// Whether an import wrote it: its path says so.
    #[must_use]
    pub fn is_imported(&self) -> bool {
        self.path.ends_with(Import::PATH)
    }
}

/// Facts about offerings, checked. Shared by `Arc`; reading it is cheap except for [`Catalogue::at`], which builds a world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Catalogue {
    pub(crate) files: Vec<SourceFile>,
    digest: Digest,
    warnings: Vec<Problem>,
    pub(crate) lists: Lists,
    pub(crate) blocs: Blocs,
    pub(crate) laws: Laws,
    pub(crate) names: Names,
    /// The currency of operators that do not bill in dollars.
    pub(crate) bills_in: BTreeMap<String, Currency>,
    pub(crate) offerings: BTreeMap<OfferingId, Entry>,
    /// Every instant at which something changes, sorted.
    boundaries: Vec<Instant>,
}

const DIGEST_DOMAIN: &str = "comity catalogue v1";
const TABLES: [&str; 12] = [
    "bloc",
    "certifications",
    "developer",
    "jurisdictions",
    "law",
    "mistaken",
    "model",
    "offering",
    "operator",
    "place",
    "regions",
    "transfers",
];

// === impl Catalogue ===

impl Catalogue {
    /// Reads and checks files; of two files the later adds to the earlier and overrides it, fact by fact.
    ///
    /// # Errors
    /// Every error and every warning of every file, in the order of files and lines.
    pub fn parse(files: Vec<SourceFile>) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let Read { lists, names, regions, blocs, laws, mut draft } = read(&files, &mut problems);
        let bills_in = std::mem::take(&mut draft.bills_in);
        let around = Around { names: &names, regions: &regions, files: &files };
        let offerings = draft.assemble(&around, &mut problems);
        sort(&mut problems, &files);
        if problems.iter().any(|problem| problem.severity == Severity::Error) {
            return Err(problems);
        }
        let boundaries = boundaries(&blocs, &offerings);
        let digest = digest(&files);
        Ok(Self { files, digest, warnings: problems, lists, blocs, laws, names, bills_in, offerings, boundaries })
    }

    /// What a person should look at although the catalogue loads.
    #[must_use]
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }

    /// Of the paths and texts of all files, in their order.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// The files, from which [`Catalogue::parse`] makes the same catalogue again.
    #[must_use]
    pub fn files(&self) -> &[SourceFile] {
        &self.files
    }

    /// What holds at an instant: expired facts are unknown, and blocs have the members of the day.
    #[must_use]
    pub fn at(&self, instant: Instant) -> World {
        let next = self.boundaries.partition_point(|boundary| *boundary <= instant);
        let last = next.checked_sub(1).and_then(|last| self.boundaries.get(last));
        let members: Members = self.blocs.iter().map(|(id, bloc)| (id.clone(), bloc.at(instant))).collect();
        let offering = |(id, entry): (&OfferingId, &Entry)| (id.clone(), derive::offering(id, entry, &members, instant));
        let offerings = self.offerings.iter().map(offering).collect();
        World {
            valid_from: last.copied().unwrap_or(Instant::MIN),
            valid_until: self.boundaries.get(next).copied().unwrap_or(Instant::MAX),
            jurisdictions: self.lists.jurisdictions.keys().copied().collect(),
            mistaken: self.lists.mistaken.clone(),
            certifications: self.lists.certifications.keys().cloned().collect(),
            transfers: self.lists.transfers.keys().cloned().collect(),
            offerings,
            blocs: members.into_iter().map(|(id, members)| (id, members.always)).collect(),
        }
    }

    /// Every offering, sorted.
    pub fn offering_ids(&self) -> impl Iterator<Item = &OfferingId> {
        self.offerings.keys()
    }

    /// Id and name of every operator.
    pub fn operators(&self) -> impl Iterator<Item = (&str, &str)> {
        self.names.operators.iter().map(|(id, name)| (id.as_str(), name.as_str()))
    }

    /// Every name that `certificate` may have, with its title.
    pub fn certifications(&self) -> impl Iterator<Item = (&str, &str)> {
        self.lists.certifications.iter().map(|(name, title)| (name.as_str(), title.as_str()))
    }

    /// Every word that `transfer` may hold, with its title.
    pub fn transfers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.lists.transfers.iter().map(|(name, title)| (name.as_str(), title.as_str()))
    }
}

/// What all files say.
#[derive(Default)]
struct Read {
    lists: Lists,
    names: Names,
    regions: Regions,
    blocs: Blocs,
    laws: Laws,
    draft: Draft,
}

/// Lists and names first, since facts are checked against those of all files, also of later ones.
fn read(files: &[SourceFile], problems: &mut Vec<Problem>) -> Read {
    let mut read = Read::default();
    let mut parsed = Vec::new();
    for (at, file) in files.iter().enumerate() {
        let mut reader = Reader::new(at, file, problems);
        let tables = reader.tables();
        reader.only(&tables, "a catalogue file", &TABLES);
        read.lists.read(&mut reader, &tables);
        read.names.read(&tables);
        parsed.push((at, file, tables));
    }
    if read.lists.jurisdictions.is_empty() {
        problems.push(no_jurisdictions());
        return read;
    }
    // Whatever a person wrote counts over what was imported, wherever the file lies.
    parsed.sort_by_key(|(_, file, _)| !file.is_imported());
    for (at, file, tables) in &parsed {
        let mut reader = Reader::new(*at, file, problems);
        read.regions.read(&read.lists, &mut reader, tables);
        bloc::read(&mut read.blocs, &read.lists, &mut reader, tables);
        law::read(&mut read.laws, &read.lists, &mut reader, tables);
        statement::read(&mut read.draft, Known { lists: &read.lists, names: &read.names }, &mut reader, tables);
    }
    read
}

fn no_jurisdictions() -> Problem {
    Problem {
        path: "catalogue".to_owned(),
        line: None,
        column: None,
        message: "no file lists the jurisdictions".to_owned(),
        hint: Some("load the shipped catalogue first, then your own folder".to_owned()),
        severity: Severity::Error,
    }
}

fn sort(problems: &mut [Problem], files: &[SourceFile]) {
    let rank = |problem: &Problem| files.iter().position(|file| file.path == problem.path);
    problems.sort_by_cached_key(|problem| (rank(problem), problem.clone()));
}

fn digest(files: &[SourceFile]) -> Digest {
    let parts: Vec<&[u8]> = files.iter().flat_map(|file| [file.path.as_bytes(), file.text.as_bytes()]).collect();
    Digest::of(DIGEST_DOMAIN, &parts)
}

/// Every instant at which a fact that counts expires or a bloc changes.
fn boundaries(blocs: &Blocs, offerings: &BTreeMap<OfferingId, Entry>) -> Vec<Instant> {
    let counting = offerings.values().flat_map(|entry| entry.facts.values()).filter_map(|facts| facts.last());
    let expiries = counting.filter_map(|fact| fact.provenance.expires).map(start_of);
    let changes = blocs.values().flat_map(bloc::Bloc::changes);
    let all: BTreeSet<_> = expiries.chain(changes).filter(|at| *at != Instant::MAX).collect();
    all.into_iter().collect()
}
