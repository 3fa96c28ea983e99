//! What happens in the shop: facts in the past tense, with the least data that whoever handles
//! them needs.
//!
//! The types are spelled out, so that renaming a struct does not rename what is stored. The key is
//! the order: what ensues from events of one order ensues in their order.

use ensue_core::Event;
use serde::{Deserialize, Serialize};

use crate::domain::{Address, Money, OrderLine, OrderNo};

#[derive(Debug, Clone, PartialEq, Eq, Event, Serialize, Deserialize)]
#[event(type = "order.placed", key = order_no)]
pub(crate) struct OrderPlaced {
    pub(crate) order_no: OrderNo,
    pub(crate) lines: Vec<OrderLine>,
    pub(crate) amount: Money,
}

#[derive(Debug, Clone, PartialEq, Eq, Event, Serialize, Deserialize)]
#[event(type = "order.paid", key = order_no)]
pub(crate) struct OrderPaid {
    pub(crate) order_no: OrderNo,
    pub(crate) amount: Money,
}

#[derive(Debug, Clone, PartialEq, Eq, Event, Serialize, Deserialize)]
#[event(type = "order.cancelled", key = order_no)]
pub(crate) struct OrderCancelled {
    pub(crate) order_no: OrderNo,
    pub(crate) lines: Vec<OrderLine>,
    /// What the customer gets back; nothing if the order was never paid.
    pub(crate) refund: Option<Money>,
}

#[derive(Debug, Clone, PartialEq, Eq, Event, Serialize, Deserialize)]
#[event(type = "order.shipping_address_changed", key = order_no)]
pub(crate) struct ShippingAddressChanged {
    pub(crate) order_no: OrderNo,
    pub(crate) address: Address,
}

/// Raised by a value.
#[derive(Debug, Clone, PartialEq, Eq, Event, Serialize, Deserialize)]
#[event(type = "coupon.redeemed", key = order_no)]
pub(crate) struct CouponRedeemed {
    pub(crate) order_no: OrderNo,
    pub(crate) coupon: String,
    pub(crate) saved: Money,
}

/// Raised by a domain service.
#[derive(Debug, Clone, PartialEq, Eq, Event, Serialize, Deserialize)]
#[event(type = "order.volume_discount_granted", key = order_no)]
pub(crate) struct VolumeDiscountGranted {
    pub(crate) order_no: OrderNo,
    pub(crate) saved: Money,
}
