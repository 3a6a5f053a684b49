//! Counts of tests, read from the closing lines of the runners: cargo test, nextest, pytest, Node's.

/// How many tests passed and failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) passed: u32,
    pub(super) failed: u32,
}

// === impl Tally ===

impl Tally {
    pub(super) fn one(passed: bool) -> Tally {
        Tally { passed: u32::from(passed), failed: u32::from(!passed) }
    }

    /// The sum over every closing line among these.
    pub(super) fn of(lines: &[String]) -> Tally {
        let mut sum = Tally::default();
        lines.iter().filter(|line| is_closing(line)).for_each(|line| sum.add(read(line)));
        sum
    }

    pub(super) fn add(&mut self, other: Tally) {
        self.passed = self.passed.saturating_add(other.passed);
        self.failed = self.failed.saturating_add(other.failed);
    }
}

fn is_closing(line: &str) -> bool {
    let cargo = line.starts_with("test result:");
    let nextest = line.trim_start().starts_with("Summary [");
    // A long line leaves room for one sign at each end.
    let pytest = line.starts_with('=') && line.ends_with('=') && line.contains(" in ");
    cargo || nextest || pytest || node(line).is_some()
}

/// `ℹ pass 12` and `ℹ fail 1`: one line for each count.
fn node(line: &str) -> Option<Tally> {
    let (word, count) = line.strip_prefix("ℹ ")?.split_once(' ')?;
    let count = count.parse().ok()?;
    match word {
        "pass" => Some(Tally { passed: count, failed: 0 }),
        "fail" | "cancelled" => Some(Tally { passed: 0, failed: count }),
        _ => None,
    }
}

/// `…, 12 passed (1 slow), 1 failed, 1 timed out; …`: a number before each word.
fn read(line: &str) -> Tally {
    if let Some(tally) = node(line) {
        return tally;
    }
    let mut tally = Tally::default();
    let mut number = None;
    for word in line.split_ascii_whitespace() {
        match (word.trim_end_matches([',', ';', '.']), number) {
            ("passed", Some(count)) => tally.passed = tally.passed.saturating_add(count),
            ("failed" | "error" | "errors" | "timed", Some(count)) => tally.failed = tally.failed.saturating_add(count),
            _ => {}
        }
        number = word.parse().ok();
    }
    tally
}

#[cfg(test)]
mod tests {
    use super::Tally;

    fn check(line: &str, passed: u32, failed: u32) {
        assert_eq!(Tally::of(&[line.to_owned()]), Tally { passed, failed }, "{line}");
    }

    #[test]
    fn closing_lines_of_all_runners_are_read() {
        check("test result: ok. 10 passed; 0 failed; 0 ignored; 0 measured; 2 filtered out; finished in 0.02s", 10, 0);
        check("test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.02s", 1, 2);
        check("     Summary [   0.123s] 30 tests run: 27 passed (1 slow), 2 failed, 1 timed out, 4 skipped", 27, 3);
        check("============= 1 failed, 12 passed, 2 skipped, 1 error in 3.10s ==============", 12, 2);
        check("= 1 failed, 813 passed, 26 skipped, 1 xfailed, 16 warnings in 94.34s (0:01:34) =", 813, 1);
        check("ℹ pass 12", 12, 0);
        check("ℹ fail 1", 0, 1);
        check("ℹ tests 13", 0, 0);
        check("test a::b ... ok", 0, 0);
        check("30 passed and gone", 0, 0);
    }
}
