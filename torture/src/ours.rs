//! A store of ours, as a defendant.

mod follower;
mod unit_of_work;

use std::time::Duration;

use ensue::{BoxError, Events};
use tokio::sync::OnceCell;

use self::follower::{Follower, read_all};
pub(crate) use self::unit_of_work::{envelope, envelopes};
use crate::attempt::Attempt;
use crate::backend::Backend;
use crate::defendant::{Defendant, Testimony};
use crate::reader::Reader;

/// A store of ours, as a defendant.
pub struct Ours<B: Backend> {
    store: B::Store,
    /// Made with the first unit of work: on a server it has a sequencer, which who only reads has not.
    events: OnceCell<Events<B::Store>>,
}

impl<B: Backend> Ours<B> {
    async fn events(&self) -> Result<&Events<B::Store>, BoxError> {
        let build = async || Ok(Events::builder(self.store.clone()).build().await?);
        self.events.get_or_try_init(build).await
    }
}

impl<B: Backend> Defendant for Ours<B> {
    const LONGEST_HOLD: Duration = B::LONGEST_HOLD;

    async fn open(address: &str) -> Result<Self, BoxError> {
        Ok(Self { store: B::open(address).await?, events: OnceCell::new() })
    }

    async fn prepare(&self) -> Result<(), BoxError> {
        B::prepare(&self.store).await
    }

    async fn carry_out(&self, attempt: &Attempt) -> Result<(), BoxError> {
        match attempt.plan.appends_early {
            true => unit_of_work::append_early(&self.store, attempt).await,
            false => unit_of_work::run::<B>(self.events().await?, attempt).await,
        }
    }

    async fn follow(reader: Reader) -> Result<(), BoxError> {
        Follower::<B>::new(reader).follow().await
    }

    async fn settle(&self) -> Result<u64, BoxError> {
        Ok(ensue::Log::barrier(&self.store).await?.get())
    }

    async fn testify(self, end: u64) -> Result<Testimony, BoxError> {
        let log = read_all(&self.store, end).await?;
        let verification = Some(self.events().await?.verify().await?);
        Ok(Testimony { log, verification })
    }
}
