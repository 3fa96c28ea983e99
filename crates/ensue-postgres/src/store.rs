//! A PostgreSQL database as a store.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ensue::sequencer::{self, Sequencer, Signals};
use ensue::store::sql::Purpose;
use ensue::{Error, EventId};
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use tokio::task::AbortHandle;

use crate::connections::{Connections, OwnConnections, PostgresServer};
use crate::error::failed;
use crate::horizon::Horizon;
use crate::log::Reader;
use crate::options::PostgresOptions;
use crate::schema::Schema;
use crate::sequencing::Session;
use crate::{listener, migrate};

/// LIMIT: connections for the domain's reading outside of units of work.
const READERS_MAX: u32 = 4;

/// A PostgreSQL database as a store.
///
/// A handle: clones are cheap and share the connections. The sequencer ends with the last one.
pub struct PostgresStore {
    inner: Arc<Inner>,
    /// How often this handle knows the log to have grown.
    pub(crate) seen: AtomicU64,
}

pub(crate) struct Inner {
    /// The reader of the log, on one of our connections.
    pub(crate) reader: Reader,
    /// Our own connections, which must not wait for long units of work.
    pub(crate) own: OwnConnections,
    /// The domain's connections, which it may keep for as long as its transactions last.
    pub(crate) units: Arc<Connections>,
    /// The domain's too, for what needs no transaction.
    readers: PgPool,
    pub(crate) signals: Arc<Signals>,
    tasks: Vec<AbortHandle>,
}

impl PostgresStore {
    /// Connects to the database at `url`, and brings our tables up to date.
    ///
    /// # Errors
    /// As [`PostgresOptions::connect`], and if `url` is none.
    pub async fn connect(url: &str) -> Result<Self, Error> {
        let server = url.parse().map_err(failed(|| "cannot read the database's url".to_owned()))?;
        Self::connect_with(server).await
    }

    /// As [`connect`](Self::connect), with the driver's own options.
    ///
    /// # Errors
    /// As [`PostgresOptions::connect`].
    pub async fn connect_with(server: PgConnectOptions) -> Result<Self, Error> {
        PostgresOptions::new(server).connect().await
    }

    pub(crate) async fn open(options: PostgresOptions) -> Result<Self, Error> {
        let schema = Schema::new(&options.schema)?;
        migrate::run(&options.server, &schema).await?;
        let signals = Arc::new(Signals::default());
        let horizon = Horizon::default();
        let tasks = start(&options, &schema, &signals, &horizon);
        let units = options.server.clone();
        let units = Connections::new(pooled(&options, units), options.connections);
        let own = OwnConnections::new(|| our_server(&options));
        let reader = Reader::new(schema, horizon, Arc::clone(own.of(Purpose::Reading)));
        let readers = readers(&options);
        let inner = Arc::new(Inner { reader, own, units, readers, signals, tasks });
        Ok(Self { inner, seen: AtomicU64::new(0) })
    }

    /// Connections for queries that need no unit of work, none of them made before it is needed. They
    /// see what is committed; long ones hold up neither units of work nor the forwarder. They refuse
    /// to write, unless [behind a pooler](PostgresOptions::behind_pooler), which would not carry that
    /// over.
    pub fn reader(&self) -> &PgPool {
        &self.inner.readers
    }

    /// Ends the sequencer and closes the connections, once those in use have been given back. What
    /// is committed and not in the log yet is for another process, or the next start.
    pub async fn close(&self) {
        self.inner.end_tasks();
        self.inner.units.close().await;
        self.inner.readers.close().await;
        self.inner.own.close().await;
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.inner
    }
}

/// Returns the server for our own connections.
pub(crate) fn our_server(options: &PostgresOptions) -> PostgresServer {
    pooled(options, for_ourselves(options))
}

fn pooled(options: &PostgresOptions, server: PgConnectOptions) -> PostgresServer {
    PostgresServer { options: server, is_pooled: options.is_pooled }
}

/// What we look at by ourselves must not be what the users' serializable transactions are judged by.
/// A pooler takes no settings for a session; there each of our transactions says it.
fn for_ourselves(options: &PostgresOptions) -> PgConnectOptions {
    match options.is_pooled {
        true => options.server.clone(),
        false => {
            options.server.clone().options([("default_transaction_isolation", "read committed")])
        }
    }
}

fn readers(options: &PostgresOptions) -> PgPool {
    let server = options.server.clone();
    let server = match options.is_pooled {
        true => server,
        false => server.options([("default_transaction_read_only", "on")]),
    };
    PgPoolOptions::new().max_connections(READERS_MAX).connect_lazy_with(server)
}

/// What runs beside the store's callers.
fn start(
    options: &PostgresOptions,
    schema: &Schema,
    signals: &Arc<Signals>,
    horizon: &Horizon,
) -> Vec<AbortHandle> {
    let sender = EventId::now().to_string();
    let session_sender = options.listens.then(|| sender.clone());
    let session =
        Session::new(options.server.clone(), schema.clone(), session_sender, horizon.clone());
    let machine = Sequencer::new(options.moves, options.longest_poll);
    let sequencer = tokio::spawn(sequencer::run(machine, session, Arc::clone(signals)));
    let mut tasks = vec![sequencer.abort_handle()];
    if options.listens {
        let (server, channel) = (options.server.clone(), schema.channel());
        let listener = tokio::spawn(listener::run(server, channel, sender, Arc::clone(signals)));
        tasks.push(listener.abort_handle());
    }
    tasks
}

impl Inner {
    fn end_tasks(&self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.end_tasks();
    }
}

impl Clone for PostgresStore {
    fn clone(&self) -> Self {
        let seen = AtomicU64::new(self.seen.load(Ordering::Relaxed));
        Self { inner: Arc::clone(&self.inner), seen }
    }
}

impl std::fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresStore")
            .field("schema", &self.inner.reader.schema)
            .finish_non_exhaustive()
    }
}
