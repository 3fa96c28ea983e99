//! The feed at the other end of the wire.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use ensue::store::LogId;
use ensue::{BoxError, Position};
use reqwest::header::{ACCEPT, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode, Url};
use serde::Deserialize;

use super::{Error, ErrorKind, FeedPage};

pub(super) struct RemoteFeed {
    client: Client,
    url: Url,
}

pub(super) enum Answer {
    Page(FeedPage),
    /// None now; the same request may be answered later.
    Later {
        why: String,
        retry_after: Option<Duration>,
    },
}

impl RemoteFeed {
    pub(super) fn new(url: &str, client: Option<Client>) -> Result<Self, Error> {
        let parsed = Url::parse(url).map_err(|error| address(url, error))?;
        if !matches!(parsed.scheme(), "http" | "https") {
            return Err(address(url, "it begins with neither http: nor https:"));
        }
        let client = client.map_or_else(own_client, Ok).map_err(|error| address(url, error))?;
        Ok(Self { client, url: parsed })
    }

    /// Reads up to `limit` events after `offset`. Fails if the log is not `saved`.
    pub(super) async fn read(
        &self,
        offset: Position,
        saved: Option<LogId>,
        limit: u32,
    ) -> Result<Answer, Error> {
        let request = self.client.get(self.page_url(offset, limit));
        let mut response = match request.header(ACCEPT, "application/json").send().await {
            Ok(response) => response,
            Err(error) => return self.unreachable(error),
        };
        let is_page = response.status() == StatusCode::OK;
        let log = self.log(&response)?;
        if let Some(saved) = saved
            && log != Some(saved)
            && (log.is_some() || is_page)
        {
            return Err(Error::other_log(&self.to_string(), log, saved, offset));
        }
        if !is_page {
            return self.refused(response).await;
        }
        match body(&mut response, BODY_MAX).await {
            Ok(Some(body)) => self.page(offset, log, &body).map(Answer::Page),
            Ok(None) => Err(self.unusable(format!("more than {BODY_MAX} bytes"))),
            Err(error) => self.unreachable(error),
        }
    }

    fn page_url(&self, offset: Position, limit: u32) -> Url {
        let mut url = self.url.clone();
        url.query_pairs_mut()
            .append_pair("offset", &offset.to_string())
            .append_pair("limit", &limit.to_string());
        url
    }

    /// Returns the log that answers. `None` if the server, or a proxy before it, does not name the log.
    fn log(&self, response: &Response) -> Result<Option<LogId>, Error> {
        let Some(log) = response.headers().get(LOG) else { return Ok(None) };
        let log = log.to_str().ok().and_then(|log| log.parse().ok());
        log.map(Some).ok_or_else(|| self.unusable(format!("no identity in the header `{LOG}`")))
    }

    fn page(&self, offset: Position, log: Option<LogId>, body: &[u8]) -> Result<FeedPage, Error> {
        let events = serde_json::from_slice(body)
            .map_err(|error| self.unusable("no page of a feed").because(error))?;
        FeedPage::after(offset, log, events)
    }

    fn unreachable(&self, error: reqwest::Error) -> Result<Answer, Error> {
        let error = error.without_url();
        let why = causes(&error);
        // The connector's words; it has no better sign of it.
        if self.url.scheme() == "https" && why.contains("scheme is not http") {
            let advice = "https needs a TLS feature of reqwest, such as `rustls`";
            return Err(address(&self.to_string(), advice));
        }
        if error.is_builder() || error.is_redirect() {
            return Err(address(&self.to_string(), error));
        }
        Ok(Answer::Later { why, retry_after: None })
    }

    async fn refused(&self, mut response: Response) -> Result<Answer, Error> {
        let (status, retry_after) = (response.status(), retry_after(&response));
        let problem = problem(&mut response).await;
        let is_ahead = problem.r#type.as_deref() == Some(BEYOND_HEAD);
        let reason = problem.detail.or(problem.title);
        let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
        let why = format!("answered {status}{reason}");
        if is_passing(status) {
            return Ok(Answer::Later { why, retry_after });
        }
        let kind = if is_ahead { ErrorKind::Ahead } else { ErrorKind::Refused };
        Err(Error::new(kind, format!("{self} {why}")))
    }

    fn unusable(&self, what: impl fmt::Display) -> Error {
        Error::new(ErrorKind::Answer, format!("{self} answered with {what}"))
    }
}

/// Without the query and the password, which may be secret.
impl fmt::Display for RemoteFeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.url.origin().ascii_serialization(), self.url.path())
    }
}

fn address(url: &str, source: impl Into<BoxError>) -> Error {
    let shown = without_secrets(url);
    Error::new(ErrorKind::Address, format!("cannot ask the feed at `{shown}`")).because(source)
}

/// Returns the part of an address that is certainly neither account nor query. The part may be empty: a
/// password may contain a `?` and a query an `@`, which makes them indistinguishable.
pub(super) fn without_secrets(url: &str) -> &str {
    let before_query = url.split(['?', '#']).next().unwrap_or_default();
    match before_query.rsplit_once('@') {
        Some((_, after_account)) => after_account,
        None if url.contains('@') => "…",
        None => before_query,
    }
}

fn own_client() -> reqwest::Result<Client> {
    Client::builder().connect_timeout(CONNECT_TIMEOUT).read_timeout(READ_TIMEOUT).build()
}

/// Whether waiting helps.
fn is_passing(status: StatusCode) -> bool {
    let asked_to_wait = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS];
    status.is_server_error() || asked_to_wait.contains(&status)
}

/// A date instead of seconds is not understood: the backoff does.
fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
    seconds.trim().parse().ok().map(Duration::from_secs)
}

/// What the server says about it, if it sent a problem.
async fn problem(response: &mut Response) -> Problem {
    let Ok(Some(body)) = body(response, PROBLEM_MAX).await else { return Problem::default() };
    serde_json::from_slice(&body).unwrap_or_default()
}

/// [RFC 9457](https://www.rfc-editor.org/rfc/rfc9457).
#[derive(Default, Deserialize)]
#[serde(default)]
struct Problem {
    r#type: Option<String>,
    title: Option<String>,
    detail: Option<String>,
}

/// The whole body, unless it is larger than `bytes_max`.
async fn body(response: &mut Response, bytes_max: usize) -> reqwest::Result<Option<Vec<u8>>> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > bytes_max {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body))
}

/// An error and what is behind it: the error alone says only that there was one.
fn causes(error: &reqwest::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words.push_str(&format!(": {error}"));
        cause = error.source();
    }
    words
}

const LOG: &str = "ensue-log";

const BEYOND_HEAD: &str = "/problems/offset-beyond-head";

/// LIMIT: for a connection that nobody answers.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// LIMIT: of silence, not of the whole answer: a large page over a slow line is no failure.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// LIMIT: a page's 8 MiB of payload are at the most 48 MiB of JSON, where each byte is escaped; the
/// rest is for a single event that is larger than that.
const BODY_MAX: usize = 128 << 20;

/// LIMIT: a problem is some sentences.
const PROBLEM_MAX: usize = 16 << 10;
