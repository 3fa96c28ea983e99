//! Databases that are alike, for ensue and for the hand.

use ensue::BoxError;
use ensue_mysql::{MysqlOptions, MysqlStore};
use servers::FreshMysqlDatabase;
use sqlx::{AssertSqlSafe, Connection, MySqlConnection};

/// A database on the server that the environment names, as durable as that is. It goes with this.
pub(crate) struct Database(FreshMysqlDatabase);

impl Database {
    /// With ensue's tables, and the domain's.
    pub(crate) async fn new() -> Result<Self, BoxError> {
        let database = Self(FreshMysqlDatabase::new().await);
        database.store().await?.close().await;
        database.execute(DOMAIN).await?;
        Ok(database)
    }

    pub(crate) fn store_options(&self) -> MysqlOptions {
        MysqlOptions::new(self.0.options())
    }

    pub(crate) async fn store(&self) -> Result<MysqlStore, BoxError> {
        Ok(self.store_options().connect().await?)
    }

    pub(crate) async fn connect(&self) -> Result<MySqlConnection, BoxError> {
        Ok(MySqlConnection::connect_with(&self.0.options()).await?)
    }

    /// Statements on a connection of their own.
    pub(crate) async fn execute(&self, statements: impl Into<String>) -> Result<(), BoxError> {
        let mut connection = self.connect().await?;
        sqlx::raw_sql(AssertSqlSafe(statements.into())).execute(&mut connection).await?;
        Ok(connection.close().await?)
    }
}

const DOMAIN: &str = "
CREATE TABLE purchase (no bigint PRIMARY KEY, state varchar(20) NOT NULL, amount bigint NOT NULL);
INSERT INTO purchase
WITH RECURSIVE numbers (no) AS (SELECT 0 UNION ALL SELECT no + 1 FROM numbers WHERE no < 99)
SELECT 100 * hundreds.no + ones.no + 1, 'paid', 900
FROM numbers AS hundreds, numbers AS ones WHERE hundreds.no < 64;
CREATE TABLE plain_log LIKE ensue_outbox;
CREATE TABLE counter (is_only int PRIMARY KEY, position bigint NOT NULL);
INSERT INTO counter VALUES (1, 0)";
