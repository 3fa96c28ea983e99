//! Entries to set aside: when a dependency is away there may be thousands.

use std::sync::LazyLock;

use ensue::store::columns::SetAsideColumns;
use ensue::store::sql::fitting;
use sqlx::MySqlConnection;

use crate::append::UNASKED_BYTES_MAX;
use crate::sql::{Repeated, sql};
use crate::subscriptions::Statement;

/// How many rows were written, at least.
pub(super) async fn insert(
    connection: &mut MySqlConnection,
    subscription: &str,
    entries: &[SetAsideColumns],
) -> sqlx::Result<u64> {
    let (mut rest, mut written) = (entries, 0);
    while !rest.is_empty() {
        let (mut batch, later) = rest.split_at(fitting(rest, UNASKED_BYTES_MAX, bytes));
        while let Some((statement, now, remaining)) = SET_ASIDE.cut(batch) {
            let query = now.iter().fold(sqlx::query(statement), |query, entry| {
                bind(query.bind(subscription), entry.clone())
            });
            written += query.execute(&mut *connection).await?.rows_affected();
            batch = remaining;
        }
        rest = later;
    }
    Ok(written)
}

/// Returns the size of `entry`. Its failure message is the handler's, and of any length.
fn bytes(entry: &SetAsideColumns) -> usize {
    let texts = [&entry.key, &entry.failure_message].into_iter().flatten();
    ROW_BYTES + texts.map(String::len).sum::<usize>()
}

/// The size of a row without its texts.
const ROW_BYTES: usize = 512;

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
