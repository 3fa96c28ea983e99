//! A service's own database file, so that what it did survives its process.

use std::path::Path;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions};

/// Opens the file at `path` and makes its `tables`.
pub(super) async fn open(path: &Path, tables: &'static str) -> sqlx::Result<SqlitePool> {
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
