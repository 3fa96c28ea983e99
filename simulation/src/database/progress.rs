//! What a commit changes, and what it must never change.

use ensue::Position;
use ensue::subscription::{
    Answer, Change, Command, Request, RequestId, SetAside, SetAsideState, Which,
};

use super::Database;
use crate::handlers::STOPPED;
use crate::letter::{Commit, Work};
use crate::mutant::Mutant;
use crate::target::Target;
use crate::violation::{Checked, Violation, ensure};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Committed,
    /// The sender is the owner no more.
    Fenced,
    /// What was to be answered has been.
    Refused,
}

impl Database {
    /// Commits the effect and the changes, or none of them.
    pub(crate) fn commit(&mut self, mut commit: Commit) -> Checked<Outcome> {
        if let Some(mutant) = self.mutant {
            mutant.spoil_commit(&mut commit);
        }
        if !self.is_let_in(&commit) {
            return Ok(Outcome::Fenced);
        }
        if commit.changes.iter().any(|change| self.is_answered(change)) {
            return Ok(Outcome::Refused);
        }
        if let Some(work) = &commit.effect {
            self.take_effect(work)?;
            self.check_replay(work, &commit)?;
        }
        for change in &commit.changes {
            self.apply(change, &commit)?;
        }
        match self.target {
            Target::Handlers => self.check_receipts()?,
            Target::Sink => {}
        }
        self.check_stops(&commit.changes)?;
        self.check_answers(&commit.changes)?;
        Ok(Outcome::Committed)
    }

    /// The fence.
    fn is_let_in(&self, commit: &Commit) -> bool {
        match self.mutant {
            Some(Mutant::NoFence) => true,
            Some(Mutant::EarlyFence) => commit.was_owner,
            _ => commit.epoch == self.epoch,
        }
    }

    fn is_answered(&self, change: &Change) -> bool {
        let (Change::Answer { request, .. } | Change::Replayed { request, .. }) = change else {
            return false;
        };
        self.requests.iter().any(|asked| asked.id == *request && asked.answer.is_some())
    }

    /// INVARIANT: an effect comes after those of its key that stand before it.
    fn take_effect(&mut self, work: &Work) -> Checked {
        let only_first = self.is(Mutant::BatchHalfCommitted);
        for position in work.entries().take(if only_first { 1 } else { usize::MAX }) {
            self.ledger.handle(position, work.is_replay)?;
            if let Some(earlier) = self.unsettled_before(position).next() {
                let what = format!("entry {position} is handled before {earlier} of the same key");
                return Err(Violation::new(what));
            }
        }
        Ok(())
    }

    /// The entries of the same key that stand before `position`, and about which there is something
    /// to be done.
    pub(crate) fn unsettled_before(&self, position: Position) -> impl Iterator<Item = Position> {
        let key = self.key(position);
        let earlier = self.log().iter().take_while(move |entry| entry.position < position);
        let of_key = earlier.filter(move |entry| key.is_some() && entry.key.as_deref() == key);
        let due = of_key.filter(|entry| self.is_due(entry) || self.ledger.is_owed(entry.position));
        due.map(|entry| entry.position).filter(|earlier| !self.is_settled(*earlier))
    }

    fn apply(&mut self, change: &Change, commit: &Commit) -> Checked {
        match change {
            Change::Advance { to } => self.advance(*to),
            Change::Receipt { position } => {
                let is_new = self.receipts.insert(*position);
                ensure(is_new, || format!("entry {position} has two receipts"))
            }
            Change::Forget { up_to } => {
                let kept = self.receipts.split_off(&up_to.next());
                self.receipts = kept;
                if self.is(Mutant::ReceiptsForgottenEarly) {
                    self.receipts.clear();
                }
                Ok(())
            }
            Change::SetAside(entry) => self.set_aside(entry, commit),
            Change::Settle { position } => self.settle(*position, commit),
            Change::Pause { .. } => {
                self.paused = true;
                Ok(())
            }
            Change::Resume => {
                self.paused = false;
                Ok(())
            }
            Change::Seek { to } => {
                self.seek(*to);
                Ok(())
            }
            Change::Replayed { request, replayed } => self.come_to(*request, *replayed, commit),
            Change::Answer { request, answer } => {
                self.answer(*request, answer);
                Ok(())
            }
        }
    }

    /// INVARIANT: the cursor goes on, and passes nothing that is not decided.
    fn advance(&mut self, to: Position) -> Checked {
        let from = self.cursor;
        ensure(to > from, || format!("the cursor moves from {from} to {to}"))?;
        let passed = self.log().iter().filter(|it| it.position > from && it.position <= to);
        for position in passed.filter(|entry| self.is_due(entry)).map(|entry| entry.position) {
            let decided = self.is_settled(position) || self.set_aside.contains_key(&position);
            ensure(decided, || format!("the cursor passes entry {position}"))?;
        }
        self.cursor = to;
        Ok(())
    }

