//! What stores that speak SQL do alike: which statement when, with what, and what its rows say.
//!
//! A store gives the texts of its [`Statements`], runs them, and has what is left of the contract for
//! free: [`SqlInbox`] makes it an [`Inbox`](super::Inbox), and [`SqlSubscriptions`] lets it keep
//! [`Subscriptions`](super::Subscriptions). What its database does in a way of
//! its own it says in the few functions of these traits. The values of a statement are numbered, `$1` and
//! so on, the same for every store; so are the columns of its rows.

#[cfg(test)]
mod decoding_tests;
mod entry;
mod fitting;
mod inbox;
mod statements;
mod subscriptions;
mod value;

use super::Transactions;
use crate::Error;

pub use entry::entry;
pub use fitting::fitting;
pub use inbox::SqlInbox;
pub use statements::Statements;
pub use subscriptions::{SqlSubscriptions, record};
pub use value::{Row, Value, text_or_bytes};

/// A store that runs statements.
pub trait SqlStore: Transactions {
    /// A statement, as the store has prepared it.
    type Statement: Sync + 'static;
    /// A row of its answer.
    type Row: Row;

    /// What its statements are.
    fn statements(&self) -> &'static Statements<Self::Statement>;

    /// Begins a transaction of the store's own, which is short and does not wait for long units of work
    /// if that can be helped, on a connection for this [`Purpose`].
    fn begin_own(
        &self,
        purpose: Purpose,
    ) -> impl Future<Output = Result<Self::Transaction, Error>> + Send;

    /// Commits one.
    fn commit_own(
        &self,
        transaction: Self::Transaction,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// Runs a statement as part of `transaction`, and answers how many rows it has changed; on every
    /// database those that it has found.
    fn execute(
        &self,
        transaction: &mut Self::Transaction,
        call: Call<'_, Self::Statement>,
    ) -> impl Future<Output = Result<u64, Error>> + Send;

    /// Runs a statement as part of `transaction`, and answers its rows.
    fn fetch(
        &self,
        transaction: &mut Self::Transaction,
        call: Call<'_, Self::Statement>,
    ) -> impl Future<Output = Result<Vec<Self::Row>, Error>> + Send;

    /// Returns the rows of a statement that reads only committed data, on a connection for this [`Purpose`].
    fn fetch_committed(
        &self,
        purpose: Purpose,
        call: Call<'_, Self::Statement>,
    ) -> impl Future<Output = Result<Vec<Self::Row>, Error>> + Send;
}

/// The purpose of one of the store's own connections.
///
/// A late renewal ends a term. It MUST NOT wait for a transaction or a page of another purpose where the
/// database can do both at once, and MUST come next where it cannot. A take-over MUST NOT wait for pages.
/// It may wait long for another process that has passed the fence; that MUST NOT delay a renewal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Keeping leases: renewing them and reading standby claims.
    Lease,
    /// Taking over.
    TakeOver,
    /// Any other short change.
    Change,
    /// Reading, possibly in large amounts.
    Reading,
}

/// A statement with its values, and what could not be done if it fails.
pub struct Call<'c, S: 'static> {
    /// Which.
    pub statement: &'static S,
    /// `$1`, `$2` and so on.
    pub values: &'c [Value<'c>],
    /// In words, such as ``cannot note what `refunds` handles``.
    pub what: What<'c>,
}

/// What could not be done; it is put into words only then.
pub type What<'w> = &'w (dyn Fn() -> String + Send + Sync);

impl<S> Clone for Call<'_, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for Call<'_, S> {}

impl<'c, S> Call<'c, S> {
    fn new(statement: &'static S, values: &'c [Value<'c>], what: What<'c>) -> Self {
        Self { statement, values, what }
    }
}

/// What a row says that cannot be so.
fn unreadable(what: What<'_>) -> impl Fn(crate::BoxError) -> Error + '_ {
    move |error| Error::store(what(), error, false)
}
