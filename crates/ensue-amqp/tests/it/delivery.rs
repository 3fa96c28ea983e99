//! What is said of an entry that nobody, or not everybody, can have.

use std::error::Error;

use ensue::{Directed, Entry, Outcome, Sink};
use ensue_amqp::Exchange;
use lapin::types::AMQPValue;
use servers::RabbitMq;

use crate::broker::{PATIENCE, Place, entries, entry, ids, ids_of, send};

/// The client hands returned messages to whichever is confirmed next.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_tenth_of_many_that_no_queue_is_bound_for_is_the_one_that_is_said_to_be() {
    let place = Place::new().await;
    place.make_queue().await;
    let (sink, mut entries) = (place.amqp_sink(), entries(5_000));
    for entry in entries.iter_mut().step_by(10) {
        entry.envelope.event_type = "invoice.sent".into();
    }
    for batch in entries.chunks(500) {
        for (entry, outcome) in batch.iter().zip(send(&sink, batch).await) {
            let is_unroutable = matches!(outcome, Outcome::Unroutable(_));
            assert_eq!(is_unroutable, entry.envelope.event_type == "invoice.sent", "{outcome:?}");
            assert!(is_unroutable || outcome.is_delivered(), "{outcome:?}");
        }
    }
    let routed: Vec<_> =
        entries.into_iter().filter(|entry| entry.envelope.event_type == "order.placed").collect();
    assert_eq!(ids(&place.messages(4_500).await), ids_of(&routed));
}

#[tokio::test]
async fn what_a_full_queue_refuses_is_rejected() {
    let place = Place::new().await;
    let limits = [("x-max-length", AMQPValue::LongInt(3)), ("x-overflow", text("reject-publish"))];
    place.make_queue_with(&limits).await;
    let (sink, entries) = (place.amqp_sink(), entries(20));
    // A queue counts what it has taken, which may be a little more than it is allowed to.
    let outcomes: Vec<_> = send_one_by_one(&sink, &entries).await;
    let delivered = outcomes.iter().filter(|outcome| outcome.is_delivered()).count();
    assert!((3..10).contains(&delivered), "{delivered}");
    for outcome in &outcomes[delivered..] {
        assert!(matches!(outcome, Outcome::Rejected(_)), "{outcome:?}");
    }
    assert_eq!(place.get(delivered).await.len(), delivered);
    assert!(send(&sink, &entries[19..]).await[0].is_delivered(), "there is room again");
}

async fn send_one_by_one(sink: &ensue_amqp::AmqpSink, entries: &[Entry]) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    for entry in entries {
        outcomes.extend(send(sink, std::slice::from_ref(entry)).await);
    }
    outcomes
}

#[tokio::test]
async fn what_is_too_large_is_refused_for_good_and_the_others_are_delivered() {
    let place = Place::new().await;
    place.make_queue().await;
    let sink = place.amqp_sink().message_bytes_max(1_000);
    let outcomes = send(&sink, &[entry(1, "1"), entry(2, vec![b'x'; 1_001]), entry(3, "3")]).await;
    assert!(outcomes[0].is_delivered() && outcomes[2].is_delivered());
    assert!(is_permanent(&outcomes[1]), "{outcomes:?}");
}

#[tokio::test]
async fn headers_or_a_routing_key_that_amqp_has_no_room_for_are_refused_for_good() {
    let place = Place::new().await;
    place.make_queue().await;
    let mut entries = entries(3);
    entries[0].envelope.headers.insert("large".into(), "x".repeat(200_000));
    entries[1].envelope.event_type = format!("order.{}", "x".repeat(250)).into();
    let outcomes = send(&place.amqp_sink(), &entries).await;
    assert!(is_permanent(&outcomes[0]) && is_permanent(&outcomes[1]), "{outcomes:?}");
    assert!(outcomes[2].is_delivered());
}

