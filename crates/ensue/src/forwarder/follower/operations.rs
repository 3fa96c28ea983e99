//! What operators ask for, done by the owner between two pieces of work.

use std::collections::VecDeque;

use ensue_core::{Position, Timestamp};

use super::Follower;
use crate::subscription::{Answer, Change, Command, Request, SetAside, SetAsideState, Which};

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
}

impl Operations {
    pub(super) fn new(paused: bool) -> Self {
        Self { requests: VecDeque::new(), answering: false, paused, over: false }
    }

    pub(super) fn take(&mut self, requests: Vec<Request>) {
        self.requests.extend(requests);
    }

    pub(super) fn hold_everything_up(&self) -> bool {
        self.paused || self.answering || !self.requests.is_empty()
    }

    pub(super) fn is_paused(&self) -> bool {
        self.paused
    }

    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    pub(super) fn apply(&mut self, change: &Change) {
        match change {
            Change::Pause { .. } => self.paused = true,
            Change::Resume => self.paused = false,
            Change::Seek { .. } => self.over = true,
            Change::Answer { .. } => self.answering = false,
            _ => {}
        }
    }
}

impl Follower {
    /// Does the next request, if there is one: what is to be recorded with its answer.
    pub(super) fn execute_next(&mut self, now: Timestamp) {
        let Some(request) = self.operations.requests.pop_front() else { return };
        let answer = match self.execute(now, &request) {
            Ok(changes) => {
                let changed = changes.len();
                self.unrecorded.extend(changes);
                Answer::Done { changed: changed as u64 }
            }
            Err(why) => Answer::Refused { why },
        };
        self.operations.answering = true;
        self.unrecorded.push(Change::Answer { request: request.id, answer });
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
