//! The offering that this process itself is: a generated file of the catalogue, so that terms judge it like any other.
//!
//! Only what the process cannot help but know is verified (it keeps and trains nothing); whose machine it is, and where, its operator asserts.

use std::path::PathBuf;

use comity_catalogue::SourceFile;
use comity_vocab::OfferingId;

use crate::config::{Config, ConfigProblem, LocalConfig, Problems};

/// The path of the generated file, for messages.
const PATH: &str = "this gateway/self.toml";

/// The model of this process and what its operator asserts.
#[derive(Clone)]
pub(crate) struct LocalOffering {
    pub(crate) id: OfferingId,
    path: PathBuf,
    model: String,
    own_machine: bool,
    place: comity_vocab::Jurisdiction,
    #[cfg(feature = "local-model")]
    pub(crate) opened: Option<comity_upstream::local::LocalModel>,
}

/// Whether a problem is in the generated file.
pub(super) fn is_ours(path: &str) -> bool {
    path == PATH
}

// === impl LocalOffering ===

impl LocalOffering {
    /// The offering that the configuration would make, without opening the model.
    pub(crate) fn expected(config: &Config) -> Result<Option<Self>, Problems> {
        let Some(local) = &config.local else { return Ok(None) };
        let path = config.folder().join(&local.model);
        if !path.is_file() {
            let problem =
                ConfigProblem::anywhere(config.path().display().to_string(), format!("there is no model at `{}`", path.display()));
            return Err(problem.hint("`comity model install smollm2` gets the demonstration model").into());
        }
        Self::new(config, local).map(Some)
    }

    /// Opens the model. Takes seconds and blocks.
    #[cfg(feature = "local-model")]
    pub(crate) fn open(config: &Config) -> Result<Option<Self>, Problems> {
        use comity_upstream::local::{LocalModel, LocalOptions};

        let Some(local) = &config.local else { return Ok(None) };
        let mut options = LocalOptions::default();
        options.queue = local.queue.unwrap_or(options.queue);
        options.threads = local.threads.unwrap_or(options.threads);
        options.context_max = local.context_max.unwrap_or(options.context_max);
        let model = LocalModel::open(&config.folder().join(&local.model), options).map_err(|error| {
            let problem = ConfigProblem::anywhere(config.path().display().to_string(), error.to_string());
            Problems::from(ConfigProblem { hint: error.hint(), ..problem })
        })?;
        let mut offering = Self::new(config, local)?;
        offering.opened = Some(model);
        Ok(Some(offering))
    }

    /// Without the feature there is no model to open.
    #[cfg(not(feature = "local-model"))]
    pub(crate) fn open(config: &Config) -> Result<Option<Self>, Problems> {
        if config.local.is_none() {
            return Ok(None);
        }
        let message = "this build of the gateway has no local model, and `[local]` asks for one";
        let problem = ConfigProblem::anywhere(config.path().display().to_string(), message);
        Err(problem.hint("build it with the feature `local-model`, or take `[local]` out").into())
    }

    /// The same under another configuration; the model is opened again only when it is another file.
    pub(crate) fn again(&self, config: &Config) -> Result<Option<Self>, Problems> {
        let Some(local) = &config.local else { return Ok(None) };
        if config.folder().join(&local.model) != self.path {
            return Self::open(config);
        }
        let again = Self::new(config, local)?;
        #[cfg(feature = "local-model")]
        let again = Self { opened: self.opened.clone(), ..again };
        Ok(Some(again))
    }

    fn new(config: &Config, local: &LocalConfig) -> Result<Self, Problems> {
        let path = config.folder().join(&local.model);
        // Its file's name, by which `comity model` knows it; what a file says of itself may be anything.
        let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let model = local.name.clone().unwrap_or_else(|| plain_name(&stem));
        let text = format!("self/{model}@{}", local.place.as_str().to_ascii_lowercase());
        let id = text.parse().map_err(|_| {
            let message = format!("`{model}` cannot be the name of a model: use letters, digits, `.`, `_` and `-`");
            Problems::from(ConfigProblem::anywhere(config.path().display().to_string(), message))
        })?;
        Ok(Self {
            id,
            path,
            model,
            own_machine: local.own_machine,
            place: local.place,
            #[cfg(feature = "local-model")]
            opened: None,
        })
    }

    /// The generated file.
    pub(crate) fn catalogue_file(&self) -> SourceFile {
        let place = if self.place.is_unknown() { "\"unknown\"".to_owned() } else { format!("[\"{}\"]", self.place) };
        let who = if self.place.is_unknown() {
            String::new()
        } else {
            format!("operator = \"{0}\"\ncontrol = \"{0}\"\ngoverning_law = \"{0}\"\n", self.place)
        };
        let possession = if self.own_machine { "possession = 3\n" } else { "" };
        let text = format!(
            "[operator]\n\
             id = \"self\"\n\
             name = \"this gateway\"\n\
             source = \"asserted by the operator of this gateway\"\n\
             read = \"comity.toml of this gateway, [local]\"\n\
             as_of = 2026-11-22\n\
             strength = \"contract\"\n\
             {who}\n\
             [[offering]]\n\
             id = \"{}\"\n\
             upstream_model = \"{}\"\n\
             surfaces = [\"chat\"]\n\
             processed_in = {place}\n\
             stored_in = {place}\n\
             {possession}\n\
             [[offering.facts]]\n\
             source = \"how this process is built: it writes no call and no answer to disk, and it cannot train\"\n\
             read = \"edge/upstream/src/local.rs of this program\"\n\
             as_of = 2026-11-22\n\
             strength = \"verified\"\n\
             training = 3\n\
             retention = 3\n",
            self.id, self.model
        );
        SourceFile { path: PATH.to_owned(), text }
    }
}

/// A file's name, as part of an id: lower case, with `-` for whatever an id cannot hold.
fn plain_name(found: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let text: String = found.trim().to_ascii_lowercase().chars().map(|c| if allowed(c) { c } else { '-' }).collect();
    text.trim_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use comity_catalogue::Catalogue;
    use comity_vocab::{Instant, Scale, Strength};

    use super::*;

    fn offering(text: &str) -> comity_vocab::Offering {
        let config = Config::parse(Path::new("comity.toml"), text).unwrap();
        let local = LocalOffering::new(&config, config.local.as_ref().unwrap()).unwrap();
        let mut files = comity_catalogue::shipped();
        files.push(local.catalogue_file());
        let world = Catalogue::parse(files).unwrap().at(Instant::from_seconds(1_795_000_000));
        world.offerings.get(&local.id).unwrap().clone()
    }

    #[test]
    fn possession_counts_only_when_asserted() {
        let asserted = offering("[local]\nmodel = \"models/SmolLM2 135M Instruct.gguf\"\nplace = \"GB\"\nown_machine = true");
        assert_eq!(asserted.id.as_str(), "self/smollm2-135m-instruct@gb");
        assert_eq!(asserted.assurance.level.get(Scale::Possession), 3);
        assert_eq!(asserted.assurance.strength.get(Scale::Training), Strength::Verified.number());
        let silent = offering("[local]\nmodel = \"m\"\nname = \"tiny\"");
        assert_eq!(silent.id.as_str(), "self/tiny@xx");
        assert_eq!(silent.assurance.level.get(Scale::Possession), 0);
        assert!(silent.origin.processed_in.known().is_none());
    }
}
