//! `comity prove`: what terms guarantee for every call, proved or shown by a counterexample.
//!
//! INVARIANT: the exit code is 0 only for what was proved. What nobody could answer is 1, never 0.

pub(crate) mod answer;
mod example;
mod folder;
pub(crate) mod ground;
mod record;
pub(crate) mod solver;
pub(crate) mod work;

use std::path::PathBuf;

use comity_prove::{Report, Verdict};
use comity_vocab::Instant;
use serde::Serialize;

use self::ground::{Ground, NationTerms};
use super::terms::settings::{self, Setting};
use crate::clock;
use crate::exit::{Exit, Failure};
use crate::output::{self, Output};

const EXAMPLES: &str = "\
Examples:
  comity prove equal-treatment --terms uk-public            are equals treated equally?
  comity prove equal-treatment --terms own.cedar --ignore control,operator
  comity prove never 'context.data.personal && !context.means.pseudonymised'
  comity prove implies own.cedar uk-public                  do mine only narrow theirs?
  comity prove recognise cbpr-collective@JP cbpr-collective@SG
  comity prove survives --without US,CN --terms bank-dora
  comity prove all --terms ./terms --output json
  comity prove monotone --terms ./terms --ledger            and let the ledger say that it was proved

Exit codes: 0 proved, 3 violated, 1 unknown or a bug, 2 usage, 4 terms or catalogue invalid.
Proofs use the solver cvc5 where it is here; without it, the search of this program answers alone.";

/// Prove what terms guarantee for every call, or show a counterexample
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    property: Asked,
    #[command(flatten)]
    shared: Shared,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Shared {
    /// What is proved about: files, folders or shipped packs, with commas, outermost layer first
    /// [default: what `comity.toml` in the data folder names, else uk-public]
    #[arg(long, global = true, value_name = "TERMS")]
    terms: Option<String>,
    /// Sets a parameter in every layer that has it; lists are written with commas; may be repeated
    #[arg(long, global = true, value_name = "NAME=VALUE", value_parser = settings::parse)]
    set: Vec<Setting>,
    /// A folder of catalogue files: over the shipped catalogue, unless it has lists of its own
    #[arg(long, global = true, value_name = "DIR")]
    folder: Option<PathBuf>,
    /// Facts of this day instead of now
    #[arg(long, global = true, value_name = "DATE", value_parser = clock::parse)]
    at: Option<Instant>,
    /// The solver cvc5, or `none` [default: the variable CVC5, else `cvc5` on PATH]
    #[arg(long, global = true, value_name = "PATH")]
    solver: Option<String>,
    /// Seconds that the solver has for one question
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = solver::PATIENCE, value_parser = clap::value_parser!(u16).range(1..=3600))]
    patience: u16,
    /// Writes the proof into this folder [default: `proofs` in the data folder]
    #[arg(long, global = true, value_name = "DIR")]
    proof: Option<PathBuf>,
    /// Records the verdict, with the digest of its `proof.json`, as a leaf of the ledger of this machine
    #[arg(long, global = true)]
    ledger: bool,
}

/// The properties, as they are asked for.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Asked {
    /// Can no term fail to be evaluated? An error denies
    Errors,
    /// Can every term match some call?
    Vacuous,
    /// Does every term make a difference?
    Redundant,
    /// Can every permit permit something that no forbid takes back?
    Shadowed,
    /// Does some offering of the catalogue serve each data class?
    Complete,
    /// Is whatever A permits also permitted by B?
    Implies(Pair),
    /// Do A and B permit the same?
    Equivalent(Pair),
    /// What do A and B decide differently? With an example of each difference
    Diff(Pair),
    /// Is nothing permitted of which this condition holds?
    Never {
        /// As in a term: `context.data.personal && resource.origin.control == Jurisdiction::"US"`
        #[arg(value_name = "CEDAR EXPRESSION")]
        condition: String,
    },
    /// Do two offerings with the same assurances get the same decision?
    EqualTreatment(EqualTreatment),
    /// Does more assurance never deny, and a worse fact or one more finding never permit?
    Monotone,
    /// Does every test of origin leave an excluded offering another way to comply?
    OtherMeans,
    /// Is what bodies of one nation certified treated by the other as its own, and in return?
    Recognise {
        /// Terms and the nation that holds them: `cbpr-collective@JP`; a parameter `home` is set to the nation
        #[arg(value_name = "A@CC", value_parser = ground::nation_terms)]
        one: NationTerms,
        /// The same of the other nation
        #[arg(value_name = "B@CC", value_parser = ground::nation_terms)]
        other: NationTerms,
    },
    /// Does every kind of critical workload keep an offering without these jurisdictions?
    Survives {
        /// Jurisdictions that are cut off: `US,CN`
        #[arg(long, value_name = "CC,…", required = true, value_delimiter = ',')]
        without: Vec<String>,
    },
    /// Every property that needs no argument
    All,
}

