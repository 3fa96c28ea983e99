//! Our tables, brought up to date.

use ensue::Error;
use sqlx::mysql::MySqlConnectOptions;
use sqlx::{AssertSqlSafe, Connection, MySqlConnection, Row};

use crate::error::failed;
use crate::server::refuse_old;
use crate::sql::sql;

/// In the order of their application; never changed once released.
const MIGRATIONS: &[(i64, &str, &str)] = &[
    (1, "log", include_str!("migrations/0001_log.sql")),
    (2, "subscriptions", include_str!("migrations/0002_subscriptions.sql")),
    (3, "inbox", include_str!("migrations/0003_inbox.sql")),
    (4, "letter_hold", include_str!("migrations/0004_letter_hold.sql")),
    (5, "names", include_str!("migrations/0005_names.sql")),
    (6, "outbox_bytes", include_str!("migrations/0006_outbox_bytes.sql")),
    (7, "outbox_guard", include_str!("migrations/0007_outbox_guard.sql")),
    (8, "retired", include_str!("migrations/0008_retired.sql")),
];

/// Applies what is missing.
///
/// CANCEL-SAFE: MySQL commits after each statement that makes a table, so each may be run again, and what
/// is left is for whoever comes next.
pub(crate) async fn run(server: &MySqlConnectOptions) -> Result<(), Error> {
    let what = || format!("cannot connect to the database at `{}`", server.get_host());
    let mut connection = MySqlConnection::connect_with(server).await.map_err(failed(what))?;
    refuse_old(&mut connection).await?;
    let what = || "cannot bring the tables of ensue up to date".to_owned();
    let ours = sqlx::raw_sql(sql!("session_of_ours")).execute(&mut connection).await;
    ours.map_err(failed(what))?;
    let mut applied = applied(&mut connection).await.map_err(failed(what))?;
    if applied < MIGRATIONS.len() {
        applied = migrate(&mut connection).await.map_err(failed(what))?;
    }
    refuse_newer(applied)?;
    connection.close().await.map_err(failed(what))
}

fn refuse_newer(applied: usize) -> Result<(), Error> {
    let known = MIGRATIONS.len();
    match applied > known {
        true => Err(Error::configuration(format!(
            "the database has {applied} migrations of ensue and this version knows {known}; use \
             the version that migrated it, or a newer one"
        ))),
        false => Ok(()),
    }
}

/// How many are applied. Once they all are, this is all that is done, and needs no more rights than
/// any user of the tables has.
async fn applied(connection: &mut MySqlConnection) -> sqlx::Result<usize> {
    if number(connection, sql!("find_migration_table")).await? == 0 {
        return Ok(0);
    }
    let applied = number(connection, sql!("count_migrations")).await?;
    Ok(usize::try_from(applied).unwrap_or_default())
}

/// ORDERING: the lock comes first, so that processes which start together wait for each other, and
/// see what the first one has done. It goes with the connection.
async fn migrate(connection: &mut MySqlConnection) -> sqlx::Result<usize> {
    if number(connection, sql!("lock_migrations")).await? != 1 {
        return Err(sqlx::Error::PoolTimedOut);
    }
    sqlx::raw_sql(sql!("create_migration_table")).execute(&mut *connection).await?;
    let applied = applied(connection).await?;
    for (number, name, statements) in MIGRATIONS.iter().skip(applied) {
        sqlx::raw_sql(AssertSqlSafe(*statements)).execute(&mut *connection).await?;
        let insert = sqlx::query(sql!("insert_migration")).persistent(false);
        insert.bind(number).bind(name).execute(&mut *connection).await?;
    }
    Ok(applied.max(MIGRATIONS.len()))
}

async fn number(connection: &mut MySqlConnection, statement: &'static str) -> sqlx::Result<i64> {
    let rows = sqlx::raw_sql(statement).fetch_all(connection).await?;
    rows.first().ok_or(sqlx::Error::RowNotFound)?.try_get(0)
}
