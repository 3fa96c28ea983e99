//! Statements, one a file, what is put into them, and running them.

use std::sync::LazyLock;

use ensue::store::sql::{Call, Purpose, Row, SqlStore, Statements, Value};
use ensue::{BoxError, Error, sql_statements};
use sqlx::mysql::{MySqlArguments, MySqlRow};
use sqlx::{Arguments, Row as _};

use crate::MysqlStore;
use crate::error::failed;
use crate::transaction::MysqlTransaction;

/// The database's clock, in microseconds since 1970, whatever the time zone. It is no function of ours,
/// because on many servers nobody but an administrator may make one.
pub(crate) const NOW_US: &str =
    "TIMESTAMPDIFF(MICROSECOND, TIMESTAMP'1970-01-01 00:00:00', UTC_TIMESTAMP(6))";

/// The database in which a session stores events, and the character set of its statements.
pub(crate) const PLACE: &str = "HEX(CONCAT_WS('|', DATABASE(), @@character_set_client))";

/// The session settings that change what later statements do. Names that differ between the servers
/// are in comments that only one of them reads.
pub(crate) const SETTINGS: &str = "CONCAT_WS('|', DATABASE(), @@autocommit, @@sql_mode, \
    @@character_set_client, @@character_set_results, @@collation_connection, @@time_zone, \
    @@foreign_key_checks, @@unique_checks, @@sql_safe_updates, @@sql_select_limit, \
    @@completion_type, @@innodb_lock_wait_timeout \
    /*M!100300 , @@tx_isolation, @@tx_read_only, @@max_statement_time */ \
    /*!80000 , @@transaction_isolation, @@transaction_read_only, @@max_execution_time */)";

/// The statement in the file of this name.
macro_rules! sql {
    ($name:literal) => {{
        static STATEMENT: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| {
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/sql/", $name, ".sql"))
                .replace("ensue_now_us()", $crate::sql::NOW_US)
                .replace("ensue_place()", $crate::sql::PLACE)
                .replace("ensue_settings()", $crate::sql::SETTINGS)
        });
        STATEMENT.as_str()
    }};
}

pub(crate) use sql;

/// A statement whose values are numbered; the server takes them in the order of their places.
pub struct Numbered {
    text: String,
    /// Which value is at which place.
    places: Vec<usize>,
}

impl Numbered {
    /// Without its comment, in which a number would be no place.
    fn of(text: &str) -> Self {
        let lines: Vec<_> = text.lines().filter(|line| !line.starts_with("--")).collect();
        let text = lines.join("\n");
        let mut parts = text.split('$');
        let mut numbered =
            Self { text: parts.next().unwrap_or_default().to_owned(), places: Vec::new() };
        for part in parts {
            let rest = part.trim_start_matches(|digit: char| digit.is_ascii_digit());
            let number = part[..part.len() - rest.len()].parse::<usize>();
            numbered.places.push(number.map_or(0, |number| number.saturating_sub(1)));
            numbered.text.push('?');
            numbered.text.push_str(rest);
        }
        numbered.text = numbered.text.replace("ensue_now_us()", NOW_US);
        numbered
    }

    fn arguments(&self, values: &[Value<'_>]) -> sqlx::Result<MySqlArguments> {
        let mut arguments = MySqlArguments::default();
        for place in &self.places {
            let added = match values.get(*place) {
                Some(Value::Number(number)) => arguments.add(*number),
                Some(Value::Flag(flag)) => arguments.add(*flag),
                Some(Value::Text(text)) => arguments.add(text.as_deref()),
                Some(Value::Bytes(bytes)) => arguments.add(*bytes),
                None => Err(format!("there is no value ${}", place + 1).into()),
            };
            added.map_err(sqlx::Error::Encode)?;
        }
        Ok(arguments)
    }
}

static STATEMENTS: LazyLock<Statements<Numbered>> = LazyLock::new(|| sql_statements!(Numbered::of));

impl SqlStore for MysqlStore {
    type Statement = Numbered;
    type Row = MysqlRow;

    fn statements(&self) -> &'static Statements<Numbered> {
        &STATEMENTS
    }

    async fn begin_own(&self, purpose: Purpose) -> Result<MysqlTransaction, Error> {
        self.begin_short(purpose).await.map_err(failed(|| "cannot begin a transaction".to_owned()))
    }

    async fn commit_own(&self, transaction: MysqlTransaction) -> Result<(), Error> {
        transaction.commit().await
    }

    async fn execute(
        &self,
        transaction: &mut MysqlTransaction,
        Call { statement, values, what }: Call<'_, Numbered>,
    ) -> Result<u64, Error> {
        let arguments = statement.arguments(values).map_err(failed(what))?;
        let query = sqlx::query_with(statement.text.as_str(), arguments);
        let done = query.execute(&mut **transaction).await.map_err(failed(what))?;
        Ok(done.rows_affected())
    }

