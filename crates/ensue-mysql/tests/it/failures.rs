//! Failures of every statement, in every way in which a server lets one fail.
//!
//! MySQL keeps a transaction open after a statement has failed. So the code that began it must end it, or
//! the next BEGIN on the connection commits half of it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ensue::listener::Message;
use ensue::subscription::{
    Answer, Change, Command, Epoch, Failure, FailureClass, SetAside, SetAsideState, TakeOver,
    Unhandled,
};
use ensue::{
    DeadLetter, Error, ErrorKind, EventId, Inbox, Log, Position, Start, Subscriptions, Timestamp,
    Transactions,
};
use ensue_mysql::{Events, MysqlOptions, MysqlStore, MysqlTransaction};
use sqlx::{Connection, MySqlConnection};

use crate::proxy::{Fault, Proxy, shape};
use crate::server::{
    Database, UNSOUND, append, envelope, envelopes, is_waiting, texts, until, until_waiting,
    whole_log,
};

/// One or two faults of each class, as the server produces them. The first few differ in what they leave
/// behind, the others in how the store reacts.
const FAULTS: [Fault; 14] = [
    Fault::Fails(1205),
    Fault::Fails(1290),
    Fault::RolledBack(1213),
    Fault::Cut,
    Fault::Unanswered,
    Fault::RolledBack(1205),
    Fault::Fails(1317),
    Fault::Fails(1969),
    Fault::Fails(3024),
    Fault::Fails(1114),
    Fault::Fails(1226),
    Fault::Fails(1461),
    Fault::Fails(1180),
    Fault::Fails(1064),
];

const FEW: &[Fault] = FAULTS.split_at(5).0;

const LONG: Duration = Duration::from_secs(3_600);

/// A database behind a proxy on which statements fail.
struct Stage {
    database: Database,
    proxy: Proxy,
    store: MysqlStore,
    /// The units of work that reported a commit.
    committed: BTreeSet<String>,
    /// The units of work that reported a failure.
    not_committed: BTreeSet<String>,
}

impl Stage {
    async fn new() -> Self {
        let database = Database::new().await;
        database.execute("CREATE TABLE effect (name varchar(50) PRIMARY KEY)").await;
        let proxy = Proxy::to(&database.options()).await;
        let through = MysqlOptions::new(proxy.through(database.options()));
        // A single connection, so that a unit of work finds what the previous one left.
        let store = through.connections(1).connect().await.unwrap();
        let (committed, not_committed) = Default::default();
        Self { database, proxy, store, committed, not_committed }
    }

    /// Runs a unit of work with an effect, whatever else it does.
    async fn unit(
        &mut self,
        name: String,
        work: impl AsyncFnOnce(&MysqlStore, &mut MysqlTransaction) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut transaction = self.store.begin().await?;
        let worked = async {
            let effect = sqlx::query("INSERT INTO effect VALUES (?)").bind(&name);
            let effect = effect.execute(&mut *transaction).await;
            effect.map_err(|error| Error::store("cannot take effect", error, true))?;
            work(&self.store, &mut transaction).await
        };
        let ended = match worked.await {
            Ok(()) => self.store.commit(transaction).await,
            Err(error) => {
                // The rollback may fail as well; the connection must then be closed.
                drop(self.store.rollback(transaction).await);
                Err(error)
            }
        };
        match &ended {
            Ok(()) => self.committed.insert(name),
            Err(error) if error.kind() == ErrorKind::InDoubt => false,
            Err(_) => self.not_committed.insert(name),
        };
        ended
    }

    /// Asserts that exactly the committed work is there, and that the outbox, the log and its head agree.
    async fn assert_sound(&self, case: &str) {
        assert_eq!(self.database.ask::<i64>(UNSOUND).await, 0, "{case}");
        let mut connection = self.database.connect().await;
        let effects = sqlx::query_scalar::<_, String>("SELECT name FROM effect");
        let effects: BTreeSet<_> =
            effects.fetch_all(&mut connection).await.unwrap().into_iter().collect();
        let lost: Vec<_> = self.committed.difference(&effects).collect();
        let ghosts: Vec<_> = self.not_committed.intersection(&effects).collect();
        assert_eq!((lost, ghosts), (vec![], vec![]), "{case}");
    }

