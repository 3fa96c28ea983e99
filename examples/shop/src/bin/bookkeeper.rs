//! The bookkeeper: a program of another team, which follows the shop's feed.
//!
//! It knows the feed and nothing else of the shop. Its place in the feed is saved in its own
//! database file, in the transaction that books the events, so that wherever it is killed, each
//! event is booked once.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use ensue::BoxError;
use reqwest::Client;
use serde::Deserialize;
use serde_json::Value;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions};
use sqlx::{SqliteConnection, SqlitePool};

/// LIMIT: a page that the shop cannot write in this time is asked for again.
const TIMEOUT: Duration = Duration::from_secs(10);

/// After a page with nothing on it, and while the shop is closed.
const PAUSE: Duration = Duration::from_millis(200);

const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS posting (
        number INTEGER PRIMARY KEY,
        position INTEGER NOT NULL,
        event_type TEXT NOT NULL,
        order_no TEXT,
        cents INTEGER NOT NULL
    );
    CREATE TABLE IF NOT EXISTS saved_offset (
        singleton INTEGER NOT NULL PRIMARY KEY CHECK (singleton = 1),
        value INTEGER NOT NULL
    );
    INSERT OR IGNORE INTO saved_offset VALUES (1, 0);
";

/// Books what happens in the shop, by following its feed until Ctrl-C
#[derive(Debug, Parser)]
#[command(name = "bookkeeper")]
struct Arguments {
    /// The feed's address, such as http://127.0.0.1:8080/api/events
    #[arg(long, value_name = "URL")]
    feed: String,
    /// The bookkeeper's own database file
    #[arg(long, value_name = "FILE")]
    ledger: PathBuf,
    /// How many events to ask for at a time
    #[arg(long, default_value_t = 100)]
    limit: u64,
    /// Stop once this many events are in the ledger
    #[arg(long, value_name = "N")]
    until: Option<u64>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let ended = tokio::select! {
        ended = follow(&arguments) => ended,
        // CANCEL-SAFE: what is not committed is asked for again next time.
        ended = tokio::signal::ctrl_c() => ended.map_err(Into::into),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

/// The five steps of whoever follows a feed.
async fn follow(arguments: &Arguments) -> Result<(), BoxError> {
    let ledger = open(&arguments.ledger).await?;
    let mut feed = Feed::new(&arguments.feed)?;
    // 1. Take the saved offset, 0 the first time.
    let mut offset = saved_offset(&ledger).await?;
    while let Some(limit) = arguments.limit_after(offset) {
        // 2. Ask for the events after it.
        let events = feed.page(offset, limit).await?;
        // 3. Handle them in their order. 4. Save the offset + count, together with what was done.
        offset = book(&ledger, offset, &events).await?;
        // 5. Do it again, after a pause if there was nothing.
        if events.is_empty() {
            tokio::time::sleep(PAUSE).await;
        }
    }
    Ok(())
}

impl Arguments {
    /// How many events to ask for; nothing once there are enough.
    fn limit_after(&self, offset: u64) -> Option<u64> {
        let left = self.until.map_or(u64::MAX, |until| until.saturating_sub(offset));
        (left > 0).then(|| left.min(self.limit))
    }
}

struct Feed {
    client: Client,
    url: String,
    is_reachable: bool,
}

impl Feed {
    fn new(url: &str) -> reqwest::Result<Self> {
        let client = Client::builder().timeout(TIMEOUT).no_proxy().build()?;
        Ok(Self { client, url: url.to_owned(), is_reachable: true })
    }

    /// Returns the events after `offset`, or none while the shop is unreachable, which it reports once. Fails
    /// if the shop refuses, for example an offset beyond a log that was restored to an earlier moment.
    async fn page(&mut self, offset: u64, limit: u64) -> reqwest::Result<Vec<FeedEvent>> {
        let page = self.ask(offset, limit).await;
        if let Err(error) = &page {
            if error.status().is_some_and(|status| status.is_client_error()) {
                return page;
            }
            if self.is_reachable {
                complain(&format!("the shop is unreachable, retrying: {error}"));
            }
        }
        self.is_reachable = page.is_ok();
        Ok(page.unwrap_or_default())
    }

    async fn ask(&self, offset: u64, limit: u64) -> reqwest::Result<Vec<FeedEvent>> {
        let url = format!("{}?offset={offset}&limit={limit}", self.url);
        self.client.get(url).send().await?.error_for_status()?.json().await
    }
}

#[derive(Debug, Deserialize)]
struct FeedEvent {
    id: u64,
    #[serde(rename = "type")]
    event_type: String,
    payload: String,
}

/// Books the events and saves the offset behind them, in one transaction.
async fn book(ledger: &SqlitePool, offset: u64, events: &[FeedEvent]) -> Result<u64, BoxError> {
    let postings = events.iter().map(Posting::of).collect::<Result<Vec<_>, _>>()?;
    let next = offset + u64::try_from(events.len())?;
    let mut transaction = ledger.begin().await?;
    for posting in &postings {
        posting.save(&mut transaction).await?;
    }
    save_offset(&mut transaction, next).await?;
    transaction.commit().await?;
    postings.iter().try_for_each(|posting| writeln!(io::stdout(), "{posting}"))?;
    Ok(next)
}

/// An event in the bookkeeper's eyes: money that came in, went out, or neither.
struct Posting<'a> {
    event: &'a FeedEvent,
    order_no: Option<String>,
    cents: i64,
}

impl<'a> Posting<'a> {
    fn of(event: &'a FeedEvent) -> Result<Self, BoxError> {
        let payload: Value = serde_json::from_str(&event.payload)?;
        let cents = match &*event.event_type {
            "order.paid" => payload["amount"]["cents"].as_i64().unwrap_or(0),
            "order.cancelled" => -payload["refund"]["cents"].as_i64().unwrap_or(0),
            _ => 0,
        };
        let order_no = payload["order_no"].as_str().map(str::to_owned);
        Ok(Self { event, order_no, cents })
    }

