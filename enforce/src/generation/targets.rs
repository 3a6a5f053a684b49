//! Which offerings can be reached from here, and how: each with its upstreams and their credentials.

use std::collections::BTreeMap;
use std::sync::Arc;

use comity_catalogue::World;
#[cfg(feature = "local-model")]
use comity_dialect::Api;
use comity_dialect::chat::{LimitField, Thoughts};
#[cfg(feature = "local-model")]
use comity_upstream::Apis;
use comity_upstream::{AwsKeys, BaseUrl, Credential, Dialect, Timeouts, Transport, Upstream};
use comity_vocab::{Instant, OfferingId};
use toml::Spanned;

use super::Given;
use super::way::{Closed, Health, Pass, Way};
use crate::config::{Config, ConfigProblem, DialectName, OutputLimit, SecretSource, ThoughtsBack, UpstreamConfig};
#[cfg(feature = "local-model")]
use crate::config::{UnretainedBy, UsageInStream};
use crate::routes::matches;

/// How one offering is reached: by one upstream or several alike.
pub(crate) struct Target {
    ways: Vec<Arc<Way>>,
}

/// Joins every offering of the catalogue with the one upstream that serves it.
pub(super) fn build(
    config: &Config,
    world: &World,
    given: &Given<'_>,
    problems: &mut Vec<ConfigProblem>,
) -> BTreeMap<OfferingId, Arc<Target>> {
    let mut ways: BTreeMap<OfferingId, Vec<Arc<Way>>> = BTreeMap::new();
    for upstream in &config.upstreams {
        let Some(way) = way(config, upstream, given, problems).map(Arc::new) else { continue };
        for pattern in &upstream.serves {
            let mut served = world.offerings.keys().filter(|id| matches(pattern.get_ref(), id.as_str())).peekable();
            if served.peek().is_none() {
                let message = format!("no offering of the catalogue matches `{}`", pattern.get_ref());
                problems.push(config.source().problem(Some(pattern.span()), message).hint("`comity catalogue list` shows them"));
            }
            for id in served {
                let others = ways.entry(id.clone()).or_default();
                if !others.iter().any(|other| Arc::ptr_eq(other, &way)) {
                    others.push(Arc::clone(&way));
                }
            }
        }
    }
    let mut targets: BTreeMap<_, _> = ways.into_iter().map(|(id, ways)| (id, Arc::new(Target { ways }))).collect();
    targets.extend(local(given, config.limits.timeouts()));
    targets
}

#[cfg(feature = "local-model")]
fn local(given: &Given<'_>, timeouts: Timeouts) -> Option<(OfferingId, Arc<Target>)> {
    let local = given.local?;
    let transport = Transport::Local(local.opened.clone()?);
    let upstream = Upstream { name: "local".to_owned(), transport, dialect: Dialect::OpenAi, timeouts };
    let way = Way {
        upstream: Arc::new(upstream),
        apis: Apis::from([Api::Chat]),
        deployment: None,
        limit: LimitField::MaxCompletionTokens,
        thoughts: Thoughts::Send,
        usage_in_stream: UsageInStream::Ask,
        unretained: UnretainedBy::Contract,
        // Its own queue is the bound.
        calls_max: usize::MAX,
        circuit_failures: 0,
        health: health("local", given),
    };
    Some((local.id.clone(), Arc::new(Target { ways: vec![Arc::new(way)] })))
}

#[cfg(not(feature = "local-model"))]
fn local(_: &Given<'_>, _: Timeouts) -> Option<(OfferingId, Arc<Target>)> {
    None
}

