//! One question, from the condition to an answer: searched, put to the solver where the search finds nothing, and replayed where it finds
//! something. A counterexample that does not replay is a bug of this program and ends the proof.

use std::collections::BTreeMap;
use std::sync::Arc;

use comity_catalogue::{Catalogue, SourceFile};
use comity_decide::Engine;
use comity_vocab::{Instant, Surface};

use crate::cedar::{self, Cedar};
use crate::failure::GaveUp;
use crate::market::{self, Row};
use crate::pinned::Pinned;
use crate::progress::Progress;
use crate::replay::{Expect, Ids};
use crate::report::{Answer, Example, Question, Verdict};
use crate::rules::{Asked, Rules};
use crate::scope::Scope;
use crate::search::{Known, Model, Search};
use crate::solver::{Asks, Questions, Solver};

/// What ends a proof.
#[derive(Debug, thiserror::Error)]
pub enum ProveError {
    /// A counterexample is none to the gateway's own engine: a bug of this program.
    #[error("a counterexample to `{question}` does not replay: {why}")]
    DoesNotReplay {
        /// What was asked.
        question: String,
        /// What came out instead.
        why: String,
    },
    /// The catalogue violates what was proved for every offering: a bug of this program.
    #[error("`{property}` was proved for every offering, and offerings of the catalogue violate it")]
    Contradiction {
        /// Which property.
        property: String,
    },
}

/// What is asked.
pub(crate) struct Inquiry<'q> {
    /// In words, for the record.
    pub(crate) name: String,
    pub(crate) scope: &'q Scope,
    pub(crate) offerings: &'q [&'static str],
    pub(crate) calls: &'q [&'static str],
    /// What must be possible for the property to be violated.
    pub(crate) condition: Cedar,
    /// What makes an example plain, most wanted first; beside what makes every example plain.
    pub(crate) wishes: Vec<Cedar>,
    /// What the engine must decide on a counterexample.
    pub(crate) expects: Vec<Expect>,
}

/// A smaller question. Where none of the slices of an inquiry is possible, the inquiry itself is not.
pub(crate) struct Slice {
    pub(crate) name: String,
    /// What the terms of the slice alone can tell apart.
    pub(crate) scope: Scope,
    pub(crate) condition: Cedar,
}

/// The answer to an inquiry.
pub(crate) enum Outcome {
    /// It cannot be; who says so.
    Impossible(String),
    /// It can, and this shows it.
    Possible(Box<Example>),
    Unknown(String),
}

/// One of the terms that are compared.
pub(crate) struct Side {
    pub(crate) engine: Engine,
    pub(crate) rules: Arc<Rules>,
}

/// Everything that inquiries share.
pub(crate) struct Bench {
    pub(crate) sides: Vec<Side>,
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) instant: Instant,
    pub(crate) pinned: Pinned,
    pub(crate) solver: Option<Solver>,
    pub(crate) asked: Vec<Question>,
    /// What is to be said beside the answer.
    pub(crate) notes: Vec<String>,
    pub(crate) progress: Progress,
    questions: Questions,
    /// The lists of the catalogue alone, over which examples are loaded.
    pub(crate) lists: Vec<SourceFile>,
}

/// Tables of a catalogue that examples stand on.
const LISTS: [&str; 6] = ["bloc", "certifications", "jurisdictions", "mistaken", "regions", "transfers"];
const DISAGREE: &str = "the search and the solver disagree, which is a bug: please report it";
/// Who says that something is impossible.
const BY_SEARCH: &str = "exact search";

// === impl Bench ===

impl Bench {
    pub(crate) fn new(sides: Vec<Side>, catalogue: Arc<Catalogue>, instant: Instant, solver: Option<Solver>) -> Self {
        let pinned = Pinned::new(&catalogue, instant);
        let lists = lists(&catalogue);
        Self {
            sides,
            catalogue,
            instant,
            pinned,
            solver,
            asked: Vec::new(),
            notes: Vec::new(),
            progress: Progress::default(),
            questions: Questions::new(),
            lists,
        }
    }

    /// Says something beside the answer, once.
    pub(crate) fn note(&mut self, note: String) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// For every offering and call that can be.
    pub(crate) fn inquire(&mut self, inquiry: &Inquiry<'_>) -> Result<Outcome, ProveError> {
        let found = self.search(inquiry);
        self.settle(inquiry, found)
    }

