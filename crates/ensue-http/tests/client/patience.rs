//! Waiting for what must come.

use std::time::Duration;

/// LIMIT: only a failing test gets there.
const PATIENCE: Duration = Duration::from_secs(600);

pub(crate) async fn within_patience<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("what must come has not come")
}

pub(crate) async fn until(mut is_so: impl FnMut() -> bool) {
    while !is_so() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
