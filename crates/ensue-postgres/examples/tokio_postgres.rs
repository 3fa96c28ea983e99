//! Appending in a transaction of another driver: the append is a statement, and what is bound to it.
//!
//! ```sh
//! cargo run -p ensue-postgres --example tokio_postgres -- postgres://postgres@localhost/shop
//! ```

use ensue::{AnyEvent, BoxError, Event, EventId, Log, Meta, Position, Timestamp};
use ensue_postgres::{PostgresStore, append};
use serde::{Deserialize, Serialize};
use tokio_postgres::types::ToSql;
use tokio_postgres::{NoTls, Transaction};

#[derive(Event, Serialize, Deserialize)]
#[event(type = "order.placed", key = order_no)]
struct OrderPlaced {
    order_no: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let url = std::env::args().nth(1).ok_or("which database? give its url")?;
    // It makes the tables, and moves what is appended into the log.
    let store = PostgresStore::connect(&url).await?;
    let before = store.barrier().await?;

    let (mut client, connection) = tokio_postgres::connect(&url, NoTls).await?;
    tokio::spawn(connection);
    let transaction = client.transaction().await?;
    // … whatever the domain does comes first …
    raise_in(&transaction, &["A-1", "A-2"]).await?;
    transaction.commit().await?;

    let after = store.barrier().await?;
    println!("the log went from {before} to {after}");
    assert!(after >= Position::new(before.get() + 2));
    Ok(())
}

/// The last thing before the commit.
async fn raise_in(transaction: &Transaction<'_>, order_nos: &[&str]) -> Result<(), BoxError> {
    let envelope = |order_no: &&str| {
        let event = OrderPlaced { order_no: (*order_no).to_owned() };
        let event = AnyEvent::new(event, Timestamp::from(std::time::SystemTime::now()));
        event.to_envelope(&Meta::of(&event, EventId::now()))
    };
    let envelopes = order_nos.iter().map(envelope).collect::<Result<Vec<_>, _>>()?;
    for batch in append::batches(&envelopes) {
        let parameters: [&(dyn ToSql + Sync); 13] = [
            &batch.event_ids,
            &batch.types,
            &batch.versions,
            &batch.keys,
            &batch.content_types,
            &batch.payloads,
            &batch.payloads_bytes,
            &batch.occurred_at_us,
            &batch.correlation_ids,
            &batch.causation_ids,
            &batch.hops,
            &batch.trace_contexts,
            &batch.headers,
        ];
        transaction.execute(append::STATEMENT, &parameters).await?;
    }
    Ok(())
}
