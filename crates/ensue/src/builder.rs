//! Putting an application together.

mod event_types;
mod handlers;
mod plain_handlers;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use ensue_core::{AnyEvent, Clock, Event, NameRule};
use tokio::sync::{Notify, watch};

pub(crate) use event_types::{EventType, EventTypes};
pub(crate) use handlers::Handlers;
pub(crate) use plain_handlers::PlainHandlers;

use crate::events::Application;
use crate::forwarder::ForwardingSettings;
use crate::forwarder::watching::Watched;
use crate::handler::States;
use crate::listener::Consumer;
use crate::local_pool::{self, LocalPool};
use crate::subscription::Subscription;
use crate::{
    Error, Events, IntoHandler, IntoPlainHandler, Listener, Sink, Store, SubscriptionBuilder,
};

/// Takes an application's states, handlers and subscriptions; [`build`](Builder::build) checks them
/// and makes the [`Events`].
///
/// ```
/// # use ensue::{BoxError, Event, Events, RetryPolicy, Start, Store};
/// # use serde::{Deserialize, Serialize};
/// # use std::time::Duration;
/// # #[derive(Event, Serialize, Deserialize)] struct OrderPlaced;
/// # #[derive(Event, Serialize, Deserialize)] struct OrderCancelled;
/// # async fn show_placed(_: &OrderPlaced) {}
/// # async fn show_cancelled(_: &OrderCancelled) {}
/// # async fn restock(_: &OrderCancelled) {}
/// # async fn example<S: Store>(store: S) -> Result<(), ensue::Error> {
/// let events = Events::builder(store)
///     .on(restock)
///     .subscription("orders-view", |subscription| {
///         subscription
///             .on(show_placed)
///             .on(show_cancelled)
///             .from(Start::Beginning)
///             .retry(RetryPolicy::default().attempts(20))
///     })
///     .build()
///     .await?;
/// # Ok(()) }
/// ```
#[must_use = "it does nothing until `build`"]
pub struct Builder<S: Store> {
    store: S,
    clock: Clock,
    states: States,
    handlers: Handlers<S>,
    after_commit: PlainHandlers,
    after_rollback: PlainHandlers,
    workers: usize,
    subscriptions: Vec<Subscription<S>>,
    consumers: Vec<Consumer<S>>,
    forwarding: ForwardingSettings,
    problems: Vec<String>,
}

impl<S: Store> Builder<S> {
    pub(crate) fn new(store: S) -> Self {
        Self {
            store,
            clock: Clock::system(),
            states: States::default(),
            handlers: Handlers::default(),
            after_commit: PlainHandlers::default(),
            after_rollback: PlainHandlers::default(),
            workers: local_pool::WORKERS,
            subscriptions: Vec::new(),
            consumers: Vec::new(),
            forwarding: ForwardingSettings::default(),
            problems: Vec::new(),
        }
    }

