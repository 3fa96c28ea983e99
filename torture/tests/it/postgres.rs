use torture::{Postgres, PostgresArena, run};

use crate::trial::trial;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgresql_keeps_every_promise_while_server_sequencers_and_writers_are_killed() {
    let arena = PostgresArena::<Postgres>::new().await.unwrap();
    let outcome = run(arena, &trial("postgres", 30_000)).await.unwrap();
    assert!(outcome.is_clean(), "{outcome}\n{:#?}", outcome.verdict.examples);
    assert!(outcome.misfortunes["processes killed"] > 0);
    assert!(outcome.misfortunes["server restarts"] > 0);
    assert!(outcome.acknowledged >= 30_000 && outcome.rolled_back > 0);
}
