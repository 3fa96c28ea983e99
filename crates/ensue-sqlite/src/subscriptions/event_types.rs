//! What a subscription was ever registered to handle.

use sqlx::SqliteConnection;

use super::now;

/// A type that is new ends the epoch of whoever owns the subscription.
pub(super) async fn remember(
    connection: &mut SqliteConnection,
    subscription: &str,
    event_types: &[&str],
) -> sqlx::Result<()> {
    let mut new = 0;
    for event_type in event_types {
        let inserted = sqlx::query(include_str!("../sql/insert_event_type.sql"))
            .bind(subscription)
            .bind(event_type)
            .bind(now().as_micros())
            .execute(&mut *connection)
            .await?;
        new += inserted.rows_affected();
    }
    if new > 0 {
        let end = sqlx::query(include_str!("../sql/end_epoch.sql")).bind(subscription);
        end.execute(connection).await?;
    }
    Ok(())
}

pub(super) async fn read(
    connection: &mut SqliteConnection,
    subscription: &str,
) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar(include_str!("../sql/read_event_types.sql"))
        .bind(subscription)
        .fetch_all(connection)
        .await
}