fn way(config: &Config, upstream: &UpstreamConfig, given: &Given<'_>, problems: &mut Vec<ConfigProblem>) -> Option<Way> {
    let name = upstream.name.get_ref();
    if config.upstreams.iter().any(|other| other.name.get_ref() == name && other.name.span().start < upstream.name.span().start) {
        problems.push(config.source().problem(Some(upstream.name.span()), format!("two upstreams have the name `{name}`")));
    }
    let base = base_url(config, upstream).map_err(|problem| problems.push(problem)).ok()?;
    let dialect = dialect(config, upstream).map_err(|problem| problems.push(problem)).ok()?;
    let credential = credential(config, upstream, (&base, &dialect)).map_err(|problem| problems.push(problem)).ok()?;
    let transport = Transport::Http { base, credential };
    Some(Way {
        upstream: Arc::new(Upstream { name: name.clone(), transport, dialect, timeouts: config.limits.timeouts() }),
        apis: upstream.apis.iter().map(|api| api.api()).collect(),
        deployment: upstream.deployment.clone(),
        limit: match upstream.output_limit {
            OutputLimit::MaxCompletionTokens => LimitField::MaxCompletionTokens,
            OutputLimit::MaxTokens => LimitField::MaxTokens,
        },
        thoughts: match upstream.thoughts {
            ThoughtsBack::Send => Thoughts::Send,
            ThoughtsBack::LeaveOut => Thoughts::LeaveOut,
            ThoughtsBack::Refuse => Thoughts::Refuse,
        },
        usage_in_stream: upstream.usage_in_stream,
        unretained: upstream.unretained,
        calls_max: upstream.calls_max,
        circuit_failures: config.limits.circuit_failures,
        health: health(name, given),
    })
}

/// The dialect with what belongs to it; keys of another dialect are refused, because they would do nothing.
fn dialect(config: &Config, upstream: &UpstreamConfig) -> Result<Dialect, ConfigProblem> {
    let name = upstream.dialect;
    let foreign = [
        ("api_version", upstream.api_version.is_some(), DialectName::Azure),
        ("deployment", upstream.deployment.is_some(), DialectName::Azure),
        ("region", upstream.region.is_some(), DialectName::Bedrock),
        ("access_key_id", upstream.access_key_id.is_some(), DialectName::Bedrock),
        ("session_token", upstream.session_token.is_some(), DialectName::Bedrock),
    ];
    let problem = |message: String| config.source().problem(Some(upstream.name.span()), message);
    if let Some((key, ..)) = foreign.into_iter().find(|(_, given, of)| *given && *of != name) {
        return Err(problem(format!("`{key}` of upstream `{}` belongs to another dialect than its own", upstream.name.get_ref()))
            .hint("set `dialect`, or take the key out"));
    }
    if upstream.access_key_id.is_some() && upstream.region.is_none() {
        return Err(problem(format!("upstream `{}` signs its calls and has no `region`", upstream.name.get_ref()))
            .hint("add the region of its address, for example `region = \"eu-west-1\"`"));
    }
    for (key, given, needed, is_there) in [
        ("access_key_id", upstream.access_key_id.is_some(), "credential", upstream.credential.is_some()),
        ("session_token", upstream.session_token.is_some(), "access_key_id", upstream.access_key_id.is_some()),
    ] {
        if given && !is_there {
            let message = format!("upstream `{}` has `{key}` and no `{needed}`", upstream.name.get_ref());
            return Err(problem(message).hint(format!("add `{needed}`, or take `{key}` out")));
        }
    }
    if upstream.apis.is_empty() {
        let message = format!("upstream `{}` has no API", upstream.name.get_ref());
        return Err(problem(message).hint("name at least one in `apis`, or leave the key out"));
    }
    Ok(match name {
        DialectName::OpenAi => Dialect::OpenAi,
        DialectName::Azure => Dialect::Azure { version: upstream.api_version.clone() },
        DialectName::Anthropic => Dialect::Anthropic,
        DialectName::Gemini => Dialect::Gemini,
        DialectName::Bedrock => Dialect::Bedrock,
    })
}

fn base_url(config: &Config, upstream: &UpstreamConfig) -> Result<BaseUrl, ConfigProblem> {
    let given = &upstream.base_url;
    let problem = |message: String| config.source().problem(Some(given.span()), message);
    let base: BaseUrl = given.get_ref().parse().map_err(|error: comity_upstream::InvalidUpstream| problem(error.to_string()))?;
    let address = given.get_ref().trim_end_matches('/');
    if let Some(call) = ["/chat/completions", "/responses", "/messages", "/embeddings"].into_iter().find(|call| address.ends_with(call)) {
        return Err(problem(format!("`{address}` is the address of one call")).hint(format!("leave out `{call}`: the gateway adds it")));
    }
    if base.is_encrypted() || base.is_loopback() || upstream.plain_http {
        return Ok(base);
    }
    let message = format!("calls to `{}` would cross the network in clear", base.host());
    Err(problem(message).hint("use https, or say `plain_http = true` if that network is trusted"))
}

