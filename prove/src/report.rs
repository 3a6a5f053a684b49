//! What a proof says, for people and for programs. Nothing in here decides.

use std::collections::BTreeMap;

use comity_vocab::{Call, MeansSet, TermId};
use serde::Serialize;

/// The answer to one property.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// As on the command line.
    pub property: String,
    /// What it asks, in words.
    pub asks: String,
    /// The terms that were looked at.
    pub terms: Vec<TermsSeen>,
    /// The digest of the catalogue.
    pub catalogue: String,
    /// The day of its facts, as `2026-11-22`.
    pub at: String,
    /// The solver that was there, as `cvc5 1.0.3`.
    pub solver: Option<String>,
    /// What every "proved" rests on.
    pub assumes: Vec<String>,
    /// What a reader should know before taking comfort in a verdict.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// For every call and offering that can be.
    pub in_principle: Option<Answer>,
    /// For the offerings of the catalogue, as of that day.
    pub in_catalogue: Option<Answer>,
    /// What was asked, so that somebody else can ask it again.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub questions: Vec<Question>,
}

/// Terms that a proof is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TermsSeen {
    /// The names of the layers, outermost first.
    pub layers: Vec<String>,
    /// Covers their texts.
    pub digest: String,
}

/// What came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// There is no counterexample.
    Proved,
    /// There is one, or what was looked for is there.
    Violated,
    /// Nobody knows; never to be taken for proved.
    Unknown,
}

/// A verdict with its reasons.
#[derive(Debug, Clone, Serialize)]
pub struct Answer {
    /// The verdict.
    pub verdict: Verdict,
    /// Who came to it: the search, the solver or both.
    pub by: String,
    /// For unknown: why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub because: Vec<String>,
    /// What violates the property, or what is to be known beside a proof.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
}

/// One thing that was found.
#[derive(Debug, Clone, Serialize)]
pub struct Finding {
    /// In plain words.
    pub says: String,
    /// The terms to blame, with file and line.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub terms: Vec<TermSeen>,
    /// The smallest set of facts that flips the decision.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub facts: Vec<String>,
    /// A call, offerings and decisions that show it; they were replayed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub example: Option<Example>,
}

/// A term and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct TermSeen {
    /// `@id`
    pub id: TermId,
    /// The file or pack of its layer.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// `@goal`
    pub goal: String,
}

/// Concrete calls and offerings, and what the gateway's own engine decides on them.
#[derive(Debug, Clone, Serialize)]
pub struct Example {
    /// By name: `one`, `two`.
    pub calls: BTreeMap<String, Call>,
    /// Which facts of the calls decide something; others are as good as any.
    pub deciding: Vec<String>,
    /// By name: `a`, `b`.
    pub offerings: BTreeMap<String, OfferingSeen>,
    /// What was decided.
    pub decisions: Vec<Decided>,
}

/// An offering of an example.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OfferingSeen {
    /// Its id; that of an example begins with `example-`.
    pub id: String,
    /// Whether the catalogue has it.
    pub real: bool,
    /// The facts that decide something.
    pub facts: BTreeMap<String, String>,
}

/// One decision of an example.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Decided {
    /// The layers that decided.
    pub terms: Vec<String>,
    /// Which call.
    pub call: String,
    /// Which offering.
    pub offering: String,
    /// What could be performed.
    pub performable: MeansSet,
    /// `permitted`, `denied`
    pub decision: &'static str,
    /// For a permit: what must be done to the call.
    pub means: MeansSet,
    /// The terms that permitted, or the forbids that matched.
    pub by: Vec<TermId>,
    /// Layers in which nothing permits.
    pub nothing_permits_in: Vec<String>,
    /// Terms that could not be evaluated.
    pub failed: Vec<TermId>,
    /// Preferences that put it first.
    pub preferred_by: Vec<TermId>,
}

/// One question to search and solver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Question {
    /// What it asks.
    pub name: String,
    /// The condition, as a Cedar expression over `context.one`, `context.two`, `context.a` and `context.b`; possible means that it can hold.
    #[serde(skip)]
    pub cedar: String,
    /// The same for an SMT solver.
    #[serde(skip)]
    pub smt: String,
    /// SHA-256 of the Cedar expression.
    pub cedar_sha256: String,
    /// SHA-256 of the SMT-LIB script.
    pub smt_sha256: String,
    /// What the search in this process says: `possible`, `impossible`, or why it gave up.
    pub search: String,
    /// What the solver says, or why it says nothing.
    pub solver: String,
}

// === impl Answer ===

impl Answer {
    pub(crate) fn new(verdict: Verdict, by: &str) -> Self {
        Self { verdict, by: by.to_owned(), because: Vec::new(), findings: Vec::new() }
    }

    /// A finding that violates the property.
    pub(crate) fn found(&mut self, finding: Finding) {
        self.verdict = Verdict::Violated;
        self.findings.push(finding);
    }

    /// Something that nobody could answer.
    pub(crate) fn doubt(&mut self, why: impl Into<String>) {
        if self.verdict == Verdict::Proved {
            self.verdict = Verdict::Unknown;
        }
        self.because.push(why.into());
    }

    pub(crate) fn with_doubt(mut self, why: &crate::failure::GaveUp) -> Self {
        self.doubt(why.to_string());
        self
    }

    /// Both answers: a violation of either is one, and only two proofs are a proof.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.verdict = match (self.verdict, other.verdict) {
            (Verdict::Violated, _) | (_, Verdict::Violated) => Verdict::Violated,
            (Verdict::Unknown, _) | (_, Verdict::Unknown) => Verdict::Unknown,
            (Verdict::Proved, Verdict::Proved) => Verdict::Proved,
        };
        if self.verdict == other.verdict {
            self.by = other.by;
        }
        self.because.extend(other.because);
        self.findings.extend(other.findings);
        self
    }

    pub(crate) fn unknown(because: impl Into<String>) -> Self {
        Self { because: vec![because.into()], ..Self::new(Verdict::Unknown, "nobody") }
    }
}

// === impl Report ===

impl Report {
    /// The verdict as a whole: that in principle; that of the catalogue where nothing is asked in principle, or where nobody knows and the
    /// catalogue has a violation. A term that no offering of today meets is not at fault for that.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let catalogue = self.in_catalogue.as_ref().map(|answer| answer.verdict);
        match (self.in_principle.as_ref().map(|answer| answer.verdict), catalogue) {
            (Some(Verdict::Unknown), Some(Verdict::Violated)) => Verdict::Violated,
            (Some(verdict), _) | (None, Some(verdict)) => verdict,
            (None, None) => Verdict::Unknown,
        }
    }
}
