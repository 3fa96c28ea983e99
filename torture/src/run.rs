//! A run from its beginning to the verdict.

mod outcome;
mod rollbacks;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use ensue::BoxError;
use fastrand::Rng;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

pub use self::outcome::Outcome;
use crate::arena::Arena;
use crate::defendant::{Defendant, Testimony};
use crate::evidence::Witness;
use crate::judge::judge;
use crate::reader::Reader;
use crate::writers::Writers;

/// What is to be done in a run.
#[derive(Debug, Clone)]
pub struct Trial {
    /// The program that [writes](crate::write) if it is told `write`.
    pub program: PathBuf,
    /// What it calls the store.
    pub store: String,
    /// What decides what writers do and what goes wrong.
    pub seed: u64,
    /// How many events are to be acknowledged.
    pub events: u64,
    /// How long at the most.
    pub limit: Option<Duration>,
    /// How many events a second all writers together append at the most; as many as they can without
    /// it, and then readers see some of them as late as the database is busy.
    pub pace: Option<u32>,
}

/// Rows of a page, for each reader: many, some, and few.
const READERS: [u32; 3] = [1_000, 101, 17];

/// LIMIT: events of a bulk transaction, and of all events the part that it may be.
const BULK_MAX: u64 = 100_000;
const BULK_PART: u64 = 30;

/// Something goes wrong each time so many events have been acknowledged, and so often at the least.
const STRIKE_EVERY: u64 = 20_000;
const STRIKES_MIN: u64 = 24;

/// How often the run looks how far it has come.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// LIMIT: how long nothing may be acknowledged at all.
const PATIENCE: Duration = Duration::from_secs(120);

impl Trial {
    pub(crate) fn bulk(&self) -> u32 {
        let bulk = (self.events / BULK_PART).clamp(1, BULK_MAX);
        u32::try_from(bulk).unwrap_or(u32::MAX)
    }

    fn strike_every(&self) -> u64 {
        (self.events / STRIKES_MIN).clamp(1, STRIKE_EVERY)
    }
}

/// Runs `trial` in `arena`.
///
/// # Errors
/// There is no verdict: the database cannot be opened, something ended by itself, or nothing goes on.
pub async fn run<A: Arena>(mut arena: A, trial: &Trial) -> Result<Outcome, BoxError> {
    let defendant = <A::Defendant>::open(&arena.address()).await?;
    defendant.prepare().await?;
    let witness = Witness::new(READERS.len());
    let holes = rollbacks::times(trial.events);
    rollbacks::roll_back(&defendant, holes, &witness).await?;
    let (end, readers) = start_readers::<A::Defendant>(&arena.address(), &witness);
    let writers = Writers::start(trial, arena.address(), witness.clone())?;
    let misfortunes = strike(&mut arena, writers, trial, &witness).await?;
    arena.relent().await?;
    rollbacks::roll_back(&defendant, holes, &witness).await?;
    let last = defendant.settle().await?;
    end.send_replace(Some(last));
    readers.join_all().await.into_iter().collect::<Result<(), _>>()?;
    Ok(conclude(defendant.testify(last).await?, misfortunes, trial, &witness))
}

fn start_readers<D: Defendant>(
    address: &str,
    witness: &Witness,
) -> (watch::Sender<Option<u64>>, JoinSet<Result<(), BoxError>>) {
    let (end, ended) = watch::channel(None);
    let mut readers = JoinSet::new();
    for (number, rows) in READERS.into_iter().enumerate() {
        let (address, witness, end) = (address.to_owned(), witness.clone(), ended.clone());
        readers.spawn(D::follow(Reader { address, number, rows, witness, end }));
    }
    (end, readers)
}

/// Lets one thing after the other go wrong until all is written. What went wrong, and how often.
async fn strike<A: Arena>(
    arena: &mut A,
    mut writers: Writers<'_>,
    trial: &Trial,
    witness: &Witness,
) -> Result<BTreeMap<&'static str, u64>, BoxError> {
    let (mut rng, mut misfortunes) = (Rng::with_seed(trial.seed), BTreeMap::new());
    let (mut progress, mut next) = (Progress::new(trial), 0);
    while let Some(acknowledged) = progress.look(witness)? {
        writers.check()?;
        if acknowledged < next {
            tokio::time::sleep(LOOK_EVERY).await;
            continue;
        }
        next = acknowledged + rng.u64(1..=2 * trial.strike_every());
        let name = match rng.bool() {
            true => writers.kill_one(&mut rng).map(|()| "processes killed")?,
            false => arena.strike(&mut rng, witness).await?,
        };
        *misfortunes.entry(name).or_default() += 1;
        progress.strikes += 1;
    }
    writers.end()?;
    Ok(misfortunes)
}

/// How far a run has come.
struct Progress<'a> {
    trial: &'a Trial,
    started: Instant,
    acknowledged: u64,
    since: Instant,
    strikes: u64,
}

impl<'a> Progress<'a> {
    fn new(trial: &'a Trial) -> Self {
        let now = Instant::now();
        Self { trial, started: now, acknowledged: 0, since: now, strikes: 0 }
    }

    /// How many events are acknowledged; nothing once that is enough and enough went wrong, or it took
    /// long enough.
    fn look(&mut self, witness: &Witness) -> Result<Option<u64>, BoxError> {
        let acknowledged = witness.evidence().acknowledged;
        if acknowledged > self.acknowledged {
            (self.acknowledged, self.since) = (acknowledged, Instant::now());
        } else if self.since.elapsed() > PATIENCE {
            return Err(format!("nothing was acknowledged for {PATIENCE:?}").into());
        }
        let is_late = self.trial.limit.is_some_and(|limit| self.started.elapsed() >= limit);
        let is_enough = acknowledged >= self.trial.events && self.strikes >= STRIKES_MIN;
        Ok((!is_enough && !is_late).then_some(acknowledged))
    }
}

fn conclude(
    testimony: Testimony,
    misfortunes: BTreeMap<&'static str, u64>,
    trial: &Trial,
    witness: &Witness,
) -> Outcome {
    let Testimony { log, verification } = testimony;
    let evidence = witness.evidence();
    Outcome {
        store: trial.store.clone(),
        seed: trial.seed,
        acknowledged: evidence.acknowledged,
        rolled_back: evidence.rolled_back,
        in_doubt: evidence.in_doubt(),
        failed: evidence.failed,
        misfortunes,
        is_paced: trial.pace.is_some(),
        verdict: judge(&evidence.history, &evidence.sightings, &log),
        verification,
    }
}
