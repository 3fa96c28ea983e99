//! The feed after an import shows what the book's own server showed before it.

use ensue::Transactions;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::answer::Answer;
use crate::shop::Shop;

const ROWS: &str = r#"
CREATE TABLE evententry (
    id INTEGER PRIMARY KEY AUTOINCREMENT, type VARCHAR(255), content_type VARCHAR(255),
    payload MEDIUMTEXT, timestamp DATETIME
);
INSERT INTO evententry (type, content_type, payload, timestamp) VALUES
    ('com.myshop.eventstore.infra.SampleEvent', 'application/json',
     '{"name":"name1","value":11}', 1700000000123),
    ('com.myshop.order.command.domain.OrderCanceledEvent', 'application/json',
     '{"timestamp":1451606400000,"orderNumber":"ORDER-001"}', 1451606400000),
    ('com.myshop.eventstore.infra.SampleEvent', 'application/json',
     '{ "name" : "사용자1 \" \\ / ☕" }', -1),
    ('com.myshop.eventstore.infra.SampleEvent', 'application/json', '{}', 1700000000124),
    ('com.myshop.eventstore.infra.SampleEvent', 'application/json', '{}', 1700000000125)
"#;

/// A shop that was the book's, and the feed that its consumers asked then.
struct OldShop(Shop);

impl OldShop {
    async fn new(changes: &'static str) -> Self {
        let shop = Shop::new().await;
        let mut transaction = shop.store.begin().await.unwrap();
        sqlx::raw_sql(ROWS).execute(&mut *transaction).await.unwrap();
        sqlx::raw_sql(changes).execute(&mut *transaction).await.unwrap();
        shop.store.commit(transaction).await.unwrap();
        Self(shop)
    }

    async fn import(&self) -> u64 {
        self.0.store.import().from_same_file().await.unwrap()
    }

    /// The book's query, in the JSON of its `EventEntry`.
    async fn books_page(&self, offset: u64, limit: u64) -> String {
        let query = sqlx::query("select * from evententry order by id asc limit ?, ?");
        let (offset, limit) = (i64::try_from(offset).unwrap(), i64::try_from(limit).unwrap());
        let rows = query.bind(offset).bind(limit).fetch_all(self.0.store.reader()).await.unwrap();
        let events: Vec<_> = rows.iter().map(books_json).collect();
        format!("[{}]", events.join(","))
    }
}

fn books_json(row: &SqliteRow) -> String {
    let text = |column: &str| serde_json::to_string(&row.get::<String, _>(column)).unwrap();
    format!(
        r#"{{"id":{},"type":{},"contentType":{},"payload":{},"timestamp":{}}}"#,
        row.get::<i64, _>("id"),
        text("type"),
        text("content_type"),
        text("payload"),
        row.get::<i64, _>("timestamp"),
    )
}

#[tokio::test]
async fn the_feed_after_an_import_is_the_books_bit_for_bit() {
    let old = OldShop::new("").await;
    assert_eq!(old.import().await, 5);
    let feed = old.0.feed();
    for offset in 0..=5 {
        for limit in 0..=6 {
            let query = format!("?offset={offset}&limit={limit}");
            let page = Answer::to_get(&feed, &query).await;
            assert_eq!(page.body, old.books_page(offset, limit).await, "{query}");
        }
    }
}

/// The id is the count then, which the consumers' offsets always were.
#[tokio::test]
async fn a_saved_offset_means_the_same_event_also_where_ids_had_gaps() {
    let old = OldShop::new(
        "DELETE FROM evententry WHERE id = 2; UPDATE evententry SET id = 90 WHERE id = 4",
    )
    .await;
    assert_eq!(old.import().await, 4);
    let feed = old.0.feed();
    for offset in 0..=4 {
        let mut shown = Answer::to_get(&feed, &format!("?offset={offset}&limit=2")).await.json();
        let books = old.books_page(offset, 2).await;
        let mut books: serde_json::Value = serde_json::from_str(&books).unwrap();
        let counts = offset + 1..;
        for (event, count) in shown.as_array_mut().unwrap().iter_mut().zip(counts) {
            assert_eq!(event.as_object_mut().unwrap().remove("id").unwrap(), count);
        }
        for event in books.as_array_mut().unwrap() {
            event.as_object_mut().unwrap().remove("id");
        }
        assert_eq!(shown, books, "offset {offset}");
    }
}
