//! The suite on MySQL or MariaDB.

use ensue_conformance::{Backend, Server};
use ensue_mysql::MysqlStore;
use sqlx::{AssertSqlSafe, MySqlConnection};

use crate::server::Database;

struct Mysql(Database);

impl Backend for Mysql {
    type Store = MysqlStore;

    async fn fresh() -> Self {
        let database = Database::new().await;
        database.execute(TABLES).await;
        Self(database)
    }

    async fn open(&self) -> MysqlStore {
        self.0.store().await
    }

    async fn refuse_dead_letters_over(&self, bytes: usize) {
        let limit = format!(
            "ALTER TABLE ensue_dead_letter ADD CONSTRAINT too_large CHECK
                (ifnull(length(body), 0) + ifnull(length(body_bytes), 0) <= {bytes})"
        );
        self.0.execute(limit).await;
    }

    /// One transaction after the other, as those would be that depend on what they see.
    async fn add_effect(connection: &mut MySqlConnection, name: &str) {
        let lock = "SELECT number FROM turn FOR UPDATE";
        sqlx::raw_sql(lock).fetch_all(&mut *connection).await.unwrap();
        let insert = sqlx::query("INSERT INTO effect (name) VALUES (?)").bind(name);
        insert.execute(connection).await.unwrap();
    }

    async fn effects(connection: &mut MySqlConnection) -> Vec<String> {
        let select = sqlx::query_scalar("SELECT name FROM effect ORDER BY number");
        select.fetch_all(connection).await.unwrap()
    }

    async fn tamper(&self, statement: &str) -> bool {
        let statement = AssertSqlSafe(statement.replace(" key ", " `key` "));
        sqlx::raw_sql(statement).execute(&mut self.0.connect().await).await.is_ok()
    }
}

const TABLES: &str = "
    CREATE TABLE effect (number bigint AUTO_INCREMENT PRIMARY KEY, name text NOT NULL);
    CREATE TABLE turn (number bigint PRIMARY KEY);
    INSERT INTO turn VALUES (1)";

impl Server for Mysql {
    async fn end_sessions(&self) {
        self.0.end_sessions().await;
    }

    async fn open_with(&self, connections: u32) -> MysqlStore {
        self.0.store_options().connections(connections).connect().await.unwrap()
    }

    async fn roll_back(connection: &mut MySqlConnection) {
        sqlx::raw_sql("ROLLBACK").execute(connection).await.unwrap();
    }
}

ensue_conformance::suite!(Mysql);
ensue_conformance::server_suite!(Mysql);
