//! The real feed over a real socket: while others write, and while its server comes and goes.

use std::time::Duration;

use ensue::{Event, Timestamp, raise};
use ensue_http::{FeedConsumer, FeedEvent, FeedPage, FileCursor};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::patience::{until, within_patience};
use crate::seen::{Seen, consumer};
use crate::shop::{Shop, StockMoved, WRITERS, committed_count, write};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_committed_event_is_seen_once_and_in_order_while_others_write() {
    let shop = Shop::new().await;
    let server = shop.serve().await;

    let consumers: JoinSet<_> = [1, 7, 100]
        .into_iter()
        .map(|size| {
            let (seen, feed) = (Seen::default(), consumer(&server.url()).page(size));
            async move { seen.follow(feed, committed_count()).await.map(|()| seen) }
        })
        .collect();
    let writers: JoinSet<_> =
        (0..WRITERS).map(|writer| write(shop.events.clone(), writer)).collect();
    let committed = within_patience(writers.join_all()).await;
    let consumers = consumers.join_all().await;

    for seen in consumers {
        let events = seen.unwrap().events();
        let ids: Vec<_> = events.iter().map(|event| event.id.get()).collect();
        assert_eq!(ids, (1..=committed_count() as u64).collect::<Vec<_>>());
        let moved: Vec<StockMoved> = events.iter().map(|event| event.decode().unwrap()).collect();
        for committed in &committed {
            let writer = committed[0].writer;
            let of_writer: Vec<_> = moved.iter().filter(|moved| moved.writer == writer).collect();
            assert_eq!(of_writer, committed.iter().collect::<Vec<_>>());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_goes_away_and_comes_back_is_followed_on() {
    let shop = Shop::new().await;
    let mut server = shop.serve().await;
    let (seen, feed) = (Seen::default(), consumer(&server.url()).page(3));
    let following = tokio::spawn({
        let seen = seen.clone();
        async move { seen.follow(feed, 50).await }
    });

    for round in 1..=5 {
        server.end();
        raise_many(&shop, 10).await;
        server.serve(shop.path("shop.db")).await;
        within_patience(seen.reaches(10 * round)).await;
    }

    following.await.unwrap().unwrap();
    assert_eq!(seen.ids(), (1..=50).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closures_that_keep_what_they_saw_can_be_spawned() {
    let shop = Shop::new().await;
    let server = shop.serve().await;
    raise_many(&shop, 7).await;
    let feed = consumer(&server.url()).page(3);

    let cursor = FileCursor::new(shop.path("events.offset"));
    let (sender, each_event) = oneshot::channel();
    let (mut seen, mut sender) = (Vec::new(), Some(sender));
    let by_event = cursor.clone().each_event(async move |event: FeedEvent| {
        seen.push(event.id.get());
        if seen.len() == 7 {
            sender.take().unwrap().send(seen.clone()).unwrap();
        }
        Ok(())
    });
    let page_cursor = FileCursor::new(shop.path("pages.offset"));
    let pages = Seen::default();
    let by_page = page_cursor.clone().each_page({
        let pages = pages.clone();
        async move |page: &FeedPage| {
            page.into_iter().cloned().for_each(|event| pages.push(event));
            Ok(())
        }
    });
    let first = tokio::spawn(feed.clone().run(by_event, std::future::pending()));
    let second = tokio::spawn(feed.run(by_page, std::future::pending()));

    let seen = within_patience(each_event).await.unwrap();
    assert_eq!(seen, (1..=7).collect::<Vec<_>>());
    within_patience(until(|| page_cursor.load().unwrap().get() == 7)).await;
    within_patience(until(|| cursor.load().unwrap().get() == 7)).await;
    assert_eq!(pages.ids(), seen);
    first.abort();
    second.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shutdown_lets_the_page_be_handled_to_its_end() {
    let shop = Shop::new().await;
    let server = shop.serve().await;
    raise_many(&shop, 6).await;
    let (started, has_started) = oneshot::channel();
    let (release, released) = oneshot::channel::<()>();
    let cursor = FileCursor::new(shop.path("offset"));
    let (mut started, mut released) = (Some(started), Some(released));
    let handler = cursor.clone().each_page(async move |_: &FeedPage| {
        if let (Some(started), Some(released)) = (started.take(), released.take()) {
            started.send(()).unwrap();
            released.await?;
        }
        Ok(())
    });

    let (shut, is_shut) = oneshot::channel();
    let run = consumer(&server.url()).page(4).run(handler, async { is_shut.await.unwrap() });
    let shutdown = async {
        has_started.await.unwrap();
        shut.send(()).unwrap();
        release.send(()).unwrap();
    };
    let (ended, ()) = within_patience(async { tokio::join!(run, shutdown) }).await;

    ended.unwrap();
    assert_eq!(cursor.load().unwrap().get(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pause_ends_with_the_shutdown() {
    let shop = Shop::new().await;
    let server = shop.serve().await;
    raise_many(&shop, 1).await;
    let (seen, hour) = (Seen::default(), Duration::from_secs(3_600));
    let feed = consumer(&server.url()).poll(hour);
    seen.follow(feed, 1).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_page_is_followed_by_the_next_without_a_pause() {
    let shop = Shop::new().await;
    let server = shop.serve().await;
    raise_many(&shop, 20).await;
    let feed = FeedConsumer::new(server.url()).page(2).poll(Duration::from_secs(3_600));
    let seen = Seen::default();
    seen.follow(feed, 20).await.unwrap();
    assert_eq!(seen.pages().len(), 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_arrives_as_it_was_raised() {
    let shop = Shop::new().await;
    let server = shop.serve().await;
    let before = Timestamp::from(std::time::SystemTime::now());
    shop.events
        .run(async |_tx| {
            raise(StockMoved { writer: 1, unit: 2, line: 3 });
            raise(Image(vec![0xff, 0x00, 0xfe]));
            Ok::<_, ensue::Error>(())
        })
        .await
        .unwrap();
    let seen = Seen::default();
    seen.follow(consumer(&server.url()), 2).await.unwrap();

    let [moved, image] = &seen.events()[..] else { panic!("{:?}", seen.events()) };
    assert_eq!(moved.content_type, "application/json");
    assert!(moved.timestamp.as_millis() >= before.as_millis());
    assert_eq!(moved.decode::<StockMoved>().unwrap(), StockMoved { writer: 1, unit: 2, line: 3 });
    assert_eq!((&*image.event_type, &*image.content_type), ("image", "image/x-raw"));
    assert_eq!(image.decode::<Image>().unwrap().0, [0xff, 0x00, 0xfe]);
    let error = image.decode::<StockMoved>().unwrap_err().to_string();
    assert!(error.contains("`stock.moved`") && error.contains("event 2 is a `image`"), "{error}");
}

/// An event that is no text.
struct Image(Vec<u8>);

impl Event for Image {
    const TYPE: &'static str = "image";
    const CONTENT_TYPE: &'static str = "image/x-raw";

    fn encode(&self) -> Result<Vec<u8>, ensue::PayloadError> {
        Ok(self.0.clone())
    }

    fn decode(payload: &[u8], _version: u32) -> Result<Self, ensue::PayloadError> {
        Ok(Self(payload.to_vec()))
    }
}

pub(crate) async fn raise_many(shop: &Shop, count: usize) {
    let outcome = shop.events.run(async |_tx| {
        (0..count).for_each(|unit| raise(StockMoved { writer: 0, unit, line: 0 }));
        Ok::<_, ensue::Error>(())
    });
    outcome.await.unwrap();
}
