//! The suite on PostgreSQL, and once more through a pooler in transaction mode.

use ensue_conformance::{Backend, Server};
use ensue_postgres::PostgresStore;
use sqlx::{AssertSqlSafe, PgConnection};

use crate::server::Database;

struct Postgres(Database);

impl Backend for Postgres {
    type Store = PostgresStore;

    async fn fresh() -> Self {
        let database = Database::new().await;
        database.execute(EFFECTS).await;
        Self(database)
    }

    async fn open(&self) -> PostgresStore {
        self.0.store().await
    }

    async fn refuse_dead_letters_over(&self, bytes: usize) {
        let limit = format!(
            "ALTER TABLE ensue.dead_letter ADD CONSTRAINT too_large CHECK
                (octet_length(coalesce(body, '')) + octet_length(coalesce(body_bytes, '')) <= {bytes})"
        );
        self.0.execute(limit).await;
    }

    /// One transaction after the other, as those would be that depend on what they see.
    async fn add_effect(connection: &mut PgConnection, name: &str) {
        let lock = "LOCK TABLE effect IN SHARE ROW EXCLUSIVE MODE";
        sqlx::raw_sql(lock).execute(&mut *connection).await.unwrap();
        let insert = sqlx::query("INSERT INTO effect (name) VALUES ($1)").bind(name);
        insert.persistent(false).execute(connection).await.unwrap();
    }

    async fn effects(connection: &mut PgConnection) -> Vec<String> {
        let select = sqlx::query_scalar("SELECT name FROM effect ORDER BY number");
        select.persistent(false).fetch_all(connection).await.unwrap()
    }

    async fn tamper(&self, statement: &str) -> bool {
        let statement = AssertSqlSafe(statement.replace("ensue_", "ensue."));
        sqlx::raw_sql(statement).execute(&mut self.0.connect().await).await.is_ok()
    }
}

const EFFECTS: &str =
    "CREATE TABLE effect (number bigint GENERATED ALWAYS AS IDENTITY, name text NOT NULL)";

struct Pooled(Postgres);

impl Backend for Pooled {
    type Store = PostgresStore;

    async fn fresh() -> Self {
        Self(Postgres::fresh().await)
    }

    async fn open(&self) -> PostgresStore {
        self.0.0.pooled_options().connect().await.unwrap()
    }

    async fn refuse_dead_letters_over(&self, bytes: usize) {
        self.0.refuse_dead_letters_over(bytes).await;
    }

    async fn add_effect(connection: &mut PgConnection, name: &str) {
        Postgres::add_effect(connection, name).await;
    }

    async fn effects(connection: &mut PgConnection) -> Vec<String> {
        Postgres::effects(connection).await
    }

    async fn tamper(&self, statement: &str) -> bool {
        self.0.tamper(statement).await
    }
}

impl Server for Postgres {
    async fn end_sessions(&self) {
        let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid()";
        self.0.execute(end).await;
    }

    async fn open_with(&self, connections: u32) -> PostgresStore {
        self.0.store_options().connections(connections).connect().await.unwrap()
    }

    async fn roll_back(connection: &mut PgConnection) {
        sqlx::raw_sql("ROLLBACK").execute(connection).await.unwrap();
    }
}

ensue_conformance::suite!(Postgres);
ensue_conformance::server_suite!(Postgres);

mod behind_pooler {
    use super::Pooled;

    ensue_conformance::suite!(Pooled);
}
