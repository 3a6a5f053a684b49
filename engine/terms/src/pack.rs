//! A pack: one layer of terms with a title, the law that it follows, and parameters that are filled in before Cedar reads it.
//!
//! Filling in never adds or takes away a line, so that a problem in the filled text is on the same line of the file.

use std::collections::BTreeMap;

use crate::annotation::closest;
use crate::load::LayerSource;
use crate::manifest::{self, Declared, Manifest};
use crate::parameters::{Parameter, ParameterProblem, ParameterValue};
use crate::problem::{Place, TermsProblem};
use crate::slots::{self, Slot, slots};

/// Terms that may have parameters. Each slot in the text has its parameter, each parameter a slot and a default that fits.
#[derive(Clone)]
pub struct Pack {
    source: LayerSource,
    title: String,
    law: String,
    parameters: BTreeMap<String, Declared>,
}

/// The text of a `pack.toml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackFile {
    /// For messages.
    pub path: String,
    /// TOML.
    pub text: String,
}

// === impl Pack ===

impl Pack {
    /// The pack of a text of terms and the `pack.toml` beside it; without one it has no parameters, no title and no law.
    ///
    /// # Errors
    /// Every problem of `pack.toml`; else slots that it does not declare, and parameters without a slot.
    pub fn new(source: LayerSource, file: Option<&PackFile>) -> Result<Self, Vec<TermsProblem>> {
        let Manifest { title, law, parameters } = file.map(manifest::read).transpose()?.unwrap_or_default();
        let pack = Self { source, title, law, parameters };
        let problems: Vec<_> = pack.undeclared().chain(file.into_iter().flat_map(|file| pack.unused(file))).collect();
        if problems.is_empty() { Ok(pack) } else { Err(problems) }
    }

    /// The layer with these parameters, and the defaults of the others. Its text is what Cedar reads and what the digest covers.
    ///
    /// # Errors
    /// Every given parameter that the pack does not have, or whose value does not fit.
    pub fn layer(&self, given: &BTreeMap<String, ParameterValue>) -> Result<LayerSource, Vec<ParameterProblem>> {
        let mut literals = BTreeMap::new();
        let mut problems = Vec::new();
        for (name, value) in given {
            let literal = self.parameters.get(name).map(|declared| declared.parameter.literal(name, value));
            match literal.unwrap_or_else(|| Err(self.unknown(name))) {
                Ok(literal) => drop(literals.insert(name.as_str(), literal)),
                Err(problem) => problems.push(problem),
            }
        }
        if problems.is_empty() { Ok(self.filled(&literals)) } else { Err(problems) }
    }

    /// The layer with the defaults of all parameters.
    #[must_use]
    pub fn default_layer(&self) -> LayerSource {
        self.filled(&BTreeMap::new())
    }

    /// What people call the pack.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.source.name
    }

    /// What it is, in one line; empty without a `pack.toml`.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// What law it follows, or `none`; empty without a `pack.toml`.
    #[must_use]
    pub fn law(&self) -> &str {
        &self.law
    }

    /// Its text, with slots.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.source.text
    }

    /// Its parameters, by name.
    pub fn parameters(&self) -> impl Iterator<Item = (&str, &Parameter)> {
        self.parameters.iter().map(|(name, declared)| (name.as_str(), &declared.parameter))
    }

    /// The parameter of that name.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&Parameter> {
        self.parameters.get(name).map(|declared| &declared.parameter)
    }

    fn filled(&self, given: &BTreeMap<&str, String>) -> LayerSource {
        let default = |slot: &Slot<'_>| self.parameters.get(slot.name).map(|declared| declared.literal.clone());
        // INVARIANT: `new` found a parameter for each slot.
        let literal = |slot: &Slot<'_>| given.get(slot.name).cloned().or_else(|| default(slot)).unwrap_or_default();
        LayerSource { text: slots::replace(&self.source.text, literal), ..self.source.clone() }
    }

    fn unknown(&self, name: &str) -> ParameterProblem {
        let known: Vec<_> = self.parameters.keys().map(String::as_str).collect();
        let hint = match closest(name, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if known.is_empty() => "it has no parameters".to_owned(),
            None => format!("its parameters are {}", known.join(", ")),
        };
        ParameterProblem { parameter: name.to_owned(), message: format!("`{}` has no parameter `{name}`", self.name()), hint: Some(hint) }
    }

    fn undeclared(&self) -> impl Iterator<Item = TermsProblem> {
        let unknown = slots(&self.source.text).into_iter().filter(|slot| !self.parameters.contains_key(slot.name));
        unknown.map(|slot| {
            let place = Place { path: &self.source.path, text: &self.source.text, offset: slot.range.start };
            let near = closest(slot.name, self.parameters.keys().map(String::as_str));
            let declare = || format!("declare it in `pack.toml` beside this file: `[parameters.{}]`", slot.name);
            let hint = near.map_or_else(declare, |near| format!("did you mean `?{near}`?"));
            TermsProblem::at(place, format!("unknown parameter `?{}`", slot.name), Some(hint))
        })
    }

    fn unused(&self, file: &PackFile) -> Vec<TermsProblem> {
        let used = slots(&self.source.text);
        let unused = self.parameters.iter().filter(|(name, _)| !used.iter().any(|slot| slot.name == *name));
        let problem = |(name, declared): (&String, &Declared)| {
            let place = Place { path: &file.path, text: &file.text, offset: declared.offset };
            let hint = format!("write `?{name}` where its value belongs in `{}`, or take it out", self.source.path);
            TermsProblem::at(place, format!("parameter `{name}` is never used"), Some(hint))
        };
        unused.map(problem).collect()
    }
}
