//! Units of work: what happens wholly or not at all, and in which order.

use std::error::Error as _;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::time::Duration;

use ensue::store::Page;
use ensue::{
    AnyEvent, BoxError, Clock, Error, ErrorKind, Event, Handler, Log, Meta, Pending, Position,
    Raise, State, Timestamp, TxHandler, raise, raise_at,
};
use ensue_sqlite::{Events, SqliteStore, Tx};
use serde::{Deserialize, Serialize};

use crate::scratch::{OrderCancelled, OrderPlaced, Scratch, add_effect, effects};

/// What handlers have seen, in order.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<String>>>);

impl Notes {
    fn add(&self, note: impl Into<String>) {
        self.0.lock().unwrap().push(note.into());
    }

    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

#[derive(Event)]
#[event(local)]
struct Told(&'static str);

async fn types(store: &SqliteStore) -> Vec<String> {
    let log = store.read(Page::new(Position::START, 1_000)).await.unwrap();
    log.into_iter().map(|entry| entry.envelope.event_type.into_owned()).collect()
}

async fn payloads(store: &SqliteStore) -> Vec<String> {
    let log = store.read(Page::new(Position::START, 1_000)).await.unwrap();
    log.into_iter().map(|entry| String::from_utf8(entry.envelope.payload).unwrap()).collect()
}

async fn restock(event: &OrderCancelled, tx: &mut Tx) -> Result<(), sqlx::Error> {
    add_effect(tx, &format!("{} restocked", event.order_no)).await
}

fn cancelled(order_no: &str) -> OrderCancelled {
    OrderCancelled { order_no: order_no.to_owned() }
}

#[tokio::test]
async fn state_events_and_what_ensues_commit_together() {
    let scratch = Scratch::new();
    let events = scratch.builder().await.on(restock).build().await.unwrap();
    let order_no = "A-1".to_owned();
    let answer = events
        .run(async |tx| {
            add_effect(tx, "cancelled").await?;
            raise(cancelled(&order_no));
            Ok::<_, BoxError>(42)
        })
        .await
        .unwrap();
    assert_eq!(answer, 42);
    assert_eq!(effects(events.store()).await, ["cancelled", "A-1 restocked"]);
    assert_eq!(types(events.store()).await, ["order.cancelled"]);
}

#[tokio::test]
async fn an_error_of_the_work_takes_everything_back() {
    let scratch = Scratch::new();
    let events = scratch.builder().await.on(restock).build().await.unwrap();
    let error = events
        .run(async |tx| {
            add_effect(tx, "ghost").await?;
            raise(cancelled("A-1"));
            tx.flush().await?;
            Err::<(), BoxError>("changed my mind".into())
        })
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "changed my mind");
    assert_eq!(effects(events.store()).await, [""; 0]);
    assert_eq!(events.head().await.unwrap(), Position::START);
}

#[derive(Debug, PartialEq)]
struct NotReturnable;

impl std::fmt::Display for NotReturnable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a gift card is not taken back")
    }
}

impl std::error::Error for NotReturnable {}

async fn veto(_: &OrderCancelled) -> Result<(), NotReturnable> {
    Err(NotReturnable)
}

#[tokio::test]
async fn an_error_of_a_handler_takes_everything_back_and_names_it() {
    let scratch = Scratch::new();
    let builder = scratch.builder().await.on(restock).on(veto);
    let events = builder.on(async |_: &OrderPlaced| raise(cancelled("A-1"))).build().await.unwrap();
    let error = events
        .run(async |tx| {
            add_effect(tx, "ghost").await.unwrap();
            raise(OrderPlaced::of("A-1", 1));
            Ok::<_, Error>(())
        })
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Handler);
    assert!(error.failed_handler().unwrap().ends_with("::veto"), "{error}");
    assert!(error.to_string().contains("a gift card is not taken back"), "{error}");
    let source = error.source().unwrap();
    assert_eq!(source.downcast_ref::<NotReturnable>(), Some(&NotReturnable));
    assert_eq!(effects(events.store()).await, [""; 0]);
    assert_eq!(events.head().await.unwrap(), Position::START);
}

#[tokio::test]
async fn a_unit_of_work_whose_flush_failed_can_only_roll_back() {
    let scratch = Scratch::new();
    let events = scratch.builder().await.on(veto).build().await.unwrap();
    let swallowed = events
        .run(async |tx| {
            add_effect(tx, "ghost").await.unwrap();
            raise(cancelled("A-1"));
            assert!(tx.flush().await.is_err());
            Ok::<_, Error>(())
        })
        .await;
    assert_eq!(swallowed.unwrap_err().kind(), ErrorKind::Abandoned);
    assert_eq!(effects(events.store()).await, [""; 0]);
}

