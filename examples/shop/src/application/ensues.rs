//! Everything that ensues, on one page.

use std::time::Duration;

use ensue::listener::Source;
use ensue::{Builder, Event, Listener, RetryPolicy, Sink, Start};

use super::audit_trail::write_down;
use super::best_sellers::{add_placed, take_off_cancelled};
use super::loyalty_points::credit_points;
use super::mails::{greet_customer, tell_sales};
use super::redeem_once::redeem_once;
use super::refund::refund;
use super::restock::restock;
use super::synchronise_delivery::synchronise_delivery;
use super::{Database, DeliveryService, Mailer, PaymentGateway};
use crate::domain::{OrderCancelled, ShippingAddressChanged};

pub(crate) const REFUNDS: &str = "refunds";
pub(crate) const DELIVERY: &str = "delivery";
const BEST_SELLERS: &str = "best-sellers";
const LOYALTY_POINTS: &str = "loyalty-points";

/// LIMIT: how many orders another service is asked about at once.
const LANES: usize = 4;

/// What is sent to other processes.
const BROKER: &str = "broker";

/// In the transaction of what was done: it succeeds or fails with it.
pub(crate) fn in_transaction<D: Database>(builder: Builder<D>) -> Builder<D> {
    builder.on(restock).on(redeem_once).on_any(write_down)
}

/// Once it is certain what was done, in the process that did it: nobody waits for it, and it may be
/// missed.
pub(crate) fn afterwards<D, M>(builder: Builder<D>, mailer: M) -> Builder<D>
where
    D: Database,
    M: Mailer,
{
    builder.state(mailer).after_commit(greet_customer::<M>).after_rollback(tell_sales::<M>)
}

/// Later, and in any process: what was stored is handled until it is done.
///
/// This, and what follows, starts with the first event ever, so that nothing is missed if orders are
/// taken before the first forwarder has run.
pub(crate) fn views<D: Database>(builder: Builder<D>) -> Builder<D> {
    builder
        .subscription(BEST_SELLERS, |subscription| {
            subscription.on(add_placed).on(take_off_cancelled).from(Start::Beginning)
        })
        .subscription(LOYALTY_POINTS, |subscription| {
            subscription.on(credit_points).from(Start::Beginning)
        })
}

/// What waits for another service waits for several of its answers at once; what writes to the database
/// would only wait for itself.
pub(crate) fn refunds<D, G>(builder: Builder<D>, gateway: G) -> Builder<D>
where
    D: Database,
    G: PaymentGateway,
{
    builder.state(gateway).subscription(REFUNDS, |subscription| {
        subscription.on(refund::<G>).from(Start::Beginning).retry(soon()).lanes(LANES)
    })
}

/// The delivery service has the addresses too.
pub(crate) fn delivery<D, S>(builder: Builder<D>, service: S) -> Builder<D>
where
    D: Database,
    S: DeliveryService,
{
    builder.state(service).subscription(DELIVERY, |subscription| {
        subscription.on(synchronise_delivery::<S>).from(Start::Beginning).retry(soon()).lanes(LANES)
    })
}

/// Elsewhere: a broker is told of what other processes have handlers for.
pub(crate) fn elsewhere<D: Database>(builder: Builder<D>, sink: impl Sink) -> Builder<D> {
    builder.subscription(BROKER, |subscription| {
        let told = [OrderCancelled::TYPE, ShippingAddressChanged::TYPE];
        subscription.forward_to(sink).only(told).from(Start::Beginning).retry(soon())
    })
}

/// The same handler as in [`refunds`], of events that a broker has brought.
pub(crate) fn refunds_from<D, G>(builder: Builder<D>, gateway: G, queue: impl Source) -> Builder<D>
where
    D: Database,
    G: PaymentGateway,
{
    let listener = Listener::new(REFUNDS, queue).on(refund::<G>).retry(soon()).lanes(LANES);
    builder.state(gateway).listen(listener)
}

/// The same handler as in [`delivery`].
pub(crate) fn delivery_from<D, S>(builder: Builder<D>, service: S, queue: impl Source) -> Builder<D>
where
    D: Database,
    S: DeliveryService,
{
    let listener = Listener::new(DELIVERY, queue).on(synchronise_delivery::<S>);
    builder.state(service).listen(listener.retry(soon()).lanes(LANES))
}

/// For somebody who watches: a shop that nobody waits for would try less often, and for longer.
fn soon() -> RetryPolicy {
    RetryPolicy::default().backoff(Duration::from_millis(100), Duration::from_secs(1)).attempts(100)
}
