//! Random offerings as somebody could write them: every fact, known or not, over all jurisdictions and all words, read by the catalogue's own
//! loader. The numbers come from a fixed seed.

use std::sync::{Arc, LazyLock};

use comity_catalogue::{Catalogue, Severity, SourceFile, World, shipped};
use comity_vocab::Scale;

use crate::setting::{CATALOGUE, DAY};

/// Numbers that look random, and are the same in each run (xorshift64*).
pub(crate) struct Dice(u64);

/// The facts of one offering as TOML, each by its key.
pub(crate) type Written = Vec<(String, String)>;

/// Countries that terms like to name come more often than their share.
const OFTEN: [&str; 10] = ["US", "GB", "FR", "DE", "CN", "IN", "KR", "JP", "CH", "CA"];
const STRENGTHS: [&str; 3] = ["claimed", "contract", "certified"];
static WORLD: LazyLock<Arc<World>> = LazyLock::new(|| CATALOGUE.at(DAY).into());
static CODES: LazyLock<Vec<String>> = LazyLock::new(|| WORLD.jurisdictions.iter().map(ToString::to_string).collect());
const ORIGIN: [&str; 8] = ["operator", "control", "developer", "governing_law", "processed_in", "stored_in", "hardware", "compellable_by"];

// === impl Dice ===

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// `0..below`
    pub(crate) fn roll(&mut self, below: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        usize::try_from(self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33).unwrap() % below
    }

    /// True once in so many times.
    pub(crate) fn once_in(&mut self, times: usize) -> bool {
        self.roll(times) == 0
    }

    pub(crate) fn one<'t, T>(&mut self, of: &'t [T]) -> &'t T {
        &of[self.roll(of.len())]
    }

    fn code(&mut self) -> String {
        if self.once_in(2) {
            return (*self.one(&OFTEN)).to_owned();
        }
        self.one(&CODES).clone()
    }

    pub(crate) fn single(&mut self) -> String {
        if self.once_in(6) { "\"unknown\"".to_owned() } else { format!("\"{}\"", self.code()) }
    }

    pub(crate) fn places(&mut self) -> String {
        if self.once_in(6) {
            return "\"unknown\"".to_owned();
        }
        let count = 1 + self.roll(3);
        let codes: Vec<String> = (0..count).map(|_| format!("\"{}\"", self.code())).collect();
        let distinct: std::collections::BTreeSet<String> = codes.into_iter().collect();
        format!("[{}]", distinct.into_iter().collect::<Vec<_>>().join(", "))
    }

    /// Any origin; `compellable_by` is left to be derived more often than not.
    pub(crate) fn origin(&mut self) -> Written {
        let facts = ORIGIN.into_iter().filter_map(|fact| {
            let value = match fact {
                "operator" | "control" | "developer" | "governing_law" => self.single(),
                "compellable_by" if !self.once_in(3) => return None,
                _ => self.places(),
            };
            Some((fact.to_owned(), value))
        });
        facts.collect()
    }

    /// Any assurances.
    pub(crate) fn assurance(&mut self) -> Written {
        let mut written = vec![("open_weights".to_owned(), self.once_in(2).to_string())];
        written.push(("unretained_on_request".to_owned(), self.once_in(2).to_string()));
        let transfers: Vec<&String> = WORLD.transfers.iter().filter(|_| self.once_in(3)).collect();
        let strength = *self.one(&STRENGTHS);
        written.push(("transfer".to_owned(), format!("{{ value = {transfers:?}, strength = \"{strength}\" }}")));
        let generous = self.once_in(2);
        for word in &WORLD.certifications {
            if self.once_in(if generous { 2 } else { 6 }) {
                let by = if self.once_in(3) { String::new() } else { format!("by = \"{}\", ", self.code()) };
                let strength = *self.one(&STRENGTHS);
                written.push((format!("certificate.\"{word}\""), format!("{{ {by}strength = \"{strength}\" }}")));
            }
        }
        written.extend(self.levels(generous));
        written
    }

    /// A sovereignty level is never above a stated objective: the loader refuses it.
    fn levels(&mut self, generous: bool) -> Written {
        let mut levels: Vec<(Scale, usize)> = Vec::new();
        for scale in Scale::ALL {
            let top = usize::from(scale.top());
            if !self.once_in(if generous { 5 } else { 2 }) {
                let level = if generous && self.once_in(2) { top } else { self.roll(top + 1) };
                levels.push((scale, level));
            }
        }
        let least = levels.iter().filter(|(scale, _)| Scale::SEAL_OBJECTIVES.contains(scale)).map(|(_, level)| *level).min();
        let bounded =
            levels.into_iter().map(|(scale, level)| (scale, if scale == Scale::Seal { level.min(least.unwrap_or(level)) } else { level }));
        let written = bounded.collect::<Vec<_>>().into_iter().map(|(scale, level)| {
            let strength = *self.one(&STRENGTHS);
            (scale.name().to_owned(), format!("{{ value = {level}, strength = \"{strength}\" }}"))
        });
        written.collect()
    }
}

/// A catalogue of these offerings alone, called `rand/model-0@x` and so on, over the shipped lists.
pub(crate) fn catalogue(offerings: &[Written]) -> Arc<Catalogue> {
    let lists = shipped()
        .into_iter()
        .filter(|file| !file.path.contains("operators/") && !file.path.contains("developers/") && !file.path.contains("imported/"));
    let mut text = "[operator]\nid = \"rand\"\nname = \"Random\"\nsource = \"made up for a test\"\nread = \"the test\"\nas_of = 2000-01-01\nstrength = \"contract\"\n".to_owned();
    for (at, facts) in offerings.iter().enumerate() {
        text.push_str(&format!(
            "\n[[offering]]\nid = \"rand/model-{at}@x\"\nupstream_model = \"model\"\nsurfaces = [\"chat\", \"embeddings\"]\n"
        ));
        facts.iter().for_each(|(fact, value)| text.push_str(&format!("{fact} = {value}\n")));
    }
    let files = lists.chain([SourceFile { path: "rand.toml".to_owned(), text }]).collect();
    Arc::new(
        Catalogue::parse(files)
            .unwrap_or_else(|problems| panic!("{:?}", problems.iter().find(|problem| problem.severity == Severity::Error))),
    )
}

/// Some catalogues of so many random offerings each.
pub(crate) fn catalogues(count: u64, each: usize) -> impl Iterator<Item = Arc<Catalogue>> {
    (1..=count).map(move |seed| {
        let mut dice = Dice::new(seed);
        let offerings: Vec<Written> = (0..each).map(|_| [dice.origin(), dice.assurance()].concat()).collect();
        catalogue(&offerings)
    })
}
