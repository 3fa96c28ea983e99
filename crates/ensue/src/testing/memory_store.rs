//! A store in the memory of one process, as plain as it can be.

mod inbox;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::error::Error as StdError;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::{Mutex as AsyncMutex, Notify, OwnedMutexGuard};

use self::inbox::InboxTables;
use crate::store::{LogId, Page, Read, Savepoint, UnreadableEntry, payload_bytes, position_of};
use crate::subscription::{
    Answer, Change, Claim, Command, Epoch, Pruned, Request, RequestId, SetAside,
    SubscriptionStatus, TakeOver, Term, Unhandled, held_by, retired,
};
use crate::{Entry, Envelope, Error, Log, Position, Start, Subscriptions, Timestamp, Transactions};

/// A store in memory, for tests that need no database: all that a store does, and gone with its
/// last clone.
///
/// `T` is the domain's state, in place of tables: what [`Tx`](crate::Tx) derefs to. A transaction
/// works on a clone of it that takes its place at the commit, and one is open at a time.
///
/// ```
/// use ensue::testing::MemoryStore;
/// use ensue::{Error, Events, Tx};
///
/// type Orders = std::collections::BTreeMap<u32, String>;
///
/// async fn cancel(tx: &mut Tx<MemoryStore<Orders>>, no: u32) {
///     tx.insert(no, "cancelled".into());
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Error> {
/// let store = MemoryStore::<Orders>::default();
/// let events = Events::builder(store.clone()).build().await?;
/// events.run(async |tx| Ok::<_, Error>(cancel(tx, 7).await)).await?;
/// assert_eq!(store.state()[&7], "cancelled");
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct MemoryStore<T = ()> {
    shared: Arc<Shared<T>>,
    /// Woken by the commits of other handles.
    elsewhere: Arc<Notify>,
}

#[derive(Debug, Default)]
struct Shared<T> {
    identity: LogId,
    committed: Mutex<Committed<T>>,
    writer: Arc<AsyncMutex<()>>,
    handles: Mutex<Vec<Arc<Notify>>>,
}

#[derive(Debug, Default)]
struct Committed<T> {
    tables: Tables<T>,
    /// The last position that is not here any more.
    floor: Position,
    log: Vec<Read>,
}

/// What a transaction has a copy of.
#[derive(Debug, Clone, Default)]
struct Tables<T> {
    state: T,
    cursors: HashMap<String, Position>,
    owners: HashMap<String, Owner>,
    /// Until when who stands by for what.
    standbys: BTreeMap<(String, String), Timestamp>,
    event_types: BTreeSet<(String, String)>,
    receipts: BTreeSet<(String, Position)>,
    set_aside: BTreeMap<(String, Position), SetAside>,
    paused: HashMap<String, String>,
    retired: HashMap<String, String>,
    /// The request numbered n is at n - 1.
    requests: Vec<Request>,
    inbox: InboxTables,
}

#[derive(Debug, Clone, Default)]
struct Owner {
    epoch: u64,
    name: String,
    /// Nothing once it has handed over.
    until: Option<Timestamp>,
}

/// An open transaction of a [`MemoryStore`].
#[derive(Debug)]
pub struct MemoryTransaction<T> {
    tables: Tables<T>,
    appended: Vec<Envelope>,
    savepoints: Vec<Tables<T>>,
    _writer: OwnedMutexGuard<()>,
}

impl<T: Clone> MemoryStore<T> {
    /// The state as it was committed last.
    pub fn state(&self) -> T {
        self.committed().tables.state.clone()
    }

    /// Makes the entry at `position` unreadable for `reason`, as if another program had written it
    /// wrongly. Its type and key stay known.
    pub fn make_unreadable(&self, position: Position, reason: &str) {
        let log = &mut self.committed().log;
        if let Some(place) = log.iter_mut().find(|read| position_of(read) == position)
            && let Ok(Entry { recorded_at, envelope, .. }) = place
        {
            *place = Err(UnreadableEntry {
                event_type: Some(envelope.event_type.to_string()),
                key: envelope.key.clone(),
                recorded_at: Some(*recorded_at),
                ..UnreadableEntry::new(position, reason)
            });
        }
    }

    /// Another handle on the same memory, as another process would have one on the same database.
    #[must_use]
    pub fn another(&self) -> Self {
        let (shared, elsewhere) = (Arc::clone(&self.shared), Arc::<Notify>::default());
        lock(&shared.handles).push(Arc::clone(&elsewhere));
        Self { shared, elsewhere }
    }
}

impl<T> MemoryStore<T> {
    fn committed(&self) -> MutexGuard<'_, Committed<T>> {
        lock(&self.shared.committed)
    }

    fn wake_others(&self) {
        let handles = lock(&self.shared.handles);
        let others = handles.iter().filter(|other| !Arc::ptr_eq(other, &self.elsewhere));
        others.for_each(|other| other.notify_one());
    }
}

