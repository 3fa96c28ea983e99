//! MySQL and MariaDB.

mod arena;

use std::time::Duration;

use ensue::BoxError;
use ensue_mysql::MysqlStore;
use sqlx::MySqlConnection;

pub use self::arena::MysqlArena;
use crate::backend::Backend;

/// MySQL, or MariaDB. Its address is a URL.
#[derive(Debug)]
pub enum Mysql {}

impl Backend for Mysql {
    type Store = MysqlStore;

    /// Ten times what anybody should have to wait, if they had to wait for it.
    const LONGEST_HOLD: Duration = Duration::from_millis(250);

    async fn open(address: &str) -> Result<MysqlStore, BoxError> {
        Ok(MysqlStore::connect(address).await?)
    }

    /// The arena has made them: to make a table is no part of a transaction here.
    async fn prepare(_: &MysqlStore) -> Result<(), BoxError> {
        Ok(())
    }

    async fn touch(connection: &mut MySqlConnection, writer: u16) -> Result<(), BoxError> {
        let write = "INSERT INTO noise VALUES (?, 1) ON DUPLICATE KEY UPDATE number = number + 1";
        sqlx::query(write).bind(i32::from(writer)).execute(connection).await?;
        Ok(())
    }

    async fn lock(connection: &mut MySqlConnection, key: u16) -> Result<u32, BoxError> {
        let lock = "UPDATE hot SET number = LAST_INSERT_ID(number + 1) WHERE place = ?";
        let locked = sqlx::query(lock).bind(i32::from(key)).execute(connection).await?;
        Ok(locked.last_insert_id().try_into()?)
    }
}
