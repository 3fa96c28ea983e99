//! Servers that cannot answer now, and answers that are no pages.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ensue_http::{ErrorKind, FeedConsumer, FeedEvent, FileCursor};

use crate::answer::{answer, page, problem};
use crate::patience::{until, within_patience};
use crate::scripted::{SILENCE, Scripted};
use crate::seen::{Seen, consumer};
use crate::shop::Shop;

#[tokio::test]
async fn what_passes_is_asked_for_again_until_it_has_passed() {
    let server = Scripted::new([
        problem("503 Service Unavailable", "", "busy"),
        problem("500 Internal Server Error", "", "broken"),
        problem("429 Too Many Requests", "retry-after: 0", "slow down"),
        answer("408 Request Timeout", "x: y", "<html>"),
        answer("502 Bad Gateway", "retry-after: Wed, 21 Oct 2015 07:28:00 GMT", ""),
        String::new(),
        "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n[{\"id\":1,".to_owned(),
        page(1..=2),
        problem("503 Service Unavailable", "", "busy"),
        page([3]),
    ])
    .await;
    let seen = Seen::default();

    seen.follow(consumer(&server.url()).page(2), 3).await.unwrap();

    assert_eq!(seen.ids(), [1, 2, 3]);
    let asked = [["offset=0&limit=2"; 8].as_slice(), &["offset=2&limit=2"; 2]].concat();
    assert_eq!(server.asked()[..10], asked);
}

