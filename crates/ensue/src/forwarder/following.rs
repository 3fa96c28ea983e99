//! Doing what the follower says, for one term.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ensue_core::{Position, Timestamp};
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
    head: &'a mut HeadWatch,
    stopping: &'a mut watch::Receiver<bool>,
}

impl<'a, S: Store> Following<'a, S> {
    pub(crate) fn new(
        application: &'a Arc<Application<S>>,
        subscription: &'a Subscription<S>,
        term: Term,
        head: &'a mut HeadWatch,
        stopping: &'a mut watch::Receiver<bool>,
    ) -> Self {
        Self {
            delivery: Delivery { application, subscription, epoch: term.epoch },
            follower: Follower::new(term, subscription.retry_policy),
            read_ahead: ReadAhead::default(),
            head,
            stopping,
        }
    }

    /// Until the process is to end, or what is stored may differ from what the follower knows.
    ///
    /// CANCEL-SAFE: dropped, the handler that runs is dropped and its transaction rolls back.
    pub(crate) async fn run(mut self) -> Result<(), Error> {
        let mut input = self.woken();
        loop {
            if matches!(input, Input::Done) {
                self.delivery.application.progress.send_replace(());
            }
            if *self.stopping.borrow() {
                self.follower.stop();
            }
            input = match self.follower.step(wall_clock(), input) {
                Action::Read { after } => self.read(after).await?,
                Action::Handle { position, attempt, changes } => {
                    self.handle(position, attempt, &changes).await?
                }
                Action::Record { changes } => {
                    self.delivery.record(&changes).await?;
                    self.log_parked(&changes);
                    Input::Done
                }
                Action::Wait { until } => self.wait(until).await,
                Action::Stop => return Ok(()),
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

    async fn wait(&mut self, until: Option<Timestamp>) -> Input {
        let pause = until.map_or(Duration::MAX, |until| until.since(wall_clock()));
        tokio::select! {
            () = self.head.moved() => {}
            () = tokio::time::sleep(pause) => {}
            _ = self.stopping.changed() => {}
        }
        self.woken()
    }

    fn woken(&self) -> Input {
        Input::Woken { head: self.head.position() }
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

fn wall_clock() -> Timestamp {
    SystemTime::now().into()
}