fn credential(
    config: &Config,
    upstream: &UpstreamConfig,
    (base, dialect): (&BaseUrl, &Dialect),
) -> Result<Option<Credential>, ConfigProblem> {
    let Some(source) = &upstream.credential else { return Ok(None) };
    let read = |source: &Spanned<SecretSource>| {
        source.get_ref().read(config.folder()).map_err(|message| {
            let hint = format!("set it before you start the gateway, or take upstream `{}` out", upstream.name.get_ref());
            config.source().problem(Some(source.span()), message).hint(hint)
        })
    };
    let secret = read(source)?;
    let Some(access_key_id) = &upstream.access_key_id else {
        let problem = |message: String| config.source().problem(Some(source.span()), message);
        return Credential::bind(&secret, base, dialect).map(Some).map_err(|error| problem(error.to_string()));
    };
    let keys = AwsKeys {
        access_key_id: read(access_key_id)?,
        secret_access_key: secret,
        session_token: upstream.session_token.as_ref().map(read).transpose()?,
        region: upstream.region.clone().unwrap_or_default(),
    };
    Ok(Some(Credential::bind_signing(keys, base)))
}

fn health(name: &str, given: &Given<'_>) -> Arc<Health> {
    let before = given.before.and_then(|before| before.targets.values().find_map(|target| target.way(name)));
    before.map(|way| Arc::clone(&way.health)).unwrap_or_default()
}

// === impl Target ===

impl Target {
    /// The way for one call: of two drawn at random the one with less to do, among those that are open.
    pub(crate) fn choose(&self, now: Instant) -> Result<(&Arc<Way>, Pass), Closed> {
        let [first, second] = draw(self.ways.len());
        let drawn = [self.ways.get(first), self.ways.get(second)];
        let mut order: Vec<_> = drawn.into_iter().flatten().collect();
        order.sort_by_key(|way| (!way.is_healthy(now), way.health.load()));
        let others = self.ways.iter().filter(|way| !drawn.iter().flatten().any(|drawn| Arc::ptr_eq(drawn, way)));
        let mut closed = Closed::Open;
        for way in order.into_iter().chain(others) {
            match way.enter(now) {
                Ok(pass) => return Ok((way, pass)),
                Err(why) => closed = why,
            }
        }
        Err(closed)
    }

    /// Every way.
    pub(crate) fn ways(&self) -> &[Arc<Way>] {
        &self.ways
    }

    /// The one way that a call must go, because its upstream keeps what the call continues.
    pub(crate) fn pinned(&self, upstream: &str, now: Instant) -> Result<(&Arc<Way>, Pass), Closed> {
        let way = self.way(upstream).ok_or(Closed::Gone)?;
        way.enter(now).map(|pass| (way, pass))
    }

    fn way(&self, name: &str) -> Option<&Arc<Way>> {
        self.ways.iter().find(|way| way.upstream.name == name)
    }

    /// Whether some way is open.
    pub(crate) fn is_healthy(&self, now: Instant) -> bool {
        self.ways.iter().any(|way| way.is_healthy(now))
    }

    /// Recent time to the first byte, on the quickest way.
    pub(crate) fn latency_us(&self) -> Option<u64> {
        self.ways.iter().filter_map(|way| way.health.latency_us()).min()
    }

    /// The first upstream: its name and its host; no host for the model of this process.
    pub(crate) fn first(&self) -> Option<(&str, Option<&str>)> {
        self.ways.first().map(|way| (way.upstream.name.as_str(), way.host()))
    }

    /// Whether this is the demonstration model.
    pub(crate) fn is_local(&self) -> bool {
        self.first().is_some_and(|(_, host)| host.is_none())
    }
}

/// Two different numbers below `count`, or the same twice where there is only one.
fn draw(count: usize) -> [usize; 2] {
    if count < 2 {
        return [0, 0];
    }
    let first = fastrand::usize(..count);
    let second = fastrand::usize(..count.saturating_sub(1));
    [first, if second < first { second } else { second.saturating_add(1) }]
}

// === impl Way ===

impl Way {
    /// The host; none for the model of this process.
    pub(crate) fn host(&self) -> Option<&str> {
        match &self.upstream.transport {
            Transport::Http { base, .. } => Some(base.host()),
            #[cfg(feature = "local-model")]
            Transport::Local(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_different_ways_are_drawn() {
        assert_eq!(draw(1), [0, 0]);
        for _ in 0..1000 {
            let [first, second] = draw(3);
            assert!(first != second && first < 3 && second < 3);
        }
    }
}