#[tokio::test]
async fn a_server_is_not_asked_again_before_the_time_it_names() {
    let answers = [problem("503 Service Unavailable", "retry-after: 1", "busy"), page([1])];
    let server = Scripted::new(answers).await;
    let (seen, started) = (Seen::default(), Instant::now());

    seen.follow(consumer(&server.url()), 1).await.unwrap();

    assert!(started.elapsed() >= Duration::from_secs(1), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_server_that_is_ready_at_once_is_asked_sooner_than_the_backoff() {
    let again = problem("503 Service Unavailable", "retry-after: 0", "busy");
    let server = Scripted::new([again.clone(), again.clone(), again, page([1])]).await;
    let (hour, seen) = (Duration::from_secs(3_600), Seen::default());
    let feed = FeedConsumer::new(server.url()).backoff(Duration::from_millis(1), hour);

    seen.follow(feed, 1).await.unwrap();

    assert_eq!(server.asked()[..4], ["offset=0&limit=100"; 4]);
}

#[tokio::test]
async fn a_backoff_ends_with_the_first_answer() {
    let busy = problem("503 Service Unavailable", "", "busy");
    let server = Scripted::new((1..=25).flat_map(|id| [busy.clone(), page([id])])).await;
    // Were they not forgotten, the 25th failure would be followed by hours.
    let (first, longest) = (Duration::from_millis(1), Duration::MAX);
    let feed = FeedConsumer::new(server.url()).backoff(first, longest);

    Seen::default().follow(feed, 25).await.unwrap();
}

#[tokio::test]
async fn a_server_that_falls_silent_is_asked_again() {
    // On a busy machine, any answer may come too late.
    let answers = std::iter::once(SILENCE.to_owned());
    let server = Scripted::new(answers.chain(std::iter::repeat_n(page([1]), 10_000))).await;
    let impatient = reqwest::Client::builder().read_timeout(Duration::from_millis(20));
    let feed = consumer(&server.url()).client(impatient.build().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let (handled, is_handled) = tokio::sync::oneshot::channel();
    let mut handled = Some(handled);
    let handler = FileCursor::new(folder.path().join("offset")).each_event(async |_: FeedEvent| {
        handled.take().unwrap().send(()).unwrap();
        std::future::pending().await
    });

    within_patience(async {
        tokio::select! {
            ended = feed.run(handler, std::future::pending()) => panic!("{ended:?}"),
            handled = is_handled => handled.unwrap(),
        }
    })
    .await;

    assert_eq!(server.asked()[..2], ["offset=0&limit=100"; 2]);
}

#[tokio::test]
async fn a_request_that_is_not_answered_ends_with_the_shutdown() {
    let server = Scripted::new([SILENCE.to_owned()]).await;
    let is_asked = until(|| !server.asked().is_empty());
    within_patience(consumer(&server.url()).run(Seen::default(), is_asked)).await.unwrap();
}

#[tokio::test]
async fn a_refusal_ends_the_run_with_the_problems_detail() {
    let detail = "the token has expired";
    let server = Scripted::new([problem("403 Forbidden", "", detail)]).await;
    let url = format!("{}?token=secret", server.url());
    let seen = Seen::default();

    let error = seen.follow(consumer(&url), 1).await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Refused);
    let message = format!("{} answered 403 Forbidden: {detail}", server.url());
    assert_eq!(error.to_string(), message);
    assert_eq!(server.asked(), ["token=secret&offset=0&limit=100"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_of_the_real_feed_ends_the_run_too() {
    let server = Shop::new().await.serve().await;
    let url = format!("{}?limit=all", server.url());

    let error = Seen::default().follow(consumer(&url), 1).await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.to_string().contains("answered 400 Bad Request: limit is given 2 times"));
}

#[tokio::test]
async fn a_gap_before_a_page_ends_the_run() {
    assert_eq!(gap([page(1..=3), page(5..=6)]).await, "event 5 follows position 3 in the feed");
}

#[tokio::test]
async fn a_gap_in_a_page_ends_the_run_before_any_of_it_is_handled() {
    assert_eq!(gap([page(1..=3), page([4, 6])]).await, "event 6 follows position 4 in the feed");
}

#[tokio::test]
async fn a_page_that_begins_too_early_ends_the_run() {
    assert_eq!(gap([page(1..=3), page(3..=4)]).await, "event 3 follows position 3 in the feed");
    assert_eq!(gap([page(1..=3), page([0])]).await, "event 0 follows position 3 in the feed");
}

/// What the run says that ended with one.
async fn gap(pages: [String; 2]) -> String {
    let server = Scripted::new(pages).await;
    let seen = Seen::default();
    let error = seen.follow(consumer(&server.url()), 9).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Gap);
    assert_eq!(seen.ids(), [1, 2, 3]);
    error.to_string()
}

#[tokio::test]
async fn an_answer_that_is_no_page_ends_the_run() {
    let no_base64 = r#"[{"id":1,"type":"x","contentType":"y;base64","payload":"é","timestamp":1}]"#;
    for body in ["<html>", "", "{}", r#"[{"id":1}]"#, r#"[{"id":-1}]"#, no_base64] {
        let server = Scripted::new([answer("200 OK", "x: y", body)]).await;
        let error = Seen::default().follow(consumer(&server.url()), 1).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Answer, "{body}");
        assert!(error.to_string().contains("answered with no page of a feed: "), "{error}");
    }
    for status in ["204 No Content", "304 Not Modified"] {
        let server = Scripted::new([answer(status, "x: y", "")]).await;
        let error = Seen::default().follow(consumer(&server.url()), 1).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert!(error.to_string().ends_with(&format!("answered {status}")), "{error}");
    }
}

#[tokio::test]
async fn an_address_that_cannot_be_asked_ends_the_run() {
    for (url, advice) in [
        ("shop.example/api/events", "cannot ask the feed at `shop.example/api/events`"),
        ("ftp://shop.example/", "neither http: nor https:"),
        ("http://me:secret@shop.example:99999/", "`shop.example:99999/`: invalid port number"),
        ("https://127.0.0.1:9/?token=secret", "a TLS feature of reqwest"),
        ("http://me:x?secret@shop.example/", "cannot ask the feed at `…`"),
        ("http://me:se/secret@shop.example/", "cannot ask the feed at `shop.example/`"),
        ("http://me:secret@/?token=a@secret", "cannot ask the feed at `/`"),
    ] {
        let error = Seen::default().follow(consumer(url), 1).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Address, "{error}");
        assert!(error.to_string().contains(advice), "{error}");
        assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
    }
}

/// The password, the token and the headers belong to the client.
#[tokio::test]
async fn no_secret_of_an_address_or_a_client_is_shown_or_logged() {
    let server = Scripted::new([
        answer("502 Bad Gateway", "retry-after: 0", "no"),
        problem("403 Forbidden", "x: y", "no"),
    ])
    .await;
    let url = server.url().replace("//", "//me:secret@");
    let mut headers = reqwest::header::HeaderMap::new();
    headers.insert("x-api-key", "secret".parse().unwrap());
    let client = reqwest::Client::builder().default_headers(headers).build().unwrap();
    let feed = consumer(&format!("{url}?token=secret")).client(client);
    assert!(format!("{feed:?}").contains("/api/events"));
    assert!(!format!("{feed:?}").contains("secret"), "{feed:?}");

    let (logged, error) = logged(Seen::default().follow(feed, 1)).await;

    let error = error.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(logged.contains("502 Bad Gateway"), "{logged}");
    for shown in [logged, error.to_string(), format!("{error:?}")] {
        assert!(!shown.contains("secret"), "{shown}");
    }
}

/// Runs `work` and returns what it logs.
async fn logged<T>(work: impl Future<Output = T>) -> (String, T) {
    let written = Written::default();
    let writer = written.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone());
    let guard = tracing::subscriber::set_default(subscriber.finish());
    let done = work.await;
    drop(guard);
    let logged = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
    (logged, done)
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
