//! What becomes of each message that arrives: a pure machine.
//!
//! It is told what has arrived and how each piece of work has ended, and answers with the next one: which
//! messages are handled together, which alone, which is buried, and what is acknowledged. Messages wait
//! in memory to be tried again, since a broker that gets one back may deliver it after those that came
//! behind it.
//!
//! INVARIANT: a message is acknowledged in the session in which it has arrived, and only once it is
//! handled, found to have been, buried, or passed by.
//!
//! INVARIANT: of two messages of one lane the second does not begin before the first is done with, but
//! behind it in its own transaction.
//!
//! INVARIANT: an attempt at a message that may have ended a process, or its connection to the database, is
//! a suspect's: alone, and recorded before it begins. What was recorded and did not begin is the next
//! attempt's record.

#![cfg_attr(
    feature = "simulation",
    expect(missing_docs, reason = "no interface: public for the simulation alone")
)]

mod burial;
mod lanes;
mod latest;
mod pace;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use self::lanes::{Lanes, Place, Waiting};
use self::latest::Latest;
use self::pace::Pace;
use super::Tag;
use super::counts::ListenerCounts;
use super::lane::Lane;
use crate::RetryPolicy;
use crate::subscription::{Failure, Verdict};

/// LIMIT: how far off a time may be that a handler names with `retry_after`. The message takes up room
/// until then.
const ASKED_MAX: Duration = Duration::from_secs(60);

/// LIMIT: bytes of messages in one transaction, unless a single one is larger. It bounds the cost of a
/// rollback and the memory of the decoded events.
const BATCH_BYTES_MAX: usize = 4 << 20;

/// Between attempts to get through to the database, or to the source.
pub(super) const RECONNECTING: RetryPolicy =
    RetryPolicy::of(u32::MAX, Duration::from_millis(100), Duration::from_secs(1));

/// What becomes of each message; `T` is what the machine need not know of it.
#[derive(Debug)]
pub struct Intake<T> {
    policy: RetryPolicy,
    /// How many pieces of work are under way at once.
    width: usize,
    pace: Pace,
    lanes: Lanes<T>,
    under_way: BTreeMap<Piece, UnderWay>,
    next_piece: u64,
    /// To be acknowledged.
    settled: Vec<Tag>,
    latest: Latest,
    /// Pieces in a row that could not get through to the database,
    interruptions: u32,
    /// which is why nothing begins before then.
    paused_until: Option<Duration>,
    counts: ListenerCounts,
    stopping: bool,
}

/// A message, as it arrives.
#[derive(Debug)]
pub struct Arrived<T> {
    pub tag: Tag,
    pub is_redelivered: bool,
    pub lane: Lane,
    /// Its source, and where it stands in that one's log.
    pub sequence: Option<(String, u64)>,
    pub kind: Kind,
    /// The memory it takes, in bytes.
    pub bytes: usize,
    pub content: T,
}

/// How a message can be handled.
#[derive(Debug)]
pub enum Kind {
    /// With others, in one transaction.
    Together,
    /// By a handler that is called with no transaction open.
    Alone,
    /// Not at all.
    Doomed(Failure),
    /// It need not be.
    PassedBy,
}

/// What tells pieces of work apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Piece(u64);

#[derive(Debug)]
struct UnderWay {
    places: Vec<Place>,
    began_at: Duration,
    /// Together, also if there is only one.
    is_batch: bool,
}

/// What to do next.
#[derive(Debug)]
pub enum Next<T> {
    /// This, beside what is under way; and ask again.
    Do(Action<T>),
    /// Nothing, until something arrives, work ends or this time comes.
    Wait { until: Option<Duration> },
    /// Nothing any more.
    Over,
}

#[derive(Debug)]
pub enum Action<T> {
    /// Tell the source, in ascending order.
    Acknowledge { tags: Vec<Tag> },
    /// Handle these, one after the other in one transaction.
    Together { piece: Piece, messages: Vec<T> },
    /// Handle this one.
    Alone { piece: Piece, message: T, attempt: Attempt },
    /// Store the message as a dead letter, with up to `bytes` of its body.
    Bury { piece: Piece, message: T, failure: Failure, attempts: u32, bytes: usize },
}

/// Which attempt at a message it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// Of so many, counted here.
    Number(u32),
    /// A suspect's, to be recorded before it begins.
    ToRecord,
    /// A suspect's that was recorded and has not begun.
    Recorded(u32),
}

/// What was being done when an interruption came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Upon {
    /// No message's own work. A suspect's attempt may have been recorded.
    Nothing { recorded: Option<u32> },
    /// The handling of the message at this place, which may be why.
    Handling { at: usize },
    /// What all of them had a part in: their commit, or a batch.
    Whole,
}