    /// What handlers ask for as [`State<T>`](crate::State), one of a type.
    pub fn state<T: Clone + Send + Sync + 'static>(mut self, state: T) -> Self {
        if !self.states.insert(state) {
            let name = std::any::type_name::<T>();
            self.problems.push(format!("two states are a `{name}`; wrap one in a type of its own"));
        }
        self
    }

    /// Lets `handler` run in the transaction of whatever raises an `E`; an error rolls it back.
    ///
    /// Handlers of one event run in the order of their registration.
    pub fn on<E: Event, M>(mut self, handler: impl IntoHandler<E, S, M>) -> Self {
        self.handlers.on::<E>(handler.into_handler().0);
        self
    }

    /// Lets `handler` run in the transaction of whatever raises an event of any type, after the
    /// handlers of that type; an error rolls it back.
    pub fn on_any<M>(mut self, handler: impl IntoHandler<AnyEvent, S, M>) -> Self {
        self.handlers.on_any(handler.into_handler().0);
        self
    }

    /// Lets `handler` run in this process once whatever raised an `E` has committed: soon, at the
    /// most once, and never if it rolls back. It is for what may be missed, such as a cache or a
    /// message on a screen; what must happen is for [`subscribe`](Self::subscribe).
    ///
    /// Nobody waits for it, and its error or panic reaches nobody: it is logged, with the target
    /// `ensue::after_commit`, and counted in [`Events::after_commit_counts`]. Handlers of one unit
    /// of work run one after the other, those of different ones beside each other, on a pool of
    /// [`workers`](Self::workers). A unit of work that it opens continues the story of its event.
    pub fn after_commit<E: Event, M>(mut self, handler: impl IntoPlainHandler<E, M>) -> Self {
        self.handlers.types.add(EventType::of::<E>());
        self.after_commit.add::<E>(handler.into_plain_handler().0);
        self
    }

    /// Lets `handler` run in this process once whatever raised an `E` has been rolled back: on an
    /// error, a panic or a dropped future. The event has not happened, then; this is for telling
    /// somebody so. Otherwise as [`after_commit`](Self::after_commit).
    pub fn after_rollback<E: Event, M>(mut self, handler: impl IntoPlainHandler<E, M>) -> Self {
        self.handlers.types.add(EventType::of::<E>());
        self.after_rollback.add::<E>(handler.into_plain_handler().0);
        self
    }

    /// How many units of work may have their after-commit handlers run at once; 16 unless told
    /// otherwise, and never less than one.
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = workers.max(1);
        self
    }

    /// Lets `handler` ensue durably from every `E`, as the subscription `name`, with its defaults.
    ///
    /// Every process of the application should build it alike, also one that never forwards: a
    /// subscription starts when its name is seen for the first time, and misses what was stored
    /// before, unless it starts from the [beginning](crate::Start::Beginning).
    pub fn subscribe<E: Event, M>(self, name: &str, handler: impl IntoHandler<E, S, M>) -> Self {
        self.subscription(name, |subscription| subscription.on(handler))
    }

    /// Sends every event that is stored to `sink`, as the subscription `name`; see
    /// [`SubscriptionBuilder::forward_to`].
    pub fn forward_to(self, name: &str, sink: impl Sink) -> Self {
        self.subscription(name, |subscription| subscription.forward_to(sink))
    }

    /// Adds the subscription `name` as `describe` says.
    ///
    /// The name is its identity in the database: renamed, it is a new one.
    pub fn subscription(
        mut self,
        name: &str,
        describe: impl FnOnce(SubscriptionBuilder<S>) -> SubscriptionBuilder<S>,
    ) -> Self {
        self.subscriptions.push(describe(SubscriptionBuilder::new(name)).finish());
        self
    }

    /// Lets messages from elsewhere be handled here, as `listener` says, once [`Events::listen`] is
    /// called.
    pub fn listen(mut self, listener: Listener<S>) -> Self {
        self.consumers.push(listener.finish());
        self
    }

    /// The clock that says when events occur; the system's unless told otherwise.
    pub fn clock(mut self, clock: impl Into<Clock>) -> Self {
        self.clock = clock.into();
        self
    }

    /// How long a process that died may keep its subscriptions from another; 15 s unless told
    /// otherwise. It is renewed three times as often, which has to get through when the database is
    /// busy: less than 2 s is for tests.
    pub fn lease(mut self, lease: Duration) -> Self {
        if lease < ForwardingSettings::LEASE_MIN {
            let least = ForwardingSettings::LEASE_MIN;
            self.problems.push(format!("a lease of {lease:?} is less than {least:?}"));
        }
        self.forwarding.lease = lease;
        self
    }

    /// How often the forwarder looks for new entries although nobody woke it; every second unless
    /// told otherwise. It is a safety net: commits of this process wake it at once, and the store
    /// notices those of others. Where the store tells of every growth of the log it is looked at an
    /// eighth as often, and at what operators in other processes ask for half as often.
    pub fn poll(mut self, poll: Duration) -> Self {
        self.forwarding.poll = poll;
        self
    }

    /// Checks everything and registers the subscriptions in the store: a new one starts after the
    /// last event that is stored now.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) with every problem by name: a
    /// state that a handler asks for and nobody gave, two event types, subscriptions or listeners of one
    /// name, a name that breaks its [rule](NameRule), a durable handler of a local event, a subscription or a
    /// listener without handlers. The
    /// database's.
    pub async fn build(mut self) -> Result<Events<S>, Error> {
        self.check();
        if !self.problems.is_empty() {
            return Err(Error::configuration(self.problems.join("; ")));
        }
        for subscription in &self.subscriptions {
            let (name, handled) = (&subscription.name, subscription.handled_types());
            if subscription.is_revived {
                self.store.revive(name).await?;
            }
            self.store.register(name, subscription.start, &handled).await?;
        }
        Ok(Events::new(Application {
            store: self.store,
            clock: self.clock,
            states: Arc::new(self.states),
            handlers: self.handlers,
            after_commit: self.after_commit,
            after_rollback: self.after_rollback,
            local_pool: LocalPool::new(self.workers),
            subscriptions: self.subscriptions.into_iter().map(Into::into).collect(),
            consumers: self.consumers.into_iter().map(Into::into).collect(),
            forwarding: self.forwarding,
            appended: Notify::new(),
            requested: Notify::new(),
            progress: watch::Sender::new(()),
            watched: Watched::default(),
        }))
    }

    fn check(&mut self) {
        let mut names = HashSet::new();
        for subscription in &mut self.subscriptions {
            if !names.insert(subscription.name.clone()) {
                let name = &subscription.name;
                self.problems.push(format!("two subscriptions are called `{name}`"));
            }
            self.problems.append(&mut subscription.problems(&self.states));
            for event_type in subscription.event_types() {
                self.handlers.types.add(event_type);
            }
        }
        self.check_listeners();
        self.problems.append(&mut self.handlers.problems(&self.states));
        self.problems.extend(self.after_commit.problems(&self.states));
        self.problems.extend(self.after_rollback.problems(&self.states));
    }

    fn check_listeners(&mut self) {
        let mut names = HashSet::new();
        for consumer in &mut self.consumers {
            if !names.insert(consumer.name.clone()) {
                let name = &consumer.name;
                self.problems.push(format!("two listeners are called `{name}`"));
            }
            self.problems.append(&mut consumer.problems(&self.states));
            for event_type in consumer.event_types() {
                self.handlers.types.add(event_type);
            }
        }
    }
}

/// Returns, for each name that breaks `rule`, the reason.
pub(crate) fn broken<'n>(
    rule: NameRule,
    names: impl IntoIterator<Item = &'n String>,
) -> impl Iterator<Item = String> {
    let refused = names.into_iter().filter_map(move |name| rule.check(name).err());
    refused.map(|error| error.to_string())
}
