//! A shop of its own for each test, with nothing around it.

use ensue_sqlite::{Builder, Events, SqliteStore};
use tempfile::TempDir;

use crate::application::{Database, Wanted, in_transaction};
use crate::domain::{Address, Coupon, ProductCode};

pub(crate) struct Scratch {
    pub(crate) events: Events,
    _folder: TempDir,
}

impl Scratch {
    /// With the handlers that run in transactions, and whatever `describe` adds.
    pub(crate) async fn with(describe: impl FnOnce(Builder) -> Builder) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path().join("shop.db")).await.unwrap();
        let builder = describe(in_transaction(Events::builder(store)));
        let events = builder.build().await.unwrap();
        SqliteStore::create_tables(&events).await.unwrap();
        Self { events, _folder: folder }
    }
}

/// One mug.
pub(crate) fn wanted(coupon: Option<&str>) -> Wanted {
    Wanted {
        quantities: vec![(ProductCode::new("mug"), 1)],
        coupon: coupon.map(|code| Coupon::new(code).unwrap()),
        address: Address::new("12 Mill Lane", "York").unwrap(),
    }
}
