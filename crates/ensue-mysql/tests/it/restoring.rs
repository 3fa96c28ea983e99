//! A database that is dumped, and restored on another server.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use ensue::subscription::{Change, SetAside, SetAsideState, TakeOver};
use ensue::{
    BoxError, Event, Handled, Log, Position, RetryPolicy, Start, Subscriptions, Transactions, raise,
};
use ensue_mysql::{Events, MysqlOptions, MysqlStore, Tx};
use serde::{Deserialize, Serialize};
use servers::MariaDb;
use sqlx::mysql::MySqlConnectOptions;
use sqlx::{Connection, MySqlConnection};

use crate::server::{Database, PATIENCE};

#[derive(Event, Serialize, Deserialize)]
#[event(type = "order.placed", key = order_no)]
struct OrderPlaced {
    order_no: String,
}

/// A handler that takes the effect of each order, but of the one that it cannot.
async fn note(event: &OrderPlaced, tx: &mut Tx) -> Result<(), BoxError> {
    if event.order_no == POISONED {
        return Err("it cannot be noted".into());
    }
    let insert = sqlx::query("INSERT INTO effect VALUES (?)").bind(&event.order_no);
    insert.execute(&mut **tx).await?;
    Ok(())
}

const POISONED: &str = "A-003";

async fn place(events: &Events, numbers: std::ops::Range<u32>) {
    for number in numbers {
        let run = events.run(async |_tx| {
            raise(OrderPlaced { order_no: format!("A-{number:03}") });
            Ok::<_, ensue::Error>(())
        });
        run.await.unwrap();
    }
}

async fn application(options: MysqlOptions) -> Events {
    let once = RetryPolicy::default().attempts(1);
    let store = options.connect().await.unwrap();
    let builder = Events::builder(store).subscription("notes", |subscription| {
        subscription.on(note).retry(once).lanes(2).from(Start::Beginning)
    });
    builder.build().await.unwrap()
}

async fn handle_all(events: &Events) {
    let forwarder = events.forward();
    let ticket = events.ticket().await.unwrap();
    let handled = ticket.handled_by("notes", PATIENCE).await.unwrap();
    assert_ne!(handled, Handled::TimedOut);
    assert!(forwarder.shutdown(Duration::from_secs(30)).await);
}

/// What nobody has come to yet: above the cursor some effects have a receipt.
async fn leave_receipts(store: &MysqlStore, cursor: u64) {
    let hour = Duration::from_secs(3_600);
    let TakeOver::Granted(term) = store.take_over("notes", "one", hour).await.unwrap() else {
        panic!("nobody else is there")
    };
    let mut transaction = store.begin().await.unwrap();
    let number = cursor + 2;
    let effect = sqlx::query("INSERT INTO effect VALUES (?)").bind(format!("A-{number:03}"));
    effect.execute(&mut *transaction).await.unwrap();
    let receipt = Change::Receipt { position: Position::new(number) };
    store.record(&mut transaction, "notes", term.epoch, &[receipt]).await.unwrap();
    store.commit(transaction).await.unwrap();
    store.release("notes", term.epoch).await.unwrap();
}

/// Everything there is to lose: a log, a cursor, what is parked, a receipt, and events in the outbox
/// that are committed and have no position yet. Of order `n` the position is `n`.
async fn everything(database: &Database) {
    database.execute("CREATE TABLE effect (order_no varchar(20) PRIMARY KEY)").await;
    let events = application(database.store_options()).await;
    place(&events, 1..6).await;
    handle_all(&events).await;
    let status = events.status("notes").await.unwrap();
    assert_eq!((status.cursor, status.set_aside.len()), (Position::new(5), 1));
    place(&events, 6..9).await;
    events.store().barrier().await.unwrap();
    leave_receipts(events.store(), 5).await;
    events.store().close().await;
    let idle = database.store_options().sequence_on_demand().connect().await.unwrap();
    place(&Events::builder(idle).build().await.unwrap(), 9..12).await;
    assert_eq!(database.ask::<i64>("SELECT count(*) FROM ensue_outbox").await, 3);
}

/// The same application, on what was restored.
async fn assert_goes_on(server: MySqlConnectOptions) {
    let events = application(MysqlOptions::new(server.clone())).await;
    place(&events, 12..15).await;
    let before = events.status("notes").await.unwrap();
    assert_eq!(before.cursor, Position::new(5), "a cursor was lost");
    handle_all(&events).await;
    let status = events.status("notes").await.unwrap();
    assert_eq!(status.cursor, Position::new(14));
    let parked: Vec<_> = status.set_aside.iter().map(summary).collect();
    assert_eq!(parked, [(Position::new(3), SetAsideState::Parked)]);
    let mut connection = MySqlConnection::connect_with(&server).await.unwrap();
    let effects = sqlx::query_scalar("SELECT order_no FROM effect ORDER BY order_no");
    let effects: Vec<String> = effects.fetch_all(&mut connection).await.unwrap();
    let numbers = (1..15).map(|number| format!("A-{number:03}"));
    assert_eq!(effects, numbers.filter(|number| number != POISONED).collect::<Vec<_>>());
    let keys = sqlx::query_scalar("SELECT `key` FROM ensue_log ORDER BY position");
    let keys: Vec<String> = keys.fetch_all(&mut connection).await.unwrap();
    assert_eq!(keys, (1..15).map(|number| format!("A-{number:03}")).collect::<Vec<_>>());
    let verification = events.verify().await.unwrap();
    assert!(verification.is_sound(), "{verification}");
    events.store().close().await;
}

fn summary(entry: &SetAside) -> (Position, SetAsideState) {
    (entry.position, entry.state)
}

/// What `from` says is what `into` is told, one after the other.
fn pipe(from: &mut Command, into: &mut Command) {
    let said = from.output().unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let mut into =
        into.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    into.stdin.take().unwrap().write_all(&said.stdout).unwrap();
    let told = into.wait_with_output().unwrap();
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
}

fn told(server: &MariaDb, program: &str) -> Command {
    let mut command = Command::new(server.program(program));
    let port = format!("--port={}", server.port());
    command.args(["--no-defaults", "--host=127.0.0.1", &port, "--user=ensue"]);
    command
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dump_that_is_restored_into_another_server_goes_on_where_the_old_one_stood() {
    let old = MariaDb::start().unwrap();
    let database = Database::on(old.url().parse().unwrap()).await;
    everything(&database).await;
    let new = MariaDb::start().unwrap();
    let restored = Database::on(new.url().parse().unwrap()).await;
    let (mut dump, mut restore) = (told(&old, "mariadb-dump"), told(&new, "mariadb"));
    let dump = dump.args(["--single-transaction", database.name()]);
    pipe(dump, restore.arg(restored.name()));
    assert_goes_on(restored.options()).await;
}
