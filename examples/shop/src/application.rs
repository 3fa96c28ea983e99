//! What the shop does for its customers, and what ensues from it.
//!
//! [`OrderService`] lets A happen, the handlers are B, and `ensues.rs` says which B ensues from
//! which A. What they need of the outside are ports: [`Database`], [`PaymentGateway`] and
//! [`DeliveryService`].

mod best_sellers;
mod database;
mod delivery_service;
mod ensues;
mod order_service;
mod payment_gateway;
mod refund;
mod restock;
mod shop_error;
mod synchronise_delivery;

pub(crate) use database::{BestSeller, Database};
pub(crate) use delivery_service::DeliveryService;
pub(crate) use ensues::{REFUNDS, durably, in_transaction};
pub(crate) use order_service::OrderService;
pub(crate) use payment_gateway::PaymentGateway;
pub(crate) use shop_error::ShopError;
