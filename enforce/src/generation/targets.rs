//! Which offerings can be reached from here, and how: each with its upstream, credential and recent health.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use comity_catalogue::World;
use comity_upstream::{BaseUrl, Credential, Timeouts, Transport, Upstream};
use comity_vocab::{Instant, OfferingId};

use super::Given;
use crate::config::{Config, ConfigProblem, UnretainedBy, UpstreamConfig, UsageInStream};
use crate::limits::{FAILURES_MAX, UNHEALTHY};
use crate::routes::matches;

/// How one offering is reached.
pub(crate) struct Target {
    pub(crate) upstream: Arc<Upstream>,
    pub(crate) usage_in_stream: UsageInStream,
    pub(crate) unretained: UnretainedBy,
    pub(crate) health: Arc<Health>,
}

/// How an upstream has done lately. Guides the order of offerings, never whether one is admitted.
#[derive(Default)]
pub(crate) struct Health {
    failures: AtomicU32,
    last_failure: AtomicI64,
    latency_us: AtomicU64,
}

/// Joins every offering of the catalogue with the one upstream that serves it.
pub(super) fn build(
    config: &Config,
    world: &World,
    given: &Given<'_>,
    problems: &mut Vec<ConfigProblem>,
) -> BTreeMap<OfferingId, Arc<Target>> {
    let mut targets: BTreeMap<OfferingId, Arc<Target>> = BTreeMap::new();
    let timeouts = config.limits.timeouts();
    for upstream in &config.upstreams {
        let Some(target) = target(config, upstream, given, problems).map(Arc::new) else { continue };
        for pattern in &upstream.serves {
            let before = targets.len();
            for id in world.offerings.keys().filter(|id| matches(pattern.get_ref(), id.as_str())) {
                if let Some(other) = targets.insert(id.clone(), Arc::clone(&target)).filter(|other| !Arc::ptr_eq(other, &target)) {
                    let message = format!("upstreams `{}` and `{}` both serve `{id}`", other.upstream.name, target.upstream.name);
                    problems.push(config.source().problem(Some(pattern.span()), message).hint("name each offering in one `serves` only"));
                }
            }
            if targets.len() == before && !world.offerings.keys().any(|id| matches(pattern.get_ref(), id.as_str())) {
                let message = format!("no offering of the catalogue matches `{}`", pattern.get_ref());
                problems.push(config.source().problem(Some(pattern.span()), message).hint("`comity catalogue list` shows them"));
            }
        }
    }
    targets.extend(local(given, timeouts));
    targets
}

#[cfg(feature = "local-model")]
fn local(given: &Given<'_>, timeouts: Timeouts) -> Option<(OfferingId, Arc<Target>)> {
    let local = given.local?;
    let upstream = Upstream { name: "local".to_owned(), transport: Transport::Local(local.opened.clone()?), timeouts };
    let health = health("local", given);
    let target = Target { upstream: Arc::new(upstream), usage_in_stream: UsageInStream::Ask, unretained: UnretainedBy::Contract, health };
    Some((local.id.clone(), Arc::new(target)))
}

#[cfg(not(feature = "local-model"))]
fn local(_: &Given<'_>, _: Timeouts) -> Option<(OfferingId, Arc<Target>)> {
    None
}

fn target(config: &Config, upstream: &UpstreamConfig, given: &Given<'_>, problems: &mut Vec<ConfigProblem>) -> Option<Target> {
    let name = upstream.name.get_ref();
    if config.upstreams.iter().any(|other| other.name.get_ref() == name && other.name.span().start < upstream.name.span().start) {
        problems.push(config.source().problem(Some(upstream.name.span()), format!("two upstreams have the name `{name}`")));
    }
    let base = base_url(config, upstream).map_err(|problem| problems.push(problem)).ok()?;
    let credential = credential(config, upstream, &base).map_err(|problem| problems.push(problem)).ok()?;
    let transport = Transport::Http { base, credential };
    let upstream_ = Upstream { name: name.clone(), transport, timeouts: config.limits.timeouts() };
    Some(Target {
        upstream: Arc::new(upstream_),
        usage_in_stream: upstream.usage_in_stream,
        unretained: upstream.unretained,
        health: health(name, given),
    })
}

