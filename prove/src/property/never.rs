//! Nothing is permitted of which a given condition holds. The condition is written as in a term.

use std::sync::Arc;

use cedar_policy::pst::{Clause, Expr};
use comity_terms::{LayerSource, Terms};
use comity_vocab::TermId;

use crate::cedar;
use crate::inquiry::{Inquiry, Outcome, ProveError, Side};
use crate::place::Place;
use crate::prover::{Prover, Seen};
use crate::replay::{Expect, Wanted};
use crate::report::{Answer, Finding};
use crate::search::Search;

/// A condition over a call and an offering, in the words of terms.
#[derive(Debug, Clone)]
pub struct Wish {
    text: String,
    terms: Arc<Terms>,
    condition: Arc<Expr>,
}

/// A condition that no term could have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a condition of terms: {message}")]
pub struct WishProblem {
    text: String,
    message: String,
    /// What to write instead, where that is known.
    pub hint: Option<String>,
}

const ID: &str = "never";

// === impl Wish ===

impl Wish {
    /// Reads a Cedar expression, strictly validated as terms are; what lints of terms refuse is allowed, since nothing is decided by it.
    ///
    /// # Errors
    /// When it is not Cedar, names facts that do not exist, or compares what cannot be compared.
    pub fn parse(text: &str) -> Result<Self, WishProblem> {
        let problem = |message: String, hint: Option<String>| WishProblem { text: text.to_owned(), message, hint };
        let term = format!(
            "@id(\"{ID}\") @goal(\"legal\") @reason(\"a question\")\nforbid (principal, action in [Action::\"infer\", Action::\"embed\"], resource)\n\
             when {{ {text} }};\n"
        );
        let source = LayerSource { name: ID.to_owned(), path: ID.to_owned(), text: term };
        let terms = Terms::load_unlinted(vec![source]).map_err(|problems| {
            let first = problems.into_iter().next();
            let (message, hint) = first.map(|first| (first.message, first.hint)).unwrap_or_default();
            // What follows is no part of the term any more.
            if message.contains("has no `@id`") {
                return problem(
                    "it ends before its end".to_owned(),
                    Some("write one condition, without `;` and with its braces in pairs".to_owned()),
                );
            }
            if message.contains("policy is impossible") {
                let hint = "a fact that the schema does not have, or a comparison of different kinds of things, is always false".to_owned();
                return problem("it is false for every call and every offering that can be".to_owned(), Some(hint));
            }
            let own = format!("term `{ID}`: ");
            // A condition is of no action: Cedar names either of the two that it was tried with.
            let tried = ["infer", "embed"].map(|action| format!(" in context for Action::\"{action}\""));
            let message = tried.iter().fold(message, |message, tried| message.replace(tried, ""));
            problem(message.strip_prefix(&own).unwrap_or(&message).to_owned(), hint)
        })?;
        let policy = terms.layers().first().and_then(|layer| layer.admit().policies().next()).cloned();
        let tree = policy.and_then(|policy| policy.to_pst().ok()).ok_or_else(|| problem("it is empty".to_owned(), None))?;
        match tree.body().clauses().as_slice() {
            [Clause::When(condition)] => {
                Ok(Self { text: text.trim().to_owned(), condition: Arc::clone(condition), terms: Arc::new(terms) })
            }
            _ => Err(problem("it is more than one condition".to_owned(), Some("join conditions by `&&`".to_owned()))),
        }
    }

    /// As it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn condition(&self) -> &Arc<Expr> {
        &self.condition
    }

    fn id(&self) -> TermId {
        #[expect(clippy::expect_used, reason = "the name is part of the program")]
        ID.parse().expect("a term id")
    }

    /// The condition as terms, to look up the names in it.
    #[must_use]
    pub fn terms(&self) -> &Terms {
        &self.terms
    }
}

impl Prover {
    pub(crate) fn never(&mut self, wish: &Wish, seen: Seen) -> Result<Answer, ProveError> {
        let actions = self.actions_for(&wish.condition);
        self.each_of(actions, |prover, asked| prover.never_in(wish, (seen, asked)))
    }

    fn never_in(&mut self, wish: &Wish, (seen, asked): (Seen, crate::rules::Asked)) -> Result<Answer, ProveError> {
        let scope = self.scope_of(&[asked], std::slice::from_ref(&wish.condition));
        let place = Place::new("one", "a", asked);
        let rules = self.rules(0);
        let built =
            scope.permits_at_least_means(&rules, place).and_then(|permitted| Ok((permitted, scope.placed(&wish.condition, place)?)));
        let (permitted, holds) = match built {
            Ok(built) => built,
            Err(gave_up) => return Ok(Answer::unknown(gave_up.to_string())),
        };
        if super::hygiene::can_fail(&wish.condition) {
            let failing = Search::new(&scope, &["a"], &["one"]).and_then(|mut search| {
                let fails = search.failure_of(&holds)?;
                search.find(&[fails])
            });
            if !matches!(failing, Ok(None)) {
                return Ok(Answer::unknown(
                    "the condition can fail to be evaluated, and then it does not hold: guard what overflows or may not be there",
                ));
            }
        }
        let inquiry = Inquiry {
            name: format!("is a call permitted of which holds: {}", wish.text),
            scope: &scope,
            offerings: &["a"],
            calls: &["one"],
            condition: cedar::and(&permitted, &holds),
            wishes: Vec::new(),
            expects: vec![
                Expect { side: 0, place, wanted: Wanted::PermittedAtLeast },
                Expect { side: self.bench.sides.len(), place, wanted: Wanted::Matched(wish.id()) },
            ],
        };
        // The condition itself is replayed as well, as terms of its own beside those that are asked about.
        let engine = self.bench.sides.first().map(|side| side.engine.with_terms(Arc::clone(&wish.terms)));
        self.bench.sides.extend(engine.map(|engine| Side { engine, rules: Arc::default() }));
        let outcome = self.ask(&inquiry, seen);
        self.bench.sides.pop();
        let outcome: Outcome = outcome?;
        Ok(outcome.into_answer(|mut example| {
            example.decisions.truncate(1);
            let permits = example.decisions.first().map(|decided| decided.by.clone()).unwrap_or_default();
            let verb = if permits.len() == 1 { "permits" } else { "permit" };
            let says = format!("{} {verb} such a call", super::compare::quoted(&permits));
            Finding { example: Some(example), ..self.finding(0, says, &permits) }
        }))
    }
}
