//! The append as data: a statement, and what is bound to it.
//!
//! A unit of work appends by itself. This is for transactions that are begun elsewhere: with
//! [`append_in`] for sqlx's own, and with any other driver in this way (`examples/tokio_postgres.rs`
//! runs it):
//!
//! ```text
//! for batch in append::batches(&envelopes) {
//!     transaction.execute(append::STATEMENT, &[&batch.event_ids, &batch.types, …]).await?;
//! }
//! ```
//!
//! ORDERING: it must be the last thing before COMMIT. Events of transactions that wait for one
//! another then stand in the log in the order in which they got what they waited for. The statement
//! itself has deferred constraints checked first, which may wait as well.

use std::borrow::Cow;

use ensue::store::columns::{headers, row_bytes};
use ensue::store::sql::{fitting, text_or_bytes};
use ensue::{Envelope, Error};
use sqlx::postgres::{PgArguments, Postgres};
use sqlx::query::Query;
use sqlx::{PgConnection, SqlStr, Transaction};

use crate::error::failed;
use crate::schema::Schema;

/// The statement, for the schema `ensue`. For another one, put its name in place of that.
pub const STATEMENT: &str = include_str!("sql/append.sql");

/// The same for a single event, which most transactions have: arrays cost the server as much again as
/// the row. Bound in the same order, each as a value of its own.
pub(crate) const SINGLE: &str = include_str!("sql/append_one.sql");

static PLAIN: Statements =
    Statements { single: Cow::Borrowed(SINGLE), any: Cow::Borrowed(STATEMENT) };

/// LIMIT: what one statement takes. Most transactions are one statement; a message to the server
/// must stay far below the gigabyte that it may have.
const BATCH_BYTES_MAX: usize = 32 << 20;

/// LIMIT: the same for events with hardly any payload.
const BATCH_ROWS_MAX: usize = 20_000;

/// What is bound to the [`STATEMENT`], in this order: `$1` to `$13`, each an array with a value for
/// each envelope.
#[derive(Debug, Default)]
pub struct Batch<'a> {
    /// `text[]`: of UUIDs.
    pub event_ids: Vec<String>,
    /// `text[]`
    pub types: Vec<&'a str>,
    /// `bigint[]`
    pub versions: Vec<i64>,
    /// `text[]`
    pub keys: Vec<Option<&'a str>>,
    /// `text[]`
    pub content_types: Vec<&'a str>,
    /// `text[]`: of those that are text
    pub payloads: Vec<Option<&'a str>>,
    /// `bytea[]`: of the others
    pub payloads_bytes: Vec<Option<&'a [u8]>>,
    /// `bigint[]`: microseconds since 1970
    pub occurred_at_us: Vec<i64>,
    /// `text[]`
    pub correlation_ids: Vec<&'a str>,
    /// `text[]`: of UUIDs
    pub causation_ids: Vec<Option<String>>,
    /// `bigint[]`
    pub hops: Vec<i64>,
    /// `text[]`
    pub trace_contexts: Vec<Option<&'a str>>,
    /// `text[]`: of JSON objects of strings
    pub headers: Vec<Option<String>>,
}

/// The envelopes in batches, one for a statement: nearly always a single one.
pub fn batches(envelopes: &[Envelope]) -> impl Iterator<Item = Batch<'_>> {
    let mut rest = envelopes;
    std::iter::from_fn(move || {
        let (now, later) = rest.split_at(batch_len(rest));
        rest = later;
        (!now.is_empty()).then(|| Batch::of(now))
    })
}

/// Appends `envelopes` in a transaction of sqlx's own, to the log in the schema `ensue`.
///
/// # Errors
/// Returns [`ErrorKind::Name`](ensue::ErrorKind::Name), before it appends anything, if a name or text of an
/// envelope breaks its [rule](ensue::NameRule). Otherwise returns the database's error, after which the
/// transaction can only be rolled back.
///
/// CANCEL-SAFE: dropped half-way, some may have been appended; the transaction must then be rolled
/// back.
pub async fn append_in(
    transaction: &mut Transaction<'_, Postgres>,
    envelopes: &[Envelope],
) -> Result<(), Error> {
    envelopes.iter().try_for_each(Envelope::check)?;
    let schema = Schema::default();
    insert(transaction, &PLAIN, &schema, envelopes, true)
        .await
        .map(drop)
        .map_err(failed(|| "cannot append to the log".to_owned()))
}

/// How many of the envelopes are in the next batch: at least one if there is any.
fn batch_len(envelopes: &[Envelope]) -> usize {
    let rows = envelopes.len().min(BATCH_ROWS_MAX);
    fitting(&envelopes[..rows], BATCH_BYTES_MAX, row_bytes)
}

impl<'a> Batch<'a> {
    fn of(envelopes: &'a [Envelope]) -> Self {
        let mut batch = Self::default();
        for envelope in envelopes {
            batch.push(envelope);
        }
        batch
    }

