//! The statements' plans.

use ensue::Transactions;
use sqlx::{AssertSqlSafe, Row, SqliteConnection};

use crate::scratch::Scratch;

/// All that is not a search by a primary key: tables of a few rows, the book's table, which is
/// imported whole, and the index of what nobody has answered, which is made to be read whole.
const WHOLE: [(&str, &str); 8] = [
    ("count_migrations.sql", "SCAN ensue_migration"),
    ("read_any_subscription.sql", "SCAN ensue_cursor"),
    ("read_claims.sql", "SCAN ensue_lease"),
    ("read_claims.sql", "SCAN ensue_standby"),
    ("read_event_entries.sql", "SCAN evententry"),
    ("read_head.sql", "SCAN sqlite_sequence"),
    ("read_pending_requests.sql", "SCAN ensue_request USING INDEX ensue_request_pending"),
    ("register_at_head.sql", "SCAN sqlite_sequence"),
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
        let whole = steps.into_iter().filter(|step| !is_search(step));
        found.extend(whole.map(|step| (name.clone(), step)));
    }
    assert_eq!(found, WHOLE.map(|(name, step)| (name.to_owned(), step.to_owned())));
}

fn is_search(step: &str) -> bool {
    let by_key = step.starts_with("SEARCH ") && step.contains(" PRIMARY KEY (");
    let of_several = ["COMPOUND QUERY", "LEFT-MOST SUBQUERY", "UNION ALL", "SCAN CONSTANT ROW"];
    by_key || step.starts_with("SCALAR SUBQUERY") || of_several.contains(&step)
}

/// Every file, by its name.
fn statements() -> Vec<(String, String)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/sql");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let mut statements: Vec<_> = files
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, std::fs::read_to_string(path).unwrap())
        })
        .collect();
    statements.sort();
    statements
}

async fn plan(connection: &mut SqliteConnection, statement: &str) -> Vec<String> {
    let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}"));
    let steps = sqlx::query(explain).fetch_all(connection).await.unwrap();
    steps.iter().map(|step| step.get("detail")).collect()
}
