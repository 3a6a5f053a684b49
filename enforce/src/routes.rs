//! From the `model` of a call to the offerings that it may mean: a route, an offering, or a model with all its offerings.
//!
//! Never another model than the one asked for unless a route says so, and never an address from a request.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use comity_catalogue::World;
use comity_decide::Candidates;
use comity_vocab::{OfferingId, Surface};

use crate::config::{Config, ConfigProblem, RouteConfig, suggestion};

/// What each name means on each surface.
#[derive(Default)]
pub(crate) struct Routes {
    names: HashMap<String, Meaning>,
    routes: Vec<String>,
}

/// What one name means.
#[derive(Default)]
struct Meaning {
    chat: Option<Choice>,
    embeddings: Option<Choice>,
}

/// Offerings to choose from.
pub(crate) struct Choice {
    pub(crate) candidates: Candidates,
    /// Whether their order counts.
    ordered: bool,
}

/// Offerings behind a name, on whatever surface.
struct Listed {
    ids: Vec<OfferingId>,
    ordered: bool,
}

/// Why a name leads nowhere.
pub(crate) enum NoChoice {
    /// Nobody knows the name; the nearest that exists.
    Unknown(Option<String>),
    /// Its offerings do not serve that surface.
    OtherSurface,
}

// === impl Routes ===

impl Routes {
    /// Resolves every name once. A route hides a model of the same name, and a model hides nothing.
    pub(crate) fn build(config: &Config, world: &World, problems: &mut Vec<ConfigProblem>) -> Self {
        let mut routes = Self::default();
        let mut models: BTreeMap<&str, Vec<OfferingId>> = BTreeMap::new();
        for id in world.offerings.keys() {
            models.entry(id.model()).or_default().push(id.clone());
        }
        for (model, ids) in models {
            routes.insert(model, &Listed { ids, ordered: false }, world);
        }
        for id in world.offerings.keys() {
            routes.insert(id.as_str(), &Listed { ids: vec![id.clone()], ordered: false }, world);
        }
        for (name, route) in &config.routes {
            let Some(listed) = offerings(name, route, (config, world), problems) else { continue };
            routes.insert(name, &listed, world);
            routes.routes.push(name.clone());
        }
        routes
    }

    fn insert(&mut self, name: &str, listed: &Listed, world: &World) {
        let on = |surface| {
            let serves = |id: &&OfferingId| world.offerings.get(*id).is_some_and(|offering| offering.surfaces.contains(&surface));
            let ids: Vec<_> = listed.ids.iter().filter(serves).cloned().collect();
            (!ids.is_empty()).then(|| Choice { candidates: Candidates::new(ids), ordered: listed.ordered })
        };
        self.names.insert(name.to_owned(), Meaning { chat: on(Surface::Chat), embeddings: on(Surface::Embeddings) });
    }

    /// What `model` means on that surface.
    pub(crate) fn choose(&self, model: &str, surface: Surface) -> Result<&Choice, NoChoice> {
        let Some(meaning) = self.names.get(model) else {
            let near = self.names.keys().map(|name| (strsim::jaro_winkler(model, name), name)).filter(|(score, _)| *score > 0.8);
            let near = near.max_by(|a, b| a.0.total_cmp(&b.0).then_with(|| b.1.cmp(a.1)));
            return Err(NoChoice::Unknown(near.map(|(_, name)| name.clone())));
        };
        let choice = match surface {
            Surface::Chat => &meaning.chat,
            Surface::Embeddings => &meaning.embeddings,
        };
        choice.as_ref().ok_or(NoChoice::OtherSurface)
    }

    /// The names of `[route.…]`, in order.
    pub(crate) fn route_names(&self) -> &[String] {
        &self.routes
    }

    /// The offerings behind a name, on any surface.
    pub(crate) fn offerings(&self, name: &str) -> BTreeSet<&OfferingId> {
        let meaning = self.names.get(name);
        let choices = meaning.into_iter().flat_map(|meaning| [&meaning.chat, &meaning.embeddings]).flatten();
        choices.flat_map(|choice| choice.candidates.ids()).collect()
    }
}

// === impl Choice ===

impl Choice {
    /// The place of a candidate in the route's list; 0 where their order does not count.
    pub(crate) fn position(&self, offering: &OfferingId) -> u32 {
        let position = self.candidates.ids().iter().position(|id| self.ordered && id == offering).unwrap_or_default();
        u32::try_from(position).unwrap_or(u32::MAX)
    }
}

fn offerings(name: &str, route: &RouteConfig, (config, world): (&Config, &World), problems: &mut Vec<ConfigProblem>) -> Option<Listed> {
    match (&route.offerings, &route.select) {
        (Some(listed), None) => {
            let mut ids = Vec::new();
            for text in listed {
                match world.offerings.keys().find(|id| id.as_str() == text.get_ref()) {
                    Some(id) => ids.push(id.clone()),
                    None => {
                        let known: Vec<_> = world.offerings.keys().map(OfferingId::as_str).collect();
                        let message = format!("route `{name}` names unknown offering `{}`", text.get_ref());
                        problems.push(config.source().problem(Some(text.span()), message).hint(suggestion(text.get_ref(), &known)));
                    }
                }
            }
            Some(Listed { ids, ordered: true })
        }
        (None, Some(pattern)) => {
            let ids: Vec<_> = world.offerings.keys().filter(|id| matches(pattern.get_ref(), id.as_str())).cloned().collect();
            if ids.is_empty() {
                let message = format!("no offering of the catalogue matches `{}`", pattern.get_ref());
                problems.push(config.source().problem(Some(pattern.span()), message).hint("`comity catalogue list` shows them"));
            }
            Some(Listed { ids, ordered: false })
        }
        (Some(_), Some(_)) | (None, None) => {
            let message = format!("route `{name}` needs either `offerings` or `select`");
            problems.push(ConfigProblem::anywhere(config.path().display().to_string(), message));
            None
        }
    }
}

/// Whether `text` fits `pattern`, in which each `*` stands for anything, nothing included.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut left) = text.strip_prefix(head) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let tail = parts.pop().unwrap_or_default();
    for part in parts {
        let Some((_, after)) = left.split_once(part) else { return false };
        left = after;
    }
    left.ends_with(tail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, text, fits) in [
            ("openai/*", "openai/gpt@us", true),
            ("*@us", "openai/gpt@us", true),
            ("*/gpt*@us", "openai/gpt-4o@us", true),
            ("*/gpt*@us", "openai/gpt-4o@eu", false),
            ("a", "a", true),
            ("a", "ab", false),
            ("a*a", "a", false),
            ("*", "", true),
        ] {
            assert_eq!(matches(pattern, text), fits, "{pattern} {text}");
        }
    }
}
