//! A small load generator: keep-alive connections, one call at a time on each, every answer read to its end and checked.
//! It reports latencies of calls and, when told a process id, that process's CPU time; it never retries and never hides a failure.

mod body;
mod process;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use tokio::net::TcpStream;

use crate::BenchError;

pub use body::{body_for, chat_body};
pub use process::{Usage, usage_of_tree};

/// What to do.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Loopback address of the target.
    pub address: SocketAddr,
    /// `/v1/chat/completions`, with any prefix.
    pub path: String,
    /// Sent as `authorization: Bearer …` if given.
    pub key: Option<String>,
    /// Request body, the same for every call.
    pub body: Bytes,
    /// Connections, each with one call at a time.
    pub connections: u32,
    /// Calls in all, over all connections.
    pub calls: u64,
    /// The process whose CPU time is measured, with all its descendants.
    pub pid: Option<u32>,
}

/// What was measured over a whole run. Times in microseconds.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Calls answered with status 200, to the end.
    pub calls: u64,
    /// Events in their answers (0 for whole answers).
    pub events: u64,
    /// Calls a second.
    pub calls_per_second: f64,
    /// Median time from sending the call to the last byte of its answer.
    pub p50_us: u64,
    /// 99th percentile of the same.
    pub p99_us: u64,
    /// Median time from sending the call to the first event of its answer; none for whole answers.
    pub first_p50_us: Option<u64>,
    /// CPU time of the measured process (user and system), a call. Its clock ticks every 10 ms: run at least a second.
    pub cpu_us_per_call: Option<f64>,
    /// The same, an event.
    pub cpu_us_per_event: Option<f64>,
    /// Resident memory of the measured process after the run, KiB.
    pub rss_kib: Option<u64>,
}

/// Runs a plan to its end on the current runtime.
///
/// # Errors
/// A connection fails, an answer is not 200, or a stream ends without its dialect's end: the first of these ends the run.
pub async fn run(plan: &Plan) -> Result<Report, BenchError> {
    let left = Arc::new(AtomicU64::new(plan.calls));
    let mut lanes = Vec::new();
    for _ in 0..plan.connections {
        lanes.push(Lane::open(plan).await?);
    }
    let before = plan.pid.map(usage_of_tree).transpose()?;
    let start = Instant::now();
    let running: Vec<_> = lanes.into_iter().map(|lane| tokio::spawn(lane.drive(plan.clone(), Arc::clone(&left)))).collect();
    let mut all = Lap::default();
    for lane in running {
        let lap = lane.await.map_err(|error| BenchError::Load(error.to_string()))??;
        all.times_us.extend(lap.times_us);
        all.firsts_us.extend(lap.firsts_us);
        all.events = all.events.saturating_add(lap.events);
    }
    let elapsed = start.elapsed();
    let after = plan.pid.map(usage_of_tree).transpose()?;
    Ok(report(all, elapsed, before, after))
}

fn report(mut all: Lap, elapsed: Duration, before: Option<Usage>, after: Option<Usage>) -> Report {
    all.times_us.sort_unstable();
    all.firsts_us.sort_unstable();
    let calls = u64::try_from(all.times_us.len()).unwrap_or(u64::MAX);
    let cpu = before.zip(after).map(|(before, after)| after.cpu.saturating_sub(before.cpu));
    Report {
        calls,
        events: all.events,
        calls_per_second: real(calls) / elapsed.as_secs_f64().max(f64::EPSILON),
        p50_us: percentile(&all.times_us, 50),
        p99_us: percentile(&all.times_us, 99),
        first_p50_us: (!all.firsts_us.is_empty()).then(|| percentile(&all.firsts_us, 50)),
        cpu_us_per_call: cpu.and_then(|cpu| each_us(cpu, calls)),
        cpu_us_per_event: cpu.and_then(|cpu| each_us(cpu, all.events)),
        rss_kib: after.map(|usage| usage.rss_kib),
    }
}

/// The smallest time that at least this share of all times does not exceed; 0 if there are none.
fn percentile(sorted: &[u64], percent: usize) -> u64 {
    let rank = sorted.len().saturating_mul(percent).div_ceil(100).saturating_sub(1);
    sorted.get(rank).copied().unwrap_or_default()
}

