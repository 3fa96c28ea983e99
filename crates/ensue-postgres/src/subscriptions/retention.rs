//! Forgetting what nobody needs any more.

use ensue::Position;
use ensue::subscription::{Pruned, Unhandled};
use sqlx::Row;

use super::{Open, position_number, rows};

/// LIMIT: entries of one transaction, so that none of them is long.
const STEP: u64 = 10_000;

/// Forgets some entries; nothing if there are no more to forget.
///
/// ORDERING: what is needed is read before, in the same transaction. A cursor moves on meanwhile, but
/// not back, unless an operator has it sought there: then it is as if that had been asked for later.
pub(super) async fn step(
    open: &mut Open<'_>,
    up_to: Position,
    unhandled: Unhandled,
) -> sqlx::Result<Option<Pruned>> {
    let needed = match unhandled {
        Unhandled::Keep => first_needed(open).await?,
        Unhandled::Drop => None,
    };
    let held = needed.filter(|(position, _)| *position <= up_to);
    let head = one_position(open, include_str!("../sql/read_head.sql")).await?;
    let last = held.as_ref().map_or(up_to, |(position, _)| position.previous()).min(head);
    let floor = one_position(open, include_str!("../sql/read_floor.sql")).await?;
    if floor >= last {
        let held_by = held.map(|(_, subscription)| subscription);
        return Ok(Some(Pruned { oldest: floor.next(), held_by }));
    }
    let prune = open.query(include_str!("../sql/prune.sql"));
    let end = last.min(Position::new(floor.get() + STEP));
    open.execute(prune.bind(position_number(end))).await?;
    Ok(None)
}

async fn first_needed(open: &mut Open<'_>) -> sqlx::Result<Option<(Position, String)>> {
    let read = open.query(include_str!("../sql/read_first_needed.sql"));
    let row = open.fetch_optional(read).await?;
    row.map(|row| Ok((rows::position(row.try_get(0)?), row.try_get(1)?))).transpose()
}

async fn one_position(open: &mut Open<'_>, statement: &'static str) -> sqlx::Result<Position> {
    let row = open.fetch_optional(open.query(statement)).await?;
    row.ok_or(sqlx::Error::RowNotFound)?.try_get(0).map(rows::position)
}
