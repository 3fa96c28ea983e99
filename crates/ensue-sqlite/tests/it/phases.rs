//! What ensues after the commit, after a rollback, and for one unit of work only.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use ensue::{
    AnyEvent, BoxError, Error, ErrorKind, Event, Handler, Meta, Pending, Raise, State, raise,
};
use ensue_sqlite::{Builder, Events, Tx};
use tokio::sync::{Notify, Semaphore};

use crate::scratch::{
    Notes, OrderCancelled, OrderPlaced, PATIENCE, Scratch, add_effect, effects, payloads,
};

async fn note(event: &OrderPlaced, State(notes): State<Notes>, meta: Meta) {
    assert_eq!(meta.key.as_deref(), Some(event.order_no.as_str()));
    notes.add(&event.order_no);
}

async fn run(events: &Events, order_nos: &[&str], fails: bool) -> Result<(), BoxError> {
    events
        .run(async |tx| {
            add_effect(tx, "work").await?;
            for order_no in order_nos {
                raise(OrderPlaced::of(*order_no, 1));
            }
            if fails { Err("changed my mind".into()) } else { Ok(()) }
        })
        .await
}

async fn drained(events: &Events) {
    assert!(events.shutdown(PATIENCE).await, "handlers do not end");
}

async fn built(scratch: &Scratch, describe: impl FnOnce(Builder) -> Builder) -> (Events, Notes) {
    let notes = Notes::default();
    let builder = scratch.builder().await.state(notes.clone());
    (describe(builder).build().await.unwrap(), notes)
}

#[tokio::test]
async fn after_a_commit_what_was_raised_is_handled_in_order() {
    let scratch = Scratch::new();
    let (events, notes) = built(&scratch, |builder| builder.after_commit(note)).await;
    run(&events, &["A", "B", "C"], false).await.unwrap();
    drained(&events).await;
    assert_eq!(notes.all(), ["A", "B", "C"]);
    assert_eq!(events.after_commit_counts().handled, 3);
}

#[tokio::test]
async fn nothing_runs_after_a_commit_that_did_not_happen() {
    async fn veto(_: &OrderPlaced) -> Result<(), &'static str> {
        Err("no")
    }
    let scratch = Scratch::new();
    let (events, notes) = built(&scratch, |builder| builder.after_commit(note)).await;
    run(&events, &["A"], true).await.unwrap_err();
    drained(&events).await;
    let scratch = Scratch::new();
    let (vetoed, of_vetoed) = built(&scratch, |builder| builder.after_commit(note).on(veto)).await;
    run(&vetoed, &["B"], false).await.unwrap_err();
    drained(&vetoed).await;
    assert_eq!((notes.all(), of_vetoed.all()), (vec![], vec![]));
}

#[tokio::test]
async fn nothing_runs_after_the_commit_of_what_panicked_or_was_dropped() {
    let scratch = Scratch::new();
    let (events, notes) = built(&scratch, |builder| builder.after_commit(note)).await;
    dropped_half_way(&events, || raise(OrderPlaced::of("dropped", 1))).await;
    let panicking = events.clone();
    let panicked = tokio::spawn(async move { run(&panicking, &["panicked"], panic()).await });
    assert!(panicked.await.unwrap_err().is_panic());
    run(&events, &["committed"], false).await.unwrap();
    drained(&events).await;
    assert_eq!(notes.all(), ["committed"]);
}

fn panic() -> bool {
    panic!("on purpose")
}

/// Drops a unit of work that has begun, and that holds what `hold` returns.
async fn dropped_half_way<T: Send>(events: &Events, hold: impl Fn() -> T + Sync) {
    let begun = Notify::new();
    let endless = events.run(async |_tx| {
        let _held = hold();
        begun.notify_one();
        std::future::pending::<Result<(), Error>>().await
    });
    tokio::select! {
        _ = endless => panic!("it ended"),
        () = begun.notified() => {}
    }
}

