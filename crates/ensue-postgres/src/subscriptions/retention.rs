//! Forgetting what nobody needs any more.

use ensue::Position;
use ensue::store::columns::{Numbered, position};
use ensue::subscription::{Pruned, Unhandled};
use sqlx::Row;

use super::Open;

/// LIMIT: entries of one transaction, so that none of them is long.
const STEP: u64 = 10_000;

/// What a step has done.
pub(super) enum Step {
    /// It has forgotten some entries, and there may be more.
    Forgot,
    /// Somebody reads the log for so long that a partition cannot be dropped now: what the step was
    /// about to do has to be rolled back.
    Held(Pruned),
    /// There is no more to forget.
    Done(Pruned),
}

/// Forgets some entries: a whole partition, or else some of one that has others which are needed.
///
/// ORDERING: what is needed is read under the lock of the floor, which whoever registers or asks for a
/// replay shares. A cursor moves on meanwhile, but not back, unless an operator has it sought there:
/// then it is as if that had been asked for later.
pub(super) async fn step(
    open: &mut Open<'_>,
    up_to: Position,
    unhandled: Unhandled,
) -> sqlx::Result<Step> {
    let lock = open.query(include_str!("../sql/lock_floor.sql"));
    open.fetch_optional(lock).await?;
    let needed = match unhandled {
        Unhandled::Keep => first_needed(open).await?,
        Unhandled::Drop => None,
    };
    let held = needed.filter(|(position, _)| *position <= up_to);
    let head = one_position(open, include_str!("../sql/read_head.sql")).await?;
    let last = held.as_ref().map_or(up_to, |(position, _)| position.previous()).min(head);
    let floor = one_position(open, include_str!("../sql/read_floor.sql")).await?;
    let pruned =
        Pruned { oldest: floor.next(), held_by: held.map(|(_, subscription)| subscription) };
    if floor >= last {
        return Ok(Step::Done(pruned));
    }
    if let Some(end) = end_of_oldest_partition(open, last).await? {
        let is_dropped = drop_oldest_partition(open, end).await?;
        return Ok(if is_dropped { Step::Forgot } else { Step::Held(pruned) });
    }
    delete(open, floor, last.min(Position::new(floor.get() + STEP))).await?;
    Ok(Step::Forgot)
}

/// If all of its entries may be forgotten.
async fn end_of_oldest_partition(
    open: &mut Open<'_>,
    up_to: Position,
) -> sqlx::Result<Option<Position>> {
    let read = open.query(include_str!("../sql/read_pruned_partition.sql"));
    let row = open.fetch_optional(read.bind(up_to.number())).await?;
    row.map(|row| row.try_get(0).map(position)).transpose()
}

async fn drop_oldest_partition(open: &mut Open<'_>, end: Position) -> sqlx::Result<bool> {
    let raise_floor = open.query(include_str!("../sql/raise_floor.sql"));
    open.execute(raise_floor.bind(end.number())).await?;
    let drop = open.query(include_str!("../sql/drop_pruned.sql"));
    open.fetch_optional(drop).await?.ok_or(sqlx::Error::RowNotFound)?.try_get(0)
}

async fn delete(open: &mut Open<'_>, after: Position, up_to: Position) -> sqlx::Result<()> {
    let prune = open.query(include_str!("../sql/prune.sql"));
    open.execute(prune.bind(after.number()).bind(up_to.number())).await.map(drop)
}

async fn first_needed(open: &mut Open<'_>) -> sqlx::Result<Option<(Position, String)>> {
    let read = open.query(include_str!("../sql/read_first_needed.sql"));
    let row = open.fetch_optional(read).await?;
    row.map(|row| Ok((position(row.try_get(0)?), row.try_get(1)?))).transpose()
}

async fn one_position(open: &mut Open<'_>, statement: &'static str) -> sqlx::Result<Position> {
    let row = open.fetch_optional(open.query(statement)).await?;
    row.ok_or(sqlx::Error::RowNotFound)?.try_get(0).map(position)
}
