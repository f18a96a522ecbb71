//! linfa's face of the logistic model: `Fit` on a `Dataset` of numbers, `Predict` on an array.

use std::ops::ControlFlow;

use linfa::dataset::{AsSingleTargets, DatasetBase};
use linfa::traits::{Fit, PredictInplace};
use ndarray::{Array1, ArrayBase, Axis, Data, Ix2};

use super::{LogisticClassifier, ValidLogisticParams};
use crate::error::Result;
use crate::model::training::table_of;
use crate::model::{Classifier, sigmoid};

/// Fits to `n × d` numbers, NaN missing; the dataset's weights and feature names are respected.
///
/// ```
/// use keepwell::model::LogisticClassifier;
/// use linfa::traits::{Fit, Predict};
/// use linfa::{Dataset, ParamGuard};
/// use ndarray::{Array1, Array2};
///
/// let records = Array2::from_shape_fn((80, 2), |(row, column)| ((row * (column + 3)) % 17) as f64);
/// let targets: Array1<bool> = records.column(0).mapv(|value| value > 8.0);
/// let model = LogisticClassifier::params().c(1.0).check()?.fit(&Dataset::new(records.clone(), targets))?;
/// assert!(model.predict(&records)[0] == false);
/// # Ok::<(), keepwell::Error>(())
/// ```
impl<D: Data<Elem = f64>, T: AsSingleTargets<Elem = bool>> Fit<ArrayBase<D, Ix2>, T, crate::Error>
    for ValidLogisticParams
{
    type Object = LogisticClassifier;

    fn fit(&self, dataset: &DatasetBase<ArrayBase<D, Ix2>, T>) -> Result<LogisticClassifier> {
        let table = table_of(dataset.records(), dataset.feature_names())?;
        let y = dataset.as_single_targets().to_vec();
        let weights: Option<Vec<f64>> =
            dataset.weights().map(|weights| weights.iter().map(|&weight| f64::from(weight)).collect());
        self.fit_table(&(&table).into(), &y, weights.as_deref(), &|_| ControlFlow::Continue(()))
    }
}

/// Whether the probability is at least one half.
///
/// # Panics
/// As linfa's own models do: where the number of columns is not the one the model was fitted on.
impl<D: Data<Elem = f64>> PredictInplace<ArrayBase<D, Ix2>, Array1<bool>> for LogisticClassifier {
    fn predict_inplace(&self, x: &ArrayBase<D, Ix2>, y: &mut Array1<bool>) {
        let d = self.features().names().len();
        assert_eq!(x.ncols(), d, "the array's number of columns is not the model's");
        assert_eq!(x.nrows(), y.len(), "the array has another number of rows than the target");
        let mut cells = vec![0.0; d];
        for (row, y) in x.axis_iter(Axis(0)).zip(y) {
            cells.iter_mut().zip(row).for_each(|(cell, value)| *cell = *value);
            *y = sigmoid(self.log_odds_of_row(&cells)) >= 0.5;
        }
    }

    fn default_target(&self, x: &ArrayBase<D, Ix2>) -> Array1<bool> {
        Array1::from_elem(x.nrows(), false)
    }
}
