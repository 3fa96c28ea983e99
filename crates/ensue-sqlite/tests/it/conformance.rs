//! The suite on SQLite.

use ensue_conformance::Backend;
use ensue_sqlite::SqliteStore;
use sqlx::SqliteConnection;

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

    async fn add_effect(connection: &mut SqliteConnection, name: &str) {
        let insert = sqlx::query("INSERT INTO effect VALUES (?)").bind(name);
        insert.execute(connection).await.unwrap();
    }

    async fn effects(connection: &mut SqliteConnection) -> Vec<String> {
        let select = sqlx::query_scalar("SELECT name FROM effect ORDER BY rowid");
        select.fetch_all(connection).await.unwrap()
    }
}

ensue_conformance::suite!(SqliteFile);
