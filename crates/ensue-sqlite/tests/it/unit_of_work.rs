//! Units of work: what happens wholly or not at all, and in which order.

use std::error::Error as _;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use ensue::store::Page;
use ensue::{
    BoxError, Clock, Error, ErrorKind, Log, Pending, Position, Raise, State, Timestamp, capture,
    capture_async, raise, raise_at,
};
use ensue_sqlite::{Events, Tx};

use crate::scratch::{
    Notes, OrderCancelled, OrderPlaced, Scratch, Told, add_effect, cancelled, effects, payloads,
    restock, types,
};

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

/// What comes after the `raise` in an entity is done before anything ensues.
#[tokio::test]
async fn a_raise_only_records_and_what_ensues_comes_later() {
    let scratch = Scratch::new();
    let notes = Notes::default();
    let handled = notes.clone();
    let restock = async move |_: &OrderCancelled| handled.add("restocked");
    let events = scratch.builder().await.on(restock).build().await.unwrap();
    let run = events.run(async |tx| {
        raise(cancelled("A-1"));
        notes.add("cancelled");
        tx.flush().await?;
        raise(cancelled("A-2"));
        notes.add("cancelled");
        Ok::<_, Error>(())
    });
    run.await.unwrap();
    assert_eq!(notes.all(), ["cancelled", "restocked", "cancelled", "restocked"]);
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
async fn what_is_recorded_on_another_thread_is_collected_like_any_other() {
    let scratch = Scratch::new();
    let events = scratch.builder().await.build().await.unwrap();
    let run = events.run(async |tx| {
        let recording = std::thread::spawn(|| {
            let mut pending = Pending::default();
            pending.raise(OrderPlaced::of("A", 1));
            pending
        });
        let mut pending = recording.join().unwrap();
        tx.collect(&mut pending);
        Ok::<_, Error>(())
    });
    run.await.unwrap();
    assert_eq!(payloads(events.store()).await, [r#"{"order_no":"A","amount":1}"#]);
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

#[tokio::test(flavor = "multi_thread")]
async fn a_blocking_section_on_the_same_thread_is_inside() {
    let scratch = Scratch::new();
    let events = scratch.builder().await.build().await.unwrap();
    let run = events.run(async |_tx| {
        tokio::task::block_in_place(|| raise(cancelled("A")));
        let blocking = tokio::task::spawn_blocking(|| raise(Told("from elsewhere")));
        Ok::<_, Error>(blocking.await.unwrap_err().is_panic())
    });
    assert!(run.await.unwrap());
    assert_eq!(events.head().await.unwrap(), Position::new(1));
}

#[tokio::test]
async fn branches_that_are_joined_lose_nothing_and_have_no_order() {
    async fn branch(orders: [&str; 2]) {
        for order_no in orders {
            raise(cancelled(order_no));
            tokio::task::yield_now().await;
        }
    }
    let scratch = Scratch::new();
    let events = scratch.builder().await.build().await.unwrap();
    let run = events.run(async |_tx| {
        tokio::join!(branch(["A1", "A2"]), branch(["B1", "B2"]));
        Ok::<_, Error>(())
    });
    run.await.unwrap();
    let mut payloads = payloads(events.store()).await;
    payloads.sort();
    let expected = ["A1", "A2", "B1", "B2"].map(|no| format!(r#"{{"order_no":"{no}"}}"#));
    assert_eq!(payloads, expected);
}

#[tokio::test]
async fn what_a_branch_had_raised_that_another_outran_stays() {
    let scratch = Scratch::new();
    let events = scratch.builder().await.build().await.unwrap();
    let run = events.run(async |_tx| {
        let outrun = async {
            raise(cancelled("outrun"));
            std::future::pending::<()>().await;
        };
        tokio::select! {
            biased;
            () = outrun => {}
            () = async { raise(cancelled("first")) } => {}
        }
        Ok::<_, Error>(())
    });
    run.await.unwrap();
    let expected = [r#"{"order_no":"outrun"}"#, r#"{"order_no":"first"}"#];
    assert_eq!(payloads(events.store()).await, expected);
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
async fn a_unit_of_work_inside_a_capture_inside_another_is_refused_too() {
    let scratch = Scratch::new();
    let events = scratch.builder().await.build().await.unwrap();
    let inner = events.clone();
    let run = events.run(async |_tx| {
        let (nested, _) = capture_async(inner.run(async |_tx| Ok::<_, Error>(()))).await;
        nested
    });
    assert_eq!(run.await.unwrap_err().kind(), ErrorKind::Nested);
}

#[tokio::test]
async fn a_unit_of_work_inside_a_handler_in_the_transaction_is_refused_too() {
    async fn open_another(_: &OrderPlaced, State(events): State<Events>) -> Result<(), Error> {
        events.run(async |_tx| Ok(())).await
    }
    let scratch = Scratch::new();
    let elsewhere = scratch.builder().await.build().await.unwrap();
    let builder = scratch.builder().await.state(elsewhere).on(open_another);
    let events = builder.build().await.unwrap();
    let run = events.run(async |_tx| {
        raise(OrderPlaced::of("A", 1));
        Ok::<_, Error>(())
    });
    let refused: Error = run.await.unwrap_err().downcast().unwrap();
    assert_eq!(refused.kind(), ErrorKind::Nested);
}

/// On another task nobody can see that it is inside: it waits for the writer until its time is up.
#[tokio::test]
async fn a_unit_of_work_that_waits_for_the_one_that_waits_for_it_is_told_so() {
    let scratch = Scratch::new();
    let events = scratch.builder().await.build().await.unwrap();
    let run = events.run(async |_tx| {
        let other = events.clone();
        tokio::time::pause();
        let waiting = tokio::spawn(async move { other.run(async |_tx| Ok(())).await });
        let refused: Result<(), Error> = waiting.await.unwrap();
        tokio::time::resume();
        Ok::<_, Error>(refused.unwrap_err())
    });
    let refused = run.await.unwrap();
    assert!(refused.is_retryable());
    assert!(refused.to_string().contains("inside a unit of work, open no second one"), "{refused}");
}

#[tokio::test]
async fn a_capture_inside_takes_its_own_and_leaves_the_rest() {
    let scratch = Scratch::new();
    let events = scratch.builder().await.build().await.unwrap();
    let run = events.run(async |tx| {
        raise(cancelled("A"));
        let ((), captured) = capture(|| raise(cancelled("captured")));
        tx.flush().await?;
        raise(cancelled("B"));
        Ok::<_, Error>(captured.len())
    });
    assert_eq!(run.await.unwrap(), 1);
    let expected = [r#"{"order_no":"A"}"#, r#"{"order_no":"B"}"#];
    assert_eq!(payloads(events.store()).await, expected);
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
    let log = events.store().entries(Page::new(Position::START, 10)).await.unwrap();
    let times: Vec<_> = log.iter().map(|entry| entry.envelope.occurred_at.as_micros()).collect();
    assert_eq!(times, [noon.as_micros(), noon.as_micros(), 5]);
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
