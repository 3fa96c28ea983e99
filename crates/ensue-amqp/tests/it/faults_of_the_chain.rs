//! From the log of one service to an effect in another, with whatever may go wrong in between: each
//! event has its effect once, in the order of its key. Each test prints its row of `docs/brokers.md`.

use std::time::Duration;

use servers::RabbitMq;

use crate::broker::{PATIENCE, Place};
use crate::chain::{Chain, stop};
use crate::proxy::Line;

/// Longer than a busy machine delays the owner's renewal.
const LEASE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_nothing_goes_wrong_everything_goes_over_the_wire_once() {
    let mut chain = Chain::at(Place::new().await).await;
    let (shop, office) = (chain.shop(LEASE).await, chain.office().await);
    let (forwarder, listening) = (shop.forward(), office.listen());
    chain.raise(&shop, 1_000).await;
    let row = chain.check("nothing").await;
    assert_eq!((row.sent, row.confirmed, row.received), (1_000, 1_000, 1_000), "{row}");
    assert!(forwarder.shutdown(PATIENCE).await);
    stop(listening).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_is_killed_while_it_takes_and_gives_loses_and_doubles_nothing() {
    let mut rabbitmq = RabbitMq::start().unwrap();
    let mut chain = Chain::at(Place::at(rabbitmq.url()).await).await;
    // What it has just made is in its memory alone for some seconds.
    rabbitmq.control(&["eval", "[dets:sync(Table) || Table <- dets:all()]."]).unwrap();
    let (shop, office) = (chain.shop(LEASE).await, chain.office().await);
    let (forwarder, listening) = (shop.forward(), office.listen());
    for _ in 0..2 {
        chain.raise(&shop, 1_500).await;
        chain.until_effects(chain.effects() as u64 + 100).await;
        let restarting = tokio::task::spawn_blocking(move || {
            rabbitmq.kill().unwrap();
            rabbitmq.restart().unwrap();
            rabbitmq
        });
        // The log grows while the broker is away.
        chain.raise(&shop, 200).await;
        rabbitmq = restarting.await.unwrap();
    }
    chain.check("broker killed twice, while it takes and gives").await;
    assert!(forwarder.shutdown(PATIENCE).await);
    stop(listening).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_that_is_cut_again_and_again_loses_and_doubles_nothing() {
    let mut chain = Chain::at(Place::new().await).await;
    let (shop, office) = (chain.shop(LEASE).await, chain.office().await);
    let (forwarder, listening) = (shop.forward(), office.listen());
    for round in 0..10 {
        chain.raise(&shop, 300).await;
        // Not to wait for anything: this is the moment at which it is cut.
        tokio::time::sleep(Duration::from_millis(7 * round)).await;
        chain.place.proxy.set(Line::Cut);
        chain.place.proxy.has_cut().await;
        chain.place.proxy.set(Line::Open);
    }
    chain.check("line cut ten times").await;
    assert!(forwarder.shutdown(PATIENCE).await);
    stop(listening).await;
}

/// What they bring is sent again, and the listener knows it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn confirmations_that_are_lost_double_nothing() {
    let mut chain = Chain::at(Place::new().await).await;
    let shop = chain.shop(LEASE).await;
    let forwarder = shop.forward();
    chain.raise(&shop, 100).await;
    chain.until_confirmed(100).await;
    chain.place.proxy.set(Line::Deaf);
    chain.raise(&shop, 300).await;
    // More are with the broker, as many as go without another channel, and nobody has heard of it.
    chain.place.until_there_are(101).await;
    chain.place.proxy.set(Line::Cut);
    chain.place.proxy.has_cut().await;
    chain.place.proxy.set(Line::Open);
    let office = chain.office().await;
    let listening = office.listen();
    let row = chain.check("confirmations lost, then the line").await;
    assert!(row.received > row.raised, "nothing came twice: {row}");
    assert!(forwarder.shutdown(PATIENCE).await);
    stop(listening).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listener_that_goes_between_effect_and_acknowledgement_doubles_nothing() {
    let mut chain = Chain::at(Place::new().await).await;
    let shop = chain.shop(LEASE).await;
    let forwarder = shop.forward();
    chain.raise(&shop, 2_000).await;
    for round in 0..15 {
        let office = chain.office().await;
        let listening = office.listen();
        tokio::time::sleep(Duration::from_millis(5 + 3 * round)).await;
        listening.shutdown(Duration::ZERO).await;
    }
    let office = chain.office().await;
    let listening = office.listen();
    chain.check("listener dropped fifteen times").await;
    assert!(forwarder.shutdown(PATIENCE).await);
    stop(listening).await;
}

/// The session ends only after the broker has processed the last acknowledgements.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_listener_has_handled_is_not_delivered_again_after_its_shutdown() {
    let mut chain = Chain::at(Place::new().await).await;
    let shop = chain.shop(LEASE).await;
    let forwarder = shop.forward();
    chain.place.proxy.set(Line::Slow);
    for round in 1..=3 {
        let office = chain.office().await;
        let listening = office.listen();
        chain.raise(&shop, 200).await;
        chain.until_effects(200 * round).await;
        stop(listening).await;
    }
    let office = chain.office().await;
    let listening = office.listen();
    chain.raise(&shop, 10).await;
    let row = chain.check("listener shut down right after the last effect, slow line").await;
    assert_eq!(row.received, row.raised, "{row}");
    assert!(forwarder.shutdown(PATIENCE).await);
    stop(listening).await;
}

/// The first one's process stands still while it sends, for longer than its lease.
#[test]
fn of_two_forwarders_one_that_was_robbed_while_it_sent_doubles_nothing() {
    let (robbed, others) = (runtime(1), runtime(2));
    others.block_on(async {
        let mut chain = Chain::at(Place::new().await).await;
        let lease = Duration::from_secs(2);
        let (first, second) = (chain.shop(lease).await, chain.shop(lease).await);
        let entered = robbed.enter();
        let first_forwarder = first.forward();
        drop(entered);
        let office = chain.office().await;
        let listening = office.listen();
        chain.raise(&first, 1_000).await;
        chain.until_effects(50).await;
        // Its only thread does nothing else meanwhile.
        robbed.spawn(async { std::thread::sleep(Duration::from_secs(7)) });
        let second_forwarder = second.forward();
        chain.raise(&second, 1_000).await;
        chain.check("owner stood still for three leases while it sent").await;
        assert!(second_forwarder.shutdown(PATIENCE).await);
        first_forwarder.shutdown(PATIENCE).await;
        stop(listening).await;
    });
    robbed.shutdown_background();
}

fn runtime(threads: usize) -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .enable_all()
        .build()
        .unwrap()
}

