//! An open transaction.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

use sqlx::PgConnection;
use tokio::runtime::Handle;

use crate::connections::Lent;

/// An open transaction of PostgreSQL's; it derefs to the connection.
///
/// Dropped without an end it is rolled back, before the connection serves anybody else.
pub struct PostgresTransaction {
    /// There until its end takes it.
    lent: Option<Lent>,
    pub(crate) has_appended: bool,
}

/// LIMIT: how long a connection that nobody waits for may take to roll back. It then is closed.
const ROLLBACK_MAX: Duration = Duration::from_secs(10);

impl PostgresTransaction {
    pub(crate) fn new(lent: Lent) -> Self {
        Self { lent: Some(lent), has_appended: false }
    }

    /// A transaction in which a statement has failed is not committed by COMMIT, and that is no
    /// error: hence the statement before it, which is one then.
    ///
    /// CANCEL-SAFE: dropped half-way it is closed, and committed or not.
    pub(crate) async fn commit(mut self) -> sqlx::Result<()> {
        sqlx::raw_sql("SELECT; COMMIT").execute(&mut *self).await?;
        if let Some(lent) = self.lent.take() {
            lent.put_back();
        }
        Ok(())
    }

    pub(crate) async fn roll_back(mut self) -> sqlx::Result<()> {
        match self.lent.take() {
            Some(lent) => lent.roll_back().await,
            None => Ok(()),
        }
    }
}

impl Drop for PostgresTransaction {
    fn drop(&mut self) {
        // Without a runtime the connection is closed, which rolls back too.
        if let (Some(lent), Ok(runtime)) = (self.lent.take(), Handle::try_current()) {
            runtime.spawn(async {
                match tokio::time::timeout(ROLLBACK_MAX, lent.roll_back()).await {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => {
                        tracing::warn!(%error, "a connection that cannot roll back is closed");
                    }
                    Err(_) => {
                        tracing::warn!("a connection that is busy is closed, to be rolled back");
                    }
                }
            });
        }
    }
}

impl Deref for PostgresTransaction {
    type Target = PgConnection;

    #[expect(clippy::expect_used, reason = "only what consumes it takes it")]
    fn deref(&self) -> &PgConnection {
        self.lent.as_ref().expect("the connection of an open transaction")
    }
}

impl DerefMut for PostgresTransaction {
    #[expect(clippy::expect_used, reason = "only what consumes it takes it")]
    fn deref_mut(&mut self) -> &mut PgConnection {
        self.lent.as_mut().expect("the connection of an open transaction")
    }
}
