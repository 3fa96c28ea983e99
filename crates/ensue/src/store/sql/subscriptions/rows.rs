//! What is stored of a subscription, read.

use ensue_core::{Position, Timestamp};

use super::{Own, SqlSubscriptions};
use crate::store::columns::{
    AnswerColumns, CommandColumns, SetAsideColumns, position, read_replayed,
};
use crate::store::sql::Row;
use crate::store::sql::value::{text, there};
use crate::subscription::{Request, RequestId, SetAside, SubscriptionStatus};
use crate::{BoxError, Error};

impl<S: SqlSubscriptions> Own<'_, S> {
    pub(super) async fn receipts(&mut self) -> Result<Vec<Position>, Error> {
        let rows = self.fetch(|of| &of.read_receipts, []).await?;
        let positions = rows.iter().map(|row| there(row.number(0)).map(position));
        positions.collect::<Result<_, _>>().map_err(|error| self.unreadable(error))
    }

    pub(super) async fn event_types(&mut self) -> Result<Vec<String>, Error> {
        let rows = self.fetch(|of| &of.read_event_types, []).await?;
        let names = rows.iter().map(|row| there(text(row, 0)));
        names.collect::<Result<_, _>>().map_err(|error| self.unreadable(error))
    }

    pub(super) async fn set_aside(&mut self) -> Result<Vec<SetAside>, Error> {
        let rows = self.fetch(|of| &of.read_set_aside, []).await?;
        let entries = rows.iter().map(|row| columns(row)?.read());
        entries.collect::<Result<_, _>>().map_err(|error| self.unreadable(error))
    }
}

/// From the rows of `read_status` and `read_set_aside`.
pub(super) fn status<R: Row>(
    status: &[R],
    set_aside: &[R],
) -> Result<Option<SubscriptionStatus>, BoxError> {
    let Some(row) = status.first() else { return Ok(None) };
    let set_aside = set_aside.iter().map(|row| columns(row)?.read());
    Ok(Some(SubscriptionStatus {
        cursor: position(there(row.number(0))?),
        owner: text(row, 1)?,
        paused: text(row, 2)?,
        set_aside: set_aside.collect::<Result<_, _>>()?,
    }))
}

fn columns(row: &impl Row) -> Result<SetAsideColumns, BoxError> {
    Ok(SetAsideColumns {
        position: there(row.number(0))?,
        key: text(row, 1)?,
        state: there(text(row, 2))?,
        attempts: there(row.number(3))?,
        next_attempt_at_us: row.number(4)?,
        failure_class: text(row, 5)?,
        failure_message: text(row, 6)?,
        is_replay: row.flag(7)?,
    })
}

pub(super) fn request(row: &impl Row) -> Result<Request, BoxError> {
    let command = CommandColumns {
        command: there(text(row, 2))?,
        position: row.number(3)?,
        last_position: row.number(4)?,
        key: text(row, 5)?,
        failure_class: text(row, 6)?,
        at_most: row.number(7)?,
    };
    let answer =
        AnswerColumns { answer: text(row, 12)?, changed: row.number(13)?, why: text(row, 14)? };
    Ok(Request {
        id: RequestId::new(there(row.number(0))?.try_into()?),
        subscription: there(text(row, 1))?,
        command: command.read()?,
        reason: there(text(row, 8))?,
        requested_at: Timestamp::from_micros(there(row.number(9))?),
        replayed: read_replayed(row.number(10)?, row.number(11)?)?,
        answer: answer.read()?,
    })
}
