//! A server of one's own, and what can befall it whoever uses it.

use std::time::Duration;

use ensue::BoxError;
use fastrand::Rng;
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection};
use tokio::task::JoinSet;

use super::late_commit::LateCommit;
use crate::arena::FIRST_WRITER;
use crate::defendant::Defendant;
use crate::evidence::Witness;
use crate::moment::Moment;

/// A server of one's own, to be killed, with a database for the log and another one beside it.
pub struct PostgresServer {
    server: servers::Postgres,
    late_commits: u16,
    pub(super) holding: JoinSet<Result<(), BoxError>>,
}

/// LIMIT: how long something is held open: far longer than anybody may have to wait for it.
const HOLD_MAX_MS: u64 = 3_000;

/// LIMIT: idle time of a session that has written: long enough for many other misfortunes.
const IDLE: Duration = Duration::from_secs(30);

/// LIMIT: how often, and how long, a session is looked for that can be ended.
const LOOKS_MAX: u32 = 1_000;
const LOOK_EVERY: Duration = Duration::from_millis(20);

const DATABASE: &str = "torture";
const OTHER_DATABASE: &str = "elsewhere";

impl PostgresServer {
    /// Starts one.
    ///
    /// # Errors
    /// There is none that could be started; the message says what to do.
    pub async fn start() -> Result<Self, BoxError> {
        let server = tokio::task::spawn_blocking(servers::Postgres::start).await??;
        let options: PgConnectOptions = server.url().parse()?;
        let mut connection = PgConnection::connect_with(&options).await?;
        for statement in ["CREATE DATABASE torture", "CREATE DATABASE elsewhere"] {
            sqlx::raw_sql(statement).execute(&mut connection).await?;
        }
        let mut other = PgConnection::connect_with(&options.database(OTHER_DATABASE)).await?;
        sqlx::raw_sql("CREATE TABLE noise (number bigint)").execute(&mut other).await?;
        Ok(Self { server, late_commits: 0, holding: JoinSet::new() })
    }

    /// The URL of the database for the log.
    pub fn address(&self) -> String {
        let port = self.server.port();
        self.server.url().replace(&format!(":{port}/postgres"), &format!(":{port}/{DATABASE}"))
    }

    /// All of its processes die at once, and it starts again with what the disk has.
    ///
    /// # Errors
    /// It does not start.
    pub fn crash(&mut self, witness: &Witness) -> Result<(), BoxError> {
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
    ///
    /// # Errors
    /// There is none for a long time.
    pub async fn end_session(&self, rng: &mut Rng, pattern: &str) -> Result<(), BoxError> {
        let mut connection = PgConnection::connect_with(&self.options()?).await?;
        let number = i64::from(rng.u32(..));
        for _ in 0..LOOKS_MAX {
            let end = sqlx::query(END_SESSION).bind(pattern).bind(number);
            if end.fetch_optional(&mut connection).await?.is_some() {
                return Ok(());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Err(format!("there is no session whose last statement matches `{pattern}`").into())
    }

    /// A transaction in another database of the cluster has written, so that it has a transaction id,
    /// which holds back the horizon of all of them, and is idle for a while.
    ///
    /// # Errors
    /// The server has no address.
    pub fn idle_elsewhere(&mut self, rng: &mut Rng) -> Result<(), BoxError> {
        let elsewhere = self.options()?.database(OTHER_DATABASE);
        self.hold(rng, elsewhere, "BEGIN; INSERT INTO noise VALUES (1)");
        Ok(())
    }

    /// Idles in a transaction that has written, so that rows moved since cannot be vacuumed.
    ///
    /// # Errors
    /// The server has no address.
    pub fn idle_here(&mut self, rng: &mut Rng) -> Result<(), BoxError> {
        let here = self.options()?;
        let long = IDLE / rng.u32(1..=3);
        let write = "BEGIN; INSERT INTO noise SELECT 100000 + (random() * 1000000)::integer, 1";
        self.hold_for(long, here, write);
        Ok(())
    }

    /// A report, or a dump, has a snapshot for a while.
    ///
    /// # Errors
    /// The server has no address.
    pub fn hold_snapshot(&mut self, rng: &mut Rng) -> Result<(), BoxError> {
        let here = self.options()?;
        self.hold(
            rng,
            here,
            "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM pg_class",
        );
        Ok(())
    }

    /// A transaction appends, and is committed when everybody else has long gone on.
    pub fn commit_late<D: Defendant>(&mut self, rng: &mut Rng, witness: &Witness) {
        let (late, witness) = (self.late_commit(rng), witness.clone());
        self.holding.spawn(async move {
            late.commit::<D>(&witness).await;
            Ok(())
        });
    }

    /// Waits until nothing is held any more.
    ///
    /// # Errors
    /// Something stays held.
    pub async fn relent(&mut self) -> Result<(), BoxError> {
        while let Some(held) = self.holding.join_next().await {
            held??;
        }
        Ok(())
    }

    pub(super) fn late_commit(&mut self, rng: &mut Rng) -> LateCommit {
        let writer = FIRST_WRITER + self.late_commits;
        self.late_commits += 1;
        LateCommit { address: self.address(), writer, events: rng.u32(1..=50), hold: hold(rng) }
    }

    pub(super) fn options(&self) -> Result<PgConnectOptions, BoxError> {
        let options: PgConnectOptions = self.server.url().parse()?;
        Ok(options.database(DATABASE))
    }

    /// A transaction that is begun by these statements stays open for a while, and is rolled back. If
    /// it is ended before, by whatever else befalls the server, that is all right.
    fn hold(&mut self, rng: &mut Rng, options: PgConnectOptions, begin: &'static str) {
        self.hold_for(hold(rng), options, begin);
    }

    fn hold_for(&mut self, hold: Duration, options: PgConnectOptions, begin: &'static str) {
        self.holding.spawn(async move {
            let Ok(mut connection) = PgConnection::connect_with(&options).await else {
                return Ok(());
            };
            if sqlx::raw_sql(begin).execute(&mut connection).await.is_ok() {
                tokio::time::sleep(hold).await;
            }
            Ok(())
        });
    }
}

const END_SESSION: &str = "
    WITH victim AS (
        SELECT pid, row_number() OVER (ORDER BY pid) - 1 AS number, count(*) OVER () AS all
        FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND query ~ $1
    )
    SELECT pg_terminate_backend(pid) FROM victim WHERE number = $2 % \"all\"";

fn hold(rng: &mut Rng) -> Duration {
    Duration::from_millis(rng.u64(..=HOLD_MAX_MS))
}
