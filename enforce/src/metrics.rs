//! Counters for Prometheus. Labels are names from the configuration, the catalogue and our own codes: nothing of a caller or a call.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use comity_dialect::Api;
use comity_ledger::{Cost, Outcome};

use crate::spend::Spent;

/// Upper ends of the latency buckets, in milliseconds.
const BUCKETS_MS: [u64; 12] = [1, 2, 5, 10, 25, 50, 100, 500, 1000, 5000, 30_000, 300_000];

/// All counters of one gateway.
#[derive(Default)]
pub(crate) struct Metrics {
    permits: AtomicU64,
    denials: AtomicU64,
    latency: Latency,
    /// By name and labels. Few and bounded: our codes, upstreams of the configuration, offerings of the catalogue.
    labelled: Mutex<BTreeMap<(&'static str, String), u64>>,
}

#[derive(Default)]
struct Latency {
    buckets: [AtomicU64; BUCKETS_MS.len()],
    count: AtomicU64,
    sum_us: AtomicU64,
}

/// Numbers that are read when somebody asks.
pub(crate) struct Gauges {
    pub(crate) calls_running: usize,
    /// How long leaves have waited to be published.
    pub(crate) unpublished: Duration,
    pub(crate) store: comity_store::Metrics,
    pub(crate) upstreams: Vec<UpstreamGauges>,
}

/// How one upstream does.
pub(crate) struct UpstreamGauges {
    pub(crate) name: String,
    pub(crate) running: u32,
    pub(crate) latency_us: u64,
    pub(crate) errors_ppm: u64,
    pub(crate) healthy: bool,
}

const ENDED: &str = "comity_calls_ended_total";
const REFUSED: &str = "comity_calls_refused_total";
const UPSTREAM_FAILURES: &str = "comity_upstream_failures_total";
const TOKENS: &str = "comity_tokens_total";
const COST: &str = "comity_cost_micros_total";
const RELOADS: &str = "comity_reloads_total";
const ANSWER_FINDINGS: &str = "comity_answer_findings_total";

/// Name, kind and meaning of every labelled counter.
const HELP: [(&str, &str); 7] = [
    (ENDED, "Permitted calls that ended, by API and outcome."),
    (REFUSED, "Calls that got an error, by its code."),
    (UPSTREAM_FAILURES, "Attempts without an answer, by upstream."),
    (TOKENS, "Tokens, by offering, kind, and whether the gateway estimated them; cached and reasoning ones are among in and out."),
    (COST, "Millionths of a currency, by offering, currency, and whether the tokens were estimated."),
    (RELOADS, "Attempts to load another generation, by result."),
    (ANSWER_FINDINGS, "Values in answers that were not in the call, by kind."),
];

// === impl Metrics ===

impl Metrics {
    /// A decision is in the ledger.
    pub(crate) fn decided(&self, permit: bool) {
        let counter = if permit { &self.permits } else { &self.denials };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// A permitted call ended.
    pub(crate) fn ended(&self, (api, outcome): (Api, Outcome), elapsed: Duration) {
        self.latency.add(elapsed);
        self.add(ENDED, format!("api=\"{}\",outcome=\"{}\"", api.name(), outcome.name()), 1);
    }

    /// A call got an error.
    pub(crate) fn refused(&self, code: &'static str) {
        self.add(REFUSED, format!("code=\"{code}\""), 1);
    }

    /// An upstream gave no answer.
    pub(crate) fn upstream_failed(&self, upstream: &str) {
        self.add(UPSTREAM_FAILURES, format!("upstream=\"{}\"", escaped(upstream)), 1);
    }

    /// A call was answered.
    pub(crate) fn spent(&self, offering: &str, (spent, cost): (&Spent, Option<Cost>)) {
        let labels = format!("offering=\"{}\",estimated=\"{}\"", escaped(offering), spent.estimated);
        let usage = &spent.usage;
        let kinds = [
            ("in", usage.input_tokens),
            ("out", usage.output_tokens),
            ("cache_read", usage.cache_read_tokens),
            ("cache_write", usage.cache_write_tokens.saturating_add(usage.cache_write_hour_tokens)),
            ("reasoning", usage.reasoning_tokens),
        ];
        for (kind, tokens) in kinds.into_iter().filter(|(kind, tokens)| *tokens > 0 || matches!(*kind, "in" | "out")) {
            self.add(TOKENS, format!("{labels},kind=\"{kind}\""), tokens);
        }
        if let Some(cost) = cost {
            self.add(COST, format!("{labels},currency=\"{}\"", cost.currency), cost.micros.0);
        }
    }

    /// Another generation was loaded, or not.
    pub(crate) fn reloaded(&self, worked: bool) {
        self.add(RELOADS, format!("result=\"{}\"", if worked { "swapped" } else { "kept" }), 1);
    }

    /// An answer had values that were not in its call.
    pub(crate) fn found_in_answer(&self, kind: &str, count: u64) {
        self.add(ANSWER_FINDINGS, format!("kind=\"{}\"", escaped(kind)), count);
    }

    fn add(&self, name: &'static str, labels: String, count: u64) {
        let mut labelled = self.labelled.lock().unwrap_or_else(PoisonError::into_inner);
        let counter = labelled.entry((name, labels)).or_default();
        *counter = counter.saturating_add(count);
    }

    /// Everything in the text format of Prometheus, version 0.0.4.
    pub(crate) fn render(&self, gauges: &Gauges) -> String {
        let mut text = String::new();
        let decisions = [("permit", &self.permits), ("denial", &self.denials)];
        header(&mut text, "comity_decisions_total", ("counter", "Decisions in the ledger, by verdict."));
        for (verdict, counter) in decisions {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "comity_decisions_total{{verdict=\"{verdict}\"}} {}", counter.load(Ordering::Relaxed));
        }
        let labelled = self.labelled.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, meaning) in HELP {
            header(&mut text, name, ("counter", meaning));
            for ((_, labels), count) in labelled.iter().filter(|((counter, _), _)| *counter == name) {
                let _ = writeln!(text, "{name}{{{labels}}} {count}");
            }
        }
        drop(labelled);
        self.latency.render(&mut text);
        gauges.render(&mut text);
        text
    }
}

