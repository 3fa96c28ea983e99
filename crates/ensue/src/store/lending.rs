//! Connections to a server that are lent, and used again.
//!
//! INVARIANT: a connection that is put back is in no transaction and owes no answer. One of which
//! that is not certain is closed, which rolls back whatever it was in.

use std::fmt::Display;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::sql::Purpose;

/// A server, as one driver speaks with it.
pub trait Server: Send + Sync + 'static {
    /// What is lent.
    type Connection: Send + 'static;
    /// The driver's.
    type Error: Display + Send;

    /// Connects, with a connection that needs nothing more to be lent.
    ///
    /// CANCEL-SAFE: dropped half-way it MUST leave nothing connected.
    fn connect(&self) -> impl Future<Output = Result<Self::Connection, Self::Error>> + Send;

    /// Says ROLLBACK.
    fn roll_back(
        connection: &mut Self::Connection,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Takes leave.
    fn close(connection: Self::Connection) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Whether one that is put back may be lent again, as far as the driver knows.
    fn may_be_kept(connection: &Self::Connection) -> bool;

    /// Whether the connection is gone, or was never made.
    fn is_lost(error: &Self::Error) -> bool;

    /// Whether the server has answered, and the connection is still there.
    fn is_answer(error: &Self::Error) -> bool;

    /// That no connection was free for so long.
    fn waited_too_long() -> Self::Error;

    /// That they are closed.
    fn are_closed() -> Self::Error;
}

/// LIMIT: how long a caller waits for a connection. Whoever holds them that long is stuck.
pub const WAIT_MAX: Duration = Duration::from_secs(30);

/// LIMIT: how long an unused connection is kept. Firewalls forget older ones without a word.
const IDLE_MAX: Duration = Duration::from_secs(300);

/// LIMIT: that of a statement, and those of the savepoints that were dropped with it.
const LEFT_ERRORS_MAX: u32 = 3;

/// LIMIT: connections for keeping leases. A renewal is one short statement every few seconds per
/// subscription. There are two, so that a hanging one does not end all terms.
const LEASE_CONNECTIONS_MAX: u32 = 2;

/// LIMIT: connections for take-overs and other short changes. A take-over may wait for another process
/// that has passed the fence.
const CHANGE_CONNECTIONS_MAX: u32 = 4;

/// LIMIT: connections for reading: pages of the log, the state of subscriptions, dead letters.
const READING_CONNECTIONS_MAX: u32 = 4;

/// The store's own connections, by purpose. Each purpose has its own pool, so that no lease waits for a
/// page, however many readers there are.
pub struct OwnConnections<S: Server> {
    leases: Arc<Connections<S>>,
    changes: Arc<Connections<S>>,
    reading: Arc<Connections<S>>,
}

impl<S: Server> OwnConnections<S> {
    /// Creates pools of connections to `server()`. Each connection is opened when it is first needed.
    pub fn new(server: impl Fn() -> S) -> Self {
        Self {
            leases: Connections::new(server(), LEASE_CONNECTIONS_MAX),
            changes: Connections::new(server(), CHANGE_CONNECTIONS_MAX),
            reading: Self::reading(server()),
        }
    }

    /// Creates the connections for reading only; a replica needs no others.
    pub fn reading(server: S) -> Arc<Connections<S>> {
        Connections::new(server, READING_CONNECTIONS_MAX)
    }

    /// Returns the connections for `purpose`.
    pub fn of(&self, purpose: Purpose) -> &Arc<Connections<S>> {
        match purpose {
            Purpose::Lease => &self.leases,
            Purpose::TakeOver | Purpose::Change => &self.changes,
            Purpose::Reading => &self.reading,
        }
    }

    /// Refuses all later requests for a connection.
    pub async fn close(&self) {
        for connections in [&self.leases, &self.changes, &self.reading] {
            connections.close().await;
        }
    }
}

/// So many connections to one server, lent in the order of calls.
pub struct Connections<S: Server> {
    server: S,
    idle: Mutex<Vec<Idle<S::Connection>>>,
    turns: Arc<Semaphore>,
}

struct Idle<C> {
    connection: C,
    since: Instant,
}

/// A connection that is in use. Dropped without being put back it is closed.
pub struct Lent<S: Server> {
    connection: S::Connection,
    /// Whether it was used before, so that the server may have closed it meanwhile.
    is_old: bool,
    from: Arc<Connections<S>>,
    _turn: OwnedSemaphorePermit,
}

