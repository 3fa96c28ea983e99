//! PostgreSQL.

mod arena;
pub(crate) mod late_commit;
mod server;

use std::time::Duration;

use ensue::{BoxError, Transactions};
use ensue_postgres::PostgresStore;
use sqlx::PgConnection;

pub use self::arena::PostgresArena;
pub use self::server::PostgresServer;
use crate::backend::Backend;

/// PostgreSQL. Its address is a URL.
#[derive(Debug)]
pub enum Postgres {}

const TABLES: &str = "
    CREATE TABLE hot (key integer PRIMARY KEY, number bigint NOT NULL);
    INSERT INTO hot SELECT key, 0 FROM generate_series(0, 4) AS key;
    CREATE TABLE noise (writer integer PRIMARY KEY, number bigint NOT NULL)";

impl Backend for Postgres {
    type Store = PostgresStore;

    /// Ten times what anybody should have to wait, if they had to wait for it.
    const LONGEST_HOLD: Duration = Duration::from_millis(250);

    async fn open(address: &str) -> Result<PostgresStore, BoxError> {
        Ok(PostgresStore::connect(address).await?)
    }

    async fn prepare(store: &PostgresStore) -> Result<(), BoxError> {
        let mut transaction = store.begin().await?;
        sqlx::raw_sql(TABLES).execute(&mut *transaction).await?;
        Ok(store.commit(transaction).await?)
    }

    async fn touch(connection: &mut PgConnection, writer: u16) -> Result<(), BoxError> {
        let write = "INSERT INTO noise VALUES ($1, 1)
            ON CONFLICT (writer) DO UPDATE SET number = noise.number + 1";
        sqlx::query(write).bind(i32::from(writer)).execute(connection).await?;
        Ok(())
    }

    async fn lock(connection: &mut PgConnection, key: u16) -> Result<u32, BoxError> {
        let lock = "UPDATE hot SET number = number + 1 WHERE key = $1 RETURNING number";
        let lock = sqlx::query_scalar(lock).bind(i32::from(key));
        let number: i64 = lock.fetch_one(connection).await?;
        Ok(number.try_into()?)
    }
}