#[tokio::test]
async fn a_key_that_amqp_has_no_room_for_as_a_property_is_delivered_all_the_same() {
    let place = Place::new().await;
    place.make_queue().await;
    let mut entry = entry(1, "1");
    entry.envelope.key = Some("k".repeat(1_000));
    entry.envelope.correlation_id = ensue::CorrelationId::new("c".repeat(1_000));
    assert!(send(&place.amqp_sink(), std::slice::from_ref(&entry)).await[0].is_delivered());
    assert_eq!(place.messages(1).await[0].envelope, entry.envelope);
}

/// It has a limit of its own, which we may not know.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_broker_finds_too_large_is_refused_for_good_once_it_is_alone() {
    let rabbitmq = RabbitMq::start().unwrap();
    rabbitmq.control(&["eval", "application:set_env(rabbit, max_message_size, 1000)."]).unwrap();
    let place = Place::at(rabbitmq.url()).await;
    place.make_queue().await;
    let (sink, large) = (place.amqp_sink(), entry(1, vec![b'x'; 1_001]));
    let together = send(&sink, &[large.clone(), entry(2, "2")]).await;
    assert!(matches!(together[0], Outcome::Unknown(_)), "{together:?}");
    assert!(is_permanent(&send(&sink, &[large]).await[0]));
    assert!(send(&sink, &[entry(2, "2")]).await[0].is_delivered());
}

#[tokio::test]
async fn without_the_exchange_that_is_to_be_there_nothing_is_sent() {
    let place = Place::new().await;
    let exchange = Exchange::topic(&*place.name).existing();
    let sink = ensue_amqp::AmqpSink::new(&place.url(), exchange, "/shop").unwrap();
    let why = sink.send(&entries(1)).await.unwrap_err().to_string();
    assert!(why.contains(&place.name) && why.contains("to be there already"), "{why}");
    place.make_queue().await;
    assert!(send(&sink, &entries(1)).await[0].is_delivered(), "it is there now");
}

#[tokio::test]
async fn an_exchange_that_is_deleted_is_made_again() {
    let place = Place::new().await;
    place.make_queue().await;
    let sink = place.amqp_sink();
    assert!(send(&sink, &entries(1)).await[0].is_delivered());
    place.delete_exchange().await;
    for outcome in send(&sink, &entries(5)).await {
        assert!(matches!(outcome, Outcome::Unknown(_)), "{outcome:?}");
    }
    // It has no bindings any more.
    assert!(matches!(send(&sink, &entries(1)).await[0], Outcome::Unroutable(_)));
    place.make_queue().await;
    assert!(send(&sink, &entries(1)).await[0].is_delivered());
}

#[tokio::test]
async fn after_its_queue_is_deleted_nothing_is_delivered() {
    let place = Place::new().await;
    place.make_queue().await;
    let sink = place.amqp_sink();
    assert!(send(&sink, &entries(1)).await[0].is_delivered());
    place.delete_queue().await;
    for outcome in send(&sink, &entries(100)).await {
        assert!(matches!(outcome, Outcome::Unroutable(_)), "{outcome:?}");
    }
}

#[tokio::test]
async fn an_exchange_of_another_kind_says_what_to_do() {
    let place = Place::new().await;
    place.make_queue().await;
    let exchange = Exchange::by_key(&*place.name);
    let sink = ensue_amqp::AmqpSink::new(&place.url(), exchange.clone(), "/shop").unwrap();
    let sending = tokio::time::timeout(PATIENCE, sink.send(&[])).await.unwrap();
    let why = sending.unwrap_err().to_string();
    assert!(why.contains("`.existing()`"), "{why}");
}

fn is_permanent(outcome: &Outcome) -> bool {
    let Outcome::Rejected(error) = outcome else { return false };
    let error: &(dyn Error + 'static) = &**error;
    error.downcast_ref::<Directed>().is_some()
}

fn text(text: &str) -> AMQPValue {
    AMQPValue::LongString(text.into())
}
