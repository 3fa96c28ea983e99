//! Everything that ensues, on one page.

use std::time::Duration;

use ensue::{Builder, RetryPolicy, Start};

use super::audit_trail::write_down;
use super::best_sellers::{add_placed, take_off_cancelled};
use super::loyalty_points::credit_points;
use super::mails::{greet_customer, tell_sales};
use super::redeem_once::redeem_once;
use super::refund::refund;
use super::restock::restock;
use super::synchronise_delivery::synchronise_delivery;
use super::{Database, DeliveryService, Mailer, PaymentGateway};

pub(crate) const REFUNDS: &str = "refunds";
pub(crate) const DELIVERY: &str = "delivery";
const BEST_SELLERS: &str = "best-sellers";
const LOYALTY_POINTS: &str = "loyalty-points";

/// LIMIT: how many orders another service is asked about at once.
const LANES: usize = 4;

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
/// All start with the first event ever, so that nothing is missed if orders are taken before the
/// first forwarder has run. Those that wait for another service wait for several of its answers at
/// once; those that write to the database would only wait for one another.
pub(crate) fn durably<D, G, S>(builder: Builder<D>, gateway: G, service: S) -> Builder<D>
where
    D: Database,
    G: PaymentGateway,
    S: DeliveryService,
{
    builder
        .state(gateway)
        .state(service)
        .subscription(REFUNDS, |subscription| {
            subscription.on(refund::<G>).from(Start::Beginning).retry(soon()).lanes(LANES)
        })
        .subscription(DELIVERY, |subscription| {
            subscription
                .on(synchronise_delivery::<S>)
                .from(Start::Beginning)
                .retry(soon())
                .lanes(LANES)
        })
        .subscription(BEST_SELLERS, |subscription| {
            subscription.on(add_placed).on(take_off_cancelled).from(Start::Beginning)
        })
        .subscription(LOYALTY_POINTS, |subscription| {
            subscription.on(credit_points).from(Start::Beginning)
        })
}

/// For somebody who watches: a shop that nobody waits for would try less often, and for longer.
fn soon() -> RetryPolicy {
    RetryPolicy::default().backoff(Duration::from_millis(100), Duration::from_secs(1)).attempts(100)
}
