//! What is promised of each beginning, and of the end.

use ensue::Position;
use ensue::subscription::{Answer, Change, Epoch, RequestId, SetAside, SetAsideState};

use super::World;
use crate::handlers::ATTEMPTS;
use crate::letter::Work;
use crate::process::{ProcessId, Role};
use crate::violation::{Checked, ensure};

impl World {
    pub(super) fn check_beginning(&self, who: ProcessId, work: &Work) -> Checked {
        let (lanes, Work { position, attempt, .. }) = (self.settings.lanes, work);
        let key = self.database.key(*position).map(str::to_owned);
        let Role::Following(following) = &self.processes[who.0].role else { return Ok(()) };
        let under_way = &following.under_way;
        ensure(under_way.len() < lanes, || format!("more than {lanes} entries at once"))?;
        let mut others = under_way.values().flat_map(Work::entries);
        let is_alone = key.is_none() || others.all(|it| self.database.key(it) != key.as_deref());
        ensure(is_alone, || format!("entry {position} beside another of the same key"))?;
        ensure(*attempt <= ATTEMPTS, || format!("attempt {attempt} at entry {position}"))?;
        let is_new = !work.is_batch() || !work.entries().any(|it| following.spoiled.contains(&it));
        ensure(is_new, || format!("entry {position} is in a batch, and was in one that failed"))?;
        let epoch = following.epoch;
        self.check_batch(work)?;
        self.check_owner(epoch, work)
    }

    /// INVARIANT: together come only those that may, each after the one before.
    fn check_batch(&self, work: &Work) -> Checked {
        let (entries, most) = (work.entries().collect::<Vec<_>>(), self.settings.batch);
        ensure(entries.len() <= most, || format!("a batch of {}", entries.len()))?;
        ensure(entries.is_sorted(), || format!("a batch out of order: {work}"))?;
        let mut known = entries.iter().filter_map(|position| self.database.entry(*position));
        let is_batch = !work.is_batch() || known.all(|entry| entry.in_batch);
        ensure(is_batch, || format!("a batch of what is handled alone: {work}"))
    }

    /// INVARIANT: only the owner begins, knows of a pause, and has put on record what it tries again.
    fn check_owner(&self, epoch: Epoch, work: &Work) -> Checked {
        let (database, position) = (&self.database, work.position);
        ensure(database.is_owner(epoch), || {
            format!("entry {position} begins under epoch {}, which is over", epoch.get())
        })?;
        if epoch != database.epoch {
            return Ok(());
        }
        ensure(!database.paused, || format!("entry {position} begins while paused"))?;
        work.entries().try_for_each(|position| self.check_turn(position, work))
    }

    /// INVARIANT: an entry begins when it is its turn.
    fn check_turn(&self, position: Position, work: &Work) -> Checked {
        let (database, attempt) = (&self.database, work.attempt);
        ensure(!database.is_settled(position), || format!("entry {position} begins again"))?;
        let mut earlier = database.unsettled_before(position).filter(|it| !work.contains(*it));
        if let Some(earlier) = earlier.next() {
            ensure(false, || format!("entry {position} begins before {earlier} of the same key"))?;
        }
        let is_owed = database.ledger.is_owed(position);
        ensure(work.is_replay == is_owed, || {
            format!("entry {position} is called a replay and is none, or is one and is not")
        })?;
        let Some(entry) = database.set_aside.get(&position) else {
            return ensure(attempt == 1, || format!("a retry of {position}, not set aside"));
        };
        let is_recorded =
            entry.attempts == attempt && matches!(entry.state, SetAsideState::Retrying { .. });
        ensure(is_recorded, || format!("attempt {attempt} at entry {position} is not on record"))
    }

    /// INVARIANT: a replay is answered when each of its entries was tried, but for those that wait
    /// behind another of their key.
    pub(super) fn check_answers(&self, who: ProcessId, changes: &[Change]) -> Checked {
        let Role::Following(following) = &self.processes[who.0].role else { return Ok(()) };
        let known = following.epoch == self.database.epoch;
        let answered = changes.iter().filter_map(answered_by).filter(|_| known);
        let mut untried = answered.flat_map(|request| self.database.untried_of(request));
        // The end of what is under way is not known yet.
        let is_behind = |entry: &SetAside| {
            let mut under_way = following.under_way.keys().map(|it| self.database.key(*it));
            entry.key.is_some() && under_way.any(|key| key == entry.key.as_deref())
        };
        match untried.find(|entry| !is_behind(entry)) {
            None => Ok(()),
            Some(SetAside { position, .. }) => {
                ensure(false, || format!("a replay is answered, and entry {position} not tried"))
            }
        }
    }

    /// INVARIANT: each wanted entry was handled, but for those that somebody skipped, each replay
    /// was done, and nothing is left lying about.
    pub(super) fn check_end(&self) -> Checked {
        let (database, ledger) = (&self.database, &self.database.ledger);
        for entry in database.log().iter().filter(|entry| database.is_due(entry)) {
            let position = entry.position;
            let is_settled = ledger.is_settled(position);
            ensure(is_settled, || format!("entry {position} was not handled"))?;
        }
        for position in ledger.owed() {
            ensure(false, || format!("entry {position} was not handled once more"))?;
        }
        for position in ledger.skipped() {
            let asked = self.handlers.is_hopeless(position);
            ensure(asked, || format!("entry {position} was skipped, which nobody asked for"))?;
        }
        let receipts = database.receipts();
        ensure(receipts.is_empty(), || format!("receipts are left: {receipts:?}"))
    }
}

/// The request that is done by this.
fn answered_by(change: &Change) -> Option<RequestId> {
    match change {
        Change::Answer { request, answer: Answer::Done { .. } } => Some(*request),
        _ => None,
    }
}
