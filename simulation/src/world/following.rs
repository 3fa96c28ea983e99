//! Doing what the follower says, for one term, as the library's shell does.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ensue::RetryPolicy;
use ensue::simulation::{Action, Follower, Input, LeaseInput, Next, Seen, Sent, Verdict};
use ensue::subscription::{
    Change, Failure, FailureClass, Request, RequestId, SetAside, SetAsideState, Term,
};
use ensue::{Position, Timestamp};

use super::World;
use super::runner::Ended;
use crate::brief::Brief;
use crate::deed::Deed;
use crate::handlers::ATTEMPTS;
use crate::letter::{Answered, Commit, Errand, Lost, Question, Sender, Work};
use crate::mutant::Mutant;
use crate::process::{Following, NEW_TYPE, ProcessId, Sending};
use crate::story::Entry;
use crate::violation::{Checked, ensure};

/// LIMIT: entries of a page.
const PAGE_ROWS: usize = 12;

impl World {
    pub(super) fn new_following(
        &mut self,
        who: ProcessId,
        term: Term,
        told: BTreeSet<RequestId>,
        head: Option<Position>,
        requests: Vec<Request>,
    ) -> Following {
        let policy = RetryPolicy::default().attempts(ATTEMPTS);
        let (epoch, wall) = (term.epoch, self.wall(who));
        let was_told_of_new = term.event_types.iter().any(|name| name == NEW_TYPE);
        let forgets = self.is(Mutant::BatchSuspectsForgotten) && !term.is_handed_over;
        let batch = if forgets { 1 } else { self.settings.batch };
        if requests.iter().any(|request| request.replayed.is_some()) {
            self.tally.count_deed(Deed::ResumedReplay);
        }
        let follower = Follower::new(term, policy, self.settings.lanes);
        let follower = match self.broker {
            Some(_) => follower.sending(),
            None => follower.in_batches_of(batch),
        };
        let mut follower = follower.inheriting(self.process(who).succession.inherit());
        if let Some(head) = head {
            follower.learn(wall, Input::Woken { head });
        }
        follower.learn(wall, Input::Requested { requests });
        Following {
            epoch,
            follower,
            told,
            renewing: None,
            keep_at: Duration::ZERO,
            was_told_of_new,
            under_way: BTreeMap::new(),
            failed: BTreeMap::new(),
            spoiled: BTreeSet::new(),
            recording: false,
            sending: Sending::default(),
        }
    }

    /// Begins whatever can begin now; then it is to be waited.
    pub(super) fn follow(&mut self, who: ProcessId) -> Checked {
        let wall = self.wall(who);
        self.tell_follower(who, wall);
        loop {
            let Some(following) = self.process(who).following() else { return Ok(()) };
            match following.follower.next(wall) {
                Next::Do(action) => self.act(who, action)?,
                Next::Wait { until } => return self.wait(who, wall, until),
                Next::Over => return self.end_term(who, Ended::Well),
            }
        }
    }

    /// Tells the follower what was seen of the store.
    fn tell_follower(&mut self, who: ProcessId, wall: Timestamp) {
        let process = self.process(who);
        let (head, stopping) = (process.watch.head, process.stopping);
        let mut requests = process.watch.requests.clone();
        let Some(following) = process.following() else { return };
        if stopping {
            following.follower.stop();
        }
        if let Some(head) = head {
            following.follower.learn(wall, Input::Woken { head });
        }
        requests.retain(|request| following.told.insert(request.id));
        if !requests.is_empty() {
            following.follower.learn(wall, Input::Requested { requests });
        }
    }

    fn wait(&mut self, who: ProcessId, wall: Timestamp, until: Option<Timestamp>) -> Checked {
        let now = self.agenda.now();
        let process = self.process(who);
        let pause = until.map_or(Duration::MAX, |until| until.since(wall));
        let Some(following) = process.following() else { return Ok(()) };
        let (keep_at, epoch) = (following.keep_at, following.epoch);
        let is_idle = following.under_way.is_empty() && !following.recording;
        let time = process.clocks.when(keep_at).min(now.saturating_add(pause));
        self.wake_at(who, time);
        match is_idle && epoch == self.database.epoch && self.database.is_finished() {
            true => self.finish(who),
            false => Ok(()),
        }
    }

