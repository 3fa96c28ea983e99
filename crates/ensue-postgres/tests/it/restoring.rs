//! A database that is dumped, and restored on another server.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use ensue::subscription::{Change, SetAside, SetAsideState, TakeOver};
use ensue::{
    BoxError, Event, Handled, Log, Position, RetryPolicy, Start, Subscriptions, Transactions, raise,
};
use ensue_postgres::{Events, PostgresOptions, PostgresStore, Tx};
use serde::{Deserialize, Serialize};
use servers::{PgBouncer, Postgres};
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::server::{Database, PATIENCE, append, envelopes, texts, until, whole_log};

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
    let insert = sqlx::query("INSERT INTO effect VALUES ($1)").bind(&event.order_no);
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

async fn application(options: PostgresOptions) -> Events {
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
async fn leave_receipts(store: &PostgresStore, cursor: u64) {
    let hour = Duration::from_secs(3_600);
    let TakeOver::Granted(term) = store.take_over("notes", "one", hour).await.unwrap() else {
        panic!("nobody else is there")
    };
    let mut transaction = store.begin().await.unwrap();
    let number = cursor + 2;
    let effect = sqlx::query("INSERT INTO effect VALUES ($1)").bind(format!("A-{number:03}"));
    effect.execute(&mut *transaction).await.unwrap();
    let receipt = Change::Receipt { position: Position::new(number) };
    store.record(&mut transaction, "notes", term.epoch, &[receipt]).await.unwrap();
    store.commit(transaction).await.unwrap();
    store.release("notes", term.epoch).await.unwrap();
}

/// Everything there is to lose: a log, a cursor, what is parked, a receipt, and events in the outbox
/// that are committed and have no position yet. Of order `n` the position is `n`.
async fn everything(database: &Database) {
    database.execute("CREATE TABLE effect (order_no text PRIMARY KEY)").await;
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
    assert_eq!(database.ask::<i64>("SELECT count(*) FROM ensue.outbox").await, 3);
}

/// The same application, on what was restored.
async fn assert_goes_on(server: PgConnectOptions) {
    let events = application(PostgresOptions::new(server.clone())).await;
    place(&events, 12..15).await;
    let before = events.status("notes").await.unwrap();
    assert_eq!(before.cursor, Position::new(5), "a cursor was lost");
    handle_all(&events).await;
    let status = events.status("notes").await.unwrap();
    assert_eq!(status.cursor, Position::new(14));
    let parked: Vec<_> = status.set_aside.iter().map(summary).collect();
    assert_eq!(parked, [(Position::new(3), SetAsideState::Parked)]);
    let mut connection = PgConnection::connect_with(&server).await.unwrap();
    let effects = sqlx::query_scalar("SELECT array_agg(order_no ORDER BY order_no) FROM effect");
    let effects: Vec<String> = effects.fetch_one(&mut connection).await.unwrap();
    let numbers = (1..15).map(|number| format!("A-{number:03}"));
    assert_eq!(effects, numbers.filter(|number| number != POISONED).collect::<Vec<_>>());
    let payloads = "SELECT array_agg(key ORDER BY position) FROM ensue.log";
    let keys: Vec<String> = sqlx::query_scalar(payloads).fetch_one(&mut connection).await.unwrap();
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

fn psql(server: &Postgres, url: &str, statement: &str) -> Command {
    let mut psql = Command::new(server.program("psql"));
    psql.args(["-Xq", "-v", "ON_ERROR_STOP=1", "-c", statement, url]);
    psql
}

fn url_on(server: &Postgres, database: &Database) -> String {
    format!("postgres://ensue@127.0.0.1:{}/{}", server.port(), database.name())
}

/// As counted by each: the new one has begun a few hundred transactions, and the old one far more.
async fn next_xid(server: &PgConnectOptions) -> i64 {
    let mut connection = PgConnection::connect_with(server).await.unwrap();
    let next = sqlx::query_scalar("SELECT pg_current_xact_id()::text::bigint");
    next.fetch_one(&mut connection).await.unwrap()
}

fn burn_xids(server: &Postgres) {
    let burn =
        "DO $$ BEGIN FOR i IN 1..20000 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$";
    assert!(psql(server, &server.url(), burn).status().unwrap().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dump_that_is_restored_into_another_server_goes_on_where_the_old_one_stood() {
    let old = Postgres::start().unwrap();
    burn_xids(&old);
    let database = Database::on(old.url().parse().unwrap()).await;
    everything(&database).await;
    let new = Postgres::start().unwrap();
    let server: PgConnectOptions = new.url().parse().unwrap();
    assert!(next_xid(&server).await < next_xid(&database.options()).await);
    let mut dump = Command::new(old.program("pg_dump"));
    let mut restore = Command::new(new.program("pg_restore"));
    let dump = dump.args(["-Fc", &url_on(&old, &database)]);
    pipe(dump, restore.args(["--exit-on-error", "--dbname", &new.url()]));
    assert_goes_on(server).await;
}

/// As logical replication does, which knows of rows and not of sequences: those are set afterwards.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_are_copied_to_another_server_go_on_where_they_stood() {
    let old = Postgres::start().unwrap();
    burn_xids(&old);
    let database = Database::on(old.url().parse().unwrap()).await;
    everything(&database).await;
    let (new, from) = (Postgres::start().unwrap(), url_on(&old, &database));
    let mut schema = Command::new(old.program("pg_dump"));
    let mut made = Command::new(new.program("psql"));
    pipe(schema.args(["--schema-only", &from]), made.args(["-Xq", "--dbname", &new.url()]));
    let tables = "SELECT array_agg(oid::regclass::text) FROM pg_class WHERE NOT relispartition
        AND relkind IN ('r', 'p') AND relnamespace IN ('ensue'::regnamespace, 'public'::regnamespace)";
    for table in database.ask::<Vec<String>>(tables).await {
        let mut read = psql(&old, &from, &format!("COPY (SELECT * FROM {table}) TO STDOUT"));
        pipe(&mut read, &mut psql(&new, &new.url(), &format!("COPY {table} FROM STDIN")));
    }
    let set = include_str!("after_a_copy.sql");
    assert!(psql(&new, &new.url(), set).status().unwrap().success());
    assert_goes_on(new.url().parse().unwrap()).await;
}

/// After a failover or a restore in place, the connections to the pooler stay open.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_a_pooler_that_leads_to_a_restored_server_nothing_is_lost_or_out_of_order() {
    let (old, new) = (Postgres::start().unwrap(), Postgres::start().unwrap());
    burn_xids(&old);
    let database = Database::on(old.url().parse().unwrap()).await;
    let way = Way::to(old.port()).await;
    let url = old.url().replace(&old.port().to_string(), &way.port.to_string());
    let pooler =
        tokio::task::spawn_blocking(move || PgBouncer::start(&url)).await.unwrap().unwrap();
    let pooled: PgConnectOptions = pooler.url().parse().unwrap();
    let options = PostgresOptions::new(pooled.database(database.name())).behind_pooler();
    let store = options.connect().await.unwrap();
    for number in 0..10 {
        append(&store, &envelopes([number])).await;
    }
    assert_eq!(whole_log(&store).await, texts(0..10));
    let create = format!("CREATE DATABASE {}", database.name());
    assert!(psql(&new, &new.url(), &create).status().unwrap().success());
    let mut dump = Command::new(old.program("pg_dump"));
    let mut restore = Command::new(new.program("pg_restore"));
    let dump = dump.args(["-Fc", &url_on(&old, &database)]);
    pipe(dump, restore.args(["--exit-on-error", "--dbname", &url_on(&new, &database)]));
    way.to.send_replace(new.port());
    // The pooler has lost its connections to the old server; the connections to the pooler remain.
    until(async || store.begin().await.is_ok()).await;
    let server = new.url().parse().unwrap();
    assert!(next_xid(&server).await < next_xid(&database.options()).await);
    for number in 10..60 {
        let mut open = store.begin().await.unwrap();
        store.append(&mut open, &envelopes([number])).await.unwrap();
        store.commit(open).await.unwrap();
        until(async || store.head().await.unwrap().get() == number as u64 + 1).await;
    }
    assert_eq!(whole_log(&store).await, texts(0..60));
}

/// A forwarder to one port, and then to another one.
struct Way {
    port: u16,
    to: watch::Sender<u16>,
}

impl Way {
    async fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap().port();
        let (to, leads) = watch::channel(port);
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let mut leads = leads.clone();
                tokio::spawn(async move {
                    let port = *leads.borrow_and_update();
                    let Ok(mut server) = TcpStream::connect(("127.0.0.1", port)).await else {
                        return;
                    };
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut client, &mut server) => {}
                        _ = leads.changed() => {}
                    }
                });
            }
        });
        Self { port: at, to }
    }
}