fn each_us(cpu: Duration, count: u64) -> Option<f64> {
    (count > 0).then(|| cpu.as_secs_f64() * 1e6 / real(count))
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// Counts of one run fit into 32 bits; more would be a plan nobody waits for.
fn real(count: u64) -> f64 {
    u32::try_from(count).map_or(f64::from(u32::MAX), f64::from)
}

/// One connection.
struct Lane {
    sender: SendRequest<Full<Bytes>>,
}

#[derive(Default)]
struct Lap {
    times_us: Vec<u64>,
    /// To the first event, of each stream.
    firsts_us: Vec<u64>,
    events: u64,
}

// === impl Lane ===

impl Lane {
    async fn open(plan: &Plan) -> Result<Lane, BenchError> {
        let failed = |error: &dyn std::error::Error| BenchError::Load(format!("cannot connect to {}: {error}", plan.address));
        let stream = TcpStream::connect(plan.address).await.map_err(|error| failed(&error))?;
        stream.set_nodelay(true).map_err(|error| failed(&error))?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(|error| failed(&error))?;
        tokio::spawn(connection);
        Ok(Lane { sender })
    }

    /// Calls until no calls are left for any lane.
    async fn drive(mut self, plan: Plan, left: Arc<AtomicU64>) -> Result<Lap, BenchError> {
        let mut lap = Lap::default();
        while left.try_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)).is_ok() {
            let start = Instant::now();
            let stream = self.call(&plan).await?;
            lap.times_us.push(micros(start.elapsed()));
            lap.firsts_us.extend(stream.first.map(|first| micros(first.duration_since(start))));
            lap.events = lap.events.saturating_add(stream.events);
        }
        Ok(lap)
    }

    /// One call, its answer read to the end. A whole answer has no events.
    async fn call(&mut self, plan: &Plan) -> Result<EventCount, BenchError> {
        let failed = |error: &dyn std::error::Error| BenchError::Load(error.to_string());
        let mut request = Request::post(&plan.path).header("host", plan.address.to_string()).header("content-type", "application/json");
        if plan.path.ends_with("/messages") {
            request = request.header("anthropic-version", "2023-06-01");
        }
        if let Some(key) = &plan.key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        let request = request.body(Full::new(plan.body.clone())).map_err(|error| failed(&error))?;
        self.sender.ready().await.map_err(|error| failed(&error))?;
        let answer = self.sender.send_request(request).await.map_err(|error| failed(&error))?;
        let (head, mut body) = answer.into_parts();
        let mut stream = EventCount::default();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| failed(&error))?;
            frame.data_ref().into_iter().for_each(|data| stream.take(data));
        }
        let is_stream = head.headers.get("content-type").is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
        match (head.status.as_u16(), is_stream) {
            (200, false) => Ok(EventCount::default()),
            (200, true) if stream.done() => Ok(stream),
            (200, true) => Err(BenchError::Load(format!("a stream ended after {} events without [DONE]", stream.events))),
            (status, _) => Err(BenchError::Load(format!("status {status}: {}", String::from_utf8_lossy(&stream.tail)))),
        }
    }
}

/// The end that is kept: more than the last event of any load stream.
const TAIL: usize = 4096;

/// Counts events (empty lines) over frames cut anywhere, and keeps the end of the text.
#[derive(Default)]
struct EventCount {
    events: u64,
    /// When the first was there.
    first: Option<Instant>,
    newline: bool,
    tail: Vec<u8>,
}

impl EventCount {
    fn take(&mut self, data: &[u8]) {
        for byte in data {
            let newline = *byte == b'\n';
            if newline && self.newline {
                self.events = self.events.saturating_add(1);
                self.first.get_or_insert_with(Instant::now);
            }
            self.newline = newline && !self.newline;
        }
        self.tail.extend_from_slice(data);
        let surplus = self.tail.len().saturating_sub(TAIL);
        self.tail.drain(..surplus);
    }

    fn done(&self) -> bool {
        let marker = b"event: ";
        let last = self.tail.windows(marker.len()).rposition(|window| window == marker);
        let named = last.and_then(|at| self.tail.get(at.saturating_add(marker.len())..)).unwrap_or_default();
        let ended = named.starts_with(b"message_stop\n") || named.starts_with(b"response.completed\n");
        (ended && self.tail.ends_with(b"\n\n")) || self.tail.trim_ascii_end().ends_with(b"data: [DONE]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        let times: Vec<u64> = (1..=100).collect();
        assert_eq!((percentile(&times, 50), percentile(&times, 99)), (50, 99));
        assert_eq!((percentile(&[7], 50), percentile(&[7], 99), percentile(&[], 50)), (7, 7, 0));
    }

    #[test]
    fn events_are_counted_however_the_text_is_cut() {
        let text = b"data: 1\n\ndata: 2\n\ndata: [DONE]\n\n";
        for size in 1..text.len() {
            let mut count = EventCount::default();
            text.chunks(size).for_each(|piece| count.take(piece));
            assert!(count.events == 3 && count.done(), "{size}");
        }
    }
}
