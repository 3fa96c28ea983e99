//! What arrives from elsewhere is handled here: once, in the order of its key, and acknowledged after.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ensue::listener::{Message, Source, Unreadable};
use ensue::store::Page;
use ensue::subscription::FailureClass;
use ensue::testing::MemoryQueue;
use ensue::{
    AnyEvent, Batch, BoxError, Builder, CorrelationId, DeadLetter, Error, ErrorKind, Event,
    EventId, Events, Listener, ListenerCounts, Log, Meta, Position, Received, Retried, RetryPolicy,
    State, permanent, raise,
};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use crate::shop::{OrderPlaced, OrderShipped, OrderState, Store, Tx, placed, shipped};

/// LIMIT: how long a test waits for what must happen; only a failing one gets there.
const PATIENCE: Duration = Duration::from_secs(600);

const SOON: Duration = Duration::from_millis(1);

/// What was handled, in order, and what is refused.
#[derive(Clone, Default)]
struct Van(Arc<Mutex<Load>>);

#[derive(Default)]
struct Load {
    refused: HashSet<String>,
    loaded: Vec<String>,
    tries: u32,
}

impl Van {
    fn refuse(&self, order_no: &str) {
        self.0.lock().unwrap().refused.insert(order_no.to_owned());
    }

    fn accept(&self, order_no: &str) {
        self.0.lock().unwrap().refused.remove(order_no);
    }

    fn load(&self, order_no: &str) -> Result<(), String> {
        let Load { refused, loaded, tries } = &mut *self.0.lock().unwrap();
        *tries += 1;
        match refused.contains(order_no) {
            true => Err(format!("{order_no} does not fit into the van")),
            false => {
                loaded.push(order_no.to_owned());
                Ok(())
            }
        }
    }

    fn loaded(&self) -> Vec<String> {
        self.0.lock().unwrap().loaded.clone()
    }

    fn tries(&self) -> u32 {
        self.0.lock().unwrap().tries
    }
}

/// The effect, and an event of its own.
async fn ship(event: &OrderPlaced, State(van): State<Van>, tx: &mut Tx) -> Result<(), String> {
    van.load(&event.order_no)?;
    tx.insert(event.order_no.clone(), OrderState::Shipped);
    raise(shipped(&event.order_no));
    Ok(())
}

async fn book_a_carrier(event: &OrderPlaced, State(van): State<Van>) -> Result<(), String> {
    van.load(&event.order_no)?;
    raise(shipped(&event.order_no));
    Ok(())
}

fn eager() -> RetryPolicy {
    RetryPolicy::default().attempts(3).backoff(SOON, SOON)
}

struct Depot {
    queue: MemoryQueue,
    van: Van,
    store: Store,
    events: Events<Store>,
}

impl Depot {
    /// One with the listener `shipping` as it is described.
    async fn of(describe: impl FnOnce(Listener<Store>) -> Listener<Store>) -> Self {
        let (queue, van, store) = (MemoryQueue::default(), Van::default(), Store::default());
        let events = build(&store, &van, &queue, describe).await.unwrap();
        Self { queue, van, store, events }
    }

    fn counts(&self) -> ListenerCounts {
        self.events.listener_counts("shipping").unwrap()
    }

    fn place(&self, order_nos: &[&str]) {
        for order_no in order_nos {
            self.queue.send("shop", placed(order_no));
        }
    }

    async fn drain(&self) {
        tokio::time::timeout(PATIENCE, self.queue.drained()).await.expect("not all acknowledged");
    }

    /// Listens until everything is acknowledged.
    async fn listen_once(&self) {
        let listening = self.events.listen();
        self.drain().await;
        assert!(listening.shutdown(PATIENCE).await);
    }

    async fn log(&self) -> Vec<Meta> {
        let entries = self.store.entries(Page::new(Position::START, 1_000)).await.unwrap();
        entries.iter().map(|entry| entry.meta(1)).collect()
    }

    async fn until(&self, is_so: impl Fn(ListenerCounts) -> bool) {
        let asking = async {
            while !is_so(self.counts()) {
                tokio::time::sleep(SOON).await;
            }
        };
        tokio::time::timeout(PATIENCE, asking).await.expect("it never came to be");
    }
}

async fn build(
    store: &Store,
    van: &Van,
    queue: &MemoryQueue,
    describe: impl FnOnce(Listener<Store>) -> Listener<Store>,
) -> Result<Events<Store>, Error> {
    let listener = describe(Listener::new("shipping", queue.clone()).retry(eager()));
    Events::builder(store.clone()).state(van.clone()).listen(listener).build().await
}

#[tokio::test]
async fn a_message_has_its_effect_with_its_receipt_and_what_it_raises_continues_its_story() {
    let depot = Depot::of(|listener| listener.on(ship)).await;
    let mut message = MemoryQueue::message("shop", placed("A-1"));
    message.envelope.hops = 3;
    message.envelope.trace_context = Some("00-1-2-01".to_owned());
    depot.queue.deliver(message.clone());
    depot.listen_once().await;
    assert_eq!(depot.store.state()["A-1"], OrderState::Shipped);
    let [raised] = &depot.log().await[..] else { panic!("not one event") };
    assert_eq!(raised.causation_id, Some(message.envelope.id));
    assert_eq!(raised.correlation_id, message.envelope.correlation_id);
    assert_eq!((raised.hops, raised.trace_context.as_deref()), (4, Some("00-1-2-01")));
    assert_eq!(depot.counts().handled, 1);
}

