//! Mutual recognition: what bodies of the other nation certified is treated as one's own, and in return. The pair that is compared is an
//! offering at home, certified at home, and one of the other nation, certified there, with the same assurances otherwise.

use comity_vocab::Jurisdiction;

use super::equal::{Pair, origin_path, same_origin};
use crate::cedar::{self, Cedar};
use crate::facts::Sort;
use crate::inquiry::ProveError;
use crate::prover::{Prover, Seen};
use crate::report::Answer;
use crate::rules::Asked;
use crate::scope::Scope;
use crate::search::Search;

/// In what the two may differ.
const NATIONAL: [&str; 6] = ["certified_by", "control", "operator", "processed_in", "stored_in", "governing_law"];

impl Prover {
    pub(crate) fn recognise(&mut self, [one, other]: [Jurisdiction; 2], seen: Seen) -> Result<Answer, ProveError> {
        let there = self.recognised(0, [one, other], seen)?;
        Ok(there.and(self.recognised(1, [other, one], seen)?))
    }

    /// Whether terms `side` of `home` treat what `abroad` certified as their own.
    fn recognised(&mut self, side: usize, [home, abroad]: [Jurisdiction; 2], seen: Seen) -> Result<Answer, ProveError> {
        self.each_action(|prover, asked| {
            let named = [home, abroad].map(|code| cedar::entity("Jurisdiction", code.as_str()));
            let mut scope = prover.scope_of(&[asked], &named);
            let reads = NATIONAL.map(path);
            reads.iter().for_each(|fact| scope.read(fact));
            let fixed = |scope: &Scope| fixed(scope, home, abroad);
            let differences = NATIONAL.into_iter().map(|fact| (fact, of_nation(fact, home))).collect();
            if seen == Seen::InCatalogue && !prover.has_pair((&scope, asked), &fixed(&scope)) {
                prover
                    .bench
                    .notes
                    .push(format!("the catalogue has no offering of {home} with an equal of {abroad}: nothing there could differ"));
            }
            prover.pair(&Pair {
                scope: &scope,
                seen,
                side,
                asked,
                prefers: false,
                fixed: &fixed,
                names: &named,
                reads: &reads,
                differences,
            })
        })
    }

    /// Whether the catalogue has two such offerings; also if that is unknown.
    fn has_pair(&self, (scope, asked): (&Scope, Asked), fixed: &Cedar) -> bool {
        let found = Search::new(scope, &["a", "b"], &["one"]).and_then(|mut search| {
            self.confine(&mut search, (scope, asked), &["a", "b"])?;
            let fixed = search.known(fixed)?;
            search.find(&[fixed])
        });
        !matches!(found, Ok(None))
    }
}

fn path(fact: &str) -> String {
    if fact == "certified_by" { format!("assurance.{fact}") } else { origin_path(fact) }
}

/// `a` is of home in everything; `b` of home or of abroad in each; all else is the same.
fn fixed(scope: &Scope, home: Jurisdiction, abroad: Jurisdiction) -> Cedar {
    let national = NATIONAL.map(path);
    let at_home = NATIONAL.into_iter().map(|fact| is(("a", fact), home));
    let either = NATIONAL.into_iter().map(|fact| cedar::or(&of_nation(fact, home), &is(("b", fact), abroad)));
    let others = scope.offering_facts().filter(|(fact, sort)| {
        !national.contains(fact) && fact != "id" && *sort != Sort::Blocs && fact != "origin.compellable_by" && fact != "compellable_stated"
    });
    let same = others.map(|(fact, _)| cedar::equal(&cedar::path(&format!("a.{fact}")), &cedar::path(&format!("b.{fact}"))));
    let stated = ["a", "b"].into_iter().filter(|_| scope.reads("compellable_stated"));
    let derived = stated.map(|slot| cedar::not(&cedar::path(&format!("{slot}.compellable_stated"))));
    cedar::all([same_origin(scope, "id")].into_iter().chain(at_home).chain(either).chain(same.collect::<Vec<_>>()).chain(derived))
}

fn of_nation(fact: &str, nation: Jurisdiction) -> Cedar {
    is(("b", fact), nation)
}

/// That a fact is this nation, or this nation alone.
fn is((slot, fact): (&str, &str), nation: Jurisdiction) -> Cedar {
    let (at, code) = (cedar::path(&format!("{slot}.{}", path(fact))), cedar::entity("Jurisdiction", nation.as_str()));
    if matches!(fact, "certified_by" | "processed_in" | "stored_in") {
        cedar::equal(&at, &cedar::set([code]))
    } else {
        cedar::equal(&at, &code)
    }
}
