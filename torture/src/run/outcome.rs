//! What came of a run.

use std::collections::BTreeMap;
use std::fmt;

use ensue::Verification;

use crate::verdict::Verdict;

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
    /// What the judge has found.
    pub verdict: Verdict,
    /// What the store's own check has found.
    pub verification: Verification,
}

impl Outcome {
    /// Whether every promise was kept.
    pub fn is_clean(&self) -> bool {
        self.verdict.is_clean() && self.verification.is_sound()
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
        write!(f, "; {verdict}; ")?;
        match self.verification.findings.first() {
            None => f.write_str("sound"),
            Some(finding) => {
                write!(f, "{} findings, first: {finding}", self.verification.findings.len())
            }
        }
    }
}
