//! Entries to set aside: when a dependency is away there may be thousands.

use std::sync::LazyLock;

use ensue::store::columns::SetAsideColumns;
use sqlx::MySqlConnection;

use crate::sql::{Repeated, sql};
use crate::subscriptions::Statement;

/// How many rows were written, at least.
pub(super) async fn insert(
    connection: &mut MySqlConnection,
    subscription: &str,
    entries: &[SetAsideColumns],
) -> sqlx::Result<u64> {
    let (mut rest, mut written) = (entries, 0);
    while let Some((statement, now, later)) = SET_ASIDE.cut(rest) {
        let query = now.iter().fold(sqlx::query(statement), |query, entry| {
            bind(query.bind(subscription), entry.clone())
        });
        written += query.execute(&mut *connection).await?.rows_affected();
        rest = later;
    }
    Ok(written)
}

static SET_ASIDE: LazyLock<Repeated> = LazyLock::new(|| Repeated::of(sql!("set_aside")));

fn bind(statement: Statement<'_>, columns: SetAsideColumns) -> Statement<'_> {
    statement
        .bind(columns.position)
        .bind(columns.key)
        .bind(columns.state)
        .bind(columns.attempts)
        .bind(columns.next_attempt_at_us)
        .bind(columns.failure_class)
        .bind(columns.failure_message)
        .bind(columns.is_replay)
}