#[tokio::test]
async fn messages_of_one_transaction_each_continue_their_own_story() {
    let depot = Depot::of(|listener| listener.on(ship)).await;
    let messages = ["A-1", "B-1", "C-1"].map(|no| MemoryQueue::message("shop", placed(no)));
    messages.iter().for_each(|message| depot.queue.deliver(message.clone()));
    depot.listen_once().await;
    let log = depot.log().await;
    let stories: Vec<_> = log.iter().map(|meta| meta.correlation_id.clone()).collect();
    let expected: Vec<_> =
        messages.iter().map(|message| message.envelope.correlation_id.clone()).collect();
    assert_eq!(stories, expected);
    let causes: Vec<_> = log.iter().map(|meta| meta.causation_id.unwrap()).collect();
    assert_eq!(causes, messages.map(|message| message.envelope.id));
}

#[tokio::test]
async fn what_arrives_again_after_its_commit_is_acknowledged_and_not_handled() {
    let depot = Depot::of(|listener| listener.on(ship)).await;
    depot.queue.lose_next_acknowledgement();
    depot.place(&["A-1", "B-1", "A-2"]);
    depot.listen_once().await;
    assert_eq!(depot.van.loaded(), ["A-1", "B-1", "A-2"]);
    let counts = depot.counts();
    assert_eq!((counts.handled, counts.duplicates, counts.lost_sessions), (3, 3, 1));
    assert_eq!(depot.log().await.len(), 3);
}

#[tokio::test]
async fn what_a_producer_sends_twice_is_handled_once_whatever_calls_the_outside() {
    for is_outside in [false, true] {
        let depot = Depot::of(|listener| match is_outside {
            true => listener.on(book_a_carrier),
            false => listener.on(ship),
        })
        .await;
        let message = MemoryQueue::message("shop", placed("A-1"));
        depot.queue.deliver(message.clone());
        depot.queue.deliver(message);
        depot.listen_once().await;
        assert_eq!((depot.van.loaded(), depot.log().await.len()), (vec!["A-1".to_owned()], 1));
    }
}

/// As while a newer program is rolled out: the older one has no handler for what the newer one's queue is
/// bound to.
#[tokio::test]
async fn what_an_older_program_did_not_know_is_handled_by_the_newer_one_in_its_order() {
    let (queue, van, store) = (MemoryQueue::default(), Van::default(), Store::default());
    let older = build(&store, &van, &queue, |listener| listener.on(note_shipped)).await.unwrap();
    let older =
        Depot { queue: queue.clone(), van: van.clone(), store: store.clone(), events: older };
    for (sequence, order_no) in [(3, "A-3"), (1, "A-1"), (2, "A-2")] {
        let mut message = MemoryQueue::message("shop", placed(order_no));
        message.sequence = Some(sequence);
        queue.deliver(message);
    }
    older.listen_once().await;
    assert_eq!(older.counts().dead, 3);
    let newer = build(&store, &van, &queue, |listener| listener.on(ship)).await.unwrap();
    let newer = Depot { events: newer, ..older };
    let listening = newer.events.listen();
    let letters = newer.events.dead_letters("shipping").unwrap();
    let retried = async {
        while !letters.list(None, 1).await.unwrap().is_empty() {
            tokio::time::sleep(SOON).await;
        }
    };
    tokio::time::timeout(PATIENCE, retried).await.expect("they are dead still");
    assert!(listening.shutdown(PATIENCE).await);
    assert_eq!(newer.van.loaded(), ["A-1", "A-2", "A-3"]);
}

/// It would otherwise end every process that begins to listen.
#[tokio::test]
async fn what_a_newer_program_ends_with_is_tried_by_it_once() {
    let (queue, van, store) = (MemoryQueue::default(), Van::default(), Store::default());
    let older = build(&store, &van, &queue, |listener| listener.on(note_shipped)).await.unwrap();
    let older =
        Depot { queue: queue.clone(), van: van.clone(), store: store.clone(), events: older };
    older.place(&["A-1"]);
    older.listen_once().await;
    let (gate, events) = gated(&van, &store, &queue).await;
    let listening = events.listen();
    gate.has_begun().await;
    // Nothing of the process is left but what it has stored.
    assert!(!listening.shutdown(Duration::ZERO).await);
    let (gate, events) = gated(&van, &store, &queue).await;
    let newer = Depot { queue, van, store, events };
    newer.place(&["B-1"]);
    gate.open(2);
    newer.listen_once().await;
    assert_eq!(newer.van.loaded(), ["B-1"]);
    let letters = newer.events.dead_letters("shipping").unwrap();
    let dead = letters.list(None, 10).await.unwrap();
    assert_eq!((dead.len(), dead[0].failure.class), (1, FailureClass::Crash));
    assert_eq!(letters.retry(dead[0].id).await.unwrap(), Retried::Handled);
    assert_eq!(newer.van.loaded(), ["B-1", "A-1"]);
}

