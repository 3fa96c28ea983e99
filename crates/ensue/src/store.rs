//! What a database must do to be a store: the contract that `ensue-conformance` holds each to.
//!
//! Four traits, one for each of its users. The feed reads the [`Log`]; the unit of work runs in
//! [`Transactions`]; the forwarder keeps its progress in [`Subscriptions`], and listeners theirs in the
//! [`Inbox`]. A [`Store`] is all four.
//!
//! Every MUST below that a test can bring about by the contract alone has one of that meaning in the
//! suite; the others (clocks that are set, transactions that a user ends) are tested with each store. What the traits leave out is absent on
//! purpose: no method takes or returns a transaction id, none asks for a lock, and none decides
//! anything. Time is the database's wherever two processes compare it.
//!
//! CANCEL-SAFE: every future here may be dropped at any `.await`, and MUST then leave nothing half
//! done on a connection that goes on to serve somebody else. Only [`commit`](Transactions::commit)
//! is always polled to its end, once it has begun.

pub mod columns;
mod filling;
mod inbox;
pub mod lending;
pub mod sql;
mod unreadable_entry;

use std::ops::DerefMut;
use std::time::Duration;

pub use ensue_core::LogId;
use ensue_core::{Entry, Envelope, Position, Timestamp};

pub use self::filling::{Filling, Span, payload_bytes};
pub use self::inbox::{Cut, DeadLetter, Inbox};
pub(crate) use self::unreadable_entry::type_of;
pub use self::unreadable_entry::{Read, UnreadableEntry, position_of};
use crate::Error;
use crate::subscription::{
    Change, Claim, Command, Epoch, Pruned, Request, RequestId, Start, SubscriptionStatus, TakeOver,
    Unhandled,
};

/// The log, read.
///
/// An implementation is a handle: cheap to clone, and every clone sees the same log.
pub trait Log: Clone + Send + Sync + 'static {
    /// The position of the last entry, [`Position::START`] while there is none.
    ///
    /// It MUST NOT go back, also when the log is pruned, and MUST NOT name an entry that
    /// [`read`](Log::read) would not return yet.
    fn head(&self) -> impl Future<Output = Result<Position, Error>> + Send;

    /// Returns the identity of the log.
    ///
    /// It MUST be the same for every handle and every process, also after the database was opened again,
    /// and MUST differ from the identity of every log that was made elsewhere. A copy, a dump or a restored
    /// backup of a database keeps the identity. After a restore to an earlier moment the operator gives the
    /// log a new one, as each store's documentation says.
    ///
    /// A store SHOULD read it at each call: a database may be replaced while it is open.
    fn identity(&self) -> impl Future<Output = Result<LogId, Error>> + Send;

    /// Returns true if this log is a copy that may lag behind the original, such as a replica. A reader
    /// ahead of its head has then lost nothing.
    fn may_lag(&self) -> bool {
        false
    }

    /// The position up to which everything stands that was committed before the call.
    ///
    /// Where positions are given at the append that is the [head](Log::head). A store that gives
    /// them later MUST have given them to all of that, and only then answer.
    fn barrier(&self) -> impl Future<Output = Result<Position, Error>> + Send {
        self.head()
    }

    /// The entries after `page.after` in the order of their positions, bounded by the page.
    ///
    /// - It MUST be total: it MUST return an unreadable entry as an [`UnreadableEntry`] at its position, and
    ///   the other entries of the page as they are.
    /// - Positions MUST be dense: 1, 2, 3 …, also after rollbacks and crashes.
    /// - An entry MUST NOT appear before its transaction has committed, and never if it rolled back.
    /// - Once read, a position MUST show the same entry for ever; payload bytes as they were given.
    /// - Entries of one transaction MUST stand in the order of the append. If a transaction could
    ///   see another's effects, it MUST stand after it.
    /// - If there is an entry after `page.after` and the page has any rows, at least one MUST be
    ///   returned, whatever its size.
    /// - If the one right after `page.after` was pruned and the page has any rows, it MUST fail with
    ///   [`ErrorKind::Pruned`](crate::ErrorKind::Pruned) and the oldest position that is left.
    fn read(&self, page: Page) -> impl Future<Output = Result<Vec<Read>, Error>> + Send;

    /// Returns the entries of a page like [`read`](Log::read), for callers that cannot continue with an
    /// unreadable entry.
    ///
    /// # Errors
    /// When the page or one of its entries is unreadable; the error names that entry.
    fn entries(&self, page: Page) -> impl Future<Output = Result<Vec<Entry>, Error>> + Send {
        async move {
            let entries = self.read(page).await?.into_iter().collect::<Result<_, _>>();
            entries.map_err(|unreadable| Error::store("cannot read the log", unreadable, false))
        }
    }

    /// What is committed and has no position yet; nothing where positions are given at the append.
    fn outbox(&self) -> impl Future<Output = Result<Option<Outbox>, Error>> + Send {
        std::future::ready(Ok(None))
    }

    /// Whether an event has its position as soon as it is committed.
    ///
    /// A store that gives it later MUST have [`changed_elsewhere`](Log::changed_elsewhere) tell of
    /// that, whoever has committed it: after a commit itself nobody looks for what is not there yet.
    fn has_positions_at_commit(&self) -> bool {
        true
    }

    /// Ends when another process may have appended, as soon as that can be known cheaply; it MAY
    /// end for no reason. Commits through this handle need not be noticed: the unit of work tells.
    ///
    /// CANCEL-SAFE: an append after the call began MUST end it or the next call.
    fn changed_elsewhere(&self) -> impl Future<Output = ()> + Send;
}

