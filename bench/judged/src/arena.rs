//! A server for another crate's log, and what can befall it.

use std::marker::PhantomData;

use ensue::BoxError;
use fastrand::Rng;
use torture::{Arena, Deck, Defendant, PostgresServer, Witness};

/// Another crate's log.
pub(crate) trait Peer: Defendant {
    /// What can befall it.
    const MISFORTUNES: &'static [Misfortune];
}

/// What can befall a log, beside writers that are killed. As with ours, but for what only ours has.
#[derive(Clone, Copy)]
pub(crate) enum Misfortune {
    Crash,
    /// One that listens for notifications.
    ListenerEnds,
    SessionEnds,
    OtherDatabase,
    Snapshot,
    LateCommit,
}

/// A server of one's own, to be killed.
pub(crate) struct PeerArena<P> {
    server: PostgresServer,
    deck: Deck<Misfortune>,
    peer: PhantomData<fn() -> P>,
}

impl<P: Peer> PeerArena<P> {
    pub(crate) async fn new() -> Result<Self, BoxError> {
        let server = PostgresServer::start().await?;
        Ok(Self { server, deck: Deck::new(P::MISFORTUNES), peer: PhantomData })
    }
}

impl<P: Peer> Arena for PeerArena<P> {
    type Defendant = P;

    fn address(&self) -> String {
        self.server.address()
    }

    async fn strike(&mut self, rng: &mut Rng, witness: &Witness) -> Result<&'static str, BoxError> {
        let server = &mut self.server;
        match self.deck.draw(rng) {
            Some(Misfortune::Crash) => server.crash(witness).map(|()| "server restarts"),
            Some(Misfortune::ListenerEnds) => {
                server.end_session(rng, "^LISTEN").await.map(|()| "listeners terminated")
            }
            Some(Misfortune::SessionEnds) | None => {
                server.end_session(rng, "").await.map(|()| "backends terminated")
            }
            Some(Misfortune::OtherDatabase) => {
                server.idle_elsewhere(rng).map(|()| "idle writers elsewhere")
            }
            Some(Misfortune::Snapshot) => server.hold_snapshot(rng).map(|()| "snapshots held"),
            Some(Misfortune::LateCommit) => {
                server.commit_late::<P>(rng, witness);
                Ok("late commits")
            }
        }
    }

    async fn relent(&mut self) -> Result<(), BoxError> {
        self.server.relent().await
    }
}
