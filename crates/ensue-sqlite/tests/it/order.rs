//! In which order events are handled and stored, and why each was raised.

use ensue::store::Page;
use ensue::{Error, ErrorKind, Log, Pending, Position, Raise, State, raise};

use crate::scratch::{Notes, OrderCancelled, OrderPlaced, Scratch, cancelled, payloads, types};

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
async fn a_cascade_as_long_as_the_limit_is_none_without_end() {
    let scratch = Scratch::new();
    let countdown = async |event: &OrderPlaced| {
        if event.amount > 1 {
            raise(OrderPlaced::of("A", event.amount - 1));
        }
    };
    let events = scratch.builder().await.on(countdown).build().await.unwrap();
    for (length, kind) in [(16, None), (17, Some(ErrorKind::Cascade))] {
        let run = events.run(async |_tx| {
            raise(OrderPlaced::of("A", length));
            Ok::<_, Error>(())
        });
        assert_eq!(run.await.err().map(|error| error.kind()), kind, "{length}");
    }
    assert_eq!(events.head().await.unwrap(), Position::new(16));
}

#[tokio::test]
async fn ids_ascend_in_the_order_of_the_log() {
    let scratch = Scratch::new();
    let events = scratch
        .builder()
        .await
        .on(async |event: &OrderPlaced| raise(cancelled(&event.order_no)))
        .build()
        .await
        .unwrap();
    let run = events.run(async |_tx| {
        for number in 0..50 {
            raise(OrderPlaced::of(number.to_string(), 1));
        }
        Ok::<_, Error>(())
    });
    run.await.unwrap();
    let log = events.store().entries(Page::new(Position::START, 1_000)).await.unwrap();
    assert_eq!(log.len(), 100);
    assert!(log.is_sorted_by(|entry, next| entry.envelope.id < next.envelope.id));
}

/// The thread does not see what was raised here without naming the unit of work: it is flushed
/// before, where order matters.
#[tokio::test]
async fn a_thread_that_borrows_the_unit_of_work_raises_into_it() {
    let scratch = Scratch::new();
    let events = scratch.builder().await.build().await.unwrap();
    let run = events.run(async |tx| {
        raise(OrderPlaced::of("A", 1));
        tx.flush().await?;
        std::thread::scope(|threads| {
            threads.spawn(|| tx.raise(OrderPlaced::of("A", 2)));
        });
        raise(OrderPlaced::of("A", 3));
        Ok::<_, Error>(())
    });
    run.await.unwrap();
    let amounts = (1..=3).map(|amount| format!(r#"{{"order_no":"A","amount":{amount}}}"#));
    assert_eq!(payloads(events.store()).await, amounts.collect::<Vec<_>>());
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
    let log = events.store().entries(Page::new(Position::START, 10)).await.unwrap();
    let [first, second, third, _] = &log[..] else { panic!("{log:?}") };
    assert_eq!(first.envelope.causation_id, None);
    assert_eq!(second.envelope.causation_id, Some(first.envelope.id));
    assert_eq!(second.envelope.correlation_id, first.envelope.correlation_id);
    assert_ne!(third.envelope.correlation_id, first.envelope.correlation_id);
    assert_eq!(first.envelope.key.as_deref(), Some("A"));
}