#[tokio::test]
async fn dropped_at_any_poll_it_is_followed_by_what_ensues_from_its_end_once() {
    async fn undo(event: &OrderPlaced, State(notes): State<Notes>) {
        notes.add(format!("{} undone", event.order_no));
    }
    let scratch = Scratch::new();
    let (events, notes) =
        built(&scratch, |builder| builder.after_commit(note).after_rollback(undo)).await;
    let (mut finished, mut polls) = (false, 0);
    while !finished {
        polls += 1;
        let order_no = polls.to_string();
        let mut work = pin!(events.run(async |tx| {
            raise(OrderPlaced::of(&*order_no, 1));
            // On a busy machine the database may have answered before each poll has ended. More
            // polls than it takes to get here: some round is dropped in between for certain.
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
            add_effect(tx, &order_no).await.map_err(|error| Error::store("no", error, false))
        }));
        for _ in 0..polls {
            finished = work.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready();
            if finished {
                break;
            }
            // Lets the database's thread answer, so that each poll gets one step further.
            tokio::time::sleep(Duration::from_micros(500)).await;
        }
    }
    // Whoever was dropped during its commit is finished by now, since this one waits its turn.
    run(&events, &["last"], false).await.unwrap();
    drained(&events).await;
    let (effects, notes) = (effects(events.store()).await, notes.all());
    for order_no in (1..=polls).map(|number| number.to_string()) {
        let undone = format!("{order_no} undone");
        let times = |wanted: &str| notes.iter().filter(|note| *note == wanted).count();
        if effects.contains(&order_no) {
            assert_eq!((times(&order_no), times(&undone)), (1, 0), "poll {order_no}");
        } else {
            // Before its first line it had raised nothing.
            assert!(times(&order_no) == 0 && times(&undone) <= 1, "poll {order_no}");
        }
    }
    assert!(notes.iter().any(|note| note.ends_with("undone")), "{notes:?}");
}

#[tokio::test]
async fn what_is_raised_after_the_commit_is_outside_and_a_failure() {
    let scratch = Scratch::new();
    let (events, _) = built(&scratch, |builder| {
        builder
            .after_commit(async |event: &OrderPlaced| raise(OrderPlaced::of(&*event.order_no, 2)))
    })
    .await;
    run(&events, &["A"], false).await.unwrap();
    drained(&events).await;
    assert_eq!(events.after_commit_counts().failed, 1);
    assert_eq!(events.head().await.unwrap().get(), 1);
}

/// Panics before it has a future.
struct Hasty;

impl Handler<OrderPlaced> for Hasty {
    fn handle(
        &self,
        event: &OrderPlaced,
        _: &Meta,
    ) -> impl Future<Output = Result<(), BoxError>> + Send {
        assert_ne!(event.order_no, "panics", "on purpose");
        async { Ok(()) }
    }
}

#[tokio::test]
async fn a_panic_before_the_first_await_is_a_failure_after_the_commit_too() {
    let scratch = Scratch::new();
    let (events, notes) =
        built(&scratch, |builder| builder.after_commit(Hasty).after_commit(note)).await;
    run(&events, &["panics", "works"], false).await.unwrap();
    drained(&events).await;
    assert_eq!(notes.all(), ["panics", "works"]);
    let counts = events.after_commit_counts();
    assert_eq!((counts.handled, counts.failed), (3, 1));
}

#[tokio::test]
async fn what_is_handled_after_the_commit_can_be_seen_by_everybody() {
    async fn look(_: &OrderPlaced, State(events): State<Events>, State(notes): State<Notes>) {
        notes.add(effects(events.store()).await.join(","));
    }
    let scratch = Scratch::new();
    let elsewhere = scratch.builder().await.build().await.unwrap();
    let (events, notes) = built(&scratch, |b| b.state(elsewhere).after_commit(look)).await;
    run(&events, &["A"], false).await.unwrap();
    drained(&events).await;
    assert_eq!(notes.all(), ["work"]);
}

struct Failing;

impl Handler<OrderPlaced> for Failing {
    async fn handle(&self, event: &OrderPlaced, _: &Meta) -> Result<(), BoxError> {
        match event.order_no.as_str() {
            "panics" => panic!("on purpose"),
            "fails" => Err("on purpose".into()),
            _ => Ok(()),
        }
    }
}

