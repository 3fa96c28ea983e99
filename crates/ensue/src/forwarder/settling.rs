//! Running the subscriptions to the end of what there is, in the task of who asks.

use std::sync::Arc;

use ensue_core::{Clock, Position, Timestamp};
use tokio::sync::watch;

use super::follower::Legacy;
use super::following::{Begun, Ends, Following};
use super::head::HeadWatch;
use crate::events::Application;
use crate::subscription::{Subscription, TakeOver, Term};
use crate::{Error, Store};

/// Runs everything that is due by `clock`: after-commit handlers, subscriptions, listeners,
/// and whatever ensues from those. The time at which more is due, if any is.
pub(crate) async fn settle<S: Store>(
    application: &Arc<Application<S>>,
    clock: &Clock,
) -> Result<Option<Timestamp>, Error> {
    loop {
        application.local_pool.settle().await;
        let head = application.store.barrier().await?;
        for subscription in &application.subscriptions {
            follow(application, subscription, clock, head).await?;
        }
        for consumer in &application.consumers {
            crate::listener::settle(application, consumer).await;
        }
        application.local_pool.settle().await;
        if application.store.barrier().await? == head {
            return next_due(application).await;
        }
    }
}

/// One term, from taking over to handing over.
async fn follow<S: Store>(
    application: &Arc<Application<S>>,
    subscription: &Arc<Subscription<S>>,
    clock: &Clock,
    head: Position,
) -> Result<(), Error> {
    let term = take_over(application, subscription).await?;
    let epoch = term.epoch;
    let worked = work(application, subscription, term, clock, head).await;
    let released = application.store.release(&subscription.name, epoch).await;
    worked.and(released)
}

async fn work<S: Store>(
    application: &Arc<Application<S>>,
    subscription: &Arc<Subscription<S>>,
    term: Term,
    clock: &Clock,
    head: Position,
) -> Result<(), Error> {
    let (stop, stopping) = watch::channel(false);
    let (_leave, leaving) = watch::channel(false);
    let (head, clock, ends) = (HeadWatch::at(head), clock.clone(), Ends { stopping, leaving });
    let term = Begun::new(&application.store, subscription, &head, term).await?;
    let legacy = Legacy::default();
    let mut following = Following::new(application, subscription, term, legacy, clock, head, ends);
    while following.work().await?.is_continue() {
        stop.send_replace(true);
    }
    Ok(())
}

async fn take_over<S: Store>(
    application: &Application<S>,
    subscription: &Subscription<S>,
) -> Result<Term, Error> {
    let (name, lease) = (&subscription.name, application.forwarding.lease);
    // One name, so that a term that was dropped half-way holds up nobody here.
    let owner = format!("settling@{}", std::process::id());
    match application.store.take_over(name, &owner, lease).await? {
        TakeOver::Granted(term) => Ok(term),
        TakeOver::Held { owner, .. } => Err(Error::configuration(format!(
            "subscription `{name}` is run by `{owner}`; shut the forwarder down before settling"
        ))),
    }
}

async fn next_due<S: Store>(application: &Application<S>) -> Result<Option<Timestamp>, Error> {
    let mut due = None;
    for subscription in &application.subscriptions {
        let status = application.store.status(&subscription.name).await?;
        let set_aside = status.iter().flat_map(|status| &status.set_aside);
        let attempts = set_aside.filter_map(|entry| entry.state.next_attempt_at());
        due = attempts.chain(due).min();
    }
    Ok(due)
}
