//! Our tables, brought up to date.

use std::path::Path;
use std::time::SystemTime;

use ensue::{Error, Timestamp};
use sqlx::SqliteConnection;

use crate::error::{failed, is_read_only};

/// In the order of their application; never changed once released.
const MIGRATIONS: &[(u32, &str, &str)] = &[
    (1, "log_and_subscriptions", include_str!("migrations/0001_log_and_subscriptions.sql")),
    (2, "receipts_and_requests", include_str!("migrations/0002_receipts_and_requests.sql")),
    (3, "replays_and_claims", include_str!("migrations/0003_replays_and_claims.sql")),
    (4, "inbox", include_str!("migrations/0004_inbox.sql")),
    (5, "letter_hold", include_str!("migrations/0005_letter_hold.sql")),
    (6, "log_identity", include_str!("migrations/0006_log_identity.sql")),
    (7, "log_guard", include_str!("migrations/0007_log_guard.sql")),
    (8, "retired", include_str!("migrations/0008_retired.sql")),
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
    refuse_read_only(path, connection).await?;
    for (number, name, statements) in &MIGRATIONS[applied..] {
        apply(connection, *number, name, statements).await.map_err(failed(what))?;
    }
    Ok(())
}

/// Fails unless all known migrations are applied. Changes nothing.
pub(crate) async fn check(path: &Path, connection: &mut SqliteConnection) -> Result<(), Error> {
    let (path, known) = (path.display(), MIGRATIONS.len());
    let what = || format!("cannot read which migrations `{path}` has");
    match count(connection).await.map_err(failed(what))? {
        applied if applied == known => Ok(()),
        applied => Err(Error::configuration(format!(
            "database `{path}` has {applied} migrations of ensue and this version knows {known}; open \
             it for writing with this version, or use the version that migrated it"
        ))),
    }
}

/// Refuses a file that cannot be written. SQLite opens it read-only, and would report that only at the
/// first write: the first unit of work.
async fn refuse_read_only(path: &Path, connection: &mut SqliteConnection) -> Result<(), Error> {
    let tried = sqlx::query(include_str!("sql/try_to_write.sql")).execute(connection).await;
    let path = path.display();
    match tried {
        Err(error) if is_read_only(&error) => Err(Error::configuration(format!(
            "database `{path}` cannot be written; give this process write access to the file and its \
             directory, or open it with `SqliteStore::open_read_only`"
        ))),
        tried => tried.map(drop).map_err(failed(|| format!("cannot write database `{path}`"))),
    }
}

async fn applied(connection: &mut SqliteConnection) -> sqlx::Result<usize> {
    sqlx::raw_sql(include_str!("sql/create_migration_table.sql")).execute(&mut *connection).await?;
    count(connection).await
}

async fn count(connection: &mut SqliteConnection) -> sqlx::Result<usize> {
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
