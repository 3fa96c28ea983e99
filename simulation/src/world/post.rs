//! What goes between the processes and the database, and how it goes wrong.

use std::mem;
use std::time::Duration;

use ensue::Position;
use ensue::subscription::{Answer, Change, SetAside, SetAsideState, TakeOver, Term};

use super::{Happening, Reply, World};
use crate::database::Outcome;
use crate::deed::Deed;
use crate::faults::{Fault, up_to};
use crate::handlers::STOPPED;
use crate::letter::{Answered, Commit, Errand, Lost, Question, Sender, Work};
use crate::mutant::Mutant;
use crate::violation::Checked;

/// How long a question, or an answer, is usually on its way.
const USUAL: Duration = Duration::from_millis(3);

/// How long it is at the most.
const LONGEST: Duration = Duration::from_secs(20);

impl World {
    pub(super) fn ask(&mut self, sender: Sender, errand: Errand, question: Question) {
        let fault = self.faults.of_letter(&mut self.rng);
        if let Some(fault) = fault {
            self.count(fault);
            self.note_of(sender.process, || format!("will meet with {fault:?}: asks {errand}"));
        }
        let (mut there, mut after) = (self.usually(), self.usually());
        let reply = match fault {
            Some(Fault::LostRequest) => return self.lose(there + after, sender, errand),
            Some(Fault::LostReply) => Reply::IsLost { after },
            Some(Fault::LateRequest) => {
                self.lose(there, sender, errand.clone());
                there = up_to(LONGEST, &mut self.rng);
                Reply::NobodyWaits
            }
            Some(_) => {
                let (late, is_answered_late) = (up_to(LONGEST, &mut self.rng), self.rng.bool());
                *(if is_answered_late { &mut after } else { &mut there }) += late;
                Reply::Arrives { after }
            }
            None => Reply::Arrives { after },
        };
        self.agenda.put_after(there, Happening::Asked { sender, errand, question, reply });
    }

    fn usually(&mut self) -> Duration {
        up_to(USUAL, &mut self.rng)
    }

    fn lose(&mut self, after: Duration, sender: Sender, errand: Errand) {
        self.agenda.put_after(after, Happening::Told { sender, errand, answer: Err(Lost) });
    }

    /// The database does what it is asked.
    pub(super) fn answer(
        &mut self,
        sender: Sender,
        errand: Errand,
        question: Question,
        reply: Reply,
    ) -> Checked {
        let (owner, answered) = (self.database.epoch.get(), self.answered(question)?);
        self.note(|| {
            let Sender { process, run, .. } = sender;
            format!("database, epoch {owner}: {process}.{run} asked {errand}: {answered}")
        });
        match reply {
            Reply::Arrives { after } => {
                let answer = Ok(answered);
                self.agenda.put_after(after, Happening::Told { sender, errand, answer });
            }
            Reply::IsLost { after } => self.lose(after, sender, errand),
            Reply::NobodyWaits => {}
        }
        Ok(())
    }

    fn answered(&mut self, question: Question) -> Checked<Answered> {
        let now = self.agenda.now();
        Ok(match question {
            Question::TakeOver { owner, length, read_before } => {
                let granted = self.database.take_over(&owner, length, now);
                Answered::TakeOver(read_early(granted, read_before))
            }
            Question::Renew { epoch, length } => {
                Answered::Renewed(self.database.renew(epoch, length, now))
            }
            Question::Release { epoch } => {
                self.database.release(epoch, now);
                Answered::Released
            }
            Question::Register { types } => {
                if self.database.register(types) {
                    self.tally.count_deed(Deed::Registration);
                    self.handlers.forgive_once();
                }
                Answered::Registered
            }
            Question::Begin => Answered::Begun {
                head: self.database.head(),
                requests: self.database.pending_requests(),
            },
            Question::Look { at_requests } => Answered::Sight {
                head: self.database.head(),
                requests: at_requests.then(|| self.database.pending_requests()),
            },
            Question::Read { after, rows } => Answered::Read(self.database.read(after, rows)),
            Question::Commit(commit) => self.committed(commit)?,
        })
    }

    fn committed(&mut self, mut commit: Commit) -> Checked<Answered> {
        if let Some(first) = self.torn_off(&mut commit) {
            self.database.commit(first)?;
        }
        let cursor = self.database.cursor();
        let outcome = self.database.commit(commit.clone())?;
        Ok(match outcome {
            Outcome::Committed => {
                self.count_deeds(&commit, cursor);
                self.forgive(&commit.changes);
                Answered::Committed
            }
            Outcome::Fenced => {
                self.tally.fenced += 1;
                Answered::Fenced
            }
            Outcome::Refused => Answered::Refused,
        })
    }

