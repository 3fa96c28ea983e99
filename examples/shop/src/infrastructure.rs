//! The ports, filled: the database and the clients of other services.

mod broker;
mod http_answer;
mod http_delivery_service;
mod http_mailer;
mod http_payment_gateway;
mod mysql;
mod postgres;
mod rows;
mod sqlite;

pub(crate) use broker::Broker;
pub(crate) use http_delivery_service::HttpDeliveryService;
pub(crate) use http_mailer::HttpMailer;
pub(crate) use http_payment_gateway::HttpPaymentGateway;
