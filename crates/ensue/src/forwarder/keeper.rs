//! Keeping a lease beside the work that is done under it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::lease::{Lease, LeaseAction, LeaseInput};
use super::sharing::Sharing;
use crate::events::Application;
use crate::subscription::{Epoch, Subscription};
use crate::{Error, Store};

pub(crate) struct Keeper<S: Store> {
    application: Arc<Application<S>>,
    subscription: Arc<Subscription<S>>,
    owner: Arc<str>,
    /// What the lease's times are counted from.
    started: Instant,
}

impl<S: Store> Keeper<S> {
    pub(crate) fn new(
        application: &Arc<Application<S>>,
        subscription: &Arc<Subscription<S>>,
        owner: &Arc<str>,
        started: Instant,
    ) -> Self {
        let (application, subscription) = (Arc::clone(application), Arc::clone(subscription));
        Self { application, subscription, owner: Arc::clone(owner), started }
    }

    /// Renews the lease for as long as it can; ends when this process may act as the owner no more.
    /// Says to `leave` when another process is to go on.
    pub(crate) async fn keep(
        &self,
        lease: &mut Lease,
        epoch: Epoch,
        leave: &watch::Sender<bool>,
    ) -> Error {
        let mut input = LeaseInput::Tick;
        loop {
            input = match lease.step(self.started.elapsed(), &input) {
                LeaseAction::WaitUntil(until) => {
                    tokio::time::sleep_until(self.started + until).await;
                    LeaseInput::Tick
                }
                LeaseAction::Renew => match self.renew(lease, epoch).await {
                    Ok(input) => {
                        self.share(lease, leave).await;
                        input
                    }
                    Err(fenced) => return fenced,
                },
                LeaseAction::Stop | LeaseAction::TakeOver => return self.out_of_time(),
            };
        }
    }

    /// ORDERING: after a renewal, so that a slow answer delays none. It is not waited for longer than
    /// the lease was trusted before: nobody looks at the lease meanwhile.
    async fn share(&self, lease: &Lease, leave: &watch::Sender<bool>) {
        let name = &self.subscription.name;
        let claims = self.application.store.claims();
        let Ok(claims) = tokio::time::timeout_at(self.trusted_until(lease), claims).await else {
            return tracing::warn!(subscription = name, "cannot see in time who else stands by");
        };
        match claims {
            Ok(claims) if Sharing::new(&self.owner, &claims).is_to_hand_over(name) => {
                tracing::info!(subscription = name, "handed over to a process that has fewer");
                leave.send_replace(true);
            }
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(subscription = name, %error, "cannot see who else stands by");
            }
        }
    }

    async fn renew(&self, lease: &Lease, epoch: Epoch) -> Result<LeaseInput, Error> {
        let name = &self.subscription.name;
        let asked_at = self.started.elapsed();
        let renewal = self.application.store.renew(name, epoch, lease.length());
        match tokio::time::timeout_at(self.trusted_until(lease), renewal).await {
            Ok(Ok(true)) => Ok(LeaseInput::Granted { asked_at }),
            Ok(Ok(false)) => Err(Error::fenced(name, epoch.get())),
            Ok(Err(error)) => {
                tracing::warn!(subscription = name, %error, "cannot renew the lease");
                Ok(LeaseInput::Failed)
            }
            Err(_) => Ok(LeaseInput::Tick),
        }
    }

    fn trusted_until(&self, lease: &Lease) -> Instant {
        self.started + lease.trusted_until().unwrap_or(Duration::ZERO)
    }

    fn out_of_time(&self) -> Error {
        let name = &self.subscription.name;
        let what = format!("the lease of subscription `{name}` could not be renewed in time");
        Error::store(what, "the database was busy; a longer lease bears more of that", true)
    }
}
