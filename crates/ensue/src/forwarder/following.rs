//! Doing what the follower says, for one term.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use ensue_core::{Clock, Entry, Position, Timestamp};
use tokio::sync::watch;

use super::delivery::{Delivery, Undelivered};
use super::diary::Diary;
use super::follower::{Action, Follower, Input, Next, Seen};
use super::head::HeadWatch;
use super::read_ahead::{PAGE_ROWS, ReadAhead, read_one};
use super::work::Work;
use crate::events::Application;
use crate::store::Page;
use crate::subscription::{
    Change, Failure, FailureClass, Request, RequestId, Subscription, Term, Verdict,
};
use crate::{Error, Store};

pub(crate) struct Following<S: Store> {
    delivery: Delivery<S>,
    follower: Follower,
    read_ahead: ReadAhead,
    clock: Clock,
    head: HeadWatch,
    /// The requests that the follower was told of, or that were answered before.
    told: HashSet<RequestId>,
    stopping: watch::Receiver<bool>,
    work: Work<Ended>,
}

/// A term, as it begins.
pub(crate) struct Begun {
    term: Term,
    /// The requests that were seen before: what is not among `requests` was answered since.
    seen: Vec<Request>,
    /// What is asked for and not answered.
    requests: Vec<Request>,
    /// How far the owner before can have read.
    head: Position,
}

impl Begun {
    pub(crate) async fn new<S: Store>(
        store: &S,
        subscription: &Subscription<S>,
        watch: &HeadWatch,
        term: Term,
    ) -> Result<Self, Error> {
        let seen = watch.requests_of(&subscription.name);
        let mut requests = store.pending_requests().await?;
        requests.retain(|request| request.subscription == subscription.name);
        let head = store.head().await?;
        Ok(Self { term, seen, requests, head })
    }
}

/// How a piece of work has ended.
enum Ended {
    Read(Result<Vec<Entry>, Error>),
    Handled { position: Position, attempt: u32, outcome: Result<(), Undelivered> },
    Recorded { changes: Vec<Change>, outcome: Result<(), Error> },
}

impl<S: Store> Following<S> {
    pub(crate) fn new(
        application: &Arc<Application<S>>,
        subscription: &Arc<Subscription<S>>,
        Begun { term, seen, requests, head: known }: Begun,
        clock: Clock,
        head: HeadWatch,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        let delivery = Delivery {
            application: Arc::clone(application),
            subscription: Arc::clone(subscription),
            epoch: term.epoch,
        };
        let (policy, width) = (subscription.retry_policy, subscription.lanes);
        let mut follower = Follower::new(term, policy, width);
        let told = seen.iter().chain(&requests).map(|request| request.id).collect();
        follower.learn(clock.now(), Input::Woken { head: known });
        follower.learn(clock.now(), Input::Requested { requests });
        Self {
            delivery,
            follower,
            read_ahead: ReadAhead::default(),
            clock,
            head,
            told,
            stopping,
            work: Work::on_lanes(subscription.lanes),
        }
    }

    /// Until the process is to end, or what is stored may differ from what the follower knows.
    ///
    /// CANCEL-SAFE: dropped, or followed by [`abandon`](Self::abandon), the handlers that run are
    /// dropped and their transactions roll back.
    pub(crate) async fn run(&mut self) -> Result<(), Error> {
        while let ControlFlow::Continue(until) = self.begin() {
            self.wait(until).await?;
        }
        Ok(())
    }

    /// Does what there is to do now, and everything that comes of it. Over, or to go on when the log
    /// grows or more is due.
    #[cfg(feature = "testing")]
    pub(crate) async fn work(&mut self) -> Result<ControlFlow<()>, Error> {
        loop {
            let ControlFlow::Continue(_) = self.begin() else { return Ok(ControlFlow::Break(())) };
            match self.work.next().await {
                Some(ended) => self.learn(ended)?,
                None => return Ok(ControlFlow::Continue(())),
            }
        }
    }

    pub(crate) fn is_suspicious(&self) -> bool {
        self.follower.is_suspicious()
    }

    /// Drops what is under way, and waits until it is gone: nothing of this term runs on into the
    /// next.
    pub(crate) async fn abandon(&mut self) {
        self.work.abandon().await;
    }

    /// Begins whatever can begin now; then it is to be waited, at the most until that time.
    fn begin(&mut self) -> ControlFlow<(), Option<Timestamp>> {
        if *self.stopping.borrow() {
            self.follower.stop();
        }
        let now = self.clock.now();
        self.tell(now);
        loop {
            match self.follower.next(now) {
                Next::Do(action) => self.spawn(action),
                Next::Wait { until } => return ControlFlow::Continue(until),
                Next::Over => return ControlFlow::Break(()),
            }
        }
    }