#[tokio::test]
async fn a_handler_that_is_dropped_before_its_end_abandons_the_unit_of_work() {
    let scratch = Scratch::new();
    let builder = scratch.builder().await;
    let events =
        builder.on(async |_: &Told| std::future::pending::<()>().await).build().await.unwrap();
    let abandoned = events
        .run(async |tx| {
            raise(Told("and waits for ever"));
            let flushed = tokio::time::timeout(Duration::from_millis(5), tx.flush()).await;
            assert!(flushed.is_err());
            Ok::<_, Error>(())
        })
        .await;
    assert_eq!(abandoned.unwrap_err().kind(), ErrorKind::Abandoned);
}

#[tokio::test]
async fn a_handler_that_flushed_and_is_dropped_then_abandons_it_too() {
    async fn flush_and_wait(_: &OrderPlaced, tx: &mut Tx) -> Result<(), BoxError> {
        raise(cancelled("A"));
        tx.flush().await?;
        std::future::pending().await
    }
    let scratch = Scratch::new();
    let builder = scratch.builder().await.on(flush_and_wait).on(restock);
    let events = builder.build().await.unwrap();
    let abandoned = events
        .run(async |tx| {
            raise(OrderPlaced::of("A", 1));
            let flushed = tokio::time::timeout(Duration::from_millis(50), tx.flush()).await;
            assert!(flushed.is_err());
            Ok::<_, Error>(())
        })
        .await;
    assert_eq!(abandoned.unwrap_err().kind(), ErrorKind::Abandoned);
    assert_eq!(effects(events.store()).await, [""; 0]);
}

