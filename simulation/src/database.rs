//! What is stored, and the rules of the database: a model of the store's contract.

mod lease;
mod progress;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ensue::simulation::Seen;
use ensue::subscription::{Command, Epoch, Request, RequestId, SetAside, Term};
use ensue::{Position, Timestamp};

use crate::mutant::Mutant;
pub(crate) use lease::Lease;
pub(crate) use progress::Outcome;

pub(crate) struct Database {
    mutant: Option<Mutant>,
    /// All that is ever appended, and how much of it was.
    story: Vec<Seen>,
    appended: usize,
    /// How far the clock is ahead, in microseconds.
    ahead: i64,
    pub(crate) epoch: Epoch,
    pub(crate) lease: Option<Lease>,
    /// Terms whose leases ended before they had run out, or whose owner asked a second time.
    robbed: BTreeSet<Epoch>,
    cursor: Position,
    receipts: BTreeSet<Position>,
    pub(crate) set_aside: BTreeMap<Position, SetAside>,
    pub(crate) paused: bool,
    requests: Vec<Request>,
    /// What was handled, or taken for handled.
    effects: BTreeSet<Position>,
    skipped: BTreeSet<Position>,
}

impl Database {
    pub(crate) fn new(story: Vec<Seen>, mutant: Option<Mutant>) -> Self {
        Self {
            mutant,
            story,
            appended: 0,
            ahead: 0,
            epoch: Epoch::new(0),
            lease: None,
            robbed: BTreeSet::new(),
            cursor: Position::START,
            receipts: BTreeSet::new(),
            set_aside: BTreeMap::new(),
            paused: false,
            requests: Vec::new(),
            effects: BTreeSet::new(),
            skipped: BTreeSet::new(),
        }
    }

    /// What its clock shows when it really is `now`.
    pub(crate) fn clock(&self, now: Duration) -> Timestamp {
        let now = i64::try_from(now.as_micros()).unwrap_or(i64::MAX);
        Timestamp::from_micros(now.saturating_add(self.ahead))
    }

    pub(crate) fn append(&mut self) {
        self.appended = (self.appended + 1).min(self.story.len());
    }

    /// How many entries there will be.
    pub(crate) fn entries(&self) -> usize {
        self.story.len()
    }

    pub(crate) fn log(&self) -> &[Seen] {
        &self.story[..self.appended]
    }

    pub(crate) fn head(&self) -> Position {
        self.log().last().map_or(Position::START, |seen| seen.position)
    }

    pub(crate) fn read(&self, after: Position, rows: usize) -> Vec<Seen> {
        let mut seen: Vec<_> =
            self.log().iter().filter(|seen| seen.position > after).take(rows).cloned().collect();
        if self.is(Mutant::KeysIgnored) {
            seen.iter_mut().for_each(|seen| seen.key = None);
        }
        seen
    }

    pub(crate) fn key(&self, position: Position) -> Option<&str> {
        let index = usize::try_from(position.previous().get()).ok()?;
        self.log().get(index)?.key.as_deref()
    }

    pub(crate) fn request(&mut self, command: Command, now: Duration) -> RequestId {
        let id = RequestId::new(self.requests.len() as u64 + 1);
        self.requests.push(Request {
            id,
            subscription: "simulated".to_owned(),
            command,
            reason: "to see what happens".to_owned(),
            requested_at: self.clock(now),
            replayed: None,
            answer: None,
        });
        id
    }

    pub(crate) fn pending_requests(&self) -> Vec<Request> {
        self.requests.iter().filter(|request| request.answer.is_none()).cloned().collect()
    }

    /// Whether nothing more is to be done about it.
    pub(crate) fn is_settled(&self, position: Position) -> bool {
        self.effects.contains(&position) || self.skipped.contains(&position)
    }

    pub(crate) fn effects(&self) -> u64 {
        self.effects.len() as u64
    }

    pub(crate) fn skipped(&self) -> impl Iterator<Item = Position> {
        self.skipped.iter().copied()
    }

    pub(crate) fn receipts(&self) -> &BTreeSet<Position> {
        &self.receipts
    }

    /// Whether all that there ever is to be done was done.
    pub(crate) fn is_finished(&self) -> bool {
        self.appended == self.story.len()
            && self.cursor == self.head()
            && self.set_aside.is_empty()
            && !self.paused
            && self.requests.iter().all(|request| request.answer.is_some())
    }

    fn term(&self, is_handed_over: bool) -> Term {
        let mut term = Term {
            epoch: self.epoch,
            cursor: self.cursor,
            receipts: self.receipts.iter().copied().collect(),
            set_aside: self.set_aside.values().cloned().collect(),
            event_types: Vec::new(),
            paused: self.paused,
            is_handed_over,
        };
        if let Some(mutant) = self.mutant {
            mutant.spoil_term(&mut term);
        }
        term
    }

    fn is(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }
}
