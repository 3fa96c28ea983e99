//! A log of which a pass was recorded by half, put right.

use ensue::Error;
use sqlx::{MySqlConnection, Row};

use crate::MysqlStore;
use crate::error::failed;
use crate::sql::sql;

impl MysqlStore {
    /// Makes entries that stand beyond the head part of the log, at the positions where they stand, and
    /// returns how many there were; 0 in a log that is sound.
    ///
    /// [`Events::verify`](ensue::Events::verify) names them
    /// ([`BeyondHead`](ensue::Finding::BeyondHead)). They were left by versions whose sequencer could commit
    /// a pass by half, after which it stands still; or by statements that did not come from here. It may be
    /// called at any time, also while processes append and read. See
    /// [In operation](crate#in-operation).
    ///
    /// # Errors
    /// The database's; and if there is a gap among these entries, so that no pass has left them.
    pub async fn repair(&self) -> Result<u64, Error> {
        let mut transaction = self.begin_short().await.map_err(failed(what))?;
        let (head, end) = beyond_head(&mut transaction).await?;
        let forget = sqlx::query(sql!("forget_moved")).bind(head).bind(end);
        forget.execute(&mut *transaction).await.map_err(failed(what))?;
        let advance = sqlx::query(sql!("advance_head")).bind(end);
        advance.execute(&mut *transaction).await.map_err(failed(what))?;
        transaction.commit().await?;
        Ok((end - head).unsigned_abs())
    }
}

/// Where the head is, and where the last entry stands. Waits for a pass, and lets none begin.
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
