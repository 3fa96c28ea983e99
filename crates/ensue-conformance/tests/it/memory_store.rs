//! A store in the memory of one process, as plain as it can be.

use std::collections::{BTreeMap, HashMap};
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use ensue::store::{Page, Savepoint};
use ensue::subscription::{Change, Epoch, SetAside, SubscriptionStatus, TakeOver, Term};
use ensue::{Entry, Envelope, Error, Log, Position, Start, Subscriptions, Timestamp, Transactions};
use ensue_conformance::Backend;
use tokio::sync::{Mutex as AsyncMutex, Notify, OwnedMutexGuard};

/// Everything there is; a transaction works on a copy.
#[derive(Clone, Default)]
pub(crate) struct Tables {
    pub(crate) effects: Vec<String>,
    log: Vec<Entry>,
    cursors: HashMap<String, Position>,
    owners: HashMap<String, Owner>,
    set_aside: BTreeMap<(String, Position), SetAside>,
}

#[derive(Clone, Default)]
struct Owner {
    epoch: u64,
    name: String,
    until: Option<Timestamp>,
}

#[derive(Clone, Default)]
pub(crate) struct MemoryStore {
    shared: Arc<Shared>,
    /// Woken by the commits of other handles.
    elsewhere: Arc<Notify>,
}

#[derive(Default)]
struct Shared {
    committed: Mutex<Tables>,
    writer: Arc<AsyncMutex<()>>,
    handles: Mutex<Vec<Arc<Notify>>>,
}

pub(crate) struct MemoryTransaction {
    tables: Tables,
    savepoints: Vec<Tables>,
    _writer: OwnedMutexGuard<()>,
}

impl Deref for MemoryTransaction {
    type Target = Tables;
    fn deref(&self) -> &Tables {
        &self.tables
    }
}

impl DerefMut for MemoryTransaction {
    fn deref_mut(&mut self) -> &mut Tables {
        &mut self.tables
    }
}

impl MemoryStore {
    /// Another handle, as another process would have it.
    fn open(&self) -> Self {
        let (shared, elsewhere) = (Arc::clone(&self.shared), Arc::<Notify>::default());
        shared.handles.lock().unwrap().push(Arc::clone(&elsewhere));
        Self { shared, elsewhere }
    }

    fn committed(&self) -> Tables {
        self.shared.committed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn wake_others(&self) {
        let handles = self.shared.handles.lock().unwrap();
        let others = handles.iter().filter(|other| !Arc::ptr_eq(other, &self.elsewhere));
        others.for_each(|other| other.notify_one());
    }
}

impl Log for MemoryStore {
    async fn head(&self) -> Result<Position, Error> {
        Ok(head(&self.committed()))
    }

    async fn read(&self, page: Page) -> Result<Vec<Entry>, Error> {
        let (mut entries, mut bytes) = (Vec::new(), 0);
        let log = self.committed().log;
        let after = log.into_iter().filter(|entry| entry.position > page.after);
        for entry in after.take(page.rows as usize) {
            bytes += entry.envelope.payload.len();
            entries.push(entry);
            if bytes >= page.bytes {
                break;
            }
        }
        Ok(entries)
    }

    async fn changed_elsewhere(&self) {
        self.elsewhere.notified().await;
    }
}

impl Transactions for MemoryStore {
    type Connection = Tables;
    type Transaction = MemoryTransaction;

    fn is_retryable(_: &(dyn std::error::Error + 'static)) -> bool {
        false
    }

    async fn begin(&self) -> Result<MemoryTransaction, Error> {
        let writer = Arc::clone(&self.shared.writer).lock_owned().await;
        Ok(MemoryTransaction { tables: self.committed(), savepoints: Vec::new(), _writer: writer })
    }

    /// Nobody but us can end it.
    async fn verify_open(&self, _: &mut MemoryTransaction) -> Result<(), Error> {
        Ok(())
    }

    async fn append(
        &self,
        transaction: &mut MemoryTransaction,
        envelopes: &[Envelope],
    ) -> Result<(), Error> {
        for envelope in envelopes {
            let position = head(transaction).next();
            let entry = Entry { position, recorded_at: now(), envelope: envelope.clone() };
            transaction.log.push(entry);
        }
        Ok(())
    }

    async fn savepoint(
        &self,
        transaction: &mut MemoryTransaction,
        savepoint: Savepoint,
        depth: u32,
    ) -> Result<(), Error> {
        assert_eq!(
            transaction.savepoints.len(),
            depth as usize + usize::from(savepoint != Savepoint::Open)
        );
        match savepoint {
            Savepoint::Open => transaction.savepoints.push(transaction.tables.clone()),
            Savepoint::Release => drop(transaction.savepoints.pop()),
            Savepoint::RollBack => transaction.tables = transaction.savepoints.pop().unwrap(),
        }
        Ok(())
    }

    async fn commit(&self, transaction: MemoryTransaction) -> Result<(), Error> {
        *self.shared.committed.lock().unwrap_or_else(PoisonError::into_inner) = transaction.tables;
        self.wake_others();
        Ok(())
    }

    async fn rollback(&self, _: MemoryTransaction) -> Result<(), Error> {
        Ok(())
    }
}

impl Subscriptions for MemoryStore {
    async fn register(&self, subscription: &str, start: Start) -> Result<(), Error> {
        let mut transaction = self.begin().await?;
        let position = match start {
            Start::Head => head(&transaction),
            Start::Beginning => Position::START,
        };
        transaction.cursors.entry(subscription.to_owned()).or_insert(position);
        self.commit(transaction).await
    }

