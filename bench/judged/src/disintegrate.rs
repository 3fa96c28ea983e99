//! `disintegrate-postgres`.

mod decision;
mod follower;

use std::time::Duration;

use disintegrate::serde::json::Json;
use disintegrate::{Event, EventStore, StreamItem, query};
use disintegrate_postgres::{
    Migrator, PgDecisionMaker, PgEventStore, PgSnapshotter, WithPgSnapshot, decision_maker,
};
use ensue::BoxError;
use futures_util::TryStreamExt;
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use torture::{Attempt, Defendant, End, Key, Mark, Reader, Testimony};

use self::decision::Append;
use crate::arena::{Misfortune, Peer};
use crate::domain;

/// `disintegrate-postgres`, whose appends are transactions of their own.
///
/// What a writer does in a transaction of its own cannot be: holding a row or the append, writing
/// something else first, rolling back, savepoints, late and prepared commits. Whoever should roll back
/// does nothing. What a row lock does for the order of a hot key a decision does, as its documentation
/// has it: the number comes from the events of the key, and no other may have come meanwhile. Under a
/// writer's own key it appends without validation, since nobody else does.
///
/// Numbers that were given to a transaction which failed are passed over: no gap.
pub(crate) struct Disintegrate {
    pool: PgPool,
    store: Store,
    decisions: PgDecisionMaker<Marks, Json<Marks>, WithPgSnapshot>,
}

type Store = PgEventStore<Marks, Json<Marks>>;

#[derive(Debug, Clone, PartialEq, Eq, Event, Serialize, Deserialize)]
#[stream(KeyEvent, [Marked])]
enum Marks {
    Marked {
        #[id]
        domain_key: i64,
        mark: String,
    },
}

/// Its own statements, but for a literal that PostgreSQL has understood since 16 only.
const TABLES: &str = include_str!("disintegrate/tables.sql");

/// A snapshot of a key's state after so many events.
const SNAPSHOT_EVERY: u64 = 100;

impl Peer for Disintegrate {
    const MISFORTUNES: &'static [Misfortune] = &[
        Misfortune::Crash,
        Misfortune::SessionEnds,
        Misfortune::OtherDatabase,
        Misfortune::Snapshot,
    ];
}

impl Defendant for Disintegrate {
    const LONGEST_HOLD: Duration = domain::LONGEST_HOLD;

    async fn open(address: &str) -> Result<Self, BoxError> {
        let pool = domain::connect(address).await?;
        let store = open_store(&pool);
        let snapshotter = PgSnapshotter::new_uninitialized(pool.clone(), SNAPSHOT_EVERY);
        let decisions = decision_maker(store.clone(), WithPgSnapshot::new(snapshotter));
        Ok(Self { pool, store, decisions })
    }

    async fn prepare(&self) -> Result<(), BoxError> {
        sqlx::raw_sql(TABLES).execute(&self.pool).await?;
        Migrator::new(self.store.clone()).init_listener().await?;
        PgSnapshotter::try_new(self.pool.clone(), SNAPSHOT_EVERY).await?;
        Ok(())
    }

    async fn carry_out(&self, attempt: &Attempt) -> Result<(), BoxError> {
        match (attempt.plan.end, attempt.plan.hot) {
            (End::RollBack, _) => return Ok(()),
            (_, Some(key)) => self.decide(key, attempt).await?,
            (_, None) => self.append(attempt).await?,
        }
        attempt.acknowledged()
    }

    async fn follow(reader: Reader) -> Result<(), BoxError> {
        follower::follow(reader).await
    }

    async fn settle(&self) -> Result<u64, BoxError> {
        let last = sqlx::query_scalar("SELECT coalesce(max(event_id), 0) FROM event");
        let last: i64 = last.fetch_one(&self.pool).await?;
        Ok(last.unsigned_abs())
    }

    async fn testify(self, end: u64) -> Result<Testimony, BoxError> {
        let mut log: Vec<_> = (1..=end).map(|position| (position, Mark::NOTHING)).collect();
        let query = query!(Marks);
        let mut stream = self.store.stream(&query);
        while let Some(item) = stream.try_next().await? {
            let StreamItem::Event(event) = item else { continue };
            let Marks::Marked { mark, .. } = &*event;
            log[usize::try_from(event.id() - 1)?].1 = mark.parse()?;
        }
        Ok(Testimony { log, verification: None })
    }
}

impl Disintegrate {
    async fn decide(&self, key: Key, attempt: &Attempt) -> Result<(), BoxError> {
        let decided = self.decisions.make(Append::new(key, attempt.clone())).await;
        decided.map(drop).map_err(|error| error.to_string().into())
    }

    async fn append(&self, attempt: &Attempt) -> Result<(), BoxError> {
        let first = attempt.first_of_writer();
        attempt.committing(first)?;
        self.store.append_without_validation(marks(first, attempt.plan.events)).await?;
        Ok(())
    }
}

fn open_store(pool: &PgPool) -> Store {
    PgEventStore::new_uninitialized(pool.clone(), Json::default())
}

fn marks(first: Mark, events: u32) -> Vec<Marks> {
    let domain_key = i64::from(first.key().get());
    let marked = |index| Marks::Marked { domain_key, mark: first.at(index).to_string() };
    (0..events).map(marked).collect()
}