/// Two terms to compare.
#[derive(Debug, clap::Args)]
pub(crate) struct Pair {
    /// The first terms, written as `--terms` takes them
    #[arg(value_name = "A")]
    one: String,
    /// The second terms
    #[arg(value_name = "B")]
    other: String,
}

#[derive(Debug, clap::Args)]
pub(crate) struct EqualTreatment {
    /// What is the same of both: `assurance`, or scales and lists, `retention,certifications` [default: assurance]
    #[arg(long, value_name = "FACTS", value_delimiter = ',')]
    given: Vec<String>,
    /// In what they may differ: `control,operator`, `processed_in,stored_in` [default: every fact of origin, and the name]
    #[arg(long, value_name = "FACTS", value_delimiter = ',')]
    ignore: Vec<String>,
    /// What is to be equal: whether they are admitted, or which of them comes first
    #[arg(long, value_name = "ACTION", default_value = "admit")]
    action: Treatment,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Treatment {
    /// Whether a call may go there
    Admit,
    /// Which comes first among what is admitted
    Prefer,
}

/// One report for scripts.
#[derive(Serialize)]
pub(crate) struct Judged {
    verdict: Verdict,
    #[serde(flatten)]
    report: Report,
}

/// Several.
#[derive(Serialize)]
struct AllJudged {
    verdict: Verdict,
    properties: Vec<Judged>,
}

pub(crate) fn run(args: &Args, output: Output) -> anyhow::Result<Exit> {
    let ground = Ground::read(&args.shared, &args.property)?;
    let properties = args.property.properties(&ground)?;
    let solver = solver::find(args.shared.solver.as_deref(), args.shared.patience)?;
    let reports = work::prove(ground.subject, solver, &properties)?;
    let verdict = worst(&reports);
    let all = matches!(args.property, Asked::All);
    match (output, reports.as_slice()) {
        (Output::Json, [report]) if !all => output::json(&Judged::of(report.clone()))?,
        (Output::Json, reports) => output::json(&AllJudged { verdict, properties: reports.iter().cloned().map(Judged::of).collect() })?,
        (Output::Human, [report]) if !all => answer::print(report)?,
        (Output::Human, reports) => answer::print_all(reports)?,
    }
    let kept = folder::keep(&reports, args.shared.proof.as_deref())?;
    if args.shared.ledger {
        record::proofs(&reports, &kept)?;
    }
    Ok(exit(verdict))
}

/// How the process ends for a verdict.
pub(crate) const fn exit(verdict: Verdict) -> Exit {
    match verdict {
        Verdict::Proved => Exit::Ok,
        Verdict::Violated => Exit::Denied,
        Verdict::Unknown => Exit::Failed,
    }
}

/// A violation of any, else a doubt about any.
pub(crate) fn worst<'r>(reports: impl IntoIterator<Item = &'r Report>) -> Verdict {
    let rank = |verdict: &Verdict| match verdict {
        Verdict::Proved => 0,
        Verdict::Unknown => 1,
        Verdict::Violated => 2,
    };
    reports.into_iter().map(Report::verdict).max_by_key(rank).unwrap_or(Verdict::Unknown)
}

/// An argument that names a fact or a jurisdiction which does not exist.
fn usage(message: impl Into<String>, hint: impl Into<String>) -> anyhow::Error {
    Failure::new(Exit::Usage, message).hint(hint).into()
}

// === impl Judged ===

impl Judged {
    pub(crate) fn of(report: Report) -> Self {
        Self { verdict: report.verdict(), report }
    }
}
