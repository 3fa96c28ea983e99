//! The sequencer's part of the store: passes, on a connection of its own.

use std::fmt::Display;
use std::time::Duration;

use ensue::sequencer::{Action, Input, Passes, Portion};
use sqlx::postgres::{PgConnectOptions, PgRow};
use sqlx::{Connection, PgConnection, Row, SqlStr};

use crate::error::may_fit_if_smaller;
use crate::horizon::Horizon;
use crate::schema::Schema;

/// A connection of the sequencer's own, so that it never waits for units of work.
///
/// INVARIANT: everything is one message to the server, answered at once: no time passes in a
/// transaction while this process thinks, and nothing is left in a session.
pub(crate) struct Session {
    options: PgConnectOptions,
    schema: Schema,
    /// As whom it tells other processes that the log has grown, if it does.
    sender: Option<String>,
    connection: Option<PgConnection>,
    horizon: Horizon,
    chunks: Vec<Chunk>,
    head: Option<i64>,
}

/// A part of a backlog, as `survey` in the database has cut it.
struct Chunk {
    last_id: i64,
    first_page: String,
    last_page: String,
    /// The snapshot of the survey, and its server.
    seen: String,
    is_native: bool,
    file: String,
}

/// LIMIT: how long an answer is waited for. The server gives up a while before.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// LIMIT: the same for a survey, which sorts all that waits.
const SURVEY_MAX: Duration = Duration::from_secs(310);

impl Passes for Session {
    type Error = sqlx::Error;

    /// CANCEL-SAFE: dropped half-way, the connection is closed.
    async fn perform(&mut self, action: Action) -> sqlx::Result<Input> {
        match action {
            Action::WaitUntil(_) => Ok(Input::Tick),
            Action::Peek => self.peek().await,
            Action::Pass { portion } => self.pass(portion).await,
            Action::Survey { is_complete, portion } => self.survey(is_complete, portion).await,
            Action::PassChunk { chunk } => self.pass_chunk(chunk).await,
        }
    }

    fn head(&self) -> Option<i64> {
        self.head
    }

    fn is_too_large(error: &sqlx::Error) -> bool {
        may_fit_if_smaller(error)
    }
}

impl Session {
    pub(crate) fn new(
        options: PgConnectOptions,
        schema: Schema,
        sender: Option<String>,
        horizon: Horizon,
    ) -> Self {
        let (connection, chunks, head) = (None, Vec::new(), None);
        Self { options, schema, sender, connection, horizon, chunks, head }
    }

    async fn peek(&mut self) -> sqlx::Result<Input> {
        let statement =
            include_str!("sql/peek.sql").replace("{since}", &quoted(&self.horizon.get()));
        let row = self.only_row(self.schema.filled_in(statement)).await?;
        let (is_waiting, head): (bool, i64) = (row.try_get(0)?, row.try_get(2)?);
        if !is_waiting {
            self.horizon.set(row.try_get(1)?);
        }
        let has_grown = self.head.replace(head).is_some_and(|before| before != head);
        Ok(Input::Peeked { is_waiting, has_grown })
    }

    async fn pass(&mut self, portion: Portion) -> sqlx::Result<Input> {
        let statement = include_str!("sql/pass.sql")
            .replace("{since}", &quoted(&self.horizon.get()))
            .replace("{rows_max}", &portion.rows.to_string())
            .replace("{bytes_max}", &portion.bytes.to_string())
            .replace("{sender}", &quoted(&self.sender));
        let row = self.only_row(self.schema.filled_in(statement)).await?;
        if let Some(refusal) = refusal(&row)? {
            return Ok(refusal);
        }
        if !row.try_get::<bool, _>(2)? {
            return Ok(Input::TooMany);
        }
        self.horizon.set(row.try_get(4)?);
        self.head = row.try_get(5)?;
        Ok(Input::Passed { moved: row.try_get::<i64, _>(3)?.unsigned_abs(), is_whole: true })
    }