/// What waits for its positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outbox {
    /// How many events.
    pub events: u64,
    /// How long ago the oldest of them was appended, by the database's clock.
    pub oldest: Duration,
}

/// Which entries to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// Those after this position,
    pub after: Position,
    /// at the most so many,
    pub rows: u32,
    /// and none after the one with which their payloads reach this size.
    pub bytes: usize,
}

impl Page {
    /// LIMIT: the payload bytes of a page unless told otherwise: some thousands of usual events,
    /// and little enough that each of a process's readers can hold one.
    pub const BYTES: usize = 8 << 20;

    /// Up to `rows` entries after `after`, and up to [`Page::BYTES`].
    pub const fn new(after: Position, rows: u32) -> Self {
        Self { after, rows, bytes: Self::BYTES }
    }
}

/// The database's transactions, and appending in one.
pub trait Transactions: Clone + Send + Sync + 'static {
    /// What statements run on.
    type Connection: Send;

    /// An open transaction.
    ///
    /// Dropped without an end it MUST be rolled back before its connection serves anybody else.
    type Transaction: DerefMut<Target = Self::Connection> + Send + 'static;

    /// Whether `error`, one of the driver's, is of a kind that the same again may not meet: a
    /// deadlock, a serialization failure, a database that is busy.
    fn is_retryable(error: &(dyn std::error::Error + 'static)) -> bool;

    /// Opens a transaction that can write.
    ///
    /// Callers in one process SHOULD be served in the order of their calls. A database that is
    /// busy MUST be waited for, within a limit, and then be a retryable error that says so.
    ///
    /// CANCEL-SAFE: dropped half-way it MUST leave no transaction open.
    fn begin(&self) -> impl Future<Output = Result<Self::Transaction, Error>> + Send;

    /// Appends `envelopes` to the log, in their order, as part of `transaction`.
    ///
    /// It MUST store unchanged every envelope that keeps its rules, whatever their number and size; the
    /// caller has called [`Envelope::check`]. The entries MUST NOT be visible to others before the commit.
    ///
    /// It MUST fail, and change nothing, unless `transaction` is still open, and the only one on its
    /// connection, also if there is nothing to append: an error of a statement may have ended it,
    /// or the user's own `COMMIT`, or left a savepoint of the driver's around it. That MUST NOT be
    /// retryable. Where it takes another way to the database to know, the [commit](Self::commit) MUST
    /// fail so instead, and nothing that was done since the end may have been committed.
    ///
    /// It is called once in a transaction that is to be committed, after all of the domain's own
    /// statements; but for one with progress to [record](Subscriptions::record) and nothing to
    /// append.
    fn append(
        &self,
        transaction: &mut Self::Transaction,
        envelopes: &[Envelope],
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// Opens, releases or rolls back to a savepoint in `transaction`. `depth` tells those that are
    /// open at the same time apart: 0, 1, 2 …
    ///
    /// Rolled back to, everything since it was opened MUST be undone, and nothing else; either way
    /// it MUST be gone, and savepoints of the same depth be possible again.
    fn savepoint(
        &self,
        transaction: &mut Self::Transaction,
        savepoint: Savepoint,
        depth: u32,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// Commits. Once it answers `Ok` the effects MUST survive a crash of the process. If it is not
    /// known whether they were committed, it MUST fail with
    /// [`ErrorKind::InDoubt`](crate::ErrorKind::InDoubt), which nobody repeats.
    ///
    /// It need not be cancel-safe: the unit of work finishes it whatever happens.
    fn commit(
        &self,
        transaction: Self::Transaction,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// Rolls back. The connection MUST go back clean.
    fn rollback(
        &self,
        transaction: Self::Transaction,
    ) -> impl Future<Output = Result<(), Error>> + Send;
}

/// What is done at a savepoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Savepoint {
    /// It is opened.
    Open,
    /// It is released: what was done since is part of what is around it.
    Release,
    /// What was done since it was opened is undone, and it is released.
    RollBack,
}

impl std::fmt::Display for Savepoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Open => "open",
            Self::Release => "release",
            Self::RollBack => "roll back to",
        })
    }
}

