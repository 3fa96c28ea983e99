//! What operators ask for, done by the owner between two pieces of work.

use std::collections::VecDeque;

use ensue_core::{Position, Timestamp};

use super::Follower;
use super::replaying::Replaying;
use crate::subscription::{
    Answer, Change, Command, Request, RequestId, SetAside, SetAsideState, Which,
};

/// Requests wait until nothing is under way, and nothing begins while one waits: what they find is
/// what there is.
#[derive(Debug)]
pub(super) struct Operations {
    requests: VecDeque<Request>,
    /// What was done for the last one is being recorded.
    answering: bool,
    paused: bool,
    /// What is stored is not what this machine knows any more.
    over: bool,
    pub(super) replaying: Replaying,
}

impl Operations {
    pub(super) fn new(paused: bool) -> Self {
        Self {
            requests: VecDeque::new(),
            answering: false,
            paused,
            over: false,
            replaying: Replaying::default(),
        }
    }

    pub(super) fn take(&mut self, requests: Vec<Request>) {
        for request in requests {
            match request.replayed {
                Some(_) => self.replaying.add(&request),
                None => self.requests.push_back(request),
            }
        }
    }

    pub(super) fn has_requests(&self) -> bool {
        !self.requests.is_empty()
    }

    pub(super) fn hold_everything_up(&self) -> bool {
        let is_awaited = self.has_requests() || self.replaying.has_page();
        self.paused || self.answering || is_awaited
    }

    pub(super) fn pause(&mut self) {
        self.paused = true;
    }

    pub(super) fn is_paused(&self) -> bool {
        self.paused
    }

    /// Ends the term: the stored state may differ from what this machine knows.
    pub(super) fn end(&mut self) {
        self.over = true;
    }

    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    pub(super) fn apply(&mut self, change: &Change) {
        match change {
            Change::Pause { .. } => self.paused = true,
            Change::Resume => self.paused = false,
            Change::Seek { .. } => self.over = true,
            Change::Replayed { .. } | Change::Answer { .. } => {
                self.answering = false;
                self.replaying.apply(change);
            }
            _ => {}
        }
    }
}

impl Follower {
    /// Does the next request, if there is one: what is to be recorded with its answer.
    pub(super) fn execute_next(&mut self, now: Timestamp) {
        let Some(request) = self.operations.requests.pop_front() else { return };
        self.operations.answering = true;
        let changes = match self.execute(now, &request) {
            Ok(changes) => changes,
            Err(why) => return self.answer(request.id, Answer::Refused { why }),
        };
        let changed = changes.len() as u64;
        self.unrecorded.extend(changes);
        match request.command {
            // It is answered when all of it was tried.
            Command::Replay { .. } => self.operations.replaying.add(&request),
            _ => self.answer(request.id, Answer::Done { changed }),
        }
    }

    pub(super) fn answer(&mut self, request: RequestId, answer: Answer) {
        self.unrecorded.push(Change::Answer { request, answer });
    }

    fn execute(&self, now: Timestamp, request: &Request) -> Result<Vec<Change>, String> {
        match &request.command {
            Command::Retry(which) => self.retry(now, which),
            Command::Skip(which) => self.skip(which),
            Command::Pause => Ok(vec![Change::Pause { reason: request.reason.clone() }]),
            Command::Resume => Ok(vec![Change::Resume]),
            Command::Seek { to } => match self.head.unwrap_or(self.cursor) {
                head if *to > head => Err(format!("the log goes up to {head}, and not to {to}")),
                _ => Ok(vec![Change::Seek { to: *to }]),
            },
            Command::Replay { first, last } => {
                let replayed = self.begin_replay(*first, *last)?;
                Ok(vec![Change::Replayed { request: request.id, replayed }])
            }
            Command::Unreadable { why } => Err(format!("the request cannot be read: {why}")),
        }
    }

    /// Lets entries be tried at once, and as often as a new one.
    fn retry(&self, now: Timestamp, which: &Which) -> Result<Vec<Change>, String> {
        let chosen = self.first_of_lanes(which)?;
        let again = chosen.into_iter().map(|entry| {
            let state = SetAsideState::Retrying { next_attempt_at: now };
            Change::SetAside(SetAside { state, attempts: 0, ..entry.clone() })
        });
        Ok(again.collect())
    }

    /// Takes entries for handled.
    fn skip(&self, which: &Which) -> Result<Vec<Change>, String> {
        let chosen = self.first_of_lanes(which)?;
        Ok(chosen.into_iter().flat_map(|entry| self.settle(entry.position)).collect())
    }

    fn settle(&self, position: Position) -> impl Iterator<Item = Change> + use<> {
        let receipt = (position > self.cursor).then_some(Change::Receipt { position });
        std::iter::once(Change::Settle { position }).chain(receipt)
    }

    /// The chosen entries; only the first of a key can be, since the others wait behind it.
    fn first_of_lanes(&self, which: &Which) -> Result<Vec<&SetAside>, String> {
        match which {
            Which::Entry(position) => {
                let entry = self.set_aside.at(*position);
                let entry = entry.ok_or_else(|| format!("entry {position} is not set aside"))?;
                match self.set_aside.is_behind(entry) {
                    true => Err(format!("entry {position} waits behind an earlier one of its key")),
                    false => Ok(vec![entry]),
                }
            }
            Which::Key(key) => {
                let entry = self.set_aside.first_of(key);
                Ok(vec![entry.ok_or_else(|| format!("no entry of key `{key}` is set aside"))?])
            }
            Which::Parked { class, at_most } => {
                let parked = self.set_aside.all().filter(|entry| {
                    let its_class = entry.failure.as_ref().map(|failure| failure.class);
                    entry.state == SetAsideState::Parked && (class.is_none() || *class == its_class)
                });
                let at_most = usize::try_from(*at_most).unwrap_or(usize::MAX);
                Ok(parked.filter(|entry| !self.set_aside.is_behind(entry)).take(at_most).collect())
            }
        }
    }
}
