//! `cargo xtask simulate`: one schedule step by step, many with one line at the end, or the mutants.

use std::process::ExitCode;

use clap::Parser;
use simulation::audience::{Audience, ListenerMutant};
use simulation::fleet::Fleet;
use simulation::terminal::say;
use simulation::{Found, Mutant, Tally, Target, World, schedules};

/// Simulates processes that follow one log, with everything that may go wrong
#[derive(Parser)]
#[command(bin_name = "cargo xtask simulate", arg_required_else_help = true)]
struct Arguments {
    /// The schedule to begin with; alone, it is told step by step
    #[arg(long)]
    seed: Option<u64>,
    /// Run so many schedules
    #[arg(long)]
    schedules: Option<u64>,
    /// Break this on purpose, to see how it is noticed
    #[arg(long)]
    mutant: Option<Mutant>,
    /// Say after how many schedules each mutant is noticed
    #[arg(long)]
    mutants: bool,
    /// Send entries to a sink, instead of handling them
    #[arg(long)]
    sink: bool,
    /// Simulate processes that listen to a queue instead of following a log
    #[arg(long, conflicts_with_all = ["sink", "mutant", "fleets"])]
    listener: bool,
    /// Run so many fleets, which share subscriptions out among themselves
    #[arg(long)]
    fleets: Option<u64>,
}

fn main() -> ExitCode {
    let Arguments { seed, schedules, mutant, mutants, sink, listener, fleets } = Arguments::parse();
    let target = if sink { Target::Sink } else { Target::Handlers };
    let first = seed.unwrap_or(0);
    let is_well = match (schedules, fleets) {
        _ if listener && mutants => listener_table(first),
        (Some(schedules), _) if listener => listen(first, schedules),
        _ if listener => replay_listener(first),
        _ if mutants => table(target, first),
        (Some(schedules), _) => many(target, first, schedules),
        (None, Some(fleets)) => share(first, fleets),
        (None, None) => replay(target, first, mutant),
    };
    if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn replay(target: Target, seed: u64, mutant: Option<Mutant>) -> bool {
    let (lines, lived) = World::new(target, seed, mutant).trace();
    lines.iter().for_each(|line| say(line));
    match &lived {
        Ok(()) => say(&format!("seed {seed}: every promise was kept")),
        Err(violation) => say(&format!("seed {seed}: {violation}")),
    }
    lived.is_ok()
}

fn replay_listener(seed: u64) -> bool {
    let (lines, lived) = Audience::new(seed, None).trace();
    lines.iter().for_each(|line| say(line));
    match &lived {
        Ok(()) => say(&format!("seed {seed}: every promise was kept")),
        Err(violation) => say(&format!("seed {seed}: {violation}")),
    }
    lived.is_ok()
}

fn listen(seed: u64, schedules: u64) -> bool {
    let (tally, found) =
        schedules::run_each(seed, schedules, |seed| schedules::one_audience(seed, None));
    for Found { seed, violation } in found.iter().take(FOUND_SHOWN) {
        let command = format!("cargo xtask simulate --listener --seed {seed}");
        say(&format!("seed {seed}: {violation}; see it with: {command}"));
    }
    let Tally { schedules, steps, effects, violations, .. } = tally;
    say(&format!(
        "{schedules} schedules, {steps} steps, {effects} effects; {violations} violations"
    ));
    found.is_empty()
}

fn listener_table(seed: u64) -> bool {
    say(&"| mutant | noticed after schedules | by |\n|---|---|---|");
    let mut all_noticed = true;
    for mutant in ListenerMutant::ALL {
        match schedules::catch_listener(mutant, seed, SCHEDULES_MAX) {
            Some(found) => {
                let after = found.seed - seed + 1;
                say(&format!("| `{mutant:?}` | {after} | {} |", found.violation));
            }
            None => {
                all_noticed = false;
                say(&format!("| `{mutant:?}` | never | – |"));
            }
        }
    }
    all_noticed
}

fn many(target: Target, seed: u64, schedules: u64) -> bool {
    let (tally, found) = schedules::run(target, seed, schedules);
    for found in found.iter().take(FOUND_SHOWN) {
        let (seed, violation) = (found.seed, &found.violation);
        let sink = if target == Target::Sink { "--sink " } else { "" };
        let command = format!("cargo xtask simulate {sink}--seed {seed}");
        say(&format!("seed {seed}: {violation}; see it with: {command}"));
    }
    say(&tally);
    found.is_empty()
}

fn share(seed: u64, fleets: u64) -> bool {
    let (mut handed_over, mut violations) = (0, 0);
    for seed in (0..fleets).map(|number| seed.wrapping_add(number)) {
        match Fleet::new(seed, None).run() {
            Ok(of_this) => handed_over += of_this,
            Err(violation) => {
                violations += 1;
                say(&format!("fleet {seed}: {violation}"));
            }
        }
    }
    say(&format!(
        "{fleets} fleets; {handed_over} subscriptions handed over; {violations} violations"
    ));
    violations == 0
}

/// LIMIT: a fault in the machines is found by many schedules, and one is enough to look at.
const FOUND_SHOWN: usize = 10;

/// LIMIT: schedules in which a mutant is looked for.
const SCHEDULES_MAX: u64 = 100_000;

fn table(target: Target, seed: u64) -> bool {
    say(&"| mutant | noticed after schedules | by |\n|---|---|---|");
    let mut all_noticed = true;
    for mutant in Mutant::of(target).iter().copied() {
        match schedules::catch(target, mutant, seed, SCHEDULES_MAX) {
            Some(found) => {
                let after = found.seed - seed + 1;
                say(&format!("| `{mutant}` | {after} | {} |", found.violation));
            }
            None => {
                all_noticed = false;
                say(&format!("| `{mutant}` | never | – |"));
            }
        }
    }
    all_noticed
}
