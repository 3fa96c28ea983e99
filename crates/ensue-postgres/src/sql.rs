//! Running statements.

use ensue::store::sql::{Call, Purpose, Row, SqlStore, Statements, Value};
use ensue::{BoxError, Error, sql_statements};
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::{Arguments, Row as _};

use crate::PostgresStore;
use crate::error::failed;
use crate::transaction::PostgresTransaction;

static STATEMENTS: Statements<&'static str> = sql_statements!(std::convert::identity);

impl SqlStore for PostgresStore {
    type Statement = &'static str;
    type Row = PostgresRow;

    fn statements(&self) -> &'static Statements<&'static str> {
        &STATEMENTS
    }

    async fn begin_own(&self, purpose: Purpose) -> Result<PostgresTransaction, Error> {
        self.begin_short(purpose).await.map_err(failed(|| "cannot begin a transaction".to_owned()))
    }

    async fn commit_own(&self, transaction: PostgresTransaction) -> Result<(), Error> {
        transaction.commit().await.map_err(failed(|| "cannot commit".to_owned()))
    }

    async fn execute(
        &self,
        transaction: &mut PostgresTransaction,
        Call { statement, values, what }: Call<'_, &'static str>,
    ) -> Result<u64, Error> {
        let arguments = arguments(values).map_err(failed(what))?;
        let open = &mut self.open_in(transaction);
        let query = open.query_with(statement, arguments);
        open.execute(query).await.map_err(failed(what))
    }

    async fn fetch(
        &self,
        transaction: &mut PostgresTransaction,
        Call { statement, values, what }: Call<'_, &'static str>,
    ) -> Result<Vec<PostgresRow>, Error> {
        let arguments = arguments(values).map_err(failed(what))?;
        let open = &mut self.open_in(transaction);
        let query = open.query_with(statement, arguments);
        let rows = open.fetch_all(query).await.map_err(failed(what))?;
        Ok(rows.into_iter().map(PostgresRow).collect())
    }

    async fn fetch_committed(
        &self,
        purpose: Purpose,
        Call { statement, values, what }: Call<'_, &'static str>,
    ) -> Result<Vec<PostgresRow>, Error> {
        let arguments = arguments(values).map_err(failed(what))?;
        let rows = self.fetch_own(purpose, statement, arguments).await.map_err(failed(what))?;
        Ok(rows.into_iter().map(PostgresRow).collect())
    }
}

/// PostgreSQL's text cannot hold a zero, and whatever somebody says must be stored all the same.
fn arguments(values: &[Value<'_>]) -> sqlx::Result<PgArguments> {
    let mut arguments = PgArguments::default();
    for value in values {
        let added = match value {
            Value::Number(number) => arguments.add(*number),
            Value::Flag(flag) => arguments.add(*flag),
            Value::Text(Some(text)) if text.contains('\0') => {
                arguments.add(text.replace('\0', "\u{fffd}"))
            }
            Value::Text(text) => arguments.add(text.as_deref()),
            Value::Bytes(bytes) => arguments.add(*bytes),
        };
        added.map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

/// A row of PostgreSQL's.
#[derive(Debug)]
pub struct PostgresRow(pub(crate) PgRow);

impl Row for PostgresRow {
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
