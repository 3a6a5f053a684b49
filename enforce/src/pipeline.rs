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
mod pseudonymise;
mod rank;
mod record;
mod refuse;
mod send;
mod state;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use comity_decide::Permit;
use comity_dialect::Api;
use comity_store::Receipt;
use comity_upstream::Answer;
use comity_vocab::{MeansSet, Price};
use http::Request;

use crate::asked::Asked;
use crate::clock;
use crate::error::{CallError, Decided};
use crate::generation::Generation;
use crate::shared::{Shared, Worker};

use admit::Hop;
use answer::Served;
use caller::Caller;
use facts::Known;
use fallback::{Failure, Fallback};
use find::Findings;
use means::Original;
use outcome::Ending;
use pseudonymise::{Hiding, Reading, Whose};
use record::{Entry, Keeping, Notes};
use state::{Chain, Seals};

pub(crate) use caller::{Knock, identify};
pub(crate) use find::has_blob;
pub(crate) use means::KeptCall;
pub use means::PERFORMED;

/// A call as it knocks.
pub(crate) struct Incoming {
    pub(crate) api: Api,
    /// It asks for something that an operator keeps, instead of a new answer.
    pub(crate) kept: Option<KeptCall>,
    pub(crate) peer: SocketAddr,
    pub(crate) request: Request<Body>,
}

/// Answers one call, or says in its dialect why not.
pub(crate) async fn run(worker: &Worker, incoming: Incoming) -> Response {
    let mut decided = Decided::default();
    let api = incoming.api;
    match steps(worker, incoming, &mut decided).await {
        Ok(response) => response,
        Err(error) => {
            worker.shared.metrics.refused(error.code());
            error.into_response(decided, api)
        }
    }
}

async fn steps(worker: &Worker, incoming: Incoming, decided: &mut Decided) -> Result<Response, CallError> {
    let (begun, shared, api) = (Instant::now(), &worker.shared, incoming.api);
    let generation = shared.generation.load_full();
    let (head, body) = incoming.request.into_parts();

    // 1, 2: limits and caller are read off the head, so that a stranger makes nobody hold a body.
    let slot = accept::slot(shared)?;
    let knock = Knock { headers: &head.headers, peer: incoming.peer, now: clock::now() };
    let caller = identify(&shared.keys, &generation.config, &knock).await?;
    let mut declared = facts::declared(&head.headers, &caller, generation.detector.as_ref())?;
    let subject = declared.subject.take();
    let accepted = accept::body(shared, &head.headers, body, &generation.config.limits).await?;

    // 3, 4: what is in it, what it continues, and everything else that the decision may know.
    let (asked, findings, chain) = look((shared, &generation), &caller, (&accepted.body, api, incoming.kept.as_ref())).await?;
    let facts = facts::gather(&generation, &caller, Known { asked: &asked, api, findings: &findings, chain: &chain, declared })?;
    let body = accepted.body.clone();
    let keeping = Keeping { caller: &caller, subject, body: &body, content: generation.config.ledger.keep_content };
    let notes = Notes::new(keeping, &asked.model)?;
    let mut ending = Ending::new(shared, (begun, api), (slot, accepted), &notes);
    if incoming.kept.is_some() {
        ending.not_billed();
    }
    let seed = notes.seed();
    let whose = Whose { tenant: caller.workload.unit.tenant(), epoch: facts.epoch };
    let hiding = Hiding::new(whose, (&body, &findings.values), reading(&generation, &asked, (api, &chain)));
    let original = Original {
        asked: &asked,
        api,
        body: &body,
        headers: &head.headers,
        kept: incoming.kept.as_ref(),
        upstream: chain.pinned.as_ref().map(|(_, upstream)| upstream.as_str()),
        hidden: None,
        seed: &seed,
    };
    let mut hop = Hop::first(&facts);
    let mut fallback = Fallback::new(&generation.config.limits);
    loop {
        // 5, 6: admit, then rank the admitted. At a fallback: that one offering, admitted anew.
        let mut decision = admit::admit(&generation, &facts, &hop, notes.call_id);
        let mut plan = rank::rank(&generation, &facts, &hop, std::mem::take(&mut decision.permits));

        // 7: nothing leaves before this returns.
        let entry = Entry { facts: &facts, hop: &hop, decision: &decision, plan: &plan };
        let receipt = record::record(&shared.store, &notes, entry).await?;
        let means = plan.permits.front().map_or(MeansSet::NONE, Permit::means);
        ending.recorded(&receipt, (means, price(&generation, &receipt, &hop)));
        *decided = ending.decided();

        // 8, 9: the permit and the receipt are used up by one attempt.
        let attempt = match plan.permits.pop_front() {
            Some(permit) => {
                fallback.plan(&plan);
                ending.attempted();
                attempt(worker, &generation, (permit, receipt), (&original, &hiding)).await
            }
            None if hop.number == 0 => return Err(refuse::refuse(&generation, &facts, &hop, &decision.denials).await),
            None => Err(fallback.refused_now()),
        };

        // 11, 12: the answer takes the ending along and writes the outcome after its last byte.
        match attempt {
            Ok((answer, served)) => {
                ending.answers_to(&facts.call, &served);
                return answer::answer(answer, served, ending).await;
            }
            Err(failure) => match fallback.next(failure) {
                Ok(next) => {
                    tokio::time::sleep(next.pause).await;
                    hop = hop.next(next.offering, next.previous);
                }
                Err(over) => {
                    let (error, end) = *over;
                    ending.end(end);
                    return Err(error);
                }
            },
        }
    }
}

