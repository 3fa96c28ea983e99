use torture::{NaivePostgres, PostgresArena, run};

use crate::trial::trial;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_is_read_by_id_is_seen_to_lose_events() {
    let arena = PostgresArena::<NaivePostgres>::new().await.unwrap();
    let outcome = run(arena, &trial("naive-postgres", 10_000)).await.unwrap();
    assert!(outcome.verdict.missing > 0, "{outcome}");
    assert!(!outcome.is_clean());
}