    async fn take_over(
        &self,
        subscription: &str,
        name: &str,
        lease: Duration,
    ) -> Result<TakeOver, Error> {
        let mut transaction = self.begin().await?;
        let now = now();
        let Some(cursor) = transaction.cursors.get(subscription).copied() else {
            return Err(Error::configuration(format!("`{subscription}` was never registered")));
        };
        let owner = transaction.owners.entry(subscription.to_owned()).or_default();
        if let Some(until) = owner.until.filter(|until| *until > now && owner.name != name) {
            let remaining = until.since(now);
            return Ok(TakeOver::Held { owner: owner.name.clone(), remaining });
        }
        let until = Some(now.plus(lease));
        *owner = Owner { epoch: owner.epoch + 1, name: name.to_owned(), until };
        let epoch = Epoch::new(owner.epoch);
        let set_aside = set_aside(&transaction, subscription);
        self.commit(transaction).await?;
        Ok(TakeOver::Granted(Term { epoch, cursor, set_aside }))
    }

    async fn renew(
        &self,
        subscription: &str,
        epoch: Epoch,
        lease: Duration,
    ) -> Result<bool, Error> {
        let mut transaction = self.begin().await?;
        let owner = owner(&mut transaction, subscription, epoch);
        let renewed = owner.map(|owner| owner.until = Some(now().plus(lease))).is_some();
        self.commit(transaction).await?;
        Ok(renewed)
    }

    async fn release(&self, subscription: &str, epoch: Epoch) -> Result<(), Error> {
        let mut transaction = self.begin().await?;
        if let Some(owner) = owner(&mut transaction, subscription, epoch) {
            owner.until = None;
        }
        self.commit(transaction).await
    }

    async fn record(
        &self,
        transaction: &mut MemoryTransaction,
        subscription: &str,
        epoch: Epoch,
        changes: &[Change],
    ) -> Result<(), Error> {
        if owner(transaction, subscription, epoch).is_none() {
            return Err(Error::fenced(subscription, epoch.get()));
        }
        for change in changes {
            if !apply(transaction, subscription, change) {
                return Err(Error::store("cannot record", "nothing to change", false));
            }
        }
        Ok(())
    }

    async fn status(&self, subscription: &str) -> Result<Option<SubscriptionStatus>, Error> {
        let tables = self.committed();
        let running = tables.owners.get(subscription).filter(|owner| owner.until > Some(now()));
        Ok(tables.cursors.get(subscription).map(|cursor| SubscriptionStatus {
            cursor: *cursor,
            set_aside: set_aside(&tables, subscription),
            owner: running.map(|owner| owner.name.clone()),
        }))
    }
}

/// Whether there was something to change.
fn apply(tables: &mut Tables, subscription: &str, change: &Change) -> bool {
    match change {
        Change::Advance { to } => {
            let cursor = tables.cursors.get_mut(subscription).filter(|cursor| **cursor < *to);
            cursor.map(|cursor| *cursor = *to).is_some()
        }
        Change::SetAside(entry) => {
            tables.set_aside.insert((subscription.to_owned(), entry.position), entry.clone());
            true
        }
        Change::Settle { position } => {
            tables.set_aside.remove(&(subscription.to_owned(), *position)).is_some()
        }
    }
}

fn owner<'t>(tables: &'t mut Tables, subscription: &str, epoch: Epoch) -> Option<&'t mut Owner> {
    tables.owners.get_mut(subscription).filter(|owner| owner.epoch == epoch.get())
}

fn set_aside(tables: &Tables, subscription: &str) -> Vec<SetAside> {
    let entries = tables.set_aside.iter().filter(|((name, _), _)| name == subscription);
    entries.map(|(_, entry)| entry.clone()).collect()
}

fn head(tables: &Tables) -> Position {
    Position::new(tables.log.len() as u64)
}

fn now() -> Timestamp {
    SystemTime::now().into()
}

pub(crate) struct Memory(MemoryStore);

impl Backend for Memory {
    type Store = MemoryStore;

    async fn fresh() -> Self {
        Self(MemoryStore::default())
    }

    async fn open(&self) -> MemoryStore {
        self.0.open()
    }

    async fn add_effect(tables: &mut Tables, name: &str) {
        tables.effects.push(name.to_owned());
    }

    async fn effects(tables: &mut Tables) -> Vec<String> {
        tables.effects.clone()
    }
}
