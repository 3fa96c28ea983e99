//! The book's table in a database file.

use std::path::{Path, PathBuf};

use ensue::{BoxError, Error, Timestamp};
use futures_util::stream::{Stream, StreamExt};
use sqlx::sqlite::{SqliteConnectOptions, SqliteRow};
use sqlx::{ConnectOptions, Decode, Row, Sqlite, SqliteConnection, Type, TypeInfo, ValueRef};

use super::{EventEntry, date_time};
use crate::error::failed;
use crate::store::check_encoding;

/// LIMIT: the rows that are read ahead; a book's payload may have 16 MiB.
const READ_AHEAD: usize = 8;

pub(super) struct Table {
    path: PathBuf,
    connection: SqliteConnection,
}

impl Table {
    /// Opens the file to read it; one that is not there is not made.
    pub(super) async fn open(path: &Path) -> Result<Self, Error> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .read_only(true)
            .row_buffer_size(READ_AHEAD)
            .disable_statement_logging();
        let mut connection = options
            .connect()
            .await
            .map_err(failed(|| format!("cannot open database `{}`", path.display())))?;
        check_encoding(path, &mut connection).await?;
        Ok(Self { path: path.to_owned(), connection })
    }

    /// All rows, as they are when the first is asked for.
    pub(super) fn entries(&mut self) -> impl Stream<Item = Result<EventEntry, Error>> {
        let Self { path, connection } = self;
        sqlx::query(include_str!("../sql/read_event_entries.sql")).fetch(connection).map(|row| {
            let row = row.map_err(failed(|| {
                format!("cannot read the table `evententry` of `{}`", path.display())
            }))?;
            entry(&row).map_err(|(id, problem)| unreadable(path, id, problem))
        })
    }
}

fn unreadable(path: &Path, id: Option<i64>, problem: String) -> Error {
    let row = id.map_or_else(|| "a row".to_owned(), |id| format!("row {id}"));
    let what = format!("cannot import {row} of the table `evententry` of `{}`", path.display());
    Error::store(what, problem, false)
}

/// What is wrong, and in which row.
type Problem = (Option<i64>, String);

fn entry(row: &SqliteRow) -> Result<EventEntry, Problem> {
    let id = column(row, "id").map_err(|problem| (None, problem))?;
    let of_row = |problem| (Some(id), problem);
    Ok(EventEntry {
        id,
        event_type: column(row, "type").map_err(of_row)?,
        content_type: column(row, "content_type").map_err(of_row)?,
        payload: column(row, "payload").map_err(of_row)?,
        timestamp: timestamp(row).map_err(of_row)?,
    })
}

/// SQLite lets any column hold anything.
fn column<'r, T: Decode<'r, Sqlite> + Type<Sqlite>>(
    row: &'r SqliteRow,
    name: &str,
) -> Result<T, String> {
    let value = row.try_get_raw(name).map_err(|error| error.to_string())?;
    if value.is_null() {
        return Err(format!("its `{name}` is NULL"));
    }
    if !T::compatible(&value.type_info()) {
        let (is, ought) = (value.type_info(), T::type_info());
        return Err(format!("its `{name}` is {}, and not {}", is.name(), ought.name()));
    }
    T::decode(value).map_err(|error: BoxError| format!("its `{name}` cannot be read: {error}"))
}

fn timestamp(row: &SqliteRow) -> Result<Timestamp, String> {
    if let Ok(millis) = column::<i64>(row, "timestamp") {
        let micros = millis.checked_mul(1_000).ok_or_else(|| no_time(&millis.to_string()))?;
        return Ok(Timestamp::from_micros(micros));
    }
    let text: String = column(row, "timestamp")?;
    date_time::read(&text).ok_or_else(|| no_time(&text))
}

fn no_time(shown: &str) -> String {
    format!(
        "its `timestamp` is `{shown}`; it must be YYYY-MM-DD HH:MM:SS, with or without a fraction, \
         or whole milliseconds since 1970, both in UTC"
    )
}
