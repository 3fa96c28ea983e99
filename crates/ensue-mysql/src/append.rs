//! Appending, in whichever transaction.
//!
//! ORDERING: it must be the last thing before COMMIT. Events of transactions that wait for one
//! another then stand in the log in the order in which they got what they waited for.

use std::sync::LazyLock;

use ensue::store::columns::{headers, row_bytes};
use ensue::store::sql::{fitting, text_or_bytes};
use ensue::{Envelope, Error};
use sqlx::mysql::{MySql, MySqlArguments};
use sqlx::query::Query;
use sqlx::{Connection, MySqlConnection, Row, Transaction};

use crate::error::failed;
use crate::sql::{Repeated, sql};

/// LIMIT: bytes per statement, unless it is a single row or the server accepts less.
const BATCH_BYTES_MAX: usize = 4 << 20;

/// LIMIT: bytes sent without asking for the server's limit: below every server's default.
pub(crate) const UNASKED_BYTES_MAX: usize = 512 << 10;

/// The size of a message without its rows: the type of each value, a few numbers.
const MESSAGE_BYTES: usize = 64 << 10;

/// Appends `envelopes` in a transaction of sqlx's own, to the log in its database.
///
/// # Errors
/// Returns [`ErrorKind::Name`](ensue::ErrorKind::Name) if a name or text of an envelope breaks its
/// [rule](ensue::NameRule), and the database's errors. No envelope is then appended, even if the
/// transaction is committed.
///
/// CANCEL-SAFE: dropping the future appends either no envelope or all of them.
pub async fn append_in(
    transaction: &mut Transaction<'_, MySql>,
    envelopes: &[Envelope],
) -> Result<(), Error> {
    envelopes.iter().try_for_each(Envelope::check)?;
    let inserted = insert_all_or_none(transaction, envelopes).await;
    inserted.map_err(failed(|| "cannot append to the log".to_owned()))
}

/// Several envelopes may take several statements; a later one may fail and leave the transaction open.
async fn insert_all_or_none(
    transaction: &mut Transaction<'_, MySql>,
    envelopes: &[Envelope],
) -> sqlx::Result<()> {
    if envelopes.len() <= 1 {
        return insert(transaction, envelopes).await;
    }
    let mut savepoint = transaction.begin().await?;
    insert(&mut savepoint, envelopes).await?;
    savepoint.commit().await
}

pub(crate) async fn insert(
    connection: &mut MySqlConnection,
    envelopes: &[Envelope],
) -> sqlx::Result<()> {
    let bytes: usize = envelopes.iter().map(row_bytes).sum();
    let bytes_max = match bytes > UNASKED_BYTES_MAX {
        true => message_bytes_max(connection, envelopes).await?,
        false => UNASKED_BYTES_MAX,
    };
    let mut rest = envelopes;
    while !rest.is_empty() {
        let (mut batch, later) = rest.split_at(fitting(rest, bytes_max, row_bytes));
        while let Some((statement, now, remaining)) = APPEND.cut(batch) {
            let query = now.iter().fold(sqlx::query(statement), bind);
            query.execute(&mut *connection).await?;
            batch = remaining;
        }
        rest = later;
    }
    Ok(())
}

static APPEND: LazyLock<Repeated> = LazyLock::new(|| Repeated::of(sql!("append")));

/// Returns the maximum size of a statement. Refuses a single event that is larger than the server
/// accepts, since the server would close the connection.
async fn message_bytes_max(
    connection: &mut MySqlConnection,
    envelopes: &[Envelope],
) -> sqlx::Result<usize> {
    let row = sqlx::raw_sql(sql!("read_message_bytes_max")).fetch_one(connection).await?;
    let takes = usize::try_from(row.try_get::<i64, _>(0)?).unwrap_or(usize::MAX);
    let largest = envelopes.iter().map(row_bytes).max().unwrap_or_default();
    if largest > takes {
        let why = format!(
            "an event of {largest} bytes exceeds this server's maximum message size of {takes} bytes; \
             raise `max_allowed_packet`, or store large data elsewhere and refer to it"
        );
        return Err(sqlx::Error::Encode(why.into()));
    }
    Ok(BATCH_BYTES_MAX.min(takes.saturating_sub(MESSAGE_BYTES)))
}

type Insert<'q> = Query<'q, MySql, MySqlArguments>;

fn bind<'q>(query: Insert<'q>, envelope: &'q Envelope) -> Insert<'q> {
    let (text, bytes) = text_or_bytes(&envelope.payload);
    query
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