/// What is known of each subscription: its owner, its cursor, and what it has set aside.
///
/// A store MUST compare names of subscriptions and event types byte by byte, including trailing spaces.
/// Names that a builder has checked keep their [rules](ensue_core::NameRule).
pub trait Subscriptions: Transactions {
    /// Makes the rows of `subscription` if there are none, its cursor at `start`, and remembers that
    /// it handles events of these types.
    ///
    /// An existing cursor MUST stay where it is. [`Start::Head`] MUST be after everything that was
    /// committed before the call, [`Start::Beginning`] before the oldest entry that is left. Many processes may call it at once.
    ///
    /// It MUST fail, and change nothing, if the subscription is [retired](Subscriptions::retire); so MUST a
    /// [take-over](Subscriptions::take_over).
    ///
    /// If there is a type among them that was not remembered, the epoch of whoever owns the
    /// subscription MUST be over: whatever is recorded from then on comes from an owner that was
    /// told of that type when its term began. An older program could otherwise pass events by that
    /// only a newer one knows.
    fn register(
        &self,
        subscription: &str,
        start: Start,
        event_types: &[&str],
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// Makes `owner` the owner of `subscription` for `lease`, unless another's lease still runs.
    ///
    /// A take-over MUST begin a new epoch, higher than any before, also if `owner` owned it
    /// already, and MUST return the cursor, the receipts, everything set aside, every event type it
    /// was ever registered with, and whether it is paused; and that it was handed over, if the lease
    /// before was released, there was none, or it was `owner`'s. Of two callers at most one MUST win.
    /// Leases are measured by the database's clock; one that was given in the future of a clock that
    /// was set back MUST NOT hold anybody up for longer than it was given for.
    ///
    /// Who is refused MUST be among the [claims](Subscriptions::claims) for `lease`, as one that
    /// stands by, and MUST NOT be any more once it is the owner.
    fn take_over(
        &self,
        subscription: &str,
        owner: &str,
        lease: Duration,
    ) -> impl Future<Output = Result<TakeOver, Error>> + Send;

    /// Lets the lease of `epoch` run for `lease` from now; false if the epoch is over.
    fn renew(
        &self,
        subscription: &str,
        epoch: Epoch,
        lease: Duration,
    ) -> impl Future<Output = Result<bool, Error>> + Send;

    /// Ends the lease of `epoch` at once, so that another owner need not wait for it. Of an epoch
    /// that is over it MUST change nothing.
    fn release(
        &self,
        subscription: &str,
        epoch: Epoch,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// Who owns and who stands by for which subscription, at this moment: every lease that runs, and
    /// everybody who was refused and whose time is not over.
    ///
    /// It MAY name claims of which another subscription's owner knows nothing.
    fn claims(&self) -> impl Future<Output = Result<Vec<Claim>, Error>> + Send;

    /// Records `changes` as part of `transaction`, fenced by `epoch`.
    ///
    /// Like [`append`](Transactions::append), which may not have been called before, it MUST fail and
    /// change nothing unless `transaction` is still open, or have the commit do so.
    ///
    /// If `epoch` is not the owner's any more it MUST fail with
    /// [`ErrorKind::Fenced`](crate::ErrorKind::Fenced), and a take-over MUST NOT be able to come
    /// between this check and the commit. A cursor MUST NOT be moved back but by a
    /// [`Seek`](Change::Seek). A cursor to advance, an entry to settle, or an unanswered request of
    /// this subscription to answer or to note a replay's progress at, that is not there, or not any
    /// more, MUST be an error; so MUST be a
    /// second receipt for one entry, since it stands for a second effect.
    fn record(
        &self,
        transaction: &mut Self::Transaction,
        subscription: &str,
        epoch: Epoch,
        changes: &[Change],
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// Asks whoever owns `subscription`, now or later, to do `command`, for `reason`.
    ///
    /// Numbers MUST ascend. What was asked for MUST be there until it is answered, and stay as the
    /// record of it.
    fn request(
        &self,
        subscription: &str,
        command: &Command,
        reason: &str,
    ) -> impl Future<Output = Result<RequestId, Error>> + Send;

    /// What is asked for and not answered, of all subscriptions, in the order of numbers.
    fn pending_requests(&self) -> impl Future<Output = Result<Vec<Request>, Error>> + Send;

    /// The request with this number.
    fn find_request(
        &self,
        id: RequestId,
    ) -> impl Future<Output = Result<Option<Request>, Error>> + Send;

    /// Retires `subscription`, for `reason`: [pruning](Subscriptions::prune) no longer keeps entries for it,
    /// and requests to it are refused. Its cursor and the entries that it has set aside MUST stay as a
    /// record.
    ///
    /// It MUST fail, and change nothing, while a lease runs; otherwise the epoch MUST be over.
    fn retire(
        &self,
        subscription: &str,
        reason: &str,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// Revives `subscription` at its old cursor, if it is retired.
    fn revive(&self, subscription: &str) -> impl Future<Output = Result<(), Error>> + Send;

    /// Returns the time of the clock that timestamps entries and measures leases.
    fn clock(&self) -> impl Future<Output = Result<Timestamp, Error>> + Send;

    /// The names of all subscriptions that were ever registered, in ascending order.
    fn subscriptions(&self) -> impl Future<Output = Result<Vec<String>, Error>> + Send;

    /// Forgets entries up to `up_to`, as far as no subscription needs them any more; with
    /// [`Unhandled::Drop`], needed or not.
    ///
    /// A subscription needs what its cursor has not passed, what it has set aside, and what a replay
    /// that is asked for has not come to. The head MUST stay, and positions MUST NOT be given again.
    /// It MUST be done in bounded steps, so that nobody waits for all of it; what remains of a step
    /// that could be forgotten MAY stay until the next call.
    fn prune(
        &self,
        up_to: Position,
        unhandled: Unhandled,
    ) -> impl Future<Output = Result<Pruned, Error>> + Send;

    /// Where `subscription` stands; nothing if it was never registered.
    fn status(
        &self,
        subscription: &str,
    ) -> impl Future<Output = Result<Option<SubscriptionStatus>, Error>> + Send;
}

/// All that a database must do.
pub trait Store: Log + Subscriptions + Inbox {}

impl<S: Log + Subscriptions + Inbox> Store for S {}
