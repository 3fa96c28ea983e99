//! The application's events: where units of work run.

use std::sync::Arc;
use std::time::Duration;

use ensue_core::{Clock, NameRule, Origin, Position, scope};
use tokio::sync::{Notify, watch};

use crate::builder::{Handlers, PlainHandlers};
use crate::forwarder::watching::Watched;
use crate::forwarder::{Forwarder, ForwardingSettings};
use crate::handler::{Call1, States};
use crate::lateness::{Late, late};
use crate::listener::Consumer;
use crate::local_pool::{AfterCommitCounts, LocalPool};
use crate::operator::Operator;
use crate::subscription::{Pruned, Subscription, Unhandled};
use crate::ticket::{Ticket, status, unknown};
use crate::verification::{Verification, verify};
use crate::{
    Builder, DeadLetters, Error, ErrorKind, ListenerCounts, Listening, RetryPolicy, Store,
    SubscriptionStatus, Tx,
};

/// The application's handlers and subscriptions over its store, ready to run units of work.
///
/// A handle: clones are cheap and share everything.
pub struct Events<S: Store>(Arc<Application<S>>);

/// LIMIT: a unit of work that failed ten times for want of the database is better refused.
const RETRYING: RetryPolicy = RetryPolicy::brief(10);

pub(crate) struct Application<S: Store> {
    pub(crate) store: S,
    pub(crate) clock: Clock,
    pub(crate) states: Arc<States>,
    pub(crate) handlers: Handlers<S>,
    pub(crate) after_commit: PlainHandlers,
    pub(crate) after_rollback: PlainHandlers,
    pub(crate) local_pool: LocalPool,
    pub(crate) subscriptions: Vec<Arc<Subscription<S>>>,
    pub(crate) consumers: Vec<Arc<Consumer<S>>>,
    pub(crate) forwarding: ForwardingSettings,
    /// A unit of work of this process has appended.
    pub(crate) appended: Notify,
    /// An operator of this process has asked for something.
    pub(crate) requested: Notify,
    /// A subscription that runs in this process has recorded something.
    pub(crate) progress: watch::Sender<()>,
    pub(crate) watched: Watched,
}

impl<S: Store> Events<S> {
    /// Puts an application together over `store`.
    pub fn builder(store: S) -> Builder<S> {
        Builder::new(store)
    }

    pub(crate) fn new(application: Application<S>) -> Self {
        Self(Arc::new(application))
    }

