//! What can be asked for.

const USAGE: &str = "usage: plan [--seed 1] [--repeats 4] [--log-rows 160000] [--effect 1] [--months 12]";

/// What was asked for.
pub struct Options {
    pub seed: u64,
    /// Experiments, each with accounts of its own.
    pub repeats: usize,
    /// Accounts of an experiment.
    pub log_rows: usize,
    /// What the actions do in log-odds is multiplied by this.
    pub effect: f64,
    /// Months of the year that is lived; 0 leaves it out.
    pub months: u32,
}

impl Options {
    pub fn read(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Options { seed: 1, repeats: 4, log_rows: 160_000, effect: 1.0, months: 12 };
        while let Some(flag) = arguments.next() {
            let text = arguments.next().ok_or_else(|| format!("{flag} has no value; {USAGE}"))?;
            let wrong = |expected: &str| format!("{flag} {text}: expected {expected}; {USAGE}");
            let whole = |least: u64, most: u64| {
                let number = text.parse().ok().filter(|number| (least..=most).contains(number));
                number.ok_or_else(|| wrong(&format!("a whole number from {least} to {most}")))
            };
            match flag.as_str() {
                "--seed" => options.seed = whole(0, u64::MAX)?,
                "--repeats" => options.repeats = whole(1, 100)? as usize,
                "--log-rows" => options.log_rows = whole(5_000, 2_000_000)? as usize,
                "--months" => options.months = whole(0, 12)? as u32,
                "--effect" => {
                    let number = text.parse().ok().filter(|number| (0.0..=5.0).contains(number));
                    options.effect = number.ok_or_else(|| wrong("a number from 0 to 5"))?;
                }
                _ => return Err(format!("{flag} is unknown; {USAGE}")),
            }
        }
        Ok(options)
    }
}