    /// Runs `scene` with each of its statements failing in each way, and once without a fault after each.
    async fn fail_each(
        &mut self,
        faults: &[Fault],
        scene: impl AsyncFn(&mut Self, String) -> Result<(), Error>,
    ) {
        self.proxy.forget_seen();
        scene(self, "first".to_owned()).await.unwrap();
        let statements = self.proxy.seen();
        let (mut number, mut met) = (0, 0);
        for statement in &statements {
            for fault in faults.iter().copied() {
                number += 1;
                let case = format!("{fault:?} at `{statement}`");
                let (target, is_done) = (statement.clone(), Arc::new(AtomicBool::new(false)));
                let done = Arc::clone(&is_done);
                self.proxy.set_rule(move |sent| {
                    let is_meant = shape(sent) == target && !done.swap(true, Ordering::Relaxed);
                    is_meant.then_some(fault)
                });
                // Some faults let the scene succeed.
                drop(scene(self, format!("{number}")).await);
                self.proxy.clear_rule();
                // Some statements are sent only on a new connection.
                if !is_done.load(Ordering::Relaxed) {
                    continue;
                }
                met += 1;
                self.assert_sound(&case).await;
                let again = scene(self, format!("again-{number}")).await;
                again.unwrap_or_else(|error| panic!("after {case}: {error}"));
            }
        }
        assert!(met > 5 * faults.len(), "{met} of {number}");
        self.assert_sound("at the end").await;
        let events = Events::builder(self.store.clone()).build().await.unwrap();
        let verification = events.verify().await.unwrap();
        assert!(verification.is_sound(), "{verification}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_fails_a_unit_of_work_and_a_pass_are_done_wholly_or_not_at_all() {
    let mut stage = Stage::new().await;
    let scene = async |stage: &mut Stage, name: String| {
        let events: Vec<_> = (0..EVENTS).map(|_| envelope(name.as_bytes())).collect();
        stage
            .unit(name, async |store, transaction| store.append(transaction, &events).await)
            .await?;
        stage.store.barrier().await.map(drop)
    };
    stage.fail_each(&FAULTS, scene).await;
    let log = whole_log(&stage.store).await;
    let effects: i64 = stage.database.ask("SELECT count(*) FROM effect").await;
    assert_eq!(log.len(), EVENTS * usize::try_from(effects).unwrap());
    let events: BTreeSet<_> = log.into_iter().collect();
    assert!(stage.committed.is_subset(&events));
}

/// The number of events of a unit of work: enough for two statements.
const EVENTS: usize = 9;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_fails_the_log_is_pruned_wholly_or_not_at_all() {
    let mut stage = Stage::new().await;
    let scene = async |stage: &mut Stage, name: String| {
        let event = envelope(name.as_bytes());
        stage
            .unit(name, async |store, transaction| store.append(transaction, &[event]).await)
            .await?;
        let head = stage.store.barrier().await?;
        stage.store.prune(head.previous(), Unhandled::Keep).await.map(drop)
    };
    stage.fail_each(FEW, scene).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_fails_a_subscription_is_changed_wholly_or_not_at_all() {
    let mut stage = Stage::new().await;
    append(&stage.store, &envelopes(0..10)).await;
    stage.store.barrier().await.unwrap();
    let scene = async |stage: &mut Stage, name: String| {
        let store = stage.store.clone();
        store.register(&name, Start::Beginning, &["order.placed", "order.paid"]).await?;
        let epoch = match store.take_over(&name, "one", LONG).await? {
            TakeOver::Granted(term) => term.epoch,
            TakeOver::Held { owner, .. } => panic!("{owner} owns what is new"),
        };
        store.take_over(&name, "two", LONG).await?;
        store.claims().await?;
        let request = store.request(&name, &Command::Pause, "on call").await?;
        let changes = [
            Change::Receipt { position: Position::new(9) },
            Change::SetAside(set_aside(7)),
            Change::Settle { position: Position::new(7) },
            Change::Pause { reason: "asked for".to_owned() },
            Change::Answer { request, answer: Answer::Done { changed: 1 } },
            Change::Resume,
            Change::Forget { up_to: Position::new(3) },
            Change::Advance { to: Position::new(5) },
        ];
        stage.record(&name, epoch, &changes).await?;
        stage.record(&name, epoch, &[Change::Advance { to: Position::new(6) }]).await?;
        stage.record(&name, epoch, &[Change::Seek { to: Position::new(4) }]).await?;
        store.find_request(request).await?;
        store.pending_requests().await?;
        store.status(&name).await?;
        store.renew(&name, epoch, LONG).await?;
        store.release(&name, epoch).await
    };
    stage.fail_each(FEW, scene).await;
}

impl Stage {
    /// Records `changes` in a unit of work with an effect; afterwards either both are there or neither.
    async fn record(&mut self, name: &str, epoch: Epoch, changes: &[Change]) -> Result<(), Error> {
        let cursor = match changes.last() {
            Some(Change::Advance { to } | Change::Seek { to }) => to.get(),
            _ => 0,
        };
        let effect = format!("{name}/{cursor}");
        let recorded = self.unit(effect.clone(), async |store, transaction| {
            store.record(transaction, name, epoch, changes).await
        });
        let recorded = recorded.await;
        let question = format!(
            "SELECT (SELECT position FROM ensue_cursor WHERE subscription = '{name}') = {cursor},
                EXISTS (SELECT 1 FROM effect WHERE name = '{effect}')"
        );
        let mut connection = self.database.connect().await;
        let found: (i64, i64) =
            sqlx::query_as(sqlx::AssertSqlSafe(question)).fetch_one(&mut connection).await.unwrap();
        assert_eq!(found.0, found.1, "{effect}: {recorded:?}");
        recorded
    }
}

fn set_aside(position: u64) -> SetAside {
    SetAside {
        position: Position::new(position),
        key: Some("A-1".to_owned()),
        state: SetAsideState::Parked,
        attempts: 3,
        failure: Some(failure()),
        is_replay: false,
    }
}

fn failure() -> Failure {
    Failure::new(FailureClass::Handler, "it cannot")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_fails_what_arrived_is_handled_and_noted_or_neither() {
    let mut stage = Stage::new().await;
    let scene = async |stage: &mut Stage, name: String| {
        let (handled, dead) = (EventId::now(), EventId::now());
        let store = stage.store.clone();
        store.suspect(&name, handled).await?;
        let noted = stage.unit(name.clone(), async |store, transaction| {
            store.note(transaction, &name, &[handled]).await.map(drop)
        });
        let noted = noted.await;
        // This bypasses the proxy on which statements fail.
        let receipt = format!(
            "SELECT (SELECT count(*) FROM ensue_inbox_receipt WHERE event_id = '{handled}')
                = (SELECT count(*) FROM effect WHERE name = '{name}')"
        );
        assert!(stage.database.ask::<i64>(receipt).await == 1, "{noted:?}");
        noted?;
        stage
            .unit(format!("{name}/bury"), async |store, transaction| {
                store.note(transaction, &name, &[dead]).await?;
                store.bury(transaction, &name, &letter(dead)).await
            })
            .await?;
        store.has_noted(&name, handled).await?;
        store.dead_letters(&name, None, 10).await?;
        stage
            .unit(format!("{name}/exhume"), async |store, transaction| {
                store.exhume(transaction, &name, dead).await.map(drop)
            })
            .await?;
        store.drop_dead_letter(&name, dead, "it is not needed").await?;
        store.forget(&name, Duration::ZERO).await.map(drop)
    };
    stage.fail_each(FEW, scene).await;
}

fn letter(id: EventId) -> DeadLetter {
    let (source, envelope) = ("shop".to_owned(), envelope("1"));
    let message = Ok(Message { source, id: id.to_string(), sequence: None, envelope });
    let died_at = Timestamp::from_micros(0);
    DeadLetter { id, message, failure: failure(), attempts: 3, died_at, cut: None }
}

/// On a lock timeout, InnoDB undoes the statement and nothing else.
#[tokio::test]
async fn a_pass_that_waits_for_somebodys_lock_is_undone_and_done_once_the_lock_is_gone() {
    let database = Database::new().await;
    let store = database.store_options().sequence_on_demand().connect().await.unwrap();
    append(&store, &envelopes(0..3)).await;
    let mut session = database.connect().await;
    let lock = "START TRANSACTION; SELECT id FROM ensue_outbox LOCK IN SHARE MODE";
    sqlx::raw_sql(lock).fetch_all(&mut session).await.unwrap();
    let demanding = store.clone();
    let demand = tokio::spawn(async move { demanding.barrier().await.map(drop) });
    // The second attempt starts from what the first has left.
    for _ in 0..2 {
        until_waiting(&database, "DELETE outbox").await;
        until(async || !is_waiting(&database, "DELETE outbox").await).await;
        assert_eq!(database.ask::<i64>(UNSOUND).await, 0);
    }
    sqlx::raw_sql("ROLLBACK").execute(&mut session).await.unwrap();
    // The demand may have timed out meanwhile.
    drop(demand.await.unwrap());
    assert_eq!(whole_log(&store).await, texts(0..3));
    append(&store, &envelopes(3..6)).await;
    assert_eq!(whole_log(&store).await, texts(0..6));
    assert_eq!(database.ask::<i64>(UNSOUND).await, 0);
}

/// The caller may ignore the error and commit.
#[tokio::test]
async fn an_append_that_fails_half_way_leaves_nothing_in_a_transaction_of_the_drivers_own() {
    let stage = Stage::new().await;
    let mut connection =
        MySqlConnection::connect_with(&stage.proxy.through(stage.database.options()))
            .await
            .unwrap();
    let mut statements = 0;
    stage.proxy.set_rule(move |sent| {
        statements += u32::from(sent.contains("INTO ensue_outbox"));
        (statements == 2).then_some(Fault::Fails(1205))
    });
    let mut transaction = connection.begin().await.unwrap();
    let events = envelopes(0..EVENTS);
    let error = ensue_mysql::append_in(&mut transaction, &events).await.unwrap_err();
    assert!(error.is_retryable(), "{error}");
    stage.proxy.clear_rule();
    let effect = sqlx::query("INSERT INTO effect VALUES ('kept')");
    effect.execute(&mut *transaction).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(stage.database.ask::<i64>("SELECT count(*) FROM effect").await, 1);
    assert_eq!(whole_log(&stage.store).await.len(), 0);
}
