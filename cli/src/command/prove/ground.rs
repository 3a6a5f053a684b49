//! What is proved about: the terms, the catalogue and the day, read as the other commands read them, and every name in them looked up.
//!
//! A name that the catalogue does not know is refused here: over it, anything could be "proved".

use std::collections::BTreeSet;
use std::sync::Arc;

use comity_catalogue::{Catalogue, World};
use comity_decide::{UnknownName, unknown_names};
use comity_prove::{Given, Property, Subject, Wish};
use comity_terms::{Pack, Terms};
use comity_vocab::{Instant, Jurisdiction};

use super::{Asked, EqualTreatment, Pair, Shared, Treatment, usage};
use crate::catalogue_files;
use crate::clock;
use crate::command::catalogue;
use crate::command::terms::{settings, source};
use crate::config;
use crate::exit::{Exit, Failure};
use crate::place;

/// Terms where nothing names any.
const TERMS_DEFAULT: &str = "uk-public";
/// The parameter that says whose terms they are.
const HOME: &str = "home";

/// All of it.
pub(crate) struct Ground {
    pub(crate) subject: Subject,
    world: Arc<World>,
}

/// `cbpr-collective@JP`
#[derive(Debug, Clone)]
pub(crate) struct NationTerms {
    terms: String,
    nation: String,
}

/// Reads `terms@jurisdiction`.
pub(super) fn nation_terms(text: &str) -> Result<NationTerms, String> {
    let parts = text.rsplit_once('@').filter(|(terms, nation)| !terms.is_empty() && !nation.is_empty());
    let (terms, nation) = parts.ok_or_else(|| "write terms and their nation in two letters, as `cbpr-collective@JP`".to_owned())?;
    Ok(NationTerms { terms: terms.to_owned(), nation: nation.to_owned() })
}

// === impl Ground ===

impl Ground {
    pub(super) fn read(shared: &Shared, asked: &Asked) -> anyhow::Result<Self> {
        let instant = shared.at.unwrap_or_else(clock::now);
        let (terms, catalogue) = match (asked.pair(), &shared.terms) {
            (Some(_), Some(_)) => return Err(usage("two terms are named, and `--terms` names others", "leave out `--terms`")),
            (Some(sides), None) => (sides_of(&sides, shared)?, shipped(shared)?),
            (None, Some(named)) => (vec![one(named, shared)?], shipped(shared)?),
            (None, None) => configured(shared)?,
        };
        Self::new(terms, catalogue, instant)
    }

    /// With every name looked up.
    pub(crate) fn new(terms: Vec<Terms>, catalogue: Catalogue, instant: Instant) -> anyhow::Result<Self> {
        let world = Arc::new(catalogue.at(instant));
        for terms in &terms {
            known(terms, &world)?;
        }
        let subject =
            Subject { terms: terms.into_iter().map(Arc::new).collect(), catalogue: Arc::new(catalogue), instant, at: clock::date(instant) };
        Ok(Self { subject, world })
    }

