//! Medians over the rounds, what each side adds to the direct call, the ratio to nginx, and the bounds that the gateway is held to.

use std::fmt::Write as _;

use serde::Serialize;

use super::side::Side;
use super::{Report, Reports, SCENARIOS};

/// One side in one scenario; medians over all rounds.
#[derive(Serialize)]
pub(super) struct Row {
    scenario: &'static str,
    side: &'static str,
    calls_per_second: f64,
    p50_us: f64,
    p99_us: f64,
    /// To the first event of a stream.
    first_p50_us: Option<f64>,
    /// Against the direct call; only one at a time, for else the two cores are the queue that is measured.
    added_p50_us: Option<f64>,
    cpu_us_per_call: f64,
    /// None for answers that are no stream.
    cpu_us_per_event: Option<f64>,
    rss_mib: f64,
    /// CPU time against nginx's.
    cpu_to_nginx: f64,
    /// Added median latency against nginx's; only one at a time.
    added_p50_to_nginx: Option<f64>,
}

/// A bound of the gateway with durability `os`.
struct Bound {
    what: &'static str,
    scenario: usize,
    value: fn(&Row) -> f64,
    max: f64,
}

const BOUNDS: [Bound; 5] = [
    Bound { what: "CPU a 1 KB call, times nginx", scenario: 1, value: |row| row.cpu_to_nginx, max: 2.0 },
    Bound { what: "added p50 of a 1 KB call, times nginx", scenario: 0, value: |row| row.added_p50_to_nginx.unwrap_or(f64::NAN), max: 2.5 },
    Bound { what: "CPU a paced event, times nginx", scenario: 4, value: |row| row.cpu_to_nginx, max: 1.4 },
    Bound { what: "CPU a 32 KB call, times nginx", scenario: 2, value: |row| row.cpu_to_nginx, max: 8.0 },
    Bound { what: "memory, MiB", scenario: 4, value: |row| row.rss_mib, max: 60.0 },
];

pub(super) fn rows(reports: &Reports) -> Vec<Row> {
    let mut rows = Vec::new();
    for (index, scenario) in SCENARIOS.iter().enumerate() {
        let of = |side| reports.get(&(index, side)).map(Vec::as_slice).unwrap_or_default();
        let direct_p50 = median(of(Side::Direct), |report| Some(real(report.p50_us)));
        let nginx_added = median(of(Side::Nginx), |report| Some(real(report.p50_us))) - direct_p50;
        let nginx_cpu = median(of(Side::Nginx), |report| report.cpu_us_per_call);
        let alone = scenario.connections == 1;
        for side in Side::ALL {
            let reports = of(side);
            let p50_us = median(reports, |report| Some(real(report.p50_us)));
            let cpu_us_per_call = median(reports, |report| report.cpu_us_per_call);
            rows.push(Row {
                scenario: scenario.name,
                side: side.name(),
                calls_per_second: median(reports, |report| Some(report.calls_per_second)),
                p50_us,
                p99_us: median(reports, |report| Some(real(report.p99_us))),
                first_p50_us: scenario.stream.then(|| median(reports, |report| report.first_p50_us.map(real))),
                added_p50_us: alone.then_some(p50_us - direct_p50),
                cpu_us_per_call,
                cpu_us_per_event: scenario.stream.then(|| median(reports, |report| report.cpu_us_per_event)),
                rss_mib: median(reports, |report| report.rss_kib.map(real)) / 1024.0,
                cpu_to_nginx: cpu_us_per_call / nginx_cpu,
                added_p50_to_nginx: alone.then_some((p50_us - direct_p50) / nginx_added),
            });
        }
    }
    rows
}

