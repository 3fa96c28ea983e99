//! Who runs a subscription, and for how long.

use std::time::Duration;

use ensue_core::Position;

use super::{Own, SqlSubscriptions};
use crate::store::columns::{Numbered, position};
use crate::store::sql::Row;
use crate::store::sql::value::{only, there, words};
use crate::subscription::{Claim, Epoch, TakeOver};
use crate::{BoxError, Error};

/// What is known of a term as it begins, but for what there may be much of.
pub(super) struct Begun {
    pub(super) epoch: Epoch,
    pub(super) cursor: Position,
    pub(super) paused: bool,
    pub(super) is_handed_over: bool,
}

impl<S: SqlSubscriptions> Own<'_, S> {
    /// Makes the rows of a subscription that has none. A type that is new ends the epoch of whoever
    /// owns it.
    ///
    /// ORDERING: the floor is locked first, so that nobody prunes what is needed from now on, and that
    /// those who register at once do so one after the other.
    pub(super) async fn register(
        &mut self,
        start: Option<Position>,
        event_types: &[&str],
    ) -> Result<(), Error> {
        self.fetch_bare(|of| &of.lock_floor).await?;
        self.refuse_retired().await?;
        let start = start.map(Position::number);
        if self.execute(|of| &of.register_cursor, [start.into()]).await? > 0 {
            self.execute(|of| &of.register_owner, []).await?;
            self.execute(|of| &of.register_lease, []).await?;
        }
        let mut new = 0;
        for event_type in event_types {
            new += self.execute(|of| &of.insert_event_type, [(*event_type).into()]).await?;
        }
        if new > 0 {
            self.lock().await?;
            self.execute(|of| &of.end_epoch, []).await?;
            self.execute(|of| &of.end_lease_of_epoch, []).await?;
        }
        Ok(())
    }

    /// The answer to `owner` while the lease of another one runs.
    pub(super) async fn held(&mut self, owner: &str) -> Result<Option<TakeOver>, Error> {
        let rows = self.fetch(|of| &of.read_running_lease, [owner.into()]).await?;
        let held = rows.first().map(|row| {
            let remaining = Duration::from_micros(there(row.number(1))?.unsigned_abs());
            Ok(TakeOver::Held { owner: words(row, 0).unwrap_or_default(), remaining })
        });
        held.transpose().map_err(|error| self.unreadable(error))
    }

    /// Waits for those who record under the owner's epoch, and lets no others begin; false if there is
    /// no such subscription.
    ///
    /// ORDERING: the fence first, as whoever goes through it does, and then the owner's row.
    pub(super) async fn lock(&mut self) -> Result<bool, Error> {
        self.fetch(|of| &of.close_fence, []).await?;
        self.fetch(|of| &of.lock_owner, []).await?;
        Ok(!self.fetch(|of| &of.lock_lease, []).await?.is_empty())
    }

    /// Lets `owner` be among those who stand by for as long as its lease would have been.
    pub(super) async fn stand_by(&mut self, owner: &str, length: Duration) -> Result<(), Error> {
        self.execute(|of| &of.stand_by, [owner.into(), micros(length).into()]).await.map(drop)
    }

    /// Begins the next epoch, and `owner`'s lease.
    ///
    /// ORDERING: behind the [`lock`](Self::lock). Who owned it before, and whether that one handed it over,
    /// is read before it is written over.
    pub(super) async fn start(&mut self, owner: &str, length: Duration) -> Result<Begun, Error> {
        let rows = self.fetch(|of| &of.read_last_lease, []).await?;
        let last = only(&rows).and_then(|row| {
            let is_handed_over =
                words(row, 1).as_deref() == Some(owner) || there(row.number(2))? == 0;
            Ok((there(row.number(0))?, is_handed_over))
        });
        let (last, is_handed_over) = last.map_err(|error| self.unreadable(error))?;
        let epoch = last + 1;
        self.execute(|of| &of.take_over, [owner.into(), epoch.into()]).await?;
        self.execute(|of| &of.take_over_lease, [epoch.into(), micros(length).into()]).await?;
        self.execute(|of| &of.forget_standbys, [owner.into()]).await?;
        let rows = self.fetch(|of| &of.read_term, []).await?;
        let term = only(&rows).and_then(|row| Ok((there(row.number(0))?, row.flag(1)?)));
        let (cursor, paused) = term.map_err(|error| self.unreadable(error))?;
        let epoch = Epoch::new(epoch.unsigned_abs());
        Ok(Begun { epoch, cursor: position(cursor), paused, is_handed_over })
    }

    /// Whether `epoch` was there to have its lease changed.
    pub(super) async fn change_lease(
        &mut self,
        epoch: Epoch,
        length: Duration,
    ) -> Result<bool, Error> {
        let values = [epoch.number().into(), micros(length).into()];
        Ok(self.execute(|of| &of.change_lease, values).await? > 0)
    }
}

pub(in crate::store::sql) fn claim(row: &impl Row) -> Result<Claim, BoxError> {
    Ok(Claim {
        subscription: words(row, 0).unwrap_or_default(),
        owner: words(row, 1).unwrap_or_default(),
        is_owner: row.flag(2)?,
    })
}

/// LIMIT: a thousand years, so that the end of a lease is a time still.
const MICROS_MAX: i64 = 1_000 * 366 * 86_400 * 1_000_000;

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX).min(MICROS_MAX)
}
