//! Entries to set aside.

use ensue::store::columns::SetAsideColumns;
use sqlx::SqliteConnection;

use super::now;

/// One by one, which is no way to anywhere here.
pub(super) async fn write(
    connection: &mut SqliteConnection,
    subscription: &str,
    entries: Vec<SetAsideColumns>,
) -> sqlx::Result<u64> {
    let mut written = 0;
    for columns in entries {
        let entry = sqlx::query(include_str!("../sql/set_aside.sql"))
            .bind(subscription)
            .bind(columns.position)
            .bind(columns.key)
            .bind(columns.state)
            .bind(columns.attempts)
            .bind(columns.next_attempt_at_us)
            .bind(columns.failure_class)
            .bind(columns.failure_message)
            .bind(columns.is_replay)
            .bind(now().as_micros());
        written += entry.execute(&mut *connection).await?.rows_affected();
    }
    Ok(written)
}
