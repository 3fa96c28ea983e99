//! Neither debug output nor an error contains a password.

use ensue::Sink;
use ensue::listener::Source;
use ensue_amqp::{AmqpSink, AmqpSource, Exchange, Queue};

use crate::broker::entries;

const SECRET: &str = "hunter2";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_password_is_shown_or_in_an_error_of_a_connection() {
    let broker = servers::amqp_url();
    let place = broker.rsplit_once('@').unwrap().1;
    for url in [
        format!("amqp://guest:{SECRET}@{place}"),
        format!("amqp://me:{SECRET}@{place}"),
        format!("amqps://me:{SECRET}@{place}"),
        format!("amqp://me:{SECRET}@127.0.0.1:1"),
        format!("amqp://me:{SECRET}@no.such.host.invalid"),
    ] {
        let sink = AmqpSink::new(&url, Exchange::topic("shop.events"), "/shop").unwrap();
        let source = AmqpSource::new(&url, Queue::new("shop.secrets")).unwrap();
        let not_sent = sink.send(&entries(1)).await.unwrap_err();
        let not_opened = source.open(1).await.unwrap_err();
        assert_unsaid(&format!("{sink:?} {not_sent} {not_sent:?}"));
        assert_unsaid(&format!("{source:?} {not_opened} {not_opened:?}"));
    }
}

#[test]
fn no_password_is_in_an_error_of_an_address() {
    for url in [
        "amqp://me:hunter2@localhost:port",
        "amqp://me:hun/hunter2@localhost",
        "amqp://me:hun?hunter2@localhost",
        "amqp://me:hun#hunter2@localhost",
        "amqp://me:hunter2%ff@localhost",
        "amqp://me:hunter2@localhost/shop?heartbeat=never",
        "amqp://me:hunter2@localhost/shop/shop",
        "http://me:hunter2@localhost",
        "hunter2",
    ] {
        if let Err(error) = AmqpSink::new(url, Exchange::topic("shop.events"), "/shop") {
            assert_unsaid(&format!("{error} {error:?}"));
        }
        if let Err(error) = AmqpSource::new(url, Queue::new("shop.secrets")) {
            assert_unsaid(&format!("{error} {error:?}"));
        }
    }
}

fn assert_unsaid(shown: &str) {
    assert!(!shown.contains(SECRET), "{shown}");
}
