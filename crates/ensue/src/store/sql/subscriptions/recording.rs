//! Recording progress, fenced.

use std::collections::BTreeMap;

use super::SqlSubscriptions;
use crate::Error;
use crate::store::columns::{AnswerColumns, Numbered, must_change, number};
use crate::store::sql::{Call, Statements, Value, What};
use crate::subscription::{Change, Epoch, Replayed};

/// Records `changes` of a subscription in `transaction`, one after the other.
///
/// ORDERING: the fence comes before everything that it fences, or with it, in one statement.
///
/// # Errors
/// [`ErrorKind::Fenced`](crate::ErrorKind::Fenced) if `epoch` is over; the database's.
pub async fn record<S: SqlSubscriptions>(
    store: &S,
    transaction: &mut S::Transaction,
    subscription: &str,
    epoch: Epoch,
    changes: &[Change],
) -> Result<(), Error> {
    let recording = Recording { store, subscription, epoch };
    if !is_fenced_by_itself(changes) {
        recording.check_owner(transaction).await?;
    }
    for step in changes.chunk_by(are_set_aside) {
        let changed = recording.apply(transaction, step).await?;
        if changed == 0 && step.iter().any(must_change) {
            recording.check_owner(transaction).await?;
            let why = format!("there is nothing for {step:?} to change");
            return Err(Error::store(recording.what(), why, false));
        }
    }
    Ok(())
}

/// What is done at once for any number of entries.
fn are_set_aside(one: &Change, next: &Change) -> bool {
    matches!((one, next), (Change::SetAside(_), Change::SetAside(_)))
}

/// Most progress is a cursor or a receipt alone, and their statements look at the owner themselves:
/// one way to the database for an entry.
fn is_fenced_by_itself(changes: &[Change]) -> bool {
    matches!(changes, [Change::Advance { .. } | Change::Receipt { .. }])
}

/// Whose progress it is.
struct Recording<'r, S> {
    store: &'r S,
    subscription: &'r str,
    epoch: Epoch,
}

impl<S: SqlSubscriptions> Recording<'_, S> {
    /// The fence: a locking read, so that a take-over waits for the commit. A plain condition would
    /// see the owner of when the transaction began to look.
    async fn check_owner(&self, transaction: &mut S::Transaction) -> Result<(), Error> {
        let statement = &self.store.statements().check_owner;
        let values = [self.subscription.into(), self.epoch.number().into()];
        let what: What<'_> = &|| self.what();
        let rows = self.store.fetch(transaction, Call::new(statement, &values, what)).await;
        match rows.map_err(|error| self.sorted(error))?.is_empty() {
            true => Err(self.store.refused(transaction, self.fenced()).await),
            false => Ok(()),
        }
    }

    /// How many rows were changed.
    async fn apply(&self, transaction: &mut S::Transaction, step: &[Change]) -> Result<u64, Error> {
        let of = self.store.statements();
        let applied = match step {
            [Change::SetAside(_), ..] => {
                // Of an entry that is there more than once the last state counts.
                let entries = step.iter().filter_map(|change| match change {
                    Change::SetAside(entry) => Some((entry.position, entry.into())),
                    _ => None,
                });
                let entries = entries.collect::<BTreeMap<_, _>>().into_values().collect();
                self.store.set_aside_all(transaction, self.subscription, entries).await
            }
            [Change::Seek { to }] => self.seek(transaction, of, to.number()).await,
            [change] => {
                let (statement, values) = statement(of, self.epoch, change);
                self.run(transaction, statement, values).await
            }
            _ => Ok(0),
        };
        applied.map_err(|error| self.sorted(error))
    }

    /// What a cursor that is set leaves nothing of: receipts, and what is set aside after it.
    async fn seek(
        &self,
        transaction: &mut S::Transaction,
        of: &'static Statements<S::Statement>,
        to: i64,
    ) -> Result<u64, Error> {
        self.run(transaction, &of.forget_receipts, vec![i64::MAX.into()]).await?;
        self.run(transaction, &of.forget_set_aside_after, vec![to.into()]).await?;
        self.run(transaction, &of.seek_cursor, vec![to.into()]).await
    }

    async fn run(
        &self,
        transaction: &mut S::Transaction,
        statement: &'static S::Statement,
        mut values: Vec<Value<'_>>,
    ) -> Result<u64, Error> {
        values.insert(0, self.subscription.into());
        let what: What<'_> = &|| self.what();
        self.store.execute(transaction, Call::new(statement, &values, what)).await
    }

    fn sorted(&self, error: Error) -> Error {
        S::not_recorded(error, self.fenced())
    }

    fn fenced(&self) -> Error {
        Error::fenced(self.subscription, self.epoch.get())
    }

    fn what(&self) -> String {
        format!("cannot record progress of `{}`", self.subscription)
    }
}

/// The statement for a change, and its values behind the subscription.
fn statement<'c, T>(
    of: &'static Statements<T>,
    epoch: Epoch,
    change: &'c Change,
) -> (&'static T, Vec<Value<'c>>) {
    match change {
        Change::Advance { to } => {
            (&of.advance_cursor, vec![to.number().into(), epoch.number().into()])
        }
        Change::Receipt { position } => {
            (&of.insert_receipt, vec![position.number().into(), epoch.number().into()])
        }
        Change::Forget { up_to } => (&of.forget_receipts, vec![up_to.number().into()]),
        Change::Settle { position } => (&of.settle, vec![position.number().into()]),
        Change::SetAside(entry) => (&of.settle, vec![entry.position.number().into()]),
        Change::Pause { reason } => (&of.pause, vec![reason.as_str().into()]),
        Change::Resume => (&of.resume, Vec::new()),
        Change::Seek { to } => (&of.seek_cursor, vec![to.number().into()]),
        Change::Replayed { request, replayed: Replayed { up_to, entries } } => (
            &of.replayed,
            vec![request.number().into(), up_to.number().into(), number(*entries).into()],
        ),
        Change::Answer { request, answer } => {
            let columns = AnswerColumns::from(answer);
            let values = vec![
                request.number().into(),
                columns.answer.into(),
                columns.changed.into(),
                columns.why.into(),
            ];
            (&of.answer_request, values)
        }
    }
}
