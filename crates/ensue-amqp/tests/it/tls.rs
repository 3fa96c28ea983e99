//! Connections that nobody reads along on.

use ensue::Sink;
use ensue::listener::Source;
use ensue_amqp::{AmqpSink, AmqpSource, Exchange, Queue};
use servers::RabbitMq;

use crate::broker::{arrivals, entries, ids, ids_of, messages, send};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_that_is_trusted_is_connected_to_and_no_other() {
    let rabbitmq = RabbitMq::start_with_tls().unwrap();
    let (url, certificate) = (rabbitmq.tls_url().unwrap(), rabbitmq.certificate());
    let (exchange, entries) = (Exchange::topic("shop.events"), entries(3));
    let queue = Queue::new("audit").bound_to(exchange.clone(), "#");
    let source = AmqpSource::new(&url, queue).unwrap().trusting(&*certificate);
    let mut session = source.open(10).await.unwrap();
    let stranger = AmqpSink::new(&url, exchange.clone(), "/shop").unwrap();
    let why = stranger.send(&entries).await.unwrap_err().to_string();
    assert!(why.contains("certificate"), "{why}");
    let sink = AmqpSink::new(&url, exchange, "/shop").unwrap().trusting(&*certificate);
    assert!(send(&sink, &entries).await.iter().all(ensue::Outcome::is_delivered));
    assert_eq!(ids(&messages(arrivals(&mut session, 3).await)), ids_of(&entries));
}
