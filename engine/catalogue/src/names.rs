//! First pass over all files: which operators, developers, models and offerings there are, so that files may speak of each other in any order.

use std::collections::{BTreeMap, BTreeSet};

use comity_vocab::OfferingId;
use toml::de::{DeTable, DeValue};

use crate::reader::get;

/// The names that some file introduces.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Names {
    /// Id → name.
    pub(crate) operators: BTreeMap<String, String>,
    /// Id → name.
    pub(crate) developers: BTreeMap<String, String>,
    /// Model → its developer.
    pub(crate) models: BTreeMap<String, String>,
    pub(crate) offerings: BTreeSet<OfferingId>,
}

/// These introduce an offering; without them an entry adds facts to one that some file introduces.
pub(crate) const INTRODUCING: [&str; 2] = ["upstream_model", "surfaces"];

// === impl Names ===

impl Names {
    /// Adds what one file introduces. What is wrong is complained of in the second pass.
    pub(crate) fn read(&mut self, tables: &DeTable<'_>) {
        self.operators.extend(named(tables, "operator"));
        self.developers.extend(named(tables, "developer"));
        let developer = get(tables, "developer").and_then(|node| node.get_ref().as_table()).and_then(|table| text(table, "id"));
        if let Some(developer) = developer {
            let models = entries(tables, "model").filter_map(|table| text(table, "id"));
            self.models.extend(models.map(|model| (model.to_owned(), developer.to_owned())));
        }
        let introduced = entries(tables, "offering").filter(|table| INTRODUCING.iter().any(|key| get(table, key).is_some()));
        self.offerings.extend(introduced.filter_map(|table| text(table, "id")?.parse().ok()));
    }
}

/// Id and name of the one operator or developer of a file.
fn named(tables: &DeTable<'_>, key: &str) -> Option<(String, String)> {
    let table = get(tables, key)?.get_ref().as_table()?;
    Some((text(table, "id")?.to_owned(), text(table, "name")?.to_owned()))
}

fn entries<'n, 't>(tables: &'n DeTable<'t>, key: &str) -> impl Iterator<Item = &'n DeTable<'t>> {
    let list = get(tables, key).and_then(|node| node.get_ref().as_array());
    list.into_iter().flat_map(|list| list.iter()).filter_map(|node| node.get_ref().as_table())
}

fn text<'n>(table: &'n DeTable<'_>, key: &str) -> Option<&'n str> {
    if let DeValue::String(text) = get(table, key)?.get_ref() { Some(text.as_ref()) } else { None }
}
