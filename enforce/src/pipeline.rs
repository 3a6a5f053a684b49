//! The life of one call, top to bottom. Each step is one file; the numbers are those of the design.
//!
//! INVARIANT: no byte goes upstream before its decision is durable, and no answer byte without a permit.

mod accept;
mod admit;
mod answer;
mod caller;
mod facts;
mod fallback;
mod find;
mod means;
mod outcome;
mod rank;
mod record;
mod refuse;
mod send;

use std::net::SocketAddr;
use std::time::Instant;

use axum::body::Body;
use axum::response::Response;
use comity_decide::Permit;
use comity_store::Receipt;
use comity_upstream::Answer;
use comity_vocab::{Action, Price};
use http::Request;

use crate::clock;
use crate::error::{CallError, Decided};
use crate::generation::Generation;
use crate::shared::Worker;

use admit::Hop;
use answer::Served;
use facts::Declared;
use fallback::{Failure, Fallback};
use means::Original;
use outcome::Ending;
use record::{Entry, Notes};

pub(crate) use caller::{Knock, identify};

/// A call as it knocks.
pub(crate) struct Incoming {
    pub(crate) action: Action,
    pub(crate) peer: SocketAddr,
    pub(crate) request: Request<Body>,
}

/// Answers one call, or says in its dialect why not.
pub(crate) async fn run(worker: &Worker, incoming: Incoming) -> Response {
    let mut decided = Decided::default();
    match steps(worker, incoming, &mut decided).await {
        Ok(response) => response,
        Err(error) => {
            worker.shared.metrics.refused(error.code());
            error.into_response(decided)
        }
    }
}

async fn steps(worker: &Worker, incoming: Incoming, decided: &mut Decided) -> Result<Response, CallError> {
    let (begun, shared, action) = (Instant::now(), &worker.shared, incoming.action);
    let generation = shared.generation.load_full();
    let (head, body) = incoming.request.into_parts();

    // 1, 2: limits and caller are read off the head, so that a stranger makes nobody hold a body.
    let slot = accept::slot(shared)?;
    let knock = Knock { headers: &head.headers, peer: incoming.peer, now: clock::now() };
    let caller = identify(&shared.keys, &generation.config, &knock).await?;
    let declared = Declared::read(&head.headers, &caller)?;
    let accepted = accept::body(shared, &head.headers, body, &generation.config.limits).await?;
    let body = &accepted.body;

    // 3, 4: what is in it, and everything else that the decision may know.
    let (asked, findings) = find::find(body, action, &shared.detector).await?;
    let facts = facts::gather(&generation, &caller, (&asked, action), (declared, &findings))?;
    let notes = Notes::new(&caller, &asked.model, body)?;
    let mut ending = Ending::new(shared, (begun, action), slot);
    let mut hop = Hop::first(&facts);
    let mut fallback = Fallback::new(generation.config.limits.hops_max);
    loop {
        // 5, 6: admit, then rank the admitted. At a fallback: that one offering, admitted anew.
        let mut decision = admit::admit(&generation, &facts, &hop, notes.call_id);
        let mut plan = rank::rank(&generation, &facts, &hop, std::mem::take(&mut decision.permits));

        // 7: nothing leaves before this returns.
        let entry = Entry { facts: &facts, hop: &hop, decision: &decision, plan: &plan };
        let receipt = record::record(&shared.store, &notes, entry).await?;
        ending.recorded(&receipt, price(&generation, &receipt, &hop));
        *decided = ending.decided();

        // 8, 9: the permit and the receipt are used up by one attempt.
        let attempt = match plan.permits.pop_front() {
            Some(permit) => {
                fallback.plan(&plan);
                attempt(worker, &generation, (permit, receipt), &Original { asked: &asked, action, body }).await
            }
            None if hop.number == 0 => return Err(refuse::refuse(&generation, &facts, &hop, &decision.denials).await),
            None => Err(fallback.refused_now()),
        };

        // 11, 12: the answer takes the ending along and writes the outcome after its last byte.
        match attempt {
            Ok((answer, served)) => return Ok(answer::answer(answer, &served, ending)),
            Err(failure) => match fallback.next(failure) {
                Ok((offering, previous)) => hop = hop.next(offering, previous),
                Err((error, end)) => {
                    ending.end(end);
                    return Err(error);
                }
            },
        }
    }
}

/// Applies the means and sends, once.
async fn attempt(
    worker: &Worker,
    generation: &Generation,
    (permit, receipt): (Permit, Receipt),
    original: &Original<'_>,
) -> Result<(Answer, Served), Failure> {
    let (offering, means) = (permit.offering().clone(), permit.means());
    let world = generation.engine.world(clock::now());
    let known = world.offerings.get(&offering).map(|offering| offering.upstream_model.as_str());
    let Some((target, upstream_model)) = generation.targets.get(&offering).zip(known) else {
        return Err(Failure::no_upstream(&offering));
    };
    let prepared = means::prepare(original, &permit, target, upstream_model).map_err(|cannot| Failure::cannot_perform(&cannot))?;
    let sent = send::send(worker, (permit, receipt), prepared, target).await;
    match sent.result {
        Ok(answer) => Ok((answer, Served { offering, means, waited: sent.waited })),
        Err(error) => Err(Failure::sending(error, &offering)),
    }
}

fn price(generation: &Generation, receipt: &Receipt, hop: &Hop) -> Option<Price> {
    let world = generation.engine.world(hop.instant);
    receipt.offering().and_then(|offering| world.offerings.get(offering)).and_then(|offering| offering.price)
}
