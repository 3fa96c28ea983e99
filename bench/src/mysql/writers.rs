//! Connections, each of which cancels orders: a row is updated and an event is stored.

use ensue::{BoxError, Event, raise};
use ensue_mysql::Events;
use sqlx::{Connection, MySqlConnection};
use uuid::Uuid;

use crate::clock::now_us;
use crate::mysql::database::Database;
use crate::order_cancelled::OrderCancelled;
use crate::postgres::writers::{Load, Writer, Writers};

/// A connection that nobody shares, and a plain table.
pub(crate) struct ByHand {
    connection: MySqlConnection,
    numbers: Numbers,
}

/// Who gives an event its number.
#[derive(Clone, Copy)]
pub(crate) enum Numbers {
    /// The table itself, which is no order that readers could follow.
    AutoIncrement,
    /// A row that is locked until the commit, which is one.
    Counter,
}

impl ByHand {
    pub(crate) async fn writers(
        database: &Database,
        load: Load,
        numbers: Numbers,
    ) -> Result<Writers<Self>, BoxError> {
        let mut writers = Vec::new();
        for _ in 0..load.connections {
            writers.push(Self { connection: database.connect().await?, numbers });
        }
        Ok(Writers::new(load, writers))
    }
}

impl Writer for ByHand {
    async fn cancel(&mut self, order: u32, _: u32) -> Result<(), BoxError> {
        let event = OrderCancelled::of(order);
        let mut transaction = self.connection.begin().await?;
        update(&mut transaction, order).await?;
        let number = match self.numbers {
            Numbers::AutoIncrement => None,
            Numbers::Counter => {
                Some(sqlx::query(COUNT).execute(&mut *transaction).await?.last_insert_id())
            }
        };
        insert(&mut transaction, &event, number).await?;
        Ok(transaction.commit().await?)
    }
}

/// Units of work.
pub(crate) struct ByEnsue(Events);

impl ByEnsue {
    pub(crate) fn writers(events: &Events, load: Load) -> Writers<Self> {
        Writers::new(load, (0..load.connections).map(|_| Self(events.clone())).collect())
    }
}

impl Writer for ByEnsue {
    async fn cancel(&mut self, order: u32, _: u32) -> Result<(), BoxError> {
        let cancelling = self.0.run(async move |tx| {
            update(tx, order).await?;
            raise(OrderCancelled::of(order));
            Ok::<_, BoxError>(())
        });
        cancelling.await
    }
}

async fn update(connection: &mut MySqlConnection, order: u32) -> sqlx::Result<()> {
    sqlx::query("UPDATE purchase SET state = ? WHERE no = ?")
        .bind("cancelled")
        .bind(i64::from(order))
        .execute(connection)
        .await
        .map(drop)
}

/// As one who needs the same columns would.
async fn insert(
    connection: &mut MySqlConnection,
    event: &OrderCancelled,
    number: Option<u64>,
) -> Result<(), BoxError> {
    let id = Uuid::now_v7().to_string();
    sqlx::query(INSERT)
        .bind(number)
        .bind(&id)
        .bind(OrderCancelled::TYPE)
        .bind(i64::from(OrderCancelled::VERSION))
        .bind(&event.order_no)
        .bind(OrderCancelled::CONTENT_TYPE)
        .bind(serde_json::to_string(event)?)
        .bind(None::<&[u8]>)
        .bind(now_us()?)
        .bind(&id)
        .bind(None::<&str>)
        .bind(0_i64)
        .bind(None::<&str>)
        .bind(None::<&str>)
        .execute(connection)
        .await?;
    Ok(())
}

const COUNT: &str = "UPDATE counter SET position = LAST_INSERT_ID(position + 1) WHERE is_only = 1";

const INSERT: &str = "
INSERT INTO plain_log (
    id, event_id, type, version, `key`, content_type, payload, payload_bytes, occurred_at_us,
    recorded_at_us, correlation_id, causation_id, hops, trace_context, headers
)
VALUES (
    ?, ?, ?, ?, ?, ?, ?, ?, ?,
    TIMESTAMPDIFF(MICROSECOND, TIMESTAMP'1970-01-01 00:00:00', UTC_TIMESTAMP(6)), ?, ?, ?, ?, ?
)";