    /// What was handled after `to` is handled again, and what was not before it never will be, but
    /// for what is set aside.
    fn seek(&mut self, to: Position) {
        let passed = self.log().iter().filter(|entry| entry.position <= to && entry.wanted);
        let passed = passed.map(|entry| entry.position).filter(|position| {
            !self.ledger.is_settled(*position) && !self.set_aside.contains_key(position)
        });
        let passed: Vec<_> = passed.collect();
        self.shipping.seek(to, &passed);
        self.ledger.seek(to, passed);
        self.cursor = to;
        if !self.is(Mutant::SeekKeepsReceipts) {
            self.receipts.clear();
        }
        if !self.is(Mutant::SeekKeepsSetAside) {
            self.set_aside.split_off(&to.next());
        }
    }

    fn set_aside(&mut self, entry: &SetAside, commit: &Commit) -> Checked {
        let position = entry.position;
        if entry.is_replay && !self.ledger.is_owed(position) {
            self.put_up(position, commit)?;
        }
        match self.target {
            Target::Handlers => {
                let is_settled = self.is_settled(position);
                ensure(!is_settled, || {
                    format!("entry {position} is set aside after it was handled")
                })?;
            }
            Target::Sink => self.check_attempts(entry)?,
        }
        self.set_aside.insert(position, entry.clone());
        Ok(())
    }

    /// With its effect, or because an operator takes the entry for handled.
    fn settle(&mut self, position: Position, commit: &Commit) -> Checked {
        let was_there = self.set_aside.remove(&position).is_some();
        ensure(was_there, || format!("entry {position} is settled, and was not set aside"))?;
        let is_answer = |change| matches!(change, &Change::Answer { .. });
        if commit.effect.is_none() && commit.changes.iter().any(is_answer) {
            self.ledger.skip(position);
            self.shipping.excuse(position);
        } else if self.target == Target::Sink {
            self.ledger.settle_sent(position)?;
        }
        let is_settled = self.is_settled(position);
        ensure(is_settled, || format!("entry {position} is settled, and was not handled"))
    }

    fn answer(&mut self, request: RequestId, answer: &Answer) {
        if let Some(asked) = self.requests.iter_mut().find(|asked| asked.id == request) {
            asked.answer = Some(answer.clone());
        }
    }

    /// INVARIANT: what is handled above the cursor has a receipt.
    fn check_receipts(&self) -> Checked {
        for position in self.ledger.settled_above(self.cursor) {
            let has_receipt = self.receipts.contains(&position);
            ensure(has_receipt, || {
                format!("entry {position} is handled, and neither cursor nor receipt says so")
            })?;
        }
        Ok(())
    }

    /// INVARIANT: who says that others would fail too has the subscription paused, at once.
    fn check_stops(&self, changes: &[Change]) -> Checked {
        let stopped = changes.iter().any(|change| match change {
            Change::SetAside(SetAside { state: SetAsideState::Parked, failure, .. }) => {
                failure.as_ref().is_some_and(|failure| failure.message == STOPPED)
            }
            _ => false,
        });
        ensure(!stopped || self.paused, || "a handler says stop, and nothing stops".to_owned())
    }

    /// INVARIANT: what was answered to be done is done, and what can be done is not refused.
    fn check_answers(&self, changes: &[Change]) -> Checked {
        for change in changes {
            let Change::Answer { request, answer } = change else { continue };
            let Some(asked) = self.requests.iter().find(|asked| asked.id == *request) else {
                return Err(Violation::new("what nobody asked for is answered"));
            };
            let command = &asked.command;
            match answer {
                Answer::Done { changed } => ensure(self.is_done(asked, *changed), || {
                    format!("{command:?} is answered, and not done")
                })?,
                Answer::Refused { .. } => ensure(!self.is_possible(command), || {
                    format!("{command:?} is refused, and possible")
                })?,
            }
        }
        Ok(())
    }

    fn is_done(&self, asked: &Request, changed: u64) -> bool {
        match &asked.command {
            Command::Pause => self.paused,
            Command::Resume => !self.paused,
            Command::Skip(Which::Entry(position)) => self.is_settled(*position),
            Command::Retry(Which::Entry(position)) => {
                self.set_aside.get(position).is_some_and(|entry| entry.attempts == 0)
            }
            Command::Seek { to } => self.cursor == *to && *to <= self.head(),
            Command::Replay { .. } => self.is_put_up(asked.id, changed),
            Command::Skip(_) | Command::Retry(_) => true,
            Command::Unreadable { .. } => false,
        }
    }

    fn is_possible(&self, command: &Command) -> bool {
        match command {
            Command::Pause | Command::Resume => true,
            Command::Seek { to } => *to <= self.cursor,
            Command::Replay { first, last } => {
                *first > Position::START && first <= last && *last <= self.cursor
            }
            Command::Skip(_) | Command::Retry(_) | Command::Unreadable { .. } => false,
        }
    }
}
