//! Which offerings a list shows: what they are asked to be, all at once. An unknown fact meets no demand.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;

use comity_catalogue::Catalogue;
use comity_decide::{DataClass, Engine, Verdict, survey, unknown_names};
use comity_vocab::{Instant, Jurisdiction, MeansSet, Offering, OfferingId, Places, Scale, Surface};

use crate::command::terms::source;

/// What offerings must be.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Only offerings")]
pub(super) struct Filter {
    /// Processed in this country, or in several of which it is one
    #[arg(long, value_name = "CODE")]
    country: Option<Jurisdiction>,
    /// Whose operator is established here
    #[arg(long, value_name = "CODE")]
    operator: Option<Jurisdiction>,
    /// Whose operator's ultimate parent is established here
    #[arg(long, value_name = "CODE")]
    control: Option<Jurisdiction>,
    /// Whose model was trained by a developer from here
    #[arg(long, value_name = "CODE")]
    developer: Option<Jurisdiction>,
    /// Into whose reach they do not come: no authority of this country can compel access, as far as is known
    #[arg(long, value_name = "CODE")]
    not_compellable_by: Option<Jurisdiction>,
    /// Processed only within this bloc
    #[arg(long, value_name = "BLOC")]
    within: Option<String>,
    /// That serve this
    #[arg(long, value_name = "SURFACE")]
    surface: Option<SurfaceName>,
    /// Whose id contains this text
    #[arg(long, value_name = "TEXT")]
    named: Option<String>,
    /// With this certification, by contract or audit
    #[arg(long, value_name = "NAME")]
    certified: Option<String>,
    /// Whose weights anyone may run
    #[arg(long)]
    open_weights: bool,
    /// That terms permit for such data, by whatever means they need: `personal under eu-gdpr`; several layers with commas
    #[arg(long, value_name = "CLASS under TERMS")]
    serves: Option<Serves>,
    #[command(flatten)]
    levels: Levels,
}

/// At least this level on each scale.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "At least this level (see docs/reference/catalogue.md)")]
struct Levels {
    #[arg(long, value_name = "0-4", value_parser = clap::value_parser!(u8).range(0..=4))]
    attestation: Option<u8>,
    #[arg(long, value_name = "0-3", value_parser = clap::value_parser!(u8).range(0..=3))]
    key_custody: Option<u8>,
    #[arg(long, value_name = "0-3", value_parser = clap::value_parser!(u8).range(0..=3))]
    operator_access: Option<u8>,
    #[arg(long, value_name = "0-3", value_parser = clap::value_parser!(u8).range(0..=3))]
    retention: Option<u8>,
    #[arg(long, value_name = "0-3", value_parser = clap::value_parser!(u8).range(0..=3))]
    training: Option<u8>,
    #[arg(long, value_name = "0-3", value_parser = clap::value_parser!(u8).range(0..=3))]
    possession: Option<u8>,
    #[arg(long, value_name = "0-3", value_parser = clap::value_parser!(u8).range(0..=3))]
    exit: Option<u8>,
    #[arg(long, value_name = "0-4", value_parser = clap::value_parser!(u8).range(0..=4))]
    seal: Option<u8>,
    #[arg(long, value_name = "0-4", value_parser = clap::value_parser!(u8).range(0..=4))]
    ual: Option<u8>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum SurfaceName {
    Chat,
    Embeddings,
}

/// A data class and the terms that are asked about it.
#[derive(Debug, Clone)]
struct Serves {
    class: DataClass,
    terms: String,
}

/// The least means under which each offering is permitted; only those that are.
pub(super) type Permitted = BTreeMap<OfferingId, MeansSet>;

// === impl Filter ===

impl Filter {
    /// What the terms of `--serves` permit, if they were given.
    pub(super) fn permitted(&self, catalogue: &Arc<Catalogue>, instant: Instant) -> anyhow::Result<Option<Permitted>> {
        let Some(serves) = &self.serves else { return Ok(None) };
        let terms = source::layers(&serves.terms)?;
        let unknown = unknown_names(&terms, &catalogue.at(instant));
        if !unknown.is_empty() {
            return Err(source::unknown_names(unknown).into());
        }
        let engine = Engine::new(Arc::new(terms), Arc::clone(catalogue));
        let permit = |(id, verdict)| if let Verdict::Permit { means, .. } = verdict { Some((id, means)) } else { None };
        Ok(Some(survey(&engine, serves.class, instant).into_iter().filter_map(permit).collect()))
    }

    /// Whether an offering is all that is asked.
    pub(super) fn admits(&self, offering: &Offering) -> bool {
        let (origin, assurance) = (&offering.origin, &offering.assurance);
        let is = |wanted: Option<Jurisdiction>, found: Jurisdiction| wanted.is_none_or(|wanted| wanted == found);
        let has = |places: &Places, code: Jurisdiction| places.known().is_some_and(|known| known.contains(&code));
        let spared = |code: Jurisdiction| origin.compellable_by.known().is_some_and(|known| !known.contains(&code));
        is(self.operator, origin.operator)
            && is(self.control, origin.control)
            && is(self.developer, origin.developer)
            && self.country.is_none_or(|code| has(&origin.processed_in, code))
            && self.not_compellable_by.is_none_or(spared)
            && self.within.as_ref().is_none_or(|bloc| origin.processed_within.iter().any(|within| within.as_str() == bloc))
            && self.surface.is_none_or(|surface| offering.surfaces.contains(&Surface::from(surface)))
            && self.named.as_ref().is_none_or(|text| offering.id.as_str().contains(text.as_str()))
            && self.certified.as_ref().is_none_or(|name| assurance.certifications.contains(name))
            && (offering.open_weights || !self.open_weights)
            && self.levels.asked().all(|(scale, level)| assurance.level.get(scale) >= level)
    }

    /// The names that must exist for the filter to mean anything, with what they are.
    pub(super) fn names(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let named = [("bloc", self.within.as_deref()), ("certification", self.certified.as_deref())];
        named.into_iter().filter_map(|(kind, name)| Some((kind, name?)))
    }

    /// The jurisdictions that it asks for.
    pub(super) fn jurisdictions(&self) -> impl Iterator<Item = Jurisdiction> {
        [self.country, self.operator, self.control, self.developer, self.not_compellable_by].into_iter().flatten()
    }
}

// === impl Levels ===

impl Levels {
    fn asked(&self) -> impl Iterator<Item = (Scale, u8)> {
        let asked = [
            (Scale::Attestation, self.attestation),
            (Scale::KeyCustody, self.key_custody),
            (Scale::OperatorAccess, self.operator_access),
            (Scale::Retention, self.retention),
            (Scale::Training, self.training),
            (Scale::Possession, self.possession),
            (Scale::Exit, self.exit),
            (Scale::Seal, self.seal),
            (Scale::Ual, self.ual),
        ];
        asked.into_iter().filter_map(|(scale, level)| Some((scale, level?)))
    }
}

// === impl Serves ===

impl FromStr for Serves {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (class, terms) = text
            .split_once(" under ")
            .ok_or_else(|| "write a data class and the terms: `personal under eu-gdpr`, or `public under terms/own.cedar`".to_owned())?;
        let class = class.trim().parse::<DataClass>().map_err(|error| error.to_string())?;
        Ok(Self { class, terms: terms.trim().to_owned() })
    }
}

// === impl Surface ===

impl From<SurfaceName> for Surface {
    fn from(name: SurfaceName) -> Self {
        match name {
            SurfaceName::Chat => Self::Chat,
            SurfaceName::Embeddings => Self::Embeddings,
        }
    }
}
