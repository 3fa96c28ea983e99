//! A queue in the memory of one process.

use std::collections::{BTreeMap, VecDeque};

use ensue_core::{AnyEvent, Event, EventId, Meta, Timestamp};
use tokio::sync::watch;

use crate::BoxError;
use crate::listener::{Arrival, Message, Session, Source, Tag, Unreadable};

/// A queue in memory, as a [`Source`] for tests that need no broker, with what can go wrong in one.
///
/// A handle: clones share the queue. Sessions that are open at once share out what arrives.
///
/// ```
/// use ensue::testing::{MemoryQueue, MemoryStore};
/// use ensue::{Event, Events, Listener};
/// # use std::time::Duration;
///
/// #[derive(Event, serde::Serialize, serde::Deserialize)]
/// struct OrderCancelled { order_no: u32 }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), ensue::Error> {
/// let queue = MemoryQueue::default();
/// let refund = |cancelled: &OrderCancelled| println!("refunded {}", cancelled.order_no);
/// let events = Events::builder(MemoryStore::<()>::default())
///     .listen(Listener::new("refunds", queue.clone()).on(refund))
///     .build()
///     .await?;
/// let listening = events.listen();
/// queue.send("shop", OrderCancelled { order_no: 7 });
/// queue.drained().await;
/// assert!(listening.shutdown(Duration::from_secs(30)).await);
/// assert_eq!(events.listener_counts("refunds")?.handled, 1);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Default)]
pub struct MemoryQueue(watch::Sender<State>);

#[derive(Debug, Default)]
struct State {
    /// To be delivered, and whether they may have been before.
    queue: VecDeque<(Body, bool)>,
    /// Delivered, to which session, and not acknowledged.
    unacknowledged: BTreeMap<Tag, (u64, Body)>,
    next_tag: u64,
    next_session: u64,
    /// Sessions of a lower number are lost.
    first_session: u64,
    loses_acknowledgement: bool,
}

type Body = Result<Message, Unreadable>;

/// A session of a [`MemoryQueue`].
#[derive(Debug)]
pub struct MemorySession {
    queue: watch::Sender<State>,
    number: u64,
    prefetch: usize,
    is_stopped: bool,
}

impl MemoryQueue {
    /// Sends `event` as `source` would, with a new id.
    ///
    /// # Panics
    /// If the event is local, or cannot be encoded.
    pub fn send<E: Event>(&self, source: &str, event: E) -> EventId {
        let message = Self::message(source, event);
        let id = message.envelope.id;
        self.deliver(message);
        id
    }

    /// The message that [`send`](Self::send) would send.
    ///
    /// # Panics
    /// If the event is local, or cannot be encoded.
    #[expect(clippy::expect_used, reason = "for tests")]
    pub fn message<E: Event>(source: &str, event: E) -> Message {
        let event = AnyEvent::new(event, Timestamp::from(std::time::SystemTime::now()));
        let id = EventId::now();
        let envelope = event.to_envelope(&Meta::of(&event, id)).expect("an event to be sent");
        Message { source: source.to_owned(), id: id.to_string(), sequence: None, envelope }
    }

    /// Delivers `message`, behind whatever is in the queue.
    pub fn deliver(&self, message: Message) {
        self.push(Ok(message));
    }

    /// Delivers what is no event.
    pub fn deliver_unreadable(&self, unreadable: Unreadable) {
        self.push(Err(unreadable));
    }

    fn push(&self, body: Body) {
        self.0.send_modify(|state| state.queue.push_back((body, false)));
    }

    /// How many messages are not acknowledged, delivered or not.
    pub fn waiting(&self) -> usize {
        self.0.borrow().waiting()
    }

    /// Ends when every message is acknowledged.
    pub async fn drained(&self) {
        let mut watching = self.0.subscribe();
        // The sender is here, so it is never gone.
        let _drained = watching.wait_for(|state| state.waiting() == 0).await;
    }

    /// Every session is lost: what is not acknowledged arrives again, first and in its order.
    pub fn cut(&self) {
        self.0.send_modify(State::cut);
    }