#[tokio::test]
async fn an_error_after_the_commit_reaches_nobody_and_is_counted() {
    let scratch = Scratch::new();
    let (events, notes) =
        built(&scratch, |builder| builder.after_commit(Failing).after_commit(note)).await;
    run(&events, &["fails", "panics", "works"], false).await.unwrap();
    drained(&events).await;
    assert_eq!(notes.all(), ["fails", "panics", "works"]);
    let counts = events.after_commit_counts();
    assert_eq!((counts.handled, counts.failed, counts.dropped, counts.waiting), (4, 2, 0, 0));
}

#[tokio::test]
async fn the_raiser_waits_for_nobody() {
    async fn endless(_: &OrderPlaced) {
        std::future::pending::<()>().await;
    }
    let scratch = Scratch::new();
    let (events, _) = built(&scratch, |builder| builder.after_commit(endless).workers(1)).await;
    for _ in 0..5 {
        run(&events, &["A"], false).await.unwrap();
    }
    assert_eq!(events.after_commit_counts().waiting, 5);
    assert!(!events.shutdown(Duration::from_millis(10)).await);
}

#[tokio::test]
async fn no_more_run_at_once_than_there_are_workers() {
    async fn stay(
        _: &OrderPlaced,
        State(notes): State<Notes>,
        State(going): State<Arc<Semaphore>>,
        State(begun): State<Arc<Notify>>,
    ) {
        notes.add("begun");
        begun.notify_one();
        going.acquire().await.unwrap().forget();
    }
    let scratch = Scratch::new();
    let (going, begun) = (Arc::new(Semaphore::new(0)), Arc::new(Notify::new()));
    let (events, notes) = built(&scratch, |builder| {
        let builder = builder.state(Arc::clone(&going)).state(Arc::clone(&begun));
        builder.after_commit(stay).workers(2)
    })
    .await;
    for _ in 0..6 {
        run(&events, &["A"], false).await.unwrap();
    }
    while notes.all().len() < 2 {
        begun.notified().await;
    }
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(notes.all().len(), 2);
    going.add_permits(6);
    drained(&events).await;
    assert_eq!(notes.all().len(), 6);
}

#[tokio::test]
async fn after_the_shutdown_calls_are_dropped_and_counted() {
    let scratch = Scratch::new();
    let (events, notes) = built(&scratch, |builder| builder.after_commit(note)).await;
    drained(&events).await;
    run(&events, &["A", "B"], false).await.unwrap();
    assert_eq!(events.after_commit_counts().dropped, 2);
    assert_eq!(notes.all(), [""; 0]);
}

#[tokio::test]
async fn a_rollback_is_followed_by_what_ensues_from_it() {
    let scratch = Scratch::new();
    let (events, notes) = built(&scratch, |builder| {
        builder.after_rollback(note).on(async |_: &OrderCancelled| Err::<(), _>("no"))
    })
    .await;
    run(&events, &["committed"], false).await.unwrap();
    run(&events, &["failed"], true).await.unwrap_err();
    let vetoed = events.run(async |tx| {
        raise(OrderPlaced::of("flushed", 1));
        tx.flush().await?;
        raise(OrderPlaced::of("queued", 1));
        raise(OrderCancelled { order_no: "vetoed".to_owned() });
        Ok::<_, Error>(())
    });
    vetoed.await.unwrap_err();
    drained(&events).await;
    assert_eq!(notes.all(), ["failed", "flushed", "queued"]);
}

#[tokio::test]
async fn a_dropped_or_panicking_unit_of_work_is_followed_by_it_too() {
    let scratch = Scratch::new();
    let (events, notes) = built(&scratch, |builder| builder.after_rollback(note)).await;
    let dropped = events.run(async |tx| {
        raise(OrderPlaced::of("flushed", 1));
        tx.flush().await?;
        raise(OrderPlaced::of("dropped", 1));
        std::future::pending::<Result<(), Error>>().await
    });
    tokio::time::timeout(Duration::from_millis(50), dropped).await.unwrap_err();
    let panicking = events.clone();
    let panicked = tokio::spawn(async move {
        let run = panicking.run(async |_tx| {
            raise(OrderPlaced::of("panicked", 1));
            assert!(std::env::args().count() == 0, "on purpose");
            Ok::<_, Error>(())
        });
        run.await
    });
    panicked.await.unwrap_err();
    drained(&events).await;
    let mut notes = notes.all();
    notes.sort();
    assert_eq!(notes, ["dropped", "flushed", "panicked"]);
}

