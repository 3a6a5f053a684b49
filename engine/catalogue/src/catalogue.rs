//! A whole catalogue: read from its files, checked, and asked for the world of an instant.
//!
//! It loads whole or not at all, and it never changes: a new generation is a new catalogue with a digest of its own.

use std::collections::{BTreeMap, BTreeSet};

use comity_vocab::{Digest, Instant, OfferingId, Strength};

use crate::bloc::{self, Blocs};
use crate::derive::{self, Members};
use crate::fact::Fact;
use crate::lists::Lists;
use crate::offering::{Draft, Entry};
use crate::problem::{Problem, Severity};
use crate::provenance::start_of;
use crate::reader::Reader;
use crate::value::Value;
use crate::view::FactView;
use crate::world::World;

/// One file of a catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Relative, with `/`; used in messages and in the digest.
    pub path: String,
    /// TOML.
    pub text: String,
}

/// Facts about offerings, checked. Shared by `Arc`; reading it is cheap except for [`Catalogue::at`], which builds a world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Catalogue {
    files: Vec<SourceFile>,
    digest: Digest,
    warnings: Vec<Problem>,
    lists: Lists,
    blocs: Blocs,
    operators: BTreeMap<String, String>,
    offerings: BTreeMap<OfferingId, Entry>,
    /// Every instant at which something changes, sorted.
    boundaries: Vec<Instant>,
}

const DIGEST_DOMAIN: &str = "comity catalogue v1";
const TABLES: [&str; 7] = ["bloc", "certifications", "jurisdictions", "mistaken", "offering", "operator", "transfers"];

// === impl Catalogue ===

impl Catalogue {
    /// Reads and checks files; of two files the later adds to the earlier and overrides it, fact by fact.
    ///
    /// # Errors
    /// Every error and every warning of every file, in the order of files and lines.
    pub fn parse(files: Vec<SourceFile>) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let read = read(&files, &mut problems);
        sort(&mut problems, &files);
        if problems.iter().any(|problem| problem.severity == Severity::Error) {
            return Err(problems);
        }
        let Read { lists, blocs, draft } = read;
        let assembled = draft.assemble();
        let boundaries = boundaries(&blocs, &assembled.offerings);
        let digest = digest(&files);
        let (operators, offerings) = (assembled.operators, assembled.offerings);
        Ok(Self { files, digest, warnings: problems, lists, blocs, operators, offerings, boundaries })
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
        let blocs: Members = self.blocs.iter().map(|(id, bloc)| (id.clone(), bloc.at(instant))).collect();
        let offering = |(id, entry): (&OfferingId, &Entry)| (id.clone(), derive::offering(id, entry, &blocs, instant));
        World {
            valid_from: last.copied().unwrap_or(Instant::MIN),
            valid_until: self.boundaries.get(next).copied().unwrap_or(Instant::MAX),
            jurisdictions: self.lists.jurisdictions.keys().copied().collect(),
            mistaken: self.lists.mistaken.clone(),
            offerings: self.offerings.iter().map(offering).collect(),
            blocs,
        }
    }

    /// Every offering, sorted.
    pub fn offering_ids(&self) -> impl Iterator<Item = &OfferingId> {
        self.offerings.keys()
    }

    /// Everything that any file says of an offering, by name; of facts with one name the one that counts comes first. Nothing if there is
    /// no such offering.
    #[must_use]
    pub fn facts(&self, id: &OfferingId) -> Option<Vec<FactView>> {
        let entry = self.offerings.get(id)?;
        let views = entry.facts.iter().flat_map(|(name, facts)| {
            let ranked = facts.iter().rev().enumerate();
            ranked.map(|(rank, fact)| self.view(name.to_string(), fact, rank > 0))
        });
        Some(views.collect())
    }

    /// Id and name of every operator.
    pub fn operators(&self) -> impl Iterator<Item = (&str, &str)> {
        self.operators.iter().map(|(id, name)| (id.as_str(), name.as_str()))
    }

    /// Every name that `certificate` may have, with its title.
    pub fn certifications(&self) -> impl Iterator<Item = (&str, &str)> {
        self.lists.certifications.iter().map(|(name, title)| (name.as_str(), title.as_str()))
    }

    /// Every word that `transfer` may hold, with its title.
    pub fn transfers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.lists.transfers.iter().map(|(name, title)| (name.as_str(), title.as_str()))
    }

    fn view(&self, name: String, fact: &Fact, overridden: bool) -> FactView {
        let provenance = &fact.provenance;
        let known = fact.value != Value::Unknown;
        let strength = if known { provenance.strength() } else { Strength::Unknown };
        FactView {
            name,
            value: fact.value.to_string(),
            source: provenance.source.clone().unwrap_or_default(),
            read: provenance.read.clone(),
            as_of: provenance.as_of.map(|day| day.to_string()),
            strength,
            stated_strength: provenance.stated.filter(|stated| known && *stated > strength),
            expires: provenance.expires.map(|day| day.to_string()),
            file: self.files.get(fact.file).map(|file| file.path.clone()).unwrap_or_default(),
            line: fact.line,
            overridden,
        }
    }
}

/// What all files say.
#[derive(Default)]
struct Read {
    lists: Lists,
    blocs: Blocs,
    draft: Draft,
}

/// The lists first, since facts are checked against those of all files, also of later ones.
fn read(files: &[SourceFile], problems: &mut Vec<Problem>) -> Read {
    let mut read = Read::default();
    let mut parsed = Vec::new();
    for (at, file) in files.iter().enumerate() {
        let mut reader = Reader::new(at, file, problems);
        let tables = reader.tables();
        reader.only(&tables, "a catalogue file", &TABLES);
        read.lists.read(&mut reader, &tables);
        parsed.push((at, file, tables));
    }
    if read.lists.jurisdictions.is_empty() {
        problems.push(no_jurisdictions());
        return read;
    }
    for (at, file, tables) in &parsed {
        let mut reader = Reader::new(*at, file, problems);
        bloc::read(&mut read.blocs, &read.lists, &mut reader, tables);
        read.draft.read(&read.lists, &mut reader, tables);
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