    /// Runs `work` as one unit of work: everything it does to the database, every event it raises
    /// and everything that ensues in the transaction happens wholly or not at all.
    ///
    /// Returned `Ok`, the in-transaction handlers run, the events are appended and all is
    /// committed; with an error, a panic, or if this future is dropped, all is rolled back. Events
    /// raised anywhere below, also without `tx` in hand, belong to this unit of work, unless on
    /// another task or thread. It continues the [`Origin`] that it is begun in.
    ///
    /// ```
    /// # use ensue::{Event, Events, Store, raise};
    /// # #[derive(Event)] #[event(local)] struct OrderCancelled;
    /// # #[derive(Debug)] enum AppError { Events(ensue::Error) }
    /// # impl From<ensue::Error> for AppError { fn from(e: ensue::Error) -> Self { Self::Events(e) } }
    /// async fn cancel<S: Store>(events: &Events<S>, order_no: &str) -> Result<(), AppError> {
    ///     events.run(async |tx| {
    ///         // let mut order = orders::find(tx, order_no).await?;
    ///         raise(OrderCancelled); // in `order.cancel()`
    ///         // orders::save(tx, &order).await?;
    ///         Ok(())
    ///     }).await
    /// }
    /// ```
    ///
    /// Followed by `?` it needs the error's type spelled out: `Ok::<_, AppError>(…)`.
    ///
    /// # What runs beside it
    /// | inside `work` | then |
    /// |---|---|
    /// | `tokio::spawn`, `spawn_blocking`, rayon, a thread | outside of the unit of work, which may be over before they are: [`raise`](crate::raise) panics there, and `tx` cannot be taken along |
    /// | `block_in_place` | inside: it is the same thread |
    /// | `join!` | everything is recorded; between the branches there is no order |
    /// | `select!`, `timeout` | what the branch that was dropped had raised stays; to have it undone, run the branch in a [`savepoint`](Tx::savepoint): dropped before its end it takes the unit of work with it |
    ///
    /// # Errors
    /// The error of `work`, or one of ours made into that type: a handler's
    /// ([`ErrorKind::Handler`]), a cascade without end, an event that cannot be stored, the
    /// database's; [`ErrorKind::Nested`] if a unit of work is open around it: hand its `tx` on
    /// instead.
    ///
    /// CANCEL-SAFE: dropped at any point, it has happened wholly or not at all.
    pub async fn run<T, E, F>(&self, work: F) -> Result<T, E>
    where
        for<'r> F: AsyncFnOnce(&'r mut Tx<S>) -> Result<T, E>
            + Call1<&'r mut Tx<S>, Future: Send, Returned = Result<T, E>>,
        E: From<Error>,
    {
        if scope::is_in_transaction() {
            return Err(nested().into());
        }
        let mut tx = Tx::begin(&self.0, Origin::current().unwrap_or_default()).await?;
        match tx.work(work).await {
            Ok(value) => {
                tx.commit(None).await?;
                Ok(value)
            }
            Err(error) => {
                if let Err(rollback) = tx.rollback().await {
                    // The error that caused it is the caller's; a connection that cannot even roll
                    // back serves nobody else (a MUST of `Transactions`).
                    tracing::warn!(error = %rollback, "rollback failed");
                }
                Err(error)
            }
        }
    }

    /// As [`run`](Self::run), and once more from the start, after a short pause, if the database
    /// could not do it for a reason that may pass: a deadlock, a serialization failure, a database
    /// that is busy. At the most ten times.
    ///
    /// `work` is cloned for each time, so that it can be run again; what it captures by value must
    /// be `Clone`. Whatever it did outside of the database is done again, too.
    ///
    /// # Errors
    /// As [`run`](Self::run); after the last time the error of that.
    ///
    /// CANCEL-SAFE: as [`run`](Self::run).
    pub async fn run_retrying<T, E, F>(&self, work: F) -> Result<T, E>
    where
        for<'r> F: AsyncFnOnce(&'r mut Tx<S>) -> Result<T, E>
            + Call1<&'r mut Tx<S>, Future: Send, Returned = Result<T, E>>
            + Clone,
        E: From<Error> + std::error::Error + 'static,
    {
        let mut attempts = 1;
        loop {
            let error = match self.run(work.clone()).await {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            let delay = RETRYING.delay(attempts, fastrand::u64(..));
            match delay.filter(|_| is_retryable::<S>(&error)) {
                Some(delay) => tokio::time::sleep(delay).await,
                None => return Err(error),
            }
            attempts += 1;
        }
    }

    /// Runs the subscriptions in this process, until the forwarder is shut down or dropped.
    ///
    /// Any number of processes may: each subscription has one owner at a time, and the others stand
    /// by. It needs a tokio runtime around it.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[must_use = "dropped, it stops"]
    pub fn forward(&self) -> Forwarder {
        Forwarder::start(&self.0)
    }

    /// Runs the listeners in this process, until they are shut down or dropped.
    ///
    /// Any number of processes may; they share what arrives as the broker gives it to them, and only one
    /// that gives all messages of a key to one of them keeps those in order. It needs a tokio runtime
    /// around it.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[must_use = "dropped, it stops"]
    pub fn listen(&self) -> Listening {
        Listening::start(&self.0)
    }

    /// What has become of the messages of the listener `consumer` in this process.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownListener`] if this application has none of that name.
    pub fn listener_counts(&self, consumer: &str) -> Result<ListenerCounts, Error> {
        Ok(self.consumer(consumer)?.counts())
    }

    /// The messages that the listener `consumer` could not handle, in whichever process.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownListener`] if this application has none of that name.
    pub fn dead_letters(&self, consumer: &str) -> Result<DeadLetters<S>, Error> {
        Ok(DeadLetters::new(&self.0, self.consumer(consumer)?))
    }

    fn consumer(&self, name: &str) -> Result<&Arc<Consumer<S>>, Error> {
        let known = self.0.consumers.iter().find(|known| known.name == name);
        known.ok_or_else(|| {
            let message = format!("there is no listener `{name}`");
            Error::new(ErrorKind::UnknownListener, message)
        })
    }

    /// Forgets what `consumer` has handled longer than `age` ago, and answers how many messages that
    /// were: one of them that arrives again would be handled again. Receipts of dead letters stay. For
    /// who calls [`Tx::once`]; a [`Listener`](crate::Listener) does so by itself.
    ///
    /// # Errors
    /// [`ErrorKind::Name`] if `consumer` breaks the [rule](NameRule::LISTENER); the database's.
    ///
    /// CANCEL-SAFE: each step is a transaction.
    pub async fn forget_receipts(&self, consumer: &str, age: Duration) -> Result<u64, Error> {
        NameRule::LISTENER.check(consumer)?;
        self.0.store.forget(consumer, age).await
    }

    /// Waits for the after-commit handlers of everything committed so far, at the most for `limit`;
    /// those of what commits later are dropped, and counted. True if all had ended in time.
    ///
    /// The subscriptions are shut down by [`Forwarder::shutdown`].
    pub async fn shutdown(&self, limit: Duration) -> bool {
        self.0.local_pool.drain(limit).await
    }

    /// What has become of the after-commit and after-rollback handlers of this process.
    pub fn after_commit_counts(&self) -> AfterCommitCounts {
        self.0.local_pool.counts()
    }

    /// The position of the last event in the log.
    ///
    /// # Errors
    /// The database's.
    pub async fn head(&self) -> Result<Position, Error> {
        self.0.store.head().await
    }

    /// Where a subscription stands, whoever runs it.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownSubscription`] if there is none of that name; the database's.
    pub async fn status(&self, subscription: &str) -> Result<SubscriptionStatus, Error> {
        status(&self.0, subscription).await
    }

    /// What is late in a subscription that has to handle things
    /// [within](crate::SubscriptionBuilder::within) a time: the oldest event that it has not handled,
    /// set aside or not, if that was stored longer ago. Nothing for one that takes its time.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownSubscription`] if this application has none of that name; the database's.
    pub async fn late(&self, subscription: &str) -> Result<Option<Late>, Error> {
        let known = self.0.subscriptions.iter().find(|known| known.name == subscription);
        late(&self.0, known.ok_or_else(|| unknown(subscription))?).await
    }

    /// The subscription `name`, to be operated: entries that are set aside retried or skipped, the
    /// whole of it paused, resumed, set to another position, or made to handle a range once more.
    pub fn operate(&self, name: &str) -> Operator<S> {
        Operator::new(&self.0, name)
    }

    /// Reads the whole log, and where every subscription stands, and says what is not as it must be:
    /// positions that are missing, event ids that stand twice, effects before their causes, cursors and
    /// entries set aside that point nowhere, events that wait for their positions. Other work goes on
    /// meanwhile; what is committed after it began is not looked at. It takes as long as reading does,
    /// and some tens of bytes for each entry.
    ///
    /// ```
    /// # use ensue::{Error, Events, Store};
    /// # async fn example<S: Store>(events: Events<S>) -> Result<(), Error> {
    /// let verification = events.verify().await?;
    /// assert!(verification.is_sound(), "{verification}");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// The database's; what is wrong is no error, but [found](Verification::findings).
    pub async fn verify(&self) -> Result<Verification, Error> {
        verify(&self.0.store).await
    }

    /// Forgets the log up to position `up_to`, as far as every subscription has handled it, also those
    /// that are paused or that another program runs; who reads before what is left is told so. What
    /// kept more from being forgotten is in the answer. In small steps, beside everything else.
    ///
    /// ```
    /// # use ensue::{Error, Events, Position, Store};
    /// # async fn example<S: Store>(events: Events<S>, month_ago: Position) -> Result<(), Error> {
    /// let pruned = events.prune(month_ago).await?;
    /// if let Some(subscription) = pruned.held_by {
    ///     println!("`{subscription}` still needs what is at {}", pruned.oldest);
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// The database's.
    ///
    /// CANCEL-SAFE: each step is a transaction.
    pub async fn prune(&self, up_to: Position) -> Result<Pruned, Error> {
        self.0.store.prune(up_to, Unhandled::Keep).await
    }

    /// As [`prune`](Self::prune), but forgets what subscriptions have not handled, too. They are
    /// paused when they come to it, until an operator lets them go on after it.
    ///
    /// # Errors
    /// As [`prune`](Self::prune).
    pub async fn prune_even_unhandled(&self, up_to: Position) -> Result<Pruned, Error> {
        self.0.store.prune(up_to, Unhandled::Drop).await
    }

    /// Something to wait on: everything that has been committed by now, by whomever.
    ///
    /// ```
    /// # use ensue::{Error, Events, Handled, Store};
    /// # use std::time::Duration;
    /// # async fn example<S: Store>(events: Events<S>) -> Result<(), Error> {
    /// // after `events.run(…).await`, for who reads their own writes from a view:
    /// let seen = events.ticket().await?.handled_by("orders-view", Duration::from_secs(2)).await?;
    /// if seen != Handled::Handled { /* say that the view may be old */ }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// The database's.
    pub async fn ticket(&self) -> Result<Ticket<S>, Error> {
        Ok(Ticket::new(&self.0, self.0.store.barrier().await?))
    }

    /// The store.
    pub fn store(&self) -> &S {
        &self.0.store
    }

    /// The names of the subscriptions, in the order of their being added.
    pub fn subscriptions(&self) -> impl Iterator<Item = &str> {
        self.0.subscriptions.iter().map(|subscription| &*subscription.name)
    }

    #[cfg(feature = "testing")]
    pub(crate) fn application(&self) -> &Arc<Application<S>> {
        &self.0
    }
}

impl<S: Store> Clone for Events<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S: Store> std::fmt::Debug for Events<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<_> = self.subscriptions().collect();
        f.debug_struct("Events").field("subscriptions", &names).finish()
    }
}

/// Whether the error, or one behind it, is of the passing kind.
fn is_retryable<S: Store>(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        let ours = error.downcast_ref::<Error>().is_some_and(Error::is_retryable);
        if ours || S::is_retryable(error) {
            return true;
        }
        next = error.source();
    }
    false
}

fn nested() -> Error {
    Error::new(
        ErrorKind::Nested,
        "a unit of work was opened inside another one; hand the open `tx` to what should join it, \
         or open the second after the first has ended",
    )
}
