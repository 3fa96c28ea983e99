//! What an application says of a subscription.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use ensue_core::{AnyEvent, Event, NameRule};

use super::{Reaction, Start, Unknown, UnknownTypes};
use crate::builder::{EventType, broken};
use crate::handler::{BoxedHandler, Erased, States};
use crate::sink::AnySink;
use crate::{Batch, IntoHandler, RetryPolicy, Sink, Store};

/// Takes the handlers of a subscription and how it is run.
#[must_use]
pub struct SubscriptionBuilder<S: Store>(Subscription<S>);

/// A named follower of the log.
pub(crate) struct Subscription<S: Store> {
    pub(crate) name: String,
    pub(crate) start: Start,
    pub(crate) is_revived: bool,
    pub(crate) retry_policy: RetryPolicy,
    pub(crate) deadline: Option<Duration>,
    pub(crate) lanes: usize,
    pub(crate) within: Option<Duration>,
    pub(crate) unknown: Unknown,
    /// At the most so many entries at once, if it has a handler of batches.
    batch: Option<usize>,
    reactions: HashMap<&'static str, Arc<Reaction<S>>>,
    any: Option<Arc<Reaction<S>>>,
    /// If entries are not handled here, where they are sent.
    pub(crate) sink: Option<Box<dyn AnySink>>,
    /// Of which types; without it of all.
    only: Option<HashSet<String>>,
    problems: Vec<String>,
}

impl<S: Store> SubscriptionBuilder<S> {
    pub(crate) fn new(name: &str) -> Self {
        Self(Subscription {
            name: name.to_owned(),
            start: Start::default(),
            is_revived: false,
            retry_policy: RetryPolicy::default(),
            deadline: None,
            lanes: 1,
            within: None,
            unknown: Unknown::default(),
            batch: None,
            reactions: HashMap::new(),
            any: None,
            sink: None,
            only: None,
            problems: Vec::new(),
        })
    }

    /// Lets `handler` ensue from every `E`. A subscription has one handler of a type: what must
    /// succeed or fail by itself is a subscription by itself.
    pub fn on<E: Event, M>(self, handler: impl IntoHandler<E, S, M>) -> Self {
        self.react::<E>(Reaction::on::<E>(handler.into_handler()))
    }

    /// Lets `handler` ensue from up to `size` consecutive `E`s at once: one call, one transaction, one
    /// step of the cursor. For read models and the like, where a transaction for each entry is what
    /// takes the time.
    ///
    /// A batch takes what there is and does not wait for more; it ends before an entry that goes to
    /// another handler or whose key is set aside. If it fails, each of its entries is tried alone, so
    /// that one poisoned entry is set aside by itself: a handler must bear a batch of one. Metadata,
    /// and the cause of whatever it raises, are those of the last entry. There is one lane.
    ///
    /// ```
    /// # use ensue::{Batch, BoxError, Event, Events, Store, Tx};
    /// # #[derive(Event, serde::Serialize, serde::Deserialize)] struct OrderPlaced { total: i64 }
    /// async fn add_up<S: Store>(placed: &Batch<OrderPlaced>, tx: &mut Tx<S>) -> Result<(), BoxError> {
    ///     let revenue: i64 = placed.iter().map(|received| received.event.total).sum();
    ///     println!("{} orders for {revenue} more", placed.len());
    ///     Ok(())
    /// }
    ///
    /// # fn check<S: Store>(store: S) {
    /// # let _ =
    /// Events::builder(store).subscription("revenue", |s| s.on_batch(500, add_up));
    /// # }
    /// ```
    pub fn on_batch<E: Event, M>(
        mut self,
        size: usize,
        handler: impl IntoHandler<Batch<E>, S, M>,
    ) -> Self {
        self.0.take_batch(size);
        self.react::<E>(Reaction::on_batch::<E>(handler.into_handler()))
    }

    fn react<E: Event>(mut self, reaction: Reaction<S>) -> Self {
        let reaction = Arc::new(reaction);
        for name in std::iter::once(&E::TYPE).chain(E::ALIASES) {
            if let Some(other) = self.0.reactions.insert(name, Arc::clone(&reaction)) {
                let (subscription, other) = (&self.0.name, other.handler.name());
                self.0.problems.push(format!(
                    "subscription `{subscription}` has two handlers of event `{name}`, `{other}` \
                     and another; give each a subscription of its own"
                ));
            }
        }
        self
    }

