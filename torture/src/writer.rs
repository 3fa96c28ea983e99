//! A process of writers.

use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ensue::{
    AnyEvent, BoxError, Envelope, EventId, Events, Meta, PayloadError, Raise, Transactions, Tx,
};
use fastrand::Rng;
use tokio::task::JoinSet;

use crate::backend::Backend;
use crate::history::TransactionId;
use crate::mark::{Key, Mark};
use crate::moment::Moment;
use crate::plan::{End, Plan};
use crate::report::Report;

/// What a process of writers has to do.
#[derive(Debug, Clone)]
pub struct Assignment {
    /// Where the database is.
    pub address: String,
    /// The seed of the run.
    pub seed: u64,
    /// The number of its first writer.
    pub first_writer: u16,
    /// How many writers it has.
    pub writers: u16,
    /// How many events a bulk transaction has.
    pub bulk: u32,
    /// How many events a second each writer appends at the most; as many as it can without it.
    pub pace: Option<u32>,
}

/// LIMIT: attempts in a row that fail. Whatever befalls a database is over before that.
const FAILURES_MAX: u32 = 2_000;

/// How long a writer waits before it tries again.
const PAUSE: Duration = Duration::from_millis(20);

/// LIMIT: how long a writer that keeps to a pace rests after a bulk transaction; it ends only then.
const DUE_MAX: Duration = Duration::from_secs(2);

/// Writes until the standard input ends, which it does with whoever started this process, and tells
/// every [`Report`] on the standard output.
///
/// # Errors
/// The database cannot be opened or written to, and it is not for a moment; or nobody listens.
pub async fn write<B: Backend>(assignment: &Assignment) -> Result<(), BoxError> {
    let stop = at_end_of_input();
    let events = Events::builder(B::open(&assignment.address).await?).build().await?;
    let mut writers = JoinSet::new();
    for number in 0..assignment.writers {
        let number = assignment.first_writer + number;
        let writer = Writer::<B>::new(events.clone(), number, assignment);
        writers.spawn(writer.write_until(Arc::clone(&stop)));
    }
    while let Some(ended) = writers.join_next().await {
        ended??;
    }
    Ok(())
}

fn at_end_of_input() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    std::thread::spawn(move || {
        // An error is an end too.
        drop(std::io::stdin().read_to_end(&mut Vec::new()));
        stopped.store(true, Ordering::Relaxed);
    });
    stop
}

struct Writer<B: Backend> {
    events: Events<B::Store>,
    number: u16,
    transactions: u32,
    rng: Rng,
    bulk: u32,
    pace: Option<u32>,
}

/// One transaction under way.
#[derive(Clone, Copy)]
struct Attempt {
    plan: Plan,
    id: TransactionId,
    writer: u16,
    number: u32,
    began: Moment,
}

