//! What a transaction does beside appending, as with ours, on the driver of the others.

use std::time::Duration;

use ensue::BoxError;
use sqlx::postgres::PgPoolOptions;
use sqlx::{PgConnection, PgPool};

/// LIMIT: sessions of a process, so that all of them together stay below what a server allows.
const SESSIONS_MAX: u32 = 8;

/// Ten times what anybody should have to wait, if they had to wait for it: as with ours.
pub(crate) const LONGEST_HOLD: Duration = Duration::from_millis(250);

const TABLES: &str = "
    CREATE TABLE hot (key integer PRIMARY KEY, number bigint NOT NULL);
    INSERT INTO hot SELECT key, 0 FROM generate_series(0, 4) AS key;
    CREATE TABLE noise (writer integer PRIMARY KEY, number bigint NOT NULL)";

pub(crate) async fn connect(address: &str) -> Result<PgPool, BoxError> {
    Ok(PgPoolOptions::new().max_connections(SESSIONS_MAX).connect(address).await?)
}

pub(crate) async fn prepare(pool: &PgPool) -> Result<(), BoxError> {
    sqlx::raw_sql(TABLES).execute(pool).await?;
    Ok(())
}

/// Writes something that only `writer` writes, so that its transaction has an id from then on.
pub(crate) async fn touch(connection: &mut PgConnection, writer: u16) -> Result<(), BoxError> {
    let write = "INSERT INTO noise VALUES ($1, 1)
        ON CONFLICT (writer) DO UPDATE SET number = noise.number + 1";
    sqlx::query(write).bind(i32::from(writer)).execute(connection).await?;
    Ok(())
}

/// Waits for the row of `key`, which is then this transaction's until its end.
pub(crate) async fn lock(connection: &mut PgConnection, key: u16) -> Result<u32, BoxError> {
    let lock = "UPDATE hot SET number = number + 1 WHERE key = $1 RETURNING number";
    let lock = sqlx::query_scalar(lock).bind(i32::from(key));
    let number: i64 = lock.fetch_one(connection).await?;
    Ok(number.try_into()?)
}
