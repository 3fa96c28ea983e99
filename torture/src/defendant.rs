//! A log that stands trial.

use std::time::Duration;

use ensue::{BoxError, Verification};

use crate::attempt::Attempt;
use crate::mark::Mark;
use crate::reader::Reader;

/// A log that stands trial: what a run asks of it. [`Ours`](crate::Ours) is any store of ours.
///
/// Whoever brings another crate's log uses it as its documentation says, and says openly what of an
/// [`Attempt`] it cannot do.
pub trait Defendant: Send + Sync + Sized + 'static {
    /// LIMIT: how long a transaction that has appended may stay open.
    const LONGEST_HOLD: Duration;

    /// Opens the database at `address`, as a process does that has nothing to do with the others.
    fn open(address: &str) -> impl Future<Output = Result<Self, BoxError>> + Send;

    /// Makes the tables.
    fn prepare(&self) -> impl Future<Output = Result<(), BoxError>> + Send;

    /// Carries out one transaction as it is planned, as far as there can be such a one, and tells what
    /// becomes of it. Rolled back on purpose is no failure.
    fn carry_out(&self, attempt: &Attempt) -> impl Future<Output = Result<(), BoxError>> + Send;

    /// Follows the log from its beginning, shows the reader what it comes to, and goes on at its cursor
    /// whatever happens in between; until the reader has come to the end.
    fn follow(reader: Reader) -> impl Future<Output = Result<(), BoxError>> + Send;

    /// Nobody writes any more: the last position there is or will be.
    fn settle(&self) -> impl Future<Output = Result<u64, BoxError>> + Send;

    /// The whole log up to `end`, as it is in the end.
    fn testify(self, end: u64) -> impl Future<Output = Result<Testimony, BoxError>> + Send;
}

/// What a log says of itself in the end.
#[derive(Debug)]
pub struct Testimony {
    /// Positions, in ascending order, and what stands there.
    pub log: Vec<(u64, Mark)>,
    /// What its own check has found, if it has one.
    pub verification: Option<Verification>,
}
