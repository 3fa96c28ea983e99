//! What is promised of whatever is sent.

use std::collections::BTreeSet;
use std::time::Duration;

use ensue::subscription::{Change, SetAsideState};
use ensue::{Position, Timestamp};

use super::World;
use crate::handlers::ATTEMPTS;
use crate::letter::Work;
use crate::process::{Following, ProcessId, Role};
use crate::violation::{Checked, ensure};

/// LIMIT: entries that are sent together,
const BATCH_MAX: usize = 500;

/// and batches that are under way, beside what was set aside.
const BATCHES_MAX: usize = 2;

/// After a call with nobody there no other begins for as long.
const PAUSE_MIN: Duration = Duration::from_millis(100);

impl World {
    pub(super) fn check_sending(&self, who: ProcessId, work: &Work, changes: &[Change]) -> Checked {
        let wall = self.processes[who.0].clocks.wall(self.agenda.now());
        let Role::Following(following) = &self.processes[who.0].role else { return Ok(()) };
        let Work { position, attempt, .. } = work;
        ensure(*attempt <= ATTEMPTS, || format!("attempt {attempt} at entry {position}"))?;
        if changes.is_empty() {
            check_room(following, wall)?;
        }
        self.check_together(following, work)?;
        self.check_sender(following, work)
    }

    /// INVARIANT: of a key no two entries are under way.
    fn check_together(&self, following: &Following, work: &Work) -> Checked {
        let (entries, mut keys) = (work.entries().collect::<Vec<_>>(), BTreeSet::new());
        ensure(entries.len() <= BATCH_MAX, || format!("{} entries together", entries.len()))?;
        ensure(entries.is_sorted(), || format!("sent out of order: {work}"))?;
        let others = following.under_way.values().flat_map(Work::entries);
        for position in others.chain(entries) {
            let is_alone = self.database.key(position).is_none_or(|key| keys.insert(key));
            ensure(is_alone, || format!("entry {position} beside another of the same key"))?;
        }
        Ok(())
    }

    /// INVARIANT: only the owner sends, and nothing while paused.
    fn check_sender(&self, following: &Following, work: &Work) -> Checked {
        let (database, epoch, first) = (&self.database, following.epoch, work.position);
        ensure(database.is_owner(epoch), || {
            format!("entry {first} is sent under epoch {}, which is over", epoch.get())
        })?;
        if epoch != database.epoch {
            return Ok(());
        }
        ensure(!database.paused, || format!("entry {first} is sent while paused"))?;
        work.entries().try_for_each(|position| self.check_sent(following, position, work))
    }

    /// INVARIANT: an entry is sent when it is its turn, and not again once it is known to be there.
    fn check_sent(&self, following: &Following, position: Position, work: &Work) -> Checked {
        let (database, attempt) = (&self.database, work.attempt);
        if let Some(earlier) = database.unsettled_before(position).next() {
            ensure(false, || format!("entry {position} is sent before {earlier} of the same key"))?;
        }
        let is_owed = database.ledger.is_owed(position);
        ensure(work.is_replay == is_owed, || {
            format!("entry {position} is called a replay and is none, or is one and is not")
        })?;
        let is_known = following.sending.delivered.contains(&position);
        ensure(is_owed || !is_known, || format!("entry {position} is sent again"))?;
        let Some(entry) = database.set_aside.get(&position) else {
            let is_new = attempt == 1 && position > database.cursor();
            return ensure(is_new, || format!("entry {position} is sent, and was passed"));
        };
        let is_recorded =
            entry.attempts == attempt && matches!(entry.state, SetAsideState::Retrying { .. });
        let is_alone = !work.is_batch();
        ensure(is_recorded && is_alone, || {
            format!("attempt {attempt} at entry {position} is not on record, or not alone")
        })
    }

    /// INVARIANT: what is known to be there is not set aside.
    pub(super) fn check_known(&self, who: ProcessId, changes: &[Change]) -> Checked {
        let Role::Following(following) = &self.processes[who.0].role else { return Ok(()) };
        for change in changes {
            let Change::SetAside(entry) = change else { continue };
            let is_known = following.sending.delivered.contains(&entry.position);
            ensure(!is_known || entry.is_replay, || {
                format!("entry {} is set aside, and known to be delivered", entry.position)
            })?;
        }
        Ok(())
    }
}

/// INVARIANT: there are two batches at the most, and none at once after there was nobody there.
fn check_room(following: &Following, wall: Timestamp) -> Checked {
    let batches = following.sending.calls.values().filter(|call| call.is_fresh).count();
    ensure(batches < BATCHES_MAX, || format!("more than {BATCHES_MAX} batches at once"))?;
    let is_early = following
        .sending
        .unheard_at
        .is_some_and(|unheard_at| wall >= unheard_at && wall.since(unheard_at) < PAUSE_MIN);
    ensure(!is_early, || "the next batch comes at once, and nobody is there".to_owned())
}
