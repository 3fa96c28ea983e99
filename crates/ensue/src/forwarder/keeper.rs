//! Keeping a lease beside the work that is done under it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::lease::{Lease, LeaseAction, LeaseInput};
use crate::events::Application;
use crate::subscription::{Epoch, Subscription};
use crate::{Error, Store};

pub(crate) struct Keeper<S: Store> {
    application: Arc<Application<S>>,
    subscription: Arc<Subscription<S>>,
    /// What the lease's times are counted from.
    started: Instant,
}

impl<S: Store> Keeper<S> {
    pub(crate) fn new(
        application: Arc<Application<S>>,
        subscription: Arc<Subscription<S>>,
        started: Instant,
    ) -> Self {
        Self { application, subscription, started }
    }

    /// Renews the lease for as long as it can; ends when this process may act as the owner no more.
    pub(crate) async fn keep(&self, lease: &mut Lease, epoch: Epoch) -> Error {
        let mut input = LeaseInput::Tick;
        loop {
            input = match lease.step(self.started.elapsed(), &input) {
                LeaseAction::WaitUntil(until) => {
                    tokio::time::sleep_until(self.started + until).await;
                    LeaseInput::Tick
                }
                LeaseAction::Renew => match self.renew(lease, epoch).await {
                    Ok(input) => input,
                    Err(fenced) => return fenced,
                },
                LeaseAction::Stop | LeaseAction::TakeOver => return self.out_of_time(),
            };
        }
    }

    async fn renew(&self, lease: &Lease, epoch: Epoch) -> Result<LeaseInput, Error> {
        let name = &self.subscription.name;
        let asked_at = self.started.elapsed();
        let trusted_until = self.started + lease.trusted_until().unwrap_or(Duration::ZERO);
        let renewal = self.application.store.renew(name, epoch, lease.length());
        match tokio::time::timeout_at(trusted_until, renewal).await {
            Ok(Ok(true)) => Ok(LeaseInput::Granted { asked_at }),
            Ok(Ok(false)) => Err(Error::fenced(name, epoch.get())),
            Ok(Err(error)) => {
                tracing::warn!(subscription = name, %error, "cannot renew the lease");
                Ok(LeaseInput::Failed)
            }
            Err(_) => Ok(LeaseInput::Tick),
        }
    }

    fn out_of_time(&self) -> Error {
        let name = &self.subscription.name;
        let what = format!("the lease of subscription `{name}` could not be renewed in time");
        Error::store(what, "the database was busy; a longer lease bears more of that", true)
    }
}
