//! What an application says of a listener.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use ensue_core::{AnyEvent, Event, NameRule};
use tokio::sync::watch;

use super::any_source::AnySource;
use super::{ListenerCounts, Source};
use crate::builder::{EventType, broken};
use crate::handler::{BoxedHandler, Erased, States};
use crate::subscription::Reaction;
use crate::{Batch, IntoHandler, RetryPolicy, Store};

/// Handles here what has happened elsewhere: takes the handlers of messages that arrive from a
/// [`Source`], and how they are handled. [`Builder::listen`](crate::Builder::listen) takes it, and
/// [`Events::listen`](crate::Events::listen) runs it.
///
/// Its name is the *consumer*'s: that a message was handled is known by it and the event's source and
/// id, for all the processes that share the name, and for ever; renamed, it is a new one, to which
/// everything that arrives is new.
///
/// ```
/// # use ensue::listener::Source;
/// # use ensue::{BoxError, Error, Event, Events, Listener, Meta, State, Store, Tx};
/// # use std::time::Duration;
/// # #[derive(Event, serde::Serialize, serde::Deserialize)] struct OrderCancelled;
/// # #[derive(Clone)] struct Mailer;
/// async fn refund<S: Store>(event: &OrderCancelled, tx: &mut Tx<S>) -> Result<(), BoxError> {
///     Ok(()) // effect, receipt, and the events it raises are one transaction
/// }
///
/// # async fn example<S: Store>(store: S, queue: impl Source) -> Result<(), Error> {
/// let events = Events::builder(store)
///     .listen(Listener::new("refunds", queue).on(refund).batch(100).prefetch(500))
///     .build()
///     .await?;
/// let listening = events.listen();
/// // …
/// listening.shutdown(Duration::from_secs(30)).await;
/// # Ok(()) }
/// ```
#[must_use = "it does nothing until an application is built with it"]
pub struct Listener<S: Store>(Consumer<S>);

/// Whose messages these are, and what it does with them.
pub(crate) struct Consumer<S: Store> {
    pub(crate) name: String,
    pub(super) source: Box<dyn AnySource>,
    pub(super) retry_policy: RetryPolicy,
    pub(super) lanes: usize,
    pub(super) batch: usize,
    pub(super) prefetch: u16,
    pub(super) prefetch_bytes: usize,
    pub(super) receipts_kept: Duration,
    pub(super) told: watch::Sender<ListenerCounts>,
    deadline: Option<Duration>,
    passed_by: HashSet<String>,
    reactions: HashMap<&'static str, Arc<Reaction<S>>>,
    any: Option<Arc<Reaction<S>>>,
    problems: Vec<String>,
}

/// LIMIT: while a message waits for its next attempt it takes up room of the prefetch, and its key
/// waits: with these, for less than 3 s.
const RETRYING: RetryPolicy =
    RetryPolicy::of(5, Duration::from_millis(200), Duration::from_secs(10));

/// LIMIT: a handler that calls the outside; longer than any sensible client's timeout.
const DEADLINE: Duration = Duration::from_secs(60);

/// LIMIT: a handler in a transaction; on an embedded store nobody else can write meanwhile.
const DEADLINE_IN_TRANSACTION: Duration = Duration::from_secs(5);

/// LIMIT: messages of one transaction. Twice as many are hardly faster.
const BATCH_MAX: usize = 1_000;

/// LIMIT: room for 100,000 messages of the usual size, or four of the largest that RabbitMQ accepts.
const PREFETCH_BYTES: usize = 64 << 20;

/// LIMIT: pieces of work at once. Each may hold a connection.
const LANES_MAX: usize = 256;

/// LIMIT: longer than any queue keeps what nobody acknowledges, and any producer repeats itself.
const RECEIPTS_KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);

impl<S: Store> Listener<S> {
    /// A listener for the consumer `name`, to what arrives from `source`.
    pub fn new(name: &str, source: impl Source) -> Self {
        Self(Consumer {
            name: name.to_owned(),
            source: Box::new(source),
            retry_policy: RETRYING,
            lanes: 1,
            batch: 100,
            prefetch: 500,
            prefetch_bytes: PREFETCH_BYTES,
            receipts_kept: RECEIPTS_KEPT,
            told: watch::Sender::default(),
            deadline: None,
            passed_by: HashSet::new(),
            reactions: HashMap::new(),
            any: None,
            problems: Vec::new(),
        })
    }

