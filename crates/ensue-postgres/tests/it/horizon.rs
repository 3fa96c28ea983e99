//! The rows that a pass reads: only new ones, on the server that it knows.

use std::process::Command;

use servers::Postgres;
use sqlx::{AssertSqlSafe, Executor, PgConnection, Row};

use crate::server::{Database, until};

/// The rows that an import, a restore or another program might leave in the outbox.
const INSERT: &str = "
    INSERT INTO ensue.outbox (xid, occurred_at_us, event_id, type, key, payload, correlation_id)
    SELECT XID, 1, gen_random_uuid(), 'order.placed', 'A-1', place::text, 'story'
    FROM generate_series(FIRST, LAST) AS numbers (place) ORDER BY numbers.place";

pub(crate) fn insert(xid: &str, first: usize, last: usize) -> String {
    let statement = INSERT.replace("XID", xid).replace("FIRST", &first.to_string());
    statement.replace("LAST", &last.to_string())
}

/// The result of a pass.
pub(crate) struct Passed {
    pub(crate) is_known: bool,
    moved: Option<i64>,
    horizon: Option<String>,
}

/// Runs a pass in the session itself.
pub(crate) async fn pass(session: &mut PgConnection, horizon: &str) -> Passed {
    let pass = "SELECT is_known, moved, horizon FROM ensue.pass($1, 20000, 100000000, NULL)";
    let row = sqlx::query(pass).bind(horizon).fetch_one(session).await.unwrap();
    Passed { is_known: row.get(0), moved: row.get(1), horizon: row.get(2) }
}

/// Returns the current horizon of an empty outbox.
pub(crate) async fn horizon(session: &mut PgConnection) -> String {
    let seen = "SELECT seen FROM ensue.survey(NULL, 20000, 100000000) WHERE last_id IS NULL";
    sqlx::query_scalar(seen).fetch_one(session).await.unwrap()
}

/// Returns a session that leaves all passes to the test, with its horizon.
async fn without_passes(database: &Database) -> (PgConnection, String) {
    database.store_options().sequence_on_demand().connect().await.unwrap().close().await;
    let mut session = database.connect().await;
    let horizon = horizon(&mut session).await;
    (session, horizon)
}

/// Counts the pages that a statement reads, including repeated reads.
async fn pages(session: &mut PgConnection, statement: String) -> u64 {
    let explain = format!("EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, SUMMARY OFF) {statement}");
    let steps = session.fetch_all(AssertSqlSafe(explain)).await.unwrap();
    let line =
        steps.iter().map(|step| step.get::<String, _>(0)).find(|line| line.contains("Buffers"));
    let line = line.unwrap();
    let number = |word: &str| -> u64 {
        let rest = line.split_once(word).map_or("0", |(_, rest)| rest);
        rest.split(' ').next().unwrap().parse().unwrap()
    };
    number("hit=") + number(" read=")
}

/// The idle session keeps all rows that were moved since then from being vacuumed.
#[tokio::test]
async fn a_pass_costs_what_is_new_however_long_a_session_that_wrote_is_idle() {
    let database = Database::new().await;
    let (mut session, mut horizon) = without_passes(&database).await;
    let mut idle = database.connect().await;
    idle.execute("CREATE TABLE effect (number bigint); BEGIN; INSERT INTO effect VALUES (1)")
        .await
        .unwrap();
    let (mut total, mut seen) = (0, Vec::new());
    for backlog in [20_000, 180_000] {
        for _ in 0..backlog / 20_000 {
            session
                .execute(AssertSqlSafe(insert("pg_current_xact_id()", 1, 20_000)))
                .await
                .unwrap();
            let passed = pass(&mut session, &horizon).await;
            total += passed.moved.unwrap();
            horizon = passed.horizon.unwrap();
        }
        session.execute(AssertSqlSafe(insert("pg_current_xact_id()", 1, 10))).await.unwrap();
        let peek = pages(&mut session, format!("SELECT ensue.peek('{horizon}')")).await;
        let cut = format!("SELECT ensue.survey('{horizon}', 20000, 100000000)");
        let survey = pages(&mut session, cut).await;
        let moving = format!("SELECT ensue.pass('{horizon}', 20000, 100000000, NULL)");
        let moving = pages(&mut session, moving).await;
        let waiting = format!("SELECT * FROM ensue.waiting('{horizon}')");
        let waiting = pages(&mut session, waiting).await;
        seen.push([peek, waiting, survey, moving]);
    }
    assert_eq!(total, 200_000);
    for (few, many) in seen[0].iter().zip(seen[1]) {
        assert!(
            many * 2 <= few * 3 + 100,
            "pages of a peek, a status, a survey and a pass: {seen:?}"
        );
    }
    // The pass finds the row that the idle session appends after all this.
    idle.execute(AssertSqlSafe(insert("pg_current_xact_id()", 1, 3))).await.unwrap();
    let ahead = pass(&mut session, &horizon).await;
    assert_eq!(ahead.moved, Some(0));
    idle.execute("COMMIT").await.unwrap();
    assert_eq!(pass(&mut session, &ahead.horizon.unwrap()).await.moved, Some(3));
}

