//! A proxy to the server on which single statements fail.
//!
//! It understands enough of the protocol to tell which statement a packet holds. To make one fail, it sends
//! a SIGNAL with that number instead, which leaves the transaction open like the server's own error for a
//! single statement.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

use sqlx::mysql::MySqlConnectOptions;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// The fate of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It fails with this number, and its transaction stays open.
    Fails(u16),
    /// It fails with this number, and its transaction was rolled back.
    RolledBack(u16),
    /// The connection is cut before the statement arrives.
    Cut,
    /// The connection is cut after the statement arrived and before its answer.
    Unanswered,
}

/// Chooses the fault by a statement's text.
type Rule = Box<dyn FnMut(&str) -> Option<Fault> + Send>;

/// A port that forwards to the server's.
pub(crate) struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    seen: Mutex<BTreeSet<String>>,
    rule: Mutex<Option<Rule>>,
}

impl Proxy {
    pub(crate) async fn to(server: &MySqlConnectOptions) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::<Shared>::default();
        let address = format!("{}:{}", server.get_host(), server.get_port());
        tokio::spawn(accept(listener, address, Arc::clone(&shared)));
        Self { port, shared }
    }

    /// Returns the options for the same server through this proxy, without encryption.
    pub(crate) fn through(&self, server: MySqlConnectOptions) -> MySqlConnectOptions {
        let plain = sqlx::mysql::MySqlSslMode::Disabled;
        server.host("127.0.0.1").port(self.port).ssl_mode(plain)
    }

    /// Returns every statement sent so far, without its numbers.
    pub(crate) fn seen(&self) -> BTreeSet<String> {
        self.shared.seen.lock().unwrap().clone()
    }

    /// Forgets the statements sent so far.
    pub(crate) fn forget_seen(&self) {
        self.shared.seen.lock().unwrap().clear();
    }

    /// Applies `rule` from now on.
    pub(crate) fn set_rule(&self, rule: impl FnMut(&str) -> Option<Fault> + Send + 'static) {
        *self.shared.rule.lock().unwrap() = Some(Box::new(rule));
    }

    pub(crate) fn clear_rule(&self) {
        *self.shared.rule.lock().unwrap() = None;
    }
}

/// Returns a statement without comments, numbers and line breaks.
pub(crate) fn shape(statement: &str) -> String {
    let lines = statement.lines().filter(|line| !line.trim_start().starts_with("--"));
    let words: Vec<_> = lines.flat_map(str::split_whitespace).collect();
    let digits = |text: String, digit: char| match (digit.is_ascii_digit(), text.ends_with('#')) {
        (true, true) => text,
        (true, false) => text + "#",
        (false, _) => format!("{text}{digit}"),
    };
    words.join(" ").chars().fold(String::new(), digits)
}

async fn accept(listener: TcpListener, server: String, shared: Arc<Shared>) {
    while let Ok((client, _)) = listener.accept().await {
        tokio::spawn(carry(client, server.clone(), Arc::clone(&shared)));
    }
}

/// The state that the two directions of a connection share.
#[derive(Default)]
struct Line {
    /// The statement that is being prepared.
    preparing: Mutex<Option<String>>,
    prepared: Mutex<HashMap<[u8; 4], String>>,
    is_unanswered: Mutex<bool>,
    cut: Notify,
}

async fn carry(client: TcpStream, server: String, shared: Arc<Shared>) {
    let Ok(server) = TcpStream::connect(&*server).await else { return };
    let _no_delay = (client.set_nodelay(true), server.set_nodelay(true));
    let ((from_client, to_client), (from_server, to_server)) =
        (client.into_split(), server.into_split());
    let line = Line::default();
    tokio::select! {
        () = ask(from_client, to_server, &line, &shared) => {}
        () = answer(from_server, to_client, &line) => {}
        () = line.cut.notified() => {}
    }
}

/// Forwards the packets of the client, one by one.
async fn ask(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, line: &Line, shared: &Shared) {
    loop {
        let mut head = [0; 4];
        if from.read_exact(&mut head).await.is_err() {
            return;
        }
        let length = usize::from(head[0]) | usize::from(head[1]) << 8 | usize::from(head[2]) << 16;
        let mut packet = vec![0; length];
        if from.read_exact(&mut packet).await.is_err() {
            return;
        }
        // Only the first packet of a sequence is a command.
        if head[3] == 0 {
            let Some(sent) = command(packet, line, shared) else { return };
            packet = sent;
        }
        let length = u32::try_from(packet.len()).unwrap().to_le_bytes();
        let head = [length[0], length[1], length[2], head[3]];
        if to.write_all(&[&head[..], &packet].concat()).await.is_err() {
            return;
        }
    }
}

const QUERY: u8 = 3;
const PREPARE: u8 = 0x16;
const EXECUTE: u8 = 0x17;

/// Returns the packet to send instead, or `None` to cut the connection.
fn command(packet: Vec<u8>, line: &Line, shared: &Shared) -> Option<Vec<u8>> {
    let text = || String::from_utf8_lossy(&packet[1..]).into_owned();
    match packet.first() {
        Some(&QUERY) => {
            let text = text();
            let parts: Vec<_> = text.split(';').collect();
            let fault = parts
                .iter()
                .enumerate()
                .find_map(|(number, part)| fault_of(part, shared).map(|fault| (number, fault)));
            let Some((number, fault)) = fault else { return Some(packet) };
            let before = parts[..number].iter().map(|part| format!("{part};")).collect::<String>();
            faulty(&before, fault, packet, line)
        }
        Some(&PREPARE) => {
            *line.preparing.lock().unwrap() = Some(text());
            Some(packet)
        }
        Some(&EXECUTE) => {
            let id: [u8; 4] = packet[1..5].try_into().unwrap();
            let statement = line.prepared.lock().unwrap().get(&id).cloned();
            match statement.and_then(|statement| fault_of(&statement, shared)) {
                Some(fault) => faulty("", fault, packet, line),
                None => Some(packet),
            }
        }
        _ => Some(packet),
    }
}

fn fault_of(statement: &str, shared: &Shared) -> Option<Fault> {
    let shape = shape(statement);
    if !shape.is_empty() {
        shared.seen.lock().unwrap().insert(shape);
    }
    shared.rule.lock().unwrap().as_mut()?(statement)
}

fn faulty(before: &str, fault: Fault, packet: Vec<u8>, line: &Line) -> Option<Vec<u8>> {
    let (rolled_back, number) = match fault {
        Fault::Fails(number) => ("", number),
        Fault::RolledBack(number) => ("ROLLBACK;", number),
        Fault::Cut => return None,
        Fault::Unanswered => {
            *line.is_unanswered.lock().unwrap() = true;
            return Some(packet);
        }
    };
    let fails = format!(
        "{before}{rolled_back}SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = {number}, \
         MESSAGE_TEXT = 'as the test would have it'"
    );
    Some([&[QUERY][..], fails.as_bytes()].concat())
}

async fn answer(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, line: &Line) {
    let mut buffer = vec![0; 64 << 10];
    loop {
        let Ok(mut length @ 1..) = from.read(&mut buffer).await else { return };
        if *line.is_unanswered.lock().unwrap() {
            return line.cut.notify_one();
        }
        let preparing = line.preparing.lock().unwrap().take();
        if let Some(statement) = preparing {
            while length < 9 {
                let Ok(more @ 1..) = from.read(&mut buffer[length..]).await else { return };
                length += more;
            }
            if buffer[4] == 0 {
                let id = buffer[5..9].try_into().unwrap();
                line.prepared.lock().unwrap().insert(id, statement);
            }
        }
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}
