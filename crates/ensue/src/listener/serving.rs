//! The shell around the machine: one task for each listener.

use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "testing")]
use futures_util::FutureExt;
use tokio::sync::watch;
use tokio::task::JoinError;
use tokio::time::Instant;

use super::any_source::AnySession;
use super::builder::Consumer;
use super::diary::Diary;
use super::handling::{Handled, Handling, Unhandled};
use super::intake::{Action, Arrived, Intake, Next, Outcome, Piece, RECONNECTING};
use super::parcel::Parcel;
use super::{Arrival, DeadLetters, ListenerCounts, RetriedAll};
use crate::events::Application;
use crate::forwarder::work::Work;
use crate::{BoxError, Error, Store};

pub(super) struct Serving<S: Store> {
    handling: Handling<S>,
    intake: Intake<Arc<Parcel>>,
    work: Work<Ended>,
    /// What the machine's times are counted from.
    started: Instant,
    stopping: watch::Receiver<bool>,
    /// The prefetch of the next session.
    prefetch: u16,
    /// Sessions in a row that could not be had, or of which nothing came.
    failures: u32,
    counted: ListenerCounts,
}

/// How a piece of work has ended.
struct Ended {
    piece: Piece,
    parcels: Vec<Arc<Parcel>>,
    attempt: u32,
    /// For a burial, the maximum number of bytes of the body to keep.
    bytes: Option<usize>,
    handled: Handled,
}

impl<S: Store> Serving<S> {
    pub(super) fn new(
        application: &Arc<Application<S>>,
        consumer: &Arc<Consumer<S>>,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        let (policy, lanes) = (consumer.retry_policy, consumer.lanes);
        let (application, consumer) = (Arc::clone(application), Arc::clone(consumer));
        Self {
            intake: Intake::new(policy, lanes, consumer.batch),
            prefetch: consumer.prefetch,
            handling: Handling { application, consumer },
            work: Work::on_lanes(lanes),
            started: Instant::now(),
            stopping,
            failures: 0,
            counted: ListenerCounts::default(),
        }
    }

    /// Session after session, until the process is to end; then what is under way is finished.
    ///
    /// CANCEL-SAFE: dropped, the handlers that run are dropped and their transactions roll back.
    pub(super) async fn run(mut self) {
        while let Some(session) = self.open().await {
            match self.serve(session).await {
                Ok(()) => break,
                Err(error) => {
                    self.diary().lost(&error);
                    self.lose_session();
                }
            }
        }
        self.intake.stop();
        while self.intake.is_busy() {
            let Some(ended) = self.work.next().await else { break };
            self.learn(ended);
        }
    }

    /// Opens a session, however often that takes; nothing if the process is to end before.
    async fn open(&mut self) -> Option<Box<dyn AnySession>> {
        while !self.is_stopping() {
            let pause = match self.failures {
                0 => Duration::ZERO,
                failures => RECONNECTING.delay(failures, fastrand::u64(..)).unwrap_or_default(),
            };
            let (consumer, prefetch) = (Arc::clone(&self.handling.consumer), self.prefetch);
            let mut opening = Box::pin(async move {
                tokio::time::sleep(pause).await;
                consumer.source.open_boxed(prefetch).await
            });
            self.failures = self.failures.saturating_add(1);
            let opened = loop {
                tokio::select! {
                    opened = &mut opening => break opened,
                    Some(ended) = self.work.next() => self.learn(ended),
                    _ = self.stopping.changed() => return None,
                }
            };
            match opened {
                Ok(session) => {
                    self.prefetch = self.handling.consumer.prefetch;
                    return Some(session);
                }
                Err(error) => {
                    self.diary().unopened(&error);
                    self.lose_session();
                }
            }
        }
        None
    }

    /// Until the session is lost, or the process is to end and everything is acknowledged that can be.
    async fn serve(&mut self, mut session: Box<dyn AnySession>) -> Result<(), BoxError> {
        let mut is_stopped = false;
        loop {
            if self.is_stopping() && !is_stopped {
                is_stopped = true;
                self.intake.stop();
                session.stop_boxed().await?;
            }
            let until = loop {
                match self.intake.next(self.now()) {
                    Next::Do(Action::Acknowledge { tags }) => {
                        session.acknowledge_boxed(&tags).await?;
                    }
                    Next::Do(action) => self.begin(action),
                    Next::Wait { until } => break until,
                    // ORDERING: flush first; closing the session loses unprocessed acknowledgements.
                    Next::Over => return session.flush_boxed().await,
                }
            };
            self.count();
            tokio::select! {
                Some(ended) = self.work.next() => self.learn(ended),
                arrivals = session.receive_boxed(), if !is_stopped => self.take(arrivals?)?,
                () = sleep_until(self.started, until) => {}
                _ = self.stopping.changed(), if !is_stopped => {}
            }
        }
    }

    fn take(&mut self, arrivals: Vec<Arrival>) -> Result<(), BoxError> {
        if arrivals.is_empty() {
            return Err("the source has ended, and nobody has asked it to".into());
        }
        self.failures = 0;
        for Arrival { tag, is_redelivered, message } in arrivals {
            let parcel = Arc::new(Parcel::new(message));
            self.intake.arrive(Arrived {
                tag,
                is_redelivered,
                lane: parcel.lane(),
                sequence: parcel.sequence(),
                kind: self.handling.kind_of(&parcel),
                bytes: parcel.bytes(),
                content: parcel,
            });
        }
        let bytes_max = self.handling.consumer.prefetch_bytes;
        match self.intake.fitting_prefetch(bytes_max) {
            None => Ok(()),
            Some(prefetch) => {
                self.prefetch = prefetch;
                Err(format!(
                    "unacknowledged messages exceed {bytes_max} bytes; reconnecting with a prefetch of \
                     {prefetch}"
                )
                .into())
            }
        }
    }

