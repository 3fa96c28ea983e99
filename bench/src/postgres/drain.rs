//! Draining a backlog on PostgreSQL.

use ensue::BoxError;
use ensue_postgres::PostgresStore;

use crate::arm::Arm;
use crate::draining::{Draining, Handling};
use crate::postgres::commits::Commits;
use crate::postgres::database::Database;

/// An arm that drains so many entries, on a disk as it is.
///
/// # Errors
/// The database's.
pub async fn arm(entries: u32, handling: Handling) -> Result<impl Arm, BoxError> {
    of(Commits::AsTheDiskIs, entries, handling).await
}

/// The same on any disk.
pub(crate) async fn of(
    commits: Commits,
    entries: u32,
    handling: Handling,
) -> Result<Draining<PostgresStore, Database>, BoxError> {
    let backlog = Database::new(commits).await?.backlog(0..entries).await?;
    Ok(Draining::new(backlog, entries, handling))
}
