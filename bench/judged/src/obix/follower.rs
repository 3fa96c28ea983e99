//! How `obix` is followed: by its listener.

use std::time::{Duration, Instant};

use ensue::BoxError;
use futures_util::StreamExt;
use obix::EventSequence;
use obix::out::{Outbox, PersistentOutboxListener};
use torture::{Mark, Reader};

use super::{Marked, open_outbox};
use crate::domain;

/// After so many pages a reader starts anew, as another process would, with nothing but its cursor.
const PAGES_MAX: u64 = 50;

/// How often a reader that waits looks whether it is at the end.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// LIMIT: how long a listener may be silent, or not begin. Whatever befalls a database, and whatever it
/// says that it waits for, is over before that.
const SILENCE_MAX: Duration = Duration::from_secs(120);

/// How long a reader waits before it tries again.
const PAUSE: Duration = Duration::from_millis(20);

struct Follower {
    reader: Reader,
    cursor: u64,
    heard_at: Instant,
}

pub(super) async fn follow(reader: Reader) -> Result<(), BoxError> {
    let mut follower = Follower { reader, cursor: 0, heard_at: Instant::now() };
    while !follower.is_done() {
        if let Err(error) = follower.listen().await {
            follower.bear(error)?;
            tokio::time::sleep(PAUSE).await;
        }
    }
    Ok(())
}

impl Follower {
    fn is_done(&self) -> bool {
        self.reader.has_come_to_the_end(self.cursor)
    }

    fn bear(&self, error: BoxError) -> Result<(), BoxError> {
        if self.heard_at.elapsed() > SILENCE_MAX { Err(error) } else { Ok(()) }
    }

    async fn listen(&mut self) -> Result<(), BoxError> {
        let pool = domain::connect(&self.reader.address).await?;
        let outbox = open_outbox(&pool).await?;
        let mut listener = outbox.listen_persisted(EventSequence::from(self.cursor));
        let last = self.cursor + PAGES_MAX * u64::from(self.reader.rows);
        while self.cursor < last && !self.is_done() {
            match tokio::time::timeout(LOOK_EVERY, next(&mut listener)).await {
                Ok(event) => self.see(event?),
                Err(_) => self.bear(format!("silence after {}", self.cursor).into())?,
            }
        }
        Ok(())
    }

    fn see(&mut self, event: (u64, Mark)) {
        self.reader.see(self.cursor, &[event]);
        (self.cursor, self.heard_at) = (event.0, Instant::now());
    }
}

/// All of it, by a listener that begins at the beginning.
pub(super) async fn read_all(
    outbox: &Outbox<Marked>,
    end: u64,
) -> Result<Vec<(u64, Mark)>, BoxError> {
    let mut listener = outbox.listen_persisted(EventSequence::BEGIN);
    let mut log = Vec::new();
    while log.last().is_none_or(|&(last, _)| last < end) {
        log.push(tokio::time::timeout(SILENCE_MAX, next(&mut listener)).await??);
    }
    Ok(log)
}

async fn next(listener: &mut PersistentOutboxListener<Marked>) -> Result<(u64, Mark), BoxError> {
    let event = listener.next().await.ok_or("the listener ended")??;
    let mark = match &event.payload {
        Some(Marked { mark }) => mark.parse()?,
        None => Mark::NOTHING,
    };
    Ok((event.sequence.into(), mark))
}
