//! Forgetting what nobody needs any more.

use ensue::Position;
use ensue::store::columns::{Numbered, position};
use ensue::subscription::{Pruned, Unhandled};
use sqlx::{MySqlConnection, Row};

use crate::sql::sql;

/// LIMIT: entries of one transaction, so that none of them is long.
const STEP: u64 = 10_000;

/// Forgets some entries. Nothing if there is more to forget.
///
/// ORDERING: what is needed is read under the lock of the floor, which whoever registers or asks for a
/// replay takes too. A cursor moves on meanwhile, but not back, unless an operator has it sought there:
/// then it is as if that had been asked for later.
pub(super) async fn step(
    connection: &mut MySqlConnection,
    up_to: Position,
    unhandled: Unhandled,
) -> sqlx::Result<Option<Pruned>> {
    let floor = one_position(connection, sql!("lock_floor")).await?;
    let needed = match unhandled {
        Unhandled::Keep => first_needed(connection).await?,
        Unhandled::Drop => None,
    };
    let held = needed.filter(|(position, _)| *position <= up_to);
    let head = one_position(connection, sql!("read_head")).await?;
    let last = held.as_ref().map_or(up_to, |(position, _)| position.previous()).min(head);
    if floor >= last {
        let held_by = held.map(|(_, subscription)| subscription);
        return Ok(Some(Pruned { oldest: floor.next(), held_by }));
    }
    delete(connection, floor, last.min(Position::new(floor.get() + STEP))).await?;
    Ok(None)
}

async fn delete(
    connection: &mut MySqlConnection,
    after: Position,
    up_to: Position,
) -> sqlx::Result<()> {
    let prune = sqlx::query(sql!("prune")).bind(after.number()).bind(up_to.number());
    prune.execute(&mut *connection).await?;
    let raise = sqlx::query(sql!("raise_floor")).bind(up_to.number());
    raise.execute(connection).await.map(drop)
}

async fn first_needed(
    connection: &mut MySqlConnection,
) -> sqlx::Result<Option<(Position, String)>> {
    let rows = sqlx::query(sql!("read_first_needed")).fetch_all(connection).await?;
    let first = rows.first().map(|row| Ok((position(row.try_get(0)?), row.try_get(1)?)));
    first.transpose()
}

async fn one_position(
    connection: &mut MySqlConnection,
    statement: &'static str,
) -> sqlx::Result<Position> {
    let rows = sqlx::query(statement).fetch_all(connection).await?;
    rows.first().ok_or(sqlx::Error::RowNotFound)?.try_get(0).map(position)
}