/// How a piece of work has ended.
#[derive(Debug)]
pub enum Outcome {
    /// It is committed; of each message whether it was new.
    Done { new: Vec<bool> },
    /// The message at this place of it has failed, and nothing of the piece is left.
    Failed { at: usize, attempt: u32, failure: Failure, verdict: Verdict, random: u64 },
    /// All of it has failed, nobody knows by which of them, and nothing is left.
    Refused,
    /// All of it took too long before the message at this place, and nothing is left.
    Overdue { at: usize },
    /// The database refused the dead letter, and will refuse it again.
    Unburied { random: u64 },
    /// The database could not be reached, or nobody knows whether it has committed.
    Interrupted { upon: Upon, random: u64 },
}

impl<T: Clone> Intake<T> {
    /// `width` is how many pieces of work may be under way at once, `batch` how many messages one may
    /// have: at least one.
    pub fn new(policy: RetryPolicy, width: usize, batch: usize) -> Self {
        Self {
            policy,
            width: width.max(1),
            pace: Pace::up_to(batch),
            lanes: Lanes::default(),
            under_way: BTreeMap::new(),
            next_piece: 0,
            settled: Vec::new(),
            latest: Latest::default(),
            interruptions: 0,
            paused_until: None,
            counts: ListenerCounts::default(),
            stopping: false,
        }
    }

    /// What it has come to so far.
    pub fn counts(&self) -> ListenerCounts {
        ListenerCounts { waiting: self.lanes.len() as u64, ..self.counts }
    }

    /// From now on, what is under way is finished and nothing new begun.
    pub fn stop(&mut self) {
        self.stopping = true;
    }

    /// Whether anything is under way.
    pub fn is_busy(&self) -> bool {
        !self.under_way.is_empty()
    }

    pub fn arrive(&mut self, arrived: Arrived<T>) {
        self.counts.redelivered += u64::from(arrived.is_redelivered);
        if let Kind::PassedBy = arrived.kind {
            self.counts.passed_by += 1;
            return self.settled.push(arrived.tag);
        }
        self.lanes.add(arrived);
    }

    /// Returns the prefetch that would keep the messages in memory within `bytes_max`, if they exceed it.
    pub fn fitting_prefetch(&self, bytes_max: usize) -> Option<u16> {
        let here = || self.lanes.of_session().map(|message| message.bytes);
        let (messages, bytes) = (here().count(), here().sum::<usize>());
        if bytes <= bytes_max || messages <= 1 {
            return None;
        }
        let fitting = bytes_max / here().max().unwrap_or(1).max(1);
        u16::try_from(fitting.clamp(1, messages - 1)).ok()
    }

    /// Whatever is not acknowledged will arrive again, and cannot be acknowledged any more.
    pub fn lose_session(&mut self) {
        self.counts.lost_sessions += 1;
        self.settled.clear();
        self.lanes.lose_session();
    }

    pub fn end(&mut self, now: Duration, piece: Piece, outcome: Outcome) {
        let Some(ended) = self.under_way.remove(&piece) else { return };
        let is_through = !matches!(outcome, Outcome::Interrupted { .. });
        match outcome {
            Outcome::Done { new } => self.finish(now, &ended, &new),
            Outcome::Failed { at, attempt, failure, verdict, random } => {
                if ended.is_batch {
                    self.pace.failed_after(at);
                }
                if let Some(place) = ended.places.get(at) {
                    self.fail(now, *place, attempt, failure, verdict, random);
                }
            }
            Outcome::Refused => self.take_apart(&ended),
            Outcome::Overdue { at } => self.pace.failed_after(at),
            Outcome::Unburied { random } => self.cut(now, &ended, random),
            Outcome::Interrupted { upon, random } => {
                self.suspect(&ended, upon);
                self.pause(now, random);
            }
        }
        if is_through {
            (self.interruptions, self.paused_until) = (0, None);
        }
        for place in ended.places {
            self.lanes.put_back(place);
        }
    }

    /// The next thing to do.
    pub fn next(&mut self, now: Duration) -> Next<T> {
        if !self.settled.is_empty() {
            let mut tags = std::mem::take(&mut self.settled);
            tags.sort_unstable();
            return Next::Do(Action::Acknowledge { tags });
        }
        if self.stopping {
            return match self.is_busy() {
                true => Next::Wait { until: None },
                false => Next::Over,
            };
        }
        if let Some(until) = self.paused_until.filter(|until| *until > now) {
            return Next::Wait { until: Some(until) };
        }
        self.lanes.wake(now);
        if self.under_way.len() >= self.width {
            return Next::Wait { until: None };
        }
        match self.begin(now) {
            Some(action) => Next::Do(action),
            None => Next::Wait { until: self.lanes.next_due() },
        }
    }

    /// The first that may begin, and whatever can be handled together with it.
    fn begin(&mut self, now: Duration) -> Option<Action<T>> {
        let (first, message) = self.lanes.ready().next()?;
        if message.doom.is_none() && !message.is_alone {
            return Some(self.begin_together(now));
        }
        let piece = self.under_way(now, vec![first], false);
        let waiting = self.lanes.get(first)?;
        let message = waiting.content.clone();
        Some(match waiting.doom.clone() {
            Some(failure) => {
                let (attempts, bytes) = (waiting.attempts, waiting.burial.bytes());
                Action::Bury { piece, message, failure, attempts, bytes }
            }
            None => Action::Alone { piece, message, attempt: waiting.next_attempt() },
        })
    }

