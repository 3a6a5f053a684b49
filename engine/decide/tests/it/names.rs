//! Names in terms that the catalogue does not know.

use comity_decide::unknown_names;

use crate::world::{Facts, NOW, catalogue, term, terms, uk_public};

#[test]
fn a_misspelt_bloc_or_jurisdiction_is_found_with_its_term() {
    let text = term(
        "no-export",
        "forbid (principal, action == Action::\"infer\", resource) unless { [Jurisdiction::\"UK\"].containsAll(resource.origin.processed_in) || \
         resource.origin.control in Bloc::\"uk_aproved\" };",
    );
    let world = catalogue(&[Facts::default()]).at(NOW);
    let found = unknown_names(&terms(&[&text]), &world);
    let names: Vec<_> = found.iter().map(|name| (name.kind, name.name.as_str(), name.near.as_deref(), name.term.as_deref())).collect();
    assert_eq!(names[0], ("bloc", "uk_aproved", Some("uk_approved"), Some("no-export")));
    assert_eq!(names[1], ("jurisdiction", "UK", Some("GB"), Some("no-export")));
    assert!(unknown_names(&terms(&[&uk_public()]), &world).is_empty());
}

#[test]
fn a_misspelt_certificate_or_transfer_mechanism_is_found_with_its_term() {
    let text = term(
        "certified",
        "permit (principal, action == Action::\"infer\", resource) when { resource.assurance.certifications.contains(\"iso27002\") || \
         resource.assurance.transfer.contains(\"sccs\") };",
    );
    let found = unknown_names(&terms(&[&text]), &catalogue(&[Facts::default()]).at(NOW));
    let names: Vec<_> = found.iter().map(|name| (name.kind, name.name.as_str(), name.near.as_deref(), name.term.as_deref())).collect();
    let expected = [
        ("certification", "iso27002", Some("iso27001"), Some("certified")),
        ("transfer mechanism", "sccs", Some("scc"), Some("certified")),
    ];
    assert_eq!(names, expected);
}
