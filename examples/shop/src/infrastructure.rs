//! The ports, filled: the database and the clients of other services.

mod http_answer;
mod http_delivery_service;
mod http_mailer;
mod http_payment_gateway;
pub(crate) mod sqlite;

pub(crate) use http_delivery_service::HttpDeliveryService;
pub(crate) use http_mailer::HttpMailer;
pub(crate) use http_payment_gateway::HttpPaymentGateway;
