//! Whether what ensues within a time has ensued by then.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use ensue_core::{Position, Timestamp};

use crate::events::Application;
use crate::store::{Page, Read, position_of, type_of};
use crate::subscription::Subscription;
use crate::ticket::status;
use crate::{Error, Store, SubscriptionStatus};

/// LIMIT: entries looked at for the first one that a subscription handles. It passes over others at
/// some hundred thousand a second, so that what lies behind so many is not what it waits for.
const LOOKED_AT_MAX: u32 = 1_000;

/// An event that should have been handled by now. See [`Events::late`](crate::Events::late).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Late {
    /// The oldest that is not handled.
    pub position: Position,
    /// For how long it has been there.
    pub waited: Duration,
    /// How long it might take.
    pub within: Duration,
}

/// What is late in `subscription`, if anything is, and it says how long things may take.
pub(crate) async fn late<S: Store>(
    application: &Application<S>,
    subscription: &Subscription<S>,
) -> Result<Option<Late>, Error> {
    let Some(within) = subscription.within else { return Ok(None) };
    let status = status(application, &subscription.name).await?;
    let oldest = oldest_unhandled(&application.store, subscription, &status).await?;
    let Some(read) = oldest else { return Ok(None) };
    // Uses the clock that recorded the entry: this process's clock may be an hour off.
    let waited = application.store.clock().await?.since(recorded_at(&read));
    Ok((waited > within).then_some(Late { position: position_of(&read), waited, within }))
}

async fn oldest_unhandled<S: Store>(
    store: &S,
    subscription: &Subscription<S>,
    status: &SubscriptionStatus,
) -> Result<Option<Read>, Error> {
    // What is set aside comes before whatever the cursor has not passed.
    let unhandled = status.set_aside.iter().filter(|entry| !entry.is_replay);
    if let Some(first) = unhandled.map(|entry| entry.position).min() {
        let page = Page::new(first.previous(), 1);
        return Ok(store.read(page).await?.pop().filter(|read| position_of(read) == first));
    }
    let unread = store.read(Page::new(status.cursor, LOOKED_AT_MAX)).await?;
    let is_wanted = |name: &str| subscription.reaction(name).is_some();
    Ok(unread.into_iter().find(|read| type_of(read).is_none_or(is_wanted)))
}

/// Returns when the entry was recorded. If that is unreadable, returns 1970: the entry is late at once.
fn recorded_at(read: &Read) -> Timestamp {
    match read {
        Ok(entry) => entry.recorded_at,
        Err(unreadable) => unreadable.recorded_at.unwrap_or(Timestamp::from_micros(0)),
    }
}

/// Says so, once, when something gets late, and once when nothing is any more.
pub(crate) async fn watch<S: Store>(application: Arc<Application<S>>) {
    let mut known = HashSet::new();
    loop {
        tokio::time::sleep(application.forwarding.poll).await;
        for subscription in &application.subscriptions {
            let name = &subscription.name;
            match late(&application, subscription).await {
                Ok(Some(late)) if known.insert(name.clone()) => {
                    let Late { position, waited, within } = late;
                    let position = position.get();
                    tracing::error!(subscription = name, position, ?waited, ?within, "late");
                }
                Ok(None) if known.remove(name) => {
                    tracing::info!(subscription = name, "not late any more");
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(subscription = name, %error, "cannot see if it is late");
                }
            }
        }
    }
}
