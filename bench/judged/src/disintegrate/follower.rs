//! How `disintegrate-postgres` is followed: by its listeners.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use disintegrate::{EventListener, PersistedEvent, StreamQuery, query};
use disintegrate_postgres::{
    PgEventId, PgEventListener, PgEventListenerConfig, PgEventListenerError, RetryAction,
};
use ensue::BoxError;
use sqlx::PgPool;
use tokio::sync::oneshot;
use torture::{Mark, Reader};

use super::{Marks, open_store};
use crate::domain;

/// As in its own example, and as others have it who wait for notifications.
const SETTINGS: [Setting; 3] = [
    Setting { name: "polling", poll: Duration::from_millis(50), is_notified: false },
    Setting { name: "notified", poll: Duration::from_millis(250), is_notified: true },
    Setting { name: "notified, seldom polling", poll: Duration::from_secs(5), is_notified: true },
];

#[derive(Clone, Copy)]
struct Setting {
    name: &'static str,
    poll: Duration,
    is_notified: bool,
}

/// How often its cursor is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How long it waits before it tries again.
const PAUSE: Duration = Duration::from_millis(20);

/// LIMIT: how long its cursor may stay where it is. Whatever befalls a database is over before that.
const SILENCE_MAX: Duration = Duration::from_secs(120);

struct Listener {
    reader: Reader,
    name: &'static str,
    query: StreamQuery<PgEventId, Marks>,
}

#[async_trait]
impl EventListener<PgEventId, Marks> for Listener {
    type Error = Infallible;

    fn id(&self) -> &'static str {
        self.name
    }

    fn query(&self) -> &StreamQuery<PgEventId, Marks> {
        &self.query
    }

    /// Numbers are not dense: what is passed over in between is no gap.
    async fn handle(&self, event: PersistedEvent<PgEventId, Marks>) -> Result<(), Infallible> {
        let position = event.id().unsigned_abs();
        let Marks::Marked { mark, .. } = &*event;
        let mark = mark.parse().unwrap_or(Mark::NOTHING);
        self.reader.see(position - 1, &[(position, mark)]);
        Ok(())
    }
}

pub(super) async fn follow(reader: Reader) -> Result<(), BoxError> {
    let setting = SETTINGS[reader.number % SETTINGS.len()];
    let pool = domain::connect(&reader.address).await?;
    let listener = Listener { reader: reader.clone(), name: setting.name, query: query!(Marks) };
    let (stop, stopped) = oneshot::channel::<Infallible>();
    let listening = PgEventListener::builder(open_store(&pool)).uninitialized();
    let listening = match setting.is_notified {
        true => listening.register_listener(
            listener,
            PgEventListenerConfig::poller(setting.poll).with_notifier().with_retry(wait),
        ),
        false => listening.register_listener(
            listener,
            PgEventListenerConfig::poller(setting.poll).with_retry(wait),
        ),
    };
    let until = async move { drop(stopped.await) };
    let listening = tokio::spawn(listening.start_with_shutdown(until));
    wait_for_the_end(&reader, &pool, setting.name).await?;
    drop(stop);
    Ok(listening.await??)
}

/// Its own advice for errors is to stop: then a server that crashes ends it. So it tries again.
fn wait<E>(_: PgEventListenerError<E>, _: usize) -> RetryAction {
    RetryAction::Wait { duration: PAUSE }
}

/// Until its own cursor is there.
async fn wait_for_the_end(reader: &Reader, pool: &PgPool, name: &str) -> Result<(), BoxError> {
    let (mut cursor, mut moved_at) = (0, Instant::now());
    while !reader.has_come_to_the_end(cursor) {
        tokio::time::sleep(LOOK_EVERY).await;
        let found = find_cursor(pool, name).await.unwrap_or(cursor);
        if found != cursor {
            (cursor, moved_at) = (found, Instant::now());
        } else if moved_at.elapsed() > SILENCE_MAX {
            return Err(format!("the listener `{name}` stays at {cursor}").into());
        }
    }
    Ok(())
}

async fn find_cursor(pool: &PgPool, name: &str) -> Result<u64, BoxError> {
    let cursor = "SELECT last_processed_event_id FROM event_listener WHERE id = $1";
    let cursor: i64 = sqlx::query_scalar(cursor).bind(name).fetch_one(pool).await?;
    Ok(cursor.unsigned_abs())
}
