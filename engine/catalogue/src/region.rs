//! In which country each region of an operator stands: taken from maintained lists, so that a file says `"region"` and not a country.

use std::collections::BTreeMap;

use comity_vocab::Jurisdiction;
use jiff::civil::Date;
use toml::de::DeTable;

use crate::lists::Lists;
use crate::provenance::{KEYS, Provenance};
use crate::reader::{Complaint, Reader, get, nearest};

const REGION_KEYS: [&str; 2] = ["operator", "in"];

/// Every region of every list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Regions {
    /// Operator → name of the region, as the last part of an offering's id has it.
    operators: BTreeMap<String, BTreeMap<String, Region>>,
}

/// One region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Region {
    pub(crate) country: Jurisdiction,
    /// How the list was read.
    pub(crate) read: Option<String>,
    /// The first day on which the list is worth nothing again.
    pub(crate) expires: Option<Date>,
}

// === impl Regions ===

impl Regions {
    /// Adds the lists of one file; a later file overrides region by region.
    pub(crate) fn read(&mut self, lists: &Lists, reader: &mut Reader<'_, '_>, tables: &DeTable<'_>) {
        let given = get(tables, "regions").and_then(|node| reader.array(node, "regions"));
        for node in given.into_iter().flat_map(|given| given.iter()) {
            let Some(table) = reader.table(node, "regions") else { continue };
            // A list is no claim of an operator: it has no strength.
            let keys: Vec<_> = REGION_KEYS.into_iter().chain(KEYS).filter(|key| *key != "strength").collect();
            reader.only(table, "a list of regions", &keys);
            let provenance = Provenance::parse(reader, table);
            if !provenance.malformed && (provenance.source.is_none() || provenance.as_of.is_none()) {
                let complaint = Complaint::new("a list of regions without a source and a date");
                reader.error(node.span(), complaint.hint("add `source = \"…\"`, `read = \"…\"` and `as_of = 2026-01-31`"));
            }
            let operator = get(table, "operator").and_then(|node| reader.text(node, "operator"));
            let regions = get(table, "in").and_then(|node| reader.table(node, "in"));
            let (Some(operator), Some(regions)) = (operator, regions) else {
                let complaint = Complaint::new("a list of regions needs `operator` and `in`");
                reader.error(
                    node.span(),
                    complaint.hint("write `operator = \"acme\"` and below `[regions.in]` lines like `paris-1 = \"FR\"`"),
                );
                continue;
            };
            let known = self.operators.entry(operator.to_owned()).or_default();
            for (key, node) in regions.iter() {
                let country = reader.text(node, key.get_ref()).and_then(|given| lists.jurisdiction(reader, given, node.span()));
                if let Some(country) = country {
                    known.insert(key.get_ref().to_string(), Region { country, read: provenance.read.clone(), expires: provenance.expires });
                }
            }
        }
    }

    /// The region that an offering's id names.
    pub(crate) fn of(&self, operator: &str, place: &str) -> Option<&Region> {
        self.operators.get(operator)?.get(place).filter(|region| !region.country.is_unknown())
    }

    /// What to write where a region is not on any list.
    pub(crate) fn hint(&self, operator: &str, place: &str) -> String {
        let known = self.operators.get(operator).into_iter().flat_map(BTreeMap::keys).map(String::as_str);
        nearest(place, known).map_or_else(
            || format!("name the countries, as in `[\"FR\"]`, or add `{place}` to the regions of `{operator}`"),
            |near| format!("did you mean the region `{near}`?"),
        )
    }
}
