//! Doing what the follower says, for one term, as the library's shell does.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ensue::RetryPolicy;
use ensue::simulation::{Action, Follower, Input, LeaseInput, Next, Verdict};
use ensue::subscription::{Change, Failure, FailureClass, Request, RequestId, SetAsideState, Term};
use ensue::{Position, Timestamp};

use super::runner::Ended;
use super::{Happening, World};
use crate::brief::Brief;
use crate::faults::{Fault, up_to};
use crate::handlers::{ATTEMPTS, Attempt};
use crate::letter::{Answered, Commit, Errand, Lost, Question, Sender};
use crate::mutant::Mutant;
use crate::process::{Following, ProcessId};
use crate::violation::{Checked, Violation};

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
        let mut follower = Follower::new(term, policy, self.settings.lanes);
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
            under_way: BTreeMap::new(),
            failed: BTreeSet::new(),
            recording: false,
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
            Action::ReadAgain { .. } => Err(Violation::new("nobody asked for a replay")),
            Action::Handle { position, attempt, changes, .. } => {
                self.begin_handler(who, position, attempt, changes)
            }
            Action::Record { changes } => {
                self.note_of(who, || format!("records {}", Brief(&changes)));
                self.record(who, sender, changes);
                Ok(())
            }
        }
    }

    fn record(&mut self, who: ProcessId, sender: Sender, mut changes: Vec<Change>) {
        let errand = Errand::Record { changes: changes.clone() };
        let forgets_attempts = self.is(Mutant::AttemptNotRecorded);
        let Some(following) = self.process(who).following() else { return };
        following.recording = true;
        if forgets_attempts {
            changes.iter_mut().for_each(|change| take_back_attempt(change, &following.failed));
        }
        following.failed.clear();
        let commit = self.commit(who, None, changes);
        self.ask(sender, errand, Question::Commit(commit));
    }

    fn begin_handler(
        &mut self,
        who: ProcessId,
        position: Position,
        attempt: u32,
        changes: Vec<Change>,
    ) -> Checked {
        self.note_of(who, || {
            format!("handles {position}, attempt {attempt}, with {}", Brief(&changes))
        });
        self.check_beginning(who, position, attempt)?;
        let key = self.database.key(position).map(str::to_owned);
        if let Some(following) = self.process(who).following() {
            following.under_way.insert(position, key);
        }
        let mut commit = self.commit(who, Some(position), changes);
        if self.is(Mutant::ProgressBeforeEffect) {
            let changes = std::mem::take(&mut commit.changes);
            self.database.commit(&Commit { effect: None, changes, ..commit })?;
        }
        let (sender, duration) = (self.sender(who), self.handling_time());
        self.agenda.put_after(duration, Happening::HandlerEnds { sender, position, commit });
        Ok(())
    }

    /// Most are quick, and some are slower than anybody wants to wait.
    fn handling_time(&mut self) -> Duration {
        let longest = match self.rng.u8(..) {
            0 => Duration::from_secs(20),
            1..16 => Duration::from_secs(2),
            _ => Duration::from_millis(20),
        };
        up_to(longest, &mut self.rng)
    }

    fn commit(&mut self, who: ProcessId, effect: Option<Position>, changes: Vec<Change>) -> Commit {
        let owner = self.database.epoch;
        let epoch = self.process(who).following().map_or(owner, |following| following.epoch);
        Commit { epoch, effect, changes, was_owner: epoch == owner }
    }

    pub(super) fn end_handler(
        &mut self,
        sender: Sender,
        position: Position,
        commit: Commit,
    ) -> Checked {
        let (who, now) = (sender.process, self.agenda.now());
        if !self.is_waited_for(sender, true) {
            return Ok(());
        }
        match self.handlers.try_out(position, now, &mut self.rng) {
            Attempt::Works => {
                let changes = commit.changes.clone();
                let errand = Errand::Handle { position, changes };
                self.ask(sender, errand, Question::Commit(commit));
                Ok(())
            }
            Attempt::Fails(failure, verdict) => {
                self.note_of(who, || format!("{position} fails, {verdict:?}"));
                self.count(Fault::FailedAttempt);
                match self.keep(who, &LeaseInput::Tick)? {
                    true => self.fail(who, position, failure, verdict),
                    false => Ok(()),
                }
            }
            Attempt::Kills => {
                self.note_of(who, || format!("is ended by {position}"));
                self.count(Fault::Killer);
                // Whoever is robbed may try what the next owner does.
                if commit.epoch == self.database.epoch {
                    self.handlers.count_kill(position)?;
                }
                self.end(who);
                Ok(())
            }
        }
    }

    fn fail(
        &mut self,
        who: ProcessId,
        position: Position,
        failure: Failure,
        verdict: Verdict,
    ) -> Checked {
        let random = self.rng.u64(..);
        if let Some(following) = self.process(who).following() {
            following.failed.insert(position);
            following.under_way.remove(&position);
        }
        self.learn(who, Input::Failed { position, failure, verdict, random });
        self.follow(who)
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
                self.learn(who, Input::Read { entries });
                self.follow(who)
            }
            (errand, Ok(Answered::Committed)) => self.learn_of_commit(who, &errand),
            (_, Ok(Answered::Fenced)) => self.end_term(who, Ended::Fenced),
            _ => self.end_term(who, Ended::Interrupted),
        }
    }

    fn learn_of_commit(&mut self, who: ProcessId, errand: &Errand) -> Checked {
        let Some(following) = self.process(who).following() else { return Ok(()) };
        let input = match errand {
            Errand::Handle { position, .. } => {
                following.under_way.remove(position);
                Input::Handled { position: *position }
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
            (_, Errand::Read) => return Ok(false),
            (Mutant::LostReplyIsSuccess, _) => self.learn_of_commit(who, errand)?,
            (Mutant::LostReplyIsRepeated, _) => self.repeat(who, errand),
            (Mutant::LostReplyIsFailure, Errand::Handle { position, .. }) => {
                let failure = Failure::new(FailureClass::Handler, "no reply");
                self.fail(who, *position, failure, Verdict::Again)?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn repeat(&mut self, who: ProcessId, errand: &Errand) {
        let (effect, changes) = match errand {
            Errand::Handle { position, changes } => (Some(*position), changes.clone()),
            Errand::Record { changes } => (None, changes.clone()),
            _ => return,
        };
        let (sender, commit) = (self.sender(who), self.commit(who, effect, changes));
        self.ask(sender, errand.clone(), Question::Commit(commit));
    }

    fn learn(&mut self, who: ProcessId, input: Input) {
        let wall = self.wall(who);
        if let Some(following) = self.process(who).following() {
            following.follower.learn(wall, input);
        }
    }

    fn wall(&mut self, who: ProcessId) -> Timestamp {
        let now = self.agenda.now();
        self.process(who).clocks.wall(now)
    }
}

/// A mutant does not count an attempt that is only to begin.
fn take_back_attempt(change: &mut Change, failed: &BTreeSet<Position>) {
    if let Change::SetAside(entry) = change
        && matches!(entry.state, SetAsideState::Retrying { .. })
        && !failed.contains(&entry.position)
    {
        entry.attempts = entry.attempts.saturating_sub(1);
    }
}
