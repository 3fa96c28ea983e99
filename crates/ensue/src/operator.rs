//! Operating a subscription, whoever runs it.

use std::sync::Arc;
use std::time::Duration;

use ensue_core::{NameRule, Position};
use tokio::time::Instant;

use crate::events::Application;
use crate::store::{Page, position_of, type_of};
use crate::subscription::{
    Answer, Command, Request, RequestId, SetAside, Subscription, Which, held_by, retired,
};
use crate::ticket::{status, unknown};
use crate::{Error, ErrorKind, Store, SubscriptionStatus};

/// A subscription in the hands of an operator. See [`Events::operate`](crate::Events::operate).
///
/// Nothing is changed behind the back of the process that runs it: what is asked for is stored, and
/// the owner does it between two pieces of work, at once if it is this process, within its
/// [poll](crate::Builder::poll) otherwise, and when there is one if nobody is. Who asked for what,
/// why, and what came of it stays in the database.
///
/// ```
/// # use ensue::subscription::Which;
/// # use ensue::{Error, Events, Position, Store};
/// # use std::time::Duration;
/// # async fn example<S: Store>(events: Events<S>) -> Result<(), Error> {
/// let refunds = events.operate("refunds");
/// for entry in refunds.status().await?.set_aside {
///     println!("{} {}: {:?}", entry.position, entry.state.name(), entry.failure);
/// }
/// let retry = refunds.retry(Which::Key("A-1".into()), "anna: card replaced").await?;
/// let answer = retry.answered(Duration::from_secs(5)).await?; // None: not yet
/// # Ok(()) }
/// ```
pub struct Operator<S: Store> {
    application: Arc<Application<S>>,
    name: String,
}

/// What a seek would come to. See [`Operator::plan_seek`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SeekPlan {
    /// Where the cursor is.
    pub from: Position,
    /// Where it would be.
    pub to: Position,
    /// How many entries would be handled once more, effects and all.
    pub handled_again: u64,
    /// How many would never be handled.
    pub passed_over: u64,
    /// How many that are set aside would be forgotten.
    pub set_aside_dropped: u64,
}

/// Something that was asked for.
pub struct Requested<S: Store> {
    application: Arc<Application<S>>,
    id: RequestId,
}

impl<S: Store> Operator<S> {
    pub(crate) fn new(application: &Arc<Application<S>>, name: &str) -> Self {
        Self { application: Arc::clone(application), name: name.to_owned() }
    }

    /// Where it stands.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownSubscription`](crate::ErrorKind::UnknownSubscription); the database's.
    pub async fn status(&self) -> Result<SubscriptionStatus, Error> {
        status(&self.application, &self.name).await
    }

    /// Lets entries that are set aside be tried at once, and then as often as if they had never
    /// failed: for after what made them fail was repaired. `reason` is for whoever reads it later,
    /// best with a name in it.
    ///
    /// # Errors
    /// As [`status`](Self::status).
    pub async fn retry(&self, which: Which, reason: &str) -> Result<Requested<S>, Error> {
        self.request(Command::Retry(which), reason).await
    }

    /// Takes entries that are set aside for handled, although they are not; those that wait behind
    /// them are tried next.
    ///
    /// # Errors
    /// As [`status`](Self::status).
    pub async fn skip(&self, which: Which, reason: &str) -> Result<Requested<S>, Error> {
        self.request(Command::Skip(which), reason).await
    }

    /// Lets what is under way end, and nothing else begin, under whatever owner, until it is
    /// [resumed](Self::resume).
    ///
    /// # Errors
    /// As [`status`](Self::status).
    pub async fn pause(&self, reason: &str) -> Result<Requested<S>, Error> {
        self.request(Command::Pause, reason).await
    }

    /// Lets it go on.
    ///
    /// # Errors
    /// As [`status`](Self::status).
    pub async fn resume(&self, reason: &str) -> Result<Requested<S>, Error> {
        self.request(Command::Resume, reason).await
    }

    /// Lets it go on after position `to`. Back, everything after it is handled once more, effects and
    /// all; forth, everything up to it is passed without being handled. What is set aside after it
    /// is forgotten, what is set aside up to it stays.
    ///
    /// # Errors
    /// As [`status`](Self::status).
    pub async fn seek(&self, to: Position, reason: &str) -> Result<Requested<S>, Error> {
        self.request(Command::Seek { to }, reason).await
    }