/// What is in the call, and what it continues.
async fn look(
    (shared, generation): (&Arc<Shared>, &Generation),
    caller: &Caller,
    (body, api, kept): (&Bytes, Api, Option<&KeptCall>),
) -> Result<(Asked, Findings, Chain), CallError> {
    let (mut asked, mut findings) = match kept {
        Some(kept) => (Asked::default(), Findings::of_kept(&kept.id)),
        None => find::find(body, api, &generation.detector).await?,
    };
    let chain = state::follow(shared, &caller.workload, &mut findings).await?;
    findings.opaque |= chain.opaque;
    if let Some((pinned, _)) = chain.pinned.as_ref().filter(|_| kept.is_some()) {
        asked.model = pinned.to_string();
    }
    Ok((asked, findings, chain))
}

/// How the call is read when values are taken out of it, and put back into its answer.
fn reading(generation: &Generation, asked: &Asked, (api, chain): (Api, &Chain)) -> Reading {
    Reading {
        api,
        text_is_json: asked.text_is_json,
        shaped: Arc::clone(&generation.shaped),
        seals_are_ours: matches!(chain.seals, Seals::Of(_)),
    }
}

/// Applies the means and sends, once.
async fn attempt(
    worker: &Worker,
    generation: &Generation,
    (permit, receipt): (Permit, Receipt),
    (original, hiding): (&Original<'_>, &Hiding<'_>),
) -> Result<(Answer, Served), Failure> {
    let (offering, means) = (permit.offering().clone(), permit.means());
    let hidden = hiding.if_asked(means, &worker.shared).await.map_err(Failure::not_hidden)?;
    let original = &Original { hidden: hidden.as_ref(), ..*original };
    let now = clock::now();
    let world = generation.engine.world(now);
    let known = world.offerings.get(&offering).map(|offering| offering.upstream_model.as_str());
    let Some((target, upstream_model)) = generation.targets.get(&offering).zip(known) else {
        return Err(Failure::no_upstream(&offering));
    };
    let chosen = original.upstream.map_or_else(|| target.choose(now), |upstream| target.pinned(upstream, now));
    let (way, pass) = chosen.map_err(|closed| Failure::closed(closed, &offering))?;
    let prepared = means::prepare(original, &permit, (way, upstream_model)).await;
    let prepared = prepared.map_err(|unready| Failure::unready(unready, &offering))?;
    let sent = send::send(worker, (permit, receipt), prepared, way).await;
    let restoring = hiding.restoring(hidden.as_deref(), (generation, &worker.shared));
    match sent.result {
        Ok(answer) => {
            let epoch = hidden.map(|_| hiding.epoch());
            let upstream = way.upstream.name.clone();
            Ok((answer, Served { offering, upstream, means, epoch, restoring, waited: sent.waited, pass }))
        }
        Err(error) if original.kept.is_some() && send::status(&error) == 404 => Err(Failure::gone()),
        Err(error) => Err(Failure::sending(send::restored(error, restoring.as_ref()), &offering, &way.health)),
    }
}

fn price(generation: &Generation, receipt: &Receipt, hop: &Hop) -> Option<Price> {
    let world = generation.engine.world(hop.instant);
    receipt.offering().and_then(|offering| world.offerings.get(offering)).and_then(|offering| offering.price)
}
