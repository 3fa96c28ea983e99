//! The one door to this repository's tools: `cargo xtask <verb>`.
//!
//! CI calls exactly what is here, so what passes on a desk passes there.

mod bench;
mod bounds;
mod cargo;
mod check;
mod direction;
mod failure;
mod graph;
mod layers;
mod licences;
mod rivals;
mod secrets;
mod shop;
mod simulate;
mod soak;
mod step;
mod taker;
mod terminal;
mod test;
mod torture;
mod walls;
mod with_servers;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::check::Check;
use crate::failure::Failure;
use crate::soak::Soak;

fn main() -> ExitCode {
    match Door::parse().verb.run() {
        Ok(code) => code,
        Err(failure) => {
            terminal::say(&failure);
            ExitCode::FAILURE
        }
    }
}

/// The one door to this repository's tools.
#[derive(Parser)]
#[command(bin_name = "cargo xtask", arg_required_else_help = true)]
struct Door {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Look without running: formatting, lints, docs, direction of dependencies, licences
    Check {
        /// Only this one
        only: Option<Check>,
    },
    /// Check, then run every test and every doctest, with the servers they need
    Test,
    /// Run the tests again and again with every core loaded; fail if one failed once
    Soak(Soak),
    /// Run a command with the servers that tests need, found or started, and end as it ends
    // Every flag, `--help` too, belongs to the command.
    #[command(disable_help_flag = true)]
    WithServers {
        /// The command, such as `cargo nextest run -p servers`
        #[arg(value_name = "COMMAND", required = true, trailing_var_arg = true)]
        #[arg(allow_hyphen_values = true)]
        command: Vec<String>,
    },
    /// Run the shop as four processes with a database and a broker of its own, until Ctrl-C; `--story`
    /// kills each of them again and again, and checks what ensues
    // Every flag, `--help` too, belongs to the shop.
    #[command(disable_help_flag = true)]
    Shop {
        /// What else `shop processes` understands
        #[arg(value_name = "ARGUMENT", trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Run the benchmarks, or the one of this name; `allocations` counts, `rivals` and `relays` compare
    /// with other crates, `judged` has other crates' logs stand what `torture` has ours
    // Every flag, `--help` too, belongs to the benchmark program.
    #[command(disable_help_flag = true)]
    Bench {
        /// The benchmark's name and whatever else its program understands
        #[arg(value_name = "NAME", trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Simulate processes that follow one log: one seed step by step, many schedules, or the mutants
    // Every flag, `--help` too, belongs to the simulation.
    #[command(disable_help_flag = true)]
    Simulate {
        /// What its program understands
        #[arg(value_name = "ARGUMENTS", trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Have writers and readers at a store's log while everything goes wrong, and judge what came of it
    // Every flag, `--help` too, belongs to the program.
    #[command(disable_help_flag = true)]
    Torture {
        /// What its program understands
        #[arg(value_name = "ARGUMENTS", trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
}

impl Verb {
    fn run(self) -> Result<ExitCode, Failure> {
        match self {
            Self::Check { only: Some(check) } => check.run(),
            Self::Check { only: None } => Check::run_all(),
            Self::Test => test::run(),
            Self::Soak(soak) => soak.run(),
            Self::WithServers { command } => return with_servers::run(&command),
            Self::Shop { arguments } => return shop::run(&arguments),
            Self::Bench { arguments } => bench::run(&arguments),
            Self::Simulate { arguments } => simulate::run(&arguments),
            Self::Torture { arguments } => torture::run(&arguments),
        }
        .map(|()| ExitCode::SUCCESS)
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_door_is_consistent() {
        Door::command().debug_assert();
    }

    #[test]
    fn a_soak_runs_ten_times_unless_another_number_is_given() {
        let runs = |words: &[&str]| match Door::parse_from(words).verb {
            Verb::Soak(soak) => soak.runs(),
            _ => panic!("not the verb `soak`"),
        };
        assert_eq!(runs(&["xtask", "soak"]), 10);
        assert_eq!(runs(&["xtask", "soak", "inbox", "--runs", "3"]), 3);
        assert!(Door::try_parse_from(["xtask", "soak", "--runs", "0"]).is_err());
    }

    #[test]
    fn flags_behind_bench_belong_to_the_benchmark() {
        let door = Door::parse_from(["xtask", "bench", "--help", "append", "--events", "7"]);
        let Verb::Bench { arguments } = door.verb else { panic!("not the verb `bench`") };
        assert_eq!(arguments, ["--help", "append", "--events", "7"]);
    }

    #[test]
    fn flags_behind_simulate_belong_to_the_simulation() {
        let door = Door::parse_from(["xtask", "simulate", "--seed", "7"]);
        let Verb::Simulate { arguments } = door.verb else { panic!("not the verb `simulate`") };
        assert_eq!(arguments, ["--seed", "7"]);
    }

    #[test]
    fn flags_behind_torture_belong_to_it() {
        let door = Door::parse_from(["xtask", "torture", "--store", "sqlite"]);
        let Verb::Torture { arguments } = door.verb else { panic!("not the verb `torture`") };
        assert_eq!(arguments, ["--store", "sqlite"]);
    }

    #[test]
    fn flags_behind_with_servers_belong_to_the_command() {
        let words = ["xtask", "with-servers", "--", "cargo", "nextest", "run", "-p", "ensue"];
        let Verb::WithServers { command } = Door::parse_from(words).verb else {
            panic!("not the verb `with-servers`")
        };
        assert_eq!(command, ["cargo", "nextest", "run", "-p", "ensue"]);
    }

    #[test]
    fn with_servers_wants_a_command() {
        assert!(Door::try_parse_from(["xtask", "with-servers"]).is_err());
    }
}
