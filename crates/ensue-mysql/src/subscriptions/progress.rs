//! Recording progress, fenced.

mod set_aside;

use ensue::Error;
use ensue::store::columns::{AnswerColumns, Numbered, must_change, number};
use ensue::subscription::{Change, Epoch, Replayed};
use sqlx::MySqlConnection;

use super::Statement;
use crate::error::{failed, is_stale_lock};
use crate::sql::sql;

/// ORDERING: the fence comes before everything that it fences, or with it, in one statement.
pub(super) async fn record(
    connection: &mut MySqlConnection,
    subscription: &str,
    epoch: Epoch,
    changes: &[Change],
) -> Result<(), Error> {
    let recording = Recording { subscription, epoch };
    if !is_fenced_by_itself(changes) {
        recording.check_owner(connection).await?;
    }
    for step in changes.chunk_by(are_set_aside) {
        let changed = recording.apply(connection, step).await;
        let changed = changed.map_err(|error| recording.failed(error))?;
        if changed == 0 && step.iter().any(must_change) {
            recording.check_owner(connection).await?;
            let why = format!("there is nothing for {step:?} to change");
            return Err(Error::store(recording.what(), why, false));
        }
    }
    Ok(())
}

/// What a few statements do for any number of entries.
fn are_set_aside(one: &Change, next: &Change) -> bool {
    matches!((one, next), (Change::SetAside(_), Change::SetAside(_)))
}

/// Most progress is a cursor or a receipt alone, and their statements look at the owner themselves:
/// one way to the database for an entry.
fn is_fenced_by_itself(changes: &[Change]) -> bool {
    matches!(changes, [Change::Advance { .. } | Change::Receipt { .. }])
}

/// Whose progress it is.
#[derive(Clone, Copy)]
struct Recording<'r> {
    subscription: &'r str,
    epoch: Epoch,
}

impl<'r> Recording<'r> {
    /// The fence: a locking read, so that a take-over waits for the commit. A plain condition would
    /// see the owner of when the transaction began to look.
    async fn check_owner(self, connection: &mut MySqlConnection) -> Result<(), Error> {
        let check = sqlx::query(sql!("check_owner")).bind(self.subscription);
        match check.bind(self.epoch.number()).fetch_all(connection).await {
            Ok(rows) if rows.is_empty() => Err(self.fenced()),
            Ok(_) => Ok(()),
            Err(error) => Err(self.failed(error)),
        }
    }

    /// A server may be told that a transaction which sees no newer rows than when it began to look cannot
    /// lock the owner's row once there was a take-over.
    fn failed(self, error: sqlx::Error) -> Error {
        match error {
            error if is_stale_lock(&error) => self.fenced(),
            error => failed(|| self.what())(error),
        }
    }

    fn fenced(self) -> Error {
        Error::fenced(self.subscription, self.epoch.get())
    }

    fn what(self) -> String {
        format!("cannot record progress of `{}`", self.subscription)
    }

    /// How many rows were changed.
    async fn apply(self, connection: &mut MySqlConnection, step: &[Change]) -> sqlx::Result<u64> {
        match step {
            [Change::SetAside(_), ..] => {
                set_aside::insert(connection, self.subscription, step).await
            }
            [change] => {
                if let Change::Seek { to } = change {
                    self.drop_beyond(connection, to.number()).await?;
                }
                self.statement(change).execute(connection).await.map(|done| done.rows_affected())
            }
            _ => Ok(0),
        }
    }

    /// What a cursor that is set leaves nothing of: receipts, and what is set aside after it.
    async fn drop_beyond(self, connection: &mut MySqlConnection, to: i64) -> sqlx::Result<()> {
        let forget = sqlx::query(sql!("forget_receipts")).bind(self.subscription).bind(i64::MAX);
        forget.execute(&mut *connection).await?;
        let forget = sqlx::query(sql!("forget_set_aside_after")).bind(self.subscription).bind(to);
        forget.execute(connection).await.map(drop)
    }

    /// The statement for any change but to set an entry aside.
    fn statement<'q>(self, change: &'q Change) -> Statement<'q>
    where
        'r: 'q,
    {
        let Self { subscription, epoch } = self;
        match change {
            Change::Advance { to } => sqlx::query(sql!("advance_cursor"))
                .bind(to.number())
                .bind(subscription)
                .bind(to.number())
                .bind(subscription)
                .bind(epoch.number()),
            Change::Receipt { position } => sqlx::query(sql!("insert_receipt"))
                .bind(position.number())
                .bind(subscription)
                .bind(epoch.number()),
            Change::Forget { up_to } => {
                sqlx::query(sql!("forget_receipts")).bind(subscription).bind(up_to.number())
            }
            Change::Settle { position } => {
                sqlx::query(sql!("settle")).bind(subscription).bind(position.number())
            }
            Change::SetAside(entry) => {
                sqlx::query(sql!("settle")).bind(subscription).bind(entry.position.number())
            }
            Change::Pause { reason } => sqlx::query(sql!("pause")).bind(subscription).bind(reason),
            Change::Resume => sqlx::query(sql!("resume")).bind(subscription),
            Change::Seek { to } => {
                sqlx::query(sql!("seek_cursor")).bind(to.number()).bind(subscription)
            }
            Change::Replayed { request, replayed: Replayed { up_to, entries } } => {
                sqlx::query(sql!("replayed"))
                    .bind(up_to.number())
                    .bind(number(*entries))
                    .bind(request.number())
                    .bind(subscription)
            }
            Change::Answer { request, answer } => {
                let columns = AnswerColumns::from(answer);
                sqlx::query(sql!("answer_request"))
                    .bind(columns.answer)
                    .bind(columns.changed)
                    .bind(columns.why)
                    .bind(request.number())
                    .bind(subscription)
            }
        }
    }
}
