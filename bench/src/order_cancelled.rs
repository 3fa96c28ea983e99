//! The event that is raised and stored.

use ensue::Event;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Event, Serialize, Deserialize)]
#[event(type = "order.cancelled", key = order_no)]
pub(crate) struct OrderCancelled {
    pub(crate) order_no: String,
    pub(crate) amount: i64,
}

impl OrderCancelled {
    pub(crate) fn of(number: u32) -> Self {
        Self { order_no: format!("A-{number}"), amount: 900 }
    }
}
