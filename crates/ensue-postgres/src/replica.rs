//! A read replica.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ensue::store::{LogId, Outbox, Page, Read};
use ensue::{Error, Log, Position};
use sqlx::postgres::PgConnectOptions;

use crate::connections::OwnConnections;
use crate::error::failed;
use crate::horizon::Horizon;
use crate::log::Reader;
use crate::options::PostgresOptions;
use crate::schema::Schema;
use crate::{migrate, store};

/// The log on a read replica: what the feed needs, without a load on the primary.
///
/// It reads, and nothing else: nothing is appended, subscribed to or migrated there, so that it is a
/// [`Log`] and no [`Store`](ensue::Store). What it shows is what the primary has shown a moment
/// before, entry by entry, without gaps; since nobody can `LISTEN` on a replica, it is found by
/// polling.
///
/// The address must lead to one server. Behind one that leads to several the log's head would go back
/// and forth.
///
/// ```
/// use ensue::Log;
/// use ensue_postgres::PostgresReplica;
///
/// async fn example(url: &str) -> Result<(), ensue::BoxError> {
///     let replica = PostgresReplica::connect(url).await?;
///     println!("the replica has come to {}", replica.head().await?);
///     Ok(())
/// }
/// ```
///
/// A unit of work on it does not compile:
///
/// ```compile_fail
/// async fn example(replica: ensue_postgres::PostgresReplica) {
///     ensue::Events::builder(replica);
/// }
/// ```
#[derive(Clone)]
pub struct PostgresReplica {
    inner: Arc<Inner>,
}

struct Inner {
    reader: Reader,
    longest_poll: Duration,
    /// How far the log went when somebody was told that it has grown.
    told: AtomicU64,
}

/// How soon it is looked again after it has grown; the pauses double from there.
const SHORTEST_POLL: Duration = Duration::from_millis(5);

impl PostgresReplica {
    /// Connects to the replica at `url`.
    ///
    /// # Errors
    /// As [`PostgresOptions::connect_to_replica`], and if `url` is none.
    pub async fn connect(url: &str) -> Result<Self, Error> {
        let server = url.parse().map_err(failed(|| "cannot read the database's url".to_owned()))?;
        Self::connect_with(server).await
    }

    /// As [`connect`](Self::connect), with the driver's own options.
    ///
    /// # Errors
    /// As [`PostgresOptions::connect_to_replica`].
    pub async fn connect_with(server: PgConnectOptions) -> Result<Self, Error> {
        PostgresOptions::new(server).connect_to_replica().await
    }

    pub(crate) async fn open(options: PostgresOptions) -> Result<Self, Error> {
        let schema = Schema::new(&options.schema)?;
        migrate::check(&options.server, &schema).await?;
        let own = OwnConnections::reading(store::our_server(&options));
        let reader = Reader::new(schema, Horizon::default(), own);
        let longest_poll = options.longest_poll;
        Ok(Self { inner: Arc::new(Inner { reader, longest_poll, told: AtomicU64::new(0) }) })
    }

    /// Closes the connections, once those in use have been given back.
    pub async fn close(&self) {
        self.inner.reader.own.close().await;
    }
}

impl Log for PostgresReplica {
    async fn head(&self) -> Result<Position, Error> {
        self.inner.reader.head().await
    }

    async fn identity(&self) -> Result<LogId, Error> {
        self.inner.reader.identity().await
    }

    fn may_lag(&self) -> bool {
        true
    }

    /// A replica does not know what was committed and has not come to it.
    async fn barrier(&self) -> Result<Position, Error> {
        Err(Error::configuration(
            "a read replica cannot say up to where the log is complete: ask the primary",
        ))
    }

    async fn read(&self, page: Page) -> Result<Vec<Read>, Error> {
        self.inner.reader.read(page).await
    }

    /// As far as the replica has come.
    async fn outbox(&self) -> Result<Option<Outbox>, Error> {
        self.inner.reader.outbox().await.map(Some)
    }

    /// A replica that cannot be asked is none that has grown.
    async fn changed_elsewhere(&self) {
        let Inner { longest_poll, told, .. } = &*self.inner;
        let mut pause = SHORTEST_POLL.min(*longest_poll);
        loop {
            match self.head().await {
                Ok(head) if told.swap(head.get(), Ordering::Relaxed) != head.get() => return,
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, "cannot look whether the log has grown"),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(*longest_poll);
        }
    }
}

impl std::fmt::Debug for PostgresReplica {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let schema = &self.inner.reader.schema;
        f.debug_struct("PostgresReplica").field("schema", schema).finish_non_exhaustive()
    }
}
