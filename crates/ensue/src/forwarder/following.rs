//! Doing what the follower says, for one term.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use ensue_core::{Clock, Position, Timestamp};
use tokio::sync::watch;

use super::delivery::{Attempt, Delivery, Undelivered, uncommitted};
use super::diary::Diary;
use super::follower::{Action, Follower, Input, Legacy, Next, Seen, Sent};
use super::head::HeadWatch;
use super::read_ahead::{PAGE_ROWS, ReadAhead, read_one};
use super::sending::SentTogether;
use super::work::Work;
use crate::events::Application;
use crate::store::{Page, Read, UnreadableEntry, position_of, type_of};
use crate::subscription::{Change, Reaction, Request, RequestId, Subscription, Term, Verdict};
use crate::{Error, ErrorKind, Store};

pub(crate) struct Following<S: Store> {
    delivery: Delivery<S>,
    follower: Follower,
    read_ahead: ReadAhead,
    clock: Clock,
    head: HeadWatch,
    /// The requests that the follower was told of, or that were answered before.
    told: HashSet<RequestId>,
    /// Types of events that the subscription has no handler for, and another program has or had.
    unknown_types: HashSet<String>,
    ends: Ends,
    work: Work<Ended>,
    made_progress: bool,
}

/// Why a term may be asked to end.
#[derive(Clone)]
pub(crate) struct Ends {
    /// The process is to end.
    pub(crate) stopping: watch::Receiver<bool>,
    /// Another one is to go on.
    pub(crate) leaving: watch::Receiver<bool>,
}

impl Ends {
    fn is_asked_for(&self) -> bool {
        *self.stopping.borrow() || *self.leaving.borrow()
    }

    /// CANCEL-SAFE: what was not seen is seen by the next call.
    async fn changed(&mut self) {
        tokio::select! {
            _ = self.stopping.changed() => {}
            _ = self.leaving.changed() => {}
        }
    }
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
    Read(Result<Vec<Read>, Error>),
    ReadAgain(Result<Vec<Read>, Error>),
    Handled { position: Position, attempt: u32, outcome: Result<(), Undelivered> },
    Sent(SentTogether),
    Recorded { changes: Vec<Change>, outcome: Result<(), Error> },
}

