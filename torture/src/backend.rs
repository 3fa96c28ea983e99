//! A kind of database.

use std::time::Duration;

use ensue::{BoxError, Store, Transactions};

/// A database with a store on it, and what a writer does there beside appending.
///
/// Its tables are a row for each hot [key](crate::Key) with the number of the last transaction that
/// held it, and something that a writer can write to without meeting others.
pub trait Backend: Send + Sync + 'static {
    /// The store.
    type Store: Store;

    /// LIMIT: how long a transaction that has appended may stay open. Where it is the only one that
    /// writes, all others wait for it.
    const LONGEST_HOLD: Duration;

    /// Opens the database at `address`, as a process does that has nothing to do with the others.
    fn open(address: &str) -> impl Future<Output = Result<Self::Store, BoxError>> + Send;

    /// Makes the tables.
    fn prepare(store: &Self::Store) -> impl Future<Output = Result<(), BoxError>> + Send;

    /// Writes something that only `writer` writes, so that its transaction has an id from then on.
    fn touch(
        connection: &mut Connection<Self>,
        writer: u16,
    ) -> impl Future<Output = Result<(), BoxError>> + Send;

    /// Waits for the row of `key`, which is then this transaction's until its end: as the how manieth
    /// that holds it.
    fn lock(
        connection: &mut Connection<Self>,
        key: u16,
    ) -> impl Future<Output = Result<u32, BoxError>> + Send;
}

/// What statements run on.
pub(crate) type Connection<B> = <<B as Backend>::Store as Transactions>::Connection;
