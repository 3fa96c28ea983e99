//! Hearing of other processes' passes.

use std::sync::Arc;
use std::time::Duration;

use ensue::sequencer::Signals;
use sqlx::Executor;
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};

use crate::error::is_lost;

/// After a connection was lost or refused. Until there is another one, polling does.
const PAUSE: Duration = Duration::from_secs(1);

/// After a connection that was there. A proxy may take one and close it at once, again and again.
const SHORT_PAUSE: Duration = Duration::from_millis(50);

/// After the server said that nobody can listen there, as a read replica does.
const LONG_PAUSE: Duration = Duration::from_secs(60);

/// How often a connection on which nothing is heard is asked whether it is still there.
const ASK_EVERY: Duration = Duration::from_secs(30);

/// LIMIT: how long it may take to answer.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// Listens on `channel` to everybody but `sender`, which is this process; runs until it is dropped.
pub(crate) async fn run(
    options: PgConnectOptions,
    channel: String,
    sender: String,
    signals: Arc<Signals>,
) {
    loop {
        let error = match listen(&options, &channel, &sender, &signals).await {
            Ok(()) => {
                tracing::debug!("the connection that listens was lost, and is made anew");
                tokio::time::sleep(SHORT_PAUSE).await;
                continue;
            }
            Err(error) => error,
        };
        tracing::warn!(%error, "cannot listen for what other processes append; polling does it");
        // A server that starts or shuts down says so, and soon says something else.
        let is_refused = matches!(error, sqlx::Error::Database(_)) && !is_lost(&error);
        tokio::time::sleep(if is_refused { LONG_PAUSE } else { PAUSE }).await;
    }
}

/// Ends when the connection is lost.
async fn listen(
    options: &PgConnectOptions,
    channel: &str,
    sender: &str,
    signals: &Signals,
) -> sqlx::Result<()> {
    // The driver's listener wants a pool, if only of one.
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_lazy_with(options.clone());
    let mut listener = PgListener::connect_with(&pool).await?;
    listener.eager_reconnect(false);
    listener.listen(channel).await?;
    // What was told before we listened was told to nobody.
    signals.grew();
    loop {
        match tokio::time::timeout(ASK_EVERY, listener.try_recv()).await {
            Ok(Ok(Some(told))) if told.payload() == sender => {}
            Ok(Ok(Some(_))) => signals.grew(),
            Ok(Ok(None)) => return Ok(()),
            Ok(Err(error)) => return Err(error),
            Err(_) => is_there(&mut listener).await?,
        }
    }
}

/// A connection that died without a word, somewhere on the way, is silent for ever.
async fn is_there(listener: &mut PgListener) -> sqlx::Result<()> {
    let answer = tokio::time::timeout(ANSWER_MAX, listener.execute("SELECT")).await;
    answer.map_err(|_| sqlx::Error::PoolTimedOut)?.map(drop)
}
