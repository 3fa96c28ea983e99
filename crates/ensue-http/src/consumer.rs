//! Following a feed: the consumer's five steps, again and again.

mod backoff;
mod error;
mod event;
mod file_cursor;
mod handler;
mod page;
mod remote_feed;
mod run;

use std::fmt;
use std::pin::pin;
use std::time::Duration;

pub use self::error::{Error, ErrorKind};
pub use self::event::FeedEvent;
pub use self::file_cursor::{EachEvent, EachPage, FileCursor};
pub use self::handler::FeedHandler;
pub use self::page::FeedPage;

use self::backoff::Backoff;
use self::remote_feed::RemoteFeed;
use self::run::{Round, Run};

/// Follows a feed for as long as it is let: asks for the events after the saved offset, has them
/// handled, and asks again. Feature `client`.
///
/// ```no_run
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), ensue::BoxError> {
/// use ensue_http::{FeedConsumer, FeedEvent, FileCursor};
///
/// let printer = FileCursor::new("printer.offset").each_event(async |event: FeedEvent| {
///     println!("{} {}", event.id, event.event_type);
///     Ok(())
/// });
/// let shutdown = async { std::future::pending().await }; // such as a signal
///
/// FeedConsumer::new("http://shop.example/api/events").run(printer, shutdown).await?;
/// # Ok(()) }
/// ```
///
/// Where the offset is saved is the [`FeedHandler`]'s to say, and with it whether an event can take
/// effect twice: a [`FileCursor`] for who has no database, otherwise a handler of your own that
/// saves it in the transaction of the effect.
///
/// # What goes wrong, and what happens then
/// | what | then |
/// |---|---|
/// | the server is out of reach, silent for 30 s, or breaks off | asked again, for ever, after a [backoff](FeedConsumer::backoff) |
/// | it answers 408, 429 or 5xx | the same; after its `Retry-After` if that is given in seconds, ten minutes at the most |
/// | it answers anything else but a page | the run ends, with the [problem](https://www.rfc-editor.org/rfc/rfc9457)'s detail in the error |
/// | the page does not begin right after the offset, or has a gap | the run ends: an event that is missing is never passed over |
/// | a different log answers, or the answer no longer names its log | the run ends: the offset means nothing there |
/// | the offset is beyond the end of the log | the run ends: the log was restored to an earlier moment |
/// | the handler fails | the run ends, unless more [attempts](FeedConsumer::attempts) are allowed: the page then comes again |
///
/// Each retry is logged as a warning. The consumer cannot detect a log that was restored to an earlier
/// moment, kept its identity, and outgrew the offset again before the next request. That is why an operator
/// gives a restored log a new identity, as each store's documentation says.
///
/// # Authentication, TLS, proxies
/// Are those of a [`client`](FeedConsumer::client) of your own. `https` needs one of reqwest's TLS
/// features, which you turn on in your own manifest:
/// `reqwest = { version = "0.13", default-features = false, features = ["rustls"] }`.
#[derive(Clone)]
pub struct FeedConsumer {
    url: String,
    client: Option<reqwest::Client>,
    page: u32,
    poll: Duration,
    attempts_max: u32,
    backoff: Backoff,
}

impl FeedConsumer {
    /// A consumer of the feed at `url`, such as `http://shop.example/api/events`.
    ///
    /// A query in it is kept; `offset` and `limit` are added.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            client: None,
            page: PAGE,
            poll: POLL,
            attempts_max: 1,
            backoff: Backoff::default(),
        }
    }

    /// Asks for `events` at a time: 100 unless told otherwise, at least 1. The feed may give fewer.
    #[must_use]
    pub fn page(mut self, events: u32) -> Self {
        self.page = events.max(1);
        self
    }

    /// Pauses so long after an empty page: one second unless told otherwise. Any other page is
    /// followed by the next one at once.
    #[must_use]
    pub fn poll(mut self, pause: Duration) -> Self {
        self.poll = pause;
        self
    }

    /// An error of the handler ends the run at the `attempts`th time in a row that it fails at the
    /// same saved offset; before, the page comes again after a backoff. 1 unless told otherwise,
    /// so that the first error ends it; `u32::MAX` for one that tries for ever.
    #[must_use]
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts_max = attempts.max(1);
        self
    }

    /// Waits up to `first` after the first failure, twice as long after each that follows, and
    /// `longest` at the most; how long exactly is drawn evenly, so that the consumers of a server
    /// that comes back do not all arrive at once. 250 ms to 30 s unless told otherwise.
    #[must_use]
    pub fn backoff(mut self, first: Duration, longest: Duration) -> Self {
        self.backoff = Backoff::new(first, longest);
        self
    }

    /// Asks through `client`, which brings its own headers, certificates and timeouts. Give it a
    /// `read_timeout`: without one, a server that falls silent is waited for without end.
    #[must_use]
    pub fn client(mut self, client: reqwest::Client) -> Self {
        self.client = Some(client);
        self
    }

    /// Follows the feed until `shutdown` ends, which is `Ok`.
    ///
    /// `shutdown` ends it between two pages: one that is being handled is handled to its end, and a
    /// request or a pause is abandoned. A run that never ends by itself takes
    /// `std::future::pending()`.
    ///
    /// Two runs with the same saved offset at the same time both handle everything: let one run at
    /// a time.
    ///
    /// # Errors
    /// See [`ErrorKind`]; all is saved that was handled before. The run can be started again, and
    /// goes on behind it.
    ///
    /// CANCEL-SAFE: dropped at any `.await`, it loses nothing: the page that was being handled
    /// comes again in the next run, unless the handler had saved the offset behind it. What the
    /// handler did of it by then is the handler's to say: nothing, if effect and offset are one
    /// transaction.
    pub async fn run<H: FeedHandler>(
        self,
        handler: H,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), Error> {
        let mut shutdown = pin!(shutdown);
        let mut run = Run::new(self, handler)?;
        loop {
            let round = tokio::select! {
                biased;
                () = &mut shutdown => return Ok(()),
                // CANCEL-SAFE: asking changes nothing.
                round = run.ask() => round?,
            };
            let pause = match round {
                Round::Page(page) => run.handle(page).await?,
                Round::Pause(pause) => pause,
            };
            if pause.is_zero() {
                continue;
            }
            tokio::select! {
                biased;
                () = &mut shutdown => return Ok(()),
                () = tokio::time::sleep(pause) => {}
            }
        }
    }
}

/// Omits possible secrets: the account and query of the address, and the client's headers.
impl fmt::Debug for FeedConsumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FeedConsumer")
            .field("url", &remote_feed::without_secrets(&self.url))
            .field("page", &self.page)
            .field("poll", &self.poll)
            .field("attempts_max", &self.attempts_max)
            .field("backoff", &self.backoff)
            .finish_non_exhaustive()
    }
}

/// The feed's own page size.
const PAGE: u32 = 100;

const POLL: Duration = Duration::from_secs(1);
