//! A server of one's own, and what can befall it.

use std::marker::PhantomData;
use std::time::Duration;

use ensue::{BoxError, Transactions};
use fastrand::Rng;
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection};
use tokio::task::JoinSet;

use super::late_commit::LateCommit;
use super::{Backend, Postgres};
use crate::arena::{Arena, FIRST_WRITER};
use crate::evidence::Witness;
use crate::moment::Moment;

/// A server of one's own, to be killed.
pub struct PostgresArena<B = Postgres> {
    server: servers::Postgres,
    /// What is still to come, before all kinds come again in another order.
    next: Vec<Misfortune>,
    late_commits: u16,
    holding: JoinSet<Result<(), BoxError>>,
    backend: PhantomData<fn() -> B>,
}

#[derive(Clone, Copy)]
enum Misfortune {
    Crash,
    SequencerEnds,
    BackendEnds,
    OtherDatabase,
    Snapshot,
    LateCommit,
    Prepared,
}

const ALL: [Misfortune; 7] = [
    Misfortune::Crash,
    Misfortune::SequencerEnds,
    Misfortune::BackendEnds,
    Misfortune::OtherDatabase,
    Misfortune::Snapshot,
    Misfortune::LateCommit,
    Misfortune::Prepared,
];

/// LIMIT: how long something is held open: far longer than anybody may have to wait for it.
const HOLD_MAX_MS: u64 = 3_000;

/// LIMIT: how often, and how long, a session is looked for that can be ended.
const LOOKS_MAX: u32 = 1_000;
const LOOK_EVERY: Duration = Duration::from_millis(20);

const DATABASE: &str = "torture";
const OTHER_DATABASE: &str = "elsewhere";

impl<B> PostgresArena<B> {
    /// Starts a server.
    ///
    /// # Errors
    /// There is none that could be started; the message says what to do.
    pub async fn new() -> Result<Self, BoxError> {
        let server = tokio::task::spawn_blocking(servers::Postgres::start).await??;
        let options: PgConnectOptions = server.url().parse()?;
        let mut connection = PgConnection::connect_with(&options).await?;
        for statement in ["CREATE DATABASE torture", "CREATE DATABASE elsewhere"] {
            sqlx::raw_sql(statement).execute(&mut connection).await?;
        }
        let mut other = PgConnection::connect_with(&options.database(OTHER_DATABASE)).await?;
        sqlx::raw_sql("CREATE TABLE noise (number bigint)").execute(&mut other).await?;
        Ok(Self {
            server,
            next: Vec::new(),
            late_commits: 0,
            holding: JoinSet::new(),
            backend: PhantomData,
        })
    }

    fn options(&self) -> Result<PgConnectOptions, BoxError> {
        let options: PgConnectOptions = self.server.url().parse()?;
        Ok(options.database(DATABASE))
    }

    fn draw(&mut self, rng: &mut Rng) -> Misfortune {
        if self.next.is_empty() {
            self.next.extend(ALL);
            rng.shuffle(&mut self.next);
        }
        self.next.pop().unwrap_or(Misfortune::BackendEnds)
    }

    /// All of its processes die at once, and it starts again with what the disk has.
    fn crash(&mut self, witness: &Witness) -> Result<(), BoxError> {
        let from = Moment::now();
        tokio::task::block_in_place(|| {
            self.server.kill()?;
            self.server.restart()
        })?;
        witness.evidence().sightings.lose_sight(from, Moment::now());
        Ok(())
    }

