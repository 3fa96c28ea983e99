//! What is stored, and the rules of the database: a model of the store's contract.

mod lease;
mod ledger;
mod progress;
mod replays;
mod shipping;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ensue::subscription::{Command, Epoch, Request, RequestId, SetAside, Term};
use ensue::{Position, Timestamp};

use crate::mutant::Mutant;
use crate::process::NEW_TYPE;
use crate::story::Entry;
use crate::target::Target;
pub(crate) use lease::Lease;
use ledger::Ledger;
pub(crate) use progress::Outcome;
use shipping::Shipping;

pub(crate) struct Database {
    target: Target,
    mutant: Option<Mutant>,
    /// All that is ever appended, and how much of it was.
    story: Vec<Entry>,
    appended: usize,
    /// How far the clock is ahead, in microseconds.
    ahead: i64,
    pub(crate) epoch: Epoch,
    pub(crate) lease: Option<Lease>,
    /// Terms whose leases ended before they had run out, or whose owner asked a second time.
    robbed: BTreeSet<Epoch>,
    event_types: BTreeSet<&'static str>,
    cursor: Position,
    receipts: BTreeSet<Position>,
    pub(crate) set_aside: BTreeMap<Position, SetAside>,
    pub(crate) paused: bool,
    requests: Vec<Request>,
    pub(crate) ledger: Ledger,
    shipping: Shipping,
}

impl Database {
    pub(crate) fn new(target: Target, story: Vec<Entry>, mutant: Option<Mutant>) -> Self {
        Self {
            target,
            mutant,
            story,
            appended: 0,
            ahead: 0,
            epoch: Epoch::new(0),
            lease: None,
            robbed: BTreeSet::new(),
            event_types: BTreeSet::new(),
            cursor: Position::START,
            receipts: BTreeSet::new(),
            set_aside: BTreeMap::new(),
            paused: false,
            requests: Vec::new(),
            ledger: Ledger::default(),
            shipping: Shipping::default(),
        }
    }

    /// What its clock shows when it really is `now`.
    pub(crate) fn clock(&self, now: Duration) -> Timestamp {
        let now = i64::try_from(now.as_micros()).unwrap_or(i64::MAX);
        Timestamp::from_micros(now.saturating_add(self.ahead))
    }

    pub(crate) fn append(&mut self) {
        self.appended = (self.appended + 1).min(self.story.len());
        if let Some(entry) = self.log().last().filter(|entry| entry.is_new)
            && !self.event_types.contains(NEW_TYPE)
        {
            let position = entry.position;
            self.ledger.allow_to_pass(position);
        }
    }

    /// Remembers that these types of events are handled. True if an epoch is over by that.
    pub(crate) fn register(&mut self, types: &[&'static str]) -> bool {
        let known = self.event_types.len();
        self.event_types.extend(types);
        let ends = self.event_types.len() > known && self.lease.is_some();
        if ends && !self.is(Mutant::RegistrationKeepsEpoch) {
            self.robbed.insert(self.epoch);
            self.epoch = Epoch::new(self.epoch.get() + 1);
        }
        ends
    }

    /// How many entries there will be.
    pub(crate) fn entries(&self) -> usize {
        self.story.len()
    }

    pub(crate) fn log(&self) -> &[Entry] {
        &self.story[..self.appended]
    }

    pub(crate) fn head(&self) -> Position {
        self.log().last().map_or(Position::START, |entry| entry.position)
    }

    pub(crate) fn read(&self, after: Position, rows: usize) -> Vec<Entry> {
        let behind = self.log().iter().filter(|entry| entry.position > after);
        let mut entries: Vec<_> = behind.take(rows).cloned().collect();
        if let Some(mutant) = self.mutant {
            entries.iter_mut().for_each(|entry| mutant.spoil_entry(entry));
        }
        entries
    }

    pub(crate) fn entry(&self, position: Position) -> Option<&Entry> {
        self.log().get(usize::try_from(position.previous().get()).ok()?)
    }

    pub(crate) fn key(&self, position: Position) -> Option<&str> {
        self.entry(position)?.key.as_deref()
    }

    /// Whether it must not be passed by.
    pub(crate) fn is_due(&self, entry: &Entry) -> bool {
        entry.wanted && !self.ledger.is_optional(entry.position)
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
        let pending = self.requests.iter().filter(|request| request.answer.is_none());
        let mut pending: Vec<_> = pending.cloned().collect();
        if self.is(Mutant::ReplayProgressNotLoaded) {
            pending.iter_mut().for_each(|request| request.replayed = None);
        }
        pending
    }

    /// Whether nothing more is to be done about it.
    pub(crate) fn is_settled(&self, position: Position) -> bool {
        self.ledger.is_settled(position) && !self.ledger.is_owed(position)
    }

    pub(crate) fn cursor(&self) -> Position {
        self.cursor
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
            event_types: self.event_types.iter().map(|name| (*name).to_owned()).collect(),
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
