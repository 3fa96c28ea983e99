//! How a store connects.

use std::fmt;
use std::time::Duration;

use ensue::Error;
use ensue::sequencer::Moves;
use sqlx::mysql::MySqlConnectOptions;

use crate::MysqlStore;

/// How a [`MysqlStore`] connects, and what it does by itself.
///
/// ```
/// use ensue_mysql::MysqlOptions;
///
/// async fn example(url: &str) -> Result<(), ensue::BoxError> {
///     let store = MysqlOptions::new(url.parse()?).connections(20).connect().await?;
///     Ok(())
/// }
/// ```
#[derive(Clone)]
pub struct MysqlOptions {
    pub(crate) server: MySqlConnectOptions,
    pub(crate) connections: u32,
    pub(crate) moves: Moves,
    pub(crate) longest_poll: Duration,
    pub(crate) idle_in_transaction: Duration,
}

impl MysqlOptions {
    /// LIMIT: connections for units of work unless told otherwise. A server that is not large has
    /// one or two hundred, for all processes.
    pub const CONNECTIONS: u32 = 10;

    /// The longest time between two looks at the database unless told otherwise. There is nothing to
    /// listen to, so that this is how late an event may be noticed that comes from another process
    /// after none had come for a while.
    pub const LONGEST_POLL: Duration = Duration::from_millis(500);

    /// LIMIT: how long a unit of work may go without a statement unless told otherwise.
    pub const IDLE_IN_TRANSACTION: Duration = Duration::from_secs(15);

    /// The defaults, with the driver's own options: where the server is, who asks, and of which
    /// database. What goes between us and the server is UTF-8 in any case.
    pub fn new(server: MySqlConnectOptions) -> Self {
        Self {
            server: server.charset("utf8mb4"),
            connections: Self::CONNECTIONS,
            moves: Moves::AtOnce,
            longest_poll: Self::LONGEST_POLL,
            idle_in_transaction: Self::IDLE_IN_TRANSACTION,
        }
    }

    /// How many units of work may be open at once in this process; further ones wait their turn.
    /// Beside them there are up to four connections for the forwarder and the feed, up to four of the
    /// [reader](MysqlStore::reader), and one for the sequencer.
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

    /// The longest time between two looks at the database for what other processes have appended:
    /// [half a second](Self::LONGEST_POLL) unless told otherwise.
    #[must_use]
    pub fn longest_poll(mut self, longest_poll: Duration) -> Self {
        self.longest_poll = longest_poll;
        self
    }

    /// How long a unit of work may go without a statement, in whole seconds, before the server ends it:
    /// [fifteen](Self::IDLE_IN_TRANSACTION) unless told otherwise. A process that is stopped in a
    /// transaction holds its locks for no longer, and another one gets its subscriptions.
    ///
    /// MariaDB keeps this limit. MySQL has none of the kind: there such a process holds up the others
    /// until it goes on or its connection ends.
    #[must_use]
    pub fn idle_in_transaction(mut self, longest: Duration) -> Self {
        self.idle_in_transaction = longest;
        self
    }

    /// Connects, and brings our tables up to date.
    ///
    /// # Errors
    /// The server is unreachable or older than MariaDB 10.6 or MySQL 8.0.16, no database was named,
    /// the tables cannot be made, or they were migrated by a newer version.
    pub async fn connect(self) -> Result<MysqlStore, Error> {
        MysqlStore::open(self).await
    }
}

/// Omits the account, since the driver's own options show the password.
impl fmt::Debug for MysqlOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MysqlOptions")
            .field("host", &self.server.get_host())
            .field("port", &self.server.get_port())
            .field("database", &self.server.get_database())
            .field("connections", &self.connections)
            .field("moves", &self.moves)
            .field("longest_poll", &self.longest_poll)
            .finish_non_exhaustive()
    }
}
