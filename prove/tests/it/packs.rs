//! What is known of shipped packs: which treat equals equally, and which terms of the others do not.

use comity_prove::{Finding, Given, Property, Verdict};

use crate::setting::{pack, prove};

fn equal_treatment(name: &str) -> (Verdict, Vec<Finding>) {
    let report = prove(vec![pack(name)], &Property::EqualTreatment(Given::default()));
    let answer = report.in_principle.unwrap();
    (answer.verdict, answer.findings)
}

#[test]
fn packs_about_effective_protection_treat_equals_equally() {
    for name in ["effective-means", "cbpr-collective"] {
        assert_eq!(equal_treatment(name).0, Verdict::Proved, "{name}");
    }
}

/// The term to blame for a difference in that fact alone.
fn blamed_for(findings: &[Finding], fact: &str) -> Vec<(String, usize)> {
    let alone = findings.iter().filter(|finding| finding.facts == [fact]);
    alone.flat_map(|finding| &finding.terms).map(|term| (term.id.to_string(), term.line)).collect()
}

#[test]
fn tests_of_location_and_ownership_are_named() {
    let (verdict, findings) = equal_treatment("uk-domestic");
    assert_eq!(verdict, Verdict::Violated);
    assert_eq!(blamed_for(&findings, "control"), [("domestic-critical-control".to_owned(), 21)]);
    assert_eq!(blamed_for(&findings, "processed_in"), [("domestic-critical-place".to_owned(), 10)]);

    let (verdict, findings) = equal_treatment("eu-cada-l3");
    assert_eq!(verdict, Verdict::Violated);
    assert_eq!(blamed_for(&findings, "control"), [("cada3-no-foreign-control".to_owned(), 88)]);
    assert!(findings.iter().all(|finding| finding.example.is_some()), "every violation is shown");
}
