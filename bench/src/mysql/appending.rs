//! The arms that append: a plain insert, one with a counter, ours, and ours with all that makes a log of
//! it.

use std::sync::Arc;
use std::time::Duration;

use ensue::{BoxError, Forwarder, Log};
use ensue_mysql::Events;

use crate::arm::Arm;
use crate::countdown::Countdown;
use crate::draining::count_batch;
use crate::mysql::database::Database;
use crate::mysql::writers::{ByEnsue, ByHand, Numbers};
use crate::postgres::writers::{Load, Writers};

/// Into a plain table.
pub(crate) struct Plain {
    writers: Writers<ByHand>,
    _database: Database,
}

impl Plain {
    pub(crate) async fn new(load: Load, numbers: Numbers) -> Result<Self, BoxError> {
        let database = Database::new().await?;
        Ok(Self { writers: ByHand::writers(&database, load, numbers).await?, _database: database })
    }
}

impl Arm for Plain {
    async fn round(&mut self) -> Result<Duration, BoxError> {
        self.writers.work().await
    }
}

/// Into the outbox, as if the sequencer ran on another machine.
pub(crate) struct Alone {
    writers: Writers<ByEnsue>,
    database: Database,
}

impl Alone {
    pub(crate) async fn new(load: Load) -> Result<Self, BoxError> {
        let database = Database::new().await?;
        let options = database.store_options().connections(load.connections);
        let store = options.sequence_on_demand().connect().await?;
        let events = Events::builder(store).build().await?;
        Ok(Self { writers: ByEnsue::writers(&events, load), database })
    }
}

impl Arm for Alone {
    async fn round(&mut self) -> Result<Duration, BoxError> {
        let elapsed = self.writers.work().await?;
        // What a sequencer elsewhere would have done.
        self.database.execute("DELETE FROM ensue_outbox").await?;
        Ok(elapsed)
    }
}

/// Into the outbox, with a sequencer that moves it into the log.
pub(crate) struct Sequenced {
    writers: Writers<ByEnsue>,
    events: Events,
    _database: Database,
}

impl Sequenced {
    pub(crate) async fn new(load: Load) -> Result<Self, BoxError> {
        let database = Database::new().await?;
        let store = database.store_options().connections(load.connections).connect().await?;
        let events = Events::builder(store).build().await?;
        Ok(Self { writers: ByEnsue::writers(&events, load), events, _database: database })
    }
}

impl Arm for Sequenced {
    /// What is not in the log yet at the last commit is waited for, but does not count.
    async fn round(&mut self) -> Result<Duration, BoxError> {
        let elapsed = self.writers.work().await?;
        self.events.store().barrier().await?;
        Ok(elapsed)
    }
}

/// LIMIT: entries that the subscription handles in one transaction.
const BATCH: usize = 1_000;

/// Beside the sequencer, and a subscription that handles everything.
pub(crate) struct AllIn {
    writers: Writers<ByEnsue>,
    countdown: Arc<Countdown>,
    entries: u32,
    _forwarder: Forwarder,
    _database: Database,
}

impl AllIn {
    pub(crate) async fn new(load: Load) -> Result<Self, BoxError> {
        let database = Database::new().await?;
        let store = database.store_options().connections(load.connections).connect().await?;
        let countdown = Countdown::from(0);
        let builder = Events::builder(store).state(Arc::clone(&countdown));
        let events =
            builder.subscription("follows", |s| s.on_batch(BATCH, count_batch)).build().await?;
        Ok(Self {
            writers: ByEnsue::writers(&events, load),
            countdown,
            entries: load.transactions,
            _forwarder: events.forward(),
            _database: database,
        })
    }
}

impl Arm for AllIn {
    /// What is not handled yet at the last commit is waited for, but does not count.
    async fn round(&mut self) -> Result<Duration, BoxError> {
        self.countdown.begin_anew(self.entries);
        let elapsed = self.writers.work().await?;
        self.countdown.end().await?;
        Ok(elapsed)
    }
}
