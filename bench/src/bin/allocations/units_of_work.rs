//! What a whole unit of work allocates on SQLite, beside the same by hand.

use bench::{ByEnsue, ByHandOnAConnection, ByHandOnAPool, Durability, say};
use ensue::BoxError;

use crate::count::Count;

pub(crate) async fn count() -> Result<(), BoxError> {
    say(
        &"\na unit of work on SQLite that updates a row, raises an event and has a handler insert a \
          row:",
    );
    let ensue = Count::of(ByEnsue::new(Durability::Off, 1).await?).await?;
    let pool = Count::of(ByHandOnAPool::new(Durability::Off, 1).await?).await?;
    let connection = Count::of(ByHandOnAConnection::new(Durability::Off, 1).await?).await?;
    say(&format_args!("    ensue                             {ensue}"));
    say(&format_args!("    by hand, on sqlx's pool           {pool}"));
    say(&format_args!("    by hand, on a connection          {connection}"));
    Ok(())
}
