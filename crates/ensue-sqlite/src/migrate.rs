//! Our tables, brought up to date.

use std::path::Path;
use std::time::SystemTime;

use ensue::{Error, Timestamp};
use sqlx::SqliteConnection;

use crate::error::failed;

/// In the order of their application; never changed once released.
const MIGRATIONS: [(u32, &str, &str); 5] = [
    (1, "log_and_subscriptions", include_str!("migrations/0001_log_and_subscriptions.sql")),
    (2, "receipts_and_requests", include_str!("migrations/0002_receipts_and_requests.sql")),
    (3, "replays_and_claims", include_str!("migrations/0003_replays_and_claims.sql")),
    (4, "inbox", include_str!("migrations/0004_inbox.sql")),
    (5, "log_guard", include_str!("migrations/0005_log_guard.sql")),
];

/// Applies what is missing, in the one transaction that `connection` is in: processes that start
/// together wait for each other, and one that dies half-way has changed nothing.
pub(crate) async fn run(path: &Path, connection: &mut SqliteConnection) -> Result<(), Error> {
    let what = || format!("cannot bring the tables of `{}` up to date", path.display());
    let applied = applied(connection).await.map_err(failed(what))?;
    let known = MIGRATIONS.len();
    if applied > known {
        let path = path.display();
        return Err(Error::configuration(format!(
            "database `{path}` has {applied} migrations of ensue and this version knows {known}; \
             use the version that migrated it, or a newer one"
        )));
    }
    for (number, name, statements) in &MIGRATIONS[applied..] {
        apply(connection, *number, name, statements).await.map_err(failed(what))?;
    }
    Ok(())
}

async fn applied(connection: &mut SqliteConnection) -> sqlx::Result<usize> {
    sqlx::raw_sql(include_str!("sql/create_migration_table.sql")).execute(&mut *connection).await?;
    let applied: u32 =
        sqlx::query_scalar(include_str!("sql/count_migrations.sql")).fetch_one(connection).await?;
    Ok(usize::try_from(applied).unwrap_or(usize::MAX))
}

async fn apply(
    connection: &mut SqliteConnection,
    number: u32,
    name: &str,
    statements: &'static str,
) -> sqlx::Result<()> {
    sqlx::raw_sql(statements).execute(&mut *connection).await?;
    sqlx::query(include_str!("sql/insert_migration.sql"))
        .bind(number)
        .bind(name)
        .bind(Timestamp::from(SystemTime::now()).as_micros())
        .execute(connection)
        .await
        .map(drop)
}
