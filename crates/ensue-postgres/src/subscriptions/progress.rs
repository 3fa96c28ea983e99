//! Recording progress, fenced.

mod set_aside;

use ensue::Error;
use ensue::subscription::{Answer, Change, Epoch, Replayed};

use super::{Open, Statement, epoch_number, position_number, request_number};
use crate::error::{failed, is_stale_lock};
use set_aside::SetAsideRows;

/// ORDERING: the fence comes before everything that it fences, or with it, in one statement.
pub(super) async fn record(
    open: &mut Open<'_>,
    subscription: &str,
    epoch: Epoch,
    changes: &[Change],
) -> Result<(), Error> {
    let recording = Recording { subscription, epoch };
    if !is_fenced_by_itself(changes) {
        recording.check_owner(open).await?;
    }
    for step in changes.chunk_by(are_set_aside) {
        let changed = recording.apply(open, step).await;
        let changed = changed.map_err(|error| recording.failed(error))?;
        if changed == 0 && step.iter().any(must_change) {
            recording.check_owner(open).await?;
            let why = format!("there is nothing for {step:?} to change");
            return Err(Error::store(recording.what(), why, false));
        }
    }
    Ok(())
}

/// What one statement does for any number of entries.
fn are_set_aside(one: &Change, next: &Change) -> bool {
    matches!((one, next), (Change::SetAside(_), Change::SetAside(_)))
}

/// Most progress is a cursor or a receipt alone, and their statements look at the owner themselves:
/// one way to the database for an entry.
fn is_fenced_by_itself(changes: &[Change]) -> bool {
    matches!(changes, [Change::Advance { .. } | Change::Receipt { .. }])
}

/// Whether the database is not as the machine knows it if the change changes nothing.
fn must_change(change: &Change) -> bool {
    match change {
        Change::Advance { .. }
        | Change::Receipt { .. }
        | Change::Settle { .. }
        | Change::Seek { .. }
        | Change::Replayed { .. }
        | Change::Answer { .. } => true,
        Change::Forget { .. } | Change::SetAside(_) | Change::Pause { .. } | Change::Resume => {
            false
        }
    }
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
    async fn check_owner(self, open: &mut Open<'_>) -> Result<(), Error> {
        let check = open.query(include_str!("../sql/check_owner.sql"));
        let check = check.bind(self.subscription).bind(epoch_number(self.epoch));
        match open.fetch_optional(check).await {
            Ok(Some(_)) => Ok(()),
            Ok(None) => Err(self.fenced()),
            Err(error) => Err(self.failed(error)),
        }
    }

    /// A transaction that sees no newer rows than when it began to look cannot lock the owner's row
    /// once there was a take-over.
    fn failed(self, error: sqlx::Error) -> Error {
        match is_stale_lock(&error) {
            true => self.fenced(),
            false => failed(|| self.what())(error),
        }
    }

    fn fenced(self) -> Error {
        Error::fenced(self.subscription, self.epoch.get())
    }

    fn what(self) -> String {
        format!("cannot record progress of `{}`", self.subscription)
    }

    /// How many rows were changed.
    async fn apply(self, open: &mut Open<'_>, step: &[Change]) -> sqlx::Result<u64> {
        let Some(first) = step.first() else { return Ok(0) };
        if let Change::Seek { to } = first {
            self.drop_beyond(open, position_number(*to)).await?;
        }
        let statement = self.statement(open, first, step);
        open.execute(statement).await
    }

    /// What a cursor that is set leaves nothing of: receipts, and what is set aside after it.
    async fn drop_beyond(self, open: &mut Open<'_>, to: i64) -> sqlx::Result<()> {
        let forget = open.query(include_str!("../sql/forget_receipts.sql"));
        open.execute(forget.bind(self.subscription).bind(i64::MAX)).await?;
        let forget = open.query(include_str!("../sql/forget_set_aside_after.sql"));
        open.execute(forget.bind(self.subscription).bind(to)).await.map(drop)
    }

    /// The statement for `change`, or for all of its `step`.
    fn statement<'q>(self, open: &Open<'_>, change: &'q Change, step: &'q [Change]) -> Statement<'q>
    where
        'r: 'q,
    {
        let query = |statement| open.query(statement).bind(self.subscription);
        match change {
            Change::Advance { to } => query(include_str!("../sql/advance_cursor.sql"))
                .bind(position_number(*to))
                .bind(epoch_number(self.epoch)),
            Change::Receipt { position } => query(include_str!("../sql/insert_receipt.sql"))
                .bind(position_number(*position))
                .bind(epoch_number(self.epoch)),
            Change::Forget { up_to } => {
                query(include_str!("../sql/forget_receipts.sql")).bind(position_number(*up_to))
            }
            Change::SetAside(_) => {
                SetAsideRows::of(step).bind_to(query(include_str!("../sql/set_aside.sql")))
            }
            Change::Settle { position } => {
                query(include_str!("../sql/settle.sql")).bind(position_number(*position))
            }
            Change::Pause { reason } => query(include_str!("../sql/pause.sql")).bind(reason),
            Change::Resume => query(include_str!("../sql/resume.sql")),
            Change::Seek { to } => {
                query(include_str!("../sql/seek_cursor.sql")).bind(position_number(*to))
            }
            Change::Replayed { request, replayed: Replayed { up_to, entries } } => {
                query(include_str!("../sql/replayed.sql"))
                    .bind(request_number(*request))
                    .bind(position_number(*up_to))
                    .bind(count(*entries))
            }
            Change::Answer { request, answer } => {
                let (word, changed, why) = match answer {
                    Answer::Done { changed } => ("done", Some(count(*changed)), None),
                    Answer::Refused { why } => ("refused", None, Some(why.as_str())),
                };
                query(include_str!("../sql/answer_request.sql"))
                    .bind(request_number(*request))
                    .bind(word)
                    .bind(changed)
                    .bind(why)
            }
        }
    }
}

fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