    fn begin_together(&mut self, now: Duration) -> Action<T> {
        let mut held = HashSet::new();
        let together = self.lanes.ready().filter(|(_, message)| {
            let is_alone = message.is_alone || message.doom.is_some();
            if is_alone {
                held.insert(&message.lane);
            }
            !is_alone && !held.contains(&message.lane)
        });
        let mut bytes = 0;
        let together = together.take(self.pace.messages()).take_while(|(_, message)| {
            let is_first = bytes == 0;
            bytes += message.bytes.max(1);
            is_first || bytes <= BATCH_BYTES_MAX
        });
        let (places, messages) =
            together.map(|(place, message)| (place, message.content.clone())).unzip();
        Action::Together { piece: self.under_way(now, places, true), messages }
    }

    fn under_way(&mut self, began_at: Duration, places: Vec<Place>, is_batch: bool) -> Piece {
        let piece = Piece(self.next_piece);
        self.next_piece += 1;
        self.lanes.begin(&places);
        self.under_way.insert(piece, UnderWay { places, began_at, is_batch });
        piece
    }

    fn take_apart(&mut self, ended: &UnderWay) {
        for place in &ended.places {
            if let Some(message) = self.lanes.get_mut(*place) {
                message.is_alone = true;
            }
        }
    }

    /// One that was alone with the database when that was lost may be why; of several at their commit
    /// any one may be, so that each is next.
    fn suspect(&mut self, ended: &UnderWay, upon: Upon) {
        let (place, recorded) = match (upon, &*ended.places) {
            (Upon::Handling { at }, places) => (places.get(at), None),
            (Upon::Whole, [alone]) => (Some(alone), None),
            (Upon::Whole, _) => return self.take_apart(ended),
            (Upon::Nothing { recorded: None }, _) => return,
            (Upon::Nothing { recorded }, places) => (places.first(), recorded),
        };
        if let Some(message) = place.and_then(|place| self.lanes.get_mut(*place)) {
            if message.doom.is_some() {
                return message.burial.was_lost();
            }
            (message.is_suspect, message.is_alone, message.recorded) = (true, true, recorded);
        }
    }

    /// Retries the dead letter with less of its body, after a pause: the refusal may have another cause.
    fn cut(&mut self, now: Duration, ended: &UnderWay, random: u64) {
        for place in &ended.places {
            let Some(message) = self.lanes.get_mut(*place) else { continue };
            let refusals = message.burial.was_refused();
            message.wait_until(now + RECONNECTING.delay(refusals, random).unwrap_or_default());
        }
    }

    fn finish(&mut self, now: Duration, ended: &UnderWay, new: &[bool]) {
        if ended.is_batch {
            self.pace.succeeded(now.saturating_sub(ended.began_at));
        }
        for (place, is_new) in ended.places.iter().zip(new) {
            let Some(message) = self.lanes.remove(*place) else { continue };
            match (is_new, &message.doom) {
                (false, _) => self.counts.duplicates += 1,
                (true, Some(_)) => self.counts.dead += 1,
                (true, None) => self.counts.handled += 1,
            }
            self.note_order(&message, *is_new);
            self.settled.extend(message.tag);
        }
    }

    /// What was handled before is in no order.
    fn note_order(&mut self, message: &Waiting<T>, is_new: bool) {
        if let (true, Lane::Key(_), Some((source, sequence))) =
            (is_new, &message.lane, &message.sequence)
            && !self.latest.note(&message.lane, source, *sequence)
        {
            self.counts.out_of_order += 1;
        }
    }

    fn fail(
        &mut self,
        now: Duration,
        place: Place,
        attempt: u32,
        failure: Failure,
        verdict: Verdict,
        random: u64,
    ) {
        self.counts.failed += 1;
        let delay = match verdict {
            Verdict::Again if failure.class.is_retryable() => self.policy.delay(attempt, random),
            Verdict::After(pause) => {
                self.policy.delay(attempt, random).map(|_| pause.min(ASKED_MAX))
            }
            Verdict::Again | Verdict::Never | Verdict::Stop => None,
        };
        let Some(message) = self.lanes.get_mut(place) else { return };
        message.attempts = attempt;
        (message.is_alone, message.recorded) = (true, None);
        match delay {
            Some(delay) => message.wait_until(now + delay),
            None => message.doom = Some(failure),
        }
    }

    fn pause(&mut self, now: Duration, random: u64) {
        self.counts.interruptions += 1;
        self.interruptions = self.interruptions.saturating_add(1);
        let pause = RECONNECTING.delay(self.interruptions, random).unwrap_or_default();
        self.paused_until = Some(now + pause);
    }
}
