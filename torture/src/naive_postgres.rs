//! How logs in PostgreSQL are usually made, to see that the judge notices.

mod store;

use std::time::Duration;

use ensue::{BoxError, Transactions};
use sqlx::PgConnection;

pub use self::store::NaiveStore;
use crate::backend::Backend;
use crate::postgres::Postgres;

/// A table with a `bigserial`, whose readers ask for what comes after the last id they have seen.
///
/// Ids are given when rows are inserted, and rows are seen when they are committed: who reads between
/// the two never comes back for what was late.
#[derive(Debug)]
pub enum NaivePostgres {}

const TABLE: &str = "CREATE TABLE naive_log (id bigserial PRIMARY KEY, mark text NOT NULL)";

impl Backend for NaivePostgres {
    type Store = NaiveStore;

    const LONGEST_HOLD: Duration = Postgres::LONGEST_HOLD;

    async fn open(address: &str) -> Result<NaiveStore, BoxError> {
        NaiveStore::open(address).await
    }

    async fn prepare(store: &NaiveStore) -> Result<(), BoxError> {
        Postgres::prepare(store.inner()).await?;
        let mut transaction = store.begin().await?;
        sqlx::raw_sql(TABLE).execute(&mut *transaction).await?;
        Ok(store.commit(transaction).await?)
    }

    async fn touch(connection: &mut PgConnection, writer: u16) -> Result<(), BoxError> {
        Postgres::touch(connection, writer).await
    }

    async fn lock(connection: &mut PgConnection, key: u16) -> Result<u32, BoxError> {
        Postgres::lock(connection, key).await
    }
}
