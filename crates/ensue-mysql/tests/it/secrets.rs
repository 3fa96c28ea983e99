//! Passwords, which must appear neither in `Debug` output nor in an error.

use ensue_mysql::{MysqlOptions, MysqlStore};
use sqlx::mysql::MySqlSslMode;

use crate::server::Database;

const SECRET: &str = "hunter2";

#[tokio::test]
async fn no_password_is_shown_of_options_and_stores() {
    let database = Database::new().await;
    let server = database.options().password(SECRET).ssl_client_key_from_pem(SECRET);
    let options = MysqlOptions::new(server);
    assert!(format!("{options:?}").contains(database.name()), "{options:?}");
    assert_unsaid(&format!("{options:?} {:?}", database.store().await));
}

#[tokio::test]
async fn no_password_is_in_an_error_of_a_connection() {
    let database = Database::new().await;
    let server = database.options().password(SECRET);
    for refused in [
        server.clone().host("127.0.0.1").port(1),
        server.clone().host("no.such.host.invalid"),
        server.clone().username("nosuchuser"),
        server.clone().database("no such database"),
        server.clone().host("127.0.0.1").ssl_mode(MySqlSslMode::Required),
        server.clone().ssl_mode(MySqlSslMode::VerifyIdentity).ssl_ca("/no/such/certificate"),
    ] {
        let told = MysqlStore::connect_with(refused).await.unwrap_err();
        assert_unsaid(&format!("{told} {told:?}"));
    }
}

#[tokio::test]
async fn no_password_is_in_an_error_of_an_address() {
    for url in [
        "mysql://me:hunter2@localhost:port/shop",
        "mysql://me:hun/hunter2@localhost/shop",
        "mysql://me:hun?hunter2@localhost/shop",
        "mysql://me:hun#hunter2@localhost/shop",
        "mysql://me:hunter2%ff@localhost/shop",
        "mysql://me:hunter2@localhost/shop?sslmode=maybe",
        "hunter2",
    ] {
        let told = MysqlStore::connect(url).await.unwrap_err();
        assert_unsaid(&format!("{told} {told:?}"));
    }
}

fn assert_unsaid(shown: &str) {
    assert!(!shown.contains(SECRET), "{shown}");
}
