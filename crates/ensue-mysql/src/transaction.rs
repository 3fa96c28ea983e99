//! An open transaction.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use ensue::Error;
use sqlx::{AssertSqlSafe, Connection, MySqlConnection};

use crate::connections::{Answer, Lent, ask};
use crate::error::{not_committed, over};

/// An open transaction of MySQL's; it derefs to the connection.
///
/// Dropped without an end its connection is closed, and the server rolls back: a statement may have been
/// dropped with it, and the driver cannot tell then what the server still has to say.
pub struct MysqlTransaction {
    /// There until its end takes it.
    lent: Option<Lent>,
    pub(crate) has_appended: bool,
}

impl MysqlTransaction {
    pub(crate) fn new(lent: Lent) -> Self {
        Self { lent: Some(lent), has_appended: false }
    }

    /// Whether the driver has not rolled it back, because its own begin was dropped half-way.
    pub(crate) fn check(&self) -> Result<(), Error> {
        match self.is_in_transaction() {
            true => Ok(()),
            false => Err(over("a transaction of the driver's own was dropped before it had begun")),
        }
    }

    /// CANCEL-SAFE: dropped half-way it is closed, and committed or not.
    pub(crate) async fn commit(mut self) -> Result<(), Error> {
        self.check()?;
        let Some(mut lent) = self.lent.take() else { return Ok(()) };
        let commit = AssertSqlSafe(Arc::clone(&lent.commit));
        let Answer { done, row, ended } = ask(&mut lent, commit).await;
        ended.map_err(|error| not_committed(error, done >= BEFORE_COMMIT))?;
        lent.compare_settings(row.as_ref());
        lent.put_back();
        Ok(())
    }

    pub(crate) async fn roll_back(mut self) -> sqlx::Result<()> {
        match self.lent.take() {
            Some(lent) => lent.roll_back().await,
            None => Ok(()),
        }
    }
}

/// The statements of `sql/commit.sql` that come before the COMMIT.
const BEFORE_COMMIT: usize = 2;

impl Deref for MysqlTransaction {
    type Target = MySqlConnection;

    #[expect(clippy::expect_used, reason = "only what consumes it takes it")]
    fn deref(&self) -> &MySqlConnection {
        self.lent.as_ref().expect("the connection of an open transaction")
    }
}

impl DerefMut for MysqlTransaction {
    #[expect(clippy::expect_used, reason = "only what consumes it takes it")]
    fn deref_mut(&mut self) -> &mut MySqlConnection {
        self.lent.as_mut().expect("the connection of an open transaction")
    }
}