    async fn survey(&mut self, is_complete: bool, portion: Portion) -> sqlx::Result<Input> {
        let since = self.horizon.get().filter(|_| !is_complete);
        let statement = include_str!("sql/survey.sql")
            .replace("{since}", &quoted(&since))
            .replace("{rows_max}", &portion.rows.to_string())
            .replace("{bytes_max}", &portion.bytes.to_string());
        let rows = self.rows(self.schema.filled_in(statement), SURVEY_MAX).await?;
        let Some(first) = rows.first() else { return Ok(Input::Unknown) };
        let is_empty = first.try_get::<Option<i64>, _>(0)?.is_none();
        self.chunks = match is_empty {
            true => Vec::new(),
            false => rows.iter().map(Chunk::of).collect::<Result<_, _>>()?,
        };
        if is_empty {
            self.horizon.set(first.try_get(3)?);
        }
        let chunks = u32::try_from(self.chunks.len()).unwrap_or(u32::MAX);
        Ok(Input::Surveyed { chunks, is_complete })
    }

    /// Moves a chunk. After the last one, every row that the survey saw is in the log.
    async fn pass_chunk(&mut self, chunk: u32) -> sqlx::Result<Input> {
        let index = usize::try_from(chunk).unwrap_or(usize::MAX);
        let Some(chunk) = self.chunks.get(index) else { return Ok(Input::Unknown) };
        let statement = chunk.fill_in(include_str!("sql/pass_chunk.sql"));
        let statement = statement.replace("{sender}", &quoted(&self.sender));
        let row = self.only_row(self.schema.filled_in(statement)).await?;
        if let Some(refusal) = refusal(&row)? {
            return Ok(refusal);
        }
        self.head = row.try_get(2)?;
        if index + 1 == self.chunks.len() {
            self.horizon.set(self.chunks.pop().map(|last| last.seen));
        }
        Ok(Input::ChunkPassed)
    }

    async fn only_row(&mut self, statements: SqlStr) -> sqlx::Result<PgRow> {
        let rows = self.rows(statements, ANSWER_MAX).await?;
        rows.into_iter().next().ok_or(sqlx::Error::RowNotFound)
    }

    /// After an error it is another connection that is used: this one may be in a transaction.
    async fn rows(&mut self, statements: SqlStr, limit: Duration) -> sqlx::Result<Vec<PgRow>> {
        let asking = async {
            let mut connection = match self.connection.take() {
                Some(connection) => connection,
                None => PgConnection::connect_with(&self.options).await?,
            };
            let rows = sqlx::raw_sql(statements).fetch_all(&mut connection).await?;
            self.connection = Some(connection);
            Ok(rows)
        };
        tokio::time::timeout(limit, asking).await.map_err(|_| sqlx::Error::PoolTimedOut)?
    }
}

/// Returns why a pass moved nothing, from its first two columns.
fn refusal(row: &PgRow) -> sqlx::Result<Option<Input>> {
    Ok(match (row.try_get(0)?, row.try_get(1)?) {
        (true, true) => None,
        (_, false) => Some(Input::Unknown),
        (false, _) => Some(Input::Busy),
    })
}

/// Formats `text` as a literal; our texts contain no quotes.
fn quoted(text: &Option<impl Display>) -> String {
    text.as_ref().map_or_else(|| "NULL".to_owned(), |text| format!("'{text}'"))
}

impl Chunk {
    /// The columns in the order of `sql/survey.sql`.
    fn of(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            last_id: row.try_get(0)?,
            first_page: row.try_get(1)?,
            last_page: row.try_get(2)?,
            seen: row.try_get(3)?,
            is_native: row.try_get(4)?,
            file: row.try_get(5)?,
        })
    }

    fn fill_in(&self, statement: &str) -> String {
        statement
            .replace("{last_id}", &self.last_id.to_string())
            .replace("{first_page}", &self.first_page)
            .replace("{last_page}", &self.last_page)
            .replace("{seen}", &self.seen)
            .replace("{is_native}", &self.is_native.to_string())
            .replace("{file}", &self.file)
    }
}
