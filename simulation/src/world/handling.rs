//! What handlers do, one entry or one batch at a time.

use std::time::Duration;

use ensue::Position;
use ensue::simulation::{Input, LeaseInput, Verdict};
use ensue::subscription::{Change, Failure, FailureClass};

use super::runner::Ended;
use super::{Happening, World};
use crate::brief::Brief;
use crate::deed::Deed;
use crate::faults::{Fault, up_to};
use crate::handlers::Attempt;
use crate::letter::{Commit, Errand, Question, Sender, Work};
use crate::mutant::Mutant;
use crate::process::ProcessId;
use crate::violation::Checked;

impl World {
    pub(super) fn begin_handler(
        &mut self,
        who: ProcessId,
        work: Work,
        changes: Vec<Change>,
    ) -> Checked {
        let attempt = work.attempt;
        self.note_of(who, || {
            format!("handles {work}, attempt {attempt}, with {}", Brief(&changes))
        });
        self.check_beginning(who, &work)?;
        if let Some(following) = self.process(who).following() {
            following.under_way.insert(work.position, work.clone());
        }
        let mut commit = self.commit(who, Some(work), changes);
        if self.is(Mutant::ProgressBeforeEffect) {
            let changes = std::mem::take(&mut commit.changes);
            self.database.commit(Commit { effect: None, changes, ..commit })?;
        }
        let (sender, duration) = (self.sender(who), self.handling_time());
        self.agenda.put_after(duration, Happening::HandlerEnds { sender, commit });
        Ok(())
    }

    /// Most are quick, and some are slower than anybody wants to wait.
    pub(super) fn handling_time(&mut self) -> Duration {
        let longest = match self.rng.u8(..) {
            0 => Duration::from_secs(20),
            1..16 => Duration::from_secs(2),
            _ => Duration::from_millis(20),
        };
        up_to(longest, &mut self.rng)
    }

    pub(super) fn end_handler(&mut self, sender: Sender, commit: Commit) -> Checked {
        let who = sender.process;
        if !self.is_waited_for(sender, true) {
            return Ok(());
        }
        let Some(work) = commit.effect.clone() else { return Ok(()) };
        match self.attempt(who, &work) {
            Attempt::Works => {
                let changes = commit.changes.clone();
                self.ask(sender, Errand::Handle { work, changes }, Question::Commit(commit));
                Ok(())
            }
            Attempt::Fails(failure, verdict) => {
                self.note_of(who, || format!("{work} fails, {verdict:?}"));
                self.count(Fault::FailedAttempt);
                match self.keep(who, &LeaseInput::Tick)? {
                    true if work.is_batch() && self.is(Mutant::FailedBatchTriedAgain) => {
                        self.try_batch_again(who, work, commit.changes)
                    }
                    true => self.fail(who, &work, failure, verdict),
                    false => Ok(()),
                }
            }
            Attempt::Kills(position) => self.kill(who, position, &commit),
            Attempt::Severs(position) => self.sever(who, position, &work, &commit),
        }
    }

    /// Loses the connection with all that was to be committed; the process learns so, or has to find out.
    fn sever(
        &mut self,
        who: ProcessId,
        position: Position,
        work: &Work,
        commit: &Commit,
    ) -> Checked {
        let is_told = self.rng.bool();
        self.note_of(who, || {
            format!("loses its connection by {position}{}", if is_told { "" } else { ", in doubt" })
        });
        self.count(Fault::Severer);
        let is_probe = self.process(who).following().is_some_and(|it| it.follower.is_in_outage());
        // A robbed owner may attempt the next owner's entries, too; and a probe belongs to an outage.
        if commit.epoch == self.database.epoch && !is_probe {
            self.handlers.count_cost(position)?;
        }
        if !self.keep(who, &LeaseInput::Tick)? {
            return Ok(());
        }
        match is_told {
            true if self.is(Mutant::LossIsInterruption) => self.end_term(who, Ended::Interrupted),
            true => {
                let failure = Failure::new(FailureClass::Commit, "the connection is gone");
                self.fail(who, work, failure, Verdict::Again)
            }
            false => self.be_in_doubt(who, work),
        }
    }

    /// Leaves the outcome of the commit unknown to the process.
    pub(super) fn be_in_doubt(&mut self, who: ProcessId, work: &Work) -> Checked {
        let (random, position) = (self.rng.u64(..), work.position);
        let failure = Failure::new(FailureClass::Commit, "no answer to the commit");
        self.forget_work(who, work);
        self.learn(who, Input::InDoubt { position, failure, random });
        self.end_term(who, Ended::Interrupted)
    }

    fn kill(&mut self, who: ProcessId, position: Position, commit: &Commit) -> Checked {
        self.note_of(who, || format!("is ended by {position}"));
        self.count(Fault::Killer);
        // Whoever is robbed may try what the next owner does.
        if commit.epoch == self.database.epoch {
            self.handlers.count_cost(position)?;
        }
        self.end(who);
        Ok(())
    }

    fn attempt(&mut self, who: ProcessId, work: &Work) -> Attempt {
        let (now, program) = (self.agenda.now(), self.process(who).program);
        let entry = self.database.entry(work.position);
        match entry.and_then(|entry| self.handlers.pass_unknown(entry, program)) {
            Some(unknown) => {
                self.tally.count_deed(Deed::UnknownType);
                unknown
            }
            None => self.handlers.try_all(work, now, &mut self.rng),
        }
    }

    pub(super) fn fail(
        &mut self,
        who: ProcessId,
        work: &Work,
        failure: Failure,
        verdict: Verdict,
    ) -> Checked {
        let (random, position) = (self.rng.u64(..), work.position);
        self.forget_work(who, work);
        if let Some(following) = self.process(who).following()
            && !work.is_batch()
        {
            following.failed.insert(position, verdict);
        }
        self.learn(who, Input::Failed { position, failure, verdict, random });
        self.follow(who)
    }

    /// A batch that has failed must not be tried again as it was.
    fn forget_work(&mut self, who: ProcessId, work: &Work) {
        if work.is_batch() {
            self.tally.count_deed(Deed::FailedBatch);
        }
        let Some(following) = self.process(who).following() else { return };
        following.under_way.remove(&work.position);
        if work.is_batch() {
            following.spoiled.extend(work.entries());
        }
    }

    /// What a mutant does with it.
    fn try_batch_again(&mut self, who: ProcessId, work: Work, changes: Vec<Change>) -> Checked {
        self.forget_work(who, &work);
        self.begin_handler(who, work, changes)
    }
}
