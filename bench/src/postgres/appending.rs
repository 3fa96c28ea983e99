//! The arms that append: a plain insert, ours, and ours with all that makes a log of it.

use std::sync::Arc;
use std::time::Duration;

use ensue::{BoxError, Forwarder};
use ensue_postgres::Events;

use crate::arm::Arm;
use crate::countdown::Countdown;
use crate::draining::count_batch;
use crate::postgres::commits::Commits;
use crate::postgres::database::Database;
use crate::postgres::writers::{ByEnsue, ByHand, Load, Writers};

/// Into a plain table.
pub(crate) struct Plain {
    writers: Writers<ByHand>,
    database: Database,
}

impl Plain {
    pub(crate) async fn new(commits: Commits, load: Load) -> Result<Self, BoxError> {
        let database = Database::new(commits).await?;
        Ok(Self { writers: ByHand::writers(&database, load).await?, database })
    }

    pub(crate) fn database(&self) -> &Database {
        &self.database
    }
}

impl Arm for Plain {
    async fn round(&mut self) -> Result<Duration, BoxError> {
        self.writers.work().await
    }
}

/// Into the outbox, as if the sequencer ran on another machine, but for its reading of what is
/// written here.
pub(crate) struct Alone {
    writers: Writers<ByEnsue>,
    database: Database,
}

impl Alone {
    pub(crate) async fn new(commits: Commits, load: Load) -> Result<Self, BoxError> {
        let database = Database::new(commits).await?;
        let options = database.store_options().connections(load.connections);
        let store = options.sequence_on_demand().without_listening().connect().await?;
        let events = Events::builder(store).build().await?;
        Ok(Self { writers: ByEnsue::writers(&events, load), database })
    }
}

impl Arm for Alone {
    async fn round(&mut self) -> Result<Duration, BoxError> {
        let elapsed = self.writers.work().await?;
        // What a sequencer elsewhere would have done.
        self.database.execute("TRUNCATE ensue.outbox").await?;
        Ok(elapsed)
    }
}

/// LIMIT: entries that the subscription handles in one transaction, as one has to that keeps up with
/// so many writers: a commit for each would be one more writer, and one that falls behind.
const BATCH: usize = 1_000;

/// Beside the sequencer, the listener, and a subscription that handles everything.
pub(crate) struct AllIn {
    writers: Writers<ByEnsue>,
    countdown: Arc<Countdown>,
    entries: u32,
    _forwarder: Forwarder,
    database: Database,
}

impl AllIn {
    pub(crate) async fn new(commits: Commits, load: Load) -> Result<Self, BoxError> {
        Self::on(Database::new(commits).await?, load).await
    }

    /// On a log that may have something in it, all of which is passed by.
    pub(crate) async fn on(database: Database, load: Load) -> Result<Self, BoxError> {
        let store = database.store_options().connections(load.connections).connect().await?;
        let countdown = Countdown::from(0);
        let builder = Events::builder(store).state(Arc::clone(&countdown));
        let events =
            builder.subscription("follows", |s| s.on_batch(BATCH, count_batch)).build().await?;
        Ok(Self {
            writers: ByEnsue::writers(&events, load),
            countdown,
            entries: load.transactions * load.events,
            _forwarder: events.forward(),
            database,
        })
    }

    pub(crate) fn database(&self) -> &Database {
        &self.database
    }
}

impl Arm for AllIn {
    /// What is not handled yet at the last commit is waited for, so that it is no other arm's burden,
    /// but does not count.
    async fn round(&mut self) -> Result<Duration, BoxError> {
        self.countdown.begin_anew(self.entries);
        let elapsed = self.writers.work().await?;
        self.countdown.end().await?;
        Ok(elapsed)
    }
}
