//! What runs in this process.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::ValueEnum;
use ensue::{BoxError, Error, Events, Forwarder};
use tokio::net::TcpListener;

use crate::application::Database;
use crate::assembly::Assembly;
use crate::outside::{self, Outside};
use crate::server::{Server, listen};

/// LIMIT: how long handlers that run at the end are waited for.
const GRACE: Duration = Duration::from_secs(10);

/// Which part of the shop runs here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    /// Everything
    All,
    /// The API: what is done is stored, and ensues elsewhere
    Web,
    /// What ensues durably, and the services that it calls
    Forwarder,
}

#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) folder: PathBuf,
    pub(crate) port: u16,
    pub(crate) role: Role,
    pub(crate) lease: Duration,
}

pub(crate) struct Process<D: Database> {
    pub(crate) events: Events<D>,
    pub(crate) folder: PathBuf,
    outside: Option<Outside>,
    mail_service: Option<Server>,
    web: Option<Server>,
    forwarder: Option<Forwarder>,
}

impl<D: Database> Process<D> {
    /// The database is opened only once the port and the folder are ours.
    pub(crate) async fn start(
        settings: Settings,
        opening: impl Future<Output = Result<D, Error>>,
    ) -> Result<Self, BoxError> {
        let listener = match settings.role {
            Role::All | Role::Web => Some(listen_on(settings.port).await?),
            Role::Forwarder => None,
        };
        let folder = settings.folder;
        std::fs::create_dir_all(&folder).map_err(|error| unusable(&folder, &error))?;
        let outside = match settings.role {
            Role::All | Role::Forwarder => Some(Outside::start(&folder).await?),
            Role::Web => None,
        };
        let mail_service = match settings.role {
            Role::All | Role::Web => Some(outside::start_mail_service(&folder).await?),
            Role::Forwarder => None,
        };
        let assembly = Assembly::new(outside.as_ref(), mail_service.as_ref())?;
        let events = assembly.events(opening.await?, settings.lease).await?;
        let router = assembly.router(&events)?;
        let web = listener.map(|listener| Server::start(listener, router)).transpose()?;
        let forwarder = outside.is_some().then(|| events.forward());
        Ok(Self { events, folder, outside, mail_service, web, forwarder })
    }

    /// Who listens where.
    pub(crate) fn listeners(&self) -> Vec<(&'static str, String)> {
        let web = self.web.iter().map(|web| ("shop", web.url()));
        let outside = self.outside.iter().flat_map(|outside| {
            let payment_gateway = ("payment gateway", outside.payment_gateway_url());
            [payment_gateway, ("delivery service", outside.delivery_service_url())]
        });
        let mail_service = self.mail_service.iter().map(|mails| ("mail service", mails.url()));
        web.chain(outside).chain(mail_service).collect()
    }

    /// Takes no more orders, lets what is being handled finish, then closes what that may call.
    pub(crate) async fn stop(self) {
        if let Some(web) = self.web {
            web.stop().await;
        }
        if let Some(forwarder) = self.forwarder {
            forwarder.shutdown(GRACE).await;
        }
        if let Some(outside) = self.outside {
            outside.stop().await;
        }
        if !self.events.shutdown(GRACE).await {
            tracing::warn!("mails were on their way for longer than {GRACE:?}, and are lost");
        }
        if let Some(mail_service) = self.mail_service {
            mail_service.stop().await;
        }
    }
}

/// First of all, so that a port that is taken leaves no trace.
async fn listen_on(port: u16) -> Result<TcpListener, BoxError> {
    listen(port).await.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => format!(
            "port {port} is taken; choose another with --port, or any free one with --port 0"
        )
        .into(),
        _ => format!("cannot listen on port {port}: {error}").into(),
    })
}

fn unusable(folder: &Path, error: &io::Error) -> BoxError {
    format!("cannot use the folder `{}`: {error}; name another with --data", folder.display())
        .into()
}
