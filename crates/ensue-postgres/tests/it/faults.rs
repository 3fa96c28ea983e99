//! Every statement of the store × every class of error.

use std::collections::BTreeSet;
use std::time::Duration;

use ensue::subscription::{Change, TakeOver};
use ensue::{BoxError, Log, Position, Start, Subscriptions, Transactions};
use ensue_postgres::{Events, PostgresOptions, PostgresStore};
use sqlx::postgres::PgSslMode;

use crate::proxy::{Fault, Faults};
use crate::server::{Database, envelope, payloads, until};

const FAULTS: [Fault; 9] = [
    Fault::Error("40001"),
    Fault::Error("55P03"),
    Fault::Error("57014"),
    Fault::Error("53300"),
    Fault::Error("25006"),
    Fault::Error("26000"),
    Fault::Terminated,
    Fault::Cut,
    Fault::Unanswered,
];

/// The work that is repeated, whatever happens to each attempt.
struct Work {
    store: PostgresStore,
    attempts: usize,
    acknowledged: BTreeSet<String>,
}

impl Work {
    async fn cycle(&mut self) {
        while self.unit_of_work().await.is_err() {}
        let head = self.barrier().await;
        while self.progress(head).await.is_err() {}
    }

    /// Its effect and its event share a number that no other attempt has.
    async fn unit_of_work(&mut self) -> Result<(), BoxError> {
        self.attempts += 1;
        let number = self.attempts.to_string();
        let mut transaction = self.store.begin().await?;
        let effect = sqlx::query("INSERT INTO effect VALUES ($1)").bind(&number);
        effect.execute(&mut *transaction).await?;
        self.store.append(&mut transaction, &[envelope(number.as_str())]).await?;
        self.store.commit(transaction).await?;
        self.acknowledged.insert(number);
        Ok(())
    }

    async fn progress(&self, to: Position) -> Result<(), BoxError> {
        let lease = Duration::from_millis(1);
        let TakeOver::Granted(term) = self.store.take_over("refunds", "one", lease).await? else {
            return Err("an earlier attempt has it still".into());
        };
        // An earlier attempt may have advanced this far, and failed later.
        let advance = (term.cursor < to).then_some(Change::Advance { to });
        let changes: Vec<_> = [
            Change::Forget { up_to: to },
            Change::Pause { reason: "to be said".to_owned() },
            Change::Resume,
        ]
        .into_iter()
        .chain(advance)
        .collect();
        let mut transaction = self.store.begin().await?;
        self.store.record(&mut transaction, "refunds", term.epoch, &changes).await?;
        self.store.commit(transaction).await?;
        self.store.renew("refunds", term.epoch, lease).await?;
        self.store.release("refunds", term.epoch).await?;
        Ok(())
    }

    async fn barrier(&self) -> Position {
        loop {
            if let Ok(head) = self.store.barrier().await {
                return head;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whichever_statement_fails_and_however_nothing_is_lost_or_doubled_and_work_goes_on() {
    let database = Database::new().await;
    database.execute("CREATE TABLE effect (number text PRIMARY KEY)").await;
    let faults = Faults::default();
    let port = faults.before(database.options().get_port()).await;
    let options = database.options().host("127.0.0.1").port(port).ssl_mode(PgSslMode::Disable);
    let store = PostgresOptions::new(options).connect().await.unwrap();
    store.register("refunds", Start::Beginning, &[]).await.unwrap();
    let mut work = Work { store, attempts: 0, acknowledged: BTreeSet::new() };
    for _ in 0..3 {
        work.cycle().await;
    }
    let (mut met, mut statements) = (0, 0);
    for statement in faults.seen().into_iter().filter(|it| !it.starts_with("prepare")) {
        // Statements that run once per connection run again on a new one.
        let mut is_met = false;
        for fault in FAULTS {
            faults.arm(&statement, fault);
            work.cycle().await;
            if faults.disarm() {
                (met, is_met) = (met + 1, true);
            }
        }
        statements += usize::from(is_met);
    }
    assert!(statements >= 20 && met >= 180, "{met} faults at {statements} statements");
    work.cycle().await;
    let events: BTreeSet<_> = payloads(&work.store).await.into_iter().collect();
    let log = work.store.head().await.unwrap();
    assert_eq!(log.get(), events.len() as u64, "an event is doubled");
    let effects: Vec<String> = database.ask("SELECT array_agg(number) FROM effect").await;
    assert_eq!(events, effects.into_iter().collect());
    assert!(work.acknowledged.is_subset(&events));
    let events = Events::builder(work.store).build().await.unwrap();
    assert_eq!(events.verify().await.unwrap().findings, []);
    let idle = "SELECT count(*) = 0 FROM pg_stat_activity
        WHERE datname = current_database() AND state LIKE 'idle in transaction%'";
    until(async || database.ask::<bool>(idle).await).await;
}