/// By what recognises it now, and not by what it was to who could not read it.
#[tokio::test]
async fn what_is_read_after_all_is_handled_once_however_it_arrives() {
    for is_outside in [false, true] {
        let depot = Depot::of(|listener| match is_outside {
            true => listener.on(book_a_carrier),
            false => listener.on(ship),
        })
        .await;
        let event = |number: usize| {
            let message = MemoryQueue::message("shop", placed(&format!("A-{number}")));
            let headers = [
                ("ce-specversion", "1.0"),
                ("ce-id", &message.id),
                ("ce-source", "shop"),
                ("ce-type", "order.placed"),
            ];
            let unread = Unreadable::new("of a newer kind", &*message.envelope.payload);
            let unread = unread.with_content_type("application/json").with_headers(headers);
            (message, unread)
        };
        let [(before, unread_before), (after, unread_after)] = [event(1), event(2)];
        depot.queue.deliver_unreadable(unread_before);
        depot.queue.deliver_unreadable(unread_after);
        depot.queue.deliver(before);
        depot.listen_once().await;
        let letters = depot.events.dead_letters("shipping").unwrap();
        for letter in letters.list(None, 10).await.unwrap() {
            assert_eq!(letters.retry(letter.id).await.unwrap(), Retried::Handled);
        }
        depot.queue.deliver(after);
        depot.listen_once().await;
        let mut loaded = depot.van.loaded();
        loaded.sort();
        assert_eq!((loaded, depot.log().await.len()), (vec!["A-1".into(), "A-2".into()], 2));
        assert!(letters.list(None, 10).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn all_dead_letters_of_a_class_are_tried_again_once_and_those_of_others_are_not() {
    let depot = Depot::of(|listener| listener.on(ship)).await;
    for order_no in ["A-1", "B-1", "C-1"] {
        depot.van.refuse(order_no);
    }
    depot.place(&["A-1", "B-1", "C-1"]);
    depot.queue.deliver(undecodable());
    depot.listen_once().await;
    depot.van.accept("A-1");
    depot.van.accept("C-1");
    let (letters, tries) = (depot.events.dead_letters("shipping").unwrap(), depot.van.tries());
    let retried = letters.retry_all(FailureClass::Handler).await.unwrap();
    assert_eq!((retried.handled, retried.failed, depot.van.tries() - tries), (2, 1, 3));
    let mut loaded = depot.van.loaded();
    loaded.sort();
    assert_eq!(
        (loaded, letters.list(None, 10).await.unwrap().len()),
        (vec!["A-1".into(), "C-1".into()], 2)
    );
}

fn event_id(letter: &DeadLetter) -> EventId {
    letter.message.as_ref().unwrap().envelope.id
}

#[tokio::test]
async fn two_services_may_give_two_events_one_id() {
    let depot = Depot::of(|listener| listener.on(ship)).await;
    let of_shop = MemoryQueue::message("/shop", placed("A-1"));
    let mut of_till = MemoryQueue::message("/till", placed("B-1"));
    of_till.id = of_shop.id.clone();
    of_till.envelope.id = of_shop.envelope.id;
    for message in [&of_shop, &of_till, &of_till, &of_shop] {
        depot.queue.deliver(message.clone());
    }
    depot.listen_once().await;
    assert_eq!(depot.van.loaded(), ["A-1", "B-1"]);
    assert_eq!((depot.counts().handled, depot.counts().duplicates), (2, 2));
}

#[tokio::test]
async fn what_fails_is_a_dead_letter_after_its_attempts_and_holds_up_its_key_alone() {
    let depot = Depot::of(|listener| listener.on(ship)).await;
    depot.van.refuse("B-1");
    let first = depot.queue.send("shop", placed("A-1"));
    let refused = depot.queue.send("shop", placed("B-1"));
    depot.place(&["C-1", "B-1", "A-1"]);
    depot.listen_once().await;
    assert_eq!(
        depot.van.loaded().len(),
        3 + 1,
        "one was done twice, since the batch was rolled back"
    );
    assert_eq!(depot.log().await.len(), 3);
    let letters = depot.events.dead_letters("shipping").unwrap().list(None, 10).await.unwrap();
    assert_eq!(letters.len(), 2);
    let letter = letters.iter().find(|letter| event_id(letter) == refused).unwrap();
    assert_eq!(letter.attempts, 3);
    assert_eq!(letter.failure.class, FailureClass::Handler);
    assert!(letter.failure.message.contains("B-1 does not fit"), "{}", letter.failure.message);
    let message = letter.message.as_ref().unwrap();
    assert_eq!((message.source.as_str(), message.envelope.key.as_deref()), ("shop", Some("B-1")));
    assert_ne!(first, refused);
    let counts = depot.counts();
    assert_eq!((counts.handled, counts.dead, counts.failed), (3, 2, 6));
}

#[tokio::test]
async fn a_failure_that_no_attempt_would_change_is_a_dead_letter_at_once() {
    async fn refuse(_: &OrderPlaced, _tx: &mut Tx) -> Result<(), BoxError> {
        Err(permanent("no such street").into())
    }
    let depot = Depot::of(|listener| listener.on(refuse)).await;
    depot.place(&["A-1"]);
    depot.listen_once().await;
    let letters = depot.events.dead_letters("shipping").unwrap().list(None, 10).await.unwrap();
    assert_eq!((letters.len(), letters[0].attempts), (1, 1));
}

#[tokio::test]
async fn a_dead_letter_is_tried_again_by_hand_in_one_transaction_and_is_then_handled_for_good() {
    for is_outside in [false, true] {
        let depot = Depot::of(|listener| match is_outside {
            true => listener.on(book_a_carrier),
            false => listener.on(ship),
        })
        .await;
        depot.van.refuse("A-1");
        let message = MemoryQueue::message("shop", placed("A-1"));
        let id = message.receipt_id();
        depot.queue.deliver(message.clone());
        depot.listen_once().await;
        let letters = depot.events.dead_letters("shipping").unwrap();
        let Retried::Failed(failure) = letters.retry(id).await.unwrap() else {
            panic!("it does not fit yet");
        };
        assert!(failure.message.contains("does not fit"), "{}", failure.message);
        assert_eq!(letters.list(None, 10).await.unwrap()[0].attempts, 4);
        depot.van.accept("A-1");
        assert_eq!(letters.retry(id).await.unwrap(), Retried::Handled);
        assert_eq!(letters.retry(id).await.unwrap(), Retried::Gone);
        assert!(letters.list(None, 10).await.unwrap().is_empty());
        let [raised] = &depot.log().await[..] else { panic!("not one event") };
        assert_eq!(raised.causation_id, Some(message.envelope.id));
        depot.queue.deliver(message);
        depot.listen_once().await;
        assert_eq!(depot.van.loaded(), ["A-1"], "it had been handled");
    }
}

/// The gateway gets only one call.
#[tokio::test]
async fn of_two_who_try_a_dead_letter_again_at_once_one_calls_the_outside() {
    async fn call(
        event: &OrderPlaced,
        State(van): State<Van>,
        State(gate): State<Gate>,
    ) -> Result<(), BoxError> {
        gate.pass().await?;
        Ok(van.load(&event.order_no)?)
    }
    let (store, queue, van) = (Store::default(), MemoryQueue::default(), Van::default());
    let gate = Gate::closed();
    let build = async |store: Store| {
        let listener = Listener::new("shipping", queue.clone()).on(call).retry(eager());
        let builder = Events::builder(store).state(van.clone()).state(gate.clone());
        builder.listen(listener).build().await.unwrap()
    };
    let depot = Depot {
        queue: queue.clone(),
        van: van.clone(),
        store: store.clone(),
        events: build(store.clone()).await,
    };
    van.refuse("A-1");
    gate.open(3);
    let message = MemoryQueue::message("shop", placed("A-1"));
    let id = message.receipt_id();
    queue.deliver(message);
    depot.listen_once().await;
    van.accept("A-1");
    let other = build(store.another()).await.dead_letters("shipping").unwrap();
    let letters = depot.events.dead_letters("shipping").unwrap();
    let retrying = tokio::spawn(async move { letters.retry(id).await.unwrap() });
    for _attempt in 0..4 {
        gate.has_begun().await;
    }
    assert_eq!(other.retry(id).await.unwrap(), Retried::UnderWay);
    let untried = other.retry_all(FailureClass::Handler).await.unwrap();
    assert_eq!((untried.handled, untried.failed, untried.untried), (0, 0, 1));
    gate.open(1);
    assert_eq!(retrying.await.unwrap(), Retried::Handled);
    assert_eq!(other.retry(id).await.unwrap(), Retried::Gone);
    assert_eq!((van.tries(), van.loaded()), (4, vec!["A-1".to_owned()]));
}

#[tokio::test]
async fn a_dead_letter_that_failed_again_can_be_tried_again_at_once() {
    let depot = Depot::of(|listener| listener.on(book_a_carrier)).await;
    depot.van.refuse("A-1");
    let message = MemoryQueue::message("shop", placed("A-1"));
    let id = message.receipt_id();
    depot.queue.deliver(message);
    depot.listen_once().await;
    let letters = depot.events.dead_letters("shipping").unwrap();
    assert!(matches!(letters.retry(id).await.unwrap(), Retried::Failed(_)));
    depot.van.accept("A-1");
    assert_eq!(letters.retry(id).await.unwrap(), Retried::Handled);
}

/// The next session has a prefetch that fits.
#[tokio::test]
async fn no_more_is_kept_in_memory_than_so_many_bytes() {
    let prefetches = Arc::<Mutex<Vec<u16>>>::default();
    let (store, queue, van) = (Store::default(), MemoryQueue::default(), Van::default());
    let source = Opened { queue: queue.clone(), prefetches: Arc::clone(&prefetches) };
    let listener = Listener::new("shipping", source).on(ship).batch(2).prefetch(50);
    let builder = Events::builder(store.clone()).state(van.clone());
    let events = builder.listen(listener.prefetch_bytes(10_000)).build().await.unwrap();
    let depot = Depot { queue, van, store, events };
    for number in 0..20 {
        let mut message = MemoryQueue::message("shop", placed(&format!("A-{number}")));
        message.envelope.headers.insert("note".to_owned(), "x".repeat(3_000));
        depot.queue.deliver(message);
    }
    depot.listen_once().await;
    assert_eq!(*prefetches.lock().unwrap(), [50, 3]);
    assert_eq!(depot.van.loaded().len(), 20);
}

/// A queue that records the prefetch of each session.
struct Opened {
    queue: MemoryQueue,
    prefetches: Arc<Mutex<Vec<u16>>>,
}

impl Source for Opened {
    type Session = <MemoryQueue as Source>::Session;

    async fn open(&self, prefetch: u16) -> Result<Self::Session, BoxError> {
        self.prefetches.lock().unwrap().push(prefetch);
        self.queue.open(prefetch).await
    }
}

#[tokio::test]
async fn a_dead_letter_that_is_dropped_is_gone_and_does_not_come_back() {
    let depot = Depot::of(|listener| listener.on(ship)).await;
    depot.van.refuse("A-1");
    let message = MemoryQueue::message("shop", placed("A-1"));
    let id = message.receipt_id();
    depot.queue.deliver(message.clone());
    depot.listen_once().await;
    let letters = depot.events.dead_letters("shipping").unwrap();
    assert!(letters.drop(id, "a test order").await.unwrap());
    assert!(!letters.drop(id, "once more").await.unwrap());
    assert_eq!(letters.retry(id).await.unwrap(), Retried::Gone);
    depot.queue.deliver(message);
    depot.listen_once().await;
    assert!(letters.list(None, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_nobody_handles_is_a_dead_letter_unless_it_is_passed_by() {
    let depot = Depot::of(|listener| listener.on(ship).passes_by(["order.shipped"])).await;
    let unknown = depot.queue.send("shop", Unheard);
    depot.queue.send("shop", shipped("A-1"));
    depot.listen_once().await;
    let letters = depot.events.dead_letters("shipping").unwrap().list(None, 10).await.unwrap();
    assert_eq!((letters.len(), event_id(&letters[0])), (1, unknown));
    assert_eq!(letters[0].failure.class, FailureClass::UnknownType);
    assert_eq!((depot.counts().passed_by, depot.counts().dead), (1, 1));
}

#[derive(Event, Serialize, Deserialize)]
struct Unheard;

#[tokio::test]
async fn what_is_no_event_or_cannot_be_decoded_is_a_dead_letter_with_its_bytes_and_only_once() {
    let depot = Depot::of(|listener| listener.on(ship)).await;
    let unreadable = Unreadable::new("it has no type", b"\0\xff");
    let mut torn = MemoryQueue::message("shop", placed("A-1"));
    torn.envelope.payload = b"{".to_vec();
    depot.queue.deliver(torn.clone());
    depot.queue.deliver_unreadable(unreadable.clone());
    depot.queue.deliver_unreadable(unreadable.clone());
    depot.place(&["B-1"]);
    depot.listen_once().await;
    let letters = depot.events.dead_letters("shipping").unwrap();
    let mut found = letters.list(None, 10).await.unwrap();
    found.sort_by_key(|letter| letter.message.is_err());
    let [first, second] = &found[..] else { panic!("{found:?}") };
    assert_eq!((first.failure.class, &first.message), (FailureClass::Undecodable, &Ok(torn)));
    let class = FailureClass::Unreadable;
    assert_eq!((second.failure.class, &second.message), (class, &Err(unreadable)));
    assert_eq!(depot.van.loaded(), ["B-1"]);
    assert!(matches!(letters.retry(second.id).await.unwrap(), Retried::Failed(_)));
}

#[tokio::test]
async fn a_handler_of_any_event_takes_what_no_other_does() {
    async fn load(event: &AnyEvent, State(van): State<Van>, _tx: &mut Tx) -> Result<(), String> {
        van.load(event.event_type())
    }
    let depot = Depot::of(|listener| listener.on(ship).on_any(load)).await;
    depot.queue.send("shop", Unheard);
    depot.place(&["A-1"]);
    depot.listen_once().await;
    assert_eq!(depot.van.loaded(), ["Unheard", "A-1"]);
}

/// Holds every handler until it is let go.
#[derive(Clone)]
struct Gate {
    passes: Arc<Semaphore>,
    /// A permit for each handler that has begun.
    begun: Arc<Semaphore>,
}

impl Gate {
    fn closed() -> Self {
        Self { passes: Arc::new(Semaphore::new(0)), begun: Arc::new(Semaphore::new(0)) }
    }

    async fn pass(&self) -> Result<(), BoxError> {
        self.begun.add_permits(1);
        self.passes.acquire().await?.forget();
        Ok(())
    }

    async fn has_begun(&self) {
        let begun = tokio::time::timeout(PATIENCE, self.begun.acquire()).await;
        begun.expect("no handler has begun").unwrap().forget();
    }

    fn open(&self, handlers: usize) {
        self.passes.add_permits(handlers);
    }
}

async fn ship_through_the_gate(
    event: &OrderPlaced,
    State(van): State<Van>,
    State(gate): State<Gate>,
    tx: &mut Tx,
) -> Result<(), BoxError> {
    gate.pass().await?;
    Ok(ship(event, State(van), tx).await?)
}

async fn gated(van: &Van, store: &Store, queue: &MemoryQueue) -> (Gate, Events<Store>) {
    let gate = Gate::closed();
    let listener = Listener::new("shipping", queue.clone()).on(ship_through_the_gate);
    let builder: Builder<Store> = Events::builder(store.clone()).state(van.clone());
    let builder = builder.state(gate.clone()).listen(listener.retry(eager()));
    (gate, builder.build().await.unwrap())
}

#[tokio::test]
async fn a_shutdown_lets_what_is_under_way_finish_and_gives_back_the_rest() {
    let (van, store, queue) = (Van::default(), Store::default(), MemoryQueue::default());
    let (gate, events) = gated(&van, &store, &queue).await;
    let listening = events.listen();
    queue.send("shop", placed("A-1"));
    let depot = Depot { queue, van, store, events };
    gate.has_begun().await;
    depot.place(&["A-2", "B-1"]);
    depot.until(|counts| counts.waiting == 3).await;
    let shutdown = tokio::spawn(listening.shutdown(PATIENCE));
    tokio::task::yield_now().await;
    gate.open(1);
    assert!(shutdown.await.unwrap());
    assert_eq!((depot.van.loaded(), depot.queue.waiting()), (vec!["A-1".to_owned()], 2));
    gate.open(2);
    depot.listen_once().await;
    assert_eq!(depot.van.loaded(), ["A-1", "A-2", "B-1"]);
    assert_eq!(depot.counts().duplicates, 0);
}

#[tokio::test]
async fn what_ends_its_process_again_and_again_is_a_dead_letter_and_others_go_on() {
    let (van, store, queue) = (Van::default(), Store::default(), MemoryQueue::default());
    let poisonous = queue.send("shop", placed("A-1"));
    for _ in 0..4 {
        // As many times as it takes, and one more before anybody suspects it: nothing of the process is
        // left but what it has stored.
        let (gate, events) = gated(&van, &store, &queue).await;
        let listening = events.listen();
        gate.has_begun().await;
        assert!(!listening.shutdown(Duration::ZERO).await);
    }
    let (_, events) = gated(&van, &store, &queue).await;
    let depot = Depot { queue, van, store, events };
    depot.listen_once().await;
    let letters = depot.events.dead_letters("shipping").unwrap().list(None, 10).await.unwrap();
    assert_eq!((letters.len(), event_id(&letters[0]), letters[0].attempts), (1, poisonous, 3));
    assert_eq!(letters[0].failure.class, FailureClass::Crash);
}

#[tokio::test]
async fn redeliveries_in_another_order_are_put_right_by_their_sequence() {
    let depot = Depot::of(|listener| listener.on(ship)).await;
    for sequence in 1..=5 {
        let event = OrderPlaced { order_no: format!("A-{sequence}") };
        let mut message = MemoryQueue::message("shop", event);
        message.envelope.key = Some("A".to_owned());
        message.sequence = Some(sequence);
        depot.queue.deliver(message);
    }
    depot.queue.reverse();
    depot.listen_once().await;
    assert_eq!(depot.van.loaded(), ["A-1", "A-2", "A-3", "A-4", "A-5"]);
    assert_eq!(depot.counts().out_of_order, 0);
}

#[tokio::test]
async fn no_transaction_is_open_while_a_handler_calls_the_outside() {
    async fn call(event: &OrderPlaced, State(store): State<Store>) -> Result<(), Error> {
        // It would wait for ever for the only writer.
        let events = Events::builder(store).build().await?;
        events
            .run(async |tx| {
                tx.insert(event.order_no.clone(), OrderState::Placed);
                Ok::<_, Error>(())
            })
            .await
    }
    let (store, queue) = (Store::default(), MemoryQueue::default());
    let listener = Listener::new("shipping", queue.clone()).on(call);
    let builder = Events::builder(store.clone()).state(store.clone());
    let events = builder.listen(listener).build().await.unwrap();
    let depot = Depot { queue, van: Van::default(), store, events };
    depot.place(&["A-1"]);
    depot.listen_once().await;
    assert_eq!(depot.store.state()["A-1"], OrderState::Placed);
}

#[tokio::test]
async fn on_several_lanes_a_slow_key_holds_up_itself_alone() {
    async fn wait_for_b(
        event: &OrderPlaced,
        State(van): State<Van>,
        State(gate): State<Gate>,
    ) -> Result<(), BoxError> {
        match event.order_no.starts_with('A') {
            true => gate.pass().await?,
            false => gate.open(1),
        }
        Ok(van.load(&event.order_no)?)
    }
    let (van, store, queue) = (Van::default(), Store::default(), MemoryQueue::default());
    let gate = Gate::closed();
    let listener = Listener::new("shipping", queue.clone()).on(wait_for_b).lanes(2);
    let builder = Events::builder(store.clone()).state(van.clone()).state(gate);
    let events = builder.listen(listener).build().await.unwrap();
    let depot = Depot { queue, van, store, events };
    depot.place(&["A-1", "B-1"]);
    depot.listen_once().await;
    let mut loaded = depot.van.loaded();
    loaded.sort();
    assert_eq!(loaded, ["A-1", "B-1"]);
}

#[tokio::test]
async fn processes_that_share_a_queue_and_a_name_handle_each_message_once() {
    let (van, store, queue) = (Van::default(), Store::default(), MemoryQueue::default());
    let describe = |listener: Listener<Store>| listener.on(ship).prefetch(10).batch(3);
    let one = build(&store, &van, &queue, describe).await.unwrap();
    let other = build(&store.another(), &van, &queue, describe).await.unwrap();
    let listening = [one.listen(), other.listen()];
    for number in 0..100 {
        queue.send("shop", placed(&number.to_string()));
        if number % 20 == 10 {
            queue.cut();
        }
    }
    tokio::time::timeout(PATIENCE, queue.drained()).await.expect("not all acknowledged");
    for listening in listening {
        assert!(listening.shutdown(PATIENCE).await);
    }
    let log = store.entries(Page::new(Position::START, 1_000)).await.unwrap();
    let causes: HashSet<_> = log.iter().map(|entry| entry.envelope.causation_id).collect();
    assert_eq!((log.len(), causes.len(), store.state().len()), (100, 100, 100));
}

#[tokio::test]
async fn a_consumer_is_told_by_once_what_it_has_handled() {
    let store = Store::default();
    let events = Events::builder(store.clone()).build().await.unwrap();
    let id = EventId::now();
    let handle = async |consumer: &'static str, fails: bool| {
        let run = events.run(async move |tx| {
            let is_new = tx.once(consumer, id).await?;
            match fails {
                true => Err(Error::configuration("no")),
                false => Ok(is_new),
            }
        });
        run.await
    };
    assert!(handle("refunds", true).await.is_err());
    assert!(handle("refunds", false).await.unwrap());
    assert!(!handle("refunds", false).await.unwrap());
    assert!(handle("mails", false).await.unwrap());
    assert_eq!(events.forget_receipts("refunds", Duration::from_secs(60)).await.unwrap(), 0);
    assert_eq!(events.forget_receipts("refunds", Duration::ZERO).await.unwrap(), 1);
    assert!(handle("refunds", false).await.unwrap());
    assert!(!handle("mails", false).await.unwrap());
}

/// How many there were in each call.
type Calls = Arc<Mutex<Vec<usize>>>;

async fn ship_all(
    batch: &Batch<OrderPlaced>,
    van: State<Van>,
    State(calls): State<Calls>,
    tx: &mut Tx,
) -> Result<(), String> {
    calls.lock().unwrap().push(batch.len());
    for Received { event, .. } in batch {
        ship(event, State(van.0.clone()), tx).await?;
    }
    Ok(())
}

#[tokio::test]
async fn those_in_a_row_are_handled_with_one_call_and_without_those_that_were_before() {
    let (queue, van, store, calls) =
        (MemoryQueue::default(), Van::default(), Store::default(), Calls::default());
    let listener = Listener::new("shipping", queue.clone()).on_batch(ship_all).on(note_shipped);
    let builder = Events::builder(store.clone()).state(van.clone()).state(calls.clone());
    let events = builder.listen(listener).build().await.unwrap();
    let depot = Depot { queue, van, store, events };
    let known = MemoryQueue::message("shop", placed("A-0"));
    depot.queue.deliver(known.clone());
    depot.listen_once().await;
    depot.place(&["A-1", "A-2"]);
    depot.queue.deliver(known);
    depot.place(&["B-1"]);
    depot.queue.send("shop", shipped("A-1"));
    depot.place(&["A-3"]);
    depot.listen_once().await;
    assert_eq!(*calls.lock().unwrap(), [1, 3, 1]);
    assert_eq!(depot.van.loaded(), ["A-0", "A-1", "A-2", "B-1", "A-3"]);
    assert_eq!((depot.counts().handled, depot.counts().duplicates), (5, 1));
}

async fn note_shipped(_: &OrderShipped, _tx: &mut Tx) {}

#[tokio::test]
async fn of_a_batch_that_fails_only_what_fails_by_itself_is_a_dead_letter() {
    let (queue, van, store, calls) =
        (MemoryQueue::default(), Van::default(), Store::default(), Calls::default());
    let listener = Listener::new("shipping", queue.clone()).on_batch(ship_all).retry(eager());
    let builder = Events::builder(store.clone()).state(van.clone()).state(calls.clone());
    let events = builder.listen(listener).build().await.unwrap();
    let depot = Depot { queue, van, store, events };
    depot.van.refuse("B-1");
    depot.place(&["A-1", "B-1", "A-2"]);
    depot.queue.deliver(undecodable());
    depot.listen_once().await;
    let letters = depot.events.dead_letters("shipping").unwrap().list(None, 10).await.unwrap();
    let classes: HashSet<_> = letters.iter().map(|letter| letter.failure.class).collect();
    assert_eq!(classes, HashSet::from([FailureClass::Handler, FailureClass::Undecodable]));
    assert_eq!((depot.counts().handled, letters.len(), depot.log().await.len()), (2, 2, 2));
}

fn undecodable() -> Message {
    let mut message = MemoryQueue::message("shop", placed("C-1"));
    message.envelope.payload = b"no order".to_vec();
    message
}

/// However many there are, a transaction is open for hardly longer than one of them may take.
#[tokio::test(start_paused = true)]
async fn messages_that_are_slow_together_are_handled_in_smaller_batches_and_none_fails() {
    async fn dawdle(event: &OrderPlaced, van: State<Van>, tx: &mut Tx) -> Result<(), String> {
        tokio::time::sleep(Duration::from_millis(400)).await;
        ship(event, van, tx).await
    }
    let depot = Depot::of(|listener| listener.on(dawdle).deadline(Duration::from_secs(1))).await;
    let order_nos: Vec<_> = (10..26).map(|number| format!("A-{number}")).collect();
    depot.place(&order_nos.iter().map(String::as_str).collect::<Vec<_>>());
    depot.listen_once().await;
    let counts = depot.counts();
    assert_eq!((counts.handled, counts.failed, counts.dead), (16, 0, 0));
    let loaded = depot.van.loaded();
    assert_eq!(loaded.len(), 16 + 3, "those before the first deadline were handled again");
    assert_eq!(loaded[3..], order_nos);
}

#[tokio::test]
async fn a_listener_that_cannot_work_is_refused_by_name() {
    async fn lacking(_: &OrderPlaced, State(_): State<u64>) {}
    async fn other(_: &OrderPlaced) {}
    async fn local(_: &Told) {}
    async fn without(_: &Batch<OrderShipped>) {}
    let queue = MemoryQueue::default;
    let built = Events::builder(Store::default())
        .listen(Listener::new("twice", queue()).on(other))
        .listen(Listener::new("twice", queue()).on(other))
        .listen(Listener::new("", queue()).on(other))
        .listen(Listener::new("idle", queue()))
        .listen(Listener::new("double", queue()).on(other).on(other))
        .listen(Listener::new("lacking", queue()).on(lacking))
        .listen(Listener::new("local", queue()).on(local))
        .listen(Listener::new("batches", queue()).on_batch(without))
        .build();
    let error = built.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    let words = error.to_string();
    for problem in [
        "two listeners are called `twice`",
        "listener `` is empty",
        "listener `idle` has no handler",
        "listener `double` has two handlers of event `order.placed`",
        "::lacking` asks for `State<u64>`",
        "listener `local` handles event `Told`, which is local",
        "listener `batches` hands batches to `",
    ] {
        assert!(words.contains(problem), "no `{problem}` in: {words}");
    }
    let events = Events::builder(Store::default()).build().await.unwrap();
    assert_eq!(events.listener_counts("none").unwrap_err().kind(), ErrorKind::UnknownListener);
}

#[derive(Event)]
#[event(local)]
struct Told;

/// Panics when it is dropped.
struct Grenade;

impl Drop for Grenade {
    fn drop(&mut self) {
        panic!("on purpose");
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_and_a_passed_deadline_are_failures_like_any_other() {
    async fn stumble(event: &OrderPlaced, _tx: &mut Tx) -> Result<(), BoxError> {
        match event.order_no.as_str() {
            "A-1" => panic!("out of paper"),
            "B-1" => std::future::pending().await,
            "D-1" => {
                let _grenade = Grenade;
                std::future::pending().await
            }
            _ => Ok(()),
        }
    }
    let depot = Depot::of(|listener| {
        listener.on(stumble).deadline(Duration::from_millis(20)).retry(eager().attempts(1))
    })
    .await;
    depot.place(&["A-1", "B-1", "C-1", "D-1"]);
    depot.listen_once().await;
    let letters = depot.events.dead_letters("shipping").unwrap().list(None, 10).await.unwrap();
    let class_of = |key: &str| {
        let of_it = |letter: &&DeadLetter| {
            letter.message.as_ref().unwrap().envelope.key.as_deref() == Some(key)
        };
        letters.iter().find(of_it).map(|letter| letter.failure.class)
    };
    assert_eq!(class_of("A-1"), Some(FailureClass::Panic));
    assert_eq!(class_of("B-1"), Some(FailureClass::Deadline));
    assert_eq!(class_of("D-1"), Some(FailureClass::Panic));
    assert_eq!(letters.len(), 3);
    assert_eq!(depot.counts().handled, 1);
}

#[tokio::test]
async fn many_that_fail_in_one_batch_are_each_tried_as_often_as_the_policy_says() {
    let depot = Depot::of(|listener| listener.on(ship)).await;
    let numbers: Vec<_> = (0..64).map(|number| number.to_string()).collect();
    for number in numbers.iter().filter(|number| number.ends_with('3')) {
        depot.van.refuse(number);
    }
    depot.place(&numbers.iter().map(String::as_str).collect::<Vec<_>>());
    depot.listen_once().await;
    let counts = depot.counts();
    assert_eq!((counts.handled, counts.dead, counts.failed), (57, 7, 21));
    assert!(depot.van.tries() <= 2 * 57 + 21, "{} tries", depot.van.tries());
    assert_eq!(depot.log().await.len(), 57);
}

/// A batch is one transaction, and what one of its handlers registers is none of the others' business.
#[tokio::test]
async fn what_a_handler_registers_is_for_its_own_message_alone() {
    async fn ship(event: &OrderPlaced, State(van): State<Van>, tx: &mut Tx) {
        let order_no = event.order_no.clone();
        tx.on(move |shipped: &OrderShipped| van.load(&shipped.order_no));
        raise(shipped(&order_no));
    }
    let (van, queue) = (Van::default(), MemoryQueue::default());
    let listener = Listener::new("shipping", queue.clone()).on(ship);
    let builder = Events::builder(Store::default()).state(van.clone()).listen(listener);
    let events = builder.build().await.unwrap();
    for order_no in ["A-1", "A-2", "A-3", "A-4", "A-5"] {
        queue.send("/shop", placed(order_no));
    }
    let listening = events.listen();
    tokio::time::timeout(PATIENCE, queue.drained()).await.unwrap();
    assert!(listening.shutdown(PATIENCE).await);
    // The first one was tried with the others, and then alone.
    let mut loaded: Vec<_> = van.loaded().into_iter().filter(|no| no != "A-1").collect();
    loaded.sort();
    assert_eq!(loaded, ["A-2", "A-3", "A-4", "A-5"]);
}

/// Events that its handler raises would carry the name, and no store accepts that.
#[tokio::test]
async fn a_message_whose_names_break_a_rule_is_a_dead_letter_and_others_go_on() {
    let (van, queue) = (Van::default(), MemoryQueue::default());
    let builder = Events::builder(Store::default()).state(van.clone());
    let events =
        builder.listen(Listener::new("van", queue.clone()).on(ship)).build().await.unwrap();
    let spoil: [fn(&mut Message); 7] = [
        |message| message.envelope.key = Some("a\0b".to_owned()),
        |message| message.envelope.key = Some("x".repeat(1_025)),
        |message| message.envelope.correlation_id = CorrelationId::new("a\0b"),
        |message| message.envelope.correlation_id = CorrelationId::new("x".repeat(256)),
        |message| message.envelope.trace_context = Some("a\nb".to_owned()),
        |message| drop(message.envelope.headers.insert("a\0".to_owned(), "b".to_owned())),
        |message| message.source = "sh\0p".to_owned(),
    ];
    for (number, spoil) in spoil.into_iter().enumerate() {
        let mut message = MemoryQueue::message("shop", placed(&format!("B-{number}")));
        spoil(&mut message);
        queue.deliver(message);
        queue.send("shop", placed(&format!("A-{number}")));
    }
    let listening = events.listen();
    tokio::time::timeout(PATIENCE, queue.drained()).await.expect("not all acknowledged");
    assert!(listening.shutdown(PATIENCE).await);
    assert_eq!(van.loaded(), (0..7).map(|number| format!("A-{number}")).collect::<Vec<_>>());
    let letters = events.dead_letters("van").unwrap();
    let dead = letters.list(None, 100).await.unwrap();
    assert_eq!(dead.len(), 7);
    for letter in dead {
        let DeadLetter { id, failure, attempts, .. } = letter;
        assert_eq!((failure.class, attempts), (FailureClass::Unreadable, 0));
        assert!(failure.message.contains("; use "), "{}", failure.message);
        let retried = letters.retry(id).await.unwrap();
        assert!(matches!(retried, Retried::Failed(_)), "{retried:?}");
    }
    assert_eq!(van.tries(), 7);
}