    /// Tells the follower what was seen of the store.
    fn tell(&mut self, now: Timestamp) {
        if let Some(head) = self.head.position() {
            self.follower.learn(now, Input::Woken { head });
        }
        let mut requests = self.head.requests_of(&self.delivery.subscription.name);
        requests.retain(|request| self.told.insert(request.id));
        if !requests.is_empty() {
            self.follower.learn(now, Input::Requested { requests });
        }
    }

    fn spawn(&mut self, action: Action) {
        let delivery = self.delivery.clone();
        match action {
            Action::Read { after } => self.work.begin(async move {
                Ended::Read(delivery.store().read(Page::new(after, PAGE_ROWS)).await)
            }),
            Action::Handle { position, attempt, changes } => {
                let entry = self.read_ahead.take(position);
                self.work.begin(async move {
                    let outcome = handle(&delivery, position, entry, attempt, &changes).await;
                    Ended::Handled { position, attempt, outcome }
                });
            }
            Action::Record { changes } => self.work.begin(async move {
                let outcome = delivery.record(&changes).await;
                Ended::Recorded { changes, outcome }
            }),
        };
    }

    async fn wait(&mut self, until: Option<Timestamp>) -> Result<(), Error> {
        let pause = until.map_or(Duration::MAX, |until| until.since(self.clock.now()));
        tokio::select! {
            Some(ended) = self.work.next() => self.learn(ended)?,
            () = self.head.moved() => {}
            () = tokio::time::sleep(pause) => {}
            _ = self.stopping.changed() => {}
        }
        Ok(())
    }

    fn learn(&mut self, ended: Result<Ended, tokio::task::JoinError>) -> Result<(), Error> {
        // What users wrote runs guarded; a panic that gets here is ours.
        let ended = ended.map_err(|error| Error::store("cannot go on", error, true))?;
        let input = match ended {
            Ended::Read(entries) => self.take(entries?),
            Ended::Handled { position, outcome: Ok(()), .. } => Input::Handled { position },
            Ended::Handled { position, attempt, outcome: Err(Undelivered::Failed(failed)) } => {
                let (failure, verdict) = *failed;
                self.diary().failed(position, attempt, &failure, verdict);
                Input::Failed { position, failure, verdict, random: fastrand::u64(..) }
            }
            Ended::Handled { outcome: Err(Undelivered::Interrupted(error)), .. } => {
                return Err(error);
            }
            Ended::Recorded { changes, outcome } => {
                outcome?;
                self.diary().recorded(&changes);
                Input::Recorded
            }
        };
        if !matches!(input, Input::Read { .. }) {
            self.delivery.application.progress.send_replace(());
        }
        let was_away = self.follower.is_in_outage();
        self.follower.learn(self.clock.now(), input);
        self.diary().outage(was_away, self.follower.is_in_outage());
        Ok(())
    }

    fn diary(&self) -> Diary<'_> {
        Diary { subscription: &self.delivery.subscription.name }
    }

    /// Keeps what the subscription wants of a page.
    fn take(&mut self, entries: Vec<Entry>) -> Input {
        let mut seen = Vec::with_capacity(entries.len());
        for entry in entries {
            let (position, key) = (entry.position, entry.envelope.key.clone());
            let subscription = &self.delivery.subscription;
            let wanted = subscription.reaction(&entry.envelope.event_type).is_some();
            if wanted {
                self.read_ahead.keep(entry);
            }
            seen.push(Seen { position, key, wanted });
        }
        Input::Read { entries: seen }
    }
}

async fn handle<S: Store>(
    delivery: &Delivery<S>,
    position: Position,
    entry: Option<Entry>,
    attempt: u32,
    changes: &[Change],
) -> Result<(), Undelivered> {
    let entry = match entry {
        Some(entry) => entry,
        None => match read_one(delivery.store(), position).await {
            Ok(entry) => entry,
            // One entry that cannot be read is no reason to hold up the rest.
            Err(error) if !error.is_retryable() => {
                let failure = Failure::new(FailureClass::Undecodable, error);
                return Err(Undelivered::failed(failure, Verdict::Never));
            }
            Err(error) => return Err(Undelivered::Interrupted(error)),
        },
    };
    delivery.deliver(entry, attempt, changes).await
}
