//! The shell around the machines: one task for each subscription.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use ensue_core::Clock;
use futures_util::FutureExt;
use tokio::sync::watch;
use tokio::time::Instant;

use super::following::{Begun, Ends, Following};
use super::head::HeadWatch;
use super::keeper::Keeper;
use super::lease::{Lease, LeaseAction, LeaseInput};
use super::sharing::Sharing;
use super::succession::Succession;
use super::term_pause::{Interrupted, TermPause};
use crate::events::Application;
use crate::subscription::{Epoch, Subscription, TakeOver, Term};
use crate::words::words_of;
use crate::{Error, Store};

pub(crate) struct Runner<S: Store> {
    application: Arc<Application<S>>,
    subscription: Arc<Subscription<S>>,
    head: HeadWatch,
    stopping: watch::Receiver<bool>,
    /// Who this process is.
    owner: Arc<str>,
    /// What the lease's times are counted from.
    started: Instant,
    succession: Succession,
    pauses: TermPause,
    /// The last term recorded something.
    made_progress: bool,
}

impl<S: Store> Runner<S> {
    pub(crate) fn new(
        application: Arc<Application<S>>,
        subscription: Arc<Subscription<S>>,
        owner: Arc<str>,
        head: HeadWatch,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        let started = Instant::now();
        Self {
            application,
            subscription,
            head,
            stopping,
            owner,
            started,
            succession: Succession::default(),
            pauses: TermPause::default(),
            made_progress: false,
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
            let (leave, leaving) = watch::channel(false);
            let served = self.serve(&mut lease, term, &leave);
            match AssertUnwindSafe(served).catch_unwind().await {
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
            let is_to_go = self.is_stopping() || *leaving.borrow();
            if is_to_go && self.succession.may_hand_over() {
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
        if self.is_left_to_another().await {
            return Err(LeaseInput::Refused { remaining: lease.length() });
        }
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
                self.succession.doubt();
                Err(LeaseInput::Failed)
            }
        }
    }

    /// Whether another process has fewer subscriptions, and stands by for this one.
    async fn is_left_to_another(&self) -> bool {
        match self.application.store.claims().await {
            Ok(claims) => Sharing::new(&self.owner, &claims).is_left_to_another(self.name()),
            Err(error) => {
                tracing::warn!(subscription = self.name(), %error, "cannot see who else stands by");
                false
            }
        }
    }

    /// Follows the log for as long as the lease can be kept, or until it says to `leave`.
    ///
    /// CANCEL-SAFE: whichever ends first, the other is dropped: a handler's transaction rolls back,
    /// and a renewal that nobody waits for gives no trust.
    async fn serve(
        &mut self,
        lease: &mut Lease,
        term: Term,
        leave: &watch::Sender<bool>,
    ) -> Result<(), Error> {
        let (application, subscription, epoch) =
            (&self.application, &self.subscription, term.epoch);
        let term = self.succession.begin(term);
        self.made_progress = false;
        let keeper = Keeper::new(application, subscription, &self.owner, self.started);
        let mut kept = pin!(keeper.keep(lease, epoch, leave));
        // Renew the lease from here on: reading a term's initial state may take long.
        let term = tokio::select! {
            biased;
            error = &mut kept => return Err(error),
            term = Begun::new(&application.store, subscription, &self.head, term) => term?,
        };
        let legacy = self.succession.inherit();
        let (clock, head) = (Clock::system(), self.head.clone());
        let ends = Ends { stopping: self.stopping.clone(), leaving: leave.subscribe() };
        let mut following =
            Following::new(application, subscription, term, legacy, clock, head, ends);
        let ended = tokio::select! {
            biased;
            error = &mut kept => {
                following.cut_off();
                Err(error)
            }
            ended = following.run() => ended,
        };
        following.abandon().await;
        self.made_progress = following.made_progress();
        self.succession.end(following.leave());
        ended
    }

    async fn release(&self, epoch: Epoch) {
        if let Err(error) = self.application.store.release(self.name(), epoch).await {
            // The next owner waits until the lease has run out.
            tracing::warn!(subscription = self.name(), %error, "cannot hand over");
        }
    }

    async fn pause(&mut self, began_at: Duration) {
        let lasted = self.now() - began_at;
        let term = Interrupted { lasted, made_progress: self.made_progress };
        let pause = self.pauses.after(term).mul_f64(fastrand::f64());
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