    /// What a [seek](Self::seek) to position `to` would come to, as things are now. It reads the log
    /// between there and the cursor, and changes nothing.
    ///
    /// ```
    /// # use ensue::{Error, Events, Position, Store};
    /// # async fn example<S: Store>(events: Events<S>) -> Result<(), Error> {
    /// let view = events.operate("orders-view");
    /// let plan = view.plan_seek(Position::START).await?;
    /// println!("{} entries would be handled again", plan.handled_again);
    /// view.seek(plan.to, "anna: the view lacked a column").await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::UnknownSubscription`](crate::ErrorKind::UnknownSubscription) also if this
    /// application has no such subscription, since only that knows what it handles; the database's.
    pub async fn plan_seek(&self, to: Position) -> Result<SeekPlan, Error> {
        let status = self.status().await?;
        let subscription = self.subscription()?;
        let from = status.cursor;
        let set_aside = status.set_aside.iter().filter(|entry| entry.position > to);
        let between = self.count_handled(subscription, from.min(to), from.max(to)).await?;
        let (handled_again, passed_over) = if to < from { (between, 0) } else { (0, between) };
        let set_aside_dropped = set_aside.count() as u64;
        Ok(SeekPlan { from, to, handled_again, passed_over, set_aside_dropped })
    }

    async fn count_handled(
        &self,
        subscription: &Subscription<S>,
        mut after: Position,
        last: Position,
    ) -> Result<u64, Error> {
        let mut count = 0;
        while after < last {
            let page = match self.application.store.read(Page::new(after, ROWS)).await {
                Ok(page) => page,
                // What was pruned is not handled again.
                Err(error) => {
                    after = error.oldest().ok_or(error)?.previous();
                    continue;
                }
            };
            let Some(end) = page.last().map(position_of) else { break };
            let is_handled = |name: &str| subscription.reaction(name).is_some();
            let between = page.iter().filter(|read| position_of(read) <= last);
            count += between.filter(|read| type_of(read).is_none_or(is_handled)).count() as u64;
            after = end;
        }
        Ok(count)
    }

    /// Lets it handle the entries from position `first` to `last` once more, as if they were new: in
    /// the order of their keys, also towards what comes meanwhile, retried, and parked if nothing
    /// helps. The cursor stays where it is, so that nothing else is held up or handled twice, and
    /// events keep their ids; handlers that must know are told by
    /// [`Meta::is_replay`](crate::Meta::is_replay). An entry of the range that is parked is tried
    /// again; one that is retried anyway is left alone.
    ///
    /// It is answered when each entry was tried, but for those that wait behind one of their key that
    /// failed, with their number, and goes on under the next owner
    /// if there is another before that.
    ///
    /// # Errors
    /// As [`status`](Self::status).
    pub async fn replay(
        &self,
        first: Position,
        last: Position,
        reason: &str,
    ) -> Result<Requested<S>, Error> {
        self.request(Command::Replay { first, last }, reason).await
    }

    /// Retires a subscription that is gone from the code: pruning no longer keeps entries for it, requests to
    /// it are refused, and no process can run it unless you
    /// [revive its name](crate::SubscriptionBuilder::revive). Its cursor and the entries it has set aside
    /// stay in the database as a record. Returns these entries, for you to review. Entries after its cursor
    /// are never handled: look at its [status](Self::status) first.
    ///
    /// ```
    /// # use ensue::{Error, Events, Store};
    /// # async fn example<S: Store>(events: Events<S>) -> Result<(), Error> {
    /// let refunds = events.operate("refunds");
    /// let undone = refunds.status().await?.set_aside; // Dead letters, among others: are they needed?
    /// let kept = refunds.retire("anna: refunds are another service's now").await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if this application has the subscription
    /// or a process runs it; otherwise as [`status`](Self::status).
    pub async fn retire(&self, reason: &str) -> Result<Vec<SetAside>, Error> {
        let name = &self.name;
        if self.subscription().is_ok() {
            return Err(held_by(name, "this one"));
        }
        let status = self.status().await?;
        let mut claims = self.application.store.claims().await?;
        claims.retain(|claim| claim.subscription == *name);
        if let Some(claim) = claims.first() {
            return Err(held_by(name, &claim.owner));
        }
        self.application.store.retire(name, reason).await?;
        Ok(status.set_aside)
    }

