//! Recording progress, fenced.

use std::sync::{Arc, LazyLock};

use ensue::store::columns::{AnswerColumns, Numbered, SetAsideColumns, must_change, number};
use ensue::subscription::{Change, Epoch, Replayed};
use ensue::{Error, Position, Timestamp};
use sqlx::sqlite::SqliteArguments;
use sqlx::{AssertSqlSafe, SqlSafeStr, Sqlite, SqliteConnection};

use super::now;
use crate::error::failed;
use crate::transactions::over;
use crate::writer::{SqliteTransaction, VERIFY, is_over};

type Statement<'q> = sqlx::query::Query<'q, Sqlite, SqliteArguments>;

pub(super) async fn record(
    transaction: &mut SqliteTransaction,
    subscription: &str,
    epoch: Epoch,
    changes: &[Change],
) -> Result<(), Error> {
    if let [change @ (Change::Advance { .. } | Change::Receipt { .. })] = changes {
        return record_alone(transaction, subscription, epoch, change).await;
    }
    transaction.verify().await.map_err(not_recorded)?;
    let connection = &mut **transaction;
    check_owner(connection, subscription, epoch).await?;
    for change in changes {
        let changed = apply(connection, subscription, epoch, change).await;
        if changed.map_err(not_recorded)? == 0 && must_change(change) {
            return Err(unchanged(change));
        }
    }
    Ok(())
}

/// Most progress is a cursor or a receipt alone, and their statements look at the owner themselves:
/// with the verification of the transaction, one way to the database for an entry.
async fn record_alone(
    transaction: &mut SqliteTransaction,
    subscription: &str,
    epoch: Epoch,
    change: &Change,
) -> Result<(), Error> {
    let verification = transaction.take_verification().then_some(&*VERIFIED);
    let statement = statement(subscription, epoch, change, now(), verification);
    // SQLite's count of changes is not set back by what comes before it, hence the rows returned.
    let changed = statement.fetch_all(&mut **transaction).await.map_err(not_recorded)?;
    if changed.is_empty() {
        check_owner(transaction, subscription, epoch).await?;
        return Err(unchanged(change));
    }
    Ok(())
}

/// The statements of progress that goes alone, after a verification of the transaction.
static VERIFIED: LazyLock<Verified> = LazyLock::new(|| {
    let verified = |statement: &str| format!("{VERIFY}; {statement}").into();
    Verified { advance: verified(ADVANCE), receipt: verified(RECEIPT) }
});

struct Verified {
    advance: Arc<str>,
    receipt: Arc<str>,
}

const ADVANCE: &str = include_str!("../sql/advance_cursor.sql");
const RECEIPT: &str = include_str!("../sql/insert_receipt.sql");

fn unchanged(change: &Change) -> Error {
    let why = format!("there is nothing for {change:?} to change");
    Error::store("cannot record progress", why, false)
}

fn not_recorded(error: sqlx::Error) -> Error {
    match is_over(&error) {
        true => over(error),
        false => failed(|| "cannot record progress".to_owned())(error),
    }
}

/// The fence. The transaction holds the write lock, so no take-over can come before its commit.
async fn check_owner(
    connection: &mut SqliteConnection,
    subscription: &str,
    epoch: Epoch,
) -> Result<(), Error> {
    let owned = sqlx::query(include_str!("../sql/check_owner.sql"))
        .bind(subscription)
        .bind(epoch.number())
        .fetch_optional(connection)
        .await
        .map_err(failed(|| format!("cannot read who owns subscription `{subscription}`")))?;
    owned.map(drop).ok_or_else(|| Error::fenced(subscription, epoch.get()))
}

/// How many rows were changed.
async fn apply(
    connection: &mut SqliteConnection,
    subscription: &str,
    epoch: Epoch,
    change: &Change,
) -> sqlx::Result<u64> {
    if let Change::Seek { to } = change {
        drop_beyond(connection, subscription, *to).await?;
    }
    let executed = statement(subscription, epoch, change, now(), None).execute(connection).await?;
    Ok(executed.rows_affected())
}

/// What a cursor that is set leaves nothing of: receipts, and what is set aside after it.
async fn drop_beyond(
    connection: &mut SqliteConnection,
    subscription: &str,
    to: Position,
) -> sqlx::Result<()> {
    sqlx::query(include_str!("../sql/forget_all_receipts.sql"))
        .bind(subscription)
        .execute(&mut *connection)
        .await?;
    sqlx::query(include_str!("../sql/forget_set_aside_after.sql"))
        .bind(subscription)
        .bind(to.number())
        .execute(connection)
        .await
        .map(drop)
}

fn statement<'q>(
    subscription: &'q str,
    epoch: Epoch,
    change: &'q Change,
    now: Timestamp,
    verified: Option<&Verified>,
) -> Statement<'q> {
    let plain = |statement: &'static str| statement.into_sql_str();
    let or_plain = |verified: Option<&Arc<str>>, statement| match verified {
        Some(verified) => AssertSqlSafe(Arc::clone(verified)).into_sql_str(),
        None => plain(statement),
    };
    match change {
        Change::Advance { to } => sqlx::query(or_plain(verified.map(|it| &it.advance), ADVANCE))
            .bind(subscription)
            .bind(to.number())
            .bind(now.as_micros())
            .bind(epoch.number()),
        Change::Receipt { position } => {
            sqlx::query(or_plain(verified.map(|it| &it.receipt), RECEIPT))
                .bind(subscription)
                .bind(position.number())
                .bind(epoch.number())
        }
        Change::Forget { up_to } => sqlx::query(include_str!("../sql/forget_receipts.sql"))
            .bind(subscription)
            .bind(up_to.number()),
        Change::Settle { position } => sqlx::query(include_str!("../sql/settle.sql"))
            .bind(subscription)
            .bind(position.number()),
        Change::SetAside(entry) => {
            let columns = SetAsideColumns::from(entry);
            sqlx::query(include_str!("../sql/set_aside.sql"))
                .bind(subscription)
                .bind(columns.position)
                .bind(columns.key)
                .bind(columns.state)
                .bind(columns.attempts)
                .bind(columns.next_attempt_at_us)
                .bind(columns.failure_class)
                .bind(columns.failure_message)
                .bind(now.as_micros())
                .bind(columns.is_replay)
        }
        Change::Pause { reason } => sqlx::query(include_str!("../sql/pause.sql"))
            .bind(subscription)
            .bind(reason.as_str())
            .bind(now.as_micros()),
        Change::Resume => sqlx::query(include_str!("../sql/resume.sql")).bind(subscription),
        Change::Seek { to } => sqlx::query(include_str!("../sql/seek_cursor.sql"))
            .bind(subscription)
            .bind(to.number())
            .bind(now.as_micros()),
        Change::Replayed { request, replayed: Replayed { up_to, entries } } => {
            sqlx::query(include_str!("../sql/replayed.sql"))
                .bind(request.number())
                .bind(up_to.number())
                .bind(number(*entries))
                .bind(subscription)
        }
        Change::Answer { request, answer } => {
            let columns = AnswerColumns::from(answer);
            sqlx::query(include_str!("../sql/answer_request.sql"))
                .bind(request.number())
                .bind(columns.answer)
                .bind(columns.changed)
                .bind(columns.why)
                .bind(now.as_micros())
                .bind(subscription)
        }
    }
}