    /// One session ends, of those whose last statement matches `pattern`. After a crash it may take
    /// a while until there is one.
    async fn end_backend(&self, rng: &mut Rng, pattern: &str) -> Result<(), BoxError> {
        let mut connection = PgConnection::connect_with(&self.options()?).await?;
        let number = i64::from(rng.u32(..));
        for _ in 0..LOOKS_MAX {
            let end = sqlx::query(END_BACKEND).bind(pattern).bind(number);
            if end.fetch_optional(&mut connection).await?.is_some() {
                return Ok(());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Err(format!("there is no session whose last statement matches `{pattern}`").into())
    }

    /// A transaction that is begun by these statements stays open for a while, and is rolled back. If
    /// it is ended before, by whatever else befalls the server, that is all right.
    fn hold(&mut self, rng: &mut Rng, database: &str, begin: &'static str) -> Result<(), BoxError> {
        let options = self.options()?.database(database);
        let hold = hold(rng);
        self.holding.spawn(async move {
            let Ok(mut connection) = PgConnection::connect_with(&options).await else {
                return Ok(());
            };
            if sqlx::raw_sql(begin).execute(&mut connection).await.is_ok() {
                tokio::time::sleep(hold).await;
            }
            Ok(())
        });
        Ok(())
    }
}

const END_BACKEND: &str = "
    WITH victim AS (
        SELECT pid, row_number() OVER (ORDER BY pid) - 1 AS number, count(*) OVER () AS all
        FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND query ~ $1
    )
    SELECT pg_terminate_backend(pid) FROM victim WHERE number = $2 % \"all\"";

/// It passes, or looks whether there is anything to pass.
const SEQUENCER: &str = r"\.pass(_chunk)?\(|AS is_waiting";

/// It has written, so that it has a transaction id, which holds back the horizon of the whole cluster.
const BEGIN_WRITING: &str = "BEGIN; INSERT INTO noise VALUES (1)";

/// A report, or a dump.
const BEGIN_READING: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM hot";

fn hold(rng: &mut Rng) -> Duration {
    Duration::from_millis(rng.u64(..=HOLD_MAX_MS))
}

impl<B> PostgresArena<B>
where
    B: Backend<Store: Transactions<Connection = PgConnection>>,
{
    fn commit_late(
        &mut self,
        rng: &mut Rng,
        witness: &Witness,
        is_prepared: bool,
    ) -> Result<(), BoxError> {
        let late = LateCommit {
            address: self.address(),
            writer: FIRST_WRITER + self.late_commits,
            events: rng.u32(1..=50),
            hold: hold(rng),
        };
        self.late_commits += 1;
        let (options, witness) = (self.options()?, witness.clone());
        self.holding.spawn(async move {
            match is_prepared {
                true => late.prepare::<B>(&witness, &options).await,
                false => late.commit::<B>(&witness).await,
            }
        });
        Ok(())
    }
}

impl<B> Arena for PostgresArena<B>
where
    B: Backend<Store: Transactions<Connection = PgConnection>>,
{
    type Backend = B;

    fn address(&self) -> String {
        let port = self.server.port();
        self.server.url().replace(&format!(":{port}/postgres"), &format!(":{port}/{DATABASE}"))
    }

    async fn strike(&mut self, rng: &mut Rng, witness: &Witness) -> Result<&'static str, BoxError> {
        match self.draw(rng) {
            Misfortune::Crash => self.crash(witness).map(|()| "server restarts"),
            Misfortune::SequencerEnds => {
                self.end_backend(rng, SEQUENCER).await.map(|()| "sequencers terminated")
            }
            Misfortune::BackendEnds => {
                self.end_backend(rng, "").await.map(|()| "backends terminated")
            }
            Misfortune::OtherDatabase => {
                let held = self.hold(rng, OTHER_DATABASE, BEGIN_WRITING);
                held.map(|()| "idle writers elsewhere")
            }
            Misfortune::Snapshot => {
                self.hold(rng, DATABASE, BEGIN_READING).map(|()| "snapshots held")
            }
            Misfortune::LateCommit => {
                self.commit_late(rng, witness, false).map(|()| "late commits")
            }
            Misfortune::Prepared => {
                self.commit_late(rng, witness, true).map(|()| "prepared transactions")
            }
        }
    }

    async fn relent(&mut self) -> Result<(), BoxError> {
        while let Some(held) = self.holding.join_next().await {
            held??;
        }
        Ok(())
    }
}
