//! What the search says of a kind of call is what the engine says of every offering.

use comity_decide::Survey;
use comity_terms::shipped_pack_names;

use super::{Fate, Shelf, admits, depends, serving};
use crate::setting::{DAY, pack, prover, unlinted};

/// How often the fates were left, unserved and open.
fn agree(terms: std::sync::Arc<comity_terms::Terms>, what: &str) -> [usize; 3] {
    let prover = prover(vec![terms], None);
    let without = ["US", "CN"].iter().map(|code| code.parse().unwrap()).collect();
    let scope = prover.scope_of(&prover.actions(), &[]);
    let mut shelf = Shelf::new(&scope, &prover, &without).unwrap();
    let engine = &prover.bench.sides[0].engine;
    let (survey, world) = (Survey::new(engine, DAY), engine.world(DAY));
    let mut fates = [0; 3];
    for (kind, call) in prover.critical_calls(&scope) {
        let served = serving(&survey, &world, &call);
        let left = served.iter().any(|id| !depends(&world.offerings[id], &without));
        match shelf.fate(&call) {
            Fate::Left(id) => {
                assert!(left && served.contains(&id) && admits(engine, (&call, &id), DAY), "{what}: {kind}: {id}");
                fates[0] += 1;
            }
            Fate::Unserved => {
                assert_eq!(served, [], "{what}: {kind}");
                fates[1] += 1;
            }
            Fate::Open => {
                assert!(!served.is_empty() && !left, "{what}: {kind}");
                fates[2] += 1;
            }
        }
    }
    fates
}

#[test]
fn of_each_kind_of_call_that_terms_tell_apart() {
    let text = "permit eu: resource.origin.control in Bloc::\"eu\" && context.purpose == \"care\"\n\
        permit us: resource.origin.control == Jurisdiction::\"US\" && principal in Unit::\"health/ward\"\n\
        permit pseudonymised: context.purpose == \"research\" && (context.means.pseudonymised || context.means.unretained)\n\
        forbid clearance: context.data.classification > principal.clearance\n\
        forbid unit: principal in Unit::\"health\" && context.data.special_category && !context.means.unretained\n\
        forbid clerk: principal == Workload::\"clerk\" && context.data.personal && context.data.subjects.contains(Jurisdiction::\"XX\")\n\
        forbid seen: context.data.detector < 1 || context.data.kinds.contains(\"iban\") || !context.data.remote.isEmpty()\n\
        forbid uncritical: !principal.critical";
    let fates = agree(unlinted(text), "planted");
    assert!(fates.iter().all(|count| *count > 0), "{fates:?}: a lopsided test");
}

#[test]
fn of_each_kind_of_call_under_the_shipped_packs() {
    for name in shipped_pack_names() {
        agree(pack(name), name);
    }
}
