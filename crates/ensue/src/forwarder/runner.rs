//! The shell around the machines: one task for each subscription.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ensue_core::{Entry, EventId, Position, Timestamp};
use tokio::sync::watch;
use tokio::time::Instant;

use super::delivery::{Delivery, Undelivered};
use super::follower::{Action, Follower, Input, Seen};
use super::head::HeadWatch;
use super::lease::{Lease, LeaseAction, LeaseInput};
use crate::events::Application;
use crate::store::Page;
use crate::subscription::{Epoch, Subscription, TakeOver, Term};
use crate::{Error, Store};

/// LIMIT: entries read ahead. A page costs one round trip, and a thousand rows spread it thin.
const READ_AHEAD_ROWS: u32 = 1_000;

pub(crate) struct Runner<S: Store> {
    application: Arc<Application<S>>,
    subscription: Arc<Subscription<S>>,
    head: HeadWatch,
    stopping: watch::Receiver<bool>,
    /// Who this process is; an id, so that no two runs of it are the same owner.
    owner: String,
    started: Instant,
}

impl<S: Store> Runner<S> {
    pub(crate) fn new(
        application: Arc<Application<S>>,
        subscription: Arc<Subscription<S>>,
        head: HeadWatch,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        let owner = format!("{}@{}", std::process::id(), EventId::now());
        Self { application, subscription, head, stopping, owner, started: Instant::now() }
    }

    /// Term after term, until the process is to end.
    pub(crate) async fn run(mut self) {
        let mut lease = Lease::new(self.application.forwarding.lease);
        while let Some(term) = self.become_owner(&mut lease).await {
            let epoch = term.epoch;
            tracing::debug!(subscription = self.name(), epoch = epoch.get(), "owner");
            if let Err(error) = self.serve(&mut lease, term).await {
                tracing::warn!(subscription = self.name(), %error, "interrupted, and starts over");
                self.pause().await;
            }
            lease.step(self.now(), &LeaseInput::Over);
            if self.is_stopping() {
                self.release(epoch).await;
            }
        }
    }

    /// Asks until this process is the owner; nothing if it is to end before.
    async fn become_owner(&mut self, lease: &mut Lease) -> Option<Term> {
        let mut input = LeaseInput::Tick;
        while !self.is_stopping() {
            match lease.step(self.now(), &input) {
                LeaseAction::TakeOver => {
                    let asked_at = self.now();
                    input = match self.take_over(lease).await {
                        Ok(TakeOver::Granted(term)) => {
                            lease.step(self.now(), &LeaseInput::Granted { asked_at });
                            return Some(term);
                        }
                        Ok(TakeOver::Held { owner, remaining }) => {
                            tracing::debug!(subscription = self.name(), owner, "standing by");
                            LeaseInput::Refused { remaining }
                        }
                        Err(error) => {
                            tracing::warn!(subscription = self.name(), %error, "cannot take over");
                            LeaseInput::Failed
                        }
                    };
                }
                LeaseAction::WaitUntil(until) => {
                    self.sleep_unless_stopped(until).await;
                    input = LeaseInput::Tick;
                }
                // These are for who holds a lease.
                LeaseAction::Renew | LeaseAction::Stop => input = LeaseInput::Over,
            }
        }
        None
    }

    async fn take_over(&self, lease: &Lease) -> Result<TakeOver, Error> {
        self.application.store.take_over(self.name(), &self.owner, lease.length()).await
    }

    /// Follows the log for as long as the lease can be kept.
    ///
    /// CANCEL-SAFE: whichever ends first, the other is dropped: a handler's transaction rolls back,
    /// and a renewal that nobody waits for gives no trust.
    async fn serve(&mut self, lease: &mut Lease, term: Term) -> Result<(), Error> {
        let epoch = term.epoch;
        let keeper = Keeper {
            application: Arc::clone(&self.application),
            subscription: Arc::clone(&self.subscription),
            started: self.started,
        };
        tokio::select! {
            biased;
            error = keeper.keep(lease, epoch) => Err(error),
            ended = self.follow(term) => ended,
        }
    }