    /// The same, where the solver gets an inquiry that it cannot answer soon in slices, and only if one of them is possible as a whole again.
    pub(crate) fn inquire_sliced(&mut self, inquiry: &Inquiry<'_>, slices: Result<Vec<Slice>, GaveUp>) -> Result<Outcome, ProveError> {
        let found = self.search(inquiry);
        let (Some(solver), Ok(slices), false) = (&self.solver, slices, matches!(found, Ok(Some(_)))) else {
            return self.settle(inquiry, found);
        };
        let answer = solver.soon().is_possible(&self.questions, &whole(inquiry));
        let before = self.asked.len();
        match (answer, found) {
            (answer @ Ok(_), Ok(_)) => Ok(self.confirmed(inquiry, answer)),
            (answer @ Ok(_), Err(gave_up)) => Ok(self.answered(inquiry, &gave_up, answer)),
            (Err(_), found) => match self.none_possible(inquiry, slices) {
                Some(by) => Ok(Outcome::Impossible(by)),
                None => {
                    self.asked.truncate(before);
                    self.settle(inquiry, found)
                }
            },
        }
    }

    /// Who says that no slice is possible, if that is so.
    pub(crate) fn none_possible(&mut self, inquiry: &Inquiry<'_>, slices: Vec<Slice>) -> Option<String> {
        let mut says = format!("{BY_SEARCH}, term by term");
        self.progress.begin(slices.len());
        for Slice { name, scope, condition } in slices {
            self.progress.one_done();
            let (wishes, expects) = (Vec::new(), Vec::new());
            let slice = Inquiry { name, scope: &scope, condition, wishes, expects, ..*inquiry };
            let outcome = match self.search(&slice) {
                Ok(Some(_)) => return None,
                Ok(None) => self.confirm(&slice),
                Err(gave_up) => self.by_solver_alone(&slice, &gave_up),
            };
            let Outcome::Impossible(by) = outcome else { return None };
            says = format!("{by}, term by term");
        }
        Some(says)
    }

    /// What follows from what the search found.
    pub(crate) fn settle(&mut self, inquiry: &Inquiry<'_>, found: Result<Option<Model>, GaveUp>) -> Result<Outcome, ProveError> {
        match found {
            Ok(Some(model)) => {
                self.record(inquiry, "possible".to_owned(), None);
                self.replayed(inquiry, &model).map(|example| Outcome::Possible(Box::new(example)))
            }
            Ok(None) => Ok(self.confirm(inquiry)),
            Err(gave_up) => Ok(self.by_solver_alone(inquiry, &gave_up)),
        }
    }

    fn search(&self, inquiry: &Inquiry<'_>) -> Result<Option<Model>, GaveUp> {
        let mut search = Search::new(inquiry.scope, inquiry.offerings, inquiry.calls)?;
        let condition = search.known(&inquiry.condition)?;
        let wishes = wishes(&mut search, inquiry, &self.pinned)?;
        search.find_plain(&[condition], &wishes)
    }

    /// The search found nothing: the solver is asked as well.
    fn confirm(&mut self, inquiry: &Inquiry<'_>) -> Outcome {
        let Some(solver) = self.solver.clone() else {
            self.record(inquiry, "impossible".to_owned(), None);
            return Outcome::Impossible(BY_SEARCH.to_owned());
        };
        let answer = solver.is_possible(&self.questions, &whole(inquiry));
        self.confirmed(inquiry, answer)
    }

    /// What the solver says where the search finds nothing.
    fn confirmed(&mut self, inquiry: &Inquiry<'_>, answer: Result<bool, GaveUp>) -> Outcome {
        self.record(inquiry, "impossible".to_owned(), Some(&answer));
        match answer {
            Ok(false) => Outcome::Impossible(format!("{BY_SEARCH} and {}", self.solver_name())),
            Ok(true) => Outcome::Unknown(DISAGREE.to_owned()),
            Err(gave_up) => Outcome::Unknown(format!("the search finds no counterexample, but {gave_up}")),
        }
    }

    fn by_solver_alone(&mut self, inquiry: &Inquiry<'_>, gave_up: &GaveUp) -> Outcome {
        let Some(solver) = self.solver.clone() else {
            self.record(inquiry, gave_up.to_string(), None);
            return Outcome::Unknown(format!("{gave_up}, and there is no solver"));
        };
        let answer = solver.is_possible(&self.questions, &whole(inquiry));
        self.answered(inquiry, gave_up, answer)
    }

