//! Our tables, brought up to date.

use ensue::Error;
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection, Row};

use crate::error::failed;
use crate::schema::Schema;

/// In the order of their application; never changed once released.
const MIGRATIONS: &[(i64, &str, &str)] = &[
    (1, "log", include_str!("migrations/0001_log.sql")),
    (2, "sequencer", include_str!("migrations/0002_sequencer.sql")),
    (3, "subscriptions", include_str!("migrations/0003_subscriptions.sql")),
    (4, "inbox", include_str!("migrations/0004_inbox.sql")),
    (5, "horizon", include_str!("migrations/0005_horizon.sql")),
    (6, "letter_hold", include_str!("migrations/0006_letter_hold.sql")),
    (7, "names", include_str!("migrations/0007_names.sql")),
    (8, "outbox_guard", include_str!("migrations/0008_outbox_guard.sql")),
    (9, "surroundings", include_str!("migrations/0009_surroundings.sql")),
    (10, "retired", include_str!("migrations/0010_retired.sql")),
];

/// The oldest version, in the server's own way of counting.
const SERVER_MIN: u32 = 150_000;

/// Applies what is missing.
///
/// CANCEL-SAFE: all is one transaction.
pub(crate) async fn run(server: &PgConnectOptions, schema: &Schema) -> Result<(), Error> {
    let what = || format!("cannot connect to the database at `{}`", server.get_host());
    let mut connection = PgConnection::connect_with(server).await.map_err(failed(what))?;
    refuse_unfit(&mut connection).await?;
    let what = || "cannot bring the tables of ensue up to date".to_owned();
    let mut applied = applied(&mut connection, schema).await.map_err(failed(what))?;
    if applied < MIGRATIONS.len() {
        applied = migrate(&mut connection, schema).await.map_err(failed(what))?;
    }
    refuse_newer(applied)?;
    connection.close().await.map_err(failed(what))
}

/// Looks whether all is applied, and changes nothing.
pub(crate) async fn check(server: &PgConnectOptions, schema: &Schema) -> Result<(), Error> {
    let what = || format!("cannot connect to the database at `{}`", server.get_host());
    let mut connection = PgConnection::connect_with(server).await.map_err(failed(what))?;
    refuse_unfit(&mut connection).await?;
    let what = || "cannot look for the tables of ensue".to_owned();
    let applied = applied(&mut connection, schema).await.map_err(failed(what))?;
    refuse_newer(applied)?;
    if applied < MIGRATIONS.len() {
        let known = MIGRATIONS.len();
        return Err(Error::configuration(format!(
            "the replica has {applied} of the {known} migrations of ensue: connect to the primary \
             with this version first"
        )));
    }
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

async fn refuse_unfit(connection: &mut PgConnection) -> Result<(), Error> {
    refuse_old(connection)?;
    let what = || "cannot ask for the encoding of the database".to_owned();
    let row = sqlx::raw_sql(include_str!("sql/read_encoding.sql")).fetch_one(connection).await;
    let row = row.map_err(failed(what))?;
    let (name, encoding): (String, String) =
        (row.try_get(0).map_err(failed(what))?, row.try_get(1).map_err(failed(what))?);
    match encoding == "UTF8" {
        true => Ok(()),
        false => Err(Error::configuration(format!(
            "the database `{name}` has the encoding {encoding}, which cannot hold every string; use one \
             created with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0"
        ))),
    }
}

fn refuse_old(connection: &PgConnection) -> Result<(), Error> {
    match connection.server_version_num() {
        Some(version) if version < SERVER_MIN => {
            let (major, oldest) = (version / 10_000, SERVER_MIN / 10_000);
            Err(Error::configuration(format!(
                "the server is PostgreSQL {major}, and must be {oldest} or newer"
            )))
        }
        // A pooler may say something else.
        _ => Ok(()),
    }
}

/// How many are applied. Once they all are, this is all that is done, and needs no more rights than
/// any user of the tables has.
async fn applied(connection: &mut PgConnection, schema: &Schema) -> sqlx::Result<usize> {
    let look = schema.sql(include_str!("sql/find_migration_table.sql"));
    let found = sqlx::raw_sql(look).fetch_one(&mut *connection).await?;
    if !found.try_get::<bool, _>(0)? {
        return Ok(0);
    }
    let count = schema.sql(include_str!("sql/count_migrations.sql"));
    let applied: i64 = sqlx::raw_sql(count).fetch_one(connection).await?.try_get(0)?;
    Ok(usize::try_from(applied).unwrap_or_default())
}

/// ORDERING: the lock comes first, so that processes which start together wait for each other, and
/// see what the first one has done.
async fn migrate(connection: &mut PgConnection, schema: &Schema) -> sqlx::Result<usize> {
    sqlx::raw_sql(include_str!("sql/begin_own.sql")).execute(&mut *connection).await?;
    // Silences the notices about objects that already exist.
    sqlx::raw_sql("SET LOCAL client_min_messages = warning").execute(&mut *connection).await?;
    let lock = schema.sql(include_str!("sql/lock_migrations.sql"));
    sqlx::raw_sql(lock).execute(&mut *connection).await?;
    sqlx::raw_sql(schema.create()).execute(&mut *connection).await?;
    let create = schema.sql(include_str!("sql/create_migration_table.sql"));
    sqlx::raw_sql(create).execute(&mut *connection).await?;
    let applied = applied(connection, schema).await?;
    for (number, name, statements) in MIGRATIONS.iter().skip(applied) {
        sqlx::raw_sql(schema.sql(statements)).execute(&mut *connection).await?;
        sqlx::query(schema.sql(include_str!("sql/insert_migration.sql")))
            .persistent(false)
            .bind(number)
            .bind(name)
            .execute(&mut *connection)
            .await?;
    }
    sqlx::raw_sql("COMMIT").execute(connection).await?;
    Ok(applied.max(MIGRATIONS.len()))
}