    fn push(&mut self, envelope: &'a Envelope) {
        let (text, bytes) = text_or_bytes(&envelope.payload);
        self.event_ids.push(envelope.id.to_string());
        self.types.push(&envelope.event_type);
        self.versions.push(envelope.version.into());
        self.keys.push(envelope.key.as_deref());
        self.content_types.push(&envelope.content_type);
        self.payloads.push(text);
        self.payloads_bytes.push(bytes);
        self.occurred_at_us.push(envelope.occurred_at.as_micros());
        self.correlation_ids.push(envelope.correlation_id.as_str());
        self.causation_ids.push(envelope.causation_id.map(|id| id.to_string()));
        self.hops.push(envelope.hops.into());
        self.trace_contexts.push(envelope.trace_context.as_deref());
        self.headers.push(headers(envelope));
    }

    fn query(self, statement: SqlStr, is_prepared: bool) -> Query<'a, Postgres, PgArguments> {
        sqlx::query(statement)
            .persistent(is_prepared)
            .bind(self.event_ids)
            .bind(self.types)
            .bind(self.versions)
            .bind(self.keys)
            .bind(self.content_types)
            .bind(self.payloads)
            .bind(self.payloads_bytes)
            .bind(self.occurred_at_us)
            .bind(self.correlation_ids)
            .bind(self.causation_ids)
            .bind(self.hops)
            .bind(self.trace_contexts)
            .bind(self.headers)
    }
}

/// The statements that append, for one event and for any number.
pub(crate) struct Statements {
    pub(crate) single: Cow<'static, str>,
    pub(crate) any: Cow<'static, str>,
}

/// Appends in batches; how many rows that made.
pub(crate) async fn insert(
    connection: &mut PgConnection,
    statements: &'static Statements,
    schema: &Schema,
    envelopes: &[Envelope],
    is_prepared: bool,
) -> sqlx::Result<u64> {
    if let [envelope] = envelopes {
        let query = single(envelope, schema.sql(&statements.single), is_prepared);
        return Ok(query.execute(connection).await?.rows_affected());
    }
    let mut inserted = 0;
    for batch in batches(envelopes) {
        let query = batch.query(schema.sql(&statements.any), is_prepared);
        inserted += query.execute(&mut *connection).await?.rows_affected();
    }
    Ok(inserted)
}

fn single(
    envelope: &Envelope,
    statement: SqlStr,
    is_prepared: bool,
) -> Query<'_, Postgres, PgArguments> {
    let (text, bytes) = text_or_bytes(&envelope.payload);
    sqlx::query(statement)
        .persistent(is_prepared)
        .bind(envelope.id.to_string())
        .bind(&*envelope.event_type)
        .bind(i64::from(envelope.version))
        .bind(envelope.key.as_deref())
        .bind(&*envelope.content_type)
        .bind(text)
        .bind(bytes)
        .bind(envelope.occurred_at.as_micros())
        .bind(envelope.correlation_id.as_str())
        .bind(envelope.causation_id.map(|id| id.to_string()))
        .bind(i64::from(envelope.hops))
        .bind(envelope.trace_context.as_deref())
        .bind(headers(envelope))
}

#[cfg(test)]
mod tests {
    use ensue::{AnyEvent, Event, EventId, Meta, Timestamp};

    use super::*;

    #[derive(Event, serde::Serialize, serde::Deserialize)]
    struct Told;

    fn envelope(payload_bytes: usize) -> Envelope {
        let event = AnyEvent::new(Told, Timestamp::from_micros(1));
        let mut envelope = event.to_envelope(&Meta::of(&event, EventId::now())).unwrap();
        envelope.payload = vec![b'x'; payload_bytes];
        envelope
    }

    fn lengths(envelopes: &[Envelope]) -> Vec<usize> {
        batches(envelopes).map(|batch| batch.event_ids.len()).collect()
    }

    #[test]
    fn a_usual_transaction_is_one_batch_and_none_is_none() {
        assert_eq!(lengths(&[]), [0; 0]);
        assert_eq!(lengths(&vec![envelope(300); 1_000]), [1_000]);
    }

    #[test]
    fn a_batch_is_bounded_in_rows_and_bytes_and_never_empty() {
        let third = BATCH_BYTES_MAX / 3 - row_bytes(&envelope(0));
        assert_eq!(lengths(&vec![envelope(third); 7]), [3, 3, 1]);
        assert_eq!(lengths(&vec![envelope(third + 1); 5]), [2, 2, 1], "every byte of a row counts");
        let huge = [envelope(BATCH_BYTES_MAX + 1), envelope(1), envelope(BATCH_BYTES_MAX + 1)];
        assert_eq!(lengths(&huge), [1, 1, 1]);
        assert_eq!(lengths(&vec![envelope(0); BATCH_ROWS_MAX + 1]), [BATCH_ROWS_MAX, 1]);
    }

    #[test]
    fn what_postgresql_cannot_hold_as_text_is_bytes() {
        assert_eq!(text_or_bytes(b"{}"), (Some("{}"), None));
        assert_eq!(text_or_bytes(b""), (Some(""), None));
        assert_eq!(text_or_bytes(b"a\0b"), (None, Some(&b"a\0b"[..])));
        assert_eq!(text_or_bytes(b"\xff"), (None, Some(&b"\xff"[..])));
    }
}
