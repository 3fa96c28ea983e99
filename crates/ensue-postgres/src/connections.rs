//! Connections that are used again.

use std::sync::Arc;

use ensue::store::lending::{self, Server};
use sqlx::postgres::{PgArguments, PgConnectOptions, PgRow};
use sqlx::{Connection, PgConnection, Row, SqlStr};

use crate::error::is_lost;

pub(crate) use ensue::store::lending::WAIT_MAX;

pub(crate) type Connections = lending::Connections<PostgresServer>;
pub(crate) type OwnConnections = lending::OwnConnections<PostgresServer>;
pub(crate) type Lent = lending::Lent<PostgresServer>;

/// Where it is. Behind a pooler, `is_pooled`, a statement outside of a transaction may find itself on
/// another server than its preparation.
pub(crate) struct PostgresServer {
    pub(crate) options: PgConnectOptions,
    pub(crate) is_pooled: bool,
}

impl Server for PostgresServer {
    type Connection = PgConnection;
    type Error = sqlx::Error;

    /// Lets the driver believe for ever that the connection is in a transaction.
    ///
    /// We begin and end them ourselves. The driver's own `begin`, which a user may reach for, then
    /// opens a savepoint, as it should; otherwise it would send another BEGIN, at which PostgreSQL only
    /// warns, and its end would be the end of the whole unit of work.
    async fn connect(&self) -> sqlx::Result<PgConnection> {
        let mut connection = PgConnection::connect_with(&self.options).await?;
        let transaction = connection.begin().await?;
        #[expect(clippy::mem_forget, reason = "its end would be told to the driver")]
        std::mem::forget(transaction);
        sqlx::raw_sql("ROLLBACK").execute(&mut connection).await?;
        Ok(connection)
    }

    /// Rolls back. If a unit of work or a pooler has dropped statements that the driver had prepared, which
    /// may be why a statement failed, the driver prepares them anew.
    async fn roll_back(connection: &mut PgConnection) -> sqlx::Result<()> {
        let row = sqlx::raw_sql(ROLLBACK).fetch_one(&mut *connection).await?;
        let prepared = usize::try_from(row.try_get::<i64, _>(0)?).unwrap_or_default();
        match prepared < connection.cached_statements_size() {
            true => connection.clear_cached_statements().await,
            false => Ok(()),
        }
    }

    async fn close(connection: PgConnection) -> sqlx::Result<()> {
        connection.close().await
    }

    /// Not one that the driver does not know to be in a transaction any more, because the user's own
    /// begin was dropped half-way.
    fn may_be_kept(connection: &PgConnection) -> bool {
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
pub(crate) async fn begin(connections: &Arc<Connections>, begin: SqlStr) -> sqlx::Result<Lent> {
    let began = connections.with(async |mut lent| {
        sqlx::raw_sql(begin.clone()).execute(&mut *lent).await?;
        Ok(lent)
    });
    began.await
}

/// The rows of a single statement that only reads, or that may be done twice.
///
/// CANCEL-SAFE: dropped half-way, the connection is closed.
pub(crate) async fn fetch_all(
    connections: &Arc<Connections>,
    statement: SqlStr,
    arguments: PgArguments,
) -> sqlx::Result<Vec<PgRow>> {
    let fetched = connections.with(async |mut lent| {
        let rows = fetch_alone(&mut lent, statement.clone(), arguments.clone()).await?;
        lent.put_back();
        Ok(rows)
    });
    fetched.await
}

/// A statement that is no part of a transaction.
async fn fetch_alone(
    lent: &mut Lent,
    statement: SqlStr,
    arguments: PgArguments,
) -> sqlx::Result<Vec<PgRow>> {
    let is_pooled = lent.server().is_pooled;
    if is_pooled {
        sqlx::raw_sql(BEGIN_READING).execute(&mut **lent).await?;
    }
    let query = sqlx::query_with(statement, arguments).persistent(!is_pooled);
    let rows = query.fetch_all(&mut **lent).await?;
    if is_pooled {
        sqlx::raw_sql("COMMIT").execute(&mut **lent).await?;
    }
    Ok(rows)
}

/// Rolls back, and counts the statements that the server has prepared for the session.
const ROLLBACK: &str = "ROLLBACK; SELECT count(*) FROM pg_catalog.pg_prepared_statements";

/// For a statement alone, behind a pooler.
pub(crate) const BEGIN_READING: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY";
