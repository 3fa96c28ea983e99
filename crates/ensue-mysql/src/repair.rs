//! The repair of a log in which only half of a pass was committed.

use ensue::Error;
use ensue::store::sql::Purpose;
use sqlx::{MySqlConnection, Row};

use crate::MysqlStore;
use crate::error::failed;
use crate::sql::sql;

impl MysqlStore {
    /// Adds entries beyond the head to the log, at the positions they already have, and returns their
    /// number; 0 if the log is sound.
    ///
    /// [`Events::verify`](ensue::Events::verify) reports them
    /// ([`BeyondHead`](ensue::Finding::BeyondHead)). They come from versions whose sequencer could commit
    /// half of a pass and then stand still, or from another program's statements. You may call this at any
    /// time, even while processes append and read. See [In operation](crate#in-operation).
    ///
    /// # Errors
    /// Returns the database's errors, and an error if these entries have a gap, so that no pass left them.
    pub async fn repair(&self) -> Result<u64, Error> {
        let mut transaction = self.begin_short(Purpose::Change).await.map_err(failed(what))?;
        let (head, end) = beyond_head(&mut transaction).await?;
        let forget = sqlx::query(sql!("forget_moved")).bind(head).bind(end);
        forget.execute(&mut *transaction).await.map_err(failed(what))?;
        let advance = sqlx::query(sql!("advance_head")).bind(end);
        advance.execute(&mut *transaction).await.map_err(failed(what))?;
        transaction.commit().await?;
        Ok((end - head).unsigned_abs())
    }
}

/// Returns the positions of the head and of the last entry. Waits for a running pass and blocks new ones.
async fn beyond_head(connection: &mut MySqlConnection) -> Result<(i64, i64), Error> {
    let rows = sqlx::query(sql!("lock_head")).fetch_all(&mut *connection).await;
    let head = only_row(rows).and_then(|row| row.try_get::<i64, _>(0)).map_err(failed(what))?;
    let count = sqlx::query(sql!("count_beyond_head")).bind(head);
    let row = only_row(count.fetch_all(connection).await).map_err(failed(what))?;
    let entries = row.try_get::<i64, _>(0).map_err(failed(what))?;
    let end = row.try_get::<Option<i64>, _>(1).map_err(failed(what))?.unwrap_or(head);
    if end - head != entries {
        let gap = format!("{entries} entries from {} to {end}", head + 1);
        return Err(Error::store(what(), format!("there are gaps: {gap}"), false));
    }
    Ok((head, end))
}

fn only_row<R>(rows: sqlx::Result<Vec<R>>) -> sqlx::Result<R> {
    rows?.into_iter().next().ok_or(sqlx::Error::RowNotFound)
}

fn what() -> String {
    "cannot repair the log".to_owned()
}
