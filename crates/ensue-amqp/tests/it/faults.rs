//! Sessions that are lost, and brokers that do not answer.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use ensue::listener::Source;
use ensue::{Entry, Outcome, Sink};
use ensue_amqp::{AmqpSink, AmqpSource, Queue};
use servers::RabbitMq;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::broker::{PATIENCE, PREFETCH, Place, entries, handled, ids, ids_of, send};
use crate::proxy::Line;

/// As the forwarder does it.
async fn send_until_delivered(sink: &AmqpSink, entries: &[Entry]) {
    let mut left: Vec<_> = entries.to_vec();
    while !left.is_empty() {
        let Ok(outcomes) = sink.send(&left).await else {
            tokio::task::yield_now().await;
            continue;
        };
        let mut answered = outcomes.iter();
        left.retain(|_| !answered.next().is_some_and(Outcome::is_delivered));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_delivered_to_a_broker_that_is_killed_mid_batch_is_there_afterwards() {
    let mut rabbitmq = RabbitMq::start().unwrap();
    let place = Place::at(rabbitmq.url()).await;
    place.make_queue().await;
    // RabbitMQ 3.10 keeps for seconds in memory alone that it has made a quorum queue, and after a crash
    // takes messages for it without ever confirming them.
    rabbitmq.control(&["eval", "[dets:sync(Table) || Table <- dets:all()]."]).unwrap();
    let (sink, entries) = (place.amqp_sink(), entries(10_000));
    let (progress, mut delivered) = mpsc::unbounded_channel();
    let sending = {
        let entries = entries.clone();
        tokio::spawn(async move {
            for batch in entries.chunks(500) {
                send_until_delivered(&sink, batch).await;
                let _nobody_counts = progress.send(batch.len());
            }
        })
    };
    for _ in 0..4 {
        delivered.recv().await.unwrap();
    }
    // The fifth batch is under way.
    let rabbitmq = tokio::task::spawn_blocking(move || {
        rabbitmq.kill().unwrap();
        rabbitmq.restart().unwrap();
        rabbitmq
    });
    let rabbitmq = rabbitmq.await.unwrap();
    timeout(2 * PATIENCE, sending).await.unwrap().unwrap();
    let place = Place::at(rabbitmq.url()).await.named(&place.name);
    let mut session = place.source().open(PREFETCH).await.unwrap();
    let (mut known, mut first_arrivals, mut received) = (HashSet::new(), Vec::new(), 0);
    while first_arrivals.len() < entries.len() {
        for id in ids(&handled(&mut session).await) {
            received += 1;
            if known.insert(id) {
                first_arrivals.push(id);
            }
        }
    }
    assert_eq!(first_arrivals, ids_of(&entries), "in order, by their first arrivals");
    assert!(received <= entries.len() + 500, "{received} were received");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_that_is_cut_between_the_messages_and_their_confirmations_loses_nothing() {
    let place = Place::new().await;
    place.make_queue().await;
    let (sink, entries) = (place.amqp_sink(), entries(200));
    send(&sink, &entries[..1]).await;
    place.proxy.set(Line::Deaf);
    let (outcomes, messages) = tokio::join!(send(&sink, &entries[1..]), async {
        // They are in the queue, and the sink does not know.
        let messages = place.messages(200).await;
        place.proxy.set(Line::Cut);
        messages
    });
    assert_eq!(ids(&messages), ids_of(&entries));
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Unknown(_))));
    place.proxy.set(Line::Open);
    assert!(send(&sink, &entries[1..]).await.iter().all(Outcome::is_delivered));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_what_a_broker_does_not_confirm_nothing_is_known_and_another_session_is_opened() {
    let place = Place::new().await;
    place.make_queue().await;
    // Without heartbeats, only the missing confirmations reveal the dead line.
    let url = format!("{}?heartbeat=0", place.url());
    let sink = AmqpSink::new(&url, place.exchange(), "/shop").unwrap();
    let entries = entries(3);
    send(&sink, &entries).await;
    place.proxy.set(Line::Deaf);
    let outcomes = send(&sink, &entries).await;
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Unknown(_))));
    place.proxy.set(Line::Open);
    assert!(send(&sink, &entries).await.iter().all(Outcome::is_delivered));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_never_answers_a_handshake_is_not_there() {
    let place = Place::new().await;
    place.proxy.set(Line::Dead);
    let sent = timeout(PATIENCE, place.amqp_sink().send(&entries(1))).await.unwrap();
    let why = sent.unwrap_err().to_string();
    assert!(why.contains("no answer in 10s"), "{why}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_brokers_memory_is_full_nobody_is_there_and_afterwards_somebody_is() {
    let [raise, clear] = ["0", "0.4"].map(|share| ["set_vm_memory_high_watermark", share]);
    assert_an_alarm_is_nobody_there(raise, clear).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_brokers_disk_is_full_nobody_is_there_and_afterwards_somebody_is() {
    let [raise, clear] =
        ["1000000000000000", "50000000"].map(|bytes| ["set_disk_free_limit", bytes]);
    assert_an_alarm_is_nobody_there(raise, clear).await;
}

async fn assert_an_alarm_is_nobody_there(raise: [&str; 2], clear: [&str; 2]) {
    let rabbitmq = RabbitMq::start().unwrap();
    let place = Place::at(rabbitmq.url()).await;
    place.make_queue().await;
    let (sink, entries) = (place.amqp_sink(), entries(20));
    send(&sink, &entries).await;
    rabbitmq.control(&raise).unwrap();
    // The disk is looked at now and then.
    let raised = Instant::now();
    while rabbitmq.control(&["eval", "rabbit_alarm:get_alarms()."]).unwrap().trim() == "[]" {
        assert!(raised.elapsed() < PATIENCE, "no alarm");
    }
    // The first to be sent find out.
    for outcome in send(&sink, &entries).await {
        assert!(matches!(outcome, Outcome::Unknown(_)), "{outcome:?}");
    }
    for _ in 0..10 {
        let why = sink.send(&entries).await.unwrap_err().to_string();
        assert!(why.contains("alarm"), "{why}");
    }
    rabbitmq.control(&clear).unwrap();
    timeout(PATIENCE, send_until_delivered(&sink, &entries)).await.unwrap();
}

#[tokio::test]
async fn where_nobody_listens_on_the_port_it_is_said_without_the_password() {
    let place = Place::new().await;
    place.proxy.set(Line::Cut);
    let why = place.amqp_sink().send(&entries(1)).await.unwrap_err().to_string();
    assert!(why.starts_with("no broker at amqp://127.0.0.1:"), "{why}");
    assert!(!why.contains("guest"), "{why}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handshake_that_is_given_up_leaves_nothing_connected() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("amqp://guest:guest@{}", listener.local_addr().unwrap());
    let source = AmqpSource::new(&url, Queue::new("none")).unwrap();
    // Given up by whoever asked, and by itself.
    for patience in [Duration::from_millis(200), PATIENCE] {
        let (opened, accepted) = tokio::join!(timeout(patience, source.open(1)), listener.accept());
        assert!(!opened.is_ok_and(|opened| opened.is_ok()));
        let (mut stream, _) = accepted.unwrap();
        let mut said = Vec::new();
        timeout(PATIENCE, stream.read_to_end(&mut said)).await.unwrap().unwrap();
        assert!(said.starts_with(b"AMQP"));
    }
}
