//! Lines on standard output, for all examples.

/// A line. A reader who has seen enough (`… | head`) ends the program quietly, where `println!` panics.
macro_rules! say {
    ($($text:tt)*) => { crate::say::write_line(format_args!($($text)*)) };
}

pub fn write_line(line: std::fmt::Arguments<'_>) {
    use std::io::Write;

    if let Err(error) = writeln!(std::io::stdout(), "{line}") {
        let is_pipe = error.kind() == std::io::ErrorKind::BrokenPipe;
        std::process::exit(if is_pipe { 0 } else { 1 });
    }
}
