//! A private RabbitMQ.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use crate::failure::Failure;
use crate::handshake;
use crate::packages::Package;
use crate::place::Place;
use crate::port;
use crate::programs::Programs;
use crate::server::{Recipe, Server, quoted};

/// A RabbitMQ of one's own, a single node on free ports of loopback.
///
/// It and its directory are gone when this is dropped, or when the process that started it ends in
/// any other way.
pub struct RabbitMq {
    server: Server,
    port: u16,
}

impl RabbitMq {
    /// Starts one with nothing declared, and returns when it can be connected to. Where its programs
    /// are missing they are installed, if we may.
    ///
    /// # Errors
    /// When there are no programs, or the server does not start; its log is part of the message.
    pub fn start() -> Result<Self, Failure> {
        let programs = PROGRAMS.find_or_install()?;
        port::on_a_free_one(|port| {
            // The node's own, by which it is controlled.
            port::on_a_free_one(|node| Self::start_on(port, node, &programs))
        })
    }

    fn start_on(port: u16, node: u16, programs: &Path) -> Result<Self, Failure> {
        let place = Place::new("rabbitmq", STOP_SIGNAL)?;
        place.write("plugins", PLUGINS)?;
        place.write("rabbitmq.conf", CONFIGURATION)?;
        place.write("control", &control(programs, node))?;
        let address = handshake::on_loopback(port);
        let recipe = Recipe {
            name: "RabbitMQ",
            script: script(programs, port, node),
            is_ready: Box::new(move || answers(address).unwrap_or(false)),
        };
        Ok(Self { server: Server::start(place, recipe)?, port })
    }

    /// Where to connect, as an administrator, to the virtual host `/`.
    pub fn url(&self) -> String {
        format!("amqp://guest:guest@127.0.0.1:{}/%2f", self.port)
    }

    /// The port on 127.0.0.1. It stays the same over a restart.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The temporary directory in which it lives, with its data in `data` and what it says in `log`.
    pub fn directory(&self) -> &Path {
        self.server.directory()
    }

    /// SIGKILL, as if the power had gone. Without an effect on one that does not run.
    ///
    /// # Errors
    /// When the process that looks after it is gone.
    pub fn kill(&mut self) -> Result<(), Failure> {
        self.server.kill()
    }

    /// Starts it again, on the same port and with its data, and returns when it can be connected to.
    /// One that still runs is killed first.
    ///
    /// # Errors
    /// When it does not start; its log is part of the message.
    pub fn restart(&mut self) -> Result<(), Failure> {
        self.server.restart()
    }

    /// Has it do what its command-line tool `rabbitmqctl` can order, and returns what that says.
    ///
    /// # Errors
    /// When it does not.
    pub fn control(&self, order: &[&str]) -> Result<String, Failure> {
        self.server.run("control", order)
    }
}

/// Whether the server there speaks AMQP to us by now. An open port says little.
fn answers(address: SocketAddr) -> io::Result<bool> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(b"AMQP\0\0\x09\x01")?;
    let mut kind_of_frame = [0];
    stream.read_exact(&mut kind_of_frame)?;
    Ok(kind_of_frame == [METHOD])
}

/// The scripts on `PATH` insist on an account of their own, those beside the programs do not. With an
/// input allowed they become the Erlang machine, so that it is this process that is killed.
fn script(programs: &Path, port: u16, node: u16) -> String {
    let (environment, server) = (environment(node), quoted(&programs.join("rabbitmq-server")));
    format!(
        "{environment}\
         export RABBITMQ_NODE_IP_ADDRESS=127.0.0.1 RABBITMQ_NODE_PORT={port}\n\
         export RABBITMQ_DIST_PORT={node} RABBITMQ_ALLOW_INPUT=1 RABBITMQ_LOGS=-\n\
         export RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS='-sname {NODE} {ONLY_LOOPBACK}'\n\
         exec {server} -noinput\n"
    )
}

fn control(programs: &Path, node: u16) -> String {
    let (environment, control) = (environment(node), quoted(&programs.join("rabbitmqctl")));
    format!(
        "{environment}\
         export ERL_FLAGS=\"$ERL_FLAGS -dist_listen false\"\n\
         exec {control} --node {NODE} \"$@\"\n"
    )
}

/// Nothing of the system's own RabbitMQ is read or written. Erlang's port mapper would outlive the
/// server; told the node's port, nobody needs it.
fn environment(node: u16) -> String {
    format!(
        "export HOME=\"$PWD\" RABBITMQ_NODENAME={NODE} RABBITMQ_CONF_ENV_FILE=/dev/null\n\
         export RABBITMQ_MNESIA_BASE=\"$PWD/data\" RABBITMQ_LOG_BASE=\"$PWD/logs\"\n\
         export RABBITMQ_CONFIG_FILE=\"$PWD/rabbitmq.conf\"\n\
         export RABBITMQ_ADVANCED_CONFIG_FILE=\"$PWD/advanced.config\"\n\
         export RABBITMQ_GENERATED_CONFIG_DIR=\"$PWD/generated\"\n\
         export RABBITMQ_ENABLED_PLUGINS_FILE=\"$PWD/plugins\" RABBITMQ_PID_FILE=\"$PWD/pid\"\n\
         export ERL_FLAGS='-start_epmd false -erl_epmd_port {node}'\n"
    )
}

const NODE: &str = "ensue@localhost";
const ONLY_LOOPBACK: &str = "-kernel inet_dist_use_interface {127,0,0,1}";
const PLUGINS: &str = "[rabbitmq_consistent_hash_exchange].\n";

/// The limits that RabbitMQ has by default ask how large the machine is. Here they are such that no
/// other program's use of memory and disk stops a test.
const CONFIGURATION: &str = "vm_memory_high_watermark.absolute = 2GB\n\
                             disk_free_limit.absolute = 50MB\n";

/// A graceful end takes seven seconds, and what was confirmed is on disk.
const STOP_SIGNAL: &str = "KILL";

/// The kind of the frame in which a server says which versions it speaks.
const METHOD: u8 = 1;

/// LIMIT: for an answer; who waits looks again.
const PATIENCE: Duration = Duration::from_secs(1);

const PROGRAMS: Programs = Programs {
    names: &["rabbitmq-server", "rabbitmq-env", "rabbitmqctl"],
    folders: &[
        "/usr/lib/rabbitmq/bin",
        "/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin",
        "/opt/homebrew/opt/rabbitmq/sbin",
        "/usr/local/opt/rabbitmq/sbin",
    ],
    package: Package {
        name: "rabbitmq-server",
        of: "RabbitMQ",
        instead: crate::surroundings::AMQP_URL,
    },
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_is_listened_on() {
        let script = script(Path::new("/usr/bin"), 20_123, 20_124);
        assert!(script.contains("RABBITMQ_NODE_IP_ADDRESS=127.0.0.1 RABBITMQ_NODE_PORT=20123"));
        assert!(script.contains("inet_dist_use_interface {127,0,0,1}"));
    }

    #[test]
    fn nothing_outlives_the_server() {
        for script in [script(Path::new("/"), 1, 2), control(Path::new("/"), 2)] {
            assert!(script.contains("-start_epmd false -erl_epmd_port 2"));
        }
    }
}
