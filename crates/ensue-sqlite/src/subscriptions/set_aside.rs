//! Entries to set aside. During an outage there may be thousands, and while they are written this process
//! can renew no lease.

use std::sync::LazyLock;

use ensue::store::columns::SetAsideColumns;
use sqlx::SqliteConnection;
use sqlx::query::Query;
use sqlx::sqlite::{Sqlite, SqliteArguments};

use super::now;
use crate::repeated::Repeated;

pub(super) async fn write(
    connection: &mut SqliteConnection,
    subscription: &str,
    entries: Vec<SetAsideColumns>,
) -> sqlx::Result<u64> {
    let (mut rest, mut written) = (&entries[..], 0);
    while let Some((statement, rows, later)) = SET_ASIDE.cut(rest) {
        let query = sqlx::query(statement);
        let query = rows.iter().fold(query, |query, row| bind(query, subscription, row));
        written += query.execute(&mut *connection).await?.rows_affected();
        rest = later;
    }
    Ok(written)
}

static SET_ASIDE: LazyLock<Repeated> =
    LazyLock::new(|| Repeated::of("", include_str!("../sql/set_aside.sql")));

type Insert<'q> = Query<'q, Sqlite, SqliteArguments>;

fn bind<'q>(query: Insert<'q>, subscription: &'q str, row: &'q SetAsideColumns) -> Insert<'q> {
    let now = now().as_micros();
    query
        .bind(subscription)
        .bind(row.position)
        .bind(row.key.as_deref())
        .bind(&*row.state)
        .bind(row.attempts)
        .bind(row.next_attempt_at_us)
        .bind(row.failure_class.as_deref())
        .bind(row.failure_message.as_deref())
        .bind(row.is_replay)
        .bind(now)
        .bind(now)
}