    /// A receipt whose commit overtook that of the sweeping is left until there is another owner, and
    /// no longer.
    fn finish(&mut self, who: ProcessId) -> Checked {
        if self.database.receipts().is_empty() || self.asked_to_sweep {
            self.finished = true;
            return Ok(());
        }
        self.asked_to_sweep = true;
        self.shut_down(who)
    }

    fn act(&mut self, who: ProcessId, action: Action) -> Checked {
        let sender = self.sender(who);
        match action {
            Action::Read { after } => {
                let rows = self.rng.usize(1..PAGE_ROWS);
                self.note_of(who, || format!("reads {rows} after {after}"));
                self.ask(sender, Errand::Read, Question::Read { after, rows });
                Ok(())
            }
            Action::ReadAgain { after, last } => {
                let rows = self.rng.usize(1..PAGE_ROWS);
                self.note_of(who, || format!("reads {rows} after {after} again, up to {last}"));
                self.ask(sender, Errand::ReadAgain { last }, Question::Read { after, rows });
                Ok(())
            }
            Action::Handle { position, rest, attempt, is_replay, changes } => {
                let work = Work { position, rest, attempt, is_replay };
                match self.broker {
                    Some(_) => self.begin_sending(who, work, changes),
                    None => self.begin_handler(who, work, changes),
                }
            }
            Action::Record { changes } => {
                self.note_of(who, || format!("records {}", Brief(&changes)));
                self.record(who, sender, changes)
            }
        }
    }

    fn record(&mut self, who: ProcessId, sender: Sender, mut changes: Vec<Change>) -> Checked {
        self.check_answers(who, &changes)?;
        self.check_known(who, &changes)?;
        let errand = Errand::Record { changes: changes.clone() };
        let forgets_attempts = self.is(Mutant::AttemptNotRecorded);
        let Some(following) = self.process(who).following() else { return Ok(()) };
        changes.iter().try_for_each(|change| check_stopped(change, &following.failed))?;
        following.recording = true;
        if forgets_attempts {
            changes.iter_mut().for_each(|change| take_back_attempt(change, &following.failed));
        }
        following.failed.clear();
        if self.is(Mutant::CursorBeforeConfirmation) {
            self.advance_early(who, &mut changes);
        }
        let commit = self.commit(who, None, changes);
        self.ask(sender, errand, Question::Commit(commit));
        Ok(())
    }

    /// What a mutant takes for delivered: all that it has sent.
    fn advance_early(&mut self, who: ProcessId, changes: &mut Vec<Change>) {
        let cursor = self.database.cursor();
        let Some(following) = self.process(who).following() else { return };
        let sent = following.under_way.values().flat_map(Work::entries).max();
        if let Some(to) = sent.filter(|sent| *sent > cursor) {
            changes.retain(|change| !matches!(change, Change::Advance { .. }));
            changes.push(Change::Advance { to });
        }
    }

    pub(super) fn commit(
        &mut self,
        who: ProcessId,
        effect: Option<Work>,
        changes: Vec<Change>,
    ) -> Commit {
        let owner = self.database.epoch;
        let epoch = self.process(who).following().map_or(owner, |following| following.epoch);
        Commit { epoch, effect, changes, was_owner: epoch == owner }
    }

    pub(super) fn learn_of_work(
        &mut self,
        who: ProcessId,
        errand: Errand,
        answer: Result<Answered, Lost>,
    ) -> Checked {
        if !self.keep(who, &LeaseInput::Tick)? {
            return Ok(());
        }
        if let (Err(Lost), Some(mutant)) = (&answer, self.mutant)
            && self.mistake_loss(who, mutant, &errand)?
        {
            return Ok(());
        }
        match (errand, answer) {
            (Errand::Read, Ok(Answered::Read(entries))) => {
                let entries = self.made_of(who, &entries);
                self.learn(who, Input::Read { entries });
                self.follow(who)
            }
            (Errand::ReadAgain { last }, Ok(Answered::Read(mut entries))) => {
                entries.retain(|entry| entry.position <= last);
                let mut entries = self.made_of(who, &entries);
                if self.is(Mutant::ReplayKeysIgnored) {
                    entries.iter_mut().for_each(|seen| seen.key = None);
                }
                self.learn(who, Input::ReadAgain { entries });
                self.follow(who)
            }
            (errand, Ok(Answered::Committed)) => self.learn_of_commit(who, &errand),
            (_, Ok(Answered::Fenced)) => self.end_term(who, Ended::Fenced),
            (Errand::Handle { work, .. }, Err(Lost)) if self.broker.is_none() => {
                self.be_in_doubt(who, &work)
            }
            _ => self.end_term(who, Ended::Interrupted),
        }
    }

