//! What is promised of each beginning, and of the end.

use ensue::Position;
use ensue::subscription::{Epoch, SetAsideState};

use super::World;
use crate::handlers::ATTEMPTS;
use crate::process::ProcessId;
use crate::violation::{Checked, ensure};

impl World {
    pub(super) fn check_beginning(
        &mut self,
        who: ProcessId,
        position: Position,
        attempt: u32,
    ) -> Checked {
        let lanes = self.settings.lanes;
        let key = self.database.key(position).map(str::to_owned);
        let Some(following) = self.process(who).following() else { return Ok(()) };
        let (epoch, under_way) = (following.epoch, &following.under_way);
        ensure(under_way.len() < lanes, || format!("more than {lanes} entries at once"))?;
        let is_alone = key.is_none() || under_way.values().all(|other| *other != key);
        ensure(is_alone, || format!("entry {position} beside another of the same key"))?;
        ensure(attempt <= ATTEMPTS, || format!("attempt {attempt} at entry {position}"))?;
        if let Some(earlier) = self.database.unsettled_before(position) {
            ensure(false, || format!("entry {position} begins before {earlier} of the same key"))?;
        }
        self.check_owner(epoch, position, attempt)
    }

    /// INVARIANT: only the owner begins, knows of a pause, and has put on record what it tries again.
    fn check_owner(&self, epoch: Epoch, position: Position, attempt: u32) -> Checked {
        let database = &self.database;
        ensure(database.is_owner(epoch), || {
            format!("entry {position} begins under epoch {}, which is over", epoch.get())
        })?;
        if epoch != database.epoch {
            return Ok(());
        }
        ensure(!database.paused, || format!("entry {position} begins while paused"))?;
        ensure(!database.is_settled(position), || format!("entry {position} begins again"))?;
        let Some(entry) = database.set_aside.get(&position) else {
            return ensure(attempt == 1, || format!("a retry of {position}, not set aside"));
        };
        let is_recorded =
            entry.attempts == attempt && matches!(entry.state, SetAsideState::Retrying { .. });
        ensure(is_recorded, || format!("attempt {attempt} at entry {position} is not on record"))
    }

    /// INVARIANT: each wanted entry was handled, but for those that somebody skipped, and nothing is
    /// left lying about.
    pub(super) fn check_end(&self) -> Checked {
        let database = &self.database;
        for seen in database.log().iter().filter(|seen| seen.wanted) {
            let position = seen.position;
            ensure(database.is_settled(position), || format!("entry {position} was not handled"))?;
        }
        for position in database.skipped() {
            let asked = self.handlers.is_killer(position);
            ensure(asked, || format!("entry {position} was skipped, which nobody asked for"))?;
        }
        let receipts = database.receipts();
        ensure(receipts.is_empty(), || format!("receipts are left: {receipts:?}"))
    }
}