    /// What a mutant commits before the rest.
    fn torn_off(&self, commit: &mut Commit) -> Option<Commit> {
        match self.mutant? {
            Mutant::ProgressAfterEffect => {
                let effect = commit.effect.take()?;
                Some(Commit { effect: Some(effect), changes: Vec::new(), ..*commit })
            }
            Mutant::AnsweredBeforeDone => {
                let (answers, changes) = mem::take(&mut commit.changes)
                    .into_iter()
                    .partition(|change| matches!(change, Change::Answer { .. }));
                commit.changes = changes;
                Some(Commit { effect: None, changes: answers, ..*commit })
            }
            _ => None,
        }
    }

    /// Operators have let these be tried as often as a new one.
    fn forgive(&mut self, changes: &[Change]) {
        for change in changes {
            if let Change::SetAside(SetAside { position, attempts: 0, state, .. }) = change
                && *state != SetAsideState::Queued
            {
                self.handlers.forgive(*position);
            }
            if let Change::Seek { to } = change {
                self.handlers.forgive_after(*to);
            }
        }
    }

    fn count_deeds(&mut self, commit: &Commit, cursor: Position) {
        if commit.effect.as_ref().is_some_and(Work::is_batch) {
            self.tally.count_deed(Deed::Batch);
        }
        if commit.effect.as_ref().is_some_and(|work| work.is_replay) {
            self.tally.count_deed(Deed::Replay);
        }
        let deeds = commit.changes.iter().filter_map(|change| self.deed_of(change, cursor));
        let deeds: Vec<_> = deeds.collect();
        deeds.into_iter().for_each(|deed| self.tally.count_deed(deed));
    }

    fn deed_of(&self, change: &Change, cursor: Position) -> Option<Deed> {
        match change {
            Change::Seek { to } if *to < cursor => Some(Deed::SeekBack),
            Change::Seek { .. } => Some(Deed::SeekForth),
            Change::Pause { reason } if reason.ends_with(STOPPED) => Some(Deed::Stop),
            Change::SetAside(SetAside { position, state: SetAsideState::Parked, .. }) => {
                let is_sent = self.broker.is_some() && self.handlers.is_costly(*position);
                is_sent.then_some(Deed::ParkedAlone)
            }
            Change::Answer { request, answer: Answer::Done { .. } } => {
                self.database.is_replay(*request).then_some(Deed::FinishedReplay)
            }
            _ => None,
        }
    }

    /// A process learns what came of its question.
    pub(super) fn tell(
        &mut self,
        sender: Sender,
        errand: Errand,
        answer: Result<Answered, Lost>,
    ) -> Checked {
        let who = sender.process;
        let looks = errand == Errand::Look && self.process(who).run == sender.run;
        if !looks && !self.is_waited_for(sender, errand.is_work()) {
            return Ok(());
        }
        self.note_of(who, || match &answer {
            Ok(answered) => format!("asked {errand}: {answered}"),
            Err(Lost) => format!("asked {errand}, and hears nothing"),
        });
        match errand {
            Errand::Look => self.see(who, answer),
            Errand::TakeOver { asked_at } => self.learn_of_take_over(who, asked_at, answer),
            Errand::Register => self.learn_of_registration(who, &answer),
            Errand::Begin => self.begin_term(who, answer),
            Errand::Renew { asked_at } => self.learn_of_renewal(who, asked_at, &answer),
            Errand::Release => Ok(()),
            Errand::Read
            | Errand::ReadAgain { .. }
            | Errand::Handle { .. }
            | Errand::Record { .. } => self.learn_of_work(who, errand, answer),
        }
    }

    /// Whether the term that it belongs to still runs.
    pub(super) fn is_waited_for(&mut self, sender: Sender, is_work: bool) -> bool {
        let reports = is_work && self.is(Mutant::OldWorkReports);
        let process = self.process(sender.process);
        process.run == sender.run && (process.term == sender.term || reports)
    }
}

/// What a mutant has read before it took over.
fn read_early(answer: TakeOver, read_before: Option<Box<Term>>) -> TakeOver {
    match (answer, read_before) {
        (TakeOver::Granted(term), Some(before)) => {
            let Term { epoch, is_handed_over, .. } = term;
            TakeOver::Granted(Term { epoch, is_handed_over, ..*before })
        }
        (answer, _) => answer,
    }
}
