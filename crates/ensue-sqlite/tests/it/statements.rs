//! The statements' plans.

use ensue::Transactions;
use sqlx::{AssertSqlSafe, Row, SqliteConnection};

use crate::scratch::Scratch;

/// All that is not a search by a primary key: tables of a few rows, the book's table, which is
/// imported whole, the index of what nobody has answered, which is made to be read whole, and
/// what is named to be noted.
const WHOLE: [(&str, &str); 14] = [
    ("count_migrations.sql", "SCAN ensue_migration"),
    ("note.sql", "SCAN json_each VIRTUAL TABLE INDEX 1:"),
    ("read_any_subscription.sql", "SCAN ensue_cursor"),
    ("read_claims.sql", "SCAN ensue_lease"),
    ("read_claims.sql", "SCAN ensue_standby"),
    ("read_event_entries.sql", "SCAN evententry"),
    ("read_first_needed.sql", "SCAN ensue_cursor"),
    ("read_first_needed.sql", "SCAN ensue_set_aside"),
    ("read_first_needed.sql", "SCAN ensue_request USING INDEX ensue_request_pending"),
    ("read_head.sql", "SCAN sqlite_sequence"),
    ("read_oldest.sql", "SCAN sqlite_sequence"),
    ("read_pending_requests.sql", "SCAN ensue_request USING INDEX ensue_request_pending"),
    ("read_subscriptions.sql", "SCAN ensue_cursor"),
    ("register_cursor.sql", "SCAN sqlite_sequence"),
];

#[tokio::test]
async fn every_statement_searches_by_an_index_but_for_those_that_read_all() {
    let scratch = Scratch::new();
    let mut transaction = scratch.store().await.begin().await.unwrap();
    let table =
        "CREATE TABLE evententry (id INTEGER PRIMARY KEY, type, content_type, payload, timestamp)";
    sqlx::query(table).execute(&mut *transaction).await.unwrap();
    let mut found = Vec::new();
    for (name, statement) in statements() {
        let steps = plan(&mut transaction, &statement).await;
        let whole = steps.into_iter().filter(|step| reads_all(step));
        found.extend(whole.map(|step| (name.clone(), step)));
    }
    assert_eq!(found, WHOLE.map(|(name, step)| (name.to_owned(), step.to_owned())));
}

/// Also an index that SQLite would make for the occasion.
fn reads_all(step: &str) -> bool {
    step.starts_with("SCAN ") && step != "SCAN CONSTANT ROW" || step.contains("AUTOMATIC")
}

/// Every file, by its name.
fn statements() -> Vec<(String, String)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/sql");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let mut statements: Vec<_> = files
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            let statement = std::fs::read_to_string(path).unwrap();
            (name, statement.replace("ensue_now_us()", "1"))
        })
        .collect();
    statements.sort();
    statements
}

/// Returns the plan without the schema, which is the same for all tables.
async fn plan(connection: &mut SqliteConnection, statement: &str) -> Vec<String> {
    let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}"));
    let steps = sqlx::query(explain).fetch_all(connection).await.unwrap();
    steps.iter().map(|step| step.get::<String, _>("detail").replace("main.", "")).collect()
}
