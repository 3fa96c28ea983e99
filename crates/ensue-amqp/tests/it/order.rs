//! Keys over several queues.

use std::collections::HashMap;

use ensue::listener::Source;
use ensue::{Outcome, Sink};
use ensue_amqp::{AmqpSink, AmqpSource, Exchange, Queue};

use crate::broker::{Place, arrivals, entries, messages, send};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_of_a_key_go_to_one_queue_and_every_queue_has_some() {
    let place = Place::new().await;
    let exchange = Exchange::by_key(&*place.name);
    let queue = |number: usize| {
        let queue = Queue::new(format!("{}.{number}", place.name));
        queue.bound_to(exchange.clone(), "1").single_active_consumer()
    };
    let sink = AmqpSink::new(&place.url(), exchange.clone(), "/shop").unwrap();
    let unheard = sink.send(&entries(1)).await.unwrap();
    assert!(matches!(unheard[0], Outcome::Unroutable(_)), "no queue is bound yet");
    let sources = [0, 1, 2].map(|number| AmqpSource::new(&place.url(), queue(number)).unwrap());
    for source in &sources {
        source.open(1).await.unwrap();
    }
    for _ in 0..4 {
        assert!(send(&sink, &entries(200)).await.iter().all(Outcome::is_delivered));
    }
    let mut queue_of = HashMap::new();
    let mut received = 0;
    for (number, source) in sources.iter().enumerate() {
        let count = place.count(&format!("{}.{number}", place.name)).await;
        assert!(count > 0, "nothing in queue {number}");
        let mut session = source.open(800).await.unwrap();
        for message in messages(arrivals(&mut session, count).await) {
            let key = message.envelope.key.unwrap();
            assert_eq!(*queue_of.entry(key).or_insert(number), number);
            received += 1;
        }
    }
    assert_eq!((received, queue_of.len()), (800, 200));
}
