//! A database of MySQL or MariaDB as a store.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ensue::Error;
use ensue::sequencer::{self, Sequencer, Signals};
use ensue::store::sql::Purpose;
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use sqlx::{Executor, MySqlPool};
use tokio::task::AbortHandle;

use crate::connections::{Connections, MysqlServer, OwnConnections};
use crate::error::failed;
use crate::log::Reader;
use crate::migrate;
use crate::options::MysqlOptions;
use crate::sequencing::Session;
use crate::sql::sql;

/// LIMIT: connections for the domain's reading outside of units of work.
const READERS_MAX: u32 = 4;

/// A database of MySQL or MariaDB as a store.
///
/// A handle: clones are cheap and share the connections. The sequencer ends with the last one.
pub struct MysqlStore {
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
    readers: MySqlPool,
    pub(crate) signals: Arc<Signals>,
    sequencer: AbortHandle,
}

impl MysqlStore {
    /// Connects to the database at `url`, and brings our tables up to date.
    ///
    /// # Errors
    /// As [`MysqlOptions::connect`], and if `url` is none.
    pub async fn connect(url: &str) -> Result<Self, Error> {
        let server = url.parse().map_err(failed(|| "cannot read the database's url".to_owned()))?;
        Self::connect_with(server).await
    }

    /// As [`connect`](Self::connect), with the driver's own options.
    ///
    /// # Errors
    /// As [`MysqlOptions::connect`].
    pub async fn connect_with(server: MySqlConnectOptions) -> Result<Self, Error> {
        MysqlOptions::new(server).connect().await
    }

    pub(crate) async fn open(options: MysqlOptions) -> Result<Self, Error> {
        migrate::run(&options.server).await?;
        let signals = Arc::<Signals>::default();
        let machine = Sequencer::new(options.moves, options.longest_poll);
        let session = Session::new(options.server.clone());
        let sequencing = sequencer::run(machine, session, Arc::clone(&signals));
        let server = |first| MysqlServer { options: options.server.clone(), first };
        let own = OwnConnections::new(|| server(sql!("session_of_ours").to_owned()));
        let idle_s = options.idle_in_transaction.as_secs().max(1).to_string();
        let of_units = sql!("session_of_units").replace("{idle_s}", &idle_s);
        let inner = Inner {
            reader: Reader::new(Arc::clone(own.of(Purpose::Reading))),
            own,
            units: Connections::new(server(of_units), options.connections),
            readers: readers(&options),
            signals,
            sequencer: tokio::spawn(sequencing).abort_handle(),
        };
        Ok(Self { inner: Arc::new(inner), seen: AtomicU64::new(0) })
    }

    /// Connections for queries that need no unit of work, none of them made before it is needed. They
    /// see what is committed; long ones hold up neither units of work nor the forwarder. They refuse
    /// to write.
    pub fn reader(&self) -> &MySqlPool {
        &self.inner.readers
    }

    /// Ends the sequencer and closes the connections, once those in use have been given back. What
    /// is committed and not in the log yet is for another process, or the next start.
    pub async fn close(&self) {
        self.inner.sequencer.abort();
        self.inner.units.close().await;
        self.inner.readers.close().await;
        self.inner.own.close().await;
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.inner
    }
}

fn readers(options: &MysqlOptions) -> MySqlPool {
    MySqlPoolOptions::new()
        .max_connections(READERS_MAX)
        .after_connect(|connection, _| {
            Box::pin(async {
                connection.execute("SET SESSION TRANSACTION READ ONLY").await.map(drop)
            })
        })
        .connect_lazy_with(options.server.clone())
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.sequencer.abort();
    }
}

impl Clone for MysqlStore {
    fn clone(&self) -> Self {
        let seen = AtomicU64::new(self.seen.load(Ordering::Relaxed));
        Self { inner: Arc::clone(&self.inner), seen }
    }
}

impl std::fmt::Debug for MysqlStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MysqlStore").finish_non_exhaustive()
    }
}