impl<S: Store> Following<S> {
    pub(crate) fn new(
        application: &Arc<Application<S>>,
        subscription: &Arc<Subscription<S>>,
        Begun { term, seen, requests, head: known }: Begun,
        legacy: Legacy,
        clock: Clock,
        head: HeadWatch,
        ends: Ends,
    ) -> Self {
        let delivery = Delivery {
            application: Arc::clone(application),
            subscription: Arc::clone(subscription),
            epoch: term.epoch,
        };
        let (policy, width) = (subscription.retry_policy, subscription.lanes);
        let unknown_types = subscription.unknown_among(&term.event_types);
        let follower = Follower::new(term, policy, width);
        let follower = match subscription.sink {
            Some(_) => follower.sending(),
            None => follower.in_batches_of(subscription.batch_size()),
        };
        let mut follower = follower.inheriting(legacy);
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
            unknown_types,
            ends,
            work: Work::on_lanes(subscription.lanes),
            made_progress: false,
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

    /// Ends the term while work is in flight.
    pub(crate) fn cut_off(&mut self) {
        self.follower.cut_off();
    }

    /// Returns what the next term has to know.
    pub(crate) fn leave(&self) -> Legacy {
        self.follower.leave()
    }

    /// Returns true if the term has handled an entry or recorded anything else.
    pub(crate) fn made_progress(&self) -> bool {
        self.made_progress
    }

    /// Drops what is under way, and waits until it is gone: nothing of this term runs on into the
    /// next.
    pub(crate) async fn abandon(&mut self) {
        self.work.abandon().await;
    }

    /// Begins whatever can begin now; then it is to be waited, at the most until that time.
    fn begin(&mut self) -> ControlFlow<(), Option<Timestamp>> {
        if self.ends.is_asked_for() {
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
            Action::ReadAgain { after, last } => self.work.begin(async move {
                let page = delivery.store().read(Page::new(after, PAGE_ROWS)).await;
                Ended::ReadAgain(page.map(|entries| up_to(last, entries)))
            }),
            Action::Handle { position, rest, attempt, is_replay, changes } => {
                let positions = std::iter::once(position).chain(rest);
                let entries = positions.map(|it| (it, self.read_ahead.take(it))).collect();
                self.work.begin(async move {
                    let attempt = Attempt { number: attempt, is_replay };
                    match deal_with(&delivery, entries, attempt, &changes).await {
                        Ok(Some(sent)) => Ended::Sent(sent),
                        done => Ended::Handled {
                            position,
                            attempt: attempt.number,
                            outcome: done.map(drop),
                        },
                    }
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
            () = self.ends.changed() => {}
        }
        Ok(())
    }

    fn learn(&mut self, ended: Result<Ended, tokio::task::JoinError>) -> Result<(), Error> {
        // What users wrote runs guarded; a panic that gets here is ours.
        let ended = ended.map_err(|error| {
            self.follower.cut_off();
            Error::store("cannot go on", error, true)
        })?;
        let input = match ended {
            Ended::Read(Ok(entries)) => self.take(entries),
            Ended::Read(Err(error)) => Input::Pruned { oldest: error.oldest().ok_or(error)? },
            Ended::ReadAgain(Ok(entries)) => Input::ReadAgain { entries: self.see_again(&entries) },
            Ended::ReadAgain(Err(error)) => {
                Input::PrunedAgain { oldest: error.oldest().ok_or(error)? }
            }
            Ended::Handled { position, outcome: Ok(()), .. } => Input::Handled { position },
            Ended::Handled { position, attempt, outcome: Err(Undelivered::Failed(failed)) } => {
                let (failure, verdict) = *failed;
                self.diary().failed(position, attempt, &failure, verdict);
                Input::Failed { position, failure, verdict, random: fastrand::u64(..) }
            }
            Ended::Handled { position, attempt, outcome: Err(Undelivered::Lost(error)) } => {
                let (failure, random) = (uncommitted(&error), fastrand::u64(..));
                self.diary().failed(position, attempt, &failure, Verdict::Again);
                if error.kind() == ErrorKind::InDoubt {
                    let input = Input::InDoubt { position, failure, random };
                    self.follower.learn(self.clock.now(), input);
                    return Err(error);
                }
                Input::Failed { position, failure, verdict: Verdict::Again, random }
            }
            Ended::Handled { outcome: Err(Undelivered::Interrupted(error)), .. } => {
                return Err(error);
            }
            Ended::Sent(sent) => self.take_back(sent),
            Ended::Recorded { changes, outcome } => {
                outcome?;
                self.diary().recorded(&changes);
                Input::Recorded
            }
        };
        if !matches!(input, Input::Read { .. } | Input::ReadAgain { .. }) {
            self.delivery.application.progress.send_replace(());
        }
        self.made_progress |= matches!(input, Input::Handled { .. } | Input::Recorded);
        let was_away = self.follower.is_in_outage();
        self.follower.learn(self.clock.now(), input);
        self.diary().outage(was_away, self.follower.is_in_outage());
        Ok(())
    }

    fn diary(&self) -> Diary<'_> {
        Diary { subscription: &self.delivery.subscription.name }
    }

    /// Keeps what the subscription wants of a page.
    fn take(&mut self, page: Vec<Read>) -> Input {
        let mut seen = Vec::with_capacity(page.len());
        for read in page {
            let sight = self.see(&read);
            if sight.wanted {
                self.read_ahead.keep(read);
            } else if let Some(name) = type_of(&read)
                && self.unknown_types.contains(name)
            {
                self.delivery.subscription.skip_unknown(sight.position, name);
            }
            seen.push(sight);
        }
        Input::Read { entries: seen }
    }

    /// Keeps what is to be sent again.
    fn take_back(&mut self, SentTogether { outcomes, nobody_there }: SentTogether) -> Input {
        self.diary().sent(self.follower.finds_nobody(), &outcomes, nobody_there.as_deref());
        let mut sent = Vec::with_capacity(outcomes.len());
        for (read, outcome) in outcomes {
            sent.push((position_of(&read), outcome));
            if matches!(sent.last(), Some((_, Sent::Unknown { .. }))) {
                self.read_ahead.keep(read);
            }
        }
        Input::Sent { outcomes: sent, is_heard: nobody_there.is_none() }
    }

    fn see_again(&self, page: &[Read]) -> Vec<Seen> {
        page.iter().map(|read| self.see(read)).collect()
    }

    /// Treats an unreadable entry like any other, so that it keeps its place in its key. If its type is
    /// unreadable, the subscription may handle that type, so the entry is wanted.
    fn see(&self, read: &Read) -> Seen {
        let subscription = &self.delivery.subscription;
        let is_wanted = |name: &str| {
            let is_unknown = self.unknown_types.contains(name);
            subscription.wants(name) || is_unknown && !subscription.skips_unknown()
        };
        let (key, in_batch) = match read {
            Ok(entry) => {
                let reaction = subscription.reaction(&entry.envelope.event_type);
                (&entry.envelope.key, reaction.is_some_and(Reaction::is_batch))
            }
            Err(unreadable) => (&unreadable.key, false),
        };
        Seen {
            position: position_of(read),
            key: key.clone(),
            wanted: type_of(read).is_none_or(is_wanted),
            in_batch,
        }
    }
}

fn up_to(last: Position, mut page: Vec<Read>) -> Vec<Read> {
    page.retain(|read| position_of(read) <= last);
    page
}

/// Handles entries, or sends them and says what has become of them. Those that were not read ahead are
/// read now.
async fn deal_with<S: Store>(
    delivery: &Delivery<S>,
    entries: Vec<(Position, Option<Read>)>,
    attempt: Attempt,
    changes: &[Change],
) -> Result<Option<SentTogether>, Undelivered> {
    let (mut found, mut unreadable) = (Vec::with_capacity(entries.len()), Vec::new());
    for (position, read) in entries {
        let read = match read {
            Some(read) => read,
            None => read_again(delivery.store(), position).await?,
        };
        match read {
            Ok(entry) => found.push(entry),
            Err(entry) => unreadable.push(entry),
        }
    }
    match (&delivery.subscription.sink, unreadable.pop()) {
        (Some(sink), last) => {
            unreadable.extend(last);
            Ok(Some(delivery.send(&**sink, found, unreadable, changes).await?))
        }
        (None, Some(unreadable)) => Err(Undelivered::failed(unreadable.into(), Verdict::Never)),
        (None, None) => delivery.deliver(found, attempt, changes).await.map(|()| None),
    }
}

async fn read_again<S: Store>(store: &S, position: Position) -> Result<Read, Undelivered> {
    match read_one(store, position).await {
        Err(error) if error.is_retryable() => Err(Undelivered::Interrupted(error)),
        // One entry that cannot be read is no reason to hold up the rest.
        Err(error) => Ok(Err(UnreadableEntry::new(position, error.to_string()))),
        Ok(read) => Ok(read),
    }
}
