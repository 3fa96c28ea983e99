//! The sequencer's part of the store: passes, on a connection of its own.

use std::time::Duration;

use ensue::sequencer::{Action, Input, Passes, Portion};
use sqlx::mysql::{MySqlConnectOptions, MySqlRow};
use sqlx::{AssertSqlSafe, Connection, MySqlConnection, Row, SqlSafeStr, SqlStr};

use crate::error::is_locked;
use crate::sql::sql;

/// A connection of the sequencer's own, so that it never waits for units of work.
///
/// INVARIANT: everything is one message to the server, which does all of it, also if this process is
/// stopped or gone.
pub(crate) struct Session {
    options: MySqlConnectOptions,
    connection: Option<MySqlConnection>,
    head: Option<i64>,
}

/// LIMIT: how long an answer is waited for. The server goes on; until it has done, others' passes find
/// it busy.
const ANSWER_MAX: Duration = Duration::from_secs(10);

impl Passes for Session {
    type Error = sqlx::Error;

    /// CANCEL-SAFE: dropped half-way, the connection is closed.
    ///
    /// The outbox is read in the order of its primary key, so that no horizon makes it cheaper, and a
    /// pass of a backlog's first part is as cheap as any other: there is no survey.
    async fn perform(&mut self, action: Action) -> sqlx::Result<Input> {
        match action {
            Action::WaitUntil(_) => Ok(Input::Tick),
            Action::Peek => self.peek().await,
            Action::Pass { portion } => self.pass(portion).await,
            Action::Survey { is_complete, .. } => Ok(Input::Surveyed { chunks: 0, is_complete }),
            Action::PassChunk { .. } => Ok(Input::ChunkPassed),
        }
    }

    fn head(&self) -> Option<i64> {
        self.head
    }

    fn is_too_large(error: &sqlx::Error) -> bool {
        matches!(error, sqlx::Error::PoolTimedOut)
    }
}

impl Session {
    pub(crate) fn new(options: MySqlConnectOptions) -> Self {
        Self { options, connection: None, head: None }
    }

    async fn peek(&mut self) -> sqlx::Result<Input> {
        let row = self.only_row(sql!("peek").into_sql_str()).await?;
        let (is_waiting, head) = (row.try_get::<i64, _>(0)? != 0, row.try_get(1)?);
        let has_grown = self.head.replace(head).is_some_and(|before| before != head);
        Ok(Input::Peeked { is_waiting, has_grown })
    }

    async fn pass(&mut self, Portion { rows: rows_max, .. }: Portion) -> sqlx::Result<Input> {
        let statements = sql!("pass").replace("{rows_max}", &rows_max.to_string());
        let row = match self.only_row(AssertSqlSafe(statements).into_sql_str()).await {
            Err(error) if is_locked(&error) => return Ok(Input::Busy),
            row => row?,
        };
        let moved = row.try_get::<i64, _>(0)?.unsigned_abs();
        self.head = row.try_get(1)?;
        Ok(Input::Passed { moved, is_whole: moved < u64::from(rows_max) })
    }

    /// After an error it is another connection that is used: this one may be in a transaction. But for
    /// one that has told us that another process passes: what it had begun was nothing.
    async fn only_row(&mut self, statements: SqlStr) -> sqlx::Result<MySqlRow> {
        let asking = async {
            let mut connection = match self.connection.take() {
                Some(connection) => connection,
                None => connect(&self.options).await?,
            };
            let rows = sqlx::raw_sql(statements).fetch_all(&mut connection).await;
            if rows.as_ref().err().is_none_or(is_locked) {
                self.connection = Some(connection);
            }
            rows
        };
        let rows = tokio::time::timeout(ANSWER_MAX, asking).await;
        let rows = rows.map_err(|_| sqlx::Error::PoolTimedOut)??;
        rows.into_iter().next().ok_or(sqlx::Error::RowNotFound)
    }
}

async fn connect(options: &MySqlConnectOptions) -> sqlx::Result<MySqlConnection> {
    let mut connection = MySqlConnection::connect_with(options).await?;
    sqlx::raw_sql(sql!("session_of_ours")).execute(&mut connection).await?;
    Ok(connection)
}