impl<T> Clone for MemoryStore<T> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), elsewhere: Arc::clone(&self.elsewhere) }
    }
}

impl<T: Default> Default for MemoryStore<T> {
    fn default() -> Self {
        let (shared, elsewhere) = (Arc::<Shared<T>>::default(), Arc::default());
        lock(&shared.handles).push(Arc::clone(&elsewhere));
        Self { shared, elsewhere }
    }
}

impl<T> Deref for MemoryTransaction<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.tables.state
    }
}

impl<T> DerefMut for MemoryTransaction<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.tables.state
    }
}

impl<T: Send + Sync + 'static> Log for MemoryStore<T> {
    async fn head(&self) -> Result<Position, Error> {
        Ok(self.committed().head())
    }

    async fn identity(&self) -> Result<LogId, Error> {
        Ok(self.shared.identity)
    }

    async fn read(&self, page: Page) -> Result<Vec<Read>, Error> {
        let committed = self.committed();
        if page.after < committed.floor && page.rows > 0 {
            return Err(Error::pruned(page.after, committed.floor.next()));
        }
        let after = page.after.get() - committed.floor.get().min(page.after.get());
        let after = usize::try_from(after).unwrap_or(usize::MAX);
        let log = committed.log.get(after..).unwrap_or_default();
        let mut bytes = 0;
        let page = log.iter().take(page.rows as usize).take_while(|read| {
            let room = bytes < page.bytes;
            bytes += payload_bytes(read);
            room
        });
        Ok(page.cloned().collect())
    }

    async fn changed_elsewhere(&self) {
        self.elsewhere.notified().await;
    }
}

impl<T: Clone + Send + Sync + 'static> Transactions for MemoryStore<T> {
    type Connection = T;
    type Transaction = MemoryTransaction<T>;

    fn is_retryable(_: &(dyn StdError + 'static)) -> bool {
        false
    }

    async fn begin(&self) -> Result<MemoryTransaction<T>, Error> {
        let writer = Arc::clone(&self.shared.writer).lock_owned().await;
        let tables = self.committed().tables.clone();
        Ok(MemoryTransaction {
            tables,
            appended: Vec::new(),
            savepoints: Vec::new(),
            _writer: writer,
        })
    }

    /// Nobody but us can have ended it.
    async fn append(
        &self,
        transaction: &mut MemoryTransaction<T>,
        envelopes: &[Envelope],
    ) -> Result<(), Error> {
        transaction.appended.extend_from_slice(envelopes);
        Ok(())
    }

    async fn savepoint(
        &self,
        transaction: &mut MemoryTransaction<T>,
        savepoint: Savepoint,
        _: u32,
    ) -> Result<(), Error> {
        let MemoryTransaction { tables, savepoints, .. } = transaction;
        match savepoint {
            Savepoint::Open => savepoints.push(tables.clone()),
            Savepoint::Release => drop(savepoints.pop().ok_or_else(no_savepoint)?),
            Savepoint::RollBack => *tables = savepoints.pop().ok_or_else(no_savepoint)?,
        }
        Ok(())
    }

    async fn commit(&self, transaction: MemoryTransaction<T>) -> Result<(), Error> {
        let committed = &mut *self.committed();
        committed.tables = transaction.tables;
        for envelope in transaction.appended {
            let position = committed.head().next();
            committed.log.push(Ok(Entry { position, recorded_at: now(), envelope }));
        }
        self.wake_others();
        Ok(())
    }

    async fn rollback(&self, _: MemoryTransaction<T>) -> Result<(), Error> {
        Ok(())
    }
}

