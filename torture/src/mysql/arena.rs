//! A server of one's own, and what can befall it.

use std::time::Duration;

use ensue::BoxError;
use fastrand::Rng;
use sqlx::mysql::MySqlConnectOptions;
use sqlx::{AssertSqlSafe, Connection, MySqlConnection};
use tokio::task::JoinSet;

use super::Mysql;
use crate::arena::{Arena, FIRST_WRITER};
use crate::deck::Deck;
use crate::evidence::Witness;
use crate::moment::Moment;
use crate::ours::Ours;
use crate::postgres::late_commit::LateCommit;

/// A MariaDB of one's own, to be killed.
pub struct MysqlArena {
    server: servers::MariaDb,
    deck: Deck<Misfortune>,
    late_commits: u16,
    holding: JoinSet<Result<(), BoxError>>,
}

#[derive(Clone, Copy)]
enum Misfortune {
    Crash,
    SessionEnds,
    IdleWriter,
    Snapshot,
    LateCommit,
    LockedRows,
}

/// Some come more often than others.
const ALL: [Misfortune; 8] = [
    Misfortune::Crash,
    Misfortune::SessionEnds,
    Misfortune::SessionEnds,
    Misfortune::IdleWriter,
    Misfortune::Snapshot,
    Misfortune::LateCommit,
    Misfortune::LateCommit,
    Misfortune::LockedRows,
];

/// LIMIT: how long something is held open: far longer than anybody may have to wait for it.
const HOLD_MAX_MS: u64 = 3_000;

/// LIMIT: time for which waiting rows are locked: longer than a sequencer's lock wait timeout of three
/// seconds, so that its pass fails in the middle.
const LOCKED_MS: std::ops::RangeInclusive<u64> = 3_500..=5_500;

/// Number of tries to find waiting rows.
const TRIES: u32 = 2_000;

const DATABASE: &str = "torture";

const TABLES: &str = "
    CREATE TABLE torture.hot (place int PRIMARY KEY, number bigint NOT NULL);
    INSERT INTO torture.hot VALUES (0, 0), (1, 0), (2, 0), (3, 0), (4, 0);
    CREATE TABLE torture.noise (writer int PRIMARY KEY, number bigint NOT NULL);
    CREATE TABLE torture.elsewhere (number bigint)";

impl MysqlArena {
    /// Starts a server.
    ///
    /// # Errors
    /// There is none that could be started; the message says what to do.
    pub async fn new() -> Result<Self, BoxError> {
        let server = tokio::task::spawn_blocking(servers::MariaDb::start).await??;
        let options: MySqlConnectOptions = server.url().parse()?;
        let mut connection = MySqlConnection::connect_with(&options).await?;
        sqlx::raw_sql("CREATE DATABASE torture").execute(&mut connection).await?;
        sqlx::raw_sql(TABLES).execute(&mut connection).await?;
        sqlx::raw_sql(SHORT_LOCK_WAIT).execute(&mut connection).await?;
        Ok(Self { server, deck: Deck::new(&ALL), late_commits: 0, holding: JoinSet::new() })
    }

    fn options(&self) -> Result<MySqlConnectOptions, BoxError> {
        Ok(self.address().parse()?)
    }

    /// It dies, and starts again with what the disk has.
    async fn crash(&mut self, witness: &Witness) -> Result<(), BoxError> {
        let from = Moment::now();
        tokio::task::block_in_place(|| {
            self.server.kill()?;
            self.server.restart()
        })?;
        witness.evidence().sightings.lose_sight(from, Moment::now());
        let mut connection = MySqlConnection::connect_with(&self.options()?).await?;
        sqlx::raw_sql(SHORT_LOCK_WAIT).execute(&mut connection).await?;
        Ok(())
    }

    /// Whichever: a writer's, a reader's or a sequencer's, in whatever it does.
    async fn end_session(&self, rng: &mut Rng) -> Result<(), BoxError> {
        let mut connection = MySqlConnection::connect_with(&self.options()?).await?;
        let sessions: Vec<i64> = sqlx::query_scalar(SESSIONS).fetch_all(&mut connection).await?;
        let Some(session) = rng.choice(sessions) else { return Ok(()) };
        let kill = sqlx::raw_sql(AssertSqlSafe(format!("KILL {session}")));
        // One that has ended meanwhile is no misfortune the less.
        drop(kill.execute(&mut connection).await);
        Ok(())
    }

