//! A process of writers.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ensue::BoxError;
use fastrand::Rng;
use tokio::task::JoinSet;

use crate::attempt::{Attempt, Audience};
use crate::defendant::Defendant;
use crate::plan::Plan;

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
/// every [`Report`](crate::Report) on the standard output.
///
/// # Errors
/// The database cannot be opened or written to, and it is not for a moment; or nobody listens.
pub async fn write<D: Defendant>(assignment: &Assignment) -> Result<(), BoxError> {
    let stop = at_end_of_input();
    let defendant = Arc::new(open::<D>(&assignment.address).await?);
    let mut writers = JoinSet::new();
    for number in 0..assignment.writers {
        let number = assignment.first_writer + number;
        let writer = Writer::new(Arc::clone(&defendant), number, assignment);
        writers.spawn(writer.write_until(Arc::clone(&stop)));
    }
    while let Some(ended) = writers.join_next().await {
        ended??;
    }
    Ok(())
}

/// The server may be down while this process starts.
async fn open<D: Defendant>(address: &str) -> Result<D, BoxError> {
    let mut failures = 0;
    loop {
        match D::open(address).await {
            Err(_) if failures < FAILURES_MAX => failures += 1,
            opened => return opened,
        }
        tokio::time::sleep(PAUSE).await;
    }
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

struct Writer<D> {
    defendant: Arc<D>,
    number: u16,
    transactions: u32,
    rng: Rng,
    bulk: u32,
    pace: Option<u32>,
}

impl<D: Defendant> Writer<D> {
    fn new(defendant: Arc<D>, number: u16, assignment: &Assignment) -> Self {
        // Neighbouring seeds are no neighbours after this.
        let mut rng = Rng::with_seed(assignment.seed);
        let rng =
            Rng::with_seed(rng.u64(..) ^ u64::from(number).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let (bulk, pace) = (assignment.bulk, assignment.pace);
        Self { defendant, number, transactions: 0, rng, bulk, pace }
    }

    async fn write_until(mut self, stop: Arc<AtomicBool>) -> Result<(), BoxError> {
        let mut failures = 0;
        while !stop.load(Ordering::Relaxed) {
            let attempt = self.next_attempt();
            let Err(error) = self.defendant.carry_out(&attempt).await else {
                failures = 0;
                self.keep_pace(attempt.plan.events).await;
                continue;
            };
            attempt.failed()?;
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
        let plan = Plan::draw(&mut self.rng, self.bulk, D::LONGEST_HOLD);
        self.transactions += 1;
        Attempt::new(plan, self.number, self.transactions, Audience::StandardOutput)
    }
}
