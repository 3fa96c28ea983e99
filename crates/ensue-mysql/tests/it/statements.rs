//! The statements' plans.

use sqlx::{AssertSqlSafe, MySqlConnection, Row};

use crate::server::{Database, append, envelopes, whole_log};

/// All that is not found by an index: tables of a few rows, and the outbox when somebody asks what
/// waits in it.
const WHOLE: [(&str, &str); 2] =
    [("read_claims.sql", "ensue_standby"), ("read_outbox.sql", "ensue_outbox")];

/// Reads its tables whole or by an index, as the statistics of the server have it when it is asked: they have
/// few rows.
const EITHER: &str = "read_first_needed.sql";

#[tokio::test]
async fn every_statement_searches_by_an_index_but_for_those_that_read_all() {
    let database = Database::new().await;
    let store = database.store().await;
    // Of an empty table it is said that it is read whole.
    append(&store, &envelopes(0..200)).await;
    whole_log(&store).await;
    let mut session = database.connect().await;
    let mut found = Vec::new();
    for (name, statement) in statements() {
        for table in scanned(&mut session, &statement).await {
            found.push((name.clone(), table));
        }
    }
    found.retain(|(name, _)| name != EITHER);
    assert_eq!(found, WHOLE.map(|(name, table)| (name.to_owned(), table.to_owned())));
}

/// Every file with a single statement that has a plan, by its name.
fn statements() -> Vec<(String, String)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/sql");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let mut statements: Vec<_> = files
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            let statement = std::fs::read_to_string(path).unwrap();
            let ours = ["ensue_now_us()", "ensue_place()", "ensue_settings()"];
            (name, ours.iter().fold(statement, |statement, ours| statement.replace(ours, "1")))
        })
        .filter(|(_, statement)| !statement.contains('{') && !statement.contains(';'))
        // It looks for nothing, and is said to look at all.
        .filter(|(_, statement)| !statement.contains("\nVALUES ("))
        .filter(|(_, statement)| !statement.contains(") VALUES ("))
        .filter(|(name, _)| {
            !["create_", "session_", "roll_back", "lock_migrations", "find_migration"]
                .iter()
                .any(|other| name.starts_with(other))
        })
        .collect();
    statements.sort();
    statements
}

/// The tables that the statement can only read whole, each once.
async fn scanned(session: &mut MySqlConnection, statement: &str) -> Vec<String> {
    let filled_in = (1..10).fold(statement.to_owned(), |statement, number| {
        let value = format!("${number}");
        statement.replace(&format!("LIMIT {value}"), "LIMIT 1").replace(&value, "'1'")
    });
    let filled_in = filled_in.replace("LIMIT ?", "LIMIT 1").replace('?', "'1'");
    let explain = format!("EXPLAIN {}", without_comments(&filled_in));
    let steps = sqlx::raw_sql(AssertSqlSafe(explain)).fetch_all(session).await.unwrap();
    let table = |row: &sqlx::mysql::MySqlRow| {
        let kind: Option<String> = row.get("type");
        // A table of a few rows is read whole also where there is an index.
        let indexes: Option<String> = row.get("possible_keys");
        let is_whole = kind.is_some_and(|kind| kind == "ALL") && indexes.is_none();
        let table: Option<String> = row.get("table");
        table.filter(|table| is_whole && table.starts_with("ensue_"))
    };
    let mut tables: Vec<_> = steps.iter().filter_map(table).collect();
    tables.sort();
    tables.dedup();
    tables
}

fn without_comments(statement: &str) -> String {
    statement.lines().filter(|line| !line.starts_with("--")).collect::<Vec<_>>().join("\n")
}
