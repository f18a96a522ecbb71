//! The health model in its file: all of it, looked at when it is read back.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::fitted::FittedScore;
use super::model::HealthModel;
use super::params::Settings;
use super::recourse::Seen;
use super::segment::{SegmentReport, SegmentTree};
use crate::explain::Usual;
use crate::model::ModelFile;
use crate::schema::Schema;

/// What of a model is saved: all of it, looked at when it is read back.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct SavedHealthModel {
    #[serde(with = "crate::schema::as_toml")]
    schema: Arc<Schema>,
    settings: Settings,
    segments: SegmentTree,
    reports: Vec<SegmentReport>,
    usual: Vec<Option<Vec<Usual>>>,
    groups: Vec<u32>,
    seen: Seen,
    churn: Option<FittedScore>,
    expansion: Option<FittedScore>,
    warnings: Vec<String>,
}

impl From<HealthModel> for SavedHealthModel {
    fn from(model: HealthModel) -> Self {
        SavedHealthModel {
            schema: model.schema,
            settings: model.settings,
            segments: model.segments,
            reports: model.reports,
            usual: model.usual,
            groups: model.groups,
            seen: model.seen,
            churn: model.churn,
            expansion: model.expansion,
            warnings: model.warnings,
        }
    }
}

impl TryFrom<SavedHealthModel> for HealthModel {
    type Error = &'static str;

    fn try_from(saved: SavedHealthModel) -> std::result::Result<Self, &'static str> {
        let (d, k) = (saved.schema.signals.len(), saved.segments.n_nodes());
        let scores = [&saved.churn, &saved.expansion];
        let sound = saved.segments.is_sound()
            && scores.iter().any(|score| score.is_some())
            && scores.into_iter().flatten().all(|score| score.is_sound(d, k))
            && saved.reports.len() == k
            && saved.usual.len() == k
            && saved.usual[0].is_some()
            && saved.usual.iter().flatten().all(|usual| usual.len() == d)
            && saved.groups.len() == d
            && saved.seen.is_sound(d);
        if !sound {
            return Err("the parts of the health model do not fit together");
        }
        Ok(HealthModel {
            schema: saved.schema,
            settings: saved.settings,
            segments: saved.segments,
            reports: saved.reports,
            usual: saved.usual,
            groups: saved.groups,
            seen: saved.seen,
            churn: saved.churn,
            expansion: saved.expansion,
            warnings: saved.warnings,
        })
    }
}

impl ModelFile for HealthModel {
    const KIND: &'static str = "health model";
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Frame;
    use crate::schema::{Dimension, Kind, Signal};

    fn fitted() -> (HealthModel, Frame) {
        let schema = Schema::new().id("id").churn("churned");
        let schema = schema.signal(Signal::new("x", Dimension::Usage, Kind::Number));
        let row =
            |row: usize| format!("A{row},{},{}\n", row % 10, u8::from(row % 10 < 3 || row.is_multiple_of(7)));
        let text = "id,x,churned\n".to_owned() + &(0..80).map(row).collect::<String>();
        let past = Frame::from_csv_reader(text.as_bytes(), &schema).unwrap();
        (HealthModel::params(&schema).fit(&past).unwrap(), past)
    }

    #[test]
    fn a_file_whose_parts_do_not_fit_together_is_refused() {
        let refused = |spoil: fn(&mut HealthModel)| {
            let mut model = fitted().0;
            spoil(&mut model);
            HealthModel::from_bytes(&model.to_bytes()).unwrap_err().to_string()
        };
        let spoils: [fn(&mut HealthModel); 7] = [
            |model| model.churn = None,
            |model| model.groups.clear(),
            |model| model.usual[0] = None,
            |model| model.reports.clear(),
            |model| model.churn.as_mut().unwrap().lines.clear(),
            |model| model.churn.as_mut().unwrap().usual[0].push(0.0),
            |model| model.churn.as_mut().unwrap().lines[0].slope = f64::NAN,
        ];
        for spoil in spoils {
            let text = refused(spoil);
            assert!(text.starts_with("model file bytes: its payload does not decode"), "{text}");
        }
    }

    #[test]
    fn a_model_comes_back_with_its_settings() {
        let (model, past) = fitted();
        let back = HealthModel::from_bytes(&model.to_bytes()).unwrap();
        assert_eq!(back.settings(), model.settings());
        assert_eq!(back.segments(), model.segments());
        assert_eq!(back.score(&past).unwrap().health, model.score(&past).unwrap().health);
    }
}
