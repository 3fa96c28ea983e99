//! A database for a relay, by way of the driver that it uses.

use bench::PostgresDatabase;
use ensue::BoxError;
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

/// LIMIT: connections of a relay, which work off one batch at a time.
const CONNECTIONS: u32 = 5;

pub(crate) async fn of(database: &PostgresDatabase) -> Result<PgPool, BoxError> {
    let server: PgConnectOptions = PostgresDatabase::server_url().parse()?;
    let options = PgPoolOptions::new().max_connections(CONNECTIONS).test_before_acquire(false);
    Ok(options.connect_with(server.database(database.name())).await?)
}
