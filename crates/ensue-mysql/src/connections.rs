//! Connections that are used again.

use std::sync::Arc;

use ensue::store::lending::{self, Server};
use sqlx::mysql::{MySqlArguments, MySqlConnectOptions, MySqlRow};
use sqlx::{AssertSqlSafe, Connection, MySqlConnection};

use crate::error::is_lost;

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

impl Server for MysqlServer {
    type Connection = MySqlConnection;
    type Error = sqlx::Error;

    /// Lets the driver believe for ever that the connection is in a transaction.
    ///
    /// We begin and end them ourselves. The driver's own `begin`, which a user may reach for, then
    /// opens a savepoint, as it should; otherwise it would send another BEGIN, which commits what was
    /// done before, and its end would be the end of the whole unit of work.
    async fn connect(&self) -> sqlx::Result<MySqlConnection> {
        let mut connection = MySqlConnection::connect_with(&self.options).await?;
        let transaction = connection.begin().await?;
        #[expect(clippy::mem_forget, reason = "its end would be told to the driver")]
        std::mem::forget(transaction);
        sqlx::raw_sql("ROLLBACK").execute(&mut connection).await?;
        let first = AssertSqlSafe(self.first.clone());
        sqlx::raw_sql(first).execute(&mut connection).await?;
        Ok(connection)
    }

    async fn roll_back(connection: &mut MySqlConnection) -> sqlx::Result<()> {
        sqlx::raw_sql("ROLLBACK").execute(connection).await.map(drop)
    }

    async fn close(connection: MySqlConnection) -> sqlx::Result<()> {
        connection.close().await
    }

    /// Not one that the driver does not know to be in a transaction any more, because the user's own
    /// begin was dropped half-way.
    fn may_be_kept(connection: &MySqlConnection) -> bool {
        connection.is_in_transaction()
    }

    fn is_lost(error: &sqlx::Error) -> bool {
        is_lost(error)
    }

    fn is_answer(error: &sqlx::Error) -> bool {
        error.as_database_error().is_some() && !is_lost(error)
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
        sqlx::raw_sql(begin).execute(&mut *lent).await?;
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
        let rows = query.fetch_all(&mut *lent).await?;
        lent.put_back();
        Ok(rows)
    });
    fetched.await
}
