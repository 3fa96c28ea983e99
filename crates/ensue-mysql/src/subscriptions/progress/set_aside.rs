//! Entries to set aside: when a dependency is away there may be thousands.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use ensue::store::columns::SetAsideColumns;
use ensue::subscription::{Change, SetAside};
use sqlx::MySqlConnection;

use crate::sql::{Repeated, sql};
use crate::subscriptions::Statement;

/// How many rows were written, at least.
///
/// Of an entry that is there more than once the last state counts.
pub(super) async fn insert(
    connection: &mut MySqlConnection,
    subscription: &str,
    changes: &[Change],
) -> sqlx::Result<u64> {
    let last: BTreeMap<_, _> = changes.iter().filter_map(entry).collect();
    let entries: Vec<_> = last.into_values().collect();
    let (mut rest, mut written) = (&entries[..], 0);
    while let Some((statement, now, later)) = SET_ASIDE.cut(rest) {
        let query = now.iter().fold(sqlx::query(statement), |query, entry| {
            bind(query.bind(subscription), SetAsideColumns::from(*entry))
        });
        written += query.execute(&mut *connection).await?.rows_affected();
        rest = later;
    }
    Ok(written)
}

static SET_ASIDE: LazyLock<Repeated> = LazyLock::new(|| Repeated::of(sql!("set_aside")));

fn entry(change: &Change) -> Option<(u64, &SetAside)> {
    match change {
        Change::SetAside(entry) => Some((entry.position.get(), entry)),
        _ => None,
    }
}

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
