//! Connections that are used again.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use ensue::store::lending::{self, Server};
use futures_util::TryStreamExt;
use sqlx::mysql::{MySqlArguments, MySqlConnectOptions, MySqlRow};
use sqlx::{AssertSqlSafe, Connection, Either, MySqlConnection, Row, SqlSafeStr};

use crate::error::class;
use crate::error_class::Class;
use crate::sql::sql;

pub(crate) use ensue::store::lending::WAIT_MAX;

pub(crate) type Connections = lending::Connections<MysqlServer>;
pub(crate) type OwnConnections = lending::OwnConnections<MysqlServer>;
pub(crate) type Lent = lending::Lent<MysqlServer>;

/// Where it is.
pub(crate) struct MysqlServer {
    pub(crate) options: MySqlConnectOptions,
    /// What is said on each connection that is made.
    pub(crate) first: String,
}

/// A connection and its session's settings. If a unit of work has changed them, the next one must not
/// get the connection.
pub(crate) struct Settled {
    connection: MySqlConnection,
    /// The settings before the connection was first lent.
    settings: String,
    /// The statements that commit; they fail if the session has left its database or character set.
    pub(crate) commit: Arc<str>,
    is_changed: bool,
}

impl Settled {
    async fn new(mut connection: MySqlConnection) -> sqlx::Result<Self> {
        let row = sqlx::raw_sql(sql!("read_settings")).fetch_one(&mut connection).await?;
        let (place, settings): (String, String) = (row.try_get(0)?, row.try_get(1)?);
        let commit = sql!("commit").replace("{place}", &place).into();
        Ok(Self { connection, settings, commit, is_changed: false })
    }

    /// Compares the settings with `row`, the server's answer to the query for them.
    pub(crate) fn compare_settings(&mut self, row: Option<&MySqlRow>) {
        let settings = row.and_then(|row| row.try_get::<&str, _>(1).ok());
        self.is_changed = settings != Some(&self.settings);
    }
}

impl Deref for Settled {
    type Target = MySqlConnection;

    fn deref(&self) -> &MySqlConnection {
        &self.connection
    }
}

impl DerefMut for Settled {
    fn deref_mut(&mut self) -> &mut MySqlConnection {
        &mut self.connection
    }
}

impl Server for MysqlServer {
    type Connection = Settled;
    type Error = sqlx::Error;

    /// Lets the driver believe for ever that the connection is in a transaction.
    ///
    /// We begin and end them ourselves. The driver's own `begin`, which a user may reach for, then
    /// opens a savepoint, as it should; otherwise it would send another BEGIN, which commits what was
    /// done before, and its end would be the end of the whole unit of work.
    async fn connect(&self) -> sqlx::Result<Settled> {
        let mut connection = MySqlConnection::connect_with(&self.options).await?;
        let transaction = connection.begin().await?;
        #[expect(clippy::mem_forget, reason = "its end would be told to the driver")]
        std::mem::forget(transaction);
        sqlx::raw_sql(sql!("roll_back")).execute(&mut connection).await?;
        let first = AssertSqlSafe(self.first.clone());
        sqlx::raw_sql(first).execute(&mut connection).await?;
        Settled::new(connection).await
    }

    async fn roll_back(connection: &mut Settled) -> sqlx::Result<()> {
        sqlx::raw_sql(sql!("roll_back")).execute(&mut **connection).await?;
        let row = sqlx::raw_sql(sql!("read_settings")).fetch_one(&mut **connection).await?;
        connection.compare_settings(Some(&row));
        Ok(())
    }

    async fn close(connection: Settled) -> sqlx::Result<()> {
        connection.connection.close().await
    }

    /// Returns false if the session has changed, or if the driver no longer knows that it is in a
    /// transaction because the user's own begin was dropped half-way.
    fn may_be_kept(connection: &Settled) -> bool {
        connection.is_in_transaction() && !connection.is_changed
    }

    /// Returns true also if the connection leads to a server that no longer writes.
    fn is_lost(error: &sqlx::Error) -> bool {
        matches!(class(error), Class::Lost | Class::ReadOnly)
    }

    fn is_answer(error: &sqlx::Error) -> bool {
        error.as_database_error().is_some() && !Self::is_lost(error)
    }

    fn waited_too_long() -> sqlx::Error {
        sqlx::Error::PoolTimedOut
    }

    fn are_closed() -> sqlx::Error {
        sqlx::Error::PoolClosed
    }
}

/// Lends a connection when it is this caller's turn, in a transaction that `begin` begins.
///
/// CANCEL-SAFE: dropped half-way, the connection is closed.
pub(crate) async fn begin(
    connections: &Arc<Connections>,
    begin: &'static str,
) -> sqlx::Result<Lent> {
    let began = connections.with(async |mut lent| {
        sqlx::raw_sql(begin).execute(&mut **lent).await?;
        Ok(lent)
    });
    began.await
}

/// The rows of a single statement that only reads, or that may be done twice.
///
/// CANCEL-SAFE: dropped half-way, the connection is closed.
pub(crate) async fn fetch_all(
    connections: &Arc<Connections>,
    statement: &'static str,
    arguments: MySqlArguments,
) -> sqlx::Result<Vec<MySqlRow>> {
    let fetched = connections.with(async |mut lent| {
        let query = sqlx::query_with(statement, arguments.clone());
        let rows = query.fetch_all(&mut **lent).await?;
        lent.put_back();
        Ok(rows)
    });
    fetched.await
}

/// The server's answer to a message of several statements.
pub(crate) struct Answer {
    /// The number of statements that succeeded.
    pub(crate) done: usize,
    /// The last row of all results.
    pub(crate) row: Option<MySqlRow>,
    /// `Ok` if all statements succeeded. The server starts no statement after one that failed.
    pub(crate) ended: sqlx::Result<()>,
}

/// Sends several statements in one message.
pub(crate) async fn ask(connection: &mut MySqlConnection, statements: impl SqlSafeStr) -> Answer {
    let mut results = sqlx::raw_sql(statements).fetch_many(connection);
    let (mut done, mut row) = (0, None);
    let ended = loop {
        match results.try_next().await {
            Ok(Some(Either::Left(_))) => done += 1,
            Ok(Some(Either::Right(found))) => row = Some(found),
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    Answer { done, row, ended }
}
