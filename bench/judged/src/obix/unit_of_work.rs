//! Transactions of `obix`.

use ensue::BoxError;
use obix::prelude::es_entity::DbOp;
use torture::{Attempt, End, Key, Mark};

use super::{Obix, marked};
use crate::domain;

/// Lock, hold, publish, in an operation of its own.
pub(super) async fn run(obix: &Obix, attempt: &Attempt) -> Result<(), BoxError> {
    let plan = attempt.plan;
    let mut op = obix.outbox.begin_op().await?;
    if plan.takes_id_early {
        domain::touch(op.tx_mut(), attempt.writer).await?;
        tokio::time::sleep(plan.hold).await;
    }
    let (key, number) = match plan.hot {
        Some(key) => (key, domain::lock(op.tx_mut(), key.get()).await?),
        None => (Key::of_writer(attempt.writer), attempt.number),
    };
    tokio::time::sleep(plan.hold).await;
    let first = attempt.first(key, number);
    if plan.end == End::RollBack {
        obix.outbox.publish_all_persisted(&mut op, marked(first.doomed(), plan.events)).await?;
        return attempt.rolled_back();
    }
    obix.outbox.publish_all_persisted(&mut op, marked(first, plan.events)).await?;
    if plan.end == End::CommitInPart {
        publish_in_vain(obix, &mut op, attempt, first.doomed()).await?;
    }
    attempt.committing(first)?;
    op.commit().await?;
    attempt.acknowledged()
}

/// In a savepoint that is rolled back, with what it wrote.
async fn publish_in_vain(
    obix: &Obix,
    op: &mut DbOp<'_>,
    attempt: &Attempt,
    doomed: Mark,
) -> Result<(), BoxError> {
    domain::touch(op.tx_mut(), attempt.writer).await?;
    let mut savepoint = op.begin_savepoint().await?;
    let doomed = marked(doomed, attempt.plan.events);
    obix.outbox.publish_all_persisted(&mut savepoint, doomed).await?;
    savepoint.rollback().await?;
    attempt.rolled_back()
}

/// In a transaction of the driver's, where it is inserted at once.
pub(super) async fn append_early(obix: &Obix, attempt: &Attempt) -> Result<(), BoxError> {
    let (plan, first) = (attempt.plan, attempt.first_of_writer());
    let is_doomed = plan.end == End::RollBack;
    let published = if is_doomed { first.doomed() } else { first };
    let mut transaction = obix.pool.begin().await?;
    let published = marked(published, plan.events);
    obix.outbox.publish_all_persisted(&mut transaction, published).await?;
    tokio::time::sleep(plan.hold).await;
    if is_doomed {
        transaction.rollback().await?;
        return attempt.rolled_back();
    }
    attempt.committing(first)?;
    transaction.commit().await?;
    attempt.acknowledged()
}
