//! The text of a LightGBM model, taken apart: `key=value` lines of the model, then of each tree, and what comes after.

use std::collections::HashMap;
use std::str::FromStr;

use super::Problem;

/// A model's text, by its parts.
pub(super) struct Text<'a> {
    header: HashMap<&'a str, &'a str>,
    /// Whether the score is the trees' mean, not their sum.
    pub(super) is_averaged: bool,
    pub(super) trees: Vec<TreeText<'a>>,
    /// What it was trained with.
    params: HashMap<&'a str, &'a str>,
    /// For each column of categories of a pandas frame its levels.
    pandas_levels: Vec<Vec<String>>,
}

/// The lines of one tree.
#[derive(Default)]
pub(super) struct TreeText<'a>(HashMap<&'a str, &'a str>);

impl<'a> Text<'a> {
    pub(super) fn read(text: &'a str) -> Result<Self, Problem> {
        let mut lines = text.lines().map(str::trim_end);
        if lines.next() != Some("tree") {
            return Err(
                "it does not begin with `tree`; expected the text of `Booster.model_to_string`".into()
            );
        }
        let mut read = Text {
            header: HashMap::new(),
            is_averaged: false,
            trees: Vec::new(),
            params: HashMap::new(),
            pandas_levels: Vec::new(),
        };
        let end = lines.by_ref().find(|line| *line == "end of trees" || read.take(line));
        if end != Some("end of trees") {
            return Err("it is cut off before `end of trees`; save it again".into());
        }
        match read.header("version") {
            Some("v3" | "v4") => lines.try_for_each(|line| read.take_rest(line)).map(|()| read),
            version => {
                let found = version.unwrap_or("missing");
                Err(format!(
                    "its version is {found}, expected v3 or v4; load and save it with a newer LightGBM"
                ))
            }
        }
    }

    /// Takes a line of the model or of a tree; never the last one.
    fn take(&mut self, line: &'a str) -> bool {
        match line.split_once('=') {
            Some(("Tree", _)) => self.trees.push(TreeText::default()),
            Some((key, value)) => {
                self.trees.last_mut().map_or(&mut self.header, |tree| &mut tree.0).insert(key, value);
            }
            None => self.is_averaged |= line == "average_output",
        }
        false
    }

    /// Takes a line after the trees.
    fn take_rest(&mut self, line: &'a str) -> Result<(), Problem> {
        let param = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')?.split_once(':'));
        self.params.extend(param.map(|(key, value)| (key, value.trim())));
        if let Some(levels) = line.strip_prefix("pandas_categorical:") {
            self.pandas_levels = read_levels(levels)?;
        }
        Ok(())
    }

    pub(super) fn header(&self, key: &str) -> Option<&'a str> {
        self.header.get(key).copied()
    }

    /// A parameter of the training.
    pub(super) fn param(&self, key: &str) -> Option<&'a str> {
        self.params.get(key).copied()
    }

    /// One more than a number of the header.
    pub(super) fn one_more(&self, key: &str) -> Result<usize, Problem> {
        let value = self.header(key).ok_or_else(|| format!("it has no `{key}`"))?;
        let number: Option<usize> = value.parse().ok();
        number.and_then(|number| number.checked_add(1)).ok_or_else(|| not_a_number(key, value))
    }

    /// The columns that were categories of a pandas frame, with their levels.
    pub(super) fn categories(&self, n_columns: usize) -> Result<Vec<(usize, Vec<String>)>, Problem> {
        let columns = self.param("categorical_feature").unwrap_or_default().split(',');
        let mut columns: Vec<usize> = columns.filter_map(|column| column.trim().parse().ok()).collect();
        columns.sort_unstable();
        columns.dedup();
        if self.pandas_levels.is_empty() {
            return Ok(Vec::new());
        }
        if columns.len() != self.pandas_levels.len() || columns.last().is_some_and(|last| *last >= n_columns)
        {
            let (found, known) = (self.pandas_levels.len(), columns.len());
            return Err(format!(
                "its frame had {found} columns of categories, of which {known} were trained on as categories; ordered \
                 ones are not taken over"
            ));
        }
        Ok(columns.into_iter().zip(self.pandas_levels.iter().cloned()).collect())
    }
}

impl TreeText<'_> {
    pub(super) fn value(&self, key: &str) -> Option<&str> {
        self.0.get(key).copied()
    }

    /// The one number under a key.
    pub(super) fn one<T: FromStr>(&self, key: &str) -> Result<T, Problem> {
        let value = self.value(key).ok_or_else(|| format!("it has no `{key}`"))?;
        value.parse().map_err(|_| not_a_number(key, value))
    }

    /// The numbers under a key.
    pub(super) fn list<T: FromStr>(&self, key: &str) -> Result<Vec<T>, Problem> {
        let values = self.value(key).ok_or_else(|| format!("it has no `{key}`"))?.split_whitespace();
        values.map(|value| value.parse().map_err(|_| not_a_number(key, value))).collect()
    }
}

fn not_a_number(key: &str, value: &str) -> Problem {
    format!("`{value}` in `{key}` is not a number that belongs there")
}

/// Levels of each column as Python prints them, since that is how a frame's categories are read.
fn read_levels(json: &str) -> Result<Vec<Vec<String>>, Problem> {
    use serde_json::Value;
    let problem = |error: serde_json::Error| format!("its `pandas_categorical` cannot be read: {error}");
    let columns: Option<Vec<Vec<Value>>> = serde_json::from_str(json.trim()).map_err(problem)?;
    let level = |value: Value| match value {
        Value::String(text) => text,
        Value::Bool(flag) => if flag { "True" } else { "False" }.to_owned(),
        other => other.to_string(),
    };
    let levels = |column: Vec<Value>| column.into_iter().map(level).collect();
    Ok(columns.unwrap_or_default().into_iter().map(levels).collect())
}
