//! Many rows, made by the database itself.

use ensue::BoxError;

use crate::postgres::database::Database;

/// Rows of a transaction that makes them: as many as the log has room for, once it was made.
const AT_ONCE: u32 = 20_000;

/// So many committed events that no sequencer has moved.
pub(crate) async fn fill_outbox(database: &Database, rows: u32) -> Result<(), BoxError> {
    fill(database, INTO_OUTBOX, rows).await
}

/// So many entries, as passes would have left them.
pub(crate) async fn fill_log(database: &Database, rows: u32) -> Result<(), BoxError> {
    fill(database, INTO_LOG, rows).await
}

async fn fill(database: &Database, statement: &str, rows: u32) -> Result<(), BoxError> {
    let mut done = 0;
    while done < rows {
        let last = rows.min(done + AT_ONCE);
        let range = format!("generate_series({}::bigint, {last})", done + 1);
        database.execute(statement.replace("{range}", &range)).await?;
        done = last;
    }
    Ok(())
}

const INTO_OUTBOX: &str = r#"
INSERT INTO ensue.outbox (occurred_at_us, event_id, type, key, payload, correlation_id)
SELECT
    1700000000000000 + number, gen_random_uuid(), 'order.cancelled', 'A-' || number,
    '{"order_no":"A-' || number || '","amount":900}', gen_random_uuid()::text
FROM {range} AS number"#;

const INTO_LOG: &str = r#"
SELECT ensue.make_room();
INSERT INTO ensue.log (
    position, occurred_at_us, recorded_at_us, version, hops, event_id, type, key, content_type,
    payload, correlation_id
)
SELECT
    number, 1700000000000000 + number, 1700000000000000 + number, 1, 0, gen_random_uuid(),
    'order.cancelled', 'A-' || number, 'application/json',
    '{"order_no":"A-' || number || '","amount":900}', gen_random_uuid()::text
FROM {range} AS number"#;
