//! linfa's face of the gradient trees: `Fit` on a `Dataset` of numbers, `Predict` on an array.

use linfa::dataset::{AsSingleTargets, DatasetBase};
use linfa::traits::{Fit, PredictInplace};
use ndarray::{Array1, ArrayBase, Axis, Data, Ix2};

use super::{GradientTrees, Target, TreesTask, ValidGradientTreesParams};
use crate::error::Result;
use crate::model::training::table_of;

/// Fits to `n × d` numbers, NaN missing; the dataset's weights and feature names are respected. Columns without a
/// name are called `x0`, `x1`, and so on.
///
/// ```
/// use keepwell::model::GradientTreesClassifier;
/// use linfa::Dataset;
/// use linfa::traits::{Fit, Predict};
/// use ndarray::{Array1, Array2};
///
/// let records = Array2::from_shape_fn((200, 2), |(row, column)| ((row * (column + 3)) % 17) as f64);
/// let targets: Array1<bool> = records.column(0).mapv(|value| value > 8.0);
/// let params = GradientTreesClassifier::params().n_estimators(10).check()?;
/// let model = params.fit(&Dataset::new(records.clone(), targets.clone()))?;
/// assert_eq!(model.predict(&records), targets);
/// # Ok::<(), keepwell::Error>(())
/// ```
impl<D: Data<Elem = f64>, K: Target, T: AsSingleTargets<Elem = K::Y>> Fit<ArrayBase<D, Ix2>, T, crate::Error>
    for ValidGradientTreesParams<K>
{
    type Object = GradientTrees<K>;

    fn fit(&self, dataset: &DatasetBase<ArrayBase<D, Ix2>, T>) -> Result<GradientTrees<K>> {
        let table = table_of(dataset.records(), dataset.feature_names())?;
        let y = dataset.as_single_targets().to_vec();
        let weights: Option<Vec<f64>> =
            dataset.weights().map(|weights| weights.iter().map(|&weight| f64::from(weight)).collect());
        self.fit_checked(&TreesTask::new(&table, &y).weights(weights.as_deref()))
    }
}

/// Whether the probability of a label is at least one half; the prediction of a number.
///
/// # Panics
/// As linfa's own models do: where the number of columns is not the one the model was fitted on.
impl<D: Data<Elem = f64>, K: Target> PredictInplace<ArrayBase<D, Ix2>, Array1<K::Y>> for GradientTrees<K> {
    fn predict_inplace(&self, x: &ArrayBase<D, Ix2>, y: &mut Array1<K::Y>) {
        let d = self.forest.n_columns();
        assert_eq!(x.ncols(), d, "the array's number of columns is not the model's");
        assert_eq!(x.nrows(), y.len(), "the array has another number of rows than the target");
        let mut cells = vec![0.0; d];
        for (row, y) in x.axis_iter(Axis(0)).zip(y) {
            cells.iter_mut().zip(row).for_each(|(cell, value)| *cell = *value);
            *y = self.target.told(self.raw_score_of_row(&cells));
        }
    }

    fn default_target(&self, x: &ArrayBase<D, Ix2>) -> Array1<K::Y> {
        Array1::from_elem(x.nrows(), K::Y::default())
    }
}
