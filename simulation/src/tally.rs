//! How much was simulated.

use std::fmt;

use crate::deed::Deed;
use crate::faults::Fault;

/// How much was simulated, and what came of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Worlds.
    pub schedules: u64,
    /// Things that happened in them.
    pub steps: u64,
    /// Terms that began.
    pub terms: u64,
    /// Commits of owners that were owners no more.
    pub fenced: u64,
    /// Entries that were handled.
    pub effects: u64,
    /// Broken promises.
    pub violations: u64,
    pub(crate) faults: [u64; Fault::ALL.len()],
    pub(crate) deeds: [u64; Deed::ALL.len()],
}

impl Tally {
    pub(crate) fn count(&mut self, fault: Fault) {
        self.faults[fault as usize] += 1;
    }

    pub(crate) fn count_deed(&mut self, deed: Deed) {
        self.deeds[deed as usize] += 1;
    }

    /// The kinds of faults, and of deeds, that did not come up.
    pub fn never_met(&self) -> Vec<&'static str> {
        let faults = Fault::ALL.iter().map(|fault| fault.words()).zip(self.faults);
        let deeds = Deed::ALL.iter().map(|deed| deed.words()).zip(self.deeds);
        let met = faults.chain(deeds);
        met.filter(|(_, count)| *count == 0).map(|(words, _)| words).collect()
    }

    /// Adds what was counted elsewhere.
    pub fn add(&mut self, other: &Self) {
        self.schedules += other.schedules;
        self.steps += other.steps;
        self.terms += other.terms;
        self.fenced += other.fenced;
        self.effects += other.effects;
        self.violations += other.violations;
        for (mine, others) in self.faults.iter_mut().zip(other.faults) {
            *mine += others;
        }
        for (mine, others) in self.deeds.iter_mut().zip(other.deeds) {
            *mine += others;
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} schedules, {} steps; ", self.schedules, self.steps)?;
        for (fault, count) in Fault::ALL.iter().zip(self.faults).filter(|(_, count)| *count > 0) {
            write!(f, "{count} {}, ", fault.words())?;
        }
        let Self { terms, fenced, effects, violations, .. } = self;
        write!(f, "{terms} terms, {fenced} fenced commits; ")?;
        for (deed, count) in Deed::ALL.iter().zip(self.deeds).filter(|(_, count)| *count > 0) {
            write!(f, "{count} {}, ", deed.words())?;
        }
        write!(f, "{effects} effects; {violations} violations")
    }
}
