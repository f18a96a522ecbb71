//! The native half of the Python package `keepwell`: it converts, calls and converts back.

mod arrays;
mod assignment;
mod baseline;
mod cells;
mod classifier;
mod cohorts;
mod columns;
mod comparison;
mod effects;
mod error;
mod health_model;
mod health_told;
mod health_views;
mod metrics;
mod numpy_column;
mod over_time;
mod params;
mod plan;
mod playbook;
mod regressor;
mod row;
mod schema;
mod scored;
mod simulation;
mod table;
mod timeline;
mod training;

use pyo3::prelude::*;

/// What `keepwell` is made of; import it from there.
#[pymodule(gil_used = false)]
mod _native {
    #[pymodule_export]
    use crate::assignment::{AssignmentLog, Lessons, Outcomes};
    #[pymodule_export]
    use crate::baseline::Baseline;
    #[pymodule_export]
    use crate::classifier::Classifier;
    #[pymodule_export]
    use crate::cohorts::Cohorts;
    #[pymodule_export]
    use crate::comparison::compare;
    #[pymodule_export]
    use crate::effects::{EffectModel, Effects};
    #[pymodule_export]
    use crate::health_model::HealthModel;
    #[pymodule_export]
    use crate::metrics::{
        costed_qini, costed_qini_area, detectable_difference, expected_maximum_profit, policy_value,
        sample_size, uplift, uplift_curve,
    };
    #[pymodule_export]
    use crate::over_time::{back_test, leak_check, time_split, walk_forward};
    #[pymodule_export]
    use crate::plan::Plan;
    #[pymodule_export]
    use crate::playbook::Playbook;
    #[pymodule_export]
    use crate::regressor::Regressor;
    #[pymodule_export]
    use crate::schema::Schema;
    #[pymodule_export]
    use crate::scored::Scored;
    #[pymodule_export]
    use crate::simulation::simulate;
    #[pymodule_export]
    use crate::table::Table;
    #[pymodule_export]
    use crate::timeline::{Records, Timeline};
}
