//! The sequencer's part of the store: passes, on a connection of its own.

use std::time::Duration;

use ensue::sequencer::{Action, Input, Passes, Portion};
use sqlx::postgres::{PgConnectOptions, PgRow};
use sqlx::{Connection, PgConnection, Row, SqlStr};

use crate::error::is_timeout;
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
    chunks: Vec<Chunk>,
    head: Option<i64>,
}

/// A part of a backlog, as `survey` in the database has cut it.
struct Chunk {
    last_id: i64,
    /// What makes it cheap, if all transaction ids are this server's.
    place: Option<Place>,
}

struct Place {
    first_page: String,
    last_page: String,
    seen: String,
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
            Action::Peek { since } => self.peek(since).await,
            Action::Pass { since, portion } => self.pass(since, portion).await,
            Action::Survey { portion } => self.survey(portion).await,
            Action::PassChunk { chunk } => self.pass_chunk(chunk).await,
        }
    }

    fn head(&self) -> Option<i64> {
        self.head
    }

    fn is_too_large(error: &sqlx::Error) -> bool {
        is_timeout(error)
    }
}

impl Session {
    pub(crate) fn new(options: PgConnectOptions, schema: Schema, sender: Option<String>) -> Self {
        Self { options, schema, sender, connection: None, chunks: Vec::new(), head: None }
    }

    async fn peek(&mut self, since: Option<u64>) -> sqlx::Result<Input> {
        let statement = include_str!("sql/peek.sql").replace("{since}", &horizon(since));
        let row = self.only_row(self.schema.filled_in(statement)).await?;
        let (is_waiting, head) = (row.try_get(0)?, row.try_get(1)?);
        let has_grown = self.head.replace(head).is_some_and(|before| before != head);
        Ok(Input::Peeked { is_waiting, has_grown })
    }

    async fn pass(
        &mut self,
        since: Option<u64>,
        Portion { rows, .. }: Portion,
    ) -> sqlx::Result<Input> {
        let statement = include_str!("sql/pass.sql")
            .replace("{since}", &horizon(since))
            .replace("{rows_max}", &rows.to_string())
            .replace("{sender}", &self.sender());
        let row = self.only_row(self.schema.filled_in(statement)).await?;
        if !row.try_get::<bool, _>(0)? {
            return Ok(Input::Busy);
        }
        if row.try_get::<i64, _>(1)? > i64::from(rows) {
            return Ok(Input::TooMany);
        }
        self.head = row.try_get(4)?;
        Ok(Input::Passed {
            moved: row.try_get::<i64, _>(2)?.unsigned_abs(),
            horizon: row.try_get::<&str, _>(3)?.parse().unwrap_or_default(),
            is_whole: true,
        })
    }

    async fn survey(&mut self, Portion { rows, .. }: Portion) -> sqlx::Result<Input> {
        let statement = include_str!("sql/survey.sql").replace("{rows_max}", &rows.to_string());
        let rows = self.rows(self.schema.filled_in(statement), SURVEY_MAX).await?;
        self.chunks = rows.iter().map(Chunk::of).collect::<Result<_, _>>()?;
        Ok(Input::Surveyed { chunks: u32::try_from(self.chunks.len()).unwrap_or(u32::MAX) })
    }

    async fn pass_chunk(&mut self, chunk: u32) -> sqlx::Result<Input> {
        let chunk = usize::try_from(chunk).ok().and_then(|index| self.chunks.get(index));
        let Some(chunk) = chunk else { return Ok(Input::Failed) };
        let statement = chunk.fill_in(include_str!("sql/pass_chunk.sql"));
        let statement = statement.replace("{sender}", &self.sender());
        let row = self.only_row(self.schema.filled_in(statement)).await?;
        if !row.try_get::<bool, _>(0)? {
            return Ok(Input::Busy);
        }
        self.head = row.try_get(1)?;
        Ok(Input::ChunkPassed)
    }

    fn sender(&self) -> String {
        self.sender.as_ref().map_or_else(|| "NULL".to_owned(), |sender| format!("'{sender}'"))
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

/// No row has a smaller transaction id than 0.
fn horizon(since: Option<u64>) -> String {
    since.unwrap_or_default().to_string()
}

impl Chunk {
    /// The columns in the order of `sql/survey.sql`.
    fn of(row: &PgRow) -> sqlx::Result<Self> {
        let place = Place {
            first_page: row.try_get(1)?,
            last_page: row.try_get(2)?,
            seen: row.try_get(3)?,
            file: row.try_get(5)?,
        };
        let is_native = row.try_get(4)?;
        Ok(Self { last_id: row.try_get(0)?, place: Some(place).filter(|_| is_native) })
    }

    fn fill_in(&self, statement: &str) -> String {
        let part = |part: fn(&Place) -> &str| {
            self.place
                .as_ref()
                .map_or_else(|| "NULL".to_owned(), |place| format!("'{}'", part(place)))
        };
        statement
            .replace("{last_id}", &self.last_id.to_string())
            .replace("{first_page}", &part(|place| &place.first_page))
            .replace("{last_page}", &part(|place| &place.last_page))
            .replace("{seen}", &part(|place| &place.seen))
            .replace("{file}", &part(|place| &place.file))
    }
}