    fn begin(&mut self, action: Action<Arc<Parcel>>) {
        let handling = self.handling.clone();
        match action {
            Action::Together { piece, messages: parcels } => self.work.begin(async move {
                let handled = handling.together(&parcels).await;
                Ended { piece, parcels, attempt: 1, bytes: None, handled }
            }),
            Action::Alone { piece, message, attempt } => self.work.begin(async move {
                let (attempt, handled) = handling.alone(&message, attempt).await;
                Ended { piece, parcels: vec![message], attempt, bytes: None, handled }
            }),
            Action::Bury { piece, message, failure, attempts: attempt, bytes } => {
                self.work.begin(async move {
                    let handled = handling.bury(&message, failure, attempt, bytes).await;
                    Ended { piece, parcels: vec![message], attempt, bytes: Some(bytes), handled }
                });
            }
            // That is for who has the session.
            Action::Acknowledge { .. } => {}
        }
    }

    fn learn(&mut self, ended: Result<Ended, JoinError>) {
        // What users wrote runs guarded; a panic that gets here is ours, and starts the listener anew.
        let Ended { piece, parcels, attempt, bytes, handled } =
            ended.unwrap_or_else(|error| std::panic::resume_unwind(Box::new(error.to_string())));
        let diary = self.diary();
        match (bytes, parcels.first()) {
            (Some(bytes), Some(parcel)) => diary.buried(parcel, bytes, &handled),
            (_, _) => diary.handled(&parcels, attempt, &handled),
        }
        let random = fastrand::u64(..);
        let outcome = match handled {
            Ok(new) => Outcome::Done { new },
            Err(Unhandled::Failed { at, failed }) => {
                let (failure, verdict) = *failed;
                Outcome::Failed { at, attempt, failure, verdict, random }
            }
            Err(Unhandled::Refused(_)) => Outcome::Refused,
            Err(Unhandled::Overdue { at }) => Outcome::Overdue { at },
            Err(Unhandled::Unburied(_)) => Outcome::Unburied { random },
            Err(Unhandled::Interrupted { upon, .. }) => Outcome::Interrupted { upon, random },
        };
        self.intake.end(self.now(), piece, outcome);
        self.count();
    }

    fn lose_session(&mut self) {
        self.intake.lose_session();
        self.count();
    }

    /// Tells whoever asks.
    fn count(&mut self) {
        let counts = self.intake.counts();
        if counts != self.counted {
            self.diary().counted(self.counted, counts);
            self.counted = counts;
            self.handling.consumer.told.send_replace(counts);
        }
    }

    fn diary(&self) -> Diary<'_> {
        Diary { consumer: &self.handling.consumer.name }
    }

    fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }
}

/// Listens until everything in the source is acknowledged, if the source can tell.
#[cfg(feature = "testing")]
pub(crate) async fn settle<S: Store>(
    application: &Arc<Application<S>>,
    consumer: &Arc<Consumer<S>>,
) {
    if consumer.source.drained_boxed().now_or_never().is_some() {
        return;
    }
    let (stop, stopping) = watch::channel(false);
    let drained = async {
        consumer.source.drained_boxed().await;
        stop.send_replace(true);
    };
    tokio::join!(Serving::new(application, consumer, stopping).run(), drained);
}

async fn sleep_until(started: Instant, until: Option<Duration>) {
    match until {
        Some(until) => tokio::time::sleep_until(started + until).await,
        None => std::future::pending().await,
    }
}

/// Tries again what another program had no handler for, and forgets receipts that are older than the
/// consumer keeps them, until the process is to end: then a handler that runs may finish.
pub(super) async fn tend<S: Store>(
    application: Arc<Application<S>>,
    consumer: Arc<Consumer<S>>,
    stopping: watch::Receiver<bool>,
) {
    let letters = DeadLetters::new(&application, &consumer);
    let mut hourly = tokio::time::interval(BETWEEN_TENDING);
    while unless_over(&stopping, hourly.tick()).await.is_some() {
        tell_retried(&consumer.name, letters.retry_known(&stopping).await);
        let forgetting = application.store.forget(&consumer.name, consumer.receipts_kept);
        let Some(forgotten) = unless_over(&stopping, forgetting).await else { return };
        tell_forgotten(&consumer.name, forgotten);
    }
}

/// Nothing if the process is to end before it is done.
async fn unless_over<T>(
    stopping: &watch::Receiver<bool>,
    work: impl Future<Output = T>,
) -> Option<T> {
    let mut stopping = stopping.clone();
    tokio::select! {
        biased;
        _ = stopping.wait_for(|is_stopping| *is_stopping) => None,
        done = work => Some(done),
    }
}

/// Often enough that each time is short, and seldom enough to be nothing.
const BETWEEN_TENDING: Duration = Duration::from_secs(60 * 60);

fn tell_retried(consumer: &str, retried: Result<RetriedAll, Error>) {
    match retried {
        Ok(RetriedAll { handled: 0, failed: 0, .. }) => {}
        Ok(RetriedAll { handled, failed, .. }) => tracing::info!(
            consumer,
            handled,
            failed,
            "dead letters of types that have a handler by now were tried again"
        ),
        Err(error) => tracing::warn!(consumer, %error, "cannot look for dead letters"),
    }
}

fn tell_forgotten(consumer: &str, forgotten: Result<u64, Error>) {
    match forgotten {
        Ok(receipts) => tracing::debug!(consumer, receipts, "old receipts are forgotten"),
        Err(error) => tracing::warn!(consumer, %error, "cannot forget old receipts"),
    }
}
