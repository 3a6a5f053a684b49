//! One generation of everything that decides: terms, catalogue, routes, upstreams. Loaded and checked as a whole, then swapped whole.
//!
//! INVARIANT: bad terms, a bad catalogue or a bad configuration never replace good ones.

mod detectors;
mod ledger;
mod local;
mod sources;
mod targets;
mod way;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use comity_catalogue::Catalogue;
use comity_decide::{Engine, UnknownName, unknown_names};
use comity_redact::Kind;
use comity_store::{Store, StoreError};
use comity_terms::Terms;
use comity_vocab::{Digest, OfferingId, Plain};

use crate::clock;
use crate::config::{Config, ConfigProblem, Problems};
use crate::detect::Detect;
use crate::routes::Routes;

pub(crate) use ledger::{LedgerRules, WitnessAddress};
pub(crate) use local::LocalOffering;
pub(crate) use targets::Target;
pub(crate) use way::{Closed, Health, Pass, Way};

/// What a configuration amounts to, without starting.
#[derive(Debug, Clone)]
pub struct Checked {
    /// Digest of the terms.
    pub terms: Digest,
    /// Digest of the catalogue.
    pub catalogue: Digest,
    /// The layers, outermost first.
    pub layers: Vec<String>,
    /// How many offerings the catalogue has.
    pub offerings: usize,
    /// The offerings that can be reached from here.
    pub reachable: Vec<OfferingId>,
    /// What is odd but does not stop the gateway.
    pub warnings: Vec<String>,
}

/// One generation.
pub struct Generation {
    pub(crate) config: Config,
    pub(crate) engine: Engine,
    pub(crate) routes: Routes,
    pub(crate) targets: BTreeMap<OfferingId, Arc<Target>>,
    pub(crate) local: Option<LocalOffering>,
    pub(crate) admin_token: Option<Plain<String>>,
    pub(crate) ledger: LedgerRules,
    pub(crate) detector: Arc<dyn Detect>,
    /// Kinds whose pseudonyms keep their shape.
    pub(crate) shaped: Arc<[Kind]>,
    pub(crate) warnings: Vec<String>,
    /// The files that it was read from.
    pub(crate) files: Vec<PathBuf>,
}

/// What one generation takes over from outside its configuration.
#[derive(Default)]
pub(crate) struct Given<'a> {
    /// The opened model of this process.
    pub(crate) local: Option<&'a LocalOffering>,
    /// Another detector than the configured ones.
    pub(crate) detector: Option<&'a Arc<dyn Detect>>,
    /// The generation before, whose upstreams' health stays known.
    pub(crate) before: Option<&'a Generation>,
}

// === impl Generation ===

impl Generation {
    /// Loads and checks everything that the configuration names.
    pub(crate) fn load(config: Config, given: Given<'_>) -> Result<Self, Problems> {
        let (mut problems, mut warnings) = (Vec::new(), Vec::new());
        let mut files = vec![config.path().to_owned()];
        let terms = sources::terms(&config, &mut files, &mut problems);
        let catalogue = sources::catalogue(&config, given.local, &mut files, &mut problems);
        let admin_token = admin_token(&config, &mut problems);
        let ledger = ledger::build(&config, &mut files, (&mut problems, &mut warnings));
        problems.extend(same_token(&config, (&admin_token, &ledger)));
        let detector = given.detector.cloned().or_else(|| detectors::build(&config, &mut files, &mut problems, &mut warnings));
        let (Some(terms), Some(catalogue), Some(detector)) = (terms, catalogue, detector) else { return Err(Problems::sorted(problems)) };
        warnings.extend(catalogue.warnings().iter().filter(|p| !local::is_ours(&p.path)).map(ToString::to_string));
        if terms.layers().is_empty() {
            warnings.push("there are no terms, so every call is denied: add a `[[layer]]` to `comity.toml`".to_owned());
        }
        let engine = Engine::new(Arc::new(terms), Arc::new(catalogue));
        let world = engine.world(clock::now());
        problems.extend(unknown_names(engine.terms(), &world).into_iter().map(|unknown| unknown_name(&config, unknown)));
        let routes = Routes::build(&config, &world, &mut problems);
        let targets = targets::build(&config, &world, &given, &mut problems);
        let shaped = detectors::shaped(&config, detector.kinds(), &mut problems);
        if problems.is_empty() {
            let local = given.local.cloned();
            Ok(Self { config, engine, routes, targets, local, admin_token, ledger, detector, shaped, warnings, files })
        } else {
            Err(Problems::sorted(problems))
        }
    }