    async fn save(&self, connection: &mut SqliteConnection) -> Result<(), BoxError> {
        sqlx::query(
            "INSERT INTO posting (position, event_type, order_no, cents) VALUES (?, ?, ?, ?)",
        )
        .bind(i64::try_from(self.event.id)?)
        .bind(&self.event.event_type)
        .bind(&self.order_no)
        .bind(self.cents)
        .execute(connection)
        .await?;
        Ok(())
    }
}

impl std::fmt::Display for Posting<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let FeedEvent { id, event_type, .. } = self.event;
        let order_no = self.order_no.as_deref().unwrap_or_default();
        let (sign, cents) = (if self.cents < 0 { "-" } else { "" }, self.cents.unsigned_abs());
        let amount = format!("{sign}{}.{:02}", cents / 100, cents % 100);
        write!(f, "{id:>6}  {event_type:<32}{order_no:<10}{amount:>12}")
    }
}

async fn open(file: &Path) -> sqlx::Result<SqlitePool> {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal);
    let ledger = SqlitePoolOptions::new().max_connections(1).connect_with(options).await?;
    sqlx::raw_sql(TABLES).execute(&ledger).await?;
    Ok(ledger)
}

async fn save_offset(connection: &mut SqliteConnection, offset: u64) -> Result<(), BoxError> {
    sqlx::query("UPDATE saved_offset SET value = ?")
        .bind(i64::try_from(offset)?)
        .execute(connection)
        .await?;
    Ok(())
}

async fn saved_offset(ledger: &SqlitePool) -> Result<u64, BoxError> {
    let saved: i64 = sqlx::query_scalar("SELECT value FROM saved_offset").fetch_one(ledger).await?;
    Ok(saved.try_into()?)
}

#[expect(clippy::print_stderr, reason = "a command-line tool speaks to whoever ran it")]
fn complain(complaint: &dyn std::fmt::Display) {
    eprintln!("bookkeeper: {complaint}");
}
