//! What an import does: which prices come, change, go or stay, and why.

use std::collections::BTreeSet;

use comity_vocab::{OfferingId, Price};
use jiff::civil::Date;

use super::price_list::PriceList;
use super::render;
use crate::catalogue::{Catalogue, SourceFile};
use crate::price::Text;
use crate::value::{FactName, Value};

/// Where a list comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportSource {
    /// How it was read: package, version and path.
    pub read: String,
    /// The day of the list.
    pub as_of: Date,
}

/// What an import does to one offering.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedPrice {
    /// Which.
    pub offering: OfferingId,
    /// Its key in the list.
    pub key: String,
    /// For people: the price before, if there was one.
    pub before: Option<String>,
    /// For people: what the list says, if it says anything.
    pub listed: Option<String>,
    /// What becomes of it.
    pub note: ImportNote,
}

/// What becomes of a listed price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ImportNote {
    /// There was none.
    New,
    /// An earlier import said something else.
    Changed,
    /// As before.
    Same,
    /// A person wrote the same price.
    HandMadeAgrees,
    /// A person wrote another price with a source, or that it is unknown: that stays.
    HandMadeDiffers,
    /// The list does not have the key, or no price for it.
    NotListed,
    /// The same, so that an imported price goes.
    Gone,
    /// The operator bills in another currency than the list.
    OtherCurrency,
}

/// A planned import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// Every offering that names a key, sorted.
    pub prices: Vec<ImportedPrice>,
    /// Offerings whose long prompts cost more than the price that is taken over.
    pub dearer_when_long: BTreeSet<OfferingId>,
    /// Keys of the list that no offering names.
    pub unused: usize,
    /// The whole file of imported prices, to be written to [`Import::PATH`].
    pub file: String,
}

// === impl Import ===

impl Import {
    /// Where the file belongs in a catalogue's folder. Every other file overrides it, wherever it lies.
    pub const PATH: &str = "imported/litellm.toml";
    /// The file of the list inside of its package.
    pub const MEMBER: &str = "litellm/model_prices_and_context_window_backup.json";
}

// === impl ImportNote ===

impl ImportNote {
    /// One word, stable for scripts.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Changed => "changed",
            Self::Same => "same",
            Self::HandMadeAgrees => "hand_made_agrees",
            Self::HandMadeDiffers => "hand_made_differs",
            Self::NotListed => "not_listed",
            Self::Gone => "gone",
            Self::OtherCurrency => "other_currency",
        }
    }

    /// Whether the listed price is taken over.
    const fn takes(self) -> bool {
        match self {
            Self::New | Self::Changed | Self::Same => true,
            Self::HandMadeAgrees | Self::HandMadeDiffers | Self::NotListed | Self::Gone | Self::OtherCurrency => false,
        }
    }
}

// === impl Catalogue ===

impl Catalogue {
    /// Plans to take over the prices of a list. A hand-made price is any that does not stand in an imported file.
    #[must_use]
    pub fn import(&self, list: &PriceList, source: &ImportSource) -> Import {
        let mut prices = Vec::new();
        let mut taken = Vec::new();
        let mut dearer_when_long = BTreeSet::new();
        for (id, entry) in &self.offerings {
            let Some(key) = &entry.list_price else { continue };
            let listed = list.get(key);
            let price = listed.and_then(|listed| listed.price);
            let held = self.held_price(id);
            let note = self.note(id, (price, held));
            if let (Some(listed), Some(price), true) = (listed, price, note.takes()) {
                taken.push(render::Line { offering: id, key, price, page: listed.source.as_deref() });
                if listed.dearer_when_long {
                    dearer_when_long.insert(id.clone());
                }
            }
            prices.push(ImportedPrice {
                offering: id.clone(),
                key: key.clone(),
                before: held.map(|held| held.price.map_or_else(|| Value::Unknown.to_string(), |price| Text(&price).to_string())),
                listed: price.map(|price| Text(&price).to_string()),
                note,
            });
        }
        let named: BTreeSet<&str> = self.offerings.values().filter_map(|entry| entry.list_price.as_deref()).collect();
        let unused = list.keys().filter(|key| !named.contains(key)).count();
        Import { file: render::file(&taken, source), prices, dearer_when_long, unused }
    }

    /// The price that a person wrote, or else the one that was imported.
    fn held_price(&self, id: &OfferingId) -> Option<Held> {
        let facts = self.offerings.get(id)?.facts.get(&FactName::Price)?;
        // The last counts, and whatever a person wrote counts over what was imported.
        facts.last().map(|fact| Held {
            price: if let Value::Price(price) = fact.value { Some(price) } else { None },
            imported: self.files.get(fact.file).is_some_and(SourceFile::is_imported),
        })
    }

    fn note(&self, id: &OfferingId, (listed, held): (Option<Price>, Option<Held>)) -> ImportNote {
        let hand_made = held.filter(|held| !held.imported);
        let bills_in = self.bills_in.get(id.operator());
        match (listed, hand_made, held) {
            (None, None, Some(_)) => ImportNote::Gone,
            (None, _, _) => ImportNote::NotListed,
            (Some(listed), Some(held), _) if held.price == Some(listed) => ImportNote::HandMadeAgrees,
            (Some(_), Some(_), _) => ImportNote::HandMadeDiffers,
            (Some(listed), None, _) if bills_in.is_some_and(|currency| *currency != listed.currency) => ImportNote::OtherCurrency,
            (Some(_), None, None) => ImportNote::New,
            (Some(listed), None, Some(held)) if held.price == Some(listed) => ImportNote::Same,
            (Some(_), None, Some(_)) => ImportNote::Changed,
        }
    }
}

/// A price that the catalogue holds.
#[derive(Clone, Copy)]
struct Held {
    /// Nothing if it says that nobody knows.
    price: Option<Price>,
    imported: bool,
}