/// Raises when it is dropped.
struct Loud(&'static str);

impl Drop for Loud {
    fn drop(&mut self) {
        raise(OrderPlaced::of(self.0, 1));
    }
}

#[tokio::test]
async fn what_raises_when_it_is_dropped_is_inside_however_its_unit_of_work_ends() {
    let scratch = Scratch::new();
    let (events, notes) = built(&scratch, |builder| builder.after_rollback(note)).await;
    dropped_half_way(&events, || Loud("dropped")).await;
    let panicking = events.clone();
    let panicked = tokio::spawn(async move {
        let run = panicking.run(async |_tx| {
            let _loud = Loud("panicked");
            panic();
            Ok::<_, Error>(())
        });
        run.await
    });
    assert!(panicked.await.unwrap_err().is_panic());
    let captured = Loud("committed");
    let run = events.run(async move |_tx| {
        let _captured = &captured;
        Ok::<_, Error>(())
    });
    run.await.unwrap();
    drained(&events).await;
    let mut notes = notes.all();
    notes.sort();
    assert_eq!(notes, ["dropped", "panicked"]);
    assert_eq!(payloads(events.store()).await, [r#"{"order_no":"committed","amount":1}"#]);
}

#[tokio::test]
async fn handlers_of_a_unit_of_work_that_failed_go_with_it_too() {
    let scratch = Scratch::new();
    let (events, notes) = built(&scratch, |builder| builder).await;
    let of_one = notes.clone();
    let failed = events.run(async move |tx| {
        tx.on(async |_: &OrderPlaced| Err::<(), _>("of the one that failed"));
        tx.after_commit(async move |event: &OrderPlaced| of_one.add(&event.order_no));
        Err::<(), BoxError>("on purpose".into())
    });
    failed.await.unwrap_err();
    run(&events, &["A"], false).await.unwrap();
    drained(&events).await;
    assert_eq!(notes.all(), [""; 0]);
}

#[tokio::test]
async fn a_savepoint_that_is_undone_takes_recorded_events_and_handlers_with_it() {
    let scratch = Scratch::new();
    let events = scratch.builder().await.build().await.unwrap();
    let (notes, mut pending) = (Notes::default(), Pending::default());
    let after_commit = notes.clone();
    let run = events.run(async |tx| {
        pending.raise(OrderPlaced::of("A", 1));
        let undone = tx.savepoint(async |tx| {
            pending.raise(OrderPlaced::of("ghost", 1));
            tx.on(async |_: &OrderPlaced, tx: &mut Tx| add_effect(tx, "ghost").await);
            tx.after_commit(async move |_: &OrderPlaced| after_commit.add("ghost"));
            Err::<(), _>(Error::configuration("no"))
        });
        assert!(undone.await.is_err());
        pending.raise(OrderPlaced::of("B", 1));
        tx.collect(&mut pending);
        Ok::<_, Error>(())
    });
    run.await.unwrap();
    drained(&events).await;
    let stored = payloads(events.store()).await;
    assert_eq!(stored, [r#"{"order_no":"A","amount":1}"#, r#"{"order_no":"B","amount":1}"#]);
    assert!(effects(events.store()).await.is_empty() && notes.all().is_empty());
}

#[tokio::test]
async fn what_was_recorded_in_a_savepoint_may_be_collected_after_it() {
    let scratch = Scratch::new();
    let events = scratch.builder().await.build().await.unwrap();
    let mut pending = Pending::default();
    let run = events.run(async |tx| {
        let kept = tx.savepoint(async |_tx| {
            pending.raise(OrderPlaced::of("A", 1));
            Ok::<_, Error>(())
        });
        kept.await?;
        tx.collect(&mut pending);
        Ok::<_, Error>(())
    });
    run.await.unwrap();
    assert_eq!(payloads(events.store()).await, [r#"{"order_no":"A","amount":1}"#]);
}

#[tokio::test]
async fn what_was_recorded_in_a_unit_of_work_that_failed_has_not_happened() {
    let scratch = Scratch::new();
    let events = scratch.builder().await.build().await.unwrap();
    let mut pending = Pending::default();
    let failing = events.run(async |_tx| {
        pending.raise(OrderPlaced::of("ghost", 1));
        Err::<(), _>(Error::configuration("no"))
    });
    assert!(failing.await.is_err());
    let again = events.run(async |tx| {
        pending.raise(OrderPlaced::of("A", 1));
        tx.collect(&mut pending);
        Ok::<_, Error>(())
    });
    again.await.unwrap();
    assert_eq!(payloads(events.store()).await, [r#"{"order_no":"A","amount":1}"#]);
}

#[tokio::test]
async fn handlers_of_one_unit_of_work_go_with_it() {
    let scratch = Scratch::new();
    let (events, notes) = built(&scratch, |builder| {
        builder.on(async |_: &OrderPlaced, tx: &mut Tx| add_effect(tx, "of all").await)
    })
    .await;
    let of_one = notes.clone();
    events
        .run(async move |tx| {
            raise(OrderPlaced::of("A", 1));
            let reason = "gift".to_owned();
            tx.on(async move |_: &OrderPlaced, tx: &mut Tx| add_effect(tx, &reason).await);
            tx.on_any(async |any: &AnyEvent, tx: &mut Tx| add_effect(tx, any.event_type()).await);
            tx.after_commit(async move |event: &OrderPlaced| of_one.add(&event.order_no));
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    run(&events, &["B"], false).await.unwrap();
    drained(&events).await;
    assert_eq!(effects(events.store()).await, ["of all", "gift", "order.placed", "work", "of all"]);
    assert_eq!(notes.all(), ["A"]);
}

#[tokio::test]
async fn a_handler_of_one_unit_of_work_without_its_state_fails_by_name() {
    let scratch = Scratch::new();
    let events = scratch.builder().await.build().await.unwrap();
    let error = events
        .run(async |tx| {
            tx.on(note);
            raise(OrderPlaced::of("A", 1));
            Ok::<_, Error>(())
        })
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Handler);
    assert!(error.to_string().contains("State<"), "{error}");
}

#[tokio::test]
async fn what_ensues_after_the_commit_is_checked_at_build_too() {
    #[derive(Event)]
    #[event(local, type = "order.placed")]
    struct Other;
    async fn other(_: &Other) {}
    let scratch = Scratch::new();
    let builder = scratch.builder().await.after_commit(note).after_rollback(other);
    let error = builder.build().await.unwrap_err().to_string();
    for problem in ["::note` asks for `State<", "event type `order.placed` is both"] {
        assert!(error.contains(problem), "no `{problem}` in: {error}");
    }
}

#[tokio::test]
async fn a_savepoint_drops_exactly_its_own() {
    let scratch = Scratch::new();
    let (events, notes) = built(&scratch, |builder| {
        builder
            .after_commit(note)
            .on(async |event: &OrderPlaced, tx: &mut Tx| add_effect(tx, &event.order_no).await)
    })
    .await;
    let mut cart = Pending::default();
    events
        .run(async |tx| {
            raise(OrderPlaced::of("before", 1));
            let undone = tx
                .savepoint(async |tx| {
                    raise(OrderPlaced::of("flushed", 1));
                    tx.flush().await?;
                    raise(OrderPlaced::of("queued", 1));
                    tx.raise(OrderPlaced::of("by name", 1));
                    cart.raise(OrderPlaced::of("recorded", 1));
                    tx.collect(&mut cart);
                    let inner = tx.savepoint(async |_tx| {
                        raise(OrderPlaced::of("inner", 1));
                        Ok::<_, BoxError>(())
                    });
                    inner.await?;
                    Err::<(), BoxError>("undo".into())
                })
                .await;
            assert_eq!(undone.unwrap_err().to_string(), "undo");
            raise(OrderPlaced::of("after", 1));
            let kept = tx.savepoint(async |_tx| {
                raise(OrderPlaced::of("kept", 1));
                Ok::<_, Error>(7)
            });
            assert_eq!(kept.await?, 7);
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    drained(&events).await;
    assert_eq!(notes.all(), ["before", "after", "kept"]);
    assert_eq!(effects(events.store()).await, ["before", "after", "kept"]);
    assert_eq!(events.head().await.unwrap().get(), 3);
}

#[tokio::test]
async fn a_savepoint_undone_inside_one_that_is_kept_is_undone_alone() {
    let scratch = Scratch::new();
    let (events, _) = built(&scratch, |builder| {
        builder.on(async |event: &OrderPlaced, tx: &mut Tx| add_effect(tx, &event.order_no).await)
    })
    .await;
    let run = events.run(async |tx| {
        tx.savepoint(async |tx| {
            raise(OrderPlaced::of("outer", 1));
            let undone = tx.savepoint(async |_tx| {
                raise(OrderPlaced::of("inner", 1));
                Err::<(), BoxError>("undo".into())
            });
            undone.await.unwrap_err();
            raise(OrderPlaced::of("outer again", 1));
            Ok::<_, BoxError>(())
        })
        .await
    });
    run.await.unwrap();
    assert_eq!(effects(events.store()).await, ["outer", "outer again"]);
    assert_eq!(events.head().await.unwrap().get(), 2);
}

#[tokio::test]
async fn a_veto_inside_a_savepoint_undoes_the_savepoint_alone() {
    let scratch = Scratch::new();
    let (events, _) = built(&scratch, |builder| {
        builder.on(async |event: &OrderPlaced, tx: &mut Tx| {
            add_effect(tx, &event.order_no).await?;
            if event.amount > 1 { Err::<(), BoxError>("too much".into()) } else { Ok(()) }
        })
    })
    .await;
    events
        .run(async |tx| {
            let vetoed = tx.savepoint(async |_tx| {
                raise(OrderPlaced::of("vetoed", 2));
                Ok::<_, Error>(())
            });
            assert_eq!(vetoed.await.unwrap_err().kind(), ErrorKind::Handler);
            raise(OrderPlaced::of("instead", 1));
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    assert_eq!(effects(events.store()).await, ["instead"]);
}

#[tokio::test]
async fn a_failure_that_a_savepoint_swallowed_is_undone_with_it() {
    let scratch = Scratch::new();
    let (events, _) = built(&scratch, |builder| {
        builder.on(async |_: &OrderPlaced, tx: &mut Tx| {
            add_effect(tx, "ghost").await?;
            Err::<(), BoxError>("no".into())
        })
    })
    .await;
    events
        .run(async |tx| {
            let swallowing = tx.savepoint(async |tx| {
                raise(OrderPlaced::of("A", 1));
                assert!(tx.flush().await.is_err());
                Ok::<_, Error>(())
            });
            assert_eq!(swallowing.await.unwrap_err().kind(), ErrorKind::Abandoned);
            add_effect(tx, "instead").await.unwrap();
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    assert_eq!(effects(events.store()).await, ["instead"]);
}

#[tokio::test]
async fn a_savepoint_that_is_dropped_before_its_end_abandons_the_unit_of_work() {
    let scratch = Scratch::new();
    let (events, _) = built(&scratch, |builder| builder).await;
    let abandoned = events.run(async |tx| {
        let endless = tx.savepoint(async |tx| {
            add_effect(tx, "ghost").await.unwrap();
            std::future::pending::<Result<(), Error>>().await
        });
        assert!(tokio::time::timeout(Duration::from_millis(50), endless).await.is_err());
        Ok::<_, Error>(())
    });
    assert_eq!(abandoned.await.unwrap_err().kind(), ErrorKind::Abandoned);
    assert_eq!(effects(events.store()).await, [""; 0]);
}
