//! What is stored of a subscription, read.

use ensue_core::{Position, Timestamp};

use super::{Own, SqlSubscriptions};
use crate::store::columns::{
    AnswerColumns, CommandColumns, SetAsideColumns, position, read_replayed,
};
use crate::store::sql::Row;
use crate::store::sql::value::{text, there, words};
use crate::subscription::{
    Command, Failure, FailureClass, Replayed, Request, RequestId, SetAside, SetAsideState,
    SubscriptionStatus,
};
use crate::{BoxError, Error};

impl<S: SqlSubscriptions> Own<'_, S> {
    pub(super) async fn receipts(&mut self) -> Result<Vec<Position>, Error> {
        let rows = self.fetch(|of| &of.read_receipts, []).await?;
        let positions = rows.iter().map(|row| there(row.number(0)).map(position));
        positions.collect::<Result<_, _>>().map_err(|error| self.unreadable(error))
    }

    pub(super) async fn event_types(&mut self) -> Result<Vec<String>, Error> {
        let rows = self.fetch(|of| &of.read_event_types, []).await?;
        // Only an unreadable entry can have an unreadable type.
        Ok(rows.iter().filter_map(|row| text(row, 0).ok().flatten()).collect())
    }

    pub(super) async fn set_aside(&mut self) -> Result<Vec<SetAside>, Error> {
        let rows = self.fetch(|of| &of.read_set_aside, []).await?;
        let entries = rows.iter().map(set_aside);
        entries.collect::<Result<_, _>>().map_err(|error| self.unreadable(error))
    }
}

/// From the rows of `read_status` and `read_set_aside`.
pub(in crate::store::sql) fn status<R: Row>(
    status: &[R],
    entries: &[R],
) -> Result<Option<SubscriptionStatus>, BoxError> {
    let Some(row) = status.first() else { return Ok(None) };
    Ok(Some(SubscriptionStatus {
        cursor: position(there(row.number(0))?),
        owner: words(row, 1),
        paused: words(row, 2),
        retired: words(row, 3),
        set_aside: entries.iter().map(set_aside).collect::<Result<_, _>>()?,
    }))
}

/// Reads an entry that is set aside. An unreadable one is parked: it keeps its place and its key, and an
/// operator decides.
///
/// # Errors
/// When it has no position.
pub(in crate::store::sql) fn set_aside(row: &impl Row) -> Result<SetAside, BoxError> {
    let place = position(there(row.number(0))?);
    let entry = columns(row).and_then(SetAsideColumns::read);
    Ok(entry.unwrap_or_else(|error| {
        let why = format!("its stored state cannot be read: {error}");
        SetAside {
            position: place,
            key: words(row, 1),
            state: SetAsideState::Parked,
            attempts: 0,
            failure: Some(Failure::new(FailureClass::Unreadable, why)),
            is_replay: row.flag(7).unwrap_or(false),
        }
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

/// Reads a request. An unreadable command becomes one that the owner refuses.
///
/// # Errors
/// When it has no number, or its answer is unreadable.
pub(in crate::store::sql) fn request(row: &impl Row) -> Result<Request, BoxError> {
    let id = RequestId::new(there(row.number(0))?.try_into()?);
    let answer =
        AnswerColumns { answer: text(row, 12)?, changed: row.number(13)?, why: text(row, 14)? };
    let (command, replayed) =
        asked(row).unwrap_or_else(|error| (Command::Unreadable { why: error.to_string() }, None));
    Ok(Request {
        id,
        subscription: words(row, 1).unwrap_or_default(),
        command,
        reason: words(row, 8).unwrap_or_default(),
        requested_at: Timestamp::from_micros(row.number(9).ok().flatten().unwrap_or_default()),
        replayed,
        answer: answer.read()?,
    })
}

/// Reads the command and its progress.
fn asked(row: &impl Row) -> Result<(Command, Option<Replayed>), BoxError> {
    let command = CommandColumns {
        command: there(text(row, 2))?,
        position: row.number(3)?,
        last_position: row.number(4)?,
        key: text(row, 5)?,
        failure_class: text(row, 6)?,
        at_most: row.number(7)?,
    };
    Ok((command.read()?, read_replayed(row.number(10)?, row.number(11)?)?))
}