impl<B: Backend> Writer<B> {
    fn new(events: Events<B::Store>, number: u16, assignment: &Assignment) -> Self {
        // Neighbouring seeds are no neighbours after this.
        let mut rng = Rng::with_seed(assignment.seed);
        let rng =
            Rng::with_seed(rng.u64(..) ^ u64::from(number).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        Self { events, number, transactions: 0, rng, bulk: assignment.bulk, pace: assignment.pace }
    }

    async fn write_until(mut self, stop: Arc<AtomicBool>) -> Result<(), BoxError> {
        let mut failures = 0;
        while !stop.load(Ordering::Relaxed) {
            let attempt = self.next_attempt();
            let Err(error) = self.carry_out(attempt).await else {
                failures = 0;
                self.keep_pace(attempt.plan.events).await;
                continue;
            };
            tell(Report::Failed)?;
            failures += 1;
            if failures > FAILURES_MAX {
                return Err(error);
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }

    async fn keep_pace(&self, events: u32) {
        if let Some(pace) = self.pace {
            let due = Duration::from_secs(events.into()) / pace.max(1);
            tokio::time::sleep(due.min(DUE_MAX)).await;
        }
    }

    fn next_attempt(&mut self) -> Attempt {
        let plan = Plan::draw(&mut self.rng, self.bulk, B::LONGEST_HOLD);
        self.transactions += 1;
        let (writer, number) = (self.number, self.transactions);
        let id = TransactionId::new(writer, number);
        Attempt { plan, id, writer, number, began: Moment::now() }
    }

    async fn carry_out(&self, attempt: Attempt) -> Result<(), BoxError> {
        let done = match attempt.plan.appends_early {
            true => self.append_early(attempt).await,
            false => self.events.run(async |tx| attempt.work::<B>(tx).await).await,
        };
        match done {
            Ok(()) => attempt.acknowledged(),
            Err(error) if error.is::<OnPurpose>() => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// What the unit of work never does: it appends last. Others may, and only harm themselves.
    async fn append_early(&self, attempt: Attempt) -> Result<(), BoxError> {
        let store = self.events.store();
        let (plan, first) =
            (attempt.plan, attempt.first(Key::of_writer(attempt.writer), attempt.number));
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
        Ok(store.commit(transaction).await?)
    }
}

impl Attempt {
    /// A unit of work: lock, hold, raise.
    async fn work<B: Backend>(&self, tx: &mut Tx<B::Store>) -> Result<(), BoxError> {
        let Self { plan, writer, .. } = *self;
        if plan.takes_id_early {
            B::touch(&mut **tx, writer).await?;
            tokio::time::sleep(plan.hold).await;
        }
        let (key, number) = match plan.hot {
            Some(key) => (key, B::lock(&mut **tx, key.get()).await?),
            None => (Key::of_writer(writer), self.number),
        };
        tokio::time::sleep(plan.hold).await;
        self.raise::<B>(tx, self.first(key, number)).await
    }

    async fn raise<B: Backend>(&self, tx: &mut Tx<B::Store>, first: Mark) -> Result<(), BoxError> {
        let events = self.plan.events;
        match self.plan.end {
            End::RollBack => {
                raise_all(tx, first.doomed(), events);
                self.rolled_back()
            }
            End::CommitInPart => {
                raise_all(tx, first, events);
                self.raise_in_vain::<B>(tx, first.doomed()).await?;
                self.committing(first)
            }
            End::Commit => {
                raise_all(tx, first, events);
                self.committing(first)
            }
        }
    }

    /// In a savepoint that is rolled back, with what it wrote.
    async fn raise_in_vain<B: Backend>(
        &self,
        tx: &mut Tx<B::Store>,
        doomed: Mark,
    ) -> Result<(), BoxError> {
        let attempt = *self;
        let undone = tx.savepoint(async |tx| {
            B::touch(&mut **tx, attempt.writer).await?;
            raise_all(tx, doomed, attempt.plan.events);
            attempt.rolled_back()
        });
        match undone.await {
            Err(error) if error.is::<OnPurpose>() => Ok(()),
            other => other,
        }
    }

    fn first(&self, key: Key, number: u32) -> Mark {
        Mark::first(self.id, key, number)
    }

    /// ORDERING: told before COMMIT is sent, so that no event can be in the log of which nobody knows.
    fn committing(&self, first: Mark) -> Result<(), BoxError> {
        tell(Report::Committing { first, events: self.plan.events, began: self.began })
    }

    fn acknowledged(&self) -> Result<(), BoxError> {
        tell(Report::Acknowledged { id: self.id, at: Moment::now() })
    }

    /// What is left to do is to fail.
    fn rolled_back(&self) -> Result<(), BoxError> {
        tell(Report::RolledBack { events: self.plan.events })?;
        Err(OnPurpose.into())
    }
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

/// A line is one write, so that a process which is killed has told all of it or nothing.
fn tell(report: Report) -> Result<(), BoxError> {
    let line = format!("{report}\n");
    let mut output = std::io::stdout().lock();
    output.write_all(line.as_bytes())?;
    Ok(output.flush()?)
}