    /// A transaction that is begun by these statements stays open for a while, and is rolled back. If
    /// it is ended before, by whatever else befalls the server, that is all right.
    fn hold(&mut self, rng: &mut Rng, begin: &'static str) -> Result<(), BoxError> {
        let (options, hold) = (self.options()?, hold(rng));
        self.holding.spawn(async move {
            let Ok(mut connection) = MySqlConnection::connect_with(&options).await else {
                return Ok(());
            };
            if sqlx::raw_sql(begin).execute(&mut connection).await.is_ok() {
                tokio::time::sleep(hold).await;
            }
            Ok(())
        });
        Ok(())
    }

    /// Another session locks rows waiting for their positions, and a pass fails after it has copied them.
    fn lock_rows(&mut self, rng: &mut Rng) -> Result<(), BoxError> {
        let (options, hold) = (self.options()?, Duration::from_millis(rng.u64(LOCKED_MS)));
        self.holding.spawn(async move {
            // A server that ends takes the lock with it.
            if let Ok(connection) = lock_waiting_rows(&options).await {
                tokio::time::sleep(hold).await;
                drop(connection);
            }
            Ok(())
        });
        Ok(())
    }

    fn commit_late(&mut self, rng: &mut Rng, witness: &Witness) {
        let late = LateCommit {
            address: self.address(),
            writer: FIRST_WRITER + self.late_commits,
            events: rng.u32(1..=50),
            hold: hold(rng),
        };
        self.late_commits += 1;
        let witness = witness.clone();
        self.holding.spawn(async move {
            late.commit::<Ours<Mysql>>(&witness).await;
            Ok(())
        });
    }
}

/// Looks for waiting rows until it has locked some.
async fn lock_waiting_rows(options: &MySqlConnectOptions) -> sqlx::Result<MySqlConnection> {
    let mut connection = MySqlConnection::connect_with(options).await?;
    sqlx::raw_sql(BEGIN_LOCKING).execute(&mut connection).await?;
    for _ in 0..TRIES {
        if !sqlx::raw_sql(LOCK_ROWS).fetch_all(&mut connection).await?.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Ok(connection)
}

/// Another isolation level would also lock the gaps into which writers append.
const BEGIN_LOCKING: &str =
    "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; START TRANSACTION READ WRITE";

const LOCK_ROWS: &str =
    "SELECT id FROM ensue_outbox ORDER BY id LIMIT 100 LOCK IN SHARE MODE SKIP LOCKED";

/// Makes statements of units of work fail, too, and leave their transaction open.
const SHORT_LOCK_WAIT: &str = "SET GLOBAL innodb_lock_wait_timeout = 1";

const SESSIONS: &str = "SELECT CAST(id AS SIGNED) FROM information_schema.processlist
    WHERE db = DATABASE() AND id <> CONNECTION_ID()";

const BEGIN_WRITING: &str = "START TRANSACTION; INSERT INTO elsewhere VALUES (1)";

/// A report, or a dump.
const BEGIN_READING: &str = "START TRANSACTION WITH CONSISTENT SNAPSHOT; SELECT count(*) FROM hot";

fn hold(rng: &mut Rng) -> Duration {
    Duration::from_millis(rng.u64(..=HOLD_MAX_MS))
}

impl Arena for MysqlArena {
    type Defendant = Ours<Mysql>;

    fn address(&self) -> String {
        format!("{}/{DATABASE}", self.server.url())
    }

    async fn strike(&mut self, rng: &mut Rng, witness: &Witness) -> Result<&'static str, BoxError> {
        match self.deck.draw(rng) {
            Some(Misfortune::Crash) => self.crash(witness).await.map(|()| "server restarts"),
            Some(Misfortune::SessionEnds) | None => {
                self.end_session(rng).await.map(|()| "sessions terminated")
            }
            Some(Misfortune::IdleWriter) => self.hold(rng, BEGIN_WRITING).map(|()| "idle writers"),
            Some(Misfortune::Snapshot) => self.hold(rng, BEGIN_READING).map(|()| "snapshots held"),
            Some(Misfortune::LockedRows) => self.lock_rows(rng).map(|()| "locks on waiting rows"),
            Some(Misfortune::LateCommit) => {
                self.commit_late(rng, witness);
                Ok("late commits")
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