    /// Lets `handler` ensue from every `E` that arrives. A listener has one handler of a type.
    pub fn on<E: Event, M>(self, handler: impl IntoHandler<E, S, M>) -> Self {
        self.react::<E>(Reaction::on::<E>(handler.into_handler()))
    }

    /// Lets `handler` ensue from all `E`s in a row that a [batch](Self::batch) has, with one call: for
    /// read models and the like, where a statement for each message is what takes the time. It takes
    /// `&mut Tx`.
    ///
    /// If it fails, each of its messages is tried alone, so that only one that fails by itself becomes a
    /// dead letter: a handler must bear a batch of one. Messages that were handled before are not among
    /// them. Metadata, and the cause of whatever it raises, are those of the last.
    ///
    /// ```
    /// # use ensue::listener::Source;
    /// # use ensue::{Batch, BoxError, Event, Events, Listener, Store, Tx};
    /// # #[derive(Event, serde::Serialize, serde::Deserialize)] struct OrderPlaced { total: i64 }
    /// async fn add_up<S: Store>(placed: &Batch<OrderPlaced>, tx: &mut Tx<S>) -> Result<(), BoxError> {
    ///     let revenue: i64 = placed.iter().map(|received| received.event.total).sum();
    ///     println!("{} orders for {revenue} more", placed.len());
    ///     Ok(())
    /// }
    ///
    /// # fn check<S: Store>(store: S, queue: impl Source) {
    /// # let _ =
    /// Events::builder(store).listen(Listener::new("revenue", queue).on_batch(add_up));
    /// # }
    /// ```
    pub fn on_batch<E: Event, M>(self, handler: impl IntoHandler<Batch<E>, S, M>) -> Self {
        self.react::<E>(Reaction::on_batch::<E>(handler.into_handler()))
    }

    fn react<E: Event>(mut self, reaction: Reaction<S>) -> Self {
        let reaction = Arc::new(reaction);
        for name in std::iter::once(&E::TYPE).chain(E::ALIASES) {
            if let Some(other) = self.0.reactions.insert(name, Arc::clone(&reaction)) {
                let (listener, other) = (&self.0.name, other.handler.name());
                self.0.problems.push(format!(
                    "listener `{listener}` has two handlers of event `{name}`, `{other}` and another; \
                     let one call the other, or give each a queue and a listener of its own"
                ));
            }
        }
        self
    }

    /// Lets `handler` ensue from every event that no other handler of this listener takes.
    pub fn on_any<M>(self, handler: impl IntoHandler<AnyEvent, S, M>) -> Self {
        self.react_to_any(Reaction::on_any(handler.into_handler()))
    }

    /// Lets `handler` ensue from all events in a row that no other handler of this listener takes; see
    /// [`on_batch`](Self::on_batch).
    pub fn on_any_batch<M>(self, handler: impl IntoHandler<Batch<AnyEvent>, S, M>) -> Self {
        let handler: Erased<S> = handler.into_handler();
        self.react_to_any(Reaction::on_any_batch(handler))
    }

    fn react_to_any(mut self, reaction: Reaction<S>) -> Self {
        if self.0.any.replace(Arc::new(reaction)).is_some() {
            let name = &self.0.name;
            self.0.problems.push(format!("listener `{name}` has two handlers of any event"));
        }
        self
    }

