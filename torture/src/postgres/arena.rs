//! A server for a store of ours, and what can befall it.

use std::marker::PhantomData;

use ensue::{BoxError, Transactions};
use fastrand::Rng;
use sqlx::PgConnection;

use super::server::PostgresServer;
use super::{Backend, Postgres};
use crate::arena::Arena;
use crate::deck::Deck;
use crate::evidence::Witness;
use crate::ours::Ours;

/// A server of one's own, to be killed.
pub struct PostgresArena<B = Postgres> {
    server: PostgresServer,
    deck: Deck<Misfortune>,
    backend: PhantomData<fn() -> B>,
}

#[derive(Clone, Copy)]
enum Misfortune {
    Crash,
    SequencerEnds,
    SessionEnds,
    OtherDatabase,
    IdleWriter,
    Snapshot,
    LateCommit,
    Prepared,
}

const ALL: [Misfortune; 8] = [
    Misfortune::Crash,
    Misfortune::SequencerEnds,
    Misfortune::SessionEnds,
    Misfortune::OtherDatabase,
    Misfortune::IdleWriter,
    Misfortune::Snapshot,
    Misfortune::LateCommit,
    Misfortune::Prepared,
];

/// It passes, or looks whether there is anything to pass.
const SEQUENCER: &str = r"\.(pass|pass_chunk|peek|survey)\(";

impl<B> PostgresArena<B> {
    /// Starts a server.
    ///
    /// # Errors
    /// There is none that could be started; the message says what to do.
    pub async fn new() -> Result<Self, BoxError> {
        let server = PostgresServer::start().await?;
        Ok(Self { server, deck: Deck::new(&ALL), backend: PhantomData })
    }
}

impl<B> PostgresArena<B>
where
    B: Backend<Store: Transactions<Connection = PgConnection>>,
{
    fn prepare(&mut self, rng: &mut Rng, witness: &Witness) -> Result<(), BoxError> {
        let (late, options) = (self.server.late_commit(rng), self.server.options()?);
        let witness = witness.clone();
        self.server.holding.spawn(async move { late.prepare::<B>(&witness, &options).await });
        Ok(())
    }
}

impl<B> Arena for PostgresArena<B>
where
    B: Backend<Store: Transactions<Connection = PgConnection>>,
{
    type Defendant = Ours<B>;

    fn address(&self) -> String {
        self.server.address()
    }

    async fn strike(&mut self, rng: &mut Rng, witness: &Witness) -> Result<&'static str, BoxError> {
        let server = &mut self.server;
        match self.deck.draw(rng) {
            Some(Misfortune::Crash) => server.crash(witness).map(|()| "server restarts"),
            Some(Misfortune::SequencerEnds) => {
                server.end_session(rng, SEQUENCER).await.map(|()| "sequencers terminated")
            }
            Some(Misfortune::SessionEnds) | None => {
                server.end_session(rng, "").await.map(|()| "backends terminated")
            }
            Some(Misfortune::OtherDatabase) => {
                server.idle_elsewhere(rng).map(|()| "idle writers elsewhere")
            }
            Some(Misfortune::IdleWriter) => server.idle_here(rng).map(|()| "idle writers"),
            Some(Misfortune::Snapshot) => server.hold_snapshot(rng).map(|()| "snapshots held"),
            Some(Misfortune::LateCommit) => {
                server.commit_late::<Ours<B>>(rng, witness);
                Ok("late commits")
            }
            Some(Misfortune::Prepared) => {
                self.prepare(rng, witness).map(|()| "prepared transactions")
            }
        }
    }

    async fn relent(&mut self) -> Result<(), BoxError> {
        self.server.relent().await
    }
}
