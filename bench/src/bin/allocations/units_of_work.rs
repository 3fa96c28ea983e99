//! What a whole unit of work allocates on SQLite, beside the same by hand.

use bench::{Arm, ByEnsue, ByHandOnAConnection, ByHandOnAPool, Durability, say};
use ensue::BoxError;

use crate::count::Counts;

pub(crate) async fn count() -> Result<(), BoxError> {
    say(
        &"\na unit of work on SQLite that updates a row, raises an event and has a handler insert a \
          row (nine of ten rounds in brackets):",
    );
    print("ensue", ByEnsue::new(Durability::Off, 1).await?).await?;
    print("by hand, on sqlx's pool", ByHandOnAPool::new(Durability::Off, 1).await?).await?;
    print("by hand, on a connection", ByHandOnAConnection::new(Durability::Off, 1).await?).await
}

async fn print(what: &str, arm: impl Arm) -> Result<(), BoxError> {
    let Counts { allocations, bytes } = Counts::of(arm).await?;
    say(&format_args!("    {what:<32} {allocations} allocations, {bytes} bytes"));
    Ok(())
}
