//! The shop as several processes, each started again when it is gone.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use ensue::BoxError;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::process::Role;
use crate::terminal::Terminal;

/// Before a process is started again.
const PAUSE: Duration = Duration::from_millis(100);

/// LIMIT: how long a process may take to end by itself.
const GRACE: Duration = Duration::from_secs(20);

/// Who listens where at the moment, by name.
type Listeners = BTreeMap<String, String>;

pub(crate) struct Processes {
    listeners: watch::Receiver<Listeners>,
    /// How often each was started.
    starts: watch::Receiver<BTreeMap<Role, u32>>,
    kills: BTreeMap<Role, mpsc::Sender<()>>,
    stop: watch::Sender<bool>,
    keepers: JoinSet<()>,
}

/// Keeps one of them going.
struct Keeper {
    role: Role,
    arguments: Vec<OsString>,
    terminal: Terminal,
    listeners: watch::Sender<Listeners>,
    starts: watch::Sender<BTreeMap<Role, u32>>,
    kills: mpsc::Receiver<()>,
    stopping: watch::Receiver<bool>,
}

impl Processes {
    /// Starts one of this program for each role, with `arguments` beside that.
    pub(crate) fn start(terminal: &Terminal, arguments: &[OsString]) -> Self {
        let (listeners, starts) = (watch::Sender::default(), watch::Sender::default());
        let (stop, stopping) = watch::channel(false);
        let (mut kills, mut keepers) = (BTreeMap::new(), JoinSet::new());
        for role in Role::APART {
            let (kill, killed) = mpsc::channel(1);
            kills.insert(role, kill);
            let keeper = Keeper {
                role,
                arguments: arguments.to_vec(),
                terminal: *terminal,
                listeners: listeners.clone(),
                starts: starts.clone(),
                kills: killed,
                stopping: stopping.clone(),
            };
            keepers.spawn(keeper.keep());
        }
        let (listeners, starts) = (listeners.subscribe(), starts.subscribe());
        Self { listeners, starts, kills, stop, keepers }
    }

    /// Where `name` listens, as soon as it does.
    pub(crate) async fn url_of(&self, name: &str) -> Result<String, BoxError> {
        let mut listeners = self.listeners.clone();
        let listening = listeners.wait_for(|listeners| listeners.contains_key(name)).await?;
        Ok(listening.get(name).cloned().unwrap_or_default())
    }

    /// SIGKILL, which no process has a say in.
    pub(crate) async fn kill(&self, role: Role) -> Result<(), BoxError> {
        let kill = self.kills.get(&role).ok_or("there is no such process")?;
        Ok(kill.send(()).await?)
    }

    /// How often the process of `role` was started.
    pub(crate) fn starts(&self, role: Role) -> u32 {
        self.starts.borrow().get(&role).copied().unwrap_or_default()
    }

    /// Lets all of them end.
    pub(crate) async fn stop(mut self) {
        self.stop.send_replace(true);
        while self.keepers.join_next().await.is_some() {}
    }
}

impl Keeper {
    async fn keep(mut self) {
        while !*self.stopping.borrow() {
            let ended = match self.spawn() {
                Ok(child) => self.watch(child).await,
                Err(error) => format!("cannot be started: {error}"),
            };
            if *self.stopping.borrow() {
                return;
            }
            self.say(&format!("{ended}; it is started again"));
            tokio::time::sleep(PAUSE).await;
        }
    }

    fn spawn(&self) -> std::io::Result<Child> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["--until-stdin-ends", "--role", self.role.name()]).args(&self.arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let child = command.spawn()?;
        self.starts.send_modify(|starts| *starts.entry(self.role).or_default() += 1);
        Ok(child)
    }

    /// Until it has ended: how.
    async fn watch(&mut self, mut child: Child) -> String {
        let mut mine = Vec::new();
        let Some(stdout) = child.stdout.take() else { return "has no output".to_owned() };
        // Waiting would end it.
        let stdin = child.stdin.take();
        let mut lines = BufReader::new(stdout).lines();
        let mut stopping = self.stopping.clone();
        let status = loop {
            tokio::select! {
                Ok(Some(line)) = lines.next_line() => self.hear(&line, &mut mine),
                Some(()) = self.kills.recv() => drop(child.start_kill()),
                status = child.wait() => break status,
                Ok(()) = stopping.changed() => break let_end(&mut child, stdin).await,
            }
        };
        // Nobody is to call what is gone.
        self.listeners.send_modify(|all| all.retain(|name, _| !mine.contains(name)));
        status.map_or_else(|error| error.to_string(), |status| format!("is gone: {status}"))
    }

    fn hear(&self, line: &str, mine: &mut Vec<String>) {
        if let Some((name, url)) = line.split_once(" listening on ") {
            mine.push(name.to_owned());
            self.listeners.send_modify(|all| drop(all.insert(name.to_owned(), url.to_owned())));
            self.say(line);
        }
    }

    fn say(&self, line: &str) {
        // Where nobody reads, nothing is to be said.
        drop(self.terminal.line(format!("[{}] {line}", self.role.name())));
    }
}

/// The end of its standard input is what it waits for, also if this program is killed.
async fn let_end(child: &mut Child, stdin: Option<ChildStdin>) -> std::io::Result<ExitStatus> {
    drop(stdin);
    match tokio::time::timeout(GRACE, child.wait()).await {
        Ok(status) => status,
        Err(_) => {
            child.kill().await?;
            child.wait().await
        }
    }
}
