//! A connection for as long as it lasts.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ensue::BoxError;
use lapin::Channel;
use lapin::options::ConfirmSelectOptions;
use tokio::time::timeout;

use crate::address::{Address, CONNECT_TIMEOUT};
use crate::line::Line;
use crate::topology::Exchange;

/// A connection, and channels on it that are lent to one batch each.
pub(crate) struct Session {
    connection: Line,
    idle: Mutex<Vec<Channel>>,
    is_spoilt: AtomicBool,
}

/// A channel with nothing under way. Unless it is [given back](Lent::give_back) the session is used by
/// no further call: the client may take a channel that is given up for a later one of the same number.
pub(crate) struct Lent<'a> {
    channel: Channel,
    spoiling: Spoiling<'a>,
}

struct Spoiling<'a> {
    session: &'a Session,
    is_over: bool,
}

impl Session {
    /// CANCEL-SAFE: dropped half-way, nothing stays connected.
    pub(crate) async fn open(address: &Address, exchange: &Exchange) -> Result<Self, BoxError> {
        let connection = address.connect().await?;
        let (idle, is_spoilt) = (Mutex::default(), AtomicBool::new(false));
        let session = Self { connection, idle, is_spoilt };
        let lent = session.lend().await?;
        in_time(exchange.prepare(lent.channel())).await?;
        lent.give_back();
        Ok(session)
    }

    pub(crate) fn is_open(&self) -> bool {
        self.connection.status().connected() && !self.is_spoilt.load(Ordering::Acquire)
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

    /// # Errors
    /// When the broker takes nothing, or the session is lost.
    pub(crate) async fn lend(&self) -> Result<Lent<'_>, BoxError> {
        if self.is_blocked() {
            return Err("the broker takes no messages: an alarm of its memory or disk".into());
        }
        let spoiling = Spoiling { session: self, is_over: false };
        let idle = self.idle().pop().filter(|channel| channel.status().connected());
        let channel = match idle {
            Some(channel) => channel,
            None => in_time(self.open_channel()).await?,
        };
        Ok(Lent { channel, spoiling })
    }

    async fn open_channel(&self) -> Result<Channel, BoxError> {
        let channel = self.connection.create_channel().await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        Ok(channel)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Channel>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lent<'_> {
    pub(crate) fn channel(&self) -> &Channel {
        &self.channel
    }

    /// Everything on it is confirmed.
    pub(crate) fn give_back(mut self) {
        self.spoiling.is_over = true;
        self.spoiling.session.idle().push(self.channel);
    }

    /// It is not to be used again, and the session is: a new one would have to find out about the
    /// broker's alarm again.
    pub(crate) fn give_up(mut self) {
        self.spoiling.is_over = true;
    }
}

impl Drop for Spoiling<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            self.session.is_spoilt.store(true, Ordering::Release);
        }
    }
}

/// A broker that has raised an alarm answers nothing.
pub(crate) async fn in_time<T>(
    work: impl Future<Output = Result<T, BoxError>>,
) -> Result<T, BoxError> {
    let silent = |_| Err(format!("the broker has not answered in {CONNECT_TIMEOUT:?}").into());
    timeout(CONNECT_TIMEOUT, work).await.unwrap_or_else(silent)
}
