//! Running statements.

use std::sync::LazyLock;

use ensue::store::sql::{Call, Purpose, Row, SqlStore, Statements, Value};
use ensue::{BoxError, Error, sql_statements};
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteRow as DriverRow};
use sqlx::{Arguments, Row as _, Sqlite, SqliteExecutor};

use crate::SqliteStore;
use crate::error::failed;
use crate::subscriptions::now;
use crate::writer::SqliteTransaction;

/// A statement whose values are numbered; the last one is the time, if it asks for that.
pub struct Timed {
    text: String,
    has_time: bool,
}

/// As SQL speaks of it. SQLite has no clock that tells microseconds.
const NOW_US: &str = "ensue_now_us()";

impl Timed {
    fn of(text: &str) -> Self {
        let values = (1..10).filter(|number| text.contains(&format!("${number}")));
        let time = format!("?{}", values.max().unwrap_or_default() + 1);
        let has_time = text.contains(NOW_US);
        Self { text: text.replace(NOW_US, &time).replace('$', "?"), has_time }
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn arguments(&self, values: &[Value<'_>]) -> sqlx::Result<SqliteArguments> {
        let mut arguments = SqliteArguments::default();
        let now = self.has_time.then(|| Value::from(now().as_micros()));
        for value in values.iter().chain(&now) {
            let added = match value {
                Value::Number(number) => arguments.add(*number),
                Value::Flag(flag) => arguments.add(*flag),
                Value::Text(text) => arguments.add(text.as_deref().map(str::to_owned)),
                Value::Bytes(bytes) => arguments.add(bytes.map(<[u8]>::to_vec)),
            };
            added.map_err(sqlx::Error::Encode)?;
        }
        Ok(arguments)
    }

    pub(crate) fn query(
        &'static self,
        arguments: SqliteArguments,
    ) -> Query<'static, Sqlite, SqliteArguments> {
        sqlx::query_with(self.text.as_str(), arguments)
    }

    pub(crate) async fn fetch(
        Call { statement, values, what }: Call<'_, Self>,
        connection: impl SqliteExecutor<'_>,
    ) -> Result<Vec<SqliteRow>, Error> {
        let arguments = statement.arguments(values).map_err(failed(what))?;
        let rows = statement.query(arguments).fetch_all(connection).await.map_err(failed(what))?;
        Ok(rows.into_iter().map(SqliteRow).collect())
    }
}

pub(crate) static STATEMENTS: LazyLock<Statements<Timed>> =
    LazyLock::new(|| sql_statements!(Timed::of));

impl SqlStore for SqliteStore {
    type Statement = Timed;
    type Row = SqliteRow;

    fn statements(&self) -> &'static Statements<Timed> {
        &STATEMENTS
    }

    async fn begin_own(&self, purpose: Purpose) -> Result<SqliteTransaction, Error> {
        self.begin_for(purpose).await
    }

    async fn commit_own(&self, transaction: SqliteTransaction) -> Result<(), Error> {
        transaction.commit().await.map_err(failed(|| "cannot commit".to_owned()))
    }

    async fn execute(
        &self,
        transaction: &mut SqliteTransaction,
        Call { statement, values, what }: Call<'_, Timed>,
    ) -> Result<u64, Error> {
        let arguments = statement.arguments(values).map_err(failed(what))?;
        let done = statement.query(arguments).execute(&mut **transaction).await;
        Ok(done.map_err(failed(what))?.rows_affected())
    }

    async fn fetch(
        &self,
        transaction: &mut SqliteTransaction,
        call: Call<'_, Timed>,
    ) -> Result<Vec<SqliteRow>, Error> {
        Timed::fetch(call, &mut **transaction).await
    }

    async fn fetch_committed(
        &self,
        purpose: Purpose,
        call: Call<'_, Timed>,
    ) -> Result<Vec<SqliteRow>, Error> {
        let readers = match purpose {
            Purpose::Lease => &self.0.lease_reader,
            Purpose::TakeOver | Purpose::Change | Purpose::Reading => &self.0.state_readers,
        };
        Timed::fetch(call, readers).await
    }
}

/// A row of SQLite's.
#[derive(Debug)]
pub struct SqliteRow(pub(crate) DriverRow);

impl Row for SqliteRow {
    fn number(&self, column: usize) -> Result<Option<i64>, BoxError> {
        Ok(self.0.try_get(column)?)
    }

    fn flag(&self, column: usize) -> Result<bool, BoxError> {
        Ok(self.0.try_get(column)?)
    }

    fn text(&self, column: usize) -> Result<Option<&str>, BoxError> {
        Ok(self.0.try_get(column)?)
    }

    fn bytes(&self, column: usize) -> Result<Option<Vec<u8>>, BoxError> {
        Ok(self.0.try_get(column)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_the_last_value() {
        let Timed { text, has_time } = Timed::of("SELECT $2, ensue_now_us() - $1");
        assert_eq!((text.as_str(), has_time), ("SELECT ?2, ?3 - ?1", true));
        assert!(!Timed::of("SELECT $1").has_time);
    }
}
