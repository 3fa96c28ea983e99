//! What runs in this process.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::ValueEnum;
use ensue::{BoxError, Forwarder};
use ensue_sqlite::{Builder, Events, SqliteStore};
use tokio::net::TcpListener;

use crate::application;
use crate::infrastructure::{HttpDeliveryService, HttpPaymentGateway, sqlite};
use crate::outside::Outside;
use crate::server::{Server, listen};
use crate::web;

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

pub(crate) struct Process {
    pub(crate) events: Events,
    outside: Option<Outside>,
    web: Option<Server>,
    forwarder: Option<Forwarder>,
}

impl Process {
    pub(crate) async fn start(settings: &Settings) -> Result<Self, BoxError> {
        let listener = match settings.role {
            Role::All | Role::Web => Some(listen_on(settings.port).await?),
            Role::Forwarder => None,
        };
        let folder = &settings.folder;
        std::fs::create_dir_all(folder).map_err(|error| unusable(folder, &error))?;
        let outside = match settings.role {
            Role::All | Role::Forwarder => Some(Outside::start(folder).await?),
            Role::Web => None,
        };
        let events = open(settings, outside.as_ref()).await?;
        let serve = |listener| Server::start(listener, web::router(events.clone()));
        let web = listener.map(serve).transpose()?;
        let forwarder = outside.is_some().then(|| events.forward());
        Ok(Self { events, outside, web, forwarder })
    }

    /// Who listens where.
    pub(crate) fn listeners(&self) -> Vec<(&'static str, String)> {
        let web = self.web.iter().map(|web| ("shop", web.url()));
        let outside = self.outside.iter().flat_map(|outside| {
            let payment_gateway = ("payment gateway", outside.payment_gateway_url());
            [payment_gateway, ("delivery service", outside.delivery_service_url())]
        });
        web.chain(outside).collect()
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
    }
}

/// The application over its database file: every process has the handlers that run in transactions,
/// and one that can reach the outside has the durable ones.
async fn open(settings: &Settings, outside: Option<&Outside>) -> Result<Events, BoxError> {
    let store = SqliteStore::open(settings.folder.join("shop.db")).await?;
    let builder = application::in_transaction(Events::builder(store).lease(settings.lease));
    let builder = match outside {
        Some(outside) => durably(builder, outside)?,
        None => builder,
    };
    let events = builder.build().await?;
    sqlite::create_tables(&events).await?;
    Ok(events)
}

fn durably(builder: Builder, outside: &Outside) -> reqwest::Result<Builder> {
    let gateway = HttpPaymentGateway::new(&outside.payment_gateway_url())?;
    let service = HttpDeliveryService::new(&outside.delivery_service_url())?;
    Ok(application::durably(builder, gateway, service))
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
