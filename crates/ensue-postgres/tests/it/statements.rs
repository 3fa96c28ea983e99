//! The statements' plans.

use sqlx::{AssertSqlSafe, Executor, PgConnection, Row};

use crate::server::Database;

/// The tables that are read without an index: they have few rows.
const WHOLE: [(&str, &str); 7] = [
    ("lock_floor.sql", "log_meta"),
    ("prune.sql", "log_meta"),
    ("raise_floor.sql", "log_meta"),
    ("read_claims.sql", "standby"),
    ("read_floor.sql", "log_meta"),
    ("read_log_epoch.sql", "log_meta"),
    ("register_cursor.sql", "log_meta"),
];

#[tokio::test]
async fn every_statement_searches_by_an_index_but_for_those_that_read_all() {
    let database = Database::new().await;
    database.store().await;
    let mut session = database.connect().await;
    sqlx::raw_sql("SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan")
        .execute(&mut session)
        .await
        .unwrap();
    let mut found = Vec::new();
    for (name, statement) in statements() {
        for table in scanned(&mut session, &statement).await {
            found.push((name.clone(), table));
        }
    }
    assert_eq!(found, WHOLE.map(|(name, table)| (name.to_owned(), table.to_owned())));
}

/// Every file with a single statement that has a plan, by its name.
fn statements() -> Vec<(String, String)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/sql");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let mut statements: Vec<_> = files
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, std::fs::read_to_string(path).unwrap())
        })
        .filter(|(_, statement)| !statement.contains('{') && !statement.contains("BEGIN"))
        .filter(|(name, _)| !name.starts_with("create_"))
        .collect();
    statements.sort();
    statements
}

/// The tables that the statement reads whole, each once.
async fn scanned(session: &mut PgConnection, statement: &str) -> Vec<String> {
    let prepare = format!("PREPARE it AS {statement}");
    session.execute(AssertSqlSafe(prepare)).await.unwrap();
    let parameters = "SELECT coalesce(array_length(parameter_types, 1), 0)
        FROM pg_prepared_statements WHERE name = 'it'";
    let parameters: i32 = session.fetch_one(parameters).await.unwrap().get(0);
    let nulls = vec!["NULL"; usize::try_from(parameters).unwrap()].join(", ");
    let arguments = if nulls.is_empty() { nulls } else { format!("({nulls})") };
    let explain = AssertSqlSafe(format!("EXPLAIN EXECUTE it{arguments}"));
    let steps = session.fetch_all(explain).await.unwrap();
    session.execute("DEALLOCATE it").await.unwrap();
    let table =
        |step: String| Some(step.split_once("Seq Scan on ")?.1.split(' ').next()?.to_owned());
    let mut tables: Vec<_> = steps.iter().filter_map(|step| table(step.get(0))).collect();
    tables.sort();
    tables.dedup();
    tables
}
