//! What has really come of each entry. No process sees it.

use std::collections::BTreeSet;

use ensue::Position;

use crate::violation::{Checked, ensure};

#[derive(Default)]
pub(crate) struct Ledger {
    /// Handled since the cursor was last set back behind it.
    handled: BTreeSet<Position>,
    /// Taken for handled by an operator who skipped it,
    skipped: BTreeSet<Position>,
    /// or who set the cursor forth.
    passed: BTreeSet<Position>,
    /// To be handled once more.
    owed: BTreeSet<Position>,
    /// Of those, what has arrived since.
    fulfilled: BTreeSet<Position>,
    /// Appended before anybody had said that it handles its type: it may be passed by.
    optional: BTreeSet<Position>,
    /// How often anything was handled.
    effects: u64,
}

impl Ledger {
    /// INVARIANT: each entry has one effect, and one more for each replay that has put it up.
    pub(crate) fn handle(&mut self, position: Position, is_replay: bool) -> Checked {
        self.effects += 1;
        if is_replay {
            self.handled.insert(position);
            let was_owed = self.owed.remove(&position);
            return ensure(was_owed, || {
                format!("entry {position} is replayed, and no replay says so")
            });
        }
        let is_taken = self.skipped.contains(&position) || self.passed.contains(&position);
        ensure(!is_taken, || format!("entry {position} is handled and skipped"))?;
        ensure(self.handled.insert(position), || format!("entry {position} is handled twice"))
    }

    /// It has arrived where it was sent, perhaps not for the first time.
    pub(crate) fn arrive(&mut self, position: Position) {
        self.effects += 1;
        self.handled.insert(position);
        if self.is_owed(position) {
            self.fulfilled.insert(position);
        }
    }

    /// INVARIANT: nothing more is to be done about what was sent only if it has arrived, and since it
    /// was to be sent once more.
    pub(crate) fn settle_sent(&mut self, position: Position) -> Checked {
        let has_arrived = match self.owed.remove(&position) {
            true => self.fulfilled.remove(&position),
            false => self.is_settled(position),
        };
        ensure(has_arrived, || format!("entry {position} is settled, and has not arrived"))
    }

    /// An operator takes it, or its replay, for handled.
    pub(crate) fn skip(&mut self, position: Position) {
        self.owed.remove(&position);
        self.fulfilled.remove(&position);
        if !self.is_settled(position) {
            self.skipped.insert(position);
        }
    }

    pub(crate) fn owe(&mut self, position: Position) {
        self.owed.insert(position);
    }

    pub(crate) fn allow_to_pass(&mut self, position: Position) {
        self.optional.insert(position);
    }

    /// What is after `to` is to be handled, as if it never was; `passed` is not any more.
    pub(crate) fn seek(&mut self, to: Position, passed: impl IntoIterator<Item = Position>) {
        let of_all = [&mut self.handled, &mut self.skipped, &mut self.passed];
        for some in of_all.into_iter().chain([&mut self.owed, &mut self.fulfilled]) {
            some.split_off(&to.next());
        }
        self.passed.extend(passed);
    }

    /// Whether nothing more is to be done about it but, perhaps, to do it once more.
    pub(crate) fn is_settled(&self, position: Position) -> bool {
        let taken = self.skipped.contains(&position) || self.passed.contains(&position);
        taken || self.handled.contains(&position)
    }

    pub(crate) fn is_owed(&self, position: Position) -> bool {
        self.owed.contains(&position)
    }

    pub(crate) fn is_optional(&self, position: Position) -> bool {
        self.optional.contains(&position)
    }

    /// What is settled above `cursor`.
    pub(crate) fn settled_above(&self, cursor: Position) -> impl Iterator<Item = Position> {
        let above = cursor.next()..;
        self.handled.range(above.clone()).chain(self.skipped.range(above)).copied()
    }

    pub(crate) fn effects(&self) -> u64 {
        self.effects
    }

    pub(crate) fn skipped(&self) -> impl Iterator<Item = Position> {
        self.skipped.iter().copied()
    }

    pub(crate) fn owed(&self) -> impl Iterator<Item = Position> {
        self.owed.iter().copied()
    }
}
