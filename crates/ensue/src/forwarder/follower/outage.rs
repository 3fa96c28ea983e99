//! Whether what the handlers depend on is away altogether: a pure machine.

use std::time::Duration;

use ensue_core::Timestamp;

/// LIMIT: failures in a row, each of another lane, that are no longer the entries' own. Ten
/// strangers in a row that each happen to be poisoned are rarer than a gateway that is down.
const FAILURES_MAX: u32 = 10;

/// Between probes: the first,
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// and the longest.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Counts failures of entries that were tried for the first time, and so are of different lanes.
#[derive(Debug, Clone, Default)]
pub(super) struct Outage {
    failures: u32,
    probe: Option<Probe>,
}

#[derive(Debug, Clone, Copy)]
struct Probe {
    at: Timestamp,
    pause: Duration,
}

impl Outage {
    /// When to try one entry, and nothing else before; nothing while there is no outage.
    pub(super) fn probe_at(&self) -> Option<Timestamp> {
        self.probe.map(|probe| probe.at)
    }

    pub(super) fn is_on(&self) -> bool {
        self.probe.is_some()
    }

    pub(super) fn failed_first(&mut self, now: Timestamp) {
        self.failures = self.failures.saturating_add(1);
        if self.failures >= FAILURES_MAX && self.probe.is_none() {
            self.probe = Some(Probe { at: now.plus(FIRST_PAUSE), pause: FIRST_PAUSE });
        }
    }

    /// The entry that was tried to see whether it is over says that it is not.
    pub(super) fn probe_failed(&mut self, now: Timestamp) {
        if let Some(Probe { at, pause }) = &mut self.probe {
            *pause = (*pause * 2).min(LONGEST_PAUSE);
            *at = now.plus(*pause);
        }
    }

    /// An entry has succeeded, or was refused for good: somebody is there.
    pub(super) fn succeeded(&mut self) {
        self.failures = 0;
        self.probe = None;
    }

    /// The pause after a clock that was ahead is no longer than any pause.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        self.probe_at().is_some_and(|at| at <= now || at > now.plus(LONGEST_PAUSE))
    }
}
