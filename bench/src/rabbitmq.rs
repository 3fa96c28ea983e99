//! RabbitMQ, for ensue and for its client alone.

pub(crate) mod bare;
pub(crate) mod broker;
pub(crate) mod knocking;
pub(crate) mod order;
