//! The one place that prints.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use anstyle::{AnsiColor, Style};

/// Standard output, in colour where that helps.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terminal {
    is_coloured: bool,
}

/// What a piece of text is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Tone {
    Title,
    Aside,
    Good,
    Bad,
}

impl Terminal {
    pub(crate) fn of_stdout() -> Self {
        Self { is_coloured: is_coloured(&io::stdout()) }
    }

    pub(crate) fn line(&self, line: impl Display) -> io::Result<()> {
        writeln!(io::stdout().lock(), "{line}")
    }

    /// One line each, for people and for programs: `shop listening on http://127.0.0.1:8080`.
    pub(crate) fn listeners(&self, listeners: &[(&str, String)]) -> io::Result<()> {
        listeners.iter().try_for_each(|(name, url)| self.line(format!("{name} listening on {url}")))
    }

    pub(crate) fn painted(&self, tone: Tone, text: impl Display) -> String {
        let style = if self.is_coloured { tone.style() } else { Style::new() };
        format!("{style}{text}{style:#}")
    }
}

impl Tone {
    fn style(self) -> Style {
        match self {
            Self::Title => Style::new().bold(),
            Self::Aside => Style::new().dimmed(),
            Self::Good => AnsiColor::Green.on_default(),
            Self::Bad => AnsiColor::Red.on_default().bold(),
        }
    }
}

/// Whether a person reads `stream`, and did not say `NO_COLOR`.
pub(crate) fn is_coloured(stream: &impl IsTerminal) -> bool {
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    stream.is_terminal() && !no_color
}

#[expect(clippy::print_stderr, reason = "a command-line tool speaks to whoever ran it")]
pub(crate) fn complain(error: &dyn std::error::Error) {
    eprintln!("error: {error}");
}