    /// What the process makes of what it read.
    fn made_of(&mut self, who: ProcessId, entries: &[Entry]) -> Vec<Seen> {
        let process = self.process(who);
        let program = process.program;
        let was_told = process.following().is_some_and(|following| following.was_told_of_new);
        entries.iter().map(|entry| entry.seen_by(program, was_told)).collect()
    }

    fn learn_of_commit(&mut self, who: ProcessId, errand: &Errand) -> Checked {
        let is_sent = self.broker.is_some();
        let Some(following) = self.process(who).following() else { return Ok(()) };
        let input = match errand {
            Errand::Handle { work: Work { position, .. }, .. } => {
                following.under_way.remove(position);
                match is_sent {
                    true => {
                        following.sending.unheard_at = None;
                        let outcomes = vec![(*position, Sent::Delivered)];
                        Input::Sent { outcomes, is_heard: true }
                    }
                    false => Input::Handled { position: *position },
                }
            }
            _ => {
                following.recording = false;
                Input::Recorded
            }
        };
        self.learn(who, input);
        self.follow(who)
    }

    /// What a mutant makes of a lost reply. True if that was all.
    fn mistake_loss(&mut self, who: ProcessId, mutant: Mutant, errand: &Errand) -> Checked<bool> {
        match (mutant, errand) {
            (_, Errand::Read | Errand::ReadAgain { .. }) => return Ok(false),
            (Mutant::LostReplyIsSuccess, _) => self.learn_of_commit(who, errand)?,
            (Mutant::LostReplyIsRepeated, _) => self.repeat(who, errand),
            (Mutant::LostReplyIsFailure, Errand::Handle { work, .. }) => {
                let failure = Failure::new(FailureClass::Handler, "no reply");
                self.fail(who, work, failure, Verdict::Again)?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn repeat(&mut self, who: ProcessId, errand: &Errand) {
        let (effect, changes) = match errand {
            Errand::Handle { work, changes } => (Some(work.clone()), changes.clone()),
            Errand::Record { changes } => (None, changes.clone()),
            _ => return,
        };
        let (sender, commit) = (self.sender(who), self.commit(who, effect, changes));
        self.ask(sender, errand.clone(), Question::Commit(commit));
    }

    pub(super) fn learn(&mut self, who: ProcessId, input: Input) {
        let wall = self.wall(who);
        if let Some(following) = self.process(who).following() {
            following.follower.learn(wall, input);
        }
    }

    pub(super) fn wall(&mut self, who: ProcessId) -> Timestamp {
        let now = self.agenda.now();
        self.process(who).clocks.wall(now)
    }
}

/// INVARIANT: whoever says that somebody has to look is not tried again before.
fn check_stopped(change: &Change, failed: &BTreeMap<Position, Verdict>) -> Checked {
    let Change::SetAside(SetAside { position, state, .. }) = change else { return Ok(()) };
    let stops = failed.get(position) == Some(&Verdict::Stop);
    ensure(!stops || *state == SetAsideState::Parked, || {
        format!("entry {position} says stop, and is not parked")
    })
}

/// A mutant does not count an attempt that is only to begin.
fn take_back_attempt(change: &mut Change, failed: &BTreeMap<Position, Verdict>) {
    if let Change::SetAside(entry) = change
        && matches!(entry.state, SetAsideState::Retrying { .. })
        && !failed.contains_key(&entry.position)
    {
        entry.attempts = entry.attempts.saturating_sub(1);
    }
}
