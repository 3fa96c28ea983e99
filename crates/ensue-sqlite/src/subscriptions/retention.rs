//! Forgetting what nobody needs any more.

use ensue::store::columns::{Numbered, position};
use ensue::subscription::{Pruned, Unhandled};
use ensue::{Position, Transactions};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use crate::SqliteStore;
use crate::error::failed;

/// LIMIT: entries of one transaction, since nobody else writes meanwhile.
const STEP: u64 = 10_000;

impl SqliteStore {
    pub(super) async fn prune_in_steps(
        &self,
        up_to: Position,
        unhandled: Unhandled,
    ) -> Result<Pruned, ensue::Error> {
        let what = || format!("cannot prune the log up to position {up_to}");
        loop {
            let mut transaction = self.begin().await?;
            let step = step(&mut transaction, up_to, unhandled).await.map_err(failed(what))?;
            transaction.commit().await.map_err(failed(what))?;
            if let Some(pruned) = step {
                return Ok(pruned);
            }
        }
    }
}

/// ORDERING: what is needed is read under the write lock, in the transaction that forgets. Nothing if
/// there is more to forget.
async fn step(
    connection: &mut SqliteConnection,
    up_to: Position,
    unhandled: Unhandled,
) -> sqlx::Result<Option<Pruned>> {
    let needed = match unhandled {
        Unhandled::Keep => first_needed(connection).await?,
        Unhandled::Drop => None,
    };
    let held = needed.filter(|(position, _)| *position <= up_to);
    let last = held.as_ref().map_or(up_to, |(position, _)| position.previous());
    let oldest = oldest(connection).await?;
    if oldest > last || oldest > head(connection).await? {
        return Ok(Some(Pruned { oldest, held_by: held.map(|(_, subscription)| subscription) }));
    }
    let end = last.min(Position::new(oldest.get() + STEP - 1));
    sqlx::query(include_str!("../sql/prune.sql"))
        .bind(oldest.number())
        .bind(end.number())
        .execute(connection)
        .await?;
    Ok(None)
}

async fn first_needed(
    connection: &mut SqliteConnection,
) -> sqlx::Result<Option<(Position, String)>> {
    let row: Option<SqliteRow> = sqlx::query(include_str!("../sql/read_first_needed.sql"))
        .fetch_optional(connection)
        .await?;
    row.map(|row| Ok((position(row.try_get(0)?), row.try_get(1)?))).transpose()
}

async fn oldest(connection: &mut SqliteConnection) -> sqlx::Result<Position> {
    let oldest: i64 =
        sqlx::query_scalar(include_str!("../sql/read_oldest.sql")).fetch_one(connection).await?;
    Ok(position(oldest))
}

async fn head(connection: &mut SqliteConnection) -> sqlx::Result<Position> {
    let head: i64 =
        sqlx::query_scalar(include_str!("../sql/read_head.sql")).fetch_one(connection).await?;
    Ok(position(head))
}
