//! The feed: the log of [ensue](https://docs.rs/ensue) over HTTP, for consumers in other processes
//! and other languages.
//!
//! ```no_run
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), ensue::BoxError> {
//! use ensue_http::Feed;
//! use ensue_sqlite::SqliteStore;
//!
//! let store = SqliteStore::open("shop.db").await?;
//! let app = axum::Router::new().merge(Feed::new(store).into_router());
//!
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
//! axum::serve(listener, app).await?;
//! # Ok(()) }
//! ```
//!
//! # What is served
//! `GET /api/events?offset=0&limit=100` answers with a bare JSON array:
//!
//! ```json
//! [{"id":1,"type":"order.placed","contentType":"application/json","payload":"{\"order_no\":\"A-1\"}","timestamp":1700000000123}]
//! ```
//!
//! | parameter | meaning | missing |
//! |---|---|---|
//! | `offset` | how many events the consumer has seen; the page begins after them | 0 |
//! | `limit` | how many events the page has at the most; taken down to [`Feed::page_limit`] | 100 |
//!
//! | member | meaning |
//! |---|---|
//! | `id` | the event's position in the log: 1, 2, 3 … |
//! | `type` | the stable name of its type |
//! | `contentType` | the payload's media type |
//! | `payload` | the payload as it was stored, in a string |
//! | `timestamp` | when it happened, in milliseconds since 1970-01-01T00:00:00Z |
//!
//! A JSON string cannot hold a payload that is not UTF-8, and a payload whose content type already ends in
//! `;base64` would be ambiguous. Such a payload is written in base64
//! ([RFC 4648 §4](https://www.rfc-editor.org/rfc/rfc4648#section-4)), and its `contentType` ends in
//! `;base64`. In every other event the payload is the string's UTF-8.
//!
//! Another program may have written an entry that cannot be read. The feed shows it in its place, as an
//! event of the type `ensue.unreadable`, so that a consumer that counts events misses none after it. Its
//! `payload` is a JSON object, `{"eventType":"order.placed","reason":"…"}` (`eventType` is `null` if it
//! cannot be read either). Its `timestamp` is when it was stored. A consumer that must not miss any event
//! stops there.
//!
//! At the end of the log a page is `[]`. An offset beyond the end is refused. A page may have fewer than
//! `limit` events although the log has more, since the size of its payloads is limited too
//! ([`Page::BYTES`](ensue::store::Page::BYTES)): only an empty page means that you have reached the end.
//!
//! Every answer from the log names it in the header `Ensue-Log`. Save the header beside the offset. If it
//! changes, the offset has no meaning in the new log. It changes when the log is recreated, and when an
//! operator gives a restored log a new identity, as each store's documentation says.
//!
//! # The consumer's five steps
//! 1. Take the saved offset, 0 the first time.
//! 2. Request the events after it.
//! 3. Handle them in their order.
//! 4. Save the offset plus the number of events handled.
//! 5. Do it again, after a pause if the page was empty.
//!
//! Since positions have no gaps and never change, each event is seen, and in order. Save the offset
//! in the transaction of the effect and each takes effect once; save it elsewhere and a crash
//! between 3 and 4 shows the last page again.
//!
//! ```no_run
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), ensue::BoxError> {
//! # fn saved_offset() -> Option<usize> { None }
//! # fn handle(_: &serde_json::Value) {}
//! # fn save_offset(_: usize) {}
//! loop {
//!     let offset = saved_offset().unwrap_or(0);
//!     let url = format!("http://127.0.0.1:3000/api/events?offset={offset}&limit=100");
//!     let answer = reqwest::get(url).await?.error_for_status()?;
//!     let events: Vec<serde_json::Value> = answer.json().await?;
//!     events.iter().for_each(handle);
//!     save_offset(offset + events.len());
//!     if events.is_empty() {
//!         tokio::time::sleep(std::time::Duration::from_secs(1)).await;
//!     }
//! }
//! # }
//! ```
//!
//! In Rust, `FeedConsumer` is these steps. It comes with the feature `client`, which brings reqwest;
//! who only serves the feed gets no HTTP client.
//!
#![cfg_attr(feature = "client", doc = include_str!("consumer.md"))]
//!
//! # When it cannot answer
//! Every refusal is a problem of [RFC 9457](https://www.rfc-editor.org/rfc/rfc9457),
//! `application/problem+json`:
//!
//! | status | `type` | when |
//! |---|---|---|
//! | 400 | `/problems/bad-parameter` | `offset` or `limit` is not a whole number from 0 to 9223372036854775807, or is given twice; member `parameter` says which |
//! | 405 | `/problems/method-not-allowed` | the method is neither `GET` nor `HEAD`: the feed is read-only |
//! | 409 | `/problems/offset-beyond-head` | the offset is beyond the end of the log: the log was restored to an earlier moment, or the offset was saved for another log; member `head` is the last offset in the log |
//! | 410 | `/problems/pruned` | the events after this offset are not in the log any more; member `oldestOffset` is the one to read on from |
//! | 500 | `/problems/store-failed` | the log cannot be read |
//! | 503 | `/problems/store-unavailable` | the log cannot be read now; ask again after `Retry-After` seconds |
//! | 503 | `/problems/too-many-reads` | [`Feed::concurrent_reads`] pages are being read; retry after `Retry-After` seconds |
//! | 503 | `/problems/offset-not-reached` | the server reads a copy of the log, such as a replica, that has not reached the offset yet; member `head` is its last offset; retry after `Retry-After` seconds |
//!
//! Why the log could not be read is in the server's own log ([`tracing`]), not in the answer.
//!
//! # The other way
//! [`OriginLayer`] lets the events that a request brings about carry its correlation id and trace
//! context.

#[cfg(feature = "client")]
mod consumer;
mod feed;
mod origin;

#[cfg(feature = "client")]
pub use consumer::{
    EachEvent, EachPage, Error, ErrorKind, FeedConsumer, FeedEvent, FeedHandler, FeedPage,
    FileCursor,
};
pub use feed::Feed;
pub use origin::{OriginLayer, OriginService};