    /// Keeps terms and catalogue by digest, so that decisions of this generation can be made again. Blocks some milliseconds.
    pub(crate) fn keep(&self, store: &Store) -> Result<(), StoreError> {
        let kept = self.engine.generation().map_err(|error| StoreError::Unavailable(error.to_string().into()))?;
        store.keep_generation(comity_store::Generation::Terms, self.engine.terms().digest(), &kept.terms)?;
        store.keep_generation(comity_store::Generation::Catalogue, self.engine.catalogue().digest(), &kept.catalogue)?;
        let schema = comity_terms::SCHEMA.as_bytes();
        store.keep_generation(comity_store::Generation::Schema, Digest::of("comity schema v1", &[schema]), schema)
    }

    /// What it amounts to.
    #[must_use]
    pub fn checked(&self) -> Checked {
        Checked {
            terms: self.engine.terms().digest(),
            catalogue: self.engine.catalogue().digest(),
            layers: self.engine.terms().layers().iter().map(|layer| layer.name().to_owned()).collect(),
            offerings: self.engine.catalogue().offering_ids().count(),
            reachable: self.targets.keys().cloned().collect(),
            warnings: self.warnings.clone(),
        }
    }

    /// The terms and catalogue of this generation.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The configuration that it was made from.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The upstream of an offering, where it can be reached from here: its name in the configuration and its host.
    #[must_use]
    pub fn upstream_of(&self, offering: &OfferingId) -> Option<(&str, Option<&str>)> {
        self.targets.get(offering).and_then(|target| target.first())
    }
}

impl Config {
    /// Checks everything that can be checked without starting: terms, catalogue, routes, upstreams, and that every secret is there.
    ///
    /// # Errors
    /// Every problem found.
    pub fn check(&self) -> Result<Checked, Problems> {
        let local = LocalOffering::expected(self)?;
        let given = Given { local: local.as_ref(), ..Given::default() };
        let mut checked = Generation::load(self.clone(), given)?.checked();
        checked.reachable.extend(local.map(|local| local.id));
        Ok(checked)
    }

    /// The terms and the catalogue that it names, for whoever looks at these alone: upstreams and secrets need not be there.
    ///
    /// # Errors
    /// Every problem found.
    pub fn terms_and_catalogue(&self) -> Result<(Terms, Catalogue), Problems> {
        let local = LocalOffering::expected(self)?;
        let (mut files, mut problems) = (Vec::new(), Vec::new());
        let terms = sources::terms(self, &mut files, &mut problems);
        let catalogue = sources::catalogue(self, local.as_ref(), &mut files, &mut problems);
        terms.zip(catalogue).filter(|_| problems.is_empty()).ok_or(Problems(problems))
    }
}

fn admin_token(config: &Config, problems: &mut Vec<ConfigProblem>) -> Option<Plain<String>> {
    ledger::token(config, (&config.admin.as_ref()?.token, "admin"), problems)
}

/// Who audits must not rule.
fn same_token(config: &Config, (admin, ledger): (&Option<Plain<String>>, &LedgerRules)) -> Option<ConfigProblem> {
    let auditor = ledger.auditor_token.as_ref()?;
    let same = admin.as_ref().is_some_and(|admin| admin.expose() == auditor.expose());
    let span = config.ledger.auditor_token.as_ref().map(toml::Spanned::span);
    same.then(|| {
        let problem = config.source().problem(span, "the auditor token is the admin token too: it would let auditors rule");
        problem.hint("make another one with `openssl rand -hex 32`")
    })
}

fn unknown_name(config: &Config, unknown: UnknownName) -> ConfigProblem {
    let place = unknown.term.map_or_else(|| "the terms name".to_owned(), |term| format!("term `{term}` names"));
    let message = format!("{place} unknown {} `{}`", unknown.kind, unknown.name);
    let problem = ConfigProblem::anywhere(config.path().display().to_string(), message);
    match unknown.near {
        Some(near) => problem.hint(format!("did you mean `{near}`?")),
        None => problem,
    }
}