    /// What the solver says where the search gives up.
    fn answered(&mut self, inquiry: &Inquiry<'_>, gave_up: &GaveUp, answer: Result<bool, GaveUp>) -> Outcome {
        self.record(inquiry, gave_up.to_string(), Some(&answer));
        match answer {
            Ok(false) => Outcome::Impossible(self.solver_name()),
            Ok(true) => Outcome::Unknown(format!("{gave_up}; the solver says that there is a counterexample, and none could be replayed")),
            Err(also) => Outcome::Unknown(format!("{gave_up}, and {also}")),
        }
    }

    fn solver_name(&self) -> String {
        self.solver.as_ref().map(Solver::name).unwrap_or_default()
    }

    /// Whether the condition can fail to have a value: searched, and put to the solver where the search finds nothing.
    pub(crate) fn inquire_failure(&mut self, inquiry: &Inquiry<'_>) -> Result<Outcome, ProveError> {
        let searched = Search::new(inquiry.scope, inquiry.offerings, inquiry.calls).and_then(|mut search| {
            let fails = search.failure_of(&inquiry.condition)?;
            search.find(&[fails])
        });
        let (searched, solver) = match (searched, self.solver.clone()) {
            (Ok(Some(model)), _) => {
                self.record_as((inquiry, Asks::Fails), "possible".to_owned(), None);
                return self.replayed(inquiry, &model).map(|example| Outcome::Possible(Box::new(example)));
            }
            (searched, solver) => (searched.map(|_| ()), solver),
        };
        let answer = solver.as_ref().map(|solver| solver.can_fail(&self.questions, &whole(inquiry)));
        let search = searched.as_ref().map_or_else(ToString::to_string, |()| "impossible".to_owned());
        self.record_as((inquiry, Asks::Fails), search, answer.as_ref());
        Ok(match (searched, answer) {
            (Ok(()), None) => Outcome::Impossible(BY_SEARCH.to_owned()),
            (Ok(()), Some(Ok(false))) => Outcome::Impossible(format!("{BY_SEARCH} and {}", self.solver_name())),
            (Ok(()), Some(Ok(true))) => Outcome::Unknown(DISAGREE.to_owned()),
            (Ok(()), Some(Err(gave_up))) => Outcome::Unknown(format!("the search finds no failure, but {gave_up}")),
            (Err(gave_up), _) => Outcome::Unknown(gave_up.to_string()),
        })
    }

    fn record(&mut self, inquiry: &Inquiry<'_>, search: String, solver: Option<&Result<bool, GaveUp>>) {
        self.record_as((inquiry, Asks::Holds), search, solver);
    }

