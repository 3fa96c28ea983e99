//! The suite on SQLite.

use ensue_conformance::Backend;
use ensue_sqlite::SqliteStore;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, SqliteConnection};

use crate::scratch::Scratch;

struct SqliteFile(Scratch);

impl Backend for SqliteFile {
    type Store = SqliteStore;

    async fn fresh() -> Self {
        let scratch = Scratch::new();
        drop(scratch.builder().await);
        Self(scratch)
    }

    async fn open(&self) -> SqliteStore {
        self.0.store().await
    }

    async fn refuse_dead_letters_over(&self, bytes: usize) {
        let limit = format!(
            "CREATE TRIGGER too_large BEFORE INSERT ON ensue_dead_letter
             WHEN length(CAST(NEW.body AS BLOB)) > {bytes}
             BEGIN SELECT RAISE(ABORT, 'it is too large'); END"
        );
        let options = SqliteConnectOptions::new().filename(self.0.path());
        let mut connection = options.connect().await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(limit)).execute(&mut connection).await.unwrap();
    }

    async fn add_effect(connection: &mut SqliteConnection, name: &str) {
        let insert = sqlx::query("INSERT INTO effect VALUES (?)").bind(name);
        insert.execute(connection).await.unwrap();
    }

    async fn effects(connection: &mut SqliteConnection) -> Vec<String> {
        let select = sqlx::query_scalar("SELECT name FROM effect ORDER BY rowid");
        select.fetch_all(connection).await.unwrap()
    }

    async fn tamper(&self, statement: &str) -> bool {
        let file = SqliteConnectOptions::new().filename(self.0.path());
        let mut connection = file.connect().await.unwrap();
        let statement = AssertSqlSafe(statement.to_owned());
        sqlx::raw_sql(statement).execute(&mut connection).await.is_ok()
    }
}

ensue_conformance::suite!(SqliteFile);