    async fn fetch(
        &self,
        transaction: &mut MysqlTransaction,
        Call { statement, values, what }: Call<'_, Numbered>,
    ) -> Result<Vec<MysqlRow>, Error> {
        let arguments = statement.arguments(values).map_err(failed(what))?;
        let query = sqlx::query_with(statement.text.as_str(), arguments);
        let rows = query.fetch_all(&mut **transaction).await.map_err(failed(what))?;
        Ok(rows.into_iter().map(MysqlRow).collect())
    }

    async fn fetch_committed(
        &self,
        purpose: Purpose,
        Call { statement, values, what }: Call<'_, Numbered>,
    ) -> Result<Vec<MysqlRow>, Error> {
        let arguments = statement.arguments(values).map_err(failed(what))?;
        let rows = self.fetch_own(purpose, statement.text.as_str(), arguments).await;
        Ok(rows.map_err(failed(what))?.into_iter().map(MysqlRow).collect())
    }
}

/// A row of MySQL's.
#[derive(Debug)]
pub struct MysqlRow(pub(crate) MySqlRow);

impl Row for MysqlRow {
    fn number(&self, column: usize) -> Result<Option<i64>, BoxError> {
        Ok(self.0.try_get(column)?)
    }

    fn flag(&self, column: usize) -> Result<bool, BoxError> {
        Ok(self.0.try_get::<i64, _>(column)? != 0)
    }

    fn text(&self, column: usize) -> Result<Option<&str>, BoxError> {
        Ok(self.0.try_get(column)?)
    }

    fn bytes(&self, column: usize) -> Result<Option<Vec<u8>>, BoxError> {
        Ok(self.0.try_get(column)?)
    }
}

/// Statements whose row of values is repeated, in a few sizes, so that each is prepared once: 100 rows
/// take 64 + 4 × 8 + 4 × 1.
pub(crate) struct Repeated([(usize, String); 4]);

impl Repeated {
    /// From a statement for one row, which stands in a line of its own.
    pub(crate) fn of(single: &str) -> Self {
        let row = single.lines().find_map(|line| line.strip_prefix("VALUES ")).unwrap_or_default();
        let repeated = |rows| (rows, single.replace(row, &vec![row; rows].join(", ")));
        Self([512, 64, 8, 1].map(repeated))
    }

    /// Cuts `rest` into what one statement takes and what comes later, by the largest size that fits.
    pub(crate) fn cut<'r, R>(
        &'static self,
        rest: &'r [R],
    ) -> Option<(&'static str, &'r [R], &'r [R])> {
        self.0.iter().find_map(|(rows, statement)| {
            let (now, later) = rest.split_at_checked(*rows)?;
            Some((statement.as_str(), now, later))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_goes_wherever_its_number_stands() {
        let Numbered { text, places } =
            Numbered::of("-- Of $1.\nSELECT $2 WHERE a = $1 AND b > $2\nLIMIT $10");
        assert_eq!(text, "SELECT ? WHERE a = ? AND b > ?\nLIMIT ?");
        assert_eq!(places, [1, 0, 1, 9]);
        assert!(Numbered::of("SELECT $2").arguments(&["one".into()]).is_err());
        assert_eq!(Numbered::of("SELECT ensue_now_us()").text, format!("SELECT {NOW_US}"));
    }

    #[test]
    fn the_row_of_a_statement_is_repeated_and_nothing_else() {
        let Repeated(sizes) =
            Repeated::of("INSERT\nVALUES (?, ?)\nON DUPLICATE KEY UPDATE a = VALUES(a)");
        let (rows, statement) = &sizes[3];
        assert_eq!((*rows, statement.matches("(?, ?)").count()), (1, 1));
        let (rows, statement) = &sizes[2];
        assert_eq!((*rows, statement.matches("(?, ?)").count()), (8, 8));
        assert!(statement.ends_with("UPDATE a = VALUES(a)"));
    }

    #[test]
    fn rows_are_cut_by_the_largest_size_that_fits() {
        static REPEATED: std::sync::LazyLock<Repeated> =
            std::sync::LazyLock::new(|| Repeated::of("VALUES (?)"));
        let mut rest = &[0; 100][..];
        let mut lengths = Vec::new();
        while let Some((_, now, later)) = REPEATED.cut(rest) {
            lengths.push(now.len());
            rest = later;
        }
        assert_eq!(lengths, [64, 8, 8, 8, 8, 1, 1, 1, 1]);
    }
}
