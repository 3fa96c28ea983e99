//! A service's own database file, so that what it did survives its process.

use std::path::Path;
use std::time::Duration;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions};
use tokio::time::{Instant, sleep};

/// LIMIT: how long another process may take to make the same file.
const PATIENCE: Duration = Duration::from_secs(60);

const PAUSE: Duration = Duration::from_millis(20);

/// Opens the file at `path` and makes its `tables`.
pub(super) async fn open(path: &Path, tables: &'static str) -> sqlx::Result<SqlitePool> {
    let began = Instant::now();
    loop {
        match try_to_open(path, tables).await {
            // SQLite itself waits for others, but not with what makes a file.
            Err(error) if is_busy(&error) && began.elapsed() < PATIENCE => sleep(PAUSE).await,
            opened => return opened,
        }
    }
}

fn is_busy(error: &sqlx::Error) -> bool {
    let Some(error) = error.as_database_error() else { return false };
    let code = error.code().and_then(|code| code.parse::<u32>().ok());
    // Its lowest byte is the primary code.
    code.is_some_and(|code| code & 0xff == 5)
}

async fn try_to_open(path: &Path, tables: &'static str) -> sqlx::Result<SqlitePool> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal);
    let books = SqlitePoolOptions::new().max_connections(1).connect_with(options).await?;
    sqlx::raw_sql(tables).execute(&books).await?;
    Ok(books)
}

/// The books could not be read or written: 500.
#[derive(Debug)]
pub(super) struct BooksError(sqlx::Error);

impl From<sqlx::Error> for BooksError {
    fn from(error: sqlx::Error) -> Self {
        Self(error)
    }
}

impl IntoResponse for BooksError {
    fn into_response(self) -> Response {
        (StatusCode::INTERNAL_SERVER_ERROR, self.0.to_string()).into_response()
    }
}