    /// As [`cut`](Self::cut), in the middle of the next acknowledgement, which nobody hears.
    pub fn lose_next_acknowledgement(&self) {
        self.0.send_modify(|state| state.loses_acknowledgement = true);
    }

    /// Turns round the order of what is to be delivered, as some brokers do when they get it back.
    pub fn reverse(&self) {
        self.0.send_modify(|state| state.queue.make_contiguous().reverse());
    }
}

impl State {
    fn waiting(&self) -> usize {
        self.queue.len() + self.unacknowledged.len()
    }

    fn cut(&mut self) {
        self.first_session = self.next_session;
        self.take_back(|_| true);
    }

    /// What those sessions have not acknowledged.
    fn take_back(&mut self, is_of: impl Fn(u64) -> bool) {
        let all = std::mem::take(&mut self.unacknowledged);
        for (tag, (session, body)) in all.into_iter().rev() {
            match is_of(session) {
                true => self.queue.push_front((body, true)),
                false => drop(self.unacknowledged.insert(tag, (session, body))),
            }
        }
    }

    fn room_of(&self, session: &MemorySession) -> usize {
        let taken = self.unacknowledged.values().filter(|(of, _)| *of == session.number).count();
        session.prefetch.saturating_sub(taken)
    }

    fn is_lost(&self, session: &MemorySession) -> bool {
        session.number < self.first_session
    }

    fn give(&mut self, session: &MemorySession) -> Vec<Arrival> {
        let most = self.room_of(session).min(self.queue.len());
        let given: Vec<_> = self.queue.drain(..most).collect();
        let arrivals = given.into_iter().map(|(message, is_redelivered)| {
            let tag = Tag(self.next_tag);
            self.next_tag += 1;
            self.unacknowledged.insert(tag, (session.number, message.clone()));
            Arrival { tag, is_redelivered, message }
        });
        arrivals.collect()
    }
}

impl Source for MemoryQueue {
    type Session = MemorySession;

    async fn open(&self, prefetch: u16) -> Result<MemorySession, BoxError> {
        let (queue, mut number) = (self.0.clone(), 0);
        self.0.send_modify(|state| {
            number = state.next_session;
            state.next_session += 1;
        });
        Ok(MemorySession { queue, number, prefetch: prefetch.into(), is_stopped: false })
    }

    async fn drained(&self) {
        Self::drained(self).await;
    }
}

impl Session for MemorySession {
    async fn receive(&mut self) -> Result<Vec<Arrival>, BoxError> {
        if self.is_stopped {
            return Ok(Vec::new());
        }
        let mut watching = self.queue.subscribe();
        loop {
            let is_there = |state: &State| {
                state.is_lost(self) || (!state.queue.is_empty() && state.room_of(self) > 0)
            };
            watching.wait_for(is_there).await?;
            let mut given = Ok(Vec::new());
            self.queue.send_modify(|state| {
                given = match state.is_lost(self) {
                    true => Err("the session was cut"),
                    false => Ok(state.give(self)),
                };
            });
            // Another session may have been faster.
            let given = given?;
            if !given.is_empty() {
                return Ok(given);
            }
        }
    }

    async fn acknowledge(&mut self, tags: &[Tag]) -> Result<(), BoxError> {
        let mut is_heard = false;
        self.queue.send_modify(|state| {
            if std::mem::take(&mut state.loses_acknowledgement) {
                state.cut();
            }
            is_heard = !state.is_lost(self);
            if is_heard {
                state.unacknowledged.retain(|tag, _| !tags.contains(tag));
            }
        });
        match is_heard {
            true => Ok(()),
            false => Err("the session was cut".into()),
        }
    }

    async fn stop(&mut self) -> Result<(), BoxError> {
        self.is_stopped = true;
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), BoxError> {
        Ok(())
    }
}

impl Drop for MemorySession {
    fn drop(&mut self) {
        self.queue.send_modify(|state| state.take_back(|session| session == self.number));
    }
}
