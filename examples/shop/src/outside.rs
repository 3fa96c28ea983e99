//! What is not the shop's: the payment gateway, the delivery service and the mail service.
//!
//! Real HTTP services with books of their own, and bad days on demand (`PUT /behaviour`), so that
//! what the shop does about them can be seen. They run in the process that calls them.

mod behaviour;
mod books;
mod delivery_service;
mod mail_service;
mod payment_gateway;

use std::path::Path;

use ensue::BoxError;

use crate::server::{Server, listen};

/// Whom the forwarder calls; and the shop itself, where it is coupled to them.
pub(crate) struct Outside {
    payment_gateway: Server,
    delivery_service: Server,
}

impl Outside {
    /// Starts both on free ports, their books in `folder`.
    pub(crate) async fn start(folder: &Path) -> Result<Self, BoxError> {
        let payment_gateway = payment_gateway::router(&folder.join("payment-gateway.db")).await?;
        let delivery_service =
            delivery_service::router(&folder.join("delivery-service.db")).await?;
        Ok(Self {
            payment_gateway: Server::start(listen(0).await?, payment_gateway)?,
            delivery_service: Server::start(listen(0).await?, delivery_service)?,
        })
    }

    pub(crate) fn payment_gateway_url(&self) -> String {
        self.payment_gateway.url()
    }

    pub(crate) fn delivery_service_url(&self) -> String {
        self.delivery_service.url()
    }

    pub(crate) async fn stop(self) {
        self.payment_gateway.stop().await;
        self.delivery_service.stop().await;
    }
}

/// Starts whom the shop calls after a commit, on a free port, its books in `folder`.
pub(crate) async fn start_mail_service(folder: &Path) -> Result<Server, BoxError> {
    let mail_service = mail_service::router(&folder.join("mail-service.db")).await?;
    Ok(Server::start(listen(0).await?, mail_service)?)
}
