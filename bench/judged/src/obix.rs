//! `obix`.

mod follower;
mod unit_of_work;

use std::time::Duration;

use ensue::BoxError;
use obix::out::Outbox;
use obix::{InsertOrder, MailboxConfig};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use tokio::runtime::Handle;
use torture::{Attempt, Defendant, Mark, Reader, Testimony};

use crate::arena::{Misfortune, Peer};
use crate::domain;

/// `obix`, with the configuration that its documentation shows.
///
/// It can do nearly all that a writer does. Units of work are operations of its own, which insert right
/// before the commit and undo what is published in a savepoint; who appends early does so in a bare
/// transaction of the driver's, which it takes too. That one notifies, and PostgreSQL prepares no
/// transaction that does: there are no prepared transactions. Its tables are those of its migration.
///
/// A number that was rolled back is shown to readers as an event without a payload: no gap.
pub(crate) struct Obix {
    pool: PgPool,
    outbox: Outbox<Marked>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Marked {
    mark: String,
}

/// From its migration, which it asks to be copied; what its inbox and its subscriptions have is not here.
const TABLES: &str = include_str!("obix/tables.sql");

impl Peer for Obix {
    const MISFORTUNES: &'static [Misfortune] = &[
        Misfortune::Crash,
        Misfortune::ListenerEnds,
        Misfortune::SessionEnds,
        Misfortune::OtherDatabase,
        Misfortune::Snapshot,
        Misfortune::LateCommit,
    ];
}

impl Defendant for Obix {
    const LONGEST_HOLD: Duration = domain::LONGEST_HOLD;

    /// An outbox does not begin without its tables: where there are none yet, they are made.
    async fn open(address: &str) -> Result<Self, BoxError> {
        let pool = domain::connect(address).await?;
        let is_new = "SELECT to_regclass('persistent_outbox_events') IS NULL";
        if sqlx::query_scalar(is_new).fetch_one(&pool).await? {
            sqlx::raw_sql(TABLES).execute(&pool).await?;
        }
        let outbox = open_outbox(&pool).await?;
        Ok(Self { pool, outbox })
    }

    async fn prepare(&self) -> Result<(), BoxError> {
        domain::prepare(&self.pool).await
    }

    async fn carry_out(&self, attempt: &Attempt) -> Result<(), BoxError> {
        match attempt.plan.appends_early {
            true => unit_of_work::append_early(self, attempt).await,
            false => unit_of_work::run(self, attempt).await,
        }
    }

    async fn follow(reader: Reader) -> Result<(), BoxError> {
        follower::follow(reader).await
    }

    async fn settle(&self) -> Result<u64, BoxError> {
        Ok(self.outbox.frontier::<InsertOrder>().await?.into())
    }

    async fn testify(self, end: u64) -> Result<Testimony, BoxError> {
        Ok(Testimony { log: follower::read_all(&self.outbox, end).await?, verification: None })
    }
}

/// On a thread of its own, as a program's `main` would: the compiler cannot tell of its future that it may
/// go from thread to thread (rust-lang/rust#100013).
async fn open_outbox(pool: &PgPool) -> Result<Outbox<Marked>, BoxError> {
    let (pool, runtime) = (pool.clone(), Handle::current());
    let config = MailboxConfig::builder().build();
    let outbox = move || runtime.block_on(Outbox::init(&pool, config));
    Ok(tokio::task::spawn_blocking(outbox).await??)
}

fn marked(first: Mark, events: u32) -> impl Iterator<Item = Marked> {
    (0..events).map(move |index| Marked { mark: first.at(index).to_string() })
}
