//! A labelling as it stands in TOML.

use serde::Deserialize;

use super::{Change, Churn, Involuntary, Labelling, Part};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LabelTable {
    churn: Option<String>,
    expansion: Option<String>,
    downsell: Option<String>,
    churn_event: Option<Names>,
    churn_by: Option<ByContracts>,
    silence: Option<Vec<String>>,
    silence_days: Option<u32>,
    rhythm: Option<Vec<String>>,
    rhythm_times: Option<f64>,
    at_least_days: Option<u32>,
    expansion_event: Option<Names>,
    expansion_by: Option<Vec<Part>>,
    downsell_event: Option<Names>,
    downsell_by: Option<Vec<Part>>,
    #[serde(default)]
    plan_order: Vec<String>,
    win_back_event: Option<Names>,
    pause_event: Option<String>,
    resume_event: Option<String>,
    pause_days: Option<u32>,
    merged_event: Option<Names>,
    absorbed_event: Option<Names>,
    involuntary_events: Option<Vec<String>>,
    involuntary_days: Option<u32>,
    #[serde(default)]
    grace_days: u32,
    #[serde(default)]
    gap_days: u32,
    horizon_days: Option<Horizons>,
}

/// One name or several.
#[derive(Deserialize)]
#[serde(untagged)]
enum Names {
    One(String),
    Several(Vec<String>),
}

impl ByContracts {
    fn rules(self) -> Read<Vec<Churn>> {
        let all = match self {
            ByContracts::One(by) => vec![by],
            ByContracts::Several(all) if all.is_empty() => {
                return Err("[label] has an empty `churn_by`; name notice, renewal or no_revenue".into());
            }
            ByContracts::Several(all) => all,
        };
        let rule = |by| match by {
            ByContract::Notice => Churn::Notice,
            ByContract::Renewal => Churn::Renewal,
            ByContract::NoRevenue => Churn::NoRevenue,
        };
        Ok(all.into_iter().map(rule).collect())
    }
}

impl Names {
    fn all(self) -> Vec<String> {
        match self {
            Names::One(name) => vec![name],
            Names::Several(names) => names,
        }
    }
}

/// One horizon or several.
#[derive(Deserialize)]
#[serde(untagged)]
enum Horizons {
    One(u32),
    Several(Vec<u32>),
}

/// One rule or several.
#[derive(Deserialize)]
#[serde(untagged)]
enum ByContracts {
    One(ByContract),
    Several(Vec<ByContract>),
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ByContract {
    Notice,
    Renewal,
    NoRevenue,
}

type Read<T> = Result<T, String>;

impl LabelTable {
    fn rules(&mut self) -> Read<Vec<Churn>> {
        let by_event = self.churn_event.take().map(|names| Churn::Event(names.all()));
        let by_contract = self.churn_by.take().map(ByContracts::rules).transpose()?;
        let days = self.silence_days;
        let by_silence = self.silence.take().map(|events| Churn::Silence { events, days });
        if by_silence.is_none() && days.is_some() {
            return Err(
                "[label] has `silence_days` but no `silence`; name the events that must not cease".into()
            );
        }
        let (times, at_least_days) = (self.rhythm_times, self.at_least_days);
        let by_rhythm = self.rhythm.take().map(|events| Churn::Rhythm {
            events,
            times: times.unwrap_or(3.0),
            at_least_days: at_least_days.unwrap_or(30),
        });
        if by_rhythm.is_none() && (times.is_some() || at_least_days.is_some()) {
            let keys = "`rhythm_times` or `at_least_days` but no `rhythm`";
            return Err(format!("[label] has {keys}; name the events that must not cease"));
        }
        if by_silence.is_some() && by_rhythm.is_some() {
            return Err("[label] has both `silence` and `rhythm`; give it one".into());
        }
        let by_contract = by_contract.into_iter().flatten();
        let rules: Vec<Churn> =
            by_event.into_iter().chain(by_contract).chain(by_silence).chain(by_rhythm).collect();
        match rules.is_empty() {
            false => Ok(rules),
            true => Err("[label] needs `churn_event`, `churn_by`, `rhythm`, or `silence` with the events that must not \
                         cease"
                .into()),
        }
    }

    fn pause(&mut self) -> Read<Option<[String; 2]>> {
        match (self.pause_event.take(), self.resume_event.take()) {
            (Some(begins), Some(ends)) => Ok(Some([begins, ends])),
            (None, None) => Ok(None),
            _ => Err("[label] has one of `pause_event` and `resume_event`; give it both".into()),
        }
    }

    fn involuntary(&mut self) -> Read<Option<Involuntary>> {
        match (self.involuntary_events.take(), self.involuntary_days) {
            (Some(events), days) => Ok(Some(Involuntary { events, days: days.unwrap_or(30) })),
            (None, None) => Ok(None),
            _ => Err("[label] has `involuntary_days` but no `involuntary_events`; name them".into()),
        }
    }
}

fn change(outcome: &str, event: Option<Names>, by: Option<Vec<Part>>) -> Read<Option<Change>> {
    match (event, by) {
        (Some(_), Some(_)) => {
            Err(format!("[label] has both `{outcome}_event` and `{outcome}_by`; give it one"))
        }
        (Some(names), None) => Ok(Some(Change::Event(names.all()))),
        (None, Some(parts)) if parts.is_empty() => {
            Err(format!("[label] has an empty `{outcome}_by`; name seats, plan or products"))
        }
        (None, parts) => Ok(parts.map(Change::Contracts)),
    }
}

impl TryFrom<LabelTable> for Labelling {
    type Error = String;

    fn try_from(mut table: LabelTable) -> Result<Self, String> {
        let usual = Labelling::default();
        let names = |names: Option<Names>| names.map(Names::all).unwrap_or_default();
        let labelling = Labelling {
            churn_rules: table.rules()?,
            pause: table.pause()?,
            involuntary: table.involuntary()?,
            expansion_change: change("expansion", table.expansion_event, table.expansion_by)?,
            downsell_change: change("downsell", table.downsell_event, table.downsell_by)?,
            plan_order: table.plan_order,
            win_back: names(table.win_back_event),
            pause_days: table.pause_days.unwrap_or(usual.pause_days),
            merged: names(table.merged_event),
            absorbed: names(table.absorbed_event),
            grace_days: table.grace_days,
            gap_days: table.gap_days,
            horizons_days: match table.horizon_days {
                None => usual.horizons_days,
                Some(Horizons::One(days)) => vec![days],
                Some(Horizons::Several(days)) => days,
            },
            churn: table.churn.unwrap_or(usual.churn),
            expansion: table.expansion.unwrap_or(usual.expansion),
            downsell: table.downsell.unwrap_or(usual.downsell),
        };
        labelling.check().map_err(|error| error.to_string())?;
        Ok(labelling)
    }
}
