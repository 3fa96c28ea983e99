//! The suite on PostgreSQL.

use ensue_conformance::Backend;
use ensue_postgres::PostgresStore;
use sqlx::PgConnection;

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

    async fn add_effect(connection: &mut PgConnection, name: &str) {
        sqlx::raw_sql("LOCK TABLE effect IN SHARE ROW EXCLUSIVE MODE")
            .execute(&mut *connection)
            .await
            .unwrap();
        let insert =
            sqlx::query("INSERT INTO effect (name) VALUES ($1)").bind(name).persistent(false);
        insert.execute(connection).await.unwrap();
    }

    async fn effects(connection: &mut PgConnection) -> Vec<String> {
        let select = sqlx::query_scalar("SELECT name FROM effect ORDER BY number");
        select.persistent(false).fetch_all(connection).await.unwrap()
    }
}

const EFFECTS: &str =
    "CREATE TABLE effect (number bigint GENERATED ALWAYS AS IDENTITY, name text NOT NULL)";

ensue_conformance::suite!(Postgres);