// === impl Latency ===

impl Latency {
    fn add(&self, elapsed: Duration) {
        let ms = elapsed.as_millis();
        if let Some(at) = BUCKETS_MS.iter().position(|end| ms <= u128::from(*end)) {
            self.buckets.get(at).map(|bucket| bucket.fetch_add(1, Ordering::Relaxed));
        }
        self.count.fetch_add(1, Ordering::Relaxed);
        self.sum_us.fetch_add(u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    fn render(&self, text: &mut String) {
        let name = "comity_call_seconds";
        header(text, name, ("histogram", "Time from accepting a permitted call to its end."));
        let mut below = 0_u64;
        for (end, bucket) in BUCKETS_MS.iter().zip(&self.buckets) {
            below = below.saturating_add(bucket.load(Ordering::Relaxed));
            let _ = writeln!(text, "{name}_bucket{{le=\"{}\"}} {below}", seconds(end.saturating_mul(1000)));
        }
        let count = self.count.load(Ordering::Relaxed);
        let sum = seconds(self.sum_us.load(Ordering::Relaxed));
        let _ = writeln!(text, "{name}_bucket{{le=\"+Inf\"}} {count}\n{name}_sum {sum}\n{name}_count {count}");
    }
}

// === impl Gauges ===

impl Gauges {
    fn render(&self, text: &mut String) {
        let failed = u64::from(self.store.last_error.is_some());
        let running = u64::try_from(self.calls_running).unwrap_or(u64::MAX);
        for (name, kind, meaning, value) in [
            ("comity_calls_running", "gauge", "Calls at this moment.", running),
            ("comity_ledger_leaves", "gauge", "Leaves in the ledger.", self.store.leaves),
            ("comity_ledger_published_leaves", "gauge", "Leaves that the published checkpoint covers.", self.store.published),
            ("comity_ledger_queued", "gauge", "Leaves that wait to be written.", self.store.queued),
            ("comity_ledger_commits_total", "counter", "Commits since the start.", self.store.commits),
            ("comity_ledger_unavailable", "gauge", "1 while the ledger cannot be written.", failed),
        ] {
            header(text, name, (kind, meaning));
            let _ = writeln!(text, "{name} {value}");
        }
        let name = "comity_ledger_unpublished_seconds";
        header(text, name, ("gauge", "How long leaves have waited to be published."));
        let _ = writeln!(text, "{name} {}", seconds(u64::try_from(self.unpublished.as_micros()).unwrap_or(u64::MAX)));
        self.render_upstreams(text);
    }

    fn render_upstreams(&self, text: &mut String) {
        type Value = fn(&UpstreamGauges) -> String;
        let gauges: [(&str, &str, Value); 4] = [
            ("comity_upstream_calls_running", "Calls to an upstream at this moment.", |upstream| upstream.running.to_string()),
            ("comity_upstream_first_byte_seconds", "Moving average of the time to the first byte.", |upstream| {
                seconds(upstream.latency_us)
            }),
            ("comity_upstream_errors_ratio", "Moving average of the share of calls that fail.", |upstream| seconds(upstream.errors_ppm)),
            ("comity_upstream_circuit_open", "1 while no call goes to an upstream because it failed.", |upstream| {
                u8::from(!upstream.healthy).to_string()
            }),
        ];
        for (name, meaning, value) in gauges {
            header(text, name, ("gauge", meaning));
            for upstream in &self.upstreams {
                let _ = writeln!(text, "{name}{{upstream=\"{}\"}} {}", escaped(&upstream.name), value(upstream));
            }
        }
    }
}

fn header(text: &mut String, name: &str, (kind, meaning): (&str, &str)) {
    let _ = writeln!(text, "# HELP {name} {meaning}\n# TYPE {name} {kind}");
}

/// Microseconds as decimal seconds.
fn seconds(us: u64) -> String {
    format!("{}.{:06}", us / 1_000_000, us % 1_000_000)
}

fn escaped(label: &str) -> String {
    label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use comity_upstream::Usage;
    use comity_vocab::Micros;

    use super::*;

    #[test]
    fn counters_come_out_as_prometheus_reads_them() {
        let metrics = Metrics::default();
        metrics.decided(true);
        metrics.refused("unknown_key");
        metrics.upstream_failed("a\"b");
        metrics.found_in_answer("email", 2);
        metrics.ended((Api::Chat, Outcome::Ok), Duration::from_millis(3));
        let spent = Spent { usage: Usage { input_tokens: 2, output_tokens: 5, ..Usage::default() }, estimated: true };
        let cost = Cost { currency: "GBP".parse().unwrap(), micros: Micros(12) };
        metrics.spent("self/m@gb", (&spent, Some(cost)));
        let store = comity_store::Metrics { queued: 0, leaves: 4, commits: 2, published: 3, last_error: None };
        let upstream = UpstreamGauges { name: "a".to_owned(), running: 2, latency_us: 1500, errors_ppm: 250_000, healthy: false };
        let text = metrics.render(&Gauges { calls_running: 1, unpublished: Duration::from_millis(2500), store, upstreams: vec![upstream] });
        for line in [
            "comity_decisions_total{verdict=\"permit\"} 1",
            "comity_answer_findings_total{kind=\"email\"} 2",
            "comity_calls_refused_total{code=\"unknown_key\"} 1",
            "comity_upstream_failures_total{upstream=\"a\\\"b\"} 1",
            "comity_calls_ended_total{api=\"chat\",outcome=\"ok\"} 1",
            "comity_tokens_total{offering=\"self/m@gb\",estimated=\"true\",kind=\"out\"} 5",
            "comity_cost_micros_total{offering=\"self/m@gb\",estimated=\"true\",currency=\"GBP\"} 12",
            "comity_call_seconds_bucket{le=\"0.002000\"} 0",
            "comity_call_seconds_bucket{le=\"0.005000\"} 1",
            "comity_call_seconds_sum 0.003000",
            "comity_ledger_leaves 4",
            "comity_ledger_published_leaves 3",
            "comity_ledger_unpublished_seconds 2.500000",
            "comity_upstream_calls_running{upstream=\"a\"} 2",
            "comity_upstream_first_byte_seconds{upstream=\"a\"} 0.001500",
            "comity_upstream_errors_ratio{upstream=\"a\"} 0.250000",
            "comity_upstream_circuit_open{upstream=\"a\"} 1",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }
}
