//! The command line of the example.

use std::collections::BTreeMap;

use keepwell::action::{Capacity, Playbook};
use keepwell::schema::Money;

const HELP: &str = "\
What a customer-success lead wants to read on a Monday.

portfolio                     on a simulated subscription business
portfolio --csv FILE          on a table of accounts (CSV, also gzipped)

  --schema FILE               what the columns mean, as TOML (default: inferred)
  --churn COLUMN              true where the account left (default: `churned` …)
  --expansion COLUMN          true where it grew (default: `expanded`, `upsold` …)
  --id COLUMN                 the account id (default: `account_id` …, else row numbers)
  --drop COLUMN               leave a column out; may be given several times
  --value COLUMN|AMOUNT       the recurring value: a column, or the same for all
  --per-year NUMBER           how often the value recurs in a year (default: 12)
  --currency CODE             of the value and the playbook (default: EUR)
  --horizon-days NUMBER       what the labels look ahead (default: 90)
  --playbook FILE             what can be done, as TOML (default: a starter)
  --capacity POOL=UNITS       of a pool of the playbook; may be given several times (default: a small team)
  --budget AMOUNT             what the plan may cost (default: 5000)
  --top NUMBER                how many accounts to list (default: 20)
  --seed NUMBER               (default: 7)";

/// Hours in a week, and sends, of a small team.
const TEAM: [(&str, f64); 5] = [
    ("csm_hours", 40.0),
    ("executive_hours", 6.0),
    ("trainer_hours", 20.0),
    ("support_hours", 20.0),
    ("email_sends", 200.0),
];

/// What an account is worth.
pub enum Worth {
    /// A column says.
    Column(String),
    /// The same for all, in whole units.
    Same(f64),
}

pub struct Options {
    pub csv: Option<String>,
    pub schema: Option<String>,
    pub churn: Option<String>,
    pub expansion: Option<String>,
    pub id: Option<String>,
    pub drop: Vec<String>,
    pub worth: Option<Worth>,
    pub per_year: f64,
    pub currency: String,
    pub horizon_days: u32,
    pub playbook: Option<String>,
    pub pools: BTreeMap<String, f64>,
    pub budget: i64,
    pub top: usize,
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            csv: None,
            schema: None,
            churn: None,
            expansion: None,
            id: None,
            drop: Vec::new(),
            worth: None,
            per_year: 12.0,
            currency: "EUR".into(),
            horizon_days: 90,
            playbook: None,
            pools: BTreeMap::new(),
            budget: 5000,
            top: 20,
            seed: 7,
        }
    }
}

impl Options {
    /// Reads the command line; ends the program with the reason where it makes no sense.
    pub fn from_args() -> Self {
        let mut options = Options::default();
        let mut args = std::env::args().skip(1);
        while let Some(flag) = args.next() {
            if flag == "--help" {
                say!("{HELP}");
                std::process::exit(0);
            }
            if let Err(problem) =
                args.next().ok_or("a value is missing".into()).and_then(|value| options.set(&flag, value))
            {
                eprintln!("{flag}: {problem}\n\n{HELP}");
                std::process::exit(2);
            }
        }
        options
    }

    fn set(&mut self, flag: &str, value: String) -> Result<(), String> {
        match flag {
            "--csv" => self.csv = Some(value),
            "--schema" => self.schema = Some(value),
            "--churn" => self.churn = Some(value),
            "--expansion" => self.expansion = Some(value),
            "--id" => self.id = Some(value),
            "--drop" => self.drop.push(value),
            "--value" => self.worth = Some(worth(value)?),
            "--per-year" => self.per_year = number(&value)?,
            "--currency" => self.currency = value,
            "--horizon-days" => self.horizon_days = number(&value)?,
            "--playbook" => self.playbook = Some(value),
            "--capacity" => {
                let (pool, units) = value.split_once('=').ok_or("expected POOL=UNITS")?;
                self.pools.insert(pool.into(), number(units)?);
            }
            "--budget" => self.budget = budget(&value)?,
            "--top" => self.top = number(&value)?,
            "--seed" => self.seed = number(&value)?,
            _ => return Err("is not an option".into()),
        }
        Ok(())
    }

    /// The pools named on the command line; those of a small team where none is.
    pub fn capacity(&self, playbook: &Playbook) -> Capacity {
        let budget = Money::new(self.budget * 100, &self.currency);
        let has = |pool: &str| playbook.pools.iter().any(|other| other.name == pool);
        let team = TEAM.iter().filter(|(pool, _)| self.pools.is_empty() && has(pool));
        let team =
            team.fold(Capacity::new().budget(budget), |capacity, &(pool, units)| capacity.pool(pool, units));
        self.pools.iter().fold(team, |capacity, (pool, units)| capacity.pool(pool, *units))
    }
}

/// The largest amount taken, in whole units: sums of many of them stay within what money can hold.
const MOST: f64 = 1e12;

fn worth(value: String) -> Result<Worth, String> {
    match value.parse::<f64>() {
        Ok(units) if !(0.0..=MOST).contains(&units) => {
            Err(format!("`{value}` is not an amount from 0 to {MOST}"))
        }
        Ok(units) => Ok(Worth::Same(units)),
        Err(_) => Ok(Worth::Column(value)),
    }
}

fn budget(value: &str) -> Result<i64, String> {
    let units: i64 = number(value)?;
    match (0..=MOST as i64).contains(&units) {
        true => Ok(units),
        false => Err(format!("`{value}` is not an amount from 0 to {MOST}")),
    }
}

fn number<T: std::str::FromStr>(value: &str) -> Result<T, String> {
    value.parse().map_err(|_| format!("`{value}` is not a number it can take"))
}
