//! What came of a run.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use ensue::Verification;

use crate::verdict::Verdict;

/// LIMIT: how long what was acknowledged may stay unseen while the database is there and not too busy.
/// A log that takes longer is stalled, whatever it does afterwards.
const STALL_MAX: Duration = Duration::from_secs(30);

/// What came of a run. It displays as one line.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The store.
    pub store: String,
    /// The seed.
    pub seed: u64,
    /// How many events were acknowledged.
    pub acknowledged: u64,
    /// How many events were rolled back on purpose.
    pub rolled_back: u64,
    /// Of how many events it is not known whether they were committed.
    pub in_doubt: u64,
    /// How many transactions failed: what the database answered when something went wrong.
    pub failed: u64,
    /// What went wrong, and how often.
    pub misfortunes: BTreeMap<&'static str, u64>,
    /// Whether writers kept to a pace. As fast as they can they may be faster than any log, which is
    /// then behind by what it has to catch up with.
    pub is_paced: bool,
    /// What the judge has found.
    pub verdict: Verdict,
    /// What the store's own check has found, if it has one.
    pub verification: Option<Verification>,
}

impl Outcome {
    /// Whether every promise was kept.
    pub fn is_clean(&self) -> bool {
        let is_stalled = self.is_paced && self.verdict.longest_stall > STALL_MAX;
        let is_sound = self.verification.as_ref().is_none_or(Verification::is_sound);
        self.verdict.is_clean() && !is_stalled && is_sound
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { store, seed, acknowledged, rolled_back, in_doubt, failed, verdict, .. } = self;
        write!(f, "torture {store}, seed {seed}: {acknowledged} events acked, ")?;
        write!(f, "{rolled_back} rolled back, {in_doubt} maybe, {failed} transactions failed; ")?;
        for (index, (name, count)) in self.misfortunes.iter().enumerate() {
            write!(f, "{}{count} {name}", if index == 0 { "" } else { ", " })?;
        }
        write!(f, "; {verdict}")?;
        let Some(verification) = &self.verification else { return Ok(()) };
        match verification.findings.first() {
            None => f.write_str("; sound"),
            Some(finding) => {
                write!(f, "; {} findings, first: {finding}", verification.findings.len())
            }
        }
    }
}
