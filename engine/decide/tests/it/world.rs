//! Small worlds for the tests: three offerings, two blocs, and terms from text.

use std::fmt::Write as _;
use std::sync::Arc;

use comity_catalogue::{Catalogue, SourceFile, shipped};
use comity_decide::{Candidates, Engine, Query};
use comity_terms::{LayerSource, Terms, shipped_pack};
use comity_vocab::{Action, Call, Classification, Data, Instant, MeansSet, OfferingId, Places, Scale, Workload};

/// 2026-11-22, about.
pub(crate) const NOW: Instant = Instant::from_seconds(1_795_305_600);

const BLOCS: &str = r#"
[transfers]
scc = "standard contractual clauses"

[certifications]
iso27001 = "for the test"

[bloc.uk_approved]
name = "test"
source = "the test"
read = "the test"
as_of = 2020-01-01
members = [{ in = ["GB", "FR", "DE"] }]

[bloc.global_cbpr]
name = "test"
source = "the test"
read = "the test"
as_of = 2020-01-01
members = [{ in = ["US", "JP"] }]
"#;

/// Facts of one offering, as a test varies them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) control: &'static str,
    pub(crate) processed: Vec<&'static str>,
    pub(crate) levels: Vec<(Scale, u8)>,
    pub(crate) strength: &'static str,
    pub(crate) certified_by: Option<&'static str>,
    pub(crate) unretained: bool,
}

impl Default for Facts {
    fn default() -> Self {
        Self { control: "US", processed: vec!["US"], levels: vec![], strength: "contract", certified_by: None, unretained: false }
    }
}

impl Facts {
    fn toml(&self, index: usize) -> String {
        let mut text = format!("[[offering]]\nid = \"t/m@{index}\"\nupstream_model = \"m\"\nsurfaces = [\"chat\", \"embeddings\"]\n");
        writeln!(text, "control = \"{}\"", self.control).unwrap();
        let places: Vec<_> = self.processed.iter().map(|place| format!("\"{place}\"")).collect();
        let places = if places.is_empty() { "\"unknown\"".to_owned() } else { format!("[{}]", places.join(", ")) };
        writeln!(text, "processed_in = {places}\nstored_in = {places}").unwrap();
        writeln!(text, "strength = \"{}\"", self.strength).unwrap();
        if self.unretained {
            writeln!(text, "unretained_on_request = true").unwrap();
        }
        if let Some(by) = self.certified_by {
            writeln!(text, "certificate.iso27001 = {{ by = \"{by}\", strength = \"certified\" }}").unwrap();
        }
        for (scale, level) in &self.levels {
            writeln!(text, "{} = {level}", scale.name()).unwrap();
        }
        text
    }
}

pub(crate) fn catalogue(offerings: &[Facts]) -> Arc<Catalogue> {
    let head = "[operator]\nid = \"t\"\nname = \"Test\"\nsource = \"the test\"\nread = \"the test\"\nas_of = 2026-01-01\noperator = \"US\"\ngoverning_law = \"US\"\n";
    let offerings: String = offerings.iter().enumerate().map(|(index, facts)| facts.toml(index)).collect();
    catalogue_of(&format!("{head}{offerings}"))
}

/// A catalogue of one operator's file.
pub(crate) fn catalogue_of(operator: &str) -> Arc<Catalogue> {
    let mut files: Vec<SourceFile> = shipped().into_iter().filter(|file| file.path.ends_with("jurisdictions.toml")).collect();
    files.push(SourceFile { path: "blocs.toml".to_owned(), text: BLOCS.to_owned() });
    files.push(SourceFile { path: "t.toml".to_owned(), text: operator.to_owned() });
    Arc::new(Catalogue::parse(files).unwrap_or_else(|problems| panic!("{problems:#?}")))
}

pub(crate) fn terms(texts: &[&str]) -> Arc<Terms> {
    let layer = |(index, text): (usize, &&str)| LayerSource {
        name: format!("layer-{index}"),
        path: format!("layer-{index}.cedar"),
        text: (*text).to_owned(),
    };
    Arc::new(Terms::load(texts.iter().enumerate().map(layer).collect()).unwrap_or_else(|problems| panic!("{}", problems[0])))
}

pub(crate) fn uk_public() -> String {
    shipped_pack("uk-public").unwrap().text().to_owned()
}

/// One term with a made-up id and all annotations.
pub(crate) fn term(id: &str, policy: &str) -> String {
    format!("@id(\"{id}\")\n@goal(\"privacy\")\n@reason(\"r\")\n{policy}\n")
}

pub(crate) const PERMIT_ALL: &str = "permit (principal, action in [Action::\"infer\", Action::\"embed\"], resource);";

pub(crate) fn engine(texts: &[&str], offerings: &[Facts]) -> Engine {
    Engine::new(terms(texts), catalogue(offerings))
}

pub(crate) fn candidates(count: usize) -> Candidates {
    (0..count).map(offering).collect()
}

pub(crate) fn offering(index: usize) -> OfferingId {
    format!("t/m@{index}").parse().unwrap()
}

pub(crate) fn call() -> Call {
    Call {
        workload: Workload {
            id: "app".parse().unwrap(),
            unit: "ministry/health".parse().unwrap(),
            sector: "public".to_owned(),
            clearance: Classification::Confidential,
            critical: false,
        },
        action: Action::Infer,
        data: Data {
            classification: Classification::Public,
            personal: false,
            special_category: false,
            secrets: false,
            opaque: false,
            remote: Default::default(),
            detector: 1,
            kinds: Default::default(),
            subjects: Places::UNKNOWN,
        },
        purpose: String::new(),
    }
}

pub(crate) fn query<'a>(call: &'a Call, candidates: &'a Candidates) -> Query<'a> {
    Query { call, performable: MeansSet::NONE, candidates, instant: NOW }
}
