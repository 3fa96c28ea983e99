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

use crate::process::Parts;
use crate::server::{Server, listen};

/// Those that this process calls, and so runs.
pub(crate) struct Outside {
    pub(crate) payment_gateway: Option<Server>,
    pub(crate) delivery_service: Option<Server>,
    pub(crate) mail_service: Option<Server>,
}

impl Outside {
    /// Starts what `parts` of the shop call, each on a free port, its books in `folder`.
    pub(crate) async fn start(parts: Parts, folder: &Path) -> Result<Self, BoxError> {
        let mut outside =
            Self { payment_gateway: None, delivery_service: None, mail_service: None };
        if parts.refunds {
            let router = payment_gateway::router(&folder.join("payment-gateway.db")).await?;
            outside.payment_gateway = Some(Server::start(listen(0).await?, router)?);
        }
        if parts.delivery {
            let router = delivery_service::router(&folder.join("delivery-service.db")).await?;
            outside.delivery_service = Some(Server::start(listen(0).await?, router)?);
        }
        if parts.web {
            let router = mail_service::router(&folder.join("mail-service.db")).await?;
            outside.mail_service = Some(Server::start(listen(0).await?, router)?);
        }
        Ok(outside)
    }

    /// Who listens where.
    pub(crate) fn listeners(&self) -> impl Iterator<Item = (&'static str, String)> {
        let listeners = [
            ("payment gateway", &self.payment_gateway),
            ("delivery service", &self.delivery_service),
            ("mail service", &self.mail_service),
        ];
        listeners.into_iter().filter_map(|(name, server)| Some((name, server.as_ref()?.url())))
    }

    pub(crate) async fn stop(self) {
        let servers = [self.payment_gateway, self.delivery_service, self.mail_service];
        for server in servers.into_iter().flatten() {
            server.stop().await;
        }
    }
}