#[tokio::test]
async fn a_horizon_of_another_server_is_not_believed() {
    let (here, server) = (Database::new().await, Postgres::start().unwrap());
    let there = Database::on(server.url().parse().unwrap()).await;
    let (mut here, horizon) = without_passes(&here).await;
    assert!(pass(&mut here, &horizon).await.is_known);
    let (mut other, _) = without_passes(&there).await;
    other.execute(AssertSqlSafe(insert("pg_current_xact_id()", 1, 3))).await.unwrap();
    assert_is_unknown(&mut other, &horizon).await;
}

/// Asserts that a peek reports possible rows, and that passes and chunks move nothing.
async fn assert_is_unknown(session: &mut PgConnection, horizon: &str) {
    let passed = pass(session, horizon).await;
    assert_eq!((passed.is_known, passed.moved), (false, None));
    let peek = sqlx::query("SELECT is_waiting FROM ensue.peek($1)").bind(horizon);
    assert!(peek.fetch_one(&mut *session).await.unwrap().get::<bool, _>(0));
    let survey = sqlx::query("SELECT ensue.survey($1, 10, 1000000)").bind(horizon);
    assert_eq!(survey.fetch_all(&mut *session).await.unwrap().len(), 0);
    let chunk = "SELECT is_known FROM ensue.pass_chunk(9, '(0,1)', '(9,9)', $1, true, 1, NULL)";
    let is_known: bool = sqlx::query_scalar(chunk).bind(horizon).fetch_one(session).await.unwrap();
    assert!(!is_known);
}

/// The server's transaction ids restart after the last one that was flushed.
#[tokio::test]
async fn a_horizon_from_before_a_crash_is_not_believed() {
    let server = Postgres::start().unwrap();
    let database = Database::on(server.url().parse().unwrap()).await;
    let (mut session, horizon) = without_passes(&database).await;
    let pid: i32 =
        sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&mut session).await.unwrap();
    assert!(Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap().success());
    until(async || session_of(&database).await.is_some()).await;
    let mut session = session_of(&database).await.unwrap();
    assert_is_unknown(&mut session, &horizon).await;
}

/// Returns a session once the server has recovered from a crash.
async fn session_of(database: &Database) -> Option<PgConnection> {
    let mut session =
        <PgConnection as sqlx::Connection>::connect_with(&database.options()).await.ok()?;
    // The session may still be from before the crash.
    let has_recovered =
        "SELECT pg_stat_get_bgwriter_stat_reset_time() > pg_postmaster_start_time()";
    let has_recovered: Option<bool> =
        sqlx::query_scalar(has_recovered).fetch_one(&mut session).await.ok()?;
    has_recovered.filter(|it| *it).map(|_| session)
}

#[tokio::test]
async fn what_is_moved_at_once_is_bounded_in_bytes() {
    let database = Database::new().await;
    let (mut session, horizon) = without_passes(&database).await;
    let insert = insert("pg_current_xact_id()", 1, 6).replace(
        "place::text",
        "(SELECT string_agg(md5(n::text), '') FROM generate_series(1, 32768) AS n)",
    );
    session.execute(AssertSqlSafe(insert)).await.unwrap();
    for (bytes_max, chunks) in [(1_000_000_000_i64, 1), (2_500_000, 3), (1, 6)] {
        let survey =
            sqlx::query("SELECT ensue.survey($1, 1000, $2)").bind(&horizon).bind(bytes_max);
        let cut = survey.fetch_all(&mut session).await.unwrap();
        assert_eq!(cut.len(), chunks, "{bytes_max}");
    }
    for (bytes_max, fits) in [(2_500_000_i64, false), (1_000_000_000, true)] {
        let pass = "SELECT fits FROM ensue.pass($1, 1000, $2, NULL)";
        let pass = sqlx::query(pass).bind(&horizon).bind(bytes_max);
        assert_eq!(pass.fetch_one(&mut session).await.unwrap().get::<bool, _>(0), fits);
    }
}
