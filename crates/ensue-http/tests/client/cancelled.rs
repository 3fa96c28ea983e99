//! Runs that are dropped at any `.await`, and started again.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use ensue::{BoxError, Position};
use ensue_http::{Error, FeedEvent, FeedHandler, FeedPage, FileCursor};
use fastrand::Rng;
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use tokio::task::JoinSet;

use crate::patience::within_patience;
use crate::seen::{Seen, consumer};
use crate::shop::{Shop, WRITERS, committed_count, write};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_file_nothing_is_passed_over_and_one_event_at_a_time_comes_again() {
    let shop = Shop::new().await;
    let server = shop.serve().await;
    let writers: JoinSet<_> =
        (0..WRITERS).map(|writer| write(shop.events.clone(), writer)).collect();
    let (seen, cursor) = (Seen::default(), FileCursor::new(shop.path("offset")));

    let mut chance = chance();
    within_patience(async {
        let mut cancelled = 0;
        while cursor.load().unwrap().get() < committed_count() as u64 || cancelled <= 5 {
            let feed = consumer(&server.url()).page(chance.u32(1..=20));
            let handler = cursor.clone().each_event(async |event: FeedEvent| {
                seen.push(event);
                // Between the effect and the save.
                tokio::task::yield_now().await;
                Ok(())
            });
            let run = feed.run(handler, std::future::pending());
            cancelled += u32::from(is_cancelled(run, chance.u32(0..60)).await);
        }
    })
    .await;

    writers.join_all().await;
    let ids = seen.ids();
    assert_eq!((ids.first(), ids.last()), (Some(&1), Some(&(committed_count() as u64))));
    for pair in ids.windows(2) {
        assert!(pair[1] == pair[0] || pair[1] == pair[0] + 1, "{pair:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_the_offset_in_the_transaction_of_the_effect_each_event_takes_effect_once() {
    let shop = Shop::new().await;
    let server = shop.serve().await;
    let writers: JoinSet<_> =
        (0..WRITERS).map(|writer| write(shop.events.clone(), writer)).collect();
    let mut ledger = Ledger::open(&shop).await;

    let mut chance = chance();
    within_patience(async {
        let mut cancelled = 0;
        let all = committed_count() as u64;
        while ledger.saved_offset().await.unwrap().get() < all || cancelled <= 5 {
            let feed = consumer(&server.url()).page(chance.u32(1..=20));
            let run = feed.run(ledger.clone(), std::future::pending());
            cancelled += u32::from(is_cancelled(run, chance.u32(0..60)).await);
        }
    })
    .await;

    writers.join_all().await;
    let booked: Vec<i64> = sqlx::query_scalar("SELECT position FROM posting ORDER BY number")
        .fetch_all(&ledger.0)
        .await
        .unwrap();
    assert_eq!(booked, (1..=committed_count() as i64).collect::<Vec<_>>());
}

/// Polls `run` so many times and drops it.
async fn is_cancelled(run: impl Future<Output = Result<(), Error>>, mut polls: u32) -> bool {
    let mut run = pin!(run);
    let ended = poll_fn(|context| match polls.checked_sub(1) {
        Some(left) => {
            polls = left;
            run.as_mut().poll(context).map(Some)
        }
        None => Poll::Ready(None),
    });
    ended.await.inspect(|ended| panic!("the run ended: {ended:?}")).is_none()
}

/// From a seed that a failing test shows.
fn chance() -> Rng {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    Rng::with_seed(seed)
}

/// Another team's database.
#[derive(Clone)]
struct Ledger(SqlitePool);

impl Ledger {
    async fn open(shop: &Shop) -> Self {
        let options =
            SqliteConnectOptions::new().filename(shop.path("ledger.db")).create_if_missing(true);
        let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await.unwrap();
        let tables = "CREATE TABLE posting (number INTEGER PRIMARY KEY, position INTEGER NOT NULL);
                      CREATE TABLE saved_offset (value INTEGER NOT NULL);
                      INSERT INTO saved_offset VALUES (0)";
        sqlx::raw_sql(tables).execute(&pool).await.unwrap();
        Self(pool)
    }
}

impl FeedHandler for Ledger {
    async fn saved_offset(&mut self) -> Result<Position, BoxError> {
        let sql = "SELECT value FROM saved_offset";
        let saved: i64 = sqlx::query_scalar(sql).fetch_one(&self.0).await?;
        Ok(Position::new(saved.try_into()?))
    }

    async fn handle(&mut self, page: FeedPage) -> Result<(), BoxError> {
        let mut transaction = self.0.begin().await?;
        for event in &page {
            sqlx::query("INSERT INTO posting (position) VALUES (?)")
                .bind(i64::try_from(event.id.get())?)
                .execute(&mut *transaction)
                .await?;
        }
        sqlx::query("UPDATE saved_offset SET value = ?")
            .bind(i64::try_from(page.offset_after().get())?)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(())
    }
}