    /// When a message that failed is tried again: unless told otherwise 5 attempts, at the most 0.2 s
    /// after the first failure and twice as long after each further one.
    ///
    /// It waits in memory, and its key with it, while others flow; it takes up room of the
    /// [prefetch](Self::prefetch). If as many as that wait, nothing else arrives until the first of them
    /// succeeds or is a dead letter. So this should be short: what is worth a longer wait is worth a
    /// dead letter, which can be [tried again](crate::DeadLetters::retry).
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.0.retry_policy = policy;
        self
    }

    /// At the most so many messages are handled in one transaction, those that are there; 100 unless told
    /// otherwise. Fewer when they take long, so that it is not open for more than a second or so.
    pub fn batch(mut self, messages: usize) -> Self {
        self.0.batch = messages.clamp(1, BATCH_MAX);
        self
    }

    /// At the most so many messages are here and not acknowledged; 500 unless told otherwise. Twice the
    /// [batch](Self::batch) at the least, so that a batch can arrive while another is handled.
    pub fn prefetch(mut self, messages: u16) -> Self {
        self.0.prefetch = messages.max(1);
        self
    }

    /// Maximum number of bytes of unacknowledged messages in memory, except for a single larger message.
    /// Default: 64 MiB.
    ///
    /// A broker counts messages, not bytes. When the messages that have arrived exceed this limit, the
    /// listener ends the session and opens the next one with a [prefetch](Self::prefetch) that fits such
    /// messages. Until then the broker may have sent more, up to the prefetch. A transaction handles up to
    /// 4 MiB of messages.
    pub fn prefetch_bytes(mut self, bytes: usize) -> Self {
        self.0.prefetch_bytes = bytes.max(1);
        self
    }

    /// How many transactions, or calls of handlers that need none, may be under way at once, each with
    /// keys of its own; one unless told otherwise.
    pub fn lanes(mut self, lanes: usize) -> Self {
        self.0.lanes = lanes.clamp(1, LANES_MAX);
        self
    }

    /// How long the handling of one message may take before it is dropped and counts as failed: 60 s, for
    /// a handler with `&mut Tx` 5 s, unless told otherwise.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.0.deadline = Some(deadline);
        self
    }

    /// Messages of these types are acknowledged and counted, and nothing else. Those that are not named
    /// and have no handler are dead letters: somebody has bound the queue to them.
    pub fn passes_by(mut self, event_types: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.0.passed_by.extend(event_types.into_iter().map(Into::into));
        self
    }

    /// How long it is remembered that a message was handled: 30 days unless told otherwise. One that
    /// arrives again later than that is handled again, so this must be longer than the queue, a
    /// dead-letter queue of the broker's, or a producer that repeats itself can hold one back.
    ///
    /// Whoever listens forgets older ones, when it begins and every hour.
    pub fn keep_receipts(mut self, age: Duration) -> Self {
        self.0.receipts_kept = age;
        self
    }

    pub(crate) fn finish(mut self) -> Consumer<S> {
        let least = u16::try_from(2 * self.0.batch).unwrap_or(u16::MAX);
        self.0.prefetch = self.0.prefetch.max(least);
        self.0
    }
}

impl<S: Store> Consumer<S> {
    /// What has become of its messages in this process.
    pub(crate) fn counts(&self) -> ListenerCounts {
        *self.told.borrow()
    }

    /// What it does with events called `event_type`.
    pub(super) fn reaction(&self, event_type: &str) -> Option<&Reaction<S>> {
        self.reactions.get(event_type).or(self.any.as_ref()).map(Arc::as_ref)
    }

    pub(super) fn passes(&self, event_type: &str) -> bool {
        self.passed_by.contains(event_type)
    }

    pub(super) fn deadline_of_plain(&self) -> Duration {
        self.deadline.unwrap_or(DEADLINE)
    }

    pub(super) fn deadline_in_transaction(&self) -> Duration {
        self.deadline.unwrap_or(DEADLINE_IN_TRANSACTION)
    }

    pub(crate) fn event_types(&self) -> impl Iterator<Item = EventType> {
        self.reactions.values().filter_map(|reaction| reaction.event_type)
    }

    /// Takes what is wrong with it, in words.
    pub(crate) fn problems(&mut self, states: &States) -> Vec<String> {
        let name = &self.name;
        let mut problems = std::mem::take(&mut self.problems);
        problems.extend(broken(NameRule::LISTENER, [name]));
        problems.extend(broken(NameRule::EVENT_TYPE, &self.passed_by));
        if self.reactions.is_empty() && self.any.is_none() {
            problems.push(format!("listener `{name}` has no handler"));
        }
        for reaction in self.reactions.values().chain(&self.any) {
            if let Some(EventType { name: event_type, local: true, .. }) = reaction.event_type {
                problems.push(format!(
                    "listener `{name}` handles event `{event_type}`, which is local and never leaves \
                     its process"
                ));
            }
            if let (true, BoxedHandler::Plain(plain)) = (reaction.is_batch(), &reaction.handler) {
                let handler = plain.description.name;
                problems.push(format!(
                    "listener `{name}` hands batches to `{handler}`, which takes no `&mut Tx`; without a \
                     transaction each message has an attempt of its own: handle them with `on`"
                ));
            }
            problems.extend(reaction.handler.description().problem(states));
        }
        problems
    }
}
