//! A connection for as long as it lasts.

use std::sync::{Mutex, MutexGuard, PoisonError};

use ensue::BoxError;
use lapin::options::ConfirmSelectOptions;
use lapin::{Channel, Connection};
use tokio::time::timeout;

use crate::address::{Address, CONNECT_TIMEOUT};
use crate::topology::Exchange;

/// A connection, and channels on it that are lent to one batch each.
pub(crate) struct Session {
    connection: Connection,
    idle: Mutex<Vec<Channel>>,
}

impl Session {
    /// CANCEL-SAFE: dropped half-way, nothing stays connected.
    pub(crate) async fn open(address: &Address, exchange: &Exchange) -> Result<Self, BoxError> {
        let session = Self { connection: address.connect().await?, idle: Mutex::default() };
        let channel = session.lend().await?;
        in_time(exchange.prepare(&channel)).await?;
        session.take_back(channel);
        Ok(session)
    }

    pub(crate) fn is_open(&self) -> bool {
        self.connection.status().connected()
    }

    /// Whether the broker reads nothing from us for the time being.
    pub(crate) fn is_blocked(&self) -> bool {
        self.connection.status().blocked()
    }

    /// Largest frame; a message's head has to be in one.
    pub(crate) fn frame_bytes_max(&self) -> usize {
        match self.connection.configuration().frame_max() {
            0 => usize::MAX,
            bytes => usize::try_from(bytes).unwrap_or(usize::MAX),
        }
    }

    /// A channel with nothing under way. One that is not taken back is closed.
    ///
    /// # Errors
    /// When the broker takes nothing, or the session is lost.
    pub(crate) async fn lend(&self) -> Result<Channel, BoxError> {
        if self.is_blocked() {
            return Err("the broker takes no messages: an alarm of its memory or disk".into());
        }
        let idle = self.idle().pop().filter(|channel| channel.status().connected());
        match idle {
            Some(channel) => Ok(channel),
            None => in_time(self.new_channel()).await,
        }
    }

    /// Of a channel on which everything is confirmed.
    pub(crate) fn take_back(&self, channel: Channel) {
        self.idle().push(channel);
    }

    async fn new_channel(&self) -> Result<Channel, BoxError> {
        let channel = self.connection.create_channel().await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        Ok(channel)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Channel>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A broker that has raised an alarm answers nothing.
pub(crate) async fn in_time<T>(
    work: impl Future<Output = Result<T, BoxError>>,
) -> Result<T, BoxError> {
    let silent = |_| Err(format!("the broker has not answered in {CONNECT_TIMEOUT:?}").into());
    timeout(CONNECT_TIMEOUT, work).await.unwrap_or_else(silent)
}