impl<T: Clone + Send + Sync + 'static> Subscriptions for MemoryStore<T> {
    async fn register(
        &self,
        subscription: &str,
        start: Start,
        event_types: &[&str],
    ) -> Result<(), Error> {
        let mut transaction = self.begin().await?;
        let position = match start {
            Start::Head => self.head().await?,
            Start::Beginning => self.committed().floor,
        };
        let tables = &mut transaction.tables;
        tables.refuse_retired(subscription)?;
        tables.cursors.entry(subscription.to_owned()).or_insert(position);
        tables.remember_event_types(subscription, event_types);
        self.commit(transaction).await
    }

    async fn take_over(
        &self,
        subscription: &str,
        name: &str,
        lease: Duration,
    ) -> Result<TakeOver, Error> {
        let mut transaction = self.begin().await?;
        let (tables, now) = (&mut transaction.tables, now());
        let Some(cursor) = tables.cursors.get(subscription).copied() else {
            return Err(Error::configuration(format!("`{subscription}` was never registered")));
        };
        tables.refuse_retired(subscription)?;
        let owner = tables.owners.entry(subscription.to_owned()).or_default();
        if let Some(until) = owner.until.filter(|until| *until > now && owner.name != name) {
            let held = TakeOver::Held { owner: owner.name.clone(), remaining: until.since(now) };
            let standby = (subscription.to_owned(), name.to_owned());
            tables.standbys.insert(standby, now.plus(lease));
            self.commit(transaction).await?;
            return Ok(held);
        }
        let is_handed_over = owner.until.is_none() || owner.name == name;
        let until = Some(now.plus(lease));
        *owner = Owner { epoch: owner.epoch + 1, name: name.to_owned(), until };
        let epoch = Epoch::new(owner.epoch);
        tables.standbys.remove(&(subscription.to_owned(), name.to_owned()));
        let term = Term {
            epoch,
            cursor,
            receipts: tables.receipts_of(subscription),
            set_aside: tables.set_aside_by(subscription),
            event_types: tables.event_types_of(subscription),
            paused: tables.paused.contains_key(subscription),
            is_handed_over,
        };
        self.commit(transaction).await?;
        Ok(TakeOver::Granted(term))
    }

    async fn renew(
        &self,
        subscription: &str,
        epoch: Epoch,
        lease: Duration,
    ) -> Result<bool, Error> {
        let mut transaction = self.begin().await?;
        let owner = transaction.tables.owner(subscription, epoch);
        let renewed = owner.map(|owner| owner.until = Some(now().plus(lease))).is_some();
        self.commit(transaction).await?;
        Ok(renewed)
    }

    async fn release(&self, subscription: &str, epoch: Epoch) -> Result<(), Error> {
        let mut transaction = self.begin().await?;
        if let Some(owner) = transaction.tables.owner(subscription, epoch) {
            owner.until = None;
        }
        self.commit(transaction).await
    }

    async fn claims(&self) -> Result<Vec<Claim>, Error> {
        Ok(self.committed().tables.claims(now()).collect())
    }

    async fn record(
        &self,
        transaction: &mut MemoryTransaction<T>,
        subscription: &str,
        epoch: Epoch,
        changes: &[Change],
    ) -> Result<(), Error> {
        let tables = &mut transaction.tables;
        if tables.owner(subscription, epoch).is_none() {
            return Err(Error::fenced(subscription, epoch.get()));
        }
        for change in changes {
            if !tables.apply(subscription, change) {
                return Err(Error::store("cannot record", "nothing to change", false));
            }
        }
        Ok(())
    }

    async fn retire(&self, subscription: &str, reason: &str) -> Result<(), Error> {
        let mut transaction = self.begin().await?;
        let (tables, now) = (&mut transaction.tables, now());
        if !tables.cursors.contains_key(subscription) {
            return Err(Error::configuration(format!("`{subscription}` was never registered")));
        }
        if let Some(owner) = tables.owners.get_mut(subscription) {
            if owner.until > Some(now) {
                return Err(held_by(subscription, &owner.name));
            }
            owner.epoch += 1;
        }
        tables.retired.entry(subscription.to_owned()).or_insert_with(|| reason.to_owned());
        let why = "the subscription was retired".to_owned();
        for request in &mut tables.requests {
            if request.subscription == subscription && request.answer.is_none() {
                request.answer = Some(Answer::Refused { why: why.clone() });
            }
        }
        self.commit(transaction).await
    }

    async fn revive(&self, subscription: &str) -> Result<(), Error> {
        let mut transaction = self.begin().await?;
        transaction.tables.retired.remove(subscription);
        self.commit(transaction).await
    }

    async fn clock(&self) -> Result<Timestamp, Error> {
        Ok(now())
    }

    async fn subscriptions(&self) -> Result<Vec<String>, Error> {
        let mut names: Vec<_> = self.committed().tables.cursors.keys().cloned().collect();
        names.sort();
        Ok(names)
    }

    async fn prune(&self, up_to: Position, unhandled: Unhandled) -> Result<Pruned, Error> {
        let transaction = self.begin().await?;
        let needed = transaction.tables.first_needed().filter(|_| unhandled == Unhandled::Keep);
        let committed = &mut *self.committed();
        let up_to = up_to.min(committed.head());
        let held_by = needed.as_ref().filter(|(position, _)| *position <= up_to);
        let last = held_by.map_or(up_to, |(position, _)| position.previous());
        committed.log.retain(|read| position_of(read) > last);
        committed.floor = committed.floor.max(last);
        let held_by = held_by.map(|(_, subscription)| subscription.clone());
        Ok(Pruned { oldest: committed.floor.next(), held_by })
    }

    async fn status(&self, subscription: &str) -> Result<Option<SubscriptionStatus>, Error> {
        let tables = &self.committed().tables;
        let running = tables.owners.get(subscription).filter(|owner| owner.until > Some(now()));
        Ok(tables.cursors.get(subscription).map(|cursor| SubscriptionStatus {
            cursor: *cursor,
            set_aside: tables.set_aside_by(subscription),
            owner: running.map(|owner| owner.name.clone()),
            paused: tables.paused.get(subscription).cloned(),
            retired: tables.retired.get(subscription).cloned(),
        }))
    }

    async fn request(
        &self,
        subscription: &str,
        command: &Command,
        reason: &str,
    ) -> Result<RequestId, Error> {
        let mut transaction = self.begin().await?;
        let requests = &mut transaction.tables.requests;
        let id = RequestId::new(requests.len() as u64 + 1);
        requests.push(Request {
            id,
            subscription: subscription.to_owned(),
            command: command.clone(),
            reason: reason.to_owned(),
            requested_at: now(),
            replayed: None,
            answer: None,
        });
        self.commit(transaction).await?;
        Ok(id)
    }

    async fn pending_requests(&self) -> Result<Vec<Request>, Error> {
        let committed = self.committed();
        let pending = committed.tables.requests.iter().filter(|request| request.answer.is_none());
        Ok(pending.cloned().collect())
    }

    async fn find_request(&self, id: RequestId) -> Result<Option<Request>, Error> {
        let committed = self.committed();
        Ok(committed.tables.requests.iter().find(|request| request.id == id).cloned())
    }
}

