//! The log as a router.

mod book_event;
mod parameters;
mod problem;

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::{HeaderName, Method};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use ensue::store::{Page, Read};
use ensue::{Error, Log, Position};
use tokio::sync::Semaphore;

use self::book_event::BookEvent;
#[cfg(feature = "client")]
pub(crate) use self::book_event::UNREADABLE;
use self::parameters::Parameters;
use self::problem::Problem;

/// LIMIT: the rows of a page unless told otherwise. Usual events of some hundred bytes make it a
/// body of some hundred kilobytes, by which the cost of a request no longer matters.
const PAGE_LIMIT: u32 = 1_000;

/// LIMIT: default for concurrently read pages. A page has up to [`Page::BYTES`] of payloads, so these take
/// 256 MiB in the worst case. A typical page takes about a millisecond, so they still serve thousands of
/// readers. More reads would only queue inside the store, and delay its other users.
const CONCURRENT_READS: usize = 32;

/// The header that names the log in every answer that comes from it.
const LOG: HeaderName = HeaderName::from_static("ensue-log");

/// The log over HTTP: a router that serves `/api/events`, read-only.
///
/// The [crate's page](crate) says what is served. Who may read it is for the host application to
/// say: put a layer around the router.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), ensue::BoxError> {
/// use axum::body::{Body, to_bytes};
/// use axum::http::Request;
/// use ensue_http::Feed;
/// use ensue_sqlite::SqliteStore;
/// use tower::ServiceExt;
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("shop.db");
/// let feed = Feed::new(SqliteStore::open(&path).await?).page_limit(500);
/// let app = axum::Router::new().merge(feed.into_router());
///
/// let answer = app.oneshot(Request::get("/api/events?offset=0").body(Body::empty())?).await?;
/// assert_eq!(answer.status(), 200);
/// assert_eq!(to_bytes(answer.into_body(), 100).await?, "[]");
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct Feed<L> {
    log: L,
    page_limit: u32,
    concurrent_reads: usize,
}

/// The state that the requests of a router share.
struct Serving<L> {
    feed: Feed<L>,
    reads: Semaphore,
}

impl<L: Log> Feed<L> {
    /// The feed of `log`, such as a store.
    pub fn new(log: L) -> Self {
        Self { log, page_limit: PAGE_LIMIT, concurrent_reads: CONCURRENT_READS }
    }

    /// A page has at the most `events` events, however many are asked for: 1,000 unless told
    /// otherwise, and never less than 1, with which no consumer would ever get on.
    #[must_use]
    pub fn page_limit(mut self, events: u32) -> Self {
        self.page_limit = events.max(1);
        self
    }

    /// Maximum number of pages that the router reads at once. Default: 32. Minimum: 1.
    ///
    /// Further requests get a 503 with `Retry-After`. This bounds the load on the store and the memory,
    /// however many readers there are.
    #[must_use]
    pub fn concurrent_reads(mut self, pages: usize) -> Self {
        self.concurrent_reads = pages.clamp(1, Semaphore::MAX_PERMITS);
        self
    }

    /// The router that serves it.
    pub fn into_router(self) -> Router {
        let reads = Semaphore::new(self.concurrent_reads);
        let events = get(events::<L>).fallback(refuse_method);
        let serving = Arc::new(Serving { feed: self, reads });
        Router::new().route("/api/events", events).with_state(serving)
    }

    async fn read(&self, parameters: Parameters) -> Result<Vec<Read>, Problem> {
        let entries = self.page(parameters).await.map_err(|error| report(&error, parameters))?;
        if entries.is_empty() && parameters.offset > Position::START {
            let head = self.log.head().await.map_err(|error| report(&error, parameters))?;
            self.check_offset(parameters.offset, head)?;
        }
        Ok(entries)
    }

    /// A limit above the maximum is taken down to it, so that whoever asks for "all" is served.
    async fn page(&self, parameters: Parameters) -> Result<Vec<Read>, Error> {
        let rows = u32::try_from(parameters.limit).unwrap_or(u32::MAX).min(self.page_limit);
        if rows == 0 {
            return Ok(Vec::new());
        }
        self.log.read(Page::new(parameters.offset, rows)).await
    }

    /// A reader ahead of the log has seen events that are not in it. With an empty page it would wait until
    /// the log outgrows its offset, and miss every event up to there.
    fn check_offset(&self, offset: Position, head: Position) -> Result<(), Problem> {
        match offset > head {
            true if self.log.may_lag() => Err(Problem::offset_not_reached(offset, head)),
            true => Err(Problem::offset_beyond_head(offset, head)),
            false => Ok(()),
        }
    }
}

/// Serves `GET`, and `HEAD` too: axum leaves the body out.
///
/// Percent-encoding is decoded leniently, which never fails; what was badly encoded then is no
/// number.
async fn events<L: Log>(
    State(serving): State<Arc<Serving<L>>>,
    Query(query): Query<Vec<(String, String)>>,
) -> Result<Response, Problem> {
    let parameters = Parameters::read(&query)?;
    let _reading = serving.reads.try_acquire().map_err(|_| Problem::too_many_reads())?;
    let Feed { log, .. } = &serving.feed;
    let identity = log.identity().await.map_err(|error| report(&error, parameters))?;
    let page = match serving.feed.read(parameters).await {
        Ok(entries) => {
            for unreadable in entries.iter().filter_map(|read| read.as_ref().err()) {
                tracing::warn!(%unreadable, "an entry cannot be read; the feed shows it as unreadable");
            }
            Json(entries.iter().map(BookEvent::of).collect::<Vec<_>>()).into_response()
        }
        Err(problem) => problem.into_response(),
    };
    Ok(([(LOG, identity.to_string())], page).into_response())
}

async fn refuse_method(method: Method) -> Problem {
    Problem::method_not_allowed(&method)
}

/// The answer says nothing of the store's insides, so they are logged here.
fn report(error: &Error, parameters: Parameters) -> Problem {
    if let Some(oldest) = error.oldest() {
        return Problem::pruned(oldest);
    }
    let (offset, limit) = (parameters.offset.get(), parameters.limit);
    if error.is_retryable() {
        tracing::warn!(%error, offset, limit, "the feed cannot read the log now");
        Problem::store_unavailable()
    } else {
        tracing::error!(%error, offset, limit, "the feed cannot read the log");
        Problem::store_failed()
    }
}
