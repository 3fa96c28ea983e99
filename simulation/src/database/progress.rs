//! What a commit changes, and what it must never change.

use ensue::Position;
use ensue::simulation::Seen;
use ensue::subscription::{Answer, Change, Command, RequestId, SetAside, Which};

use super::Database;
use crate::letter::Commit;
use crate::mutant::Mutant;
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
    pub(crate) fn commit(&mut self, commit: &Commit) -> Checked<Outcome> {
        if !self.is_let_in(commit) {
            return Ok(Outcome::Fenced);
        }
        if commit.changes.iter().any(|change| self.is_answered(change)) {
            return Ok(Outcome::Refused);
        }
        if let Some(effect) = commit.effect {
            self.take_effect(effect)?;
        }
        for change in &commit.changes {
            if !self.mutant.is_some_and(|mutant| mutant.leaves_out(change)) {
                self.apply(change, commit)?;
            }
        }
        self.check_receipts()?;
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
        let Change::Answer { request, .. } = change else { return false };
        self.requests.iter().any(|asked| asked.id == *request && asked.answer.is_some())
    }

    /// INVARIANT: each entry has one effect, after those of its key that stand before it.
    fn take_effect(&mut self, effect: Position) -> Checked {
        ensure(!self.skipped.contains(&effect), || {
            format!("entry {effect} is handled and skipped")
        })?;
        ensure(self.effects.insert(effect), || format!("entry {effect} is handled twice"))?;
        let Some(earlier) = self.unsettled_before(effect) else { return Ok(()) };
        Err(Violation::new(format!("entry {effect} is handled before {earlier} of the same key")))
    }

    /// An entry of the same key that stands before `position`, and is neither handled nor skipped.
    pub(crate) fn unsettled_before(&self, position: Position) -> Option<Position> {
        let key = self.key(position)?;
        let earlier = self.log().iter().filter(|seen| seen.wanted && seen.position < position);
        let mut of_key = earlier.filter(|seen| seen.key.as_deref() == Some(key));
        of_key.find(|seen| !self.is_settled(seen.position)).map(|seen| seen.position)
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
            Change::SetAside(entry) => self.set_aside(entry),
            Change::Settle { position } => self.settle(*position, commit),
            Change::Pause { .. } => {
                self.paused = true;
                Ok(())
            }
            Change::Resume => {
                self.paused = false;
                Ok(())
            }
            Change::Seek { .. } => Err(Violation::new("nobody asked for another cursor")),
            Change::Replayed { .. } => Err(Violation::new("nobody asked for a replay")),
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
        let passed = self.log().iter().filter(|seen| seen.position > from && seen.position <= to);
        for Seen { position, .. } in passed.filter(|seen| seen.wanted) {
            let decided = self.is_settled(*position) || self.set_aside.contains_key(position);
            ensure(decided, || format!("the cursor passes entry {position}"))?;
        }
        self.cursor = to;
        Ok(())
    }

    fn set_aside(&mut self, entry: &SetAside) -> Checked {
        let position = entry.position;
        let is_settled = self.is_settled(position);
        ensure(!is_settled, || format!("entry {position} is set aside after it was handled"))?;
        self.set_aside.insert(position, entry.clone());
        Ok(())
    }

    /// With its effect, or because an operator takes the entry for handled.
    fn settle(&mut self, position: Position, commit: &Commit) -> Checked {
        let was_there = self.set_aside.remove(&position).is_some();
        ensure(was_there, || format!("entry {position} is settled, and was not set aside"))?;
        if commit.changes.iter().any(|change| matches!(change, Change::Answer { .. })) {
            self.skipped.insert(position);
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
        let above = self.cursor.next()..;
        let handled = self.effects.range(above.clone()).chain(self.skipped.range(above));
        for position in handled {
            let has_receipt = self.receipts.contains(position);
            ensure(has_receipt, || {
                format!("entry {position} is handled, and neither cursor nor receipt says so")
            })?;
        }
        Ok(())
    }

    /// INVARIANT: what was answered to be done is done.
    fn check_answers(&self, changes: &[Change]) -> Checked {
        for change in changes {
            let Change::Answer { request, answer: Answer::Done { .. } } = change else { continue };
            let Some(asked) = self.requests.iter().find(|asked| asked.id == *request) else {
                return Err(Violation::new("what nobody asked for is answered"));
            };
            let command = &asked.command;
            ensure(self.is_done(command), || format!("{command:?} is answered, and not done"))?;
        }
        Ok(())
    }

    fn is_done(&self, command: &Command) -> bool {
        match command {
            Command::Pause => self.paused,
            Command::Resume => !self.paused,
            Command::Skip(Which::Entry(position)) => self.skipped.contains(position),
            Command::Retry(Which::Entry(position)) => {
                self.set_aside.get(position).is_some_and(|entry| entry.attempts == 0)
            }
            Command::Skip(_)
            | Command::Retry(_)
            | Command::Seek { .. }
            | Command::Replay { .. } => true,
        }
    }
}