#[tokio::test]
async fn events_keep_the_order_of_raising_however_they_are_raised() {
    let scratch = Scratch::new();
    let events = scratch.builder().await.build().await.unwrap();
    let mut cart = Pending::default();
    events
        .run(async |tx| {
            raise(OrderPlaced::of("A", 1));
            tx.raise(OrderPlaced::of("A", 2));
            cart.raise(OrderPlaced::of("A", 3));
            tx.collect(&mut cart);
            tokio::task::yield_now().await;
            raise(OrderPlaced::of("A", 4));
            tx.flush().await?;
            raise(OrderPlaced::of("A", 5));
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    let amounts = (1..=5).map(|amount| format!(r#"{{"order_no":"A","amount":{amount}}}"#));
    assert_eq!(payloads(events.store()).await, amounts.collect::<Vec<_>>());
}

#[tokio::test]
async fn a_recorded_event_that_is_never_collected_fails_the_commit_by_name() {
    let scratch = Scratch::new();
    let events = scratch.builder().await.build().await.unwrap();
    let forgotten = events
        .run(async |tx| {
            add_effect(tx, "ghost").await.unwrap();
            Pending::default().raise(OrderPlaced::of("A", 1));
            Ok::<_, Error>(())
        })
        .await
        .unwrap_err();
    assert_eq!(forgotten.kind(), ErrorKind::Uncollected);
    assert!(forgotten.to_string().contains("order.placed"), "{forgotten}");
    assert_eq!(effects(events.store()).await, [""; 0]);
}

#[tokio::test]
async fn events_that_handlers_raise_follow_breadth_first() {
    let scratch = Scratch::new();
    let notes = Notes::default();
    let events = scratch
        .builder()
        .await
        .state(notes.clone())
        .on(async |event: &OrderPlaced, State(notes): State<Notes>| {
            notes.add(format!("placed {}", event.amount));
            raise(cancelled(&event.amount.to_string()));
        })
        .on(async |event: &OrderCancelled, State(notes): State<Notes>| {
            notes.add(format!("cancelled {}", event.order_no));
        })
        .build()
        .await
        .unwrap();
    events
        .run(async |_tx| {
            raise(OrderPlaced::of("A", 1));
            raise(OrderPlaced::of("A", 2));
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    assert_eq!(notes.all(), ["placed 1", "placed 2", "cancelled 1", "cancelled 2"]);
    let expected = ["order.placed", "order.placed", "order.cancelled", "order.cancelled"];
    assert_eq!(types(events.store()).await, expected);
}

#[tokio::test]
async fn a_cascade_without_end_is_an_error_that_names_the_chain() {
    let scratch = Scratch::new();
    let events = scratch
        .builder()
        .await
        .on(async |_: &OrderPlaced| raise(cancelled("A")))
        .on(async |_: &OrderCancelled| raise(OrderPlaced::of("A", 1)))
        .build()
        .await
        .unwrap();
    let endless = events.run(async |_tx| {
        raise(OrderPlaced::of("A", 1));
        Ok::<_, Error>(())
    });
    let error = endless.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cascade);
    let chain = "order.placed -> order.cancelled -> order.placed";
    assert!(error.to_string().contains(chain), "{error}");
    assert_eq!(events.head().await.unwrap(), Position::START);
}

#[tokio::test]
async fn causes_and_stories_are_written_into_the_envelopes() {
    let scratch = Scratch::new();
    let builder = scratch.builder().await;
    let events = builder
        .on(async |event: &OrderPlaced| raise(cancelled(&event.order_no)))
        .build()
        .await
        .unwrap();
    for order_no in ["A", "B"] {
        events
            .run(async |_tx| {
                raise(OrderPlaced::of(order_no, 1));
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
    }
    let log = events.store().read(Page::new(Position::START, 10)).await.unwrap();
    let [first, second, third, _] = &log[..] else { panic!("{log:?}") };
    assert_eq!(first.envelope.causation_id, None);
    assert_eq!(second.envelope.causation_id, Some(first.envelope.id));
    assert_eq!(second.envelope.correlation_id, first.envelope.correlation_id);
    assert_ne!(third.envelope.correlation_id, first.envelope.correlation_id);
    assert_eq!(first.envelope.key.as_deref(), Some("A"));
}

#[tokio::test]
async fn a_panic_takes_everything_back_and_the_next_unit_of_work_is_clean() {
    let scratch = Scratch::new();
    let events = scratch.builder().await.on(restock).build().await.unwrap();
    let panicking = events.clone();
    let panicked = tokio::spawn(async move {
        panicking
            .run(async |tx| {
                add_effect(tx, "ghost").await.unwrap();
                raise(cancelled("ghost"));
                assert!(tx.flush().await.is_err(), "on purpose");
                Ok::<_, Error>(())
            })
            .await
    });
    assert!(panicked.await.unwrap_err().is_panic());
    run_cleanly(&events).await;
}

/// Nothing of an earlier unit of work is left over for this one.
async fn run_cleanly(events: &Events) {
    events
        .run(async |_tx| {
            raise(cancelled("clean"));
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    assert_eq!(effects(events.store()).await, ["clean restocked"]);
    assert_eq!(payloads(events.store()).await, [r#"{"order_no":"clean"}"#]);
}

#[tokio::test]
async fn dropped_at_any_poll_it_has_happened_wholly_or_not_at_all() {
    let scratch = Scratch::new();
    let events = scratch.builder().await.on(restock).build().await.unwrap();
    let mut finished = false;
    let mut polls = 0;
    while !finished {
        polls += 1;
        let mut run = pin!(events.run(async |tx| {
            add_effect(tx, &format!("{polls} cancelled")).await.unwrap();
            raise(cancelled(&polls.to_string()));
            Ok::<_, Error>(())
        }));
        for _ in 0..polls {
            finished = run.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready();
            if finished {
                break;
            }
            // Lets the database's thread answer, so that each poll gets one step further.
            tokio::time::sleep(Duration::from_micros(500)).await;
        }
    }
    // Whoever was dropped during its commit is finished by now, since this one waits its turn.
    run_once(&events, "last").await;
    let (effects, payloads) = (effects(events.store()).await, payloads(events.store()).await);
    // One for the start, and one after each of BEGIN, two effects, append and COMMIT, of which the
    // database may have answered some at once.
    assert!(polls >= 3, "the unit of work took {polls} polls only");
    for number in 1..=polls {
        let happened = effects.contains(&format!("{number} cancelled"));
        assert_eq!(effects.contains(&format!("{number} restocked")), happened, "poll {number}");
        let event = format!(r#"{{"order_no":"{number}"}}"#);
        assert_eq!(payloads.contains(&event), happened, "poll {number}");
    }
    assert_eq!(events.head().await.unwrap().get(), payloads.len() as u64);
}

async fn run_once(events: &Events, order_no: &str) {
    let run = events.run(async |_tx| {
        raise(cancelled(order_no));
        Ok::<_, Error>(())
    });
    run.await.unwrap();
}

#[tokio::test]
async fn a_spawned_task_is_outside_of_the_unit_of_work() {
    let scratch = Scratch::new();
    let events = scratch.builder().await.build().await.unwrap();
    let run = events.run(async |_tx| {
        let spawned = tokio::spawn(async { raise(Told("from elsewhere")) });
        Ok::<_, Error>(spawned.await.unwrap_err().is_panic())
    });
    assert!(run.await.unwrap());
}

#[tokio::test]
async fn a_unit_of_work_inside_another_is_refused_at_once() {
    let scratch = Scratch::new();
    let events = scratch.builder().await.build().await.unwrap();
    let outer = events.run(async |_tx| events.run(async |_tx| Ok::<_, Error>(())).await);
    let error = outer.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Nested);
    assert!(error.to_string().contains("hand the open `tx`"), "{error}");
}

#[tokio::test]
async fn units_of_work_beside_each_other_on_one_task_are_two() {
    let scratch = Scratch::new();
    let events = scratch.builder().await.build().await.unwrap();
    let (first, second) = tokio::join!(run_once(&events, "A"), run_once(&events, "B"));
    assert_eq!((first, second), ((), ()));
    assert_eq!(events.head().await.unwrap(), Position::new(2));
}

#[tokio::test]
async fn a_local_event_is_handled_and_not_stored() {
    let scratch = Scratch::new();
    let builder = scratch.builder().await;
    let told = async |event: &Told, tx: &mut Tx| add_effect(tx, event.0).await;
    let events = builder.on(told).build().await.unwrap();
    let run = events.run(async |_tx| {
        raise(Told("softly"));
        Ok::<_, Error>(())
    });
    run.await.unwrap();
    assert_eq!(effects(events.store()).await, ["softly"]);
    assert_eq!(events.head().await.unwrap(), Position::START);
}

struct Audit;

impl TxHandler<AnyEvent, SqliteStore> for Audit {
    async fn handle(&self, event: &AnyEvent, meta: &Meta, tx: &mut Tx) -> Result<(), BoxError> {
        assert_eq!(event.event_type(), meta.event_type);
        Ok(add_effect(tx, event.event_type()).await?)
    }
}

#[tokio::test]
async fn a_handler_of_any_event_sees_every_event() {
    let scratch = Scratch::new();
    let notes = Notes::default();
    let seen = notes.clone();
    let events = scratch
        .builder()
        .await
        .on_any(Audit)
        .on_any(async move |event: &AnyEvent| {
            let payload = event.payload().map(|payload| payload.len());
            seen.add(format!("{} {:?}", event.event_type(), payload.ok()));
        })
        .on(async |event: &OrderPlaced| raise(cancelled(&event.order_no)))
        .build()
        .await
        .unwrap();
    let run = events.run(async |_tx| {
        raise(OrderPlaced::of("A", 1));
        raise(Told("softly"));
        Ok::<_, Error>(())
    });
    run.await.unwrap();
    let expected = ["order.placed", "Told", "order.cancelled"];
    assert_eq!(effects(events.store()).await, expected);
    let expected = ["order.placed Some(27)", "Told None", "order.cancelled Some(16)"];
    assert_eq!(notes.all(), expected);
}

struct Greeter {
    greeting: &'static str,
    notes: Notes,
}

impl Handler<OrderPlaced> for Greeter {
    async fn handle(&self, event: &OrderPlaced, meta: &Meta) -> Result<(), BoxError> {
        self.notes.add(format!("{} {} {}", self.greeting, event.order_no, meta.event_type));
        Ok(())
    }
}

async fn everything(
    event: &OrderPlaced,
    State(notes): State<Notes>,
    meta: Meta,
    State(greeting): State<&'static str>,
    tx: &mut Tx,
) -> Result<(), BoxError> {
    notes.add(format!("{greeting} {} {}", event.order_no, meta.attempt));
    Ok(add_effect(tx, "everything").await?)
}

async fn nothing_but_the_event(event: &OrderPlaced) {
    assert_eq!(event.order_no, "A");
}

async fn meta_only(_: &OrderPlaced, meta: Meta) -> Result<(), std::fmt::Error> {
    assert_eq!((meta.position, meta.attempt, meta.version), (None, 1, 1));
    Ok(())
}

#[tokio::test]
async fn handlers_of_every_form_are_called_in_the_order_of_their_registration() {
    let scratch = Scratch::new();
    let notes = Notes::default();
    let captured = notes.clone();
    let events = scratch
        .builder()
        .await
        .state(notes.clone())
        .state("hello")
        .on(everything)
        .on(Greeter { greeting: "hi", notes: notes.clone() })
        .on(nothing_but_the_event)
        .on(meta_only)
        .on(async move |event: &OrderPlaced, tx: &mut Tx| {
            captured.add(format!("closure {}", event.order_no));
            add_effect(tx, "closure").await
        })
        .build()
        .await
        .unwrap();
    let run = events.run(async |_tx| {
        raise(OrderPlaced::of("A", 1));
        Ok::<_, Error>(())
    });
    run.await.unwrap();
    assert_eq!(notes.all(), ["hello A 1", "hi A order.placed", "closure A"]);
    assert_eq!(effects(events.store()).await, ["everything", "closure"]);
}

#[tokio::test]
async fn a_flush_gives_the_next_line_the_handlers_effects() {
    let scratch = Scratch::new();
    let events = scratch.builder().await.on(restock).build().await.unwrap();
    let run = events.run(async |tx| {
        raise(cancelled("A"));
        tx.flush().await?;
        let count = sqlx::query_scalar("SELECT count(*) FROM effect").fetch_one(&mut **tx).await;
        Ok::<i64, BoxError>(count?)
    });
    assert_eq!(run.await.unwrap(), 1);
}

#[tokio::test]
async fn the_clock_of_the_application_says_when_events_occur() {
    let scratch = Scratch::new();
    let noon = Timestamp::from_micros(43_200_000_000);
    let clock = Clock::new(move || noon);
    let events = scratch.builder().await.clock(clock).build().await.unwrap();
    let run = events.run(async |tx| {
        raise(OrderPlaced::of("A", 1));
        tx.raise(OrderPlaced::of("A", 2));
        raise_at(OrderPlaced::of("A", 3), Timestamp::from_micros(5));
        Ok::<_, Error>(())
    });
    run.await.unwrap();
    let log = events.store().read(Page::new(Position::START, 10)).await.unwrap();
    let times: Vec<_> = log.iter().map(|entry| entry.envelope.occurred_at.as_micros()).collect();
    assert_eq!(times, [noon.as_micros(), noon.as_micros(), 5]);
}

mod elsewhere {
    use super::{Deserialize, Event, Serialize};

    #[derive(Event, Serialize, Deserialize)]
    #[event(type = "order.placed")]
    pub(super) struct OrderPlaced;
}

#[tokio::test]
async fn an_event_that_goes_by_anothers_name_is_not_stored() {
    let scratch = Scratch::new();
    let events = scratch.builder().await.on(nothing_but_the_event).build().await.unwrap();
    let run = events.run(async |_tx| {
        raise(elsewhere::OrderPlaced);
        Ok::<_, Error>(())
    });
    let error = run.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert_eq!(events.head().await.unwrap(), Position::START);
}

#[tokio::test]
async fn what_cannot_work_fails_at_build_by_name() {
    async fn counted(_: &OrderPlaced, State(_): State<u64>) {}
    async fn other(_: &elsewhere::OrderPlaced) {}
    async fn local(_: &Told) {}
    let scratch = Scratch::new();
    let error = scratch
        .builder()
        .await
        .state(1_u8)
        .state(2_u8)
        .on(counted)
        .on(other)
        .subscribe("told", local)
        .subscribe("twice", restock)
        .subscribe("twice", restock)
        .subscribe("", restock)
        .subscription("idle", |subscription| subscription)
        .subscription("double", |subscription| subscription.on(restock).on(veto))
        .lease(Duration::from_millis(1))
        .build()
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    let words = error.to_string();
    for problem in [
        "two states are a `u8`",
        "::counted` asks for `State<u64>`",
        "event type `order.placed` is both",
        "subscription `told` handles event `Told`, which is local",
        "two subscriptions are called `twice`",
        "a subscription has no name",
        "subscription `idle` has no handler",
        "subscription `double` has two handlers of event `order.cancelled`",
        "a lease of 1ms is less than 100ms",
    ] {
        assert!(words.contains(problem), "no `{problem}` in: {words}");
    }
}

/// An application service as it is usually written: borrowed from, on any worker thread.
struct OrderService {
    events: Events,
    prefix: String,
}

impl OrderService {
    async fn place(&self, order_no: &str, count: &mut u32) -> Result<u32, BoxError> {
        let placed = self
            .events
            .run(async |tx| {
                *count += 1;
                add_effect(tx, order_no).await?;
                raise(OrderPlaced::of(format!("{}{order_no}", self.prefix), 1));
                Ok::<_, BoxError>(*count)
            })
            .await?;
        Ok(placed)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn units_of_work_that_borrow_run_on_many_threads_at_once() {
    let scratch = Scratch::new();
    let events = scratch.builder().await.build().await.unwrap();
    let service = Arc::new(OrderService { events: events.clone(), prefix: "A-".to_owned() });
    let mut services = tokio::task::JoinSet::new();
    for number in 0..50_u32 {
        let service = Arc::clone(&service);
        services.spawn(async move { service.place(&number.to_string(), &mut 0).await.unwrap() });
    }
    assert_eq!(services.join_all().await, [1; 50]);
    assert_eq!(events.head().await.unwrap(), Position::new(50));
    assert_eq!(effects(events.store()).await.len(), 50);
}