/// The table and the bounds as text.
pub(super) fn human(rows: &[Row]) -> String {
    let mut text = String::new();
    let mut scenario = "";
    for row in rows {
        if row.scenario != scenario {
            scenario = row.scenario;
            let _ = writeln!(
                text,
                "\n{scenario}\n  {:<16}{:>10}{:>9}{:>9}{:>9}{:>10}{:>10}{:>10}{:>8}{:>9}{:>10}",
                "", "calls/s", "p50 µs", "p99 µs", "first µs", "added µs", "CPU/call", "CPU/event", "MiB", "× CPU", "× added"
            );
        }
        let _ = writeln!(text, "{}", line(row));
    }
    text.push_str("\nBounds of comity (os) against nginx in this run:\n");
    for bound in &BOUNDS {
        if let Some(row) = bound_row(rows, bound) {
            let value = (bound.value)(row);
            let verdict = if value <= bound.max { "ok" } else { "over" };
            let _ = writeln!(text, "  {:<40}{value:>8.2}  (at most {:.1})  {verdict}", bound.what, bound.max);
        }
    }
    text
}

fn line(row: &Row) -> String {
    let shown = |value: Option<f64>, decimals: usize| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.decimals$}"));
    let against_nginx = |value: Option<f64>| shown(value.filter(|_| row.side != Side::Direct.name()), 2);
    format!(
        "  {:<16}{:>10.0}{:>9.0}{:>9.0}{:>9}{:>10}{:>10.1}{:>10}{:>8.1}{:>9}{:>10}",
        row.side,
        row.calls_per_second,
        row.p50_us,
        row.p99_us,
        shown(row.first_p50_us, 0),
        shown(row.added_p50_us, 0),
        row.cpu_us_per_call,
        shown(row.cpu_us_per_event, 1),
        row.rss_mib,
        against_nginx(Some(row.cpu_to_nginx)),
        against_nginx(row.added_p50_to_nginx),
    )
}

fn bound_row<'a>(rows: &'a [Row], bound: &Bound) -> Option<&'a Row> {
    let scenario = SCENARIOS.get(bound.scenario)?.name;
    rows.iter().find(|row| row.scenario == scenario && row.side == Side::ComityOs.name())
}

/// The middle value (of an even number, the lower one); NaN if there is none.
fn median(reports: &[Report], value: impl Fn(&Report) -> Option<f64>) -> f64 {
    let mut values: Vec<f64> = reports.iter().filter_map(value).collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len().saturating_sub(1) / 2;
    values.get(middle).copied().unwrap_or(f64::NAN)
}

/// Microseconds and KiB of one run fit into 32 bits.
fn real(value: u64) -> f64 {
    u32::try_from(value).map_or(f64::INFINITY, f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(p50_us: u64, cpu: f64) -> Report {
        Report {
            calls_per_second: 1.0,
            p50_us,
            p99_us: p50_us,
            first_p50_us: None,
            cpu_us_per_call: Some(cpu),
            cpu_us_per_event: Some(cpu),
            rss_kib: Some(2048),
        }
    }

    #[test]
    fn medians_and_ratios_are_against_nginx_in_the_same_run() {
        let mut reports = Reports::new();
        for (side, p50, cpu) in [(Side::Direct, 100, 10.0), (Side::Nginx, 150, 20.0), (Side::ComityOs, 200, 30.0)] {
            reports.insert((0, side), vec![report(p50 * 9, cpu * 9.0), report(p50, cpu), report(1, 1.0)]);
        }
        let rows = rows(&reports);
        let comity = rows.iter().find(|row| row.side == "comity (os)" && row.scenario == SCENARIOS[0].name).unwrap();
        assert!((comity.added_p50_us.unwrap() - 100.0).abs() < 1e-9 && (comity.added_p50_to_nginx.unwrap() - 2.0).abs() < 1e-9);
        assert!((comity.cpu_to_nginx - 1.5).abs() < 1e-9 && (comity.rss_mib - 2.0).abs() < 1e-9);
        assert!(human(&rows).contains("added p50 of a 1 KB call, times nginx       2.00  (at most 2.5)  ok"));
    }
}
