//! The saved offset in a file.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use ensue::store::LogId;
use ensue::{BoxError, Position};

use super::{Error, ErrorKind, FeedEvent, FeedHandler, FeedPage};

/// Saves the offset in a file of its own, for consumers that have no database: each event takes
/// effect at least once.
///
/// ```no_run
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), ensue::BoxError> {
/// use ensue_http::{FeedConsumer, FeedEvent, FeedPage, FileCursor};
///
/// let feed = FeedConsumer::new("http://shop.example/api/events");
///
/// let mailer = FileCursor::new("mailer.offset").each_event(async |event: FeedEvent| {
///     println!("mail about {}", event.event_type);
///     Ok(())
/// });
/// let archive = FileCursor::new("archive.offset").each_page(async |page: &FeedPage| {
///     println!("store {} events", page.events().len());
///     Ok(())
/// });
///
/// let shutdown = std::future::pending;
/// tokio::try_join!(feed.clone().run(mailer, shutdown()), feed.run(archive, shutdown()))?;
/// # Ok(()) }
/// ```
///
/// The first line of the file is the offset in decimal digits. The second is the identity of the log, if the
/// server names it: a run ends if a different log answers. To follow another log from its beginning, remove
/// the file. Each save is a new file that takes
/// the place of the old one once it is on the disk, so that after a crash or a loss of power the
/// file holds this offset or the one before. To have everything again, stop the consumer and remove
/// the file.
///
/// Saving blocks the thread until the disk has it, some milliseconds as a rule. That is on purpose:
/// a save that outlived its run could undo what the next one saved.
#[derive(Debug, Clone)]
pub struct FileCursor {
    path: PathBuf,
}

impl FileCursor {
    /// The file at `path`; it is made when the first page has been handled. Its folder must be
    /// there.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Has each event handled by `handle`, and the offset saved after each: at the most one event
    /// is handled again after a crash, at the cost of a save for every event.
    pub fn each_event<F>(self, handle: F) -> EachEvent<F>
    where
        F: AsyncFnMut(FeedEvent) -> Result<(), BoxError>,
    {
        EachEvent { cursor: self, handle }
    }

    /// Has each page handled by `handle`, and the offset saved after it: the last page is handled
    /// again after a crash.
    pub fn each_page<F>(self, handle: F) -> EachPage<F>
    where
        F: AsyncFnMut(&FeedPage) -> Result<(), BoxError>,
    {
        EachPage { cursor: self, handle }
    }

    /// The saved offset; [`Position::START`] if there is no file.
    ///
    /// # Errors
    /// [`ErrorKind::SavedOffset`], with the file's name in it: it cannot be read, or what it holds
    /// is no offset.
    pub fn load(&self) -> Result<Position, Error> {
        Ok(self.read()?.0)
    }

    /// Returns the identity of the log that the saved offset belongs to, if known.
    ///
    /// # Errors
    /// The same as for [`load`](Self::load).
    pub fn log(&self) -> Result<Option<LogId>, Error> {
        Ok(self.read()?.1)
    }

    fn read(&self) -> Result<(Position, Option<LogId>), Error> {
        let content = match fs::read(&self.path) {
            Ok(content) => content,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok((Position::START, None));
            }
            Err(error) => return Err(self.failed("read").because(error)),
        };
        parse(&content).ok_or_else(|| self.damaged(&content))
    }

    /// Saves `offset` and the identity of its log. Both are on the disk when it returns.
    ///
    /// # Errors
    /// [`ErrorKind::SavedOffset`], with the file's name in it: it cannot be written.
    pub fn save(&self, offset: Position, log: Option<LogId>) -> Result<(), Error> {
        self.replace(offset, log).map_err(|error| self.failed("write").because(error))
    }

    fn replace(&self, offset: Position, log: Option<LogId>) -> io::Result<()> {
        let mut new_path = self.path.clone().into_os_string();
        new_path.push(".new");
        let mut new = File::create(&new_path)?;
        let log = log.map(|log| format!("{log}\n")).unwrap_or_default();
        write!(new, "{offset}\n{log}")?;
        // ORDERING: the content is on the disk before the name, and the name before we return.
        new.sync_all()?;
        fs::rename(&new_path, &self.path)?;
        sync_folder(&self.path)
    }

    fn failed(&self, verb: &str) -> Error {
        let path = self.path.display();
        Error::new(ErrorKind::SavedOffset, format!("cannot {verb} the saved offset in `{path}`"))
    }

    fn damaged(&self, content: &[u8]) -> Error {
        let path = self.path.display();
        let start = String::from_utf8_lossy(&content[..content.len().min(SHOWN_MAX)]);
        let message = format!(
            "`{path}` holds {start:?}, which is no saved offset: expected are digits and a \
             newline, and the log's identity on a line of its own, if it is known; write the \
             number of events handled into it, or remove it to begin with the \
             first"
        );
        Error::new(ErrorKind::SavedOffset, message)
    }
}

/// See [`FileCursor::each_event`].
#[derive(Debug)]
pub struct EachEvent<F> {
    cursor: FileCursor,
    handle: F,
}

impl<F> FeedHandler for EachEvent<F>
where
    F: AsyncFnMut(FeedEvent) -> Result<(), BoxError>,
{
    async fn saved_offset(&mut self) -> Result<Position, BoxError> {
        Ok(self.cursor.load()?)
    }

    async fn saved_log(&mut self) -> Result<Option<LogId>, BoxError> {
        Ok(self.cursor.log()?)
    }

    async fn handle(&mut self, page: FeedPage) -> Result<(), BoxError> {
        let log = page.log();
        for event in page {
            let offset = event.id;
            (self.handle)(event).await?;
            self.cursor.save(offset, log)?;
        }
        Ok(())
    }
}

/// See [`FileCursor::each_page`].
#[derive(Debug)]
pub struct EachPage<F> {
    cursor: FileCursor,
    handle: F,
}

impl<F> FeedHandler for EachPage<F>
where
    F: AsyncFnMut(&FeedPage) -> Result<(), BoxError>,
{
    async fn saved_offset(&mut self) -> Result<Position, BoxError> {
        Ok(self.cursor.load()?)
    }

    async fn saved_log(&mut self) -> Result<Option<LogId>, BoxError> {
        Ok(self.cursor.log()?)
    }

    async fn handle(&mut self, page: FeedPage) -> Result<(), BoxError> {
        (self.handle)(&page).await?;
        Ok(self.cursor.save(page.offset_after(), page.log())?)
    }
}

/// The newline says that the number is whole: without it, `12` may be the torn beginning of `123`.
fn parse(content: &[u8]) -> Option<(Position, Option<LogId>)> {
    let lines = std::str::from_utf8(content).ok()?.strip_suffix('\n')?;
    let (digits, log) = match lines.split_once('\n') {
        Some((digits, log)) => (digits, Some(log.parse().ok()?)),
        None => (lines, None),
    };
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    let offset = digits.parse().ok().filter(|_| is_number)?;
    Some((Position::new(offset), log))
}

/// A new name lasts once its folder is on the disk.
#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// Other systems cannot open a folder to have it written.
#[cfg(not(unix))]
fn sync_folder(_path: &Path) -> io::Result<()> {
    Ok(())
}

/// As much of a damaged file as one needs in order to recognise it.
const SHOWN_MAX: usize = 40;