/// What cannot be routed is set aside, and sent again once somebody listens.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_raised_while_the_queue_is_gone_arrives_when_there_is_one_again() {
    let mut chain = Chain::at(Place::new().await).await;
    let (shop, office) = (chain.shop(LEASE).await, chain.office().await);
    let forwarder = shop.forward();
    let listening = office.listen();
    chain.raise(&shop, 200).await;
    chain.until_effects(200).await;
    stop(listening).await;
    chain.place.delete_queue().await;
    chain.raise(&shop, 200).await;
    // It makes its queue again.
    let office = chain.office().await;
    let listening = office.listen();
    chain.check("queue deleted, and made again").await;
    assert!(forwarder.shutdown(PATIENCE).await);
    stop(listening).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_broker_is_away_the_log_grows_and_afterwards_all_of_it_arrives() {
    let mut chain = Chain::at(Place::new().await).await;
    let (shop, office) = (chain.shop(LEASE).await, chain.office().await);
    let (forwarder, listening) = (shop.forward(), office.listen());
    chain.raise(&shop, 100).await;
    chain.until_effects(100).await;
    chain.place.proxy.set(Line::Cut);
    chain.raise(&shop, 5_000).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(chain.effects(), 100, "there is a way around the line");
    chain.place.proxy.set(Line::Open);
    chain.check("broker away while 5,000 are raised").await;
    assert!(forwarder.shutdown(PATIENCE).await);
    stop(listening).await;
}
