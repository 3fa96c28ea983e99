//! Handling once more what the cursor has passed.
//!
//! A replay puts its entries, page by page, among those that are set aside, due at once. So each is
//! tried like any of those: in the order of its key, with later entries of the key behind it, beside
//! the fresh ones, its attempts on record, and parked after the last. The cursor has no part in it.
//! How far a replay has come is recorded with each page, so that the next owner goes on from there.

use std::collections::{BTreeSet, VecDeque};

use ensue_core::{Position, Timestamp};

use super::{Action, Follower, Seen};
use crate::subscription::{
    Answer, Change, Command, Replayed, Request, RequestId, SetAside, SetAsideState,
};

/// The replays that have begun and are not answered; the first one is under way.
#[derive(Debug, Default)]
pub(super) struct Replaying {
    replays: VecDeque<Replay>,
    page: Page,
}

#[derive(Debug, Clone)]
struct Replay {
    request: RequestId,
    last: Position,
    replayed: Replayed,
}

#[derive(Debug, Default)]
enum Page {
    #[default]
    NotAsked,
    Asked,
    /// It is put up when nothing is under way, so that no key has two entries at once.
    Read(Vec<Seen>),
    /// That it is put up is being recorded: until then nothing begins, and the next one is not asked
    /// for, since both depend on it.
    PutUp,
}

impl Replaying {
    /// Begins, or goes on, with what is asked for.
    pub(super) fn add(&mut self, request: &Request) {
        if let Command::Replay { first, last } = request.command {
            let replayed = request.replayed.unwrap_or_else(|| before(first));
            self.replays.push_back(Replay { request: request.id, last, replayed });
        }
    }

    pub(super) fn take_page(&mut self, entries: Vec<Seen>) {
        self.page = Page::Read(entries);
    }

    /// Whether a page waits to be put up, or is being so.
    pub(super) fn has_page(&self) -> bool {
        matches!(self.page, Page::Read(_) | Page::PutUp)
    }

    pub(super) fn apply(&mut self, change: &Change) {
        match change {
            Change::Replayed { request, replayed } => {
                // A page of the first one may be on its way while another one begins.
                if matches!(self.page, Page::PutUp) {
                    self.page = Page::NotAsked;
                }
                let mut replays = self.replays.iter_mut();
                if let Some(replay) = replays.find(|replay| replay.request == *request) {
                    replay.replayed = *replayed;
                }
            }
            Change::Answer { request, .. } => {
                self.replays.retain(|replay| replay.request != *request);
            }
            _ => {}
        }
    }

    fn current(&self) -> Option<&Replay> {
        self.replays.front()
    }
}

impl Replay {
    fn has_put_up_all(&self) -> bool {
        self.replayed.up_to >= self.last
    }
}

impl Follower {
    /// Where a replay of these positions begins, if it can be.
    pub(super) fn begin_replay(&self, first: Position, last: Position) -> Result<Replayed, String> {
        let handled = self.decided_up_to(&BTreeSet::new());
        if first == Position::START || first > last {
            return Err(format!("there are no positions from {first} to {last}"));
        }
        if last > handled {
            return Err(format!("it has handled entries up to {handled}, and not up to {last}"));
        }
        Ok(before(first))
    }

    /// The next page of the replay, once each entry of the last one was tried; and not before all
    /// suspects were, or a replay of their key would hide them.
    pub(super) fn read_again(&mut self) -> Option<Action> {
        let replaying = &self.operations.replaying;
        let replay = replaying.current().filter(|replay| !replay.has_put_up_all())?;
        let may_ask = matches!(replaying.page, Page::NotAsked)
            && !self.stopping
            && !self.is_suspicious()
            && !self.outage.is_on()
            && !self.operations.hold_everything_up()
            && !self.set_aside.has_untried(replay.replayed.up_to);
        let (after, last) = (replay.replayed.up_to, replay.last);
        may_ask.then(|| {
            self.operations.replaying.page = Page::Asked;
            Action::ReadAgain { after, last }
        })
    }

    /// Puts the page that was read among what is set aside.
    pub(super) fn put_up_page(&mut self, now: Timestamp) {
        let replaying = &mut self.operations.replaying;
        let page = match std::mem::replace(&mut replaying.page, Page::PutUp) {
            Page::Read(entries) => entries,
            other => return replaying.page = other,
        };
        let Some(replay) = replaying.current().cloned() else { return };
        // A cursor that was set back meanwhile lets the others be handled anyway.
        let passed = page.iter().filter(|seen| seen.wanted && seen.position <= self.cursor);
        let again: Vec<_> = passed.filter_map(|seen| self.once_more(seen, now)).collect();
        let up_to = page.last().map_or(replay.last, |seen| seen.position);
        let entries = replay.replayed.entries + again.len() as u64;
        let (request, replayed) = (replay.request, Replayed { up_to, entries });
        self.unrecorded.extend(again.into_iter().map(Change::SetAside));
        self.unrecorded.push(Change::Replayed { request, replayed });
    }

    /// An entry that waits for its turn anyway is left where it is.
    fn once_more(&self, seen: &Seen, now: Timestamp) -> Option<SetAside> {
        let state = SetAsideState::Retrying { next_attempt_at: now };
        match self.set_aside.at(seen.position) {
            None => Some(SetAside {
                position: seen.position,
                key: seen.key.clone(),
                state,
                attempts: 0,
                failure: None,
                is_replay: true,
            }),
            Some(entry) if entry.state == SetAsideState::Parked => {
                Some(SetAside { state, attempts: 0, ..entry.clone() })
            }
            Some(_) => None,
        }
    }

    /// What is to be handled once more is not in the log any more, and will not be there again.
    pub(super) fn refuse_replay(&mut self, oldest: Position) {
        self.operations.replaying.page = Page::NotAsked;
        let Some(request) = self.operations.replaying.replays.pop_front() else { return };
        let why = format!("entries before {oldest} are not in the log any more");
        self.answer(request.request, Answer::Refused { why });
    }

    /// Answers the replay of which every entry was tried.
    pub(super) fn answer_replay(&mut self) {
        let done = self.operations.replaying.current().filter(|replay| replay.has_put_up_all());
        let tried = done.filter(|replay| !self.set_aside.has_untried(replay.replayed.up_to));
        let Some(replay) = tried else { return };
        let answer = Answer::Done { changed: replay.replayed.entries };
        self.answer(replay.request, answer);
    }
}

/// Nothing is replayed yet.
fn before(first: Position) -> Replayed {
    Replayed { up_to: first.previous(), entries: 0 }
}
