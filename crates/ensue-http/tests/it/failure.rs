//! A store that fails.

use std::io::Write;
use std::sync::{Arc, Mutex};

use ensue::store::{LogId, Page, Read};
use ensue::{Error, Log, Position};
use ensue_http::Feed;

use crate::answer::Answer;

const SECRET: &str = "/var/lib/secret.db: disk I/O error";

#[tokio::test]
async fn a_store_that_is_busy_is_a_problem_to_be_retried() {
    let (answer, logged) = answer_of(FailingLog { retryable: true }).await;

    assert_eq!(answer.status, 503);
    assert_eq!(answer.header("retry-after"), ["1"]);
    assert_eq!(answer.header("content-type"), ["application/problem+json"]);
    assert_eq!(answer.json()["type"], "/problems/store-unavailable");
    assert_eq!(answer.json()["status"], 503);
    assert!(!answer.body.contains("secret"), "{}", answer.body);
    assert!(logged.contains("WARN") && logged.contains(SECRET), "{logged}");
}

#[tokio::test]
async fn a_store_that_is_broken_is_a_problem_not_to_be_retried() {
    let (answer, logged) = answer_of(FailingLog { retryable: false }).await;

    assert_eq!(answer.status, 500);
    assert!(answer.header("retry-after").is_empty());
    assert_eq!(answer.header("content-type"), ["application/problem+json"]);
    assert_eq!(answer.json()["type"], "/problems/store-failed");
    assert_eq!(answer.json()["status"], 500);
    assert!(!answer.body.contains("secret"), "{}", answer.body);
    assert!(logged.contains("ERROR") && logged.contains(SECRET), "{logged}");
}

/// The answer, and what was logged meanwhile.
async fn answer_of(log: FailingLog) -> (Answer, String) {
    let written = Written::default();
    let writer = written.clone();
    let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let answer = Answer::to_get(&Feed::new(log).into_router(), "?offset=7&limit=3").await;
    let logged = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
    (answer, logged)
}

#[derive(Clone)]
struct FailingLog {
    retryable: bool,
}

impl Log for FailingLog {
    async fn head(&self) -> Result<Position, Error> {
        Err(Error::store("cannot read how far the log goes", SECRET, self.retryable))
    }

    async fn identity(&self) -> Result<LogId, Error> {
        Ok(LogId::new())
    }

    async fn read(&self, page: Page) -> Result<Vec<Read>, Error> {
        let what = format!("cannot read the log after position {}", page.after);
        Err(Error::store(what, SECRET, self.retryable))
    }

    async fn changed_elsewhere(&self) {
        std::future::pending::<()>().await;
    }
}

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
