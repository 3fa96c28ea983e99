use torture::{SqliteArena, run};

use crate::trial::trial;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_keeps_every_promise_while_its_writers_are_killed() {
    let outcome = run(SqliteArena::new().unwrap(), &trial("sqlite", 20_000)).await.unwrap();
    assert!(outcome.is_clean(), "{outcome}\n{:#?}", outcome.verdict.examples);
    assert_eq!(outcome.failed, 0, "a busy file is waited for");
    assert!(outcome.misfortunes["processes killed"] > 0);
    assert!(outcome.acknowledged >= 20_000 && outcome.rolled_back > 0);
}
