//! Facts in as few characters as a table has room for. `?` is unknown.

use std::collections::BTreeSet;

use comity_catalogue::World;
use comity_vocab::{Jurisdiction, Micros, Offering, Places, Price, Scale, Strength};

/// Places that fit a cell.
const PLACES_MAX: usize = 3;

/// The operator's country, and the parent's where it is another.
pub(super) fn whose(operator: Jurisdiction, control: Jurisdiction) -> String {
    if operator == control { jurisdiction(operator) } else { format!("{} of {}", jurisdiction(operator), jurisdiction(control)) }
}

pub(super) fn jurisdiction(jurisdiction: Jurisdiction) -> String {
    if jurisdiction.is_unknown() { "?".to_owned() } else { jurisdiction.to_string() }
}

pub(super) fn places(places: &Places) -> String {
    places.known().map_or_else(|| "?".to_owned(), joined)
}

/// The places, or how many they are and the smallest bloc around them.
pub(super) fn few_places(all: &Places, world: &World) -> String {
    let Some(known) = all.known().filter(|known| known.len() > PLACES_MAX) else { return places(all) };
    let around = world.blocs.iter().filter(|(_, members)| known.is_subset(members));
    let bloc = around.min_by_key(|(_, members)| members.len()).map(|(bloc, _)| format!(" in {bloc}")).unwrap_or_default();
    format!("{}{bloc}", known.len())
}

/// `2/3 (2)`: level, top of the scale, and how it is known.
pub(super) fn level(offering: &Offering, scale: Scale) -> String {
    match (offering.assurance.level.get(scale), offering.assurance.strength.get(scale)) {
        (0, 0) => "?".to_owned(),
        (level, strength) => format!("{level}/{} ({strength})", scale.top()),
    }
}

/// List price per million tokens, in whole units and hundredths.
pub(super) fn price(price: Option<&Price>) -> String {
    price.map_or_else(
        || "?".to_owned(),
        |price| format!("{}/{} {}", amount(price.input_micros_per_mtok), amount(price.output_micros_per_mtok), price.currency),
    )
}

/// Cents, rounded up so that nothing looks free that is not.
pub(crate) fn amount(price: Micros) -> String {
    const MICROS_PER_CENT: u64 = 10_000;
    let cents = price.0.div_ceil(MICROS_PER_CENT);
    format!("{}.{:02}", cents / 100, cents % 100)
}

pub(super) fn joined<T: ToString>(items: &BTreeSet<T>) -> String {
    if items.is_empty() { "none".to_owned() } else { items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ") }
}

pub(super) const fn strength(strength: Strength) -> &'static str {
    match strength {
        Strength::Unknown => "unknown",
        Strength::Claimed => "claimed",
        Strength::Contract => "contract",
        Strength::Certified => "certified",
        Strength::Verified => "verified",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_never_look_cheaper_than_they_are() {
        assert_eq!(amount(Micros(150_000)), "0.15");
        assert_eq!(amount(Micros(150_001)), "0.16");
        assert_eq!(amount(Micros(0)), "0.00");
        assert_eq!(amount(Micros(12_000_000)), "12.00");
    }
}
