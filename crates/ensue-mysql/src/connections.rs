//! Connections that are used again.
//!
//! INVARIANT: a connection that is put back is in no transaction and owes no answer. One of which
//! that is not certain is closed, which rolls back whatever it was in.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::mysql::{MySqlArguments, MySqlConnectOptions, MySqlRow};
use sqlx::{AssertSqlSafe, Connection, MySqlConnection};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::error::is_lost;

/// LIMIT: how long a caller waits for a connection. Whoever holds them that long is stuck.
pub(crate) const WAIT_MAX: Duration = Duration::from_secs(30);

/// LIMIT: how long an unused connection is kept. Firewalls forget older ones without a word.
const IDLE_MAX: Duration = Duration::from_secs(300);

/// So many connections to one server, lent in the order of calls.
pub(crate) struct Connections {
    options: MySqlConnectOptions,
    /// What is said on each that is made.
    first: String,
    idle: Mutex<Vec<Idle>>,
    turns: Arc<Semaphore>,
}

struct Idle {
    connection: MySqlConnection,
    since: Instant,
}

/// A connection that is in use. Dropped without being put back it is closed.
pub(crate) struct Lent {
    connection: MySqlConnection,
    /// Whether it was used before, so that the server may have closed it meanwhile.
    is_old: bool,
    from: Arc<Connections>,
    _turn: OwnedSemaphorePermit,
}

impl Connections {
    /// None is made before it is needed. `first` is said on each that is.
    pub(crate) fn new(options: MySqlConnectOptions, most: u32, first: String) -> Arc<Self> {
        let turns = Arc::new(Semaphore::new(usize::try_from(most).unwrap_or(usize::MAX)));
        Arc::new(Self { options, first, idle: Mutex::default(), turns })
    }

    /// Lends a connection when it is this caller's turn, in a transaction that `begin` begins.
    ///
    /// CANCEL-SAFE: dropped half-way, the connection is closed.
    pub(crate) async fn begin(self: &Arc<Self>, begin: &'static str) -> sqlx::Result<Lent> {
        loop {
            let mut lent = self.lend().await?;
            match sqlx::raw_sql(begin).execute(&mut *lent).await {
                Ok(_) => return Ok(lent),
                Err(error) if lent.is_old && is_lost(&error) => self.forget_idle(),
                Err(error) => return Err(error),
            }
        }
    }

    /// The rows of a single statement that only reads, or that may be done twice.
    ///
    /// CANCEL-SAFE: dropped half-way, the connection is closed.
    pub(crate) async fn fetch_all(
        self: &Arc<Self>,
        statement: &'static str,
        arguments: MySqlArguments,
    ) -> sqlx::Result<Vec<MySqlRow>> {
        loop {
            let mut lent = self.lend().await?;
            match sqlx::query_with(statement, arguments.clone()).fetch_all(&mut *lent).await {
                Ok(rows) => {
                    lent.put_back();
                    return Ok(rows);
                }
                Err(error) if lent.is_old && is_lost(&error) => self.forget_idle(),
                Err(error) => return Err(error),
            }
        }
    }

    /// Lends a connection when it is this caller's turn.
    pub(crate) async fn lend(self: &Arc<Self>) -> sqlx::Result<Lent> {
        let turn = tokio::time::timeout(WAIT_MAX, Arc::clone(&self.turns).acquire_owned());
        let turn = turn.await.map_err(|_| sqlx::Error::PoolTimedOut)?;
        let turn = turn.map_err(|_| sqlx::Error::PoolClosed)?;
        let (connection, is_old) = match self.take_idle() {
            Some(connection) => (connection, true),
            None => (self.connect().await?, false),
        };
        Ok(Lent { connection, is_old, from: Arc::clone(self), _turn: turn })
    }

    async fn connect(&self) -> sqlx::Result<MySqlConnection> {
        let connecting = tokio::time::timeout(WAIT_MAX, connect(&self.options, self.first.clone()));
        connecting.await.map_err(|_| sqlx::Error::PoolTimedOut)?
    }

    fn take_idle(&self) -> Option<MySqlConnection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        // The last one is the one that was used last: if it is too old, so are the others.
        let last = idle.pop().filter(|last| last.since.elapsed() < IDLE_MAX);
        if last.is_none() {
            idle.clear();
        }
        last.map(|last| last.connection)
    }

    /// What one connection has lost, the others have too.
    pub(crate) fn forget_idle(&self) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Whoever asks from now on is refused.
    pub(crate) async fn close(&self) {
        self.turns.close();
        let idle = std::mem::take(&mut *self.idle.lock().unwrap_or_else(PoisonError::into_inner));
        for Idle { connection, .. } in idle {
            if let Err(error) = connection.close().await {
                tracing::debug!(%error, "cannot take leave of the server");
            }
        }
    }
}

impl Lent {
    /// Whether it was used before, so that the server may have closed it meanwhile.
    pub(crate) fn is_old(&self) -> bool {
        self.is_old
    }

    /// The caller is certain that it is in no transaction and owes no answer. One that the driver
    /// does not know to be in a transaction any more, because the user's own begin was dropped
    /// half-way, is closed: see [`connect`].
    pub(crate) fn put_back(self) {
        if self.connection.is_in_transaction() && !self.from.turns.is_closed() {
            let mut idle = self.from.idle.lock().unwrap_or_else(PoisonError::into_inner);
            idle.push(Idle { connection: self.connection, since: Instant::now() });
        }
    }

    /// Rolls back, and puts the connection back.
    ///
    /// CANCEL-SAFE: dropped half-way, the connection is closed.
    pub(crate) async fn roll_back(mut self) -> sqlx::Result<()> {
        let mut left = LEFT_ERRORS_MAX;
        while let Err(error) = sqlx::raw_sql("ROLLBACK").execute(&mut self.connection).await {
            // It may be the error of a statement whose caller did not wait for it.
            if left == 0 || is_lost(&error) || error.as_database_error().is_none() {
                return Err(error);
            }
            left -= 1;
        }
        self.put_back();
        Ok(())
    }
}

/// LIMIT: that of a statement, and those of the savepoints that were dropped with it.
const LEFT_ERRORS_MAX: u32 = 3;

impl Deref for Lent {
    type Target = MySqlConnection;

    fn deref(&self) -> &MySqlConnection {
        &self.connection
    }
}

impl DerefMut for Lent {
    fn deref_mut(&mut self) -> &mut MySqlConnection {
        &mut self.connection
    }
}

/// Connects, and lets the driver believe for ever that the connection is in a transaction.
///
/// We begin and end them ourselves. The driver's own `begin`, which a user may reach for, then
/// opens a savepoint, as it should; otherwise it would send another BEGIN, which commits what was
/// done before, and its end would be the end of the whole unit of work.
async fn connect(options: &MySqlConnectOptions, first: String) -> sqlx::Result<MySqlConnection> {
    let mut connection = MySqlConnection::connect_with(options).await?;
    let transaction = connection.begin().await?;
    #[expect(clippy::mem_forget, reason = "its end would be told to the driver")]
    std::mem::forget(transaction);
    sqlx::raw_sql("ROLLBACK").execute(&mut connection).await?;
    sqlx::raw_sql(AssertSqlSafe(first)).execute(&mut connection).await?;
    Ok(connection)
}
