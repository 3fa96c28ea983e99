//! What an application says of a subscription.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use ensue_core::{AnyEvent, Envelope, Event, PayloadError};

use super::Start;
use crate::builder::EventType;
use crate::handler::{BoxedHandler, States};
use crate::{IntoHandler, RetryPolicy, Store};

/// Takes the handlers of a subscription and how it is run.
#[must_use]
pub struct SubscriptionBuilder<S: Store>(Subscription<S>);

/// A named follower of the log.
pub(crate) struct Subscription<S: Store> {
    pub(crate) name: String,
    pub(crate) start: Start,
    pub(crate) retry_policy: RetryPolicy,
    pub(crate) deadline: Option<Duration>,
    pub(crate) lanes: usize,
    pub(crate) within: Option<Duration>,
    reactions: HashMap<&'static str, Arc<Reaction<S>>>,
    any: Option<Arc<Reaction<S>>>,
    problems: Vec<String>,
}

/// What a subscription does with one type of event.
pub(crate) struct Reaction<S: Store> {
    pub(crate) handler: BoxedHandler<S>,
    decode: fn(Envelope) -> Result<AnyEvent, PayloadError>,
    event_type: Option<EventType>,
}

impl<S: Store> Reaction<S> {
    pub(crate) fn decode(&self, envelope: Envelope) -> Result<AnyEvent, PayloadError> {
        (self.decode)(envelope)
    }
}

impl<S: Store> SubscriptionBuilder<S> {
    pub(crate) fn new(name: &str) -> Self {
        Self(Subscription {
            name: name.to_owned(),
            start: Start::default(),
            retry_policy: RetryPolicy::default(),
            deadline: None,
            lanes: 1,
            within: None,
            reactions: HashMap::new(),
            any: None,
            problems: Vec::new(),
        })
    }

    /// Lets `handler` ensue from every `E`. A subscription has one handler of a type: what must
    /// succeed or fail by itself is a subscription by itself.
    pub fn on<E: Event, M>(mut self, handler: impl IntoHandler<E, S, M>) -> Self {
        let reaction = Arc::new(Reaction {
            handler: handler.into_handler().0,
            decode: decode::<E>,
            event_type: Some(EventType::of::<E>()),
        });
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
    pub fn on_any<M>(mut self, handler: impl IntoHandler<AnyEvent, S, M>) -> Self {
        let reaction = Arc::new(Reaction {
            handler: handler.into_handler().0,
            decode: |envelope| Ok(AnyEvent::stored(envelope)),
            event_type: None,
        });
        if self.0.any.replace(reaction).is_some() {
            let name = &self.0.name;
            self.0.problems.push(format!("subscription `{name}` has two handlers of any event"));
        }
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

    /// How long one attempt may take before it is dropped and counts as failed: 60 s, for a handler
    /// with `&mut Tx` 5 s, unless told otherwise. In a transaction it is never more than half of the
    /// [lease](crate::Builder::lease).
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.0.deadline = Some(deadline);
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

    /// LIMIT: a handler that calls the outside; longer than any sensible client's timeout.
    const DEADLINE: Duration = Duration::from_secs(60);

    /// LIMIT: a handler in a transaction; on an embedded store nobody else can write meanwhile.
    const DEADLINE_IN_TRANSACTION: Duration = Duration::from_secs(5);

    /// What this subscription does with events called `event_type`; nothing if they pass it by.
    pub(crate) fn reaction(&self, event_type: &str) -> Option<&Reaction<S>> {
        self.reactions.get(event_type).or(self.any.as_ref()).map(Arc::as_ref)
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
        if name.trim().is_empty() {
            problems.push("a subscription has no name".to_owned());
        }
        if self.reactions.is_empty() && self.any.is_none() {
            problems.push(format!("subscription `{name}` has no handler"));
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

#[expect(clippy::needless_pass_by_value, reason = "handlers of any event keep the envelope")]
fn decode<E: Event>(envelope: Envelope) -> Result<AnyEvent, PayloadError> {
    let event = E::decode(&envelope.payload, envelope.version)?;
    Ok(AnyEvent::new(event, envelope.occurred_at))
}
