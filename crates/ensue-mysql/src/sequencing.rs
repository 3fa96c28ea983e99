//! The sequencer's part of the store: passes, on a connection of its own.

use std::time::Duration;

use ensue::sequencer::{Action, Input, Passes, Portion};
use sqlx::mysql::{MySqlConnectOptions, MySqlRow};
use sqlx::{AssertSqlSafe, Connection, MySqlConnection, Row, SqlSafeStr, SqlStr};

use crate::connections::{Answer, ask};
use crate::error::class;
use crate::error_class::Class;
use crate::sql::sql;

/// A connection of the sequencer's own, so that it never waits for units of work.
///
/// INVARIANT: everything is one message to the server, which does all of it, also if this process is
/// stopped or gone.
/// INVARIANT: after a statement has failed, its connection is closed, which rolls back, or rolled back
/// before its next use. Otherwise the next pass's START TRANSACTION would commit the work done so far.
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
        matches!(error, sqlx::Error::PoolTimedOut) || class(error).may_fit_if_smaller()
    }
}

impl Session {
    pub(crate) fn new(options: MySqlConnectOptions) -> Self {
        Self { options, connection: None, head: None }
    }

    async fn peek(&mut self) -> sqlx::Result<Input> {
        let (connection, answer) = self.ask(sql!("peek").into_sql_str()).await?;
        let row = answer.only_row()?;
        let (is_waiting, head) = (row.try_get::<i64, _>(0)? != 0, row.try_get(1)?);
        self.connection = Some(connection);
        let has_grown = self.head.replace(head).is_some_and(|before| before != head);
        Ok(Input::Peeked { is_waiting, has_grown })
    }

    async fn pass(&mut self, portion: Portion) -> sqlx::Result<Input> {
        let statements = sql!("pass")
            .replace("{rows_max}", &portion.rows.to_string())
            .replace("{bytes_max}", &portion.bytes.to_string());
        let (mut connection, answer) = self.ask(AssertSqlSafe(statements).into_sql_str()).await?;
        if answer.says_that_another_passes() {
            sqlx::raw_sql(sql!("roll_back")).execute(&mut connection).await?;
            self.connection = Some(connection);
            return Ok(Input::Busy);
        }
        let row = answer.only_row()?;
        let moved = row.try_get::<i64, _>(0)?.unsigned_abs();
        let bytes = row.try_get::<i64, _>(1)?.unsigned_abs();
        self.head = row.try_get(2)?;
        self.connection = Some(connection);
        let is_whole = moved < u64::from(portion.rows) && bytes < portion.bytes;
        Ok(Input::Passed { moved, is_whole })
    }

    /// Returns the answer with its connection, which the caller keeps if all went well.
    async fn ask(&mut self, statements: SqlStr) -> sqlx::Result<(MySqlConnection, Answer)> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => connect(&self.options).await?,
        };
        let answer = tokio::time::timeout(ANSWER_MAX, ask(&mut connection, statements)).await;
        Ok((connection, answer.map_err(|_| sqlx::Error::PoolTimedOut)?))
    }
}

impl Answer {
    fn only_row(self) -> sqlx::Result<MySqlRow> {
        self.ended?;
        self.row.ok_or(sqlx::Error::RowNotFound)
    }

    /// Returns true if a pass could not lock the head, its second statement. Nothing has changed by then.
    fn says_that_another_passes(&self) -> bool {
        let is_locked = self.ended.as_ref().is_err_and(|error| class(error) == Class::Locked);
        is_locked && self.done == BEFORE_LOCK
    }
}

/// The statements of `sql/pass.sql` that come before the head is locked.
const BEFORE_LOCK: usize = 1;

/// Connecting takes the same time however many rows wait.
async fn connect(options: &MySqlConnectOptions) -> sqlx::Result<MySqlConnection> {
    let connecting = async {
        let mut connection = MySqlConnection::connect_with(options).await?;
        sqlx::raw_sql(sql!("session_of_ours")).execute(&mut connection).await?;
        sqlx::raw_sql(sql!("session_of_sequencer")).execute(&mut connection).await?;
        Ok(connection)
    };
    let connecting = tokio::time::timeout(ANSWER_MAX, connecting).await;
    connecting.map_err(|_| sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()))?
}