    fn jurisdiction(&self, text: &str) -> anyhow::Result<Jurisdiction> {
        let code = text.trim().parse::<Jurisdiction>().ok().filter(|code| self.world.jurisdictions.contains(code));
        code.ok_or_else(|| {
            let meant = self.world.mistaken.get(&text.trim().to_uppercase()).map(ToString::to_string);
            let upper = text.trim().to_uppercase().parse::<Jurisdiction>().ok().filter(|code| self.world.jurisdictions.contains(code));
            let hint = meant.or_else(|| upper.map(|code| code.to_string())).map_or_else(
                || "write a country as its two letters in ISO 3166-1, for example `US`".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            Failure::new(Exit::Invalid, format!("unknown jurisdiction `{}`", text.trim())).hint(hint).into()
        })
    }

    fn wish(&self, condition: &str) -> anyhow::Result<Wish> {
        let wish = Wish::parse(condition).map_err(|problem| {
            let hint = problem.hint.as_deref().unwrap_or("write what would stand between the braces of a term's `when { … }`");
            Failure::new(Exit::Invalid, problem.to_string()).hint(hint)
        })?;
        // It stands in no term: the names are those of the condition.
        let own = |name| UnknownName { term: None, ..name };
        match unknown_names(wish.terms(), &self.world).into_iter().map(own).collect::<Vec<_>>() {
            unknown if unknown.is_empty() => Ok(wish),
            unknown => Err(source::unknown_names_in("the condition names", unknown).into()),
        }
    }
}

/// What the terms of each side are, with `--set` for all, and for mutual recognition the nation as `home`.
fn sides_of(sides: &[(&str, Option<&str>); 2], shared: &Shared) -> anyhow::Result<Vec<Terms>> {
    let packs = sides.map(|(named, _)| source::all_packs(named));
    let packs: Vec<Vec<Pack>> = packs.into_iter().collect::<anyhow::Result<_>>()?;
    settings::check(&packs.concat(), &shared.set)?;
    let own_home = shared.set.iter().any(|(name, _)| name == HOME);
    let each = packs.iter().zip(sides).map(|(packs, (_, nation))| {
        let home = nation.filter(|_| !own_home).map(|nation| (HOME.to_owned(), nation.to_owned()));
        let set: Vec<_> = shared.set.iter().cloned().chain(home).collect();
        source::load(settings::filled(packs, &set)?)
    });
    each.collect()
}

fn one(named: &str, shared: &Shared) -> anyhow::Result<Terms> {
    let packs = source::all_packs(named)?;
    settings::check(&packs, &shared.set)?;
    source::load(settings::filled(&packs, &shared.set)?)
}

fn shipped(shared: &Shared) -> anyhow::Result<Catalogue> {
    let files = catalogue_files::over_shipped(shared.folder.as_deref())?;
    Ok(Catalogue::parse(files).map_err(|problems| catalogue::invalid(&problems))?)
}

/// What the gateway here is told to use; the default pack where there is none.
fn configured(shared: &Shared) -> anyhow::Result<(Vec<Terms>, Catalogue)> {
    let Some(path) = place::found_config()? else { return Ok((vec![one(TERMS_DEFAULT, shared)?], shipped(shared)?)) };
    if !shared.set.is_empty() {
        let message = format!("`--set` is for terms that `--terms` names, and these are those of `{}`", path.display());
        return Err(usage(message, "name the terms with `--terms`, or change the file"));
    }
    let (terms, catalogue) = config::load(&path)?.terms_and_catalogue().map_err(|problems| config::failure(&problems))?;
    Ok((vec![terms], if shared.folder.is_some() { shipped(shared)? } else { catalogue }))
}

fn known(terms: &Terms, world: &World) -> anyhow::Result<()> {
    let unknown = unknown_names(terms, world);
    if unknown.is_empty() { Ok(()) } else { Err(source::unknown_names(unknown).into()) }
}

// === impl Asked ===

impl Asked {
    /// The two terms that it names, each perhaps with its nation.
    fn pair(&self) -> Option<[(&str, Option<&str>); 2]> {
        match self {
            Self::Implies(Pair { one, other }) | Self::Equivalent(Pair { one, other }) | Self::Diff(Pair { one, other }) => {
                Some([(one, None), (other, None)])
            }
            Self::Recognise { one, other } => Some([one, other].map(|side| (side.terms.as_str(), Some(side.nation.as_str())))),
            Self::Errors
            | Self::Vacuous
            | Self::Redundant
            | Self::Shadowed
            | Self::Complete
            | Self::Never { .. }
            | Self::EqualTreatment(_)
            | Self::Monotone
            | Self::OtherMeans
            | Self::Survives { .. }
            | Self::All => None,
        }
    }

    /// What is to be proved.
    pub(super) fn properties(&self, ground: &Ground) -> anyhow::Result<Vec<Property>> {
        let property = match self {
            Self::Errors => Property::Errors,
            Self::Vacuous => Property::Vacuous,
            Self::Redundant => Property::Redundant,
            Self::Shadowed => Property::Shadowed,
            Self::Complete => Property::Complete,
            Self::Implies(_) => Property::Implies,
            Self::Equivalent(_) => Property::Equivalent,
            Self::Diff(_) => Property::Diff,
            Self::Never { condition } => Property::Never(ground.wish(condition)?),
            Self::EqualTreatment(asked) => asked.property()?,
            Self::Monotone => Property::Monotone,
            Self::OtherMeans => Property::OtherMeans,
            Self::Recognise { one, other } => Property::Recognise([ground.jurisdiction(&one.nation)?, ground.jurisdiction(&other.nation)?]),
            Self::Survives { without } => {
                let codes = without.iter().map(|code| ground.jurisdiction(code));
                Property::Survives(codes.collect::<anyhow::Result<BTreeSet<_>>>()?)
            }
            Self::All => return Ok(without_arguments()),
        };
        Ok(vec![property])
    }
}

/// Every property that needs no argument.
fn without_arguments() -> Vec<Property> {
    vec![
        Property::Errors,
        Property::Vacuous,
        Property::Redundant,
        Property::Shadowed,
        Property::Complete,
        Property::Monotone,
        Property::OtherMeans,
        Property::EqualTreatment(Given::default()),
        Property::EqualPreference(Given::default()),
    ]
}

// === impl EqualTreatment ===

impl EqualTreatment {
    fn property(&self) -> anyhow::Result<Property> {
        let trimmed = |facts: &[String]| facts.iter().map(|fact| fact.trim().to_owned()).collect::<Vec<_>>();
        let given = Given::new(&trimmed(&self.given), &trimmed(&self.ignore));
        let given = given.map_err(|unknown| {
            let text = unknown.to_string();
            match text.split_once(": ") {
                Some((message, hint)) => usage(message, hint),
                None => usage(text, "run `comity prove equal-treatment --help`"),
            }
        })?;
        Ok(match self.action {
            Treatment::Admit => Property::EqualTreatment(given),
            Treatment::Prefer => Property::EqualPreference(given),
        })
    }
}
