//! Passwords, which must appear neither in `Debug` output nor in an error.

use ensue_postgres::{PostgresOptions, PostgresReplica, PostgresStore};
use sqlx::postgres::PgSslMode;

use crate::server::Database;

const SECRET: &str = "hunter2";

#[tokio::test]
async fn no_password_is_shown_of_options_stores_and_replicas() {
    let database = Database::new().await;
    let server = database.options().password(SECRET).options([("ensue.token", SECRET)]);
    let options = PostgresOptions::new(server.clone().ssl_client_key_from_pem(SECRET));
    assert!(format!("{options:?}").contains(database.name()), "{options:?}");
    assert_unsaid(&format!("{options:?}"));
    let store = PostgresStore::connect_with(server.clone()).await.unwrap();
    let replica = PostgresReplica::connect_with(server).await.unwrap();
    assert_unsaid(&format!("{store:?} {replica:?}"));
}

#[tokio::test]
async fn no_password_is_in_an_error_of_a_connection() {
    let database = Database::new().await;
    let server = database.options().password(SECRET);
    for refused in [
        server.clone().host("127.0.0.1").port(1),
        server.clone().host("no.such.host.invalid"),
        server.clone().username("no such role"),
        server.clone().database("no such database"),
        server.clone().host("127.0.0.1").ssl_mode(PgSslMode::Require),
        server.clone().ssl_mode(PgSslMode::VerifyFull).ssl_root_cert("/no/such/certificate"),
    ] {
        let told = PostgresStore::connect_with(refused.clone()).await.unwrap_err();
        assert_unsaid(&format!("{told} {told:?}"));
        let told = PostgresReplica::connect_with(refused).await.unwrap_err();
        assert_unsaid(&format!("{told} {told:?}"));
    }
}

#[tokio::test]
async fn no_password_is_in_an_error_of_an_address() {
    for url in [
        "postgres://me:hunter2@localhost:port/shop",
        "postgres://me:hun/hunter2@localhost/shop",
        "postgres://me:hun?hunter2@localhost/shop",
        "postgres://me:hun#hunter2@localhost/shop",
        "postgres://me:hunter2%ff@localhost/shop",
        "postgres://me:hunter2@localhost/shop?sslmode=maybe",
        "hunter2",
    ] {
        let told = PostgresStore::connect(url).await.unwrap_err();
        assert_unsaid(&format!("{told} {told:?}"));
        let told = PostgresReplica::connect(url).await.unwrap_err();
        assert_unsaid(&format!("{told} {told:?}"));
    }
}

fn assert_unsaid(shown: &str) {
    assert!(!shown.contains(SECRET), "{shown}");
}