impl<T> Committed<T> {
    fn head(&self) -> Position {
        Position::new(self.floor.get() + self.log.len() as u64)
    }
}

impl<T> Tables<T> {
    /// The first entry that is still to be handled, and by whom.
    fn first_needed(&self) -> Option<(Position, String)> {
        let cursors = self.cursors.iter().map(|(name, cursor)| (cursor.next(), name));
        let set_aside = self.set_aside.keys().map(|(name, position)| (*position, name));
        let asked = self.requests.iter().filter(|request| request.answer.is_none());
        let replays = asked.filter_map(|request| match (&request.command, request.replayed) {
            (Command::Replay { .. }, Some(replayed)) => {
                Some((replayed.up_to.next(), &request.subscription))
            }
            (Command::Replay { first, .. }, None) => Some((*first, &request.subscription)),
            _ => None,
        });
        let needed = cursors.chain(set_aside).chain(replays);
        let needed = needed.filter(|(_, name)| !self.retired.contains_key(*name)).min();
        needed.map(|(position, name)| (position, name.clone()))
    }

    /// False if there was nothing to change.
    fn apply(&mut self, subscription: &str, change: &Change) -> bool {
        let name = || subscription.to_owned();
        match change {
            Change::Advance { to } => {
                let cursor = self.cursors.get_mut(subscription).filter(|cursor| **cursor < *to);
                return cursor.map(|cursor| *cursor = *to).is_some();
            }
            Change::Receipt { position } => return self.receipts.insert((name(), *position)),
            Change::Forget { up_to } => {
                self.receipts.retain(|(of, position)| of != subscription || position > up_to);
            }
            Change::SetAside(entry) => {
                self.set_aside.insert((name(), entry.position), entry.clone());
            }
            Change::Settle { position } => {
                return self.set_aside.remove(&(name(), *position)).is_some();
            }
            Change::Pause { reason } => drop(self.paused.insert(name(), reason.clone())),
            Change::Resume => drop(self.paused.remove(subscription)),
            Change::Seek { to } => {
                self.cursors.insert(name(), *to);
                self.receipts.retain(|(of, _)| of != subscription);
                self.set_aside.retain(|(of, position), _| of != subscription || position <= to);
            }
            Change::Replayed { request, replayed } => {
                let asked = self.unanswered(subscription, *request);
                return asked.map(|asked| asked.replayed = Some(*replayed)).is_some();
            }
            Change::Answer { request, answer } => {
                let asked = self.unanswered(subscription, *request);
                return asked.map(|asked| asked.answer = Some(answer.clone())).is_some();
            }
        }
        true
    }

