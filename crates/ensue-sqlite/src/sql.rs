//! Running statements.

use std::sync::LazyLock;

use ensue::store::sql::{Call, Row, SqlStore, Statements, Value};
use ensue::{BoxError, Error, Transactions, sql_statements};
use sqlx::sqlite::{SqliteArguments, SqliteRow as DriverRow};
use sqlx::{Arguments, Row as _};

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

    fn arguments(&self, values: &[Value<'_>]) -> sqlx::Result<SqliteArguments> {
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
}

static STATEMENTS: LazyLock<Statements<Timed>> = LazyLock::new(|| sql_statements!(Timed::of));

impl SqlStore for SqliteStore {
    type Statement = Timed;
    type Row = SqliteRow;

    fn statements(&self) -> &'static Statements<Timed> {
        &STATEMENTS
    }

    async fn begin_own(&self) -> Result<SqliteTransaction, Error> {
        self.begin().await
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
        let query = sqlx::query_with(statement.text.as_str(), arguments);
        let done = query.execute(&mut **transaction).await.map_err(failed(what))?;
        Ok(done.rows_affected())
    }

    async fn fetch(
        &self,
        transaction: &mut SqliteTransaction,
        Call { statement, values, what }: Call<'_, Timed>,
    ) -> Result<Vec<SqliteRow>, Error> {
        let arguments = statement.arguments(values).map_err(failed(what))?;
        let query = sqlx::query_with(statement.text.as_str(), arguments);
        let rows = query.fetch_all(&mut **transaction).await.map_err(failed(what))?;
        Ok(rows.into_iter().map(SqliteRow).collect())
    }

    async fn fetch_committed(
        &self,
        Call { statement, values, what }: Call<'_, Timed>,
    ) -> Result<Vec<SqliteRow>, Error> {
        let arguments = statement.arguments(values).map_err(failed(what))?;
        let query = sqlx::query_with(statement.text.as_str(), arguments);
        let rows = query.fetch_all(&self.0.log_reader).await.map_err(failed(what))?;
        Ok(rows.into_iter().map(SqliteRow).collect())
    }
}

/// A row of SQLite's.
#[derive(Debug)]
pub struct SqliteRow(DriverRow);

impl Row for SqliteRow {
    fn number(&self, column: usize) -> Result<Option<i64>, BoxError> {
        Ok(self.0.try_get(column)?)
    }

    fn flag(&self, column: usize) -> Result<bool, BoxError> {
        Ok(self.0.try_get(column)?)
    }

    fn text(&self, column: usize) -> Result<Option<String>, BoxError> {
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
