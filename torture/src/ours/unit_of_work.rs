//! Transactions of a store of ours.

use ensue::{AnyEvent, BoxError, Envelope, EventId, Events, Meta, PayloadError, Raise, Store, Tx};

use crate::attempt::Attempt;
use crate::backend::Backend;
use crate::mark::{Key, Mark};
use crate::moment::Moment;
use crate::plan::End;

/// A unit of work: lock, hold, raise.
pub(super) async fn run<B: Backend>(
    events: &Events<B::Store>,
    attempt: &Attempt,
) -> Result<(), BoxError> {
    match events.run(async |tx| work::<B>(tx, attempt).await).await {
        Ok(()) => attempt.acknowledged(),
        Err(error) if error.is::<OnPurpose>() => Ok(()),
        Err(error) => Err(error),
    }
}

/// What the unit of work never does: it appends last. Others may, and only harm themselves.
pub(super) async fn append_early<S: Store>(store: &S, attempt: &Attempt) -> Result<(), BoxError> {
    let (plan, first) = (attempt.plan, attempt.first_of_writer());
    let is_doomed = plan.end == End::RollBack;
    let marked = if is_doomed { first.doomed() } else { first };
    let mut transaction = store.begin().await?;
    store.append(&mut transaction, &envelopes(marked, plan.events)?).await?;
    tokio::time::sleep(plan.hold).await;
    if is_doomed {
        store.rollback(transaction).await?;
        return attempt.rolled_back();
    }
    attempt.committing(first)?;
    store.commit(transaction).await?;
    attempt.acknowledged()
}

async fn work<B: Backend>(tx: &mut Tx<B::Store>, attempt: &Attempt) -> Result<(), BoxError> {
    let (plan, writer) = (attempt.plan, attempt.writer);
    if plan.takes_id_early {
        B::touch(&mut **tx, writer).await?;
        tokio::time::sleep(plan.hold).await;
    }
    let (key, number) = match plan.hot {
        Some(key) => (key, B::lock(&mut **tx, key.get()).await?),
        None => (Key::of_writer(writer), attempt.number),
    };
    tokio::time::sleep(plan.hold).await;
    raise::<B>(tx, attempt, attempt.first(key, number)).await
}

async fn raise<B: Backend>(
    tx: &mut Tx<B::Store>,
    attempt: &Attempt,
    first: Mark,
) -> Result<(), BoxError> {
    let events = attempt.plan.events;
    match attempt.plan.end {
        End::RollBack => {
            raise_all(tx, first.doomed(), events);
            fail(attempt)
        }
        End::CommitInPart => {
            raise_all(tx, first, events);
            raise_in_vain::<B>(tx, attempt, first.doomed()).await?;
            attempt.committing(first)
        }
        End::Commit => {
            raise_all(tx, first, events);
            attempt.committing(first)
        }
    }
}

/// In a savepoint that is rolled back, with what it wrote.
async fn raise_in_vain<B: Backend>(
    tx: &mut Tx<B::Store>,
    attempt: &Attempt,
    doomed: Mark,
) -> Result<(), BoxError> {
    let undone = tx.savepoint(async |tx| {
        B::touch(&mut **tx, attempt.writer).await?;
        raise_all(tx, doomed, attempt.plan.events);
        fail(attempt)
    });
    match undone.await {
        Err(error) if error.is::<OnPurpose>() => Ok(()),
        other => other,
    }
}

fn fail(attempt: &Attempt) -> Result<(), BoxError> {
    attempt.rolled_back()?;
    Err(OnPurpose.into())
}

/// The error of whoever wants to roll back.
#[derive(Debug)]
struct OnPurpose;

impl std::fmt::Display for OnPurpose {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("rolled back on purpose")
    }
}

impl std::error::Error for OnPurpose {}

fn raise_all(to: &mut impl Raise, first: Mark, events: u32) {
    (0..events).for_each(|index| to.raise(first.at(index)));
}

/// The events of a transaction as they are stored, for who appends by hand.
pub(crate) fn envelopes(first: Mark, events: u32) -> Result<Vec<Envelope>, PayloadError> {
    (0..events).map(|index| envelope(first.at(index))).collect()
}

pub(crate) fn envelope(mark: Mark) -> Result<Envelope, PayloadError> {
    let event = AnyEvent::new(mark, Moment::now().into());
    event.to_envelope(&Meta::of(&event, EventId::now()))
}