    fn record_as(&mut self, (inquiry, asks): (&Inquiry<'_>, Asks), search: String, solver: Option<&Result<bool, GaveUp>>) {
        let whole = whole(inquiry);
        let cedar = format!("{whole}\n");
        let smt = self.questions.script(&whole, asks).unwrap_or_else(|gave_up| format!("; {gave_up}\n"));
        let solver = match solver {
            None => "not asked".to_owned(),
            Some(Ok(true)) => "possible".to_owned(),
            Some(Ok(false)) => "impossible".to_owned(),
            Some(Err(gave_up)) => gave_up.to_string(),
        };
        let (cedar_sha256, smt_sha256) = (sha256(&cedar), sha256(&smt));
        self.asked.push(Question { name: inquiry.name.clone(), cedar, smt, cedar_sha256, smt_sha256, search, solver });
    }

    /// For the offerings of the catalogue alone. Nobody but the search is needed: there are finitely many.
    pub(crate) fn inquire_market(&mut self, inquiry: &Inquiry<'_>) -> Result<Outcome, ProveError> {
        match self.search_market(inquiry) {
            Err(gave_up) => Ok(Outcome::Unknown(gave_up.to_string())),
            Ok(None) => Ok(Outcome::Impossible("exhaustive search of the catalogue".to_owned())),
            Ok(Some((model, ids))) => {
                self.replayed_in_catalogue(inquiry, (&model, &ids)).map(|example| Outcome::Possible(Box::new(example)))
            }
        }
    }

    /// What an offering must serve to be asked about; anything where all terms treat chats and embeddings alike.
    pub(crate) fn surface(&self, asked: Asked) -> Option<Surface> {
        let alike = self.sides.iter().all(|side| side.rules.treats_actions_alike());
        asked.surface().filter(|_| !alike)
    }

    fn search_market(&self, inquiry: &Inquiry<'_>) -> Result<Option<(Model, Ids)>, GaveUp> {
        let asked = inquiry.expects.iter().map(|expect| expect.place.asked).next();
        let rows: Vec<Row> = market::rows(inquiry.scope, &self.pinned, asked.and_then(|asked| self.surface(asked)));
        let mut search = Search::new(inquiry.scope, inquiry.offerings, inquiry.calls)?;
        let condition = search.known(&inquiry.condition)?;
        let mut selected = BTreeMap::new();
        for slot in inquiry.offerings {
            selected.insert(*slot, market::confine(&mut search, inquiry.scope, &rows, (slot, inquiry.calls))?);
        }
        let wishes = wishes(&mut search, inquiry, &self.pinned)?;
        let Some(model) = search.find_plain(&[condition], &wishes)? else { return Ok(None) };
        let mut ids = BTreeMap::new();
        for (slot, chosen) in selected {
            let row = rows.iter().zip(&chosen).find(|(_, known)| search.held(**known)).map(|(row, _)| row);
            let taken = ids.values().next();
            let id = row.and_then(|row| row.offerings.iter().find(|id| Some(*id) != taken).or_else(|| row.offerings.first()));
            ids.insert(slot, id.cloned().ok_or_else(|| GaveUp::new("a row of the catalogue without offerings"))?);
        }
        Ok(Some((model, ids)))
    }
}

// === impl Outcome ===

impl Outcome {
    /// The answer, where a finding is what violates the property.
    pub(crate) fn into_answer(self, finding: impl FnOnce(Example) -> crate::report::Finding) -> Answer {
        match self {
            Self::Impossible(by) => Answer::new(Verdict::Proved, &by),
            Self::Unknown(why) => Answer::unknown(why),
            Self::Possible(example) => {
                let mut answer = Answer::new(Verdict::Violated, "a counterexample that was replayed");
                answer.findings.push(finding(*example));
                answer
            }
        }
    }
}

pub(crate) fn broken(inquiry: &Inquiry<'_>, why: String) -> ProveError {
    ProveError::DoesNotReplay { question: inquiry.name.clone(), why }
}

/// The condition with everything that is assumed, for whoever does not know what is possible.
pub(crate) fn whole(inquiry: &Inquiry<'_>) -> Cedar {
    let scope = inquiry.scope;
    let offerings = inquiry.offerings.iter().map(|slot| scope.possible_offering(slot));
    let calls = inquiry.calls.iter().map(|slot| scope.possible_call(slot));
    let values = scope.known_values(inquiry.offerings, inquiry.calls);
    cedar::all([values].into_iter().chain(offerings).chain(calls).chain([scope.possible_workload(), inquiry.condition.clone()]))
}

/// What makes every example plain: nothing unknown, nothing found, few places, familiar countries, no level that is not needed.
fn wishes(search: &mut Search<'_>, inquiry: &Inquiry<'_>, pinned: &Pinned) -> Result<Vec<Known>, GaveUp> {
    let own = inquiry.wishes.iter().map(|wish| search.known(wish)).collect::<Result<Vec<_>, _>>()?;
    let plain = crate::plain::wishes(inquiry.scope, (inquiry.offerings, inquiry.calls), pinned);
    let plain = plain.iter().map(|wish| search.known(wish)).collect::<Result<Vec<_>, _>>()?;
    Ok(own.into_iter().chain(plain).collect())
}

/// The catalogue without its offerings.
fn lists(catalogue: &Catalogue) -> Vec<SourceFile> {
    let files = catalogue.files().iter().filter_map(|file| {
        let mut table: toml::Table = file.text.parse().ok()?;
        table.retain(|key, _| LISTS.contains(&key));
        let text = toml::to_string(&table).ok().filter(|text| !text.is_empty())?;
        Some(SourceFile { path: file.path.clone(), text })
    });
    files.collect()
}

/// Of the bytes alone, so that everybody's tool gives the same.
fn sha256(text: &str) -> String {
    use sha2::Digest as _;
    sha2::Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}
