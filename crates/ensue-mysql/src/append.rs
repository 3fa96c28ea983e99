//! Appending, in whichever transaction.
//!
//! ORDERING: it must be the last thing before COMMIT. Events of transactions that wait for one
//! another then stand in the log in the order in which they got what they waited for.

use std::sync::LazyLock;

use ensue::store::columns::headers;
use ensue::store::sql::text_or_bytes;
use ensue::{Envelope, Error};
use sqlx::mysql::{MySql, MySqlArguments};
use sqlx::query::Query;
use sqlx::{MySqlConnection, Transaction};

use crate::error::failed;
use crate::sql::{Repeated, sql};

/// LIMIT: the payloads of one statement, unless it is a single one. A server takes statements of 16 MB
/// or more, unless it was told otherwise.
const BATCH_BYTES_MAX: usize = 4 << 20;

/// Appends `envelopes` in a transaction of sqlx's own, to the log in its database.
///
/// # Errors
/// [`ErrorKind::Name`](ensue::ErrorKind::Name) before anything is appended if a name or text of an envelope
/// breaks its [rule](ensue::NameRule). The database's. The transaction can then only be rolled back.
///
/// CANCEL-SAFE: dropped half-way, some may have been appended; the transaction must then be rolled
/// back.
pub async fn append_in(
    transaction: &mut Transaction<'_, MySql>,
    envelopes: &[Envelope],
) -> Result<(), Error> {
    envelopes.iter().try_for_each(Envelope::check)?;
    let inserted = insert(transaction, envelopes).await;
    inserted.map_err(failed(|| "cannot append to the log".to_owned()))
}

pub(crate) async fn insert(
    connection: &mut MySqlConnection,
    envelopes: &[Envelope],
) -> sqlx::Result<()> {
    let mut rest = envelopes;
    while !rest.is_empty() {
        let (mut batch, later) = rest.split_at(batch_len(rest));
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

/// How many of the envelopes are in the next batch: at least one if there is any.
fn batch_len(envelopes: &[Envelope]) -> usize {
    let mut bytes = 0;
    let fits = |envelope: &&Envelope| {
        let is_first = bytes == 0;
        bytes += envelope.payload.len().max(1);
        is_first || bytes <= BATCH_BYTES_MAX
    };
    envelopes.iter().take_while(fits).count()
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

    #[test]
    fn a_batch_is_bounded_in_bytes_and_never_empty() {
        let third = BATCH_BYTES_MAX / 3;
        assert_eq!(batch_len(&vec![envelope(third); 7]), 3);
        assert_eq!(batch_len(&[envelope(BATCH_BYTES_MAX + 1), envelope(1)]), 1);
        assert_eq!(batch_len(&vec![envelope(0); 1_000]), 1_000);
        assert_eq!(batch_len(&[]), 0);
    }
}