    /// Lets `handler` ensue from every event that no other handler of this subscription takes.
    pub fn on_any<M>(self, handler: impl IntoHandler<AnyEvent, S, M>) -> Self {
        self.react_to_any(Reaction::on_any(handler.into_handler()))
    }

    /// Lets `handler` ensue from up to `size` consecutive events at once that no other handler of
    /// this subscription takes; see [`on_batch`](Self::on_batch).
    pub fn on_any_batch<M>(
        mut self,
        size: usize,
        handler: impl IntoHandler<Batch<AnyEvent>, S, M>,
    ) -> Self {
        self.0.take_batch(size);
        let handler: Erased<S> = handler.into_handler();
        self.react_to_any(Reaction::on_any_batch(handler))
    }

    fn react_to_any(mut self, reaction: Reaction<S>) -> Self {
        if self.0.any.replace(Arc::new(reaction)).is_some() {
            let name = &self.0.name;
            self.0.problems.push(format!("subscription `{name}` has two handlers of any event"));
        }
        self
    }

    /// Sends every entry to `sink` instead of handling it.
    ///
    /// The subscription is like any other: entries of one key are sent one after the other, those that
    /// are refused are set aside, and operators pause, retry, replay and seek. Entries are delivered at
    /// least once, and the other side knows those that it has received before by their ids. While
    /// there is nobody to send to, they wait in the log.
    pub fn forward_to(mut self, sink: impl Sink) -> Self {
        if self.0.sink.replace(Box::new(sink)).is_some() {
            let name = &self.0.name;
            self.0.problems.push(format!("subscription `{name}` has two sinks"));
        }
        self
    }

    /// Sends events of these types alone; the others pass the sink by.
    pub fn only(mut self, event_types: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.0.only.get_or_insert_default().extend(event_types.into_iter().map(Into::into));
        self
    }

    /// Where it starts when its name is seen for the first time.
    pub fn from(mut self, start: Start) -> Self {
        self.0.start = start;
        self
    }

    /// When a failed entry is tried again.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.0.retry_policy = policy;
        self
    }

    /// How many entries may be handled at once, those of one key still one after the other; one
    /// unless told otherwise.
    ///
    /// More pay off where handlers wait for others. On an embedded store they do not where handlers
    /// take `&mut Tx`, since one transaction writes at a time.
    pub fn lanes(mut self, lanes: usize) -> Self {
        self.0.lanes = lanes.clamp(1, Subscription::<S>::LANES_MAX);
        self
    }

    /// How long it may take from the storing of an event to its being handled. What takes longer is
    /// [late](crate::Events::late), and every forwarder logs so as an error, within its
    /// [poll](crate::Builder::poll): once when it begins, and again when it is over.
    pub fn within(mut self, within: Duration) -> Self {
        self.0.within = Some(within);
        self
    }

    /// What becomes of events that only another program has a handler for.
    pub fn unknown_types(mut self, policy: UnknownTypes) -> Self {
        self.0.unknown.policy = policy;
        self
    }

    /// Events of these types pass the subscription by, although it once handled them.
    pub fn passes_by(mut self, event_types: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.0.unknown.passed_by.extend(event_types.into_iter().map(Into::into));
        self
    }

    /// How long one attempt may take before it is dropped and counts as failed: 60 s, for a handler
    /// with `&mut Tx` 5 s, unless told otherwise. In a transaction it is never more than half of the
    /// [lease](crate::Builder::lease).
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.0.deadline = Some(deadline);
        self
    }

    /// Revives a [retired](crate::Operator::retire) subscription of this name: it continues at the old cursor
    /// and keeps the entries set aside. If entries it needs were pruned meanwhile, it is paused until you
    /// [seek](crate::Operator::seek) elsewhere. Without this call, building with a retired name fails.
    pub fn revive(mut self) -> Self {
        self.0.is_revived = true;
        self
    }

    pub(crate) fn finish(self) -> Subscription<S> {
        self.0
    }
}

impl<S: Store> Subscription<S> {
    /// LIMIT: lanes. Each may hold a connection of the handler's, and after a crash as many entries
    /// are tried one by one.
    const LANES_MAX: usize = 256;

    /// LIMIT: entries of a batch: a page. After a crash as many are tried one by one.
    const BATCH_MAX: usize = 1_000;

    /// LIMIT: a handler that calls the outside; longer than any sensible client's timeout.
    const DEADLINE: Duration = Duration::from_secs(60);

