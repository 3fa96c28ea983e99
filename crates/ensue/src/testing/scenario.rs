//! Given, when, then, eventually.

use std::fmt::Write;
use std::time::Duration;

use ensue_core::Position;

use super::VirtualClock;
use crate::forwarder::settle;
use crate::store::Page;
use crate::{Builder, Clock, Entry, Error, Event, Events, Store, Timestamp};

/// LIMIT: how often time is moved on to what is due next; more is a retry that never ends.
const ROUNDS_MAX: u32 = 10_000;

/// LIMIT: entries read at once.
const PAGE_ROWS: u32 = 1_000;

/// An application in a test: what happens is done in the test's own task, and what ensues from it
/// ensues when the test says so, in virtual time.
///
/// - *Given* is the past: it happens, everything ensues, and its events are forgotten.
/// - *When* is what is tested: its events can be looked at.
/// - *Eventually* lets time pass, from one retry to the next, until what is expected is so.
///
/// Nothing runs in the background, nothing sleeps, and what is due in five minutes takes no longer
/// than what is due now.
///
/// ```
/// use ensue::testing::{MemoryStore, Scenario};
/// use ensue::{Error, Event, Events, State, raise};
/// use serde::{Deserialize, Serialize};
/// use std::sync::{Arc, Mutex};
///
/// #[derive(Debug, PartialEq, Event, Serialize, Deserialize)]
/// #[event(type = "order.cancelled")]
/// struct OrderCancelled { amount: u32 }
///
/// /// A gateway that fails the first time.
/// #[derive(Clone, Default)]
/// struct Gateway(Arc<Mutex<(bool, u32)>>);
///
/// fn refund(event: &OrderCancelled, State(gateway): State<Gateway>) -> Result<(), String> {
///     let (is_up, refunded) = &mut *gateway.0.lock().unwrap();
///     if !std::mem::replace(is_up, true) {
///         return Err("the gateway is down".into());
///     }
///     *refunded += event.amount;
///     Ok(())
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Error> {
/// let gateway = Gateway::default();
/// let builder = Events::builder(MemoryStore::<()>::default())
///     .state(gateway.clone())
///     .subscribe("refunds", refund);
/// let mut scenario = Scenario::of(builder).await?;
///
/// let cancelling = scenario.events().clone();
/// scenario.when(cancelling.run(async |_tx| {
///     raise(OrderCancelled { amount: 900 });
///     Ok::<_, Error>(())
/// })).await?;
///
/// assert_eq!(scenario.raised::<OrderCancelled>().await?, [OrderCancelled { amount: 900 }]);
/// scenario.eventually(async || gateway.0.lock().unwrap().1 == 900).await?;
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Scenario<S: Store> {
    events: Events<S>,
    clock: VirtualClock,
    /// What was in the log before what is tested.
    past: Position,
}

impl<S: Store> Scenario<S> {
    /// Builds the application with a virtual clock.
    ///
    /// # Errors
    /// As [`Builder::build`].
    pub async fn of(builder: Builder<S>) -> Result<Self, Error> {
        let clock = VirtualClock::default();
        let events = builder.clock(&clock).build().await?;
        let past = events.head().await?;
        Ok(Self { events, clock, past })
    }

    /// The application, for the services under test.
    pub fn events(&self) -> &Events<S> {
        &self.events
    }

    /// The time in which events occur, and failed entries are tried again.
    pub fn clock(&self) -> &VirtualClock {
        &self.clock
    }

    /// Lets `past` happen, and everything ensue from it that can now; its events are not those that
    /// [`raised`](Self::raised) shows.
    ///
    /// # Errors
    /// The error of `past`, or of [`settle`](Self::settle).
    pub async fn given<T, E: From<Error>>(
        &mut self,
        past: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let value = past.await?;
        self.settle().await?;
        self.past = self.events.head().await?;
        Ok(value)
    }

    /// Lets `act` happen. What ensues durably from it does not, until
    /// [`settle`](Self::settle) or [`eventually`](Self::eventually).
    ///
    /// # Errors
    /// The error of `act`, and the database's.
    pub async fn when<T, E: From<Error>>(
        &mut self,
        act: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        self.past = self.events.head().await?;
        act.await
    }

    /// The events of type `E` that are in the log since [`when`](Self::when) began, in its order.
    /// Local events are never stored; see [`capture`](crate::capture) for those.
    ///
    /// # Errors
    /// The database's; [`ErrorKind::Payload`](crate::ErrorKind::Payload) if one cannot be read as
    /// what it was stored as.
    pub async fn raised<E: Event>(&self) -> Result<Vec<E>, Error> {
        let log = self.log().await?;
        let of_type = log.iter().map(|entry| &entry.envelope).filter(|envelope| {
            envelope.event_type == E::TYPE || E::ALIASES.contains(&&*envelope.event_type)
        });
        let decoded = of_type.map(|envelope| E::decode(&envelope.payload, envelope.version));
        Ok(decoded.collect::<Result<_, _>>()?)
    }

    /// Every entry that is in the log since [`when`](Self::when) began.
    ///
    /// # Errors
    /// The database's.
    pub async fn log(&self) -> Result<Vec<Entry>, Error> {
        let mut log: Vec<Entry> = Vec::new();
        loop {
            let after = log.last().map_or(self.past, |entry| entry.position);
            let page = self.events.store().entries(Page::new(after, PAGE_ROWS)).await?;
            if page.is_empty() {
                return Ok(log);
            }
            log.extend(page);
        }
    }

    /// Lets everything ensue that can at this time, and everything that ensues from that: handlers
    /// after the commit, the subscriptions, and listeners to a [`MemoryQueue`](super::MemoryQueue), whose
    /// messages are acknowledged by then. A failed entry waits until its next retry is due. A message is
    /// retried, in real time, until it is handled or becomes a dead letter.
    ///
    /// # Errors
    /// The database's; if a forwarder runs the application's subscriptions.
    ///
    /// CANCEL-SAFE: dropped, the handler that runs is dropped and its transaction rolls back.
    pub async fn settle(&self) -> Result<(), Error> {
        self.settle_until_next().await.map(drop)
    }

    /// Lets everything ensue, and moves the clock on to the next attempt at what failed, again and
    /// again, until `is_so`. How much time has passed on the clock by then.
    ///
    /// # Errors
    /// As [`settle`](Self::settle).
    ///
    /// # Panics
    /// If nothing more is going to ensue, and it is still not so; the message says where each
    /// subscription stands.
    pub async fn eventually(&self, is_so: impl AsyncFn() -> bool) -> Result<Duration, Error> {
        let began_at = self.clock.now();
        for _ in 0..ROUNDS_MAX {
            let due = self.settle_until_next().await?;
            if is_so().await {
                return Ok(self.clock.now().since(began_at));
            }
            let Some(due) = due else { break };
            self.clock.set(due.max(self.clock.now()));
        }
        panic!("nothing more ensues, and it is not so:{}", self.standings().await?);
    }

    /// The time at which more is due, if any is.
    async fn settle_until_next(&self) -> Result<Option<Timestamp>, Error> {
        settle(self.events.application(), &Clock::from(&self.clock)).await
    }

    async fn standings(&self) -> Result<String, Error> {
        let mut standings = String::new();
        for name in self.events.subscriptions() {
            let status = self.events.status(name).await?;
            _ = write!(standings, "\n  {name}: handled up to {}", status.cursor);
            for entry in &status.set_aside {
                let why = entry.failure.as_ref().map_or("", |failure| &failure.message);
                let (position, state) = (entry.position, entry.state.name());
                _ = write!(standings, "\n    {position} {state}: {why}");
            }
        }
        Ok(standings)
    }
}
