//! Receiving.

use std::collections::BTreeSet;
use std::time::Duration;

use ensue::listener::{Session, Source, Tag};
use ensue_amqp::{AmqpSession, AmqpSource, Queue};
use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable};
use tokio::time::timeout;

use crate::broker::{PATIENCE, Place, arrivals, entries, ids, ids_of, messages, send};
use crate::proxy::Line;

async fn open(place: &Place, prefetch: u16) -> AmqpSession {
    timeout(PATIENCE, place.source().open(prefetch)).await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_acknowledged_does_not_arrive_again_and_the_rest_does() {
    let place = Place::new().await;
    let mut session = open(&place, 100).await;
    let entries = entries(10);
    send(&place.amqp_sink(), &entries).await;
    let first = arrivals(&mut session, 10).await;
    assert!(first.iter().all(|arrival| !arrival.is_redelivered));
    let tags: Vec<Tag> = first.iter().map(|arrival| arrival.tag).collect();
    assert!(tags.is_sorted());
    // In part, with gaps, and not in one word.
    session.acknowledge(&[tags[0], tags[1], tags[4]]).await.unwrap();
    session.acknowledge(&[tags[2], tags[6]]).await.unwrap();
    session.stop().await.unwrap();
    session.flush().await.unwrap();
    drop(session);
    let again = arrivals(&mut open(&place, 100).await, 5).await;
    assert!(again.iter().all(|arrival| arrival.is_redelivered));
    let left = [3, 5, 7, 8, 9].map(|index: usize| entries[index].envelope.id);
    assert_eq!(ids(&messages(again)), left);
}

#[tokio::test]
async fn no_more_are_under_way_than_were_asked_for() {
    let place = Place::new().await;
    let mut session = open(&place, 3).await;
    let entries = entries(5);
    send(&place.amqp_sink(), &entries).await;
    let first = arrivals(&mut session, 3).await;
    assert!(timeout(Duration::from_millis(300), session.receive()).await.is_err());
    session.acknowledge(&[first[0].tag, first[1].tag]).await.unwrap();
    let more = arrivals(&mut session, 2).await;
    assert_eq!(ids(&messages(more)), ids_of(&entries[3..]));
}

#[tokio::test]
async fn a_session_that_is_stopped_receives_no_more_and_leaves_the_rest_to_the_next() {
    let place = Place::new().await;
    let mut session = open(&place, 10).await;
    let entries = entries(10);
    send(&place.amqp_sink(), &entries).await;
    let arrived = arrivals(&mut session, 1).await;
    session.stop().await.unwrap();
    assert_eq!(timeout(PATIENCE, session.receive()).await.unwrap().unwrap().len(), 0);
    let tags: Vec<_> = arrived.iter().map(|arrival| arrival.tag).collect();
    session.acknowledge(&tags).await.unwrap();
    session.flush().await.unwrap();
    drop(session);
    let mut next = open(&place, 10).await;
    let left = entries.len() - arrived.len();
    let mut all = ids(&messages(arrived));
    all.extend(ids(&messages(arrivals(&mut next, left).await)));
    assert_eq!(all, ids_of(&entries));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_that_is_cut_is_noticed_at_once_and_another_session_has_what_was_left() {
    let place = Place::new().await;
    let mut session = open(&place, 10).await;
    let entries = entries(3);
    send(&place.amqp_sink(), &entries).await;
    arrivals(&mut session, 3).await;
    place.proxy.set(Line::Cut);
    assert!(timeout(PATIENCE, session.receive()).await.unwrap().is_err());
    assert!(session.acknowledge(&[Tag(1)]).await.is_err());
    place.proxy.set(Line::Open);
    let again = arrivals(&mut open(&place, 10).await, 3).await;
    assert_eq!(ids(&messages(again)), ids_of(&entries));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_is_silent_is_noticed_within_two_heartbeats() {
    let place = Place::new().await;
    let url = format!("{}?heartbeat=2", place.url());
    let source = AmqpSource::new(&url, place.queue()).unwrap();
    let mut session = source.open(10).await.unwrap();
    place.proxy.set(Line::Dead);
    let noticed = timeout(PATIENCE, session.receive()).await;
    assert!(noticed.unwrap().is_err());
}

#[tokio::test]
async fn a_session_whose_queue_is_deleted_is_lost() {
    let place = Place::new().await;
    let mut session = open(&place, 10).await;
    place.delete_queue().await;
    let why = timeout(PATIENCE, session.receive()).await.unwrap().unwrap_err().to_string();
    assert!(why.contains("queue"), "{why}");
}

#[tokio::test]
async fn of_several_who_listen_to_a_queue_with_a_single_active_consumer_one_receives() {
    let place = Place::new().await;
    let queue = place.queue().single_active_consumer();
    let source = AmqpSource::new(&place.url(), queue).unwrap();
    let mut active = source.open(10).await.unwrap();
    let mut waiting = source.open(10).await.unwrap();
    send(&place.amqp_sink(), &entries(4)).await;
    arrivals(&mut active, 4).await;
    assert!(timeout(Duration::from_millis(300), waiting.receive()).await.is_err());
    drop(active);
    assert_eq!(arrivals(&mut waiting, 4).await.len(), 4);
}

#[tokio::test]
async fn a_queue_that_is_to_be_there_is_not_made() {
    let place = Place::new().await;
    let source = AmqpSource::new(&place.url(), Queue::new(&*place.name).existing()).unwrap();
    let why = source.open(1).await.err().unwrap().to_string();
    assert!(why.contains("to be there already"), "{why}");
    place.make_queue().await;
    source.open(1).await.unwrap();
}

#[tokio::test]
async fn what_is_no_event_arrives_as_what_it_is() {
    let place = Place::new().await;
    let mut session = open(&place, 10).await;
    place.publish("order.placed", b"no event").await;
    let arrival = arrivals(&mut session, 1).await.remove(0);
    let unreadable = arrival.message.unwrap_err();
    assert_eq!((&*unreadable.body, unreadable.id.as_deref()), (&b"no event"[..], Some("m-1")));
    assert!(unreadable.why.contains("specversion"), "{}", unreadable.why);
    assert_eq!(unreadable.headers, [("amqp:routing_key".to_owned(), "order.placed".to_owned())]);
}

/// But for what the broker counts there, by which it would be another one each time.
#[tokio::test]
async fn what_is_no_event_arrives_with_all_that_its_sender_said() {
    let place = Place::new().await;
    let mut session = open(&place, 10).await;
    let mut headers = FieldTable::default();
    headers.insert("tenant".into(), AMQPValue::LongString("acme".into()));
    headers.insert("rate".into(), AMQPValue::Double(1.5));
    headers.insert("bytes".into(), AMQPValue::LongString(vec![0xff, 0x00].into()));
    let properties = BasicProperties::default().with_type("order.placed".into());
    place.publish_with("order.placed", properties.with_headers(headers), b"no event").await;
    let first = arrivals(&mut session, 1).await.remove(0);
    drop(session);
    let again = arrivals(&mut open(&place, 10).await, 1).await.remove(0);
    assert!(again.is_redelivered);
    let unreadable = first.message.unwrap_err();
    assert_eq!(again.message.unwrap_err(), unreadable);
    let names: BTreeSet<_> = unreadable.headers.iter().map(|(name, _)| name.as_str()).collect();
    let expected = ["amqp:routing_key", "amqp:type", "bytes", "rate", "tenant"];
    assert_eq!(names, BTreeSet::from(expected));
    let rate = unreadable.headers.iter().find(|(name, _)| name == "rate");
    assert!(rate.is_some_and(|(_, rate)| rate.contains("1.5")), "{rate:?}");
}

#[tokio::test]
async fn what_the_broker_takes_out_of_a_queue_goes_to_the_dead() {
    let place = Place::new().await;
    place.make_queue().await;
    send(&place.amqp_sink(), &entries(1)).await;
    place.reject_one().await;
    let dead = place.get_from(&format!("{}.dead", place.name), 1).await;
    assert_eq!(dead[0].data, b"{\"number\":1}");
}
