//! What replays must and must not do.

use ensue::Position;
use ensue::subscription::{Change, Command, Replayed, RequestId, SetAside, SetAsideState};

use super::Database;
use crate::letter::{Commit, Work};
use crate::violation::{Checked, Violation, ensure};

impl Database {
    /// INVARIANT: a replay moves no cursor, and leaves nothing but its effect.
    pub(super) fn check_replay(&self, work: &Work, commit: &Commit) -> Checked {
        let Work { position, is_replay, .. } = work;
        let leaves = commit.changes.iter().any(|change| {
            matches!(
                change,
                Change::Advance { .. } | Change::Receipt { .. } | Change::Forget { .. }
            )
        });
        ensure(!is_replay || !leaves, || {
            format!("the replay of entry {position} leaves more than its effect")
        })
    }

    /// INVARIANT: a replay goes on, and passes nothing that it has not put up.
    pub(super) fn come_to(&mut self, id: RequestId, now: Replayed, commit: &Commit) -> Checked {
        let Some(replay) = self.replay(id) else {
            return Err(Violation::new("nobody asked for this replay"));
        };
        let (from, (_, last, before)) = (from(replay), replay);
        let goes_on = if before.is_some() { now.up_to > from } else { now.up_to == from };
        ensure(goes_on && now.up_to <= last, || {
            format!("replay {} moves from {from} to {}", id.get(), now.up_to)
        })?;
        let in_page = |position: Position| position > from && position <= now.up_to;
        self.check_page(in_page)?;
        let put_up = commit.changes.iter().filter_map(put_up_by).filter(|it| in_page(*it)).count();
        let counted = before.map_or(0, |before| before.entries) + put_up as u64;
        ensure(now.entries == counted, || {
            format!("replay {} counts {} entries, not {counted}", id.get(), now.entries)
        })?;
        if let Some(asked) = self.requests.iter_mut().find(|asked| asked.id == id) {
            asked.replayed = Some(now);
        }
        Ok(())
    }

    fn check_page(&self, in_page: impl Fn(Position) -> bool) -> Checked {
        let page = self.log().iter().filter(|entry| in_page(entry.position) && self.is_due(entry));
        for position in page.map(|entry| entry.position).filter(|it| *it <= self.cursor) {
            let is_put_up = self.set_aside.contains_key(&position);
            ensure(is_put_up, || format!("a replay passes entry {position}"))?;
        }
        Ok(())
    }

    pub(crate) fn is_replay(&self, id: RequestId) -> bool {
        self.replay(id).is_some()
    }

    fn replay(&self, id: RequestId) -> Option<Replay> {
        let asked = self.requests.iter().find(|asked| asked.id == id)?;
        match asked.command {
            Command::Replay { first, last } => Some((first, last, asked.replayed)),
            _ => None,
        }
    }

    /// An entry is to be handled once more.
    ///
    /// INVARIANT: it is put up together with the progress of its replay, so that it is put up once.
    pub(super) fn put_up(&mut self, position: Position, commit: &Commit) -> Checked {
        let says_so = commit.changes.iter().any(|change| match change {
            Change::Replayed { request, replayed } => {
                let before = self.replay(*request).map(from);
                before.is_some_and(|before| before < position) && position <= replayed.up_to
            }
            _ => false,
        });
        ensure(says_so, || format!("entry {position} is put up, and no replay has come so far"))?;
        ensure(position <= self.cursor, || {
            format!("entry {position} is put up, which the cursor has not passed")
        })?;
        self.ledger.owe(position);
        Ok(())
    }

    /// Whether a replay has put up all that it counts.
    pub(super) fn is_put_up(&self, id: RequestId, changed: u64) -> bool {
        let Some((_, last, Some(replayed))) = self.replay(id) else { return false };
        replayed.up_to == last && replayed.entries == changed
    }

    /// The entries of a replay that were not tried and could be.
    pub(crate) fn untried_of(&self, id: RequestId) -> impl Iterator<Item = &SetAside> {
        let range = self.replay(id).map(|(first, last, _)| first..=last);
        let waiting = range.into_iter().flat_map(|range| self.set_aside.range(range));
        let untried = waiting.map(|(_, entry)| entry).filter(|entry| is_untried(entry));
        untried.filter(|entry| !self.is_behind(entry))
    }

    fn is_behind(&self, entry: &SetAside) -> bool {
        let mut earlier = self.set_aside.range(..entry.position).map(|(_, earlier)| earlier);
        entry.key.is_some() && earlier.any(|earlier| earlier.key == entry.key)
    }
}

/// From where to where, and how far it has come.
type Replay = (Position, Position, Option<Replayed>);

/// The last position that it has looked at.
fn from((first, _, before): Replay) -> Position {
    before.map_or(first.previous(), |before| before.up_to)
}

fn is_untried(entry: &SetAside) -> bool {
    entry.attempts == 0 && matches!(entry.state, SetAsideState::Retrying { .. })
}

/// The entry that is to be tried anew by this.
fn put_up_by(change: &Change) -> Option<Position> {
    match change {
        Change::SetAside(entry) if is_untried(entry) => Some(entry.position),
        _ => None,
    }
}
