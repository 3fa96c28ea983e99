//! What the user brings: the effect, and the place of the offset.

use ensue::store::LogId;
use ensue::{BoxError, Position};

use super::FeedPage;

/// Handles pages of a feed, and keeps the offset.
///
/// Save the offset in the transaction of the effect and each event takes effect **exactly once**,
/// wherever the process is killed:
///
/// ```
/// use ensue::{BoxError, Position};
/// use ensue_http::{FeedHandler, FeedPage};
/// use sqlx::SqlitePool;
///
/// struct Ledger(SqlitePool);
///
/// impl FeedHandler for Ledger {
///     async fn saved_offset(&mut self) -> Result<Position, BoxError> {
///         let sql = "SELECT value FROM saved_offset";
///         let saved: i64 = sqlx::query_scalar(sql).fetch_one(&self.0).await?;
///         Ok(Position::new(saved.try_into()?))
///     }
///
///     async fn handle(&mut self, page: FeedPage) -> Result<(), BoxError> {
///         let mut transaction = self.0.begin().await?;
///         for event in page.events() {
///             sqlx::query("INSERT INTO posting (event_type, payload) VALUES (?, ?)")
///                 .bind(&event.event_type)
///                 .bind(&event.payload)
///                 .execute(&mut *transaction)
///                 .await?;
///         }
///         sqlx::query("UPDATE saved_offset SET value = ?")
///             .bind(i64::try_from(page.offset_after().get())?)
///             .execute(&mut *transaction)
///             .await?;
///         transaction.commit().await?;
///         Ok(())
///     }
/// }
/// # fn is_handler<H: FeedHandler>() {}
/// # is_handler::<Ledger>();
/// ```
///
/// Save it anywhere else, after the effect, and each takes effect **at least once**: after a crash
/// between the two the page comes again. An effect that can be repeated does not mind; any other
/// recognises an event by its [`id`](super::FeedEvent::id). Saved before the effect, events are
/// lost.
///
/// A [`FileCursor`](super::FileCursor) is a ready one, at least once.
#[expect(
    async_fn_in_trait,
    reason = "a run is spawned as the concrete type that it is, so `Send` is seen through; asked \
              for here, it would keep `async` closures out"
)]
pub trait FeedHandler {
    /// The saved offset: how many events have been handled. [`Position::START`] the first time.
    ///
    /// It is asked for before each request, and after an error. After a page was handled it MUST be
    /// the offset after that page; a run ends with
    /// [`ErrorKind::SavedOffset`](super::ErrorKind::SavedOffset) if it is not.
    ///
    /// CANCEL-SAFE: the future may be dropped at any `.await`, at shutdown.
    ///
    /// # Errors
    /// When it cannot be read. It is never to be guessed: an offset that is lost and taken for 0
    /// has everything handled again.
    async fn saved_offset(&mut self) -> Result<Position, BoxError>;

    /// Returns the identity of the log that the saved offset belongs to: the [`FeedPage::log`] saved beside
    /// it. Default: `None`. A run then notices a different log only if it appears during the run.
    ///
    /// A run ends with [`ErrorKind::OtherLog`](super::ErrorKind::OtherLog) if a different log answers.
    ///
    /// CANCEL-SAFE: the future may be dropped at any `.await`, at shutdown.
    ///
    /// # Errors
    /// Returns an error if the identity cannot be read.
    async fn saved_log(&mut self) -> Result<Option<LogId>, BoxError> {
        Ok(None)
    }

    /// Handles the events of `page` in their order, and saves [`FeedPage::offset_after`].
    ///
    /// The page has at least one event and begins right after the saved offset. `Ok` MUST mean that
    /// all of them are handled and the offset is saved. A handler MAY save the offset after some of
    /// the events, if those are handled.
    ///
    /// CANCEL-SAFE: the future is dropped at an `.await` only if the run is dropped: not at
    /// shutdown.
    ///
    /// # Errors
    /// Whatever the handler cannot do. The events after the saved offset come again: in this run if
    /// more [attempts](super::FeedConsumer::attempts) are allowed, otherwise in the next.
    async fn handle(&mut self, page: FeedPage) -> Result<(), BoxError>;
}