    /// How often this process has [skipped](crate::UnknownTypes::Skip) an event because only another
    /// program has a handler for it; one that is read again, in another term, counts again.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownSubscription`](crate::ErrorKind::UnknownSubscription) if this application
    /// has no such subscription.
    pub fn unknown_skipped(&self) -> Result<u64, Error> {
        self.subscription().map(Subscription::unknown_skipped)
    }

    fn subscription(&self) -> Result<&Subscription<S>, Error> {
        let mut subscriptions = self.application.subscriptions.iter();
        let found = subscriptions.find(|subscription| subscription.name == self.name);
        found.map(|found| &**found).ok_or_else(|| unknown(&self.name))
    }

    async fn request(&self, command: Command, reason: &str) -> Result<Requested<S>, Error> {
        NameRule::REASON.check(reason)?;
        if let Some(Which::Key(key)) = command.which() {
            NameRule::KEY.check(key)?;
        }
        // A request of a name that nobody knows would wait for ever.
        if let Some(reason) = self.status().await?.retired {
            return Err(retired(&self.name, &reason));
        }
        let id = self.application.store.request(&self.name, &command, reason).await?;
        self.application.requested.notify_one();
        Ok(Requested { application: Arc::clone(&self.application), id })
    }
}

impl<S: Store> Requested<S> {
    fn not_run(&self, subscription: &str) -> Error {
        let (id, lease) = (self.id.get(), self.application.forwarding.lease);
        let message = format!(
            "no process has run subscription `{subscription}` for {lease:?}, so request {id} is pending: \
             start a process that runs it, or retire it if it is gone from the code"
        );
        Error::new(ErrorKind::NotRun, message)
    }

    /// Its number in the database.
    pub fn id(&self) -> RequestId {
        self.id
    }

    /// Waits for what comes of it, at the most for `limit`; nothing if the owner has not come to it
    /// by then.
    ///
    /// # Errors
    /// [`ErrorKind::NotRun`](crate::ErrorKind::NotRun) if no process has run the subscription, or stood by
    /// for it, for the length of a [lease](crate::Builder::lease); the database's.
    ///
    /// CANCEL-SAFE: it only looks.
    pub async fn answered(&self, limit: Duration) -> Result<Option<Answer>, Error> {
        let deadline = Instant::now() + limit;
        let mut progress = self.application.progress.subscribe();
        let mut run_until = Instant::now();
        let mut looked_at = None::<Instant>;
        loop {
            let request = self.application.store.find_request(self.id).await?;
            let Some(Request { subscription, answer, .. }) = request else { return Ok(None) };
            if answer.is_some() || Instant::now() >= deadline {
                return Ok(answer);
            }
            let lease = self.application.forwarding.lease;
            if looked_at.is_none_or(|at| at.elapsed() >= CLAIMS_LOOKED_AT.min(lease / 3)) {
                looked_at = Some(Instant::now());
                let claims = self.application.store.claims().await?;
                match claims.iter().any(|claim| claim.subscription == subscription) {
                    true => run_until = Instant::now(),
                    false if run_until.elapsed() >= lease => {
                        return Err(self.not_run(&subscription));
                    }
                    false => {}
                }
            }
            let next = (Instant::now() + PAUSE).min(deadline);
            tokio::select! {
                _ = progress.changed() => {}
                () = tokio::time::sleep_until(next) => {}
            }
        }
    }
}

/// Interval between two reads of the claims.
const CLAIMS_LOOKED_AT: Duration = Duration::from_secs(1);

/// LIMIT: entries of a page that is only counted.
const ROWS: u32 = 1_000;

/// Between two looks while nothing is heard.
const PAUSE: Duration = Duration::from_millis(50);

impl<S: Store> std::fmt::Debug for Operator<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Operator").field("subscription", &self.name).finish_non_exhaustive()
    }
}

impl<S: Store> std::fmt::Debug for Requested<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Requested").field("id", &self.id).finish_non_exhaustive()
    }
}
