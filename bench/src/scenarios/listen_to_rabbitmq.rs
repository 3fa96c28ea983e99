//! What it takes to handle what a broker brings.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ensue::{Batch, BoxError, Events, Listener, State};
use ensue_postgres::{PostgresStore, Tx};

use crate::arm::Arm;
use crate::comparison::{Comparison, Contestant};
use crate::countdown::{Countdown, PATIENCE};
use crate::draining::APartOf;
use crate::order_cancelled::OrderCancelled;
use crate::postgres::commits::Commits;
use crate::postgres::database::Database;
use crate::rabbitmq::bare::{Consumer, Publisher};
use crate::rabbitmq::broker::{Broker, PREFETCH};
use crate::scenario::Scenario;

pub(crate) const SCENARIO: Scenario = Scenario {
    name: "listen_to_rabbitmq",
    question: "what does a message of a quorum queue take to be handled once, its receipt and an \
               upsert in one transaction on PostgreSQL, 100 messages in each, beside a transaction \
               for each message, and with one statement for all of them? And beside a bare consumer that \
               does nothing with them?",
    measure: || Box::pin(measure()),
};

const MESSAGES: u32 = 20_000;
const PARTS: u32 = 20;
const ROUNDS: u32 = 5;

/// Fifteen times as fast.
const TARGET: f64 = 1.0 / 15.0;

async fn measure() -> Result<(), BoxError> {
    let comparison = |than: &str| Comparison {
        name: format!("{MESSAGES} messages, beside {than}"),
        operation: "message",
        per_round: MESSAGES,
        rounds: ROUNDS,
    };
    let one_by_one = Listening::new(MESSAGES / PARTS, 1, Refunding::EachByItself).await?;
    let one_by_one = APartOf { arm: one_by_one, parts: PARTS };
    let [in_batches, at_once] = batched().await?;
    let contestants = vec![in_batches, at_once.with_target(TARGET)];
    comparison("a transaction for each").run(one_by_one, contestants).await?;

    let broker = Broker::new().await?;
    let bare = Consumer::new(&broker, MESSAGES).await?;
    comparison("a bare consumer").run(bare, batched().await?.into()).await?;
    broker.close().await
}

async fn batched() -> Result<[Contestant; 2], BoxError> {
    let each = Listening::new(MESSAGES, 100, Refunding::EachByItself).await?;
    let at_once = Listening::new(MESSAGES, 100, Refunding::AllAtOnce).await?;
    Ok([
        Contestant::new("100 in a transaction", each),
        Contestant::new("and with one statement", at_once),
    ])
}

#[derive(Clone, Copy)]
enum Refunding {
    EachByItself,
    AllAtOnce,
}

struct Listening {
    database: Database,
    store: PostgresStore,
    broker: Broker,
    publisher: Publisher,
    countdown: Arc<Countdown>,
    messages: u32,
    batch: usize,
    refunding: Refunding,
}

impl Listening {
    async fn new(messages: u32, batch: usize, refunding: Refunding) -> Result<Self, BoxError> {
        let database = Database::new(Commits::AsTheDiskIs).await?;
        database.execute(TABLE).await?;
        let (store, broker) = (database.store().await?, Broker::new().await?);
        let publisher = Publisher::new(&broker, messages, messages).await?;
        let countdown = Countdown::from(messages);
        Ok(Self { database, store, broker, publisher, countdown, messages, batch, refunding })
    }
}

impl Arm for Listening {
    async fn round(&mut self) -> Result<Duration, BoxError> {
        self.publisher.publish().await?;
        self.database.execute("TRUNCATE refund").await?;
        self.countdown.begin_anew(self.messages);
        let listener = Listener::new("refunds", self.broker.source()?);
        let listener = match self.refunding {
            Refunding::EachByItself => listener.on(refund),
            Refunding::AllAtOnce => listener.on_batch(refund_all),
        };
        let listener = listener.batch(self.batch).prefetch(PREFETCH);
        let builder = Events::builder(self.store.clone()).state(Arc::clone(&self.countdown));
        let events = builder.listen(listener).build().await?;
        let began = Instant::now();
        let listening = events.listen();
        self.countdown.end().await?;
        let elapsed = began.elapsed();
        let ended = listening.shutdown(PATIENCE).await;
        let refunds = "SELECT count(*) FROM refund WHERE times = 1";
        let refunds = self.database.ask::<i64>(refunds).await?;
        match ended && refunds == i64::from(self.messages) {
            true => Ok(elapsed),
            false => Err(format!("{refunds} of {} were refunded once", self.messages).into()),
        }
    }
}

async fn refund(
    event: &OrderCancelled,
    State(countdown): State<Arc<Countdown>>,
    tx: &mut Tx,
) -> Result<(), BoxError> {
    sqlx::query(UPSERT).bind(&event.order_no).bind(event.amount).execute(&mut **tx).await?;
    countdown.step();
    Ok(())
}

async fn refund_all(
    cancelled: &Batch<OrderCancelled>,
    State(countdown): State<Arc<Countdown>>,
    tx: &mut Tx,
) -> Result<(), BoxError> {
    let events = || cancelled.iter().map(|received| &received.event);
    let order_nos: Vec<_> = events().map(|event| event.order_no.clone()).collect();
    let amounts: Vec<_> = events().map(|event| event.amount).collect();
    sqlx::query(UPSERT_ALL).bind(order_nos).bind(amounts).execute(&mut **tx).await?;
    events().for_each(|_| countdown.step());
    Ok(())
}

const TABLE: &str = "CREATE TABLE refund (order_no text PRIMARY KEY, amount bigint NOT NULL, times bigint NOT NULL)";

const UPSERT: &str = "
    INSERT INTO refund (order_no, amount, times) VALUES ($1, $2, 1)
    ON CONFLICT (order_no) DO UPDATE SET times = refund.times + 1";

const UPSERT_ALL: &str = "
    INSERT INTO refund (order_no, amount, times)
    SELECT order_no, amount, 1 FROM unnest($1::text[], $2::bigint[]) AS cancelled (order_no, amount)
    ON CONFLICT (order_no) DO UPDATE SET times = refund.times + 1";
