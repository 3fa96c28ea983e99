//! Doing what the follower says, for one term.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use ensue_core::{Clock, Position, Timestamp};
use tokio::sync::watch;

use super::delivery::{Delivery, Undelivered};
use super::follower::{Action, Follower, Input, Seen};
use super::head::HeadWatch;
use super::read_ahead::ReadAhead;
use crate::events::Application;
use crate::subscription::{
    Change, Failure, FailureClass, SetAside, SetAsideState, Subscription, Term,
};
use crate::{Error, Store};

pub(crate) struct Following<'a, S: Store> {
    delivery: Delivery<'a, S>,
    follower: Follower,
    read_ahead: ReadAhead,
    clock: Clock,
    head: &'a mut HeadWatch,
    stopping: &'a mut watch::Receiver<bool>,
}

impl<'a, S: Store> Following<'a, S> {
    pub(crate) fn new(
        application: &'a Arc<Application<S>>,
        subscription: &'a Subscription<S>,
        term: Term,
        clock: Clock,
        head: &'a mut HeadWatch,
        stopping: &'a mut watch::Receiver<bool>,
    ) -> Self {
        Self {
            delivery: Delivery { application, subscription, epoch: term.epoch },
            follower: Follower::new(term, subscription.retry_policy),
            read_ahead: ReadAhead::default(),
            clock,
            head,
            stopping,
        }
    }

    /// Until the process is to end, or what is stored may differ from what the follower knows.
    ///
    /// CANCEL-SAFE: dropped, the handler that runs is dropped and its transaction rolls back.
    pub(crate) async fn run(mut self) -> Result<(), Error> {
        while let ControlFlow::Continue(until) = self.work().await? {
            self.wait(until).await;
        }
        Ok(())
    }

    /// Does what there is to do now. If there will be more, it goes on when the log grows, or at
    /// the time that is returned.
    pub(crate) async fn work(&mut self) -> Result<ControlFlow<(), Option<Timestamp>>, Error> {
        let mut input = Input::Woken { head: self.head.position() };
        loop {
            if matches!(input, Input::Done) {
                self.delivery.application.progress.send_replace(());
            }
            if *self.stopping.borrow() {
                self.follower.stop();
            }
            input = match self.follower.step(self.clock.now(), input) {
                Action::Read { after } => self.read(after).await?,
                Action::Handle { position, attempt, changes } => {
                    self.handle(position, attempt, &changes).await?
                }
                Action::Record { changes } => {
                    self.delivery.record(&changes).await?;
                    self.log_parked(&changes);
                    Input::Done
                }
                Action::Wait { until } => return Ok(ControlFlow::Continue(until)),
                Action::Stop => return Ok(ControlFlow::Break(())),
            };
        }
    }

    async fn read(&mut self, after: Position) -> Result<Input, Error> {
        let subscription = self.delivery.subscription;
        let entries = self.read_ahead.read(self.store(), after).await?;
        let entries = entries.map(|entry| Seen {
            position: entry.position,
            key: entry.envelope.key.clone(),
            wanted: subscription.reaction(&entry.envelope.event_type).is_some(),
        });
        Ok(Input::Read { entries: entries.collect() })
    }

    async fn handle(
        &mut self,
        position: Position,
        attempt: u32,
        changes: &[Change],
    ) -> Result<Input, Error> {
        let delivered = match self.read_ahead.take(self.store(), position).await {
            Ok(entry) => self.delivery.deliver(entry, attempt, changes).await,
            // One entry that cannot be read is no reason to hold up the rest.
            Err(error) if !error.is_retryable() => {
                Err(Undelivered::Failed(Failure::new(FailureClass::Undecodable, error)))
            }
            Err(error) => Err(Undelivered::Interrupted(error)),
        };
        match delivered {
            Ok(()) => Ok(Input::Done),
            Err(Undelivered::Failed(failure)) => {
                self.log(position, attempt, &failure);
                Ok(Input::Failed { failure, random: fastrand::u64(..) })
            }
            Err(Undelivered::Interrupted(error)) => Err(error),
        }
    }

    async fn wait(&mut self, until: Option<Timestamp>) {
        let pause = until.map_or(Duration::MAX, |until| until.since(self.clock.now()));
        tokio::select! {
            () = self.head.moved() => {}
            () = tokio::time::sleep(pause) => {}
            _ = self.stopping.changed() => {}
        }
    }

    fn store(&self) -> &'a S {
        &self.delivery.application.store
    }

    /// Nothing silent: each failure is logged, loudly where something changes by it.
    fn log(&self, position: Position, attempt: u32, failure: &Failure) {
        let (subscription, position) = (&self.delivery.subscription.name, position.get());
        let (class, error) = (failure.class, &failure.message);
        match attempt {
            1 => tracing::warn!(subscription, position, %class, error, "entry set aside"),
            _ => tracing::debug!(subscription, position, attempt, %class, error, "failed again"),
        }
    }

    fn log_parked(&self, changes: &[Change]) {
        for change in changes {
            if let Change::SetAside(SetAside { state: SetAsideState::Parked, position, .. }) =
                change
            {
                let (subscription, position) = (&self.delivery.subscription.name, position.get());
                tracing::error!(subscription, position, "entry parked after its last attempt");
            }
        }
    }
}
