use torture::{MysqlArena, run};

use crate::trial::trial;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mysql_keeps_every_promise_while_server_sessions_and_writers_are_killed() {
    let outcome = run(MysqlArena::new().await.unwrap(), &trial("mysql", 20_000)).await.unwrap();
    assert!(outcome.is_clean(), "{outcome}\n{:#?}", outcome.verdict.examples);
    assert!(outcome.misfortunes["processes killed"] > 0);
    assert!(outcome.misfortunes["server restarts"] > 0);
    assert!(outcome.acknowledged >= 20_000 && outcome.rolled_back > 0);
}