    /// Does what the follower says.
    async fn follow(&mut self, term: Term) -> Result<(), Error> {
        let application = Arc::clone(&self.application);
        let subscription = Arc::clone(&self.subscription);
        let delivery =
            Delivery { application: &application, subscription: &subscription, epoch: term.epoch };
        let mut follower = Follower::new(term, subscription.retry_policy);
        let mut read_ahead = ReadAhead::default();
        let mut input = Input::Woken { head: self.head.position() };
        loop {
            let action = follower.step(wall_clock(), input);
            if self.is_stopping() && !matches!(action, Action::Stop | Action::Record { .. }) {
                // Whatever it was, it has not begun.
                match follower.step(wall_clock(), Input::Stop) {
                    Action::Record { changes } => delivery.record(&changes).await?,
                    _ => return Ok(()),
                }
                return Ok(());
            }
            input = match action {
                Action::Read { after } => {
                    let entries = application.store.read(Page::new(after, READ_AHEAD_ROWS)).await?;
                    let seen = entries.iter().map(|entry| self.look_at(entry)).collect();
                    read_ahead.fill(entries);
                    Input::Read { entries: seen }
                }
                Action::Handle { position, attempt, changes } => {
                    let entry = read_ahead.take(&application.store, position).await?;
                    match delivery.deliver(entry, attempt, &changes).await {
                        Ok(()) => Input::Done,
                        Err(Undelivered::Failed(failure)) => {
                            self.warn(position, attempt, &failure);
                            Input::Failed { failure, random: fastrand::u64(..) }
                        }
                        Err(Undelivered::Interrupted(error)) => return Err(error),
                    }
                }
                Action::Record { changes } => {
                    delivery.record(&changes).await?;
                    Input::Done
                }
                Action::Wait { until } => {
                    self.wait(until).await;
                    Input::Woken { head: self.head.position() }
                }
                Action::Stop => return Ok(()),
            };
        }
    }

    fn look_at(&self, entry: &Entry) -> Seen {
        Seen {
            position: entry.position,
            key: entry.envelope.key.clone(),
            wanted: self.subscription.reaction(&entry.envelope.event_type).is_some(),
        }
    }

    async fn wait(&mut self, until: Option<Timestamp>) {
        let pause = until.map_or(Duration::MAX, |until| until.since(wall_clock()));
        tokio::select! {
            () = self.head.moved() => {}
            () = sleep(pause) => {}
            _ = self.stopping.changed() => {}
        }
    }

    async fn release(&self, epoch: Epoch) {
        if let Err(error) = self.application.store.release(self.name(), epoch).await {
            // The next owner waits until the lease has run out.
            tracing::warn!(subscription = self.name(), %error, "cannot hand over");
        }
    }

    /// After an interruption, so that a database that is down is not asked without rest.
    async fn pause(&mut self) {
        let pause = Duration::from_millis(fastrand::u64(50..250));
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

/// Keeps a lease beside the work that is done under it.
struct Keeper<S: Store> {
    application: Arc<Application<S>>,
    subscription: Arc<Subscription<S>>,
    started: Instant,
}

impl<S: Store> Keeper<S> {
    /// Renews the lease for as long as it can; ends when this process may act as the owner no more.
    async fn keep(&self, lease: &mut Lease, epoch: Epoch) -> Error {
        let name = &self.subscription.name;
        let mut input = LeaseInput::Tick;
        loop {
            match lease.step(self.started.elapsed(), &input) {
                LeaseAction::WaitUntil(until) => {
                    tokio::time::sleep_until(self.started + until).await;
                    input = LeaseInput::Tick;
                }
                LeaseAction::Renew => {
                    let asked_at = self.started.elapsed();
                    let trusted = lease.trusted_until().unwrap_or(asked_at);
                    let renewal = self.application.store.renew(name, epoch, lease.length());
                    let answer = tokio::time::timeout_at(self.started + trusted, renewal).await;
                    input = match answer {
                        Ok(Ok(true)) => LeaseInput::Granted { asked_at },
                        Ok(Ok(false)) => return Error::fenced(name, epoch.get()),
                        Ok(Err(error)) => {
                            tracing::warn!(subscription = name, %error, "cannot renew the lease");
                            LeaseInput::Failed
                        }
                        Err(_) => LeaseInput::Tick,
                    };
                }
                LeaseAction::Stop | LeaseAction::TakeOver => {
                    return Error::store(
                        format!("the lease of subscription `{name}` could not be renewed in time"),
                        "the database did not answer",
                        true,
                    );
                }
            }
        }
    }
}

/// The entries that were read and not yet handled.
#[derive(Default)]
struct ReadAhead(VecDeque<Entry>);

impl ReadAhead {
    fn fill(&mut self, entries: Vec<Entry>) {
        self.0 = entries.into();
    }

    /// The entry at `position`: from here if it comes next in the log, read again otherwise.
    async fn take<S: Store>(&mut self, store: &S, position: Position) -> Result<Entry, Error> {
        if self.0.front().is_some_and(|entry| entry.position <= position) {
            while let Some(entry) = self.0.pop_front_if(|entry| entry.position <= position) {
                if entry.position == position {
                    return Ok(entry);
                }
            }
        }
        let found = store.read(Page::new(position.previous(), 1)).await?.pop();
        found.filter(|entry| entry.position == position).ok_or_else(|| {
            let what = format!("entry {position} was set aside and is not in the log any more");
            Error::store(what, "the log was pruned or restored", false)
        })
    }
}

impl<S: Store> Runner<S> {
    fn warn(&self, position: Position, attempt: u32, failure: &crate::subscription::Failure) {
        tracing::warn!(
            subscription = self.name(),
            position = position.get(),
            attempt,
            class = %failure.class,
            error = failure.message,
            "entry set aside"
        );
    }
}

async fn sleep(pause: Duration) {
    tokio::time::sleep(pause).await;
}

fn wall_clock() -> Timestamp {
    SystemTime::now().into()
}
