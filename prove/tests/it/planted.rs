//! Terms that were written to have a property, or to lack it. Each case gives the terms as a short text (see `setting::layers`), the verdict
//! in principle, and of each finding the terms with their lines and the facts: `no-us@2 control`.

use comity_prove::{Answer, Finding, Given, Property, Verdict, Wish};
use comity_terms::Terms;
use std::sync::Arc;

use crate::setting::{layers, prove, unlinted};

use Verdict::{Proved, Violated};

/// The terms of the sides, the verdict, and what each finding names.
type Case<'c> = (&'c str, Verdict, &'c [&'c str]);

/// Sides of a comparison are divided by `====`.
fn sides(text: &str) -> Vec<Arc<Terms>> {
    text.split("\n====\n").map(unlinted).collect()
}

fn named(finding: &Finding) -> String {
    let terms: Vec<String> = finding.terms.iter().map(|term| format!("{}@{}", term.id, term.line)).collect();
    [terms.join(","), finding.facts.join("+")].join(" ").trim().to_owned()
}

fn in_principle(terms: Vec<Arc<Terms>>, property: &Property) -> Answer {
    prove(terms, property).in_principle.unwrap()
}

#[track_caller]
fn check(property: &Property, cases: &[Case<'_>]) {
    for (text, verdict, findings) in cases {
        let answer = in_principle(sides(text), property);
        let mut found: Vec<String> = answer.findings.iter().map(named).collect();
        found.sort();
        let mut expected: Vec<String> = findings.iter().map(|finding| (*finding).to_owned()).collect();
        expected.sort();
        assert_eq!((answer.verdict, found), (*verdict, expected), "{}\n{text}\n{:?}", property.name(), answer.because);
    }
}

fn never(text: &str) -> Property {
    Property::Never(Wish::parse(text).unwrap_or_else(|problem| panic!("{problem}")))
}

fn given(same: &[&str], may_differ: &[&str]) -> Given {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    Given::new(&owned(same), &owned(may_differ)).unwrap()
}

// === errors and hygiene ===

#[test]
fn errors_are_found() {
    let cases: [Case<'_>; 6] = [
        ("permit open", Proved, &[]),
        ("permit open\nforbid big: context.data.classification * 9223372036854775807 > 1", Violated, &["big@2"]),
        (
            "permit open\nforbid small: (context.data.classification * 9223372036854775807 < 0 && false) || context.data.secrets",
            Violated,
            &["small@2"],
        ),
        (
            "permit open\nforbid guarded: context.data.classification <= 1 && context.data.classification * 4611686018427387904 > 1",
            Proved,
            &[],
        ),
        ("permit open\nforbid sector: Unit::\"health\".sector == \"public\"", Violated, &["sector@2"]),
        ("permit open\nforbid own: principal in Unit::\"health\" && Unit::\"health\".sector == \"public\"", Proved, &[]),
    ];
    check(&Property::Errors, &cases);
}

/// A lint does not see what overflows: it looks at the facts.
#[test]
fn an_error_that_passes_the_lints_is_found() {
    let text = "permit open: resource.assurance.level.training + 9223372036854775807 > 0";
    let terms = Terms::load(layers(text)).expect("the lints let it through");
    let answer = in_principle(vec![Arc::new(terms)], &Property::Errors);
    assert_eq!((answer.verdict, answer.findings.iter().map(named).collect::<Vec<_>>()), (Violated, vec!["open@1".to_owned()]));
}

#[test]
fn nothing_is_proved_of_terms_that_can_fail() {
    let text = "permit open\nforbid big: context.data.classification * 9223372036854775807 > 1";
    for property in [Property::Vacuous, Property::Monotone, Property::EqualTreatment(Given::default()), never("context.data.secrets")] {
        assert_eq!(prove(sides(text), &property).verdict(), Verdict::Unknown, "{}", property.name());
    }
}

#[test]
fn vacuous_terms_are_found() {
    let cases: [Case<'_>; 10] = [
        ("permit open\nforbid class: context.data.classification >= 3", Proved, &[]),
        // Patterns: texts that they match are tried, and the solver knows all others.
        ("permit open\nforbid like: context.purpose like \"care*\" && context.data.secrets", Proved, &[]),
        (
            "permit open\nforbid like: context.purpose like \"care*\" && context.purpose == \"a\"\nforbid plain: context.data.secrets",
            Violated,
            &["like@2"],
        ),
        ("permit open\nforbid two: context.purpose == \"a\" && context.purpose == \"b\"", Violated, &["two@2"]),
        ("permit open\nforbid class: context.data.classification > 3", Violated, &["class@2"]),
        // What the catalogue never says: processed within a bloc and in a place outside it.
        (
            "permit open\nforbid both: resource.origin.processed_within.contains(Bloc::\"eu\") && resource.origin.processed_in.contains(Jurisdiction::\"US\")",
            Violated,
            &["both@2"],
        ),
        // Opaque parts count as personal.
        ("permit open\nforbid opaque: context.data.opaque && !context.data.personal", Violated, &["opaque@2"]),
        ("permit open\nforbid units: principal in Unit::\"a\" && principal in Unit::\"b\"", Violated, &["units@2"]),
        ("permit open\nforbid units: principal in Unit::\"a\" && principal in Unit::\"a/b\"", Proved, &[]),
        ("permit open\nforbid embedding: action == Action::\"embed\" && context.data.secrets", Proved, &[]),
    ];
    check(&Property::Vacuous, &cases);
}

#[test]
fn redundant_terms_are_found() {
    let cases: [Case<'_>; 6] = [
        ("permit open\nforbid secret: context.data.classification >= 3", Proved, &[]),
        (
            "permit open\nforbid secret: context.data.classification >= 3\nforbid top: context.data.classification >= 3 && context.data.secrets",
            Violated,
            &["top@3"],
        ),
        ("permit open\npermit public: context.data.classification == 0", Violated, &["public@2"]),
        // Of another layer: what the first forbids, the second need not.
        (
            "permit open\nforbid secret: context.data.classification >= 3\n--\npermit also\nforbid top: context.data.classification == 3",
            Violated,
            &["secret@2", "top@2"],
        ),
        // It makes a difference to embeddings alone.
        ("infer-permit chat\npermit both: context.data.classification == 0", Proved, &[]),
        (
            "permit open\nprefer ours: resource.origin.control == Jurisdiction::\"GB\"\nprefer never: context.purpose == \"a\" && context.purpose == \"b\"",
            Violated,
            &["never@3"],
        ),
    ];
    check(&Property::Redundant, &cases);
}

#[test]
fn shadowed_permits_are_found() {
    let cases: [Case<'_>; 5] = [
        ("permit open\nforbid secret: context.data.classification >= 3", Proved, &[]),
        (
            "permit open\npermit top: context.data.classification == 3\nforbid secret: context.data.classification >= 3",
            Violated,
            &["top@2"],
        ),
        (
            "permit open\npermit top: context.data.classification == 3\n--\npermit also\nforbid secret: context.data.classification >= 3",
            Violated,
            &["top@2"],
        ),
        // Forbidden for one action alone.
        ("permit open\ninfer-forbid chat", Proved, &[]),
        ("prefer ours: resource.open_weights\navoid all: resource.open_weights\npermit open", Violated, &["ours@1"]),
    ];
    check(&Property::Shadowed, &cases);
}

// === comparisons ===

const OPEN: &str = "permit open";

#[test]
fn implication_is_one_way() {
    let narrow = "permit narrow: context.data.classification <= 1";
    let cases: [Case<'_>; 6] = [
        (&format!("{narrow}\n====\n{OPEN}"), Proved, &[]),
        (&format!("{OPEN}\n====\n{narrow}"), Violated, &["open@1"]),
        // A layer more can only narrow.
        (&format!("{OPEN}\n--\npermit inner: context.data.personal\n====\npermit outer"), Proved, &[]),
        (&format!("permit outer\n====\n{OPEN}\n--\npermit inner: !context.data.personal"), Violated, &["outer@1"]),
        // The same action by action.
        ("infer-permit chat\n====\npermit both", Proved, &[]),
        ("permit both\n====\npermit chat: action == Action::\"infer\"", Violated, &["both@1"]),
    ];
    check(&Property::Implies, &cases);
}

#[test]
fn equivalence_is_both_ways() {
    let cases: [Case<'_>; 3] = [
        (
            "permit a: !(context.data.personal || context.data.secrets)\n====\npermit b\nforbid c: context.data.personal\nforbid d: context.data.secrets",
            Proved,
            &[],
        ),
        ("permit a: context.data.classification <= 1\n====\npermit b: context.data.classification < 2", Proved, &[]),
        ("permit a: context.data.classification <= 1\n====\npermit b: context.data.classification <= 2", Violated, &["b@1"]),
    ];
    check(&Property::Equivalent, &cases);
}

#[test]
fn each_difference_is_named_once() {
    let cases: [Case<'_>; 4] = [
        ("permit a\n====\npermit b", Proved, &[]),
        (
            "permit open\n====\npermit open\nforbid personal: context.data.personal\nforbid secrets: context.data.secrets",
            Violated,
            &["open@1,personal@2", "open@1,secrets@3"],
        ),
        // Two versions of the same terms, with the same ids.
        (
            "permit open\nforbid class: context.data.classification >= 3\n====\npermit open\nforbid class: context.data.classification >= 2\nforbid weights: !resource.open_weights",
            Violated,
            &["open@1,class@2", "open@1,weights@3"],
        ),
        // A means that one of them asks for.
        ("permit open\n====\npermit sealed: context.means.sealed", Violated, &["open@1"]),
    ];
    check(&Property::Diff, &cases);
}

// === never ===

fn certified_by(one: &str, other: &str) -> String {
    format!("resource.assurance.certified_by.containsAll([Jurisdiction::\"{one}\", Jurisdiction::\"{other}\"])")
}

#[test]
fn what_is_never_permitted() {
    let health = "principal in Unit::\"health\"";
    let abroad = "!(resource.origin.control in Bloc::\"eu\")";
    let terms = format!("permit open\nforbid health: {health} && {abroad} && !context.means.pseudonymised");
    for (wish, verdict) in [
        (format!("{health} && {abroad} && !context.means.pseudonymised"), Proved),
        (format!("{health} && {abroad}"), Violated),
        (format!("{abroad} && !context.means.pseudonymised"), Violated),
        // Opaque parts cannot be pseudonymised.
        (format!("{health} && {abroad} && context.data.opaque"), Proved),
        // Nothing asks for it, so it is not among the least means.
        ("context.means.sealed".to_owned(), Proved),
        (format!("!({health}) && context.means.pseudonymised"), Proved),
        (format!("{health} && context.means.pseudonymised"), Violated),
        // What no term names.
        ("context.purpose like \"a*\"".to_owned(), Violated),
        ("context.purpose like \"a*b\" && !(context.purpose like \"a*\")".to_owned(), Proved),
        // There is such a text, but not among those that are tried.
        ("context.purpose like \"a*\" && context.purpose like \"*b\"".to_owned(), Verdict::Unknown),
        // As many certificates as nations.
        (certified_by("FR", "DE"), Violated),
        (format!("{} && [\"iso27001\"].containsAll(resource.assurance.certifications)", certified_by("FR", "DE")), Proved),
        (format!("{} && [\"iso27001\", \"soc2\"].containsAll(resource.assurance.certifications)", certified_by("FR", "DE")), Violated),
        ("context.data.kinds.contains(\"iban\")".to_owned(), Violated),
        ("resource == Offering::\"acme/model@fr\"".to_owned(), Violated),
        ("principal == Workload::\"clerk\" && principal in Unit::\"health/ward\"".to_owned(), Violated),
        // Names that nothing can have.
        ("resource == Offering::\"no id\"".to_owned(), Proved),
        ("principal == Workload::\"\"".to_owned(), Proved),
    ] {
        let answer = in_principle(vec![unlinted(&terms)], &never(&wish));
        assert_eq!(answer.verdict, verdict, "{wish}: {:?}", answer.because);
    }
}

/// As much of each kind is thought of as comparisons of facts with each other can tell apart.
#[test]
fn facts_can_differ_in_what_no_term_names() {
    for wish in [
        "!context.data.kinds.containsAll(context.data.remote) && !context.data.remote.containsAll(context.data.kinds)",
        "!context.data.kinds.contains(context.purpose) && !context.data.kinds.isEmpty()",
        "context.data.kinds.containsAny(resource.assurance.certifications)",
        "resource.assurance.certifications.containsAll(resource.assurance.transfer) && !resource.assurance.transfer.isEmpty() && context.data.secrets == false || !resource.origin.processed_in.containsAny(resource.origin.stored_in)",
        "resource.origin.control != resource.origin.operator && resource.origin.developer != resource.origin.control && resource.origin.developer != resource.origin.operator",
        "principal in Unit::\"a\" && Unit::\"a\".sector != context.purpose",
        "principal in Unit::\"a\" && Unit::\"a\".sector == \"\"",
        "principal in Unit::\"a\" && Unit::\"a\".sector != \"\"",
        "principal in Unit::\"a\" && Unit::\"a\".sector == \"other-things\"",
    ] {
        let answer = in_principle(vec![unlinted(OPEN)], &never(wish));
        assert_eq!(answer.verdict, Violated, "{wish}: {:?}", answer.because);
    }
}

#[test]
fn what_the_schema_does_not_have_is_not_there() {
    for text in ["forbid id: resource has id || context.data.secrets", "forbid data: principal has data || context.data.secrets"] {
        let answer = in_principle(vec![unlinted(&format!("{OPEN}\n{text}"))], &never("true"));
        assert_eq!(answer.verdict, Violated, "{text}: {:?}", answer.because);
    }
}

#[test]
fn each_action_counts_also_inside_a_condition() {
    let cases: [Case<'_>; 2] = [
        ("permit chat: action == Action::\"infer\"", Proved, &[]),
        ("permit embeddings: action == Action::\"embed\"", Violated, &["embeddings@1"]),
    ];
    check(&never("action == Action::\"embed\""), &cases);
}

// === equal treatment ===

#[test]
fn origin_that_decides_is_named() {
    let cases: [Case<'_>; 9] = [
        ("permit trained: resource.assurance.level.training >= 2", Proved, &[]),
        ("permit open\nforbid us: resource.origin.control == Jurisdiction::\"US\"", Violated, &["us@2 control"]),
        ("permit eu: resource.origin.processed_within.contains(Bloc::\"eu\")", Violated, &["eu@1 processed_in"]),
        ("permit open\nforbid acme: resource == Offering::\"acme/model@fr\"", Violated, &["acme@2 id"]),
        // Either is enough.
        (
            "permit open\nforbid us: resource.origin.control == Jurisdiction::\"US\"\nforbid stored: resource.origin.stored_in.contains(Jurisdiction::\"CN\")",
            Violated,
            &["stored@3 stored_in", "us@2 control"],
        ),
        // Only both together.
        (
            "permit open\nforbid both: resource.origin.control == Jurisdiction::\"US\" && resource.origin.operator == Jurisdiction::\"US\"",
            Violated,
            &["both@2 control", "both@2 operator"],
        ),
        // Some nations only are asked for a means.
        (
            "permit open\nforbid plain: resource.origin.control == Jurisdiction::\"US\" && !context.means.pseudonymised",
            Violated,
            &["plain@2 control"],
        ),
        ("permit open\nembed-forbid us: resource.origin.control == Jurisdiction::\"US\"", Violated, &["us@2 control"]),
        (
            "permit open\nforbid us: action == Action::\"embed\" && resource.origin.control == Jurisdiction::\"US\"",
            Violated,
            &["us@2 control"],
        ),
    ];
    check(&Property::EqualTreatment(Given::default()), &cases);
}

/// Nobody reads thirty terms as carefully as this.
#[test]
fn one_sneaky_term_among_thirty_is_named() {
    let fair: String = (0..29)
        .map(|at| format!("forbid fair-{at}: context.purpose == \"p{at}\" && resource.assurance.level.retention < {}\n", at % 4))
        .collect();
    let sneaky = "forbid sneaky: context.purpose == \"p7\" && context.data.kinds.contains(\"iban\") && resource.origin.governing_law == Jurisdiction::\"IN\"";
    let cases: [Case<'_>; 2] =
        [(&format!("{OPEN}\n{}", fair.trim()), Proved, &[]), (&format!("{OPEN}\n{fair}{sneaky}"), Violated, &["sneaky@31 governing_law"])];
    check(&Property::EqualTreatment(Given::default()), &cases);
}

#[test]
fn location_and_ownership_are_told_apart() {
    let ownership = "permit open\nforbid us: resource.origin.control == Jurisdiction::\"US\"";
    let location = "permit open\nforbid cn: resource.origin.stored_in.contains(Jurisdiction::\"CN\")";
    let derived = "permit open\nforbid us: resource.origin.compellable_by.contains(Jurisdiction::\"US\")";
    let by_location = Property::EqualTreatment(given(&[], &["processed_in", "stored_in"]));
    check(&by_location, &[(ownership, Proved, &[]), (location, Violated, &["cn@2 stored_in"])]);
    let by_ownership = Property::EqualTreatment(given(&[], &["control", "operator", "compellable_by"]));
    check(&by_ownership, &[(ownership, Violated, &["us@2 control"]), (location, Proved, &[])]);
    // What follows from location is location, too.
    let answer = in_principle(sides(derived), &by_location);
    assert_eq!(answer.verdict, Violated, "{:?}", answer.because);
}

#[test]
fn only_what_is_given_is_the_same() {
    let training = "permit trained: resource.assurance.level.training >= 2";
    check(&Property::EqualTreatment(given(&["training"], &[])), &[(training, Proved, &[])]);
    check(&Property::EqualTreatment(given(&["retention"], &[])), &[(training, Violated, &["trained@1 training"])]);
    let weights = "permit weights: resource.open_weights";
    check(&Property::EqualTreatment(given(&["open_weights"], &[])), &[(weights, Proved, &[])]);
    let certified = "permit soc: resource.assurance.certifications.contains(\"soc2\")";
    check(&Property::EqualTreatment(given(&["certifications"], &[])), &[(certified, Proved, &[])]);
    check(&Property::EqualTreatment(given(&["training"], &[])), &[(certified, Violated, &["soc@1 certifications"])]);
}

#[test]
fn preferences_for_origin_are_named() {
    let cases: [Case<'_>; 5] = [
        ("permit open\nprefer trained: resource.assurance.level.training >= 2", Proved, &[]),
        ("permit open\nprefer ours: resource.origin.control == Jurisdiction::\"GB\"", Violated, &["ours@2 control"]),
        ("permit open\nprefer near: resource.origin.processed_within.contains(Bloc::\"eu\")", Violated, &["near@2 processed_in"]),
        // Stopped by a forbid of preferences.
        ("permit open\nprefer ours: resource.origin.control == Jurisdiction::\"GB\"\navoid all: true", Proved, &[]),
        // Nothing is admitted that could be preferred.
        (
            "permit gb: resource.origin.control == Jurisdiction::\"FR\"\nprefer ours: resource.origin.control == Jurisdiction::\"GB\"",
            Proved,
            &[],
        ),
    ];
    check(&Property::EqualPreference(Given::default()), &cases);
}

// === monotone, other means, recognition ===

#[test]
fn profit_from_what_is_worse_is_found() {
    let cases: [Case<'_>; 12] = [
        ("permit trained: resource.assurance.level.training >= 2", Proved, &[]),
        ("permit low: resource.assurance.level.retention <= 1", Violated, &[""]),
        ("permit finding: context.data.personal", Violated, &[""]),
        ("permit kind: context.data.kinds.contains(\"iban\")", Violated, &[""]),
        ("permit somewhere: resource.origin.processed_in.contains(Jurisdiction::\"FR\")", Violated, &[""]),
        ("permit nobody: resource.origin.control == Jurisdiction::\"XX\"", Violated, &[""]),
        ("permit only: resource.origin.control == Jurisdiction::\"FR\"", Proved, &[]),
        ("permit open\nforbid certified: resource.assurance.certifications.contains(\"soc2\")", Violated, &["certified@2"]),
        ("permit open\nforbid sealed: context.means.sealed", Violated, &["sealed@2"]),
        ("permit open\nforbid class: context.data.classification > principal.clearance", Proved, &[]),
        ("permit blind: context.data.detector == 0", Violated, &[""]),
        ("permit open\nembed-forbid sealed: context.means.sealed", Violated, &["sealed@2"]),
    ];
    check(&Property::Monotone, &cases);
}

#[test]
fn tests_of_origin_that_leave_no_other_way_are_found() {
    let cases: [Case<'_>; 4] = [
        ("permit trained: resource.assurance.level.training >= 2", Proved, &[]),
        ("permit open\nforbid us: resource.origin.control == Jurisdiction::\"US\"", Violated, &["us@2"]),
        ("permit open\nforbid us: resource.origin.control == Jurisdiction::\"US\" && !context.means.pseudonymised", Proved, &["us@2"]),
        ("permit home: resource.origin.control in Bloc::\"eu\"\npermit kept: resource.assurance.level.retention == 3", Proved, &["home@1"]),
    ];
    check(&Property::OtherMeans, &cases);
}

#[test]
fn recognition_is_asked_of_both() {
    let recognise = Property::Recognise(["GB".parse().unwrap(), "FR".parse().unwrap()]);
    let by = |codes: &str| format!("permit certified: resource.assurance.certified_by.containsAny([{codes}])");
    let both = by("Jurisdiction::\"GB\", Jurisdiction::\"FR\"");
    let [gb, fr] = ["GB", "FR"].map(|code| by(&format!("Jurisdiction::\"{code}\"")));
    let cases: [Case<'_>; 4] = [
        (&format!("{both}\n====\n{both}"), Proved, &[]),
        (&format!("{gb}\n====\n{fr}"), Violated, &["certified@1 certified_by", "certified@1 certified_by"]),
        // One nation recognises the other, which does not in return.
        (&format!("{both}\n====\n{fr}"), Violated, &["certified@1 certified_by"]),
        // It recognises certificates, and asks where a call is processed.
        (
            &format!(
                "{both}\nforbid abroad: !resource.origin.processed_within.contains(Bloc::\"eu\") && !resource.origin.processed_in.contains(Jurisdiction::\"GB\")\n====\n{both}\nforbid place: resource.origin.processed_in.contains(Jurisdiction::\"GB\")"
            ),
            Violated,
            &["place@2 processed_in"],
        ),
    ];
    check(&recognise, &cases);
}

// === the catalogue ===

#[test]
fn what_nobody_serves_is_found() {
    for (text, verdict) in
        [(OPEN, Proved), ("permit impossible: context.purpose == \"a\" && resource.origin.control == Jurisdiction::\"VA\"", Violated)]
    {
        let report = prove(sides(text), &Property::Complete);
        assert_eq!(report.verdict(), verdict, "{text}");
        assert!(report.in_principle.is_none(), "it is about the catalogue alone");
    }
}

#[test]
fn dependence_is_found() {
    let without = Property::Survives(["US".parse().unwrap()].into());
    let american = "permit american: resource.origin.control == Jurisdiction::\"US\"";
    for (text, verdict) in [(OPEN, Proved), (american, Violated)] {
        assert_eq!(prove(sides(text), &without).verdict(), verdict, "{text}");
    }
}

// === what a verdict says beside itself ===

#[test]
fn a_proof_that_says_little_says_so() {
    let equal = Property::EqualTreatment(Given::default());
    for (text, property, note) in [
        ("forbid secrets: context.data.secrets", &equal, Some("layer-0 permits no call at all")),
        (
            "permit open\nforbid one: resource == Offering::\"acme/model@fr\" && context.data.secrets",
            &Property::Monotone,
            Some("any facts"),
        ),
        (OPEN, &equal, None),
    ] {
        let report = prove(sides(text), property);
        assert_eq!(report.verdict(), Proved, "{text}");
        assert_eq!(report.notes.len(), usize::from(note.is_some()), "{text}: {:?}", report.notes);
        assert!(note.is_none_or(|note| report.notes.iter().any(|said| said.contains(note))), "{text}: {:?}", report.notes);
    }
}

/// The solver is asked whether a sum can overflow, as it is asked everything else.
#[test]
fn that_nothing_fails_is_confirmed() {
    let report = prove(sides("permit sum: resource.assurance.level.training + 1 >= 2"), &Property::Errors);
    assert!(report.in_principle.unwrap().by.starts_with("exact search and cvc5"));
    let [asked] = report.questions.as_slice() else { panic!("{:?}", report.questions) };
    assert_eq!((asked.search.as_str(), asked.solver.as_str()), ("impossible", "impossible"));
    assert!(asked.smt.contains("(check-sat)"), "{}", asked.smt);
}

#[test]
fn a_test_of_origin_that_leaves_no_way_is_shown_on_an_offering_with_every_assurance() {
    let report = prove(sides("permit open\nforbid abroad: !(resource.origin.control in Bloc::\"eu\")"), &Property::OtherMeans);
    let answer = report.in_principle.unwrap();
    let decided = &answer.findings[0].example.as_ref().unwrap().decisions[0];
    assert_eq!((answer.verdict, decided.decision, decided.by[0].as_str()), (Violated, "denied", "abroad"));
}
