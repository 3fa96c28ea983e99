//! A broker, and the way to it.

use std::collections::{BTreeMap, BTreeSet};

use ensue::Position;
use ensue::simulation::Verdict;
use ensue::subscription::{Change, Failure};
use fastrand::Rng;

use crate::letter::{Sender, Work};
use crate::violation::{Checked, ensure};

/// Entries that are sent together.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) number: u64,
    pub(crate) sender: Sender,
    pub(crate) work: Work,
    /// To be recorded when they are delivered.
    pub(crate) changes: Vec<Change>,
}

/// What the sender hears of an entry.
#[derive(Debug, Clone)]
pub(crate) enum Fate {
    Delivered,
    Refused(Failure, Verdict),
    Unknown,
}

impl Fate {
    pub(crate) fn is_delivered(&self) -> bool {
        matches!(self, Self::Delivered)
    }

    pub(crate) fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown)
    }

    /// The same for all of them.
    pub(crate) fn unknown(work: &Work) -> Vec<(Position, Self)> {
        work.entries().map(|position| (position, Self::Unknown)).collect()
    }
}

pub(crate) struct Broker {
    /// Whether all that a process sends in a term goes through one session.
    shares_session: bool,
    calls: u64,
    /// The calls that were not answered yet,
    under_way: BTreeMap<u64, Sender>,
    /// and those of them whose session has ended.
    ended: BTreeSet<u64>,
    /// Since faults stopped.
    sends: Option<Sends>,
}

/// How often each entry was sent.
#[derive(Default)]
struct Sends {
    of_each: BTreeMap<Position, u32>,
    /// What may have been a reason to send one again.
    reasons: u32,
}

/// Reasons from before faults stopped: two calls, and their sender.
const REASONS_BEFORE: u32 = 3;

impl Broker {
    pub(crate) fn new(rng: &mut Rng) -> Self {
        Self {
            shares_session: rng.bool(),
            calls: 0,
            under_way: BTreeMap::new(),
            ended: BTreeSet::new(),
            sends: None,
        }
    }

    pub(crate) fn begin(&mut self, sender: Sender, work: Work, changes: Vec<Change>) -> Call {
        self.calls += 1;
        self.under_way.insert(self.calls, sender);
        Call { number: self.calls, sender, work, changes }
    }

    /// The session of a call ends, for the others that are in it too.
    pub(crate) fn end_session(&mut self, call: &Call) {
        self.allow_for();
        if self.shares_session {
            let others = self.under_way.iter().filter(|(_, sender)| **sender == call.sender);
            self.ended.extend(others.map(|(number, _)| *number).filter(|it| *it != call.number));
        }
    }

    pub(crate) fn has_ended(&self, call: &Call) -> bool {
        self.ended.contains(&call.number)
    }

    pub(crate) fn finish(&mut self, call: &Call) {
        self.under_way.remove(&call.number);
        self.ended.remove(&call.number);
    }

    /// There is a reason to send again what may have been sent.
    pub(crate) fn allow_for(&mut self) {
        if let Some(sends) = &mut self.sends {
            sends.reasons += 1;
        }
    }

    /// What operators have asked for before is done after that.
    pub(crate) fn calm_down(&mut self, requests: usize) {
        let requests = u32::try_from(requests).unwrap_or(u32::MAX);
        let reasons = REASONS_BEFORE.saturating_add(requests);
        self.sends = Some(Sends { reasons, ..Sends::default() });
    }

    /// INVARIANT: when faults have stopped, nothing is sent again without a reason.
    pub(crate) fn count(&mut self, work: &Work) -> Checked {
        let Some(Sends { of_each, reasons }) = &mut self.sends else { return Ok(()) };
        for position in work.entries() {
            let sends = of_each.entry(position).or_default();
            *sends += 1;
            let sends = *sends;
            ensure(sends <= *reasons + 1, || {
                format!("entry {position} is sent {sends} times, with {reasons} reasons")
            })?;
        }
        Ok(())
    }
}
