//! How soon it goes on.

use std::time::{Duration, Instant};

use ensue::listener::Source;
use ensue::{BoxError, Events, Listener, State, raise};
use ensue_amqp::{AmqpSink, AmqpSource, Exchange, Queue};
use ensue_sqlite::SqliteStore;
use servers::RabbitMq;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::time::timeout;

use crate::latencies::Latencies;
use crate::order_cancelled::OrderCancelled;
use crate::rabbitmq::knocking::{knock, knock_until_confirmed};
use crate::scenario::Scenario;
use crate::sqlite::database::Database;
use crate::sqlite::durability::Durability;
use crate::terminal;

pub(crate) const SCENARIO: Scenario = Scenario {
    name: "resume_after_the_brokers_return",
    question: "a broker is killed, an event is raised, and the broker is started again: how long after \
               a bare client, which tries every few milliseconds, has its first message confirmed is \
               the event sent, received and handled?",
    measure: || Box::pin(measure()),
};

const RETURNS: u32 = 12;

/// LIMIT: until an event that is sent is handled.
const PATIENCE: Duration = Duration::from_secs(120);

const EXCHANGE: &str = "resumption.events";
const QUEUE: &str = "resumption";
/// The bare client's.
const BESIDE: &str = "beside";

async fn measure() -> Result<(), BoxError> {
    let mut broker = tokio::task::spawn_blocking(RabbitMq::start).await??;
    let url = broker.url();
    let beside = AmqpSource::new(&url, Queue::new(BESIDE))?;
    drop(beside.open(1).await?);
    let mut chain = Chain::over(&url).await?;
    let (_forwarder, _listening) = (chain.sender.forward(), chain.receiver.listen());
    chain.raise(u32::MAX).await?;
    chain.handled().await?;
    // RabbitMQ 3.10 keeps for seconds in memory alone that it has made a quorum queue.
    broker.control(&["eval", "[dets:sync(Table) || Table <- dets:all()]."])?;
    let (mut steady, mut resumed) = (Latencies::default(), Latencies::default());
    for number in 0..RETURNS {
        chain.raise(2 * number).await?;
        chain.handled().await?;
        let knocked = Instant::now();
        knock(&url, BESIDE).await?;
        steady.add(knocked.elapsed());
        broker.kill()?;
        chain.raise(2 * number + 1).await?;
        let restarting = tokio::task::spawn_blocking(move || broker.restart().map(|()| broker));
        let returned = knock_until_confirmed(&url, BESIDE).await?;
        resumed.add(chain.handled().await?.saturating_duration_since(returned));
        broker = restarting.await??;
    }
    print(&steady, &resumed);
    Ok(())
}

/// A service that raises, and one in which something ensues.
struct Chain {
    sender: Events<SqliteStore>,
    receiver: Events<SqliteStore>,
    effects: UnboundedReceiver<Instant>,
    _databases: [Database; 2],
}

impl Chain {
    async fn over(url: &str) -> Result<Self, BoxError> {
        let databases =
            [Database::new(Durability::Full).await?, Database::new(Durability::Full).await?];
        let (effect, effects) = mpsc::unbounded_channel::<Instant>();
        let exchange = Exchange::topic(EXCHANGE);
        let queue = Queue::new(QUEUE).bound_to(exchange.clone(), "#").single_active_consumer();
        let listener = Listener::new("resumption", AmqpSource::new(url, queue)?).on(note);
        let receiver = Events::builder(databases[1].store().await?).state(effect).listen(listener);
        let sink = AmqpSink::new(url, exchange, "/bench")?;
        let sender = Events::builder(databases[0].store().await?).forward_to("broker", sink);
        let (sender, receiver) = (sender.build().await?, receiver.build().await?);
        Ok(Self { sender, receiver, effects, _databases: databases })
    }

    async fn raise(&self, number: u32) -> Result<(), BoxError> {
        let cancelling = self.sender.run(async move |_| {
            raise(OrderCancelled::of(number));
            Ok::<_, BoxError>(())
        });
        cancelling.await
    }

    /// When the next event was.
    async fn handled(&mut self) -> Result<Instant, BoxError> {
        let effect = timeout(PATIENCE, self.effects.recv()).await?;
        effect.ok_or_else(|| "the listener has ended".into())
    }
}

async fn note(
    _: &OrderCancelled,
    State(effect): State<UnboundedSender<Instant>>,
) -> Result<(), BoxError> {
    Ok(effect.send(Instant::now())?)
}

fn print(steady: &Latencies, resumed: &Latencies) {
    terminal::say(&format_args!(
        "  {RETURNS} returns; a bare client connects and has a message confirmed in {} ms",
        steady.percentile(50).as_millis()
    ));
    for percent in [50, 100] {
        let ratio = resumed.percentile(percent).as_secs_f64() / steady.percentile(50).as_secs_f64();
        terminal::say(&format_args!(
            "    p{percent} {:>6} ms, {ratio:.1} x that, target <= 1000 ms",
            resumed.percentile(percent).as_millis()
        ));
    }
}
