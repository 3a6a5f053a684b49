//! CPU time and memory of a process and all its descendants, from Linux's `/proc` (proc(5)). Only reads.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use crate::BenchError;

/// Linux counts `/proc` times in ticks of 10 ms (USER_HZ is 100 on every architecture it runs on today).
const TICK: Duration = Duration::from_millis(10);

/// What a tree of processes has used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// User and system time, children that have ended included. Resolution 10 ms.
    pub cpu: Duration,
    /// Resident memory, KiB, summed.
    pub rss_kib: u64,
}

struct Stat {
    parent: u32,
    ticks: u64,
}

/// Sums over `pid` and all its descendants that live now.
///
/// # Errors
/// There is no such process, or no `/proc`.
pub fn usage_of_tree(pid: u32) -> Result<Usage, BenchError> {
    let bad = |message: &str| BenchError::Process { pid, message: message.to_owned() };
    let entries = std::fs::read_dir("/proc").map_err(|_| bad("no /proc here"))?;
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    let all: BTreeMap<u32, Stat> = pids.filter_map(|pid| Some((pid, read_stat(pid)?))).collect();
    if !all.contains_key(&pid) {
        return Err(bad("no such process"));
    }
    let mut usage = Usage::default();
    for (member, stat) in all.iter().filter(|(member, _)| descends(**member, pid, &all)) {
        usage.cpu = usage.cpu.saturating_add(TICK.saturating_mul(u32::try_from(stat.ticks).unwrap_or(u32::MAX)));
        usage.rss_kib = usage.rss_kib.saturating_add(read_rss_kib(*member).unwrap_or_default());
    }
    Ok(usage)
}

fn descends(mut pid: u32, ancestor: u32, all: &BTreeMap<u32, Stat>) -> bool {
    while pid != ancestor {
        match all.get(&pid) {
            Some(stat) if stat.parent != 0 => pid = stat.parent,
            Some(_) | None => return false,
        }
    }
    true
}

fn read_stat(pid: u32) -> Option<Stat> {
    parse_stat(&std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat")).ok()?)
}

/// Field 4 is the parent; 14 to 17 are user, system, children's user, children's system. Field 2, the name, may hold anything, `)` too.
fn parse_stat(text: &str) -> Option<Stat> {
    let (_, after_name) = text.rsplit_once(')')?;
    let mut fields = after_name.split_ascii_whitespace().skip(1);
    let parent = fields.next()?.parse().ok()?;
    let times = fields.skip(9).take(4).map(str::parse::<u64>);
    let ticks = times.sum::<Result<u64, _>>().ok()?;
    Some(Stat { parent, ticks })
}

fn read_rss_kib(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_after_an_odd_name_are_found() {
        let text = "42 (a) b (c)) S 7 42 42 0 -1 4194560 100 200 0 0 11 22 33 44 20 0 1 0 9 9 9";
        let stat = parse_stat(text).unwrap();
        assert_eq!((stat.parent, stat.ticks), (7, 110));
    }

    #[test]
    fn this_process_uses_memory_and_no_process_is_an_error() {
        assert!(usage_of_tree(std::process::id()).unwrap().rss_kib > 0);
        assert!(usage_of_tree(u32::MAX).is_err());
    }
}
