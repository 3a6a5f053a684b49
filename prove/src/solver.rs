//! The same questions to an SMT solver: Cedar's own symbolic compiler, which is verified in Lean, and cvc5 as a process of its own.
//!
//! INVARIANT: a solver that is missing, dies, runs out of time or says "unknown" is [`GaveUp`], never a proof.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use cedar_policy::pst::{ActionConstraint, Clause, Effect, PolicyID, PrincipalConstraint, ResourceConstraint, StaticPolicy, Template};
use cedar_policy::{EntityTypeName, EntityUid, Policy, RequestEnv, Schema};
use cedar_policy_symcc::solver::{LocalSolver, WriterSolver};
use cedar_policy_symcc::{CedarSymCompiler, CompiledPolicy};
use tokio::process::Command;

use crate::cedar::Cedar;
use crate::failure::GaveUp;
use crate::limits::{SOLVER_TIME, SOON, VERSION_TIME};

/// What the schema of terms lacks for a question: two calls and two offerings at once. Its own types are used as they are.
const PAIR: &str = r#"
type Subject = { id: Offering, open_weights: Bool, compellable_stated: Bool, origin: Origin, assurance: Assurance };
action ask appliesTo { principal: [Workload], resource: [Catalogue], context: { one: Call, two: Call, a: Subject, b: Subject } };
"#;

/// A solver that can be asked: the program cvc5.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Solver {
    program: PathBuf,
    version: String,
    patience: Duration,
}

/// Questions in the form of the solver.
pub(crate) struct Questions {
    schema: Schema,
    request: RequestEnv,
}

/// What is asked of a condition.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Asks {
    Holds,
    Fails,
}

// === impl Solver ===

impl Solver {
    /// The solver at that place.
    ///
    /// # Errors
    /// When it does not run, or does not say that it is cvc5.
    pub fn at(program: PathBuf) -> Result<Self, GaveUp> {
        let shown = program.display().to_string();
        let output = block_on(async {
            let running = Command::new(&program).arg("--version").kill_on_drop(true).stdin(std::process::Stdio::null()).output();
            let ended = tokio::time::timeout(VERSION_TIME, running).await;
            let ended = ended.map_err(|_| GaveUp::new(format!("`{shown}` does not say its version")))?;
            ended.map_err(|error| GaveUp::new(format!("`{shown}` does not run: {error}")))
        })?;
        let text = String::from_utf8_lossy(&output.stdout);
        let version = text.split("cvc5 version ").nth(1).and_then(|rest| rest.split_whitespace().next());
        let version = version.ok_or_else(|| GaveUp::new(format!("`{shown}` is not cvc5")))?.to_owned();
        Ok(Self { program, version, patience: SOLVER_TIME })
    }

    /// With another bound on the time for one question; 60 seconds if none is said.
    #[must_use]
    pub fn within(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// With little time: what is not answered soon is better asked in parts.
    pub(crate) fn soon(&self) -> Self {
        self.clone().within(self.patience.min(SOON))
    }

    /// As `cvc5 1.0.3`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("cvc5 {}", self.version)
    }

    /// Whether there are values under which the condition holds.
    pub(crate) fn is_possible(&self, questions: &Questions, condition: &Cedar) -> Result<bool, GaveUp> {
        self.asked(questions, (condition, Asks::Holds))
    }

    /// Whether there are values under which the condition fails to have a value.
    pub(crate) fn can_fail(&self, questions: &Questions, condition: &Cedar) -> Result<bool, GaveUp> {
        self.asked(questions, (condition, Asks::Fails))
    }

    fn asked(&self, questions: &Questions, (condition, asks): (&Cedar, Asks)) -> Result<bool, GaveUp> {
        let compiled = questions.compile(condition)?;
        let millis = self.patience.as_millis();
        block_on(async {
            let mut command = Command::new(&self.program);
            command.args(["--lang", "smt", &format!("--tlimit-per={millis}")]).kill_on_drop(true);
            let solver = LocalSolver::from_command(&mut command).map_err(unanswered)?;
            let mut compiler = CedarSymCompiler::new(solver).map_err(unanswered)?;
            let asked = async {
                match asks {
                    Asks::Holds => compiler.check_never_matches_opt(&compiled).await,
                    Asks::Fails => compiler.check_never_errors_opt(&compiled).await,
                }
            };
            // The solver is told to stop; one that does not listen is not waited for.
            let never = tokio::time::timeout(self.patience + self.patience / 4, asked).await;
            let never = never.map_err(|_| GaveUp::new(format!("the solver did not answer within {} s", self.patience.as_secs())))?;
            Ok(!never.map_err(unanswered)?)
        })
    }
}

// === impl Questions ===

impl Questions {
    pub(crate) fn new() -> Self {
        #[expect(clippy::expect_used, reason = "the schema is part of the program, and every test of this room loads it")]
        let schema = Schema::from_str(&format!("{}{PAIR}", comity_terms::SCHEMA)).expect("the schema of questions");
        Self { schema, request: RequestEnv::new(kind("Workload"), action(), kind("Catalogue")) }
    }

    /// What the solver is given, for whoever wants to run it again.
    pub(crate) fn script(&self, condition: &Cedar, asks: Asks) -> Result<String, GaveUp> {
        let compiled = self.compile(condition)?;
        block_on(async {
            let mut compiler = CedarSymCompiler::new(WriterSolver { w: Vec::new() }).map_err(unanswered)?;
            // A writer never knows the answer.
            let _ = match asks {
                Asks::Holds => compiler.check_never_matches_opt(&compiled).await,
                Asks::Fails => compiler.check_never_errors_opt(&compiled).await,
            };
            let script = String::from_utf8_lossy(&compiler.solver().w).into_owned();
            // A file is asked by itself: there is nothing to reset.
            let script = script.strip_prefix(RESET).unwrap_or(&script);
            Ok(if script.is_empty() { TRIVIAL.to_owned() } else { script.to_owned() })
        })
    }

    fn compile(&self, condition: &Cedar) -> Result<CompiledPolicy, GaveUp> {
        let (principal, resource) = (PrincipalConstraint::Any, ResourceConstraint::Any);
        let head = Template::new(PolicyID::from("question"), Effect::Permit, principal, ActionConstraint::Any, resource);
        let template = head.try_with_clauses(vec![Clause::When(Cedar::clone(condition))]);
        let policy = template.map_err(unanswered).and_then(|template| StaticPolicy::try_from(template).map_err(unanswered))?;
        let policy = Policy::from_pst(cedar_policy::pst::Policy::Static(policy)).map_err(unanswered)?;
        CompiledPolicy::compile(&policy, &self.request, &self.schema).map_err(unanswered)
    }
}

/// How the compiler begins with a solver that was asked something before.
const RESET: &str = "(reset)\n";
/// Stands for a question that the compiler answered itself.
const TRIVIAL: &str = "; the compiler decides this question without a solver\n(set-logic ALL)\n(assert false)\n(check-sat)\n";

fn unanswered(error: impl std::fmt::Display) -> GaveUp {
    GaveUp::new(format!("the solver gave no answer: {error}"))
}

fn kind(name: &str) -> EntityTypeName {
    #[expect(clippy::expect_used, reason = "the names are those of the schema")]
    EntityTypeName::from_str(name).expect("a name of the schema")
}

fn action() -> EntityUid {
    EntityUid::from_type_name_and_id(kind("Action"), cedar_policy::EntityId::new("ask"))
}

fn block_on<T>(work: impl Future<Output = Result<T, GaveUp>>) -> Result<T, GaveUp> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(unanswered)?;
    runtime.block_on(work)
}