fn base_url(config: &Config, upstream: &UpstreamConfig) -> Result<BaseUrl, ConfigProblem> {
    let given = &upstream.base_url;
    let problem = |message: String| config.source().problem(Some(given.span()), message);
    let base: BaseUrl = given.get_ref().parse().map_err(|error: comity_upstream::InvalidUpstream| problem(error.to_string()))?;
    if base.is_encrypted() || base.is_loopback() || upstream.plain_http {
        return Ok(base);
    }
    let message = format!("calls to `{}` would cross the network in clear", base.host());
    Err(problem(message).hint("use https, or say `plain_http = true` if that network is trusted"))
}

fn credential(config: &Config, upstream: &UpstreamConfig, base: &BaseUrl) -> Result<Option<Credential>, ConfigProblem> {
    let Some(source) = &upstream.credential else { return Ok(None) };
    let problem = |message: String| config.source().problem(Some(source.span()), message);
    let secret = source.get_ref().read(config.folder()).map_err(|message| {
        problem(message).hint(format!("set it before you start the gateway, or take upstream `{}` out", upstream.name.get_ref()))
    })?;
    Credential::bind(&secret, base).map(Some).map_err(|error| problem(error.to_string()))
}

fn health(name: &str, given: &Given<'_>) -> Arc<Health> {
    let before = given.before.and_then(|before| before.targets.values().find(|target| target.upstream.name == name));
    before.map(|target| Arc::clone(&target.health)).unwrap_or_default()
}

// === impl Target ===

impl Target {
    /// The host; none for the model of this process.
    pub(crate) fn host(&self) -> Option<&str> {
        match &self.upstream.transport {
            Transport::Http { base, .. } => Some(base.host()),
            #[cfg(feature = "local-model")]
            Transport::Local(_) => None,
        }
    }

    /// Whether this is the demonstration model.
    pub(crate) fn is_local(&self) -> bool {
        self.host().is_none()
    }
}

// === impl Health ===

impl Health {
    /// The upstream answered, its first byte after `latency`.
    pub(crate) fn answered(&self, latency: Duration) {
        self.failures.store(0, Ordering::Relaxed);
        let new = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX).max(1);
        let old = self.latency_us.load(Ordering::Relaxed);
        // A moving average over about eight calls; a lost update only makes it a little older.
        let next = if old == 0 { new } else { (old / 8).saturating_mul(7).saturating_add(new / 8).max(1) };
        self.latency_us.store(next, Ordering::Relaxed);
    }

    /// The upstream failed.
    pub(crate) fn failed(&self, now: Instant) {
        self.failures.fetch_add(1, Ordering::Relaxed);
        self.last_failure.store(now.0, Ordering::Relaxed);
    }

    /// False for a while after several failures in a row.
    pub(crate) fn is_healthy(&self, now: Instant) -> bool {
        let pause = i64::try_from(UNHEALTHY.as_micros()).unwrap_or(i64::MAX);
        let recent = now.0.saturating_sub(self.last_failure.load(Ordering::Relaxed)) < pause;
        self.failures.load(Ordering::Relaxed) < FAILURES_MAX || !recent
    }

    /// Recent time to the first byte, where measured.
    pub(crate) fn latency_us(&self) -> Option<u64> {
        Some(self.latency_us.load(Ordering::Relaxed)).filter(|latency| *latency > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_in_a_row_count_for_a_while() {
        let (health, at) = (Health::default(), Instant::from_seconds);
        (0..FAILURES_MAX).for_each(|_| health.failed(at(100)));
        assert!(!health.is_healthy(at(101)));
        assert!(health.is_healthy(at(200)));
        health.answered(Duration::from_millis(8));
        assert!(health.is_healthy(at(101)));
        assert_eq!(health.latency_us(), Some(8000));
    }
}
