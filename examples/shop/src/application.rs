//! What the shop does for its customers, and what ensues from it.
//!
//! [`OrderService`] lets A happen ([`CheckoutService`] and [`PhoneService`] through it), the
//! handlers are B, and `ensues.rs` says which B ensues from which A. What they need of the outside
//! are ports: [`Database`], [`PaymentGateway`], [`DeliveryService`] and [`Mailer`].

mod audit_trail;
mod best_sellers;
mod checkout_service;
mod database;
mod delivery_service;
mod ensues;
mod loyalty_points;
mod mailer;
mod mails;
mod order_service;
mod payment_gateway;
mod phone_service;
mod redeem_once;
mod refund;
mod restock;
mod shelves;
mod shop_error;
mod synchronise_delivery;
mod wanted;

pub(crate) use checkout_service::CheckoutService;
pub(crate) use database::{AuditEntry, BestSeller, Database};
pub(crate) use delivery_service::DeliveryService;
pub(crate) use ensues::{
    DELIVERY, REFUNDS, afterwards, delivery, delivery_from, elsewhere, in_transaction, refunds,
    refunds_from, views,
};
pub(crate) use mailer::{Mailer, Recipient};
pub(crate) use order_service::{OrderService, find_order};
pub(crate) use payment_gateway::PaymentGateway;
pub(crate) use phone_service::{PhoneService, TakenByPhone};
pub(crate) use restock::put_back;
pub(crate) use shop_error::ShopError;
pub(crate) use wanted::Wanted;