    /// LIMIT: a handler in a transaction; on an embedded store nobody else can write meanwhile.
    const DEADLINE_IN_TRANSACTION: Duration = Duration::from_secs(5);

    /// What this subscription does with events called `event_type`; nothing if they pass it by.
    pub(crate) fn reaction(&self, event_type: &str) -> Option<&Reaction<S>> {
        self.reactions.get(event_type).or(self.any.as_ref()).map(Arc::as_ref)
    }

    /// Whether events called `event_type` are any of its business.
    pub(crate) fn wants(&self, event_type: &str) -> bool {
        match &self.sink {
            Some(_) => self.only.as_ref().is_none_or(|only| only.contains(event_type)),
            None => self.reaction(event_type).is_some(),
        }
    }

    /// LIMIT: sending one batch; longer than any sensible sink waits for its confirmation.
    pub(crate) fn deadline_of_sink(&self) -> Duration {
        self.deadline.unwrap_or(Self::DEADLINE)
    }

    fn take_batch(&mut self, size: usize) {
        if self.batch.replace(size.clamp(1, Self::BATCH_MAX)).is_some() {
            let name = &self.name;
            self.problems.push(format!("subscription `{name}` has two handlers of batches"));
        }
    }

    /// How many entries are handled at once; one without a handler of batches.
    pub(crate) fn batch_size(&self) -> usize {
        self.batch.unwrap_or(1)
    }

    /// The names of all that it has a handler for, or alone sends.
    pub(crate) fn handled_types(&self) -> Vec<&str> {
        match (&self.sink, &self.only) {
            (Some(_), Some(only)) => only.iter().map(String::as_str).collect(),
            _ => self.reactions.keys().copied().collect(),
        }
    }

    pub(crate) fn deadline_of(&self, handler: &BoxedHandler<S>, lease: Duration) -> Duration {
        match handler {
            BoxedHandler::Plain(_) => self.deadline.unwrap_or(Self::DEADLINE),
            BoxedHandler::InTransaction { .. } => self.deadline_in_transaction(lease),
        }
    }

    /// An open transaction may keep the lease from being renewed, so it ends well before that does:
    /// an owner that lost its lease by its own handler would do it again and again.
    pub(crate) fn deadline_in_transaction(&self, lease: Duration) -> Duration {
        self.deadline.unwrap_or(Self::DEADLINE_IN_TRANSACTION).min(lease / 2)
    }

    pub(crate) fn event_types(&self) -> impl Iterator<Item = EventType> {
        self.reactions.values().filter_map(|reaction| reaction.event_type)
    }

    /// Takes what is wrong with it, in words.
    pub(crate) fn problems(&mut self, states: &States) -> Vec<String> {
        let name = &self.name;
        let mut problems = std::mem::take(&mut self.problems);
        problems.extend(broken(NameRule::SUBSCRIPTION, [name]));
        problems.extend(broken(NameRule::EVENT_TYPE, self.only.iter().flatten()));
        problems.extend(broken(NameRule::EVENT_TYPE, &self.unknown.passed_by));
        let handles = !self.reactions.is_empty() || self.any.is_some();
        match (&self.sink, handles) {
            (None, false) => {
                problems.push(format!("subscription `{name}` has neither a handler nor a sink"));
            }
            (Some(_), true) => problems.push(format!(
                "subscription `{name}` has a sink and a handler; give each a subscription of its own"
            )),
            (None, true) | (Some(_), false) => {}
        }
        if self.sink.is_some() && self.lanes > 1 {
            problems.push(format!(
                "subscription `{name}` has a sink and lanes; a sink is sent many entries at once anyway"
            ));
        }
        if self.sink.is_none() && self.only.is_some() {
            problems.push(format!(
                "subscription `{name}` names what alone it sends, and has no sink to send it to"
            ));
        }
        if self.batch.is_some() && self.lanes > 1 {
            problems.push(format!(
                "subscription `{name}` has a handler of batches and several lanes; a batch is handled \
                 on one"
            ));
        }
        for reaction in self.reactions.values().chain(&self.any) {
            if let Some(EventType { name: event_type, local: true, .. }) = reaction.event_type {
                problems.push(format!(
                    "subscription `{name}` handles event `{event_type}`, which is local and never \
                     stored; handle it with `Builder::on`, or drop `local` from the event"
                ));
            }
            problems.extend(reaction.handler.description().problem(states));
        }
        problems
    }
}