    fn refuse_retired(&self, subscription: &str) -> Result<(), Error> {
        match self.retired.get(subscription) {
            Some(reason) => Err(retired(subscription, reason)),
            None => Ok(()),
        }
    }

    fn unanswered(&mut self, subscription: &str, id: RequestId) -> Option<&mut Request> {
        let asked = self.requests.iter_mut().find(|asked| asked.id == id)?;
        (asked.subscription == subscription && asked.answer.is_none()).then_some(asked)
    }

    /// A new one ends the term.
    fn remember_event_types(&mut self, subscription: &str, event_types: &[&str]) {
        let rows = event_types.iter().map(|name| (subscription.to_owned(), (*name).to_owned()));
        let known = self.event_types.len();
        self.event_types.extend(rows);
        if self.event_types.len() > known
            && let Some(owner) = self.owners.get_mut(subscription)
        {
            owner.epoch += 1;
        }
    }

    fn event_types_of(&self, subscription: &str) -> Vec<String> {
        let rows = self.event_types.iter().filter(|(name, _)| name == subscription);
        rows.map(|(_, event_type)| event_type.clone()).collect()
    }

    fn claims(&self, now: Timestamp) -> impl Iterator<Item = Claim> {
        let owners = self.owners.iter().filter(move |(_, owner)| owner.until > Some(now));
        let owners = owners.map(|(subscription, owner)| (subscription, &owner.name, true));
        let standbys = self.standbys.iter().filter(move |(_, until)| **until > now);
        let standbys = standbys.map(|((subscription, owner), _)| (subscription, owner, false));
        owners.chain(standbys).map(|(subscription, owner, is_owner)| Claim {
            subscription: subscription.clone(),
            owner: owner.clone(),
            is_owner,
        })
    }

    fn owner(&mut self, subscription: &str, epoch: Epoch) -> Option<&mut Owner> {
        self.owners.get_mut(subscription).filter(|owner| owner.epoch == epoch.get())
    }

    fn receipts_of(&self, subscription: &str) -> Vec<Position> {
        let receipts = self.receipts.iter().filter(|(name, _)| name == subscription);
        receipts.map(|(_, position)| *position).collect()
    }

    fn set_aside_by(&self, subscription: &str) -> Vec<SetAside> {
        let entries = self.set_aside.iter().filter(|((name, _), _)| name == subscription);
        entries.map(|(_, entry)| entry.clone()).collect()
    }
}

/// A panic of somebody else is no reason to panic too: every change here is whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn no_savepoint() -> Error {
    Error::store("cannot end a savepoint", "there is none", false)
}

fn now() -> Timestamp {
    SystemTime::now().into()
}
