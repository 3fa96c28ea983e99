//! What runs in this process.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::ValueEnum;
use ensue::listener::Listening;
use ensue::{BoxError, Error, Events, Forwarder};
use tokio::net::TcpListener;

use crate::application::Database;
use crate::assembly::Assembly;
use crate::infrastructure::Broker;
use crate::outside::Outside;
use crate::server::{Server, listen};

/// LIMIT: how long handlers that run at the end are waited for.
const GRACE: Duration = Duration::from_secs(10);

/// Which part of the shop runs here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Role {
    /// Everything
    All,
    /// The API: what is done is stored, and ensues elsewhere
    Web,
    /// What ensues durably, and the services that it calls; with --broker, whatever refunds and delivery
    /// do not
    Forwarder,
    /// What refunds, told by the broker, and the payment gateway
    Refunds,
    /// What tells the delivery service, told by the broker, and that service
    Delivery,
}

/// What a process has of the shop.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parts {
    /// Orders are taken.
    pub(crate) web: bool,
    /// What was stored is followed,
    pub(crate) forwarder: bool,
    /// what refunds is there,
    pub(crate) refunds: bool,
    /// and what tells the delivery service.
    pub(crate) delivery: bool,
}

impl Role {
    /// Those that are processes of their own.
    pub(crate) const APART: [Self; 4] = [Self::Web, Self::Forwarder, Self::Refunds, Self::Delivery];

    /// As it is called on the command line.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Web => "web",
            Self::Forwarder => "forwarder",
            Self::Refunds => "refunds",
            Self::Delivery => "delivery",
        }
    }

    fn parts(self, has_broker: bool) -> Parts {
        let web = matches!(self, Self::All | Self::Web);
        let forwarder = matches!(self, Self::All | Self::Forwarder);
        let all_that_ensues = self == Self::All || forwarder && !has_broker;
        Parts {
            web,
            forwarder,
            refunds: all_that_ensues || self == Self::Refunds,
            delivery: all_that_ensues || self == Self::Delivery,
        }
    }

    fn check(self, has_broker: bool) -> Result<(), BoxError> {
        match self {
            Self::Refunds | Self::Delivery if !has_broker => {
                let name = self.name();
                let why = format!(
                    "`{name}` is told by a broker: name one with --broker amqp://…; without one, the \
                     forwarder does what `{name}` would"
                );
                Err(why.into())
            }
            _ => Ok(()),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) folder: PathBuf,
    pub(crate) port: u16,
    pub(crate) role: Role,
    pub(crate) lease: Duration,
    pub(crate) broker: Option<Broker>,
}

pub(crate) struct Process<D: Database> {
    pub(crate) events: Events<D>,
    pub(crate) folder: PathBuf,
    outside: Outside,
    web: Option<Server>,
    forwarder: Option<Forwarder>,
    listening: Option<Listening>,
}

impl<D: Database> Process<D> {
    /// The database is opened only once the port and the folder are ours.
    pub(crate) async fn start(
        settings: Settings,
        opening: impl Future<Output = Result<D, Error>>,
    ) -> Result<Self, BoxError> {
        let has_broker = settings.broker.is_some();
        settings.role.check(has_broker)?;
        let parts = settings.role.parts(has_broker);
        let listener = match parts.web {
            true => Some(listen_on(settings.port).await?),
            false => None,
        };
        let folder = settings.folder;
        std::fs::create_dir_all(&folder).map_err(|error| unusable(&folder, &error))?;
        let outside = Outside::start(parts, &folder).await?;
        let assembly = Assembly::new(parts, &outside, settings.broker)?;
        let events = assembly.events(opening.await?, settings.lease).await?;
        let router = assembly.router(&events)?;
        let web = listener.map(|listener| Server::start(listener, router)).transpose()?;
        let forwarder = parts.forwarder.then(|| events.forward());
        let listens = has_broker && (parts.refunds || parts.delivery);
        let listening = listens.then(|| events.listen());
        Ok(Self { events, folder, outside, web, forwarder, listening })
    }

    /// Who listens where.
    pub(crate) fn listeners(&self) -> Vec<(&'static str, String)> {
        let web = self.web.iter().map(|web| ("shop", web.url()));
        web.chain(self.outside.listeners()).collect()
    }

    /// Takes no more orders, lets what is being handled finish, then closes what that may call.
    pub(crate) async fn stop(self) {
        if let Some(web) = self.web {
            web.stop().await;
        }
        if let Some(forwarder) = self.forwarder {
            forwarder.shutdown(GRACE).await;
        }
        if let Some(listening) = self.listening {
            listening.shutdown(GRACE).await;
        }
        if !self.events.shutdown(GRACE).await {
            tracing::warn!("mails were on their way for longer than {GRACE:?}, and are lost");
        }
        self.outside.stop().await;
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