impl<S: Server> Connections<S> {
    /// At the most so many. None is made before it is needed.
    pub fn new(server: S, most: u32) -> Arc<Self> {
        let turns = Arc::new(Semaphore::new(usize::try_from(most).unwrap_or(usize::MAX)));
        Arc::new(Self { server, idle: Mutex::default(), turns })
    }

    /// Which server it is.
    pub fn server(&self) -> &S {
        &self.server
    }

    /// Lends a connection when it is this caller's turn.
    ///
    /// # Errors
    /// When none is free for too long, or none can be made.
    async fn lend(self: &Arc<Self>) -> Result<Lent<S>, S::Error> {
        let turn = tokio::time::timeout(WAIT_MAX, Arc::clone(&self.turns).acquire_owned());
        let turn = turn.await.map_err(|_| S::waited_too_long())?;
        let turn = turn.map_err(|_| S::are_closed())?;
        let (connection, is_old) = match self.take_idle() {
            Some(connection) => (connection, true),
            None => (self.connect().await?, false),
        };
        Ok(Lent { connection, is_old, from: Arc::clone(self), _turn: turn })
    }

    /// Does `work` with a connection that is lent; once more if it was an old one that turns out to be
    /// closed, so that it must be work that may be done twice, or that begins with what the server has to
    /// answer first.
    ///
    /// CANCEL-SAFE: dropped half-way, the connection is closed.
    ///
    /// # Errors
    /// When no connection is free for too long, or none can be made; those of the work.
    pub async fn with<T, F>(self: &Arc<Self>, work: impl Fn(Lent<S>) -> F) -> Result<T, S::Error>
    where
        F: Future<Output = Result<T, S::Error>>,
    {
        loop {
            let lent = self.lend().await?;
            let is_old = lent.is_old;
            match work(lent).await {
                Err(error) if is_old && S::is_lost(&error) => self.forget_idle(),
                answer => return answer,
            }
        }
    }

    async fn connect(&self) -> Result<S::Connection, S::Error> {
        let connecting = tokio::time::timeout(WAIT_MAX, self.server.connect());
        connecting.await.map_err(|_| S::waited_too_long())?
    }

    fn take_idle(&self) -> Option<S::Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        // The last one is the one that was used last: if it is too old, so are the others.
        let last = idle.pop().filter(|last| last.since.elapsed() < IDLE_MAX);
        if last.is_none() {
            idle.clear();
        }
        last.map(|last| last.connection)
    }

    /// What one connection has lost, the others have too.
    fn forget_idle(&self) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Whoever asks from now on is refused.
    pub async fn close(&self) {
        self.turns.close();
        let idle = std::mem::take(&mut *self.idle.lock().unwrap_or_else(PoisonError::into_inner));
        for Idle { connection, .. } in idle {
            if let Err(error) = S::close(connection).await {
                tracing::debug!(%error, "cannot take leave of the server");
            }
        }
    }
}

impl<S: Server> Lent<S> {
    /// Which server it is a connection to.
    pub fn server(&self) -> &S {
        &self.from.server
    }

    /// The caller is certain that it is in no transaction and owes no answer. One that the driver is not
    /// certain of is closed.
    pub fn put_back(self) {
        if S::may_be_kept(&self.connection) && !self.from.turns.is_closed() {
            let mut idle = self.from.idle.lock().unwrap_or_else(PoisonError::into_inner);
            idle.push(Idle { connection: self.connection, since: Instant::now() });
        }
    }

    /// Rolls back, and puts the connection back.
    ///
    /// CANCEL-SAFE: dropped half-way, the connection is closed.
    ///
    /// # Errors
    /// When it cannot; the connection is closed.
    pub async fn roll_back(mut self) -> Result<(), S::Error> {
        let mut left = LEFT_ERRORS_MAX;
        while let Err(error) = S::roll_back(&mut self.connection).await {
            // It may be the error of a statement whose caller did not wait for it.
            if left == 0 || !S::is_answer(&error) {
                return Err(error);
            }
            left -= 1;
        }
        self.put_back();
        Ok(())
    }
}

impl<S: Server> Deref for Lent<S> {
    type Target = S::Connection;

    fn deref(&self) -> &S::Connection {
        &self.connection
    }
}

impl<S: Server> DerefMut for Lent<S> {
    fn deref_mut(&mut self) -> &mut S::Connection {
        &mut self.connection
    }
}
