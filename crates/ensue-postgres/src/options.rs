//! How a store connects.

use std::fmt;
use std::time::Duration;

use ensue::Error;
use ensue::sequencer::Moves;
use sqlx::postgres::PgConnectOptions;

use crate::{PostgresReplica, PostgresStore};

/// How a [`PostgresStore`] connects, and what it does by itself.
///
/// ```
/// use ensue_postgres::PostgresOptions;
///
/// async fn example(url: &str) -> Result<(), ensue::BoxError> {
///     let store = PostgresOptions::new(url.parse()?)
///         .schema("shop_events")
///         .connections(20)
///         .connect()
///         .await?;
///     Ok(())
/// }
/// ```
#[derive(Clone)]
pub struct PostgresOptions {
    pub(crate) server: PgConnectOptions,
    pub(crate) schema: String,
    pub(crate) connections: u32,
    pub(crate) moves: Moves,
    pub(crate) listens: bool,
    pub(crate) is_pooled: bool,
    pub(crate) longest_poll: Duration,
}

impl PostgresOptions {
    /// LIMIT: connections for units of work unless told otherwise. A server that is not large has
    /// one or two hundred, for all processes.
    pub const CONNECTIONS: u32 = 10;

    /// The longest time between two looks at the database unless told otherwise.
    pub const LONGEST_POLL: Duration = Duration::from_secs(1);

    /// The defaults, with the driver's own options: where the server is, who asks, with which
    /// settings.
    pub fn new(server: PgConnectOptions) -> Self {
        Self {
            server,
            schema: "ensue".to_owned(),
            connections: Self::CONNECTIONS,
            moves: Moves::AtOnce,
            listens: true,
            is_pooled: false,
            longest_poll: Self::LONGEST_POLL,
        }
    }

    /// The schema of our tables; `ensue` unless told otherwise.
    #[must_use]
    pub fn schema(mut self, schema: impl Into<String>) -> Self {
        self.schema = schema.into();
        self
    }

    /// How many units of work may be open at once in this process; further ones wait their turn.
    /// Beside them there are up to four connections for the forwarder and the feed, up to four of the
    /// [reader](PostgresStore::reader), one for the sequencer and one that listens.
    #[must_use]
    pub fn connections(mut self, connections: u32) -> Self {
        self.connections = connections.max(1);
        self
    }

    /// Lets the sequencer of this process work only when something in it waits for the log to be
    /// complete. Some other process must run one, or events stay in the outbox until then.
    #[must_use]
    pub fn sequence_on_demand(mut self) -> Self {
        self.moves = Moves::OnDemand;
        self
    }

    /// Does without `LISTEN` and `NOTIFY`: other processes' events are found by polling.
    #[must_use]
    pub fn without_listening(mut self) -> Self {
        self.listens = false;
        self
    }

    /// For a pooler that gives each transaction another connection to the server, as PgBouncer does
    /// in transaction mode. Nothing of ours then relies on prepared statements or on `LISTEN`;
    /// statements of your own should be run with `persistent(false)`, or the pooler be told to
    /// carry prepared statements over.
    #[must_use]
    pub fn behind_pooler(mut self) -> Self {
        self.is_pooled = true;
        // A pooler refuses settings at the start of a connection which it cannot carry over.
        self.server = self.server.extra_float_digits(None);
        self.without_listening()
    }

    /// The longest time between two looks at the database for what other processes have appended,
    /// while nothing is heard. One second unless told otherwise.
    #[must_use]
    pub fn longest_poll(mut self, longest_poll: Duration) -> Self {
        self.longest_poll = longest_poll;
        self
    }

    /// Connects, and brings our tables up to date.
    ///
    /// # Errors
    /// The server cannot be reached or is older than PostgreSQL 15, the tables cannot be made, or
    /// they were migrated by a newer version.
    pub async fn connect(self) -> Result<PostgresStore, Error> {
        PostgresStore::open(self).await
    }

    /// Connects to a read replica of the server that has the log, and reads that there. Of these
    /// options the schema, the pooler and the longest poll matter to it.
    ///
    /// # Errors
    /// The server cannot be reached or is older than PostgreSQL 15, or its tables are not those of
    /// this version, since nobody has connected to the primary with it yet.
    pub async fn connect_to_replica(self) -> Result<PostgresReplica, Error> {
        PostgresReplica::open(self).await
    }
}

/// Omits the account, since the driver's own options show the password.
impl fmt::Debug for PostgresOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresOptions")
            .field("host", &self.server.get_host())
            .field("port", &self.server.get_port())
            .field("database", &self.server.get_database())
            .field("schema", &self.schema)
            .field("connections", &self.connections)
            .field("moves", &self.moves)
            .field("longest_poll", &self.longest_poll)
            .finish_non_exhaustive()
    }
}
