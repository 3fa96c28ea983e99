//! The outcome of one run, parsed from the output of nextest or libtest, and of all runs.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display};
use std::path::Path;
use std::time::Duration;

use crate::failure::Failure;

/// The outcome of one run.
pub(super) struct Verdicts {
    passed: usize,
    failed: BTreeSet<String>,
    took: Duration,
}

impl Verdicts {
    pub(super) fn of(printed: &str, took: Duration) -> Self {
        let mut verdicts = Self { passed: 0, failed: BTreeSet::new(), took };
        let mut binary = "";
        for line in printed.lines() {
            binary = binary_of(line).unwrap_or(binary);
            match nextest(line).or_else(|| libtest(line, binary)) {
                Some((true, _)) => verdicts.passed += 1,
                Some((false, test)) => {
                    verdicts.failed.insert(test);
                }
                None => {}
            }
        }
        verdicts
    }

    pub(super) fn has_failures(&self) -> bool {
        !self.failed.is_empty()
    }
}

impl Display for Verdicts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { passed, failed, took } = self;
        write!(formatter, "{passed} passed, {} failed, {} s", failed.len(), took.as_secs())?;
        failed.iter().try_for_each(|test| write!(formatter, "\n    failed: {test}"))
    }
}

/// Parses the program that plain cargo names before its tests.
fn binary_of(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let (_, path) =
        line.strip_prefix("Running ").or(line.strip_prefix("Doc-tests "))?.rsplit_once('(')?;
    let file = path.trim_end_matches(')').rsplit('/').next()?;
    file.rsplit_once('-').map(|(name, _)| name)
}

/// `PASS [   0.012s] (  7/1501) ensue::it sinks::a_name`, with or without the count.
fn nextest(line: &str) -> Option<(bool, String)> {
    let line = line.trim_start();
    let (word, rest) = line.split_once(" [")?;
    let has_passed = match word {
        "PASS" | "LEAK" => true,
        "FAIL" | "TIMEOUT" | "ABORT" | "LEAK-FAIL" => false,
        word if word.starts_with("SIG") => false,
        _ => return None,
    };
    let (_, test) = rest.split_once("s] ")?;
    let test = match test.trim_start().strip_prefix('(') {
        Some(counted) => counted.split_once(") ")?.1,
        None => test.trim_start(),
    };
    Some((has_passed, test.split_whitespace().collect::<Vec<_>>().join(" ")))
}

/// `test sinks::a_name ... ok`
fn libtest(line: &str, binary: &str) -> Option<(bool, String)> {
    let (test, outcome) = line.strip_prefix("test ")?.rsplit_once(" ... ")?;
    match outcome.split_whitespace().next()? {
        "ok" => Some((true, format!("{binary} {test}"))),
        "FAILED" => Some((false, format!("{binary} {test}"))),
        _ => None,
    }
}

/// The failures of all runs, by test.
#[derive(Default)]
pub(super) struct Tally {
    failures: BTreeMap<String, u32>,
    fewest: Option<usize>,
}

impl Tally {
    pub(super) fn add(&mut self, verdicts: &Verdicts) {
        for test in &verdicts.failed {
            *self.failures.entry(test.clone()).or_default() += 1;
        }
        let run = verdicts.passed + verdicts.failed.len();
        self.fewest = Some(self.fewest.map_or(run, |fewest| fewest.min(run)));
    }

    /// Fails if a test has failed once, or if a run had no test.
    pub(super) fn judge(self, runs: u32, logs: &Path) -> Result<(), Failure> {
        if self.fewest.is_none_or(|fewest| fewest == 0) {
            return Err(Failure::new("no test ran; does the filter match any?"));
        }
        let mut failures: Vec<_> = self.failures.into_iter().collect();
        failures.sort_by_key(|(_, times)| std::cmp::Reverse(*times));
        let line = |(test, times)| format!("failed in {times} of {runs} runs: {test}");
        Failure::unless_empty(failures.into_iter().map(line).collect()).map_err(|failure| {
            failure.and(format!("the output of each run is in {}", logs.display()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEXTEST: &str = "
        PASS [   0.012s] (   7/1501) ensue::it sinks::one_that_passes
        FAIL [  12.345s] (   8/1501) ensue-sqlite::it processes::one_that_fails
     SIGABRT [   0.300s] (   9/1501) ensue-amqp tests::one_that_aborts
        SLOW [> 60.000s] (  10/1501) ensue::it sinks::one_that_is_slow
     Summary [  20.000s] 3 tests run: 1 passed, 2 failed, 0 skipped
        FAIL [  12.345s] (   8/1501) ensue-sqlite::it processes::one_that_fails
error: test run failed";

    const LIBTEST: &str = "
     Running unittests src/lib.rs (target/debug/deps/ensue-0123abc)
test words::one_that_passes ... ok
     Running tests/it/main.rs (target/debug/deps/it-456def)
test sinks::one_that_fails ... FAILED
test sinks::another ... ok
test sinks::left_out ... ignored
test sinks::slow has been running for over 60 seconds
test result: FAILED. 1 passed; 1 failed; 1 ignored";

    fn of(printed: &str) -> Verdicts {
        Verdicts::of(printed, Duration::from_secs(3))
    }

    #[test]
    fn failures_are_read_from_nextests_words_and_each_counts_once() {
        let verdicts = of(NEXTEST);
        assert_eq!(verdicts.passed, 1);
        let failed: Vec<_> = verdicts.failed.iter().map(String::as_str).collect();
        let expected =
            ["ensue-amqp tests::one_that_aborts", "ensue-sqlite::it processes::one_that_fails"];
        assert_eq!(failed, expected);
    }

    #[test]
    fn failures_are_read_from_libtests_words_with_their_program() {
        let verdicts = of(LIBTEST);
        assert_eq!(verdicts.passed, 2);
        assert_eq!(verdicts.failed, BTreeSet::from(["it sinks::one_that_fails".to_owned()]));
    }

    #[test]
    fn a_test_that_failed_in_one_run_of_many_fails_the_soak_by_name() {
        let mut tally = Tally::default();
        for printed in [LIBTEST, "test a::b ... ok"] {
            tally.add(&of(printed));
        }
        let said = tally.judge(2, Path::new("target/soak")).unwrap_err().to_string();
        assert!(said.contains("failed in 1 of 2 runs: it sinks::one_that_fails"), "{said}");
    }

    #[test]
    fn runs_without_a_failure_pass_and_runs_without_a_test_do_not() {
        let mut tally = Tally::default();
        tally.add(&of("test a::b ... ok"));
        assert!(tally.judge(1, Path::new("logs")).is_ok());
        let mut tally = Tally::default();
        tally.add(&of("test result: ok. 0 passed"));
        assert!(tally.judge(1, Path::new("logs")).is_err());
    }
}
