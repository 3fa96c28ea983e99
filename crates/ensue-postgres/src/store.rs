//! A PostgreSQL database as a store.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use ensue::sequencer::Sequencer;
use ensue::{Error, EventId};
use sqlx::Row;
use sqlx::postgres::PgConnectOptions;
use tokio::task::AbortHandle;

use crate::connections::Connections;
use crate::error::failed;
use crate::options::PostgresOptions;
use crate::schema::Schema;
use crate::sequencing::{self, Session};
use crate::signals::Signals;
use crate::{listener, migrate};

/// LIMIT: connections for reading the log, keeping leases, and looking at subscriptions: short
/// statements all, which must not wait for long units of work.
const OWN_CONNECTIONS_MAX: u32 = 4;

/// A PostgreSQL database as a store.
///
/// A handle: clones are cheap and share the connections. The sequencer ends with the last one.
pub struct PostgresStore {
    inner: Arc<Inner>,
    /// How often this handle knows the log to have grown.
    pub(crate) seen: AtomicU64,
}

pub(crate) struct Inner {
    pub(crate) schema: Schema,
    /// The domain's, which may keep them for as long as its transactions last.
    pub(crate) units: Arc<Connections>,
    /// Ours.
    pub(crate) own: Arc<Connections>,
    pub(crate) signals: Arc<Signals>,
    /// What a payload of the page that was read last had on average.
    pub(crate) usual_bytes: AtomicUsize,
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
        let connections = |server, most| Connections::new(server, most, options.is_pooled);
        let signals = Arc::new(Signals::new());
        Ok(Self {
            inner: Arc::new(Inner {
                units: connections(options.server.clone(), options.connections),
                own: connections(for_ourselves(&options), OWN_CONNECTIONS_MAX),
                tasks: start(&options, &schema, &signals),
                schema,
                signals,
                usual_bytes: AtomicUsize::new(0),
            }),
            seen: AtomicU64::new(0),
        })
    }

    /// What tells this log from every other one, also from what it would be if a fail-over had lost
    /// its last entries and others had been given their positions.
    ///
    /// # Errors
    /// The database's.
    pub async fn log_epoch(&self) -> Result<EventId, Error> {
        let what = || "cannot read the epoch of the log".to_owned();
        let epoch = self.only_row(include_str!("sql/read_log_epoch.sql")).await;
        let epoch = epoch.and_then(|row| row.try_get::<String, _>(0)).map_err(failed(what))?;
        epoch.parse().map_err(|error| Error::store(what(), format!("{error}"), false))
    }

    /// Ends the sequencer and closes the connections, once those in use have been given back. What
    /// is committed and not in the log yet is for another process, or the next start.
    pub async fn close(&self) {
        self.inner.end_tasks();
        self.inner.units.close().await;
        self.inner.own.close().await;
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.inner
    }
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

/// What runs beside the store's callers.
fn start(options: &PostgresOptions, schema: &Schema, signals: &Arc<Signals>) -> Vec<AbortHandle> {
    let sender = EventId::now().to_string();
    let session_sender = options.listens.then(|| sender.clone());
    let session = Session::new(options.server.clone(), schema.clone(), session_sender);
    let machine = Sequencer::new(options.moves, options.longest_poll);
    let sequencer = tokio::spawn(sequencing::run(machine, session, Arc::clone(signals)));
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
        f.debug_struct("PostgresStore").field("schema", &self.inner.schema).finish_non_exhaustive()
    }
}
