//! The shell around the machines: one task for each subscription.

use std::ops::RangeInclusive;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use ensue_core::{Clock, EventId};
use futures_util::FutureExt;
use tokio::sync::watch;
use tokio::time::Instant;

use super::following::{Begun, Following};
use super::head::HeadWatch;
use super::keeper::Keeper;
use super::lease::{Lease, LeaseAction, LeaseInput};
use crate::events::Application;
use crate::subscription::{Epoch, Subscription, TakeOver, Term};
use crate::words::words_of;
use crate::{Error, RetryPolicy, Store};

/// Between terms that were interrupted.
const PAUSES: RangeInclusive<Duration> = Duration::from_millis(250)..=Duration::from_secs(30);

pub(crate) struct Runner<S: Store> {
    application: Arc<Application<S>>,
    subscription: Arc<Subscription<S>>,
    head: HeadWatch,
    stopping: watch::Receiver<bool>,
    /// Who this process is; with an id, so that no two runs of it are the same owner.
    owner: String,
    /// What the lease's times are counted from.
    started: Instant,
    /// Terms in a row that were interrupted soon.
    interruptions: u32,
    /// The last term had not tried all that may have ended the process of the owner before.
    suspicious: bool,
}

impl<S: Store> Runner<S> {
    pub(crate) fn new(
        application: Arc<Application<S>>,
        subscription: Arc<Subscription<S>>,
        head: HeadWatch,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        let owner = format!("{}@{}", std::process::id(), EventId::now());
        let started = Instant::now();
        Self {
            application,
            subscription,
            head,
            stopping,
            owner,
            started,
            interruptions: 0,
            suspicious: false,
        }
    }

    /// Term after term, until the process is to end.
    pub(crate) async fn run(mut self) {
        let mut lease = Lease::new(self.application.forwarding.lease);
        while let Some(term) = self.become_owner(&mut lease).await {
            let (epoch, began_at) = (term.epoch, self.now());
            tracing::debug!(subscription = self.name(), epoch = epoch.get(), "owner");
            // What users write runs guarded further in; a panic that gets here is ours, and must
            // not end the subscription for good.
            match AssertUnwindSafe(self.serve(&mut lease, term)).catch_unwind().await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    tracing::warn!(subscription = self.name(), %error, "interrupted, starts over");
                    self.pause(began_at).await;
                }
                Err(panic) => {
                    let words = words_of(&*panic);
                    tracing::error!(subscription = self.name(), words, "panicked, starts over");
                    self.pause(began_at).await;
                }
            }
            lease.step(self.now(), &LeaseInput::Over);
            // Who has not tried all suspects does not hand over: the next owner has to try them too.
            if self.is_stopping() && !self.suspicious {
                self.release(epoch).await;
            }
        }
    }

    /// Asks until this process is the owner; nothing if it is to end before.
    async fn become_owner(&mut self, lease: &mut Lease) -> Option<Term> {
        let mut input = LeaseInput::Tick;
        while !self.is_stopping() {
            input = match lease.step(self.now(), &input) {
                LeaseAction::TakeOver => match self.take_over(lease).await {
                    Ok(term) => return Some(term),
                    Err(input) => input,
                },
                LeaseAction::WaitUntil(until) => {
                    self.sleep_unless_stopped(until).await;
                    LeaseInput::Tick
                }
                // These are for who holds a lease.
                LeaseAction::Renew | LeaseAction::Stop => LeaseInput::Over,
            };
        }
        None
    }

    async fn take_over(&mut self, lease: &mut Lease) -> Result<Term, LeaseInput> {
        let (store, asked_at) = (&self.application.store, self.now());
        match store.take_over(self.name(), &self.owner, lease.length()).await {
            Ok(TakeOver::Granted(term)) => {
                lease.step(self.now(), &LeaseInput::Granted { asked_at });
                Ok(term)
            }
            Ok(TakeOver::Held { owner, remaining }) => {
                tracing::debug!(subscription = self.name(), owner, "standing by");
                Err(LeaseInput::Refused { remaining })
            }
            Err(error) => {
                tracing::warn!(subscription = self.name(), %error, "cannot take over");
                // It may have been granted, and the next answer would not say from whom.
                self.suspicious = true;
                Err(LeaseInput::Failed)
            }
        }
    }

    /// Follows the log for as long as the lease can be kept.
    ///
    /// CANCEL-SAFE: whichever ends first, the other is dropped: a handler's transaction rolls back,
    /// and a renewal that nobody waits for gives no trust.
    async fn serve(&mut self, lease: &mut Lease, term: Term) -> Result<(), Error> {
        let (application, subscription, epoch) =
            (&self.application, &self.subscription, term.epoch);
        let is_handed_over = term.is_handed_over && !self.suspicious;
        // A term that cannot begin has not tried them either.
        self.suspicious = !is_handed_over;
        let term = Term { is_handed_over, ..term };
        let term = Begun::new(&application.store, subscription, &self.head, term).await?;
        let keeper = Keeper::new(Arc::clone(application), Arc::clone(subscription), self.started);
        let (clock, head, stopping) = (Clock::system(), self.head.clone(), self.stopping.clone());
        let mut following = Following::new(application, subscription, term, clock, head, stopping);
        let ended = tokio::select! {
            biased;
            error = keeper.keep(lease, epoch) => Err(error),
            ended = following.run() => ended,
        };
        following.abandon().await;
        self.suspicious = following.is_suspicious();
        ended
    }

    async fn release(&self, epoch: Epoch) {
        if let Err(error) = self.application.store.release(self.name(), epoch).await {
            // The next owner waits until the lease has run out.
            tracing::warn!(subscription = self.name(), %error, "cannot hand over");
        }
    }

    /// After an interruption, so that a database that is down is not asked without rest: longer
    /// after each term that was short.
    async fn pause(&mut self, began_at: Duration) {
        let was_long = self.now() - began_at > *PAUSES.end();
        self.interruptions = if was_long { 1 } else { self.interruptions.saturating_add(1) };
        let policy = RetryPolicy::default().attempts(u32::MAX);
        let policy = policy.backoff(*PAUSES.start(), *PAUSES.end());
        let pause = policy.delay(self.interruptions, fastrand::u64(..)).unwrap_or_default();
        self.sleep_unless_stopped(self.now() + pause).await;
    }

    async fn sleep_unless_stopped(&mut self, until: Duration) {
        tokio::select! {
            () = tokio::time::sleep_until(self.started + until) => {}
            _ = self.stopping.changed() => {}
        }
    }

    fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    fn name(&self) -> &str {
        &self.subscription.name
    }
}
